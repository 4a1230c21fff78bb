"""What a worker's process does: it takes its cores, makes the run's world and search, and then works."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Num

from ..budget import ENDLESS, without_end
from ..config import from_json
from ..devices import use_devices
from ..errors import AlifeError
from ..evaluate import Observation
from ..memory import Memory
from ..migrants import Emigrants, Leaving, Migrants, may_migrate
from ..registry import registry_with
from ..run import Searching
from ..setup import Setup
from ..storage import ArchiveWriter, Store, Taken, create_archive, open_archive
from ..storage.remote import place_of
from .cores import take_cores
from .crew import Refusal


class Task(NamedTuple):
    """What a worker needs to know of the run."""

    config: dict[str, Any]
    run: str
    """The run directory: where all machines find it."""
    island: int = 0
    devices: int | None = None
    """How many each worker uses; None = all that it finds."""


class Brief(NamedTuple):
    """One generation of an island, in numbers."""

    generation: int
    kept: int
    """Lifeforms that are now in its store."""
    lifeforms: int
    """Elites of the island."""
    coverage: float
    rate: float
    progress: dict[str, Any]
    """Of the island."""


class News(NamedTuple):
    """What an island is told of others."""

    migrants: Migrants | None
    z: Float[np.ndarray, "n D"] | None
    """Last embeddings of what they have found; None where no score asks."""


class Work(NamedTuple):
    """What an island has done since it was asked to go on."""

    briefs: list[Brief]
    leaving: list[Leaving]
    z: Float[np.ndarray, "n D"] | None
    finished: str
    """Why it should go no further, in words; empty = it should."""
    busy: float
    """Seconds."""


def _told(method: Callable[..., Any]) -> Callable[..., Any]:
    """What is wrong comes as a value, with its words."""

    @wraps(method)
    def asked(*given: Any) -> Any:
        try:
            return method(*given)
        except AlifeError as error:
            return Refusal(str(error))

    return asked


class Worker:
    """A process that works for a run.

    Args:
        cores: that it takes for itself; 0 = it stays on those that its process has.
    """

    def __init__(self, cores: int) -> None:
        if cores:
            take_cores(cores)

    @_told
    def meet(self, task: Task) -> dict[str, Any]:
        """Makes the run's world and search, and says what it has made them of."""
        if task.devices is not None:
            use_devices(task.devices)
        config = from_json(task.config)
        self.task, self.config = task, config
        self.setup = Setup(
            without_end(config, config.generations or ENDLESS), registry_with(config.plugins), task.island
        )
        self.memory_reads = "memory" in self.setup.expression.reads
        where = {"host": socket.gethostname(), "pid": os.getpid()}
        return {"provenance": self.setup.pipeline.provenance(), "where": where}

    @_told
    def observe(
        self, genotypes: Num[np.ndarray, "B G"], words: Num[np.ndarray, "B 2"], video: bool
    ) -> tuple[Observation, float]:
        """What is seen of some worlds, and the seconds that it took."""
        import jax

        from ..types import KEY_KIND

        begun = time.monotonic()
        keys = jax.random.wrap_key_data(jax.numpy.asarray(words), impl=KEY_KIND)
        seen = self.setup.pipeline.evaluator.observe(genotypes, keys, video=video)
        return seen, time.monotonic() - begun


class Islander(Worker):
    """One who searches an island by himself, into a store of his own."""

    @_told
    def begin(self, store: Store, taken: Taken) -> None:
        """Opens the store, and takes up what the island's last writer has left."""
        setup, path = self.setup, place_of(self.task.run)
        memory = Memory(open_archive(path), setup.pipeline.model.dim, island=store.island)
        writer: ArchiveWriter = create_archive(
            path / store.key,
            setup.pipeline.layout(),
            config=self.task.config,
            provenance=setup.pipeline.provenance(),
            generation=taken.generation,
            island=store.island,
        )
        self.searching = Searching(setup, writer, memory=memory, taken=taken)
        self.emigrants = Emigrants()

    @_told
    def work(self, most: int, seconds: float, news: News) -> Work:
        """Goes on for up to so many generations, and ends after so many seconds; one generation at least.

        Args:
            most: generations.
            seconds: see above.
            news: from other islands.
        """
        begun, searching = time.monotonic(), self.searching
        memory, migrants = searching.memory, news.migrants
        if news.z is not None:
            memory.hear(news.z)
        briefs: list[Brief] = []
        leaving: list[Leaving] = []
        z: list[np.ndarray] = []
        finished = searching.why_stop()
        while not finished and len(briefs) < most and (not briefs or time.monotonic() - begun < seconds):
            report, rows = searching.generation(migrants)
            migrants, first = None, len(memory.numbers) - len(rows.evaluation)
            self.emigrants.consider(rows, searching.novelty, first)
            if self.config.migrate and (report.generation + 1) % self.config.migrate == 0:
                leaving = self.emigrants.leave()
            if self.memory_reads:
                elite = slice(None) if rows.elite is None else rows.elite
                z.append(np.asarray(rows.embedding)[elite, -1])
            briefs.append(
                Brief(
                    report.generation,
                    len(rows.evaluation),
                    report.lifeforms,
                    report.coverage,
                    report.rate,
                    searching.progress,
                )
            )
            finished = searching.why_stop()
        if not may_migrate(self.setup.search):
            leaving = []
        told = np.concatenate(z) if z else None
        return Work(briefs, leaving, told, finished, time.monotonic() - begun)

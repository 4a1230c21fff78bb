"""One search whose worlds the workers run: a queue of genotypes, and results that count as they come.

As soon as as many worlds have ended as a generation has, the search is told of them, in the order in which they ended;
their evaluation numbers say that order.  What has been asked for and not been told of is part of what each generation
commits, so a run that is taken up runs those worlds again, with the same keys.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Num, UInt32

from ..devices import devices_asked
from ..errors import AlifeError
from ..evaluate import Observation, read_by
from ..run import Searching, keys_of_generation
from ..setup import Setup
from ..storage import ArchiveWriter, Taken
from ..types import KEY_KIND, Tree
from .agreement import require_same
from .crew import Call, Crew, WorkerLost
from .effort import Effort
from .islands import DEATHS
from .worker import Task, Worker

AHEAD = 2
"""Things that a worker has to do at any time, at least."""
COVER = 0.5
"""Seconds that a worker has to do at any time, as far as a share of a generation goes: who leads may be writing."""
FLIGHT = "flight."
"""Begins the names of the arrays that hold what is on its way."""


class Candidate(NamedTuple):
    """A world that has been asked for."""

    genotype: Num[np.ndarray, " G"]
    words: UInt32[np.ndarray, "2"]
    """Of its key."""
    row: Mapping[str, Any]
    """What the search noted of it, by field of its state."""


class Arrival(NamedTuple):
    """A world that has ended."""

    candidate: Candidate
    seen: Observation
    """Of this world alone."""


class Steady:
    """One search, led from here.

    Args:
        setup: of the run.
        writer: of its archive.
        crew: who runs the worlds.
    """

    def __init__(self, setup: Setup, writer: ArchiveWriter, crew: Crew) -> None:
        self.setup, self.crew = setup, crew
        saved = {name: array for name, array in writer.checkpoint.items() if not name.startswith(FLIGHT)}
        self.searching = Searching(setup, writer, taken=Taken(writer.generation, writer.progress, saved, 0))
        self.queue: deque[Candidate] = deque()
        self.arrived: list[Arrival] = []
        self.workers: dict[Any, list[tuple[Call, list[Candidate]]]] = {}
        """Who works, and what each has been asked for."""
        self.asked = 0
        """Times that the search has been asked."""
        self._restore(writer.checkpoint)
        self.provenance = setup.pipeline.provenance()
        self.video = "video" in read_by(setup.expression, setup.axes)
        self.effort = Effort()
        self._deaths = 0
        self._pace = 1.0
        """Seconds that a call takes, the middle of most."""

    def run(self, stop: Callable[[], bool]) -> None:
        """Until the budget is spent, or `stop` says so.

        Raises:
            AlifeError: what a worker says; all that has been committed is safe.
        """
        # tiny worlds several at a time, but never so many that the search learns of none before it is asked again
        share = max(1, self.setup.config.population // self.crew.workers)
        self._together = min(self.setup.pipeline.evaluator.lanes, share)
        for _ in range(self.crew.workers):
            self._hire()
        while not stop() and not self.searching.why_stop():
            for worker in self.workers:
                self._feed(worker)
            calls = {call: worker for worker, given in self.workers.items() for call, _ in given}
            for call in self.crew.done(list(calls), 0.5):
                worker = calls[call]
                if worker not in self.workers:
                    continue  # lost, as another call has said
                if not self._hear(worker, call):
                    self.effort.end(worker)
                    del self.workers[worker]
                    self._hire()
            while len(self.arrived) >= self.setup.config.population and not self.searching.why_stop():
                self._generation()
        for worker in self.workers:
            self.crew.dismiss(worker)

    def _hire(self) -> None:
        worker = self.crew.hire(Worker)
        task = Task(self.setup.config.as_json(), str(self.searching.writer.path.resolve()), devices=devices_asked())
        self.workers[worker] = [(self.crew.ask(worker, "meet", task), [])]

    def _feed(self, worker: Any) -> None:
        """Gives a worker as much to do as it should have."""
        given = self.workers[worker]
        ahead = min(int(COVER / self._pace) + 1, self.setup.config.population // self._together)
        while len(given) < max(AHEAD, ahead):
            while len(self.queue) < self._together:
                self._ask()
            batch = [self.queue.popleft() for _ in range(self._together)]
            genotypes, words = (np.stack(part) for part in zip(*((c.genotype, c.words) for c in batch), strict=True))
            given.append((self.crew.ask(worker, "observe", genotypes, words, self.video), batch))

    def _ask(self) -> None:
        """Asks the search for as many worlds as a generation has."""
        setup, n = self.setup, self.setup.config.population
        ask_key, keys = keys_of_generation(setup.generation_key, self.asked, n)
        genotypes, state = setup.call("ask", ask_key, self.searching.state)
        self.searching.state, self.asked = state, self.asked + 1
        noted = {name: jax.tree.map(np.asarray, getattr(state, name)) for name in setup.search.in_flight}
        words = np.asarray(jax.random.key_data(keys))
        self.queue += [_candidate(np.asarray(genotypes), words, noted, i) for i in range(n)]

    def _hear(self, worker: Any, call: Call) -> bool:
        """Takes what a worker has done; False = it is lost, and what it had to do waits for others."""
        given = self.workers[worker]
        batch = next(batch for other, batch in given if other is call)
        try:
            found = self.crew.result(call)
        except WorkerLost as lost:
            self._deaths += 1
            if self._deaths >= DEATHS * self.crew.workers:
                raise AlifeError(
                    f"{self._deaths} workers were lost, one after the other, before any had run a world ({lost}); what "
                    f"is committed is safe: `alife resume {self.searching.writer.path}`"
                ) from lost
            warnings.warn("a worker was lost; others run its worlds", UserWarning, stacklevel=2)
            self.queue.extendleft(candidate for _, batch in reversed(given) for candidate in reversed(batch))
            return False
        self.workers[worker] = [(other, batch) for other, batch in given if other is not call]
        if not batch:
            require_same(self.provenance, found["provenance"], found["where"])
            self.effort.begin(worker)
            return True
        seen, seconds = found
        self.effort.worked(seconds)
        self._pace = min(0.9 * self._pace + 0.1 * seconds, 2 * self._pace)  # a slow world says little of the others
        self._deaths = 0
        self.arrived += [Arrival(one, _of(seen, slice(i, i + 1))) for i, one in enumerate(batch)]
        return True

    def _generation(self) -> None:
        """Tells the search of the worlds that have ended first."""
        setup, searching, n = self.setup, self.searching, self.setup.config.population
        told, self.arrived = self.arrived[:n], self.arrived[n:]
        seen: Observation = jax.tree.map(lambda *parts: np.concatenate(parts), *[one.seen for one in told])
        genotypes = np.stack([one.candidate.genotype for one in told])
        words = np.stack([one.candidate.words for one in told])
        keys = jax.random.wrap_key_data(jnp.asarray(words), impl=KEY_KIND)
        evaluation = searching.judge(seen, keys)
        rows_of = {name: _joined([one.candidate.row[name] for one in told]) for name in setup.search.in_flight}
        state = searching.state._replace(**rows_of) if rows_of else searching.state
        state, verdict = setup.call("tell", state, genotypes, evaluation)
        generation = searching.writer.generation + 1
        rows = searching.keep(genotypes, evaluation, verdict, generation)
        searching.said = {"busy": round(self.effort.share, 3)}
        report = searching.commit(rows, evaluation, state, generation, self._flight())
        setup.registry.hooks.hook.generation_finished(report=report)

    def _flight(self) -> dict[str, np.ndarray]:
        """All that has been asked for and not been told of, oldest first, as arrays."""
        waiting = [one.candidate for one in self.arrived]
        waiting += [candidate for given in self.workers.values() for _, batch in given for candidate in batch]
        waiting += self.queue
        flat: dict[str, np.ndarray] = {f"{FLIGHT}asked": np.asarray(self.asked)}
        if waiting:
            flat[f"{FLIGHT}genotypes"] = np.stack([one.genotype for one in waiting])
            flat[f"{FLIGHT}words"] = np.stack([one.words for one in waiting])
            for name in self.setup.search.in_flight:
                leaves = jax.tree.leaves(_joined([one.row[name] for one in waiting]))
                flat |= {f"{FLIGHT}{name}.{i}": leaf for i, leaf in enumerate(leaves)}
        return flat

    def _restore(self, saved: Mapping[str, np.ndarray]) -> None:
        self.asked = int(saved.get(f"{FLIGHT}asked", 0))
        if f"{FLIGHT}genotypes" not in saved:
            return
        genotypes, words = saved[f"{FLIGHT}genotypes"], saved[f"{FLIGHT}words"]
        noted = {}
        for name in self.setup.search.in_flight:
            leaves, tree = jax.tree.flatten(getattr(self.searching.state, name))
            noted[name] = jax.tree.unflatten(tree, [saved[f"{FLIGHT}{name}.{i}"] for i in range(len(leaves))])
        self.queue += [_candidate(genotypes, words, noted, i) for i in range(len(genotypes))]


def _candidate(genotypes: np.ndarray, words: np.ndarray, noted: Mapping[str, Tree], i: int) -> Candidate:
    return Candidate(genotypes[i], words[i], {name: _of(rows, i) for name, rows in noted.items()})


def _of(rows: Any, i: int | slice) -> Any:
    """Some worlds of what is known of several."""
    return jax.tree.map(lambda leaf: leaf[i], rows)


def _joined(rows: Sequence[Tree]) -> Tree:
    return jax.tree.map(lambda *leaves: np.stack(leaves), *rows)

"""Who leads islands: gives each a worker, passes on what they find, and writes down what they have committed.

Each worker has two things to do at any time, so that it never waits for the next.  One that is lost loses the
generation it was in: its island goes on with another worker, from what its store holds, into the next store.
"""

from __future__ import annotations

import time
import warnings
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..devices import devices_asked
from ..errors import AlifeError
from ..migrants import MANY, Leaving, Migrants
from ..setup import Setup
from ..storage import Store, Taken, UnionWriter, elsewhere
from .agreement import require_same
from .crew import Call, Crew, WorkerLost
from .effort import Effort
from .tally import Tally
from .worker import Islander, News, Task, Work

AHEAD = 2
"""Things that a worker has to do at any time."""
TURN = 0.5
"""Seconds after which a worker reports, if it has finished a generation."""
COMMIT = 0.25
"""Seconds between two writings down of what islands have committed."""
STINT = 30.0
"""Seconds after which a worker goes to another island, where there are fewer workers than islands."""
DEATHS = 5
"""An island whose workers are lost so often before they have done anything is given up, and the run with it."""


@dataclass
class Island:
    """One island, and who works on it."""

    number: int
    taken: Taken
    store: Store | None = None
    worker: Any = None
    calls: list[tuple[str, Call]] = field(default_factory=list)
    """What its worker has been asked to do, and has not answered."""
    promised: deque[int] = field(default_factory=deque)
    """Generations that it may do, of each call."""
    migrants: list[tuple[np.ndarray, int]] = field(default_factory=list)
    """Who is on the way to it."""
    heard: list[np.ndarray] = field(default_factory=list)
    """Embeddings that it has not been told of."""
    since: float = 0.0
    """When its worker began."""
    pace: float = 0.0
    """Generations a second."""
    ended: bool = False
    deaths: int = 0


class Islands:
    """A run of several islands.

    Args:
        setup: of the run, as who leads it has made it.
        root: where what they find is written down.
        crew: who works.
        count: how many islands.
    """

    def __init__(self, setup: Setup, root: UnionWriter, crew: Crew, count: int) -> None:
        self.setup, self.root, self.crew = setup, root, crew
        self.islands = [Island(number, root.taken(number)) for number in range(max(count, root.islands))]
        taken = {island.number: island.taken for island in self.islands}
        self.tally = Tally(setup.config, root.path, root.attributes["progress"], taken)
        self.provenance = setup.pipeline.provenance()
        self._clock = self._written = time.monotonic()
        self._dirty = False
        self.effort = Effort()

    def run(self, stop: Callable[[], bool]) -> None:
        """Until the budget is spent, or `stop` says so.

        Raises:
            AlifeError: what a worker says; everything that islands have committed is safe.
        """
        self._clock = self._written = time.monotonic()
        try:
            while not self._over(stop):
                self._staff()
                calls = {call: (island, what) for island in self.islands for what, call in island.calls}
                for call in self.crew.done(list(calls), COMMIT):
                    self._hear(*calls[call], call)
                if self._dirty and time.monotonic() - self._written > COMMIT:
                    self._write()
            self._let_finish()
        except AlifeError as error:
            with suppress(AlifeError):  # what the stores hold is found when the run is taken up, too
                self._settle()
            more = "" if "alife resume" in str(error) else f"; `alife resume {self.root.path}` goes on from there"
            raise AlifeError(f"{error}. What islands have committed is safe{more}") from error
        except BaseException:
            self._settle()
            raise
        self._settle()

    def _settle(self) -> None:
        self.root.outstanding()
        self._write()

    def _over(self, stop: Callable[[], bool]) -> bool:
        return stop() or bool(self.tally.why_stop()) or all(island.ended for island in self.islands)

    def _staff(self) -> None:
        """Gives islands without a worker one, as far as there is room, and workers something to do."""
        room = self.crew.workers - sum(island.worker is not None for island in self.islands)
        for island in sorted(self.islands, key=lambda one: self.tally.generations[one.number]):
            if island.worker is None and not island.ended and room > 0:
                room -= 1
                island.worker = self.crew.hire(Islander)
                task = Task(self.setup.config.as_json(), str(self.root.path.resolve()), island.number, devices_asked())
                self._ask(island, "meet", task)
            elif island.store is not None and not island.ended and not self._has_had_its_turn(island):
                self._give_work(island)

    def _has_had_its_turn(self, island: Island) -> bool:
        waiting = any(other.worker is None and not other.ended for other in self.islands)
        return waiting and island.since > 0 and time.monotonic() - island.since > STINT

    def _ask(self, island: Island, what: str, *given: Any) -> None:
        island.calls.append((what, self.crew.ask(island.worker, what, *given)))

    def _give_work(self, island: Island) -> None:
        while sum(what == "work" for what, _ in island.calls) < AHEAD:
            most = max(1, round(island.pace * TURN * 2))
            worlds = self.setup.config.population
            left = self.tally.worlds_left() / worlds - sum(sum(one.promised) for one in self.islands)
            if left <= 0:
                return
            most = int(min(most, max(1, left // len(self.islands))))
            island.promised.append(most)
            self._ask(island, "work", most, TURN, self._news(island))

    def _news(self, island: Island) -> News:
        most = max(1, self.setup.config.population // 4)
        coming, island.migrants = island.migrants[:most], island.migrants[most:]
        migrants = None
        if coming:
            genotypes, parents = zip(*coming, strict=True)
            migrants = Migrants(np.stack(genotypes), np.array(parents, np.int64))
        z = np.concatenate(island.heard) if island.heard else None
        island.heard = []
        return News(migrants, z)

    def _hear(self, island: Island, what: str, call: Call) -> None:
        if all(other is not call for _, other in island.calls):
            return  # of a worker that is lost, as another call has said
        island.calls = [(name, other) for name, other in island.calls if other is not call]
        try:
            found = self.crew.result(call)
        except WorkerLost as lost:
            self._replace(island, lost)
            return
        if what == "meet":
            require_same(self.provenance, found["provenance"], found["where"])
            island.store = self.root.open_store(island.number)
            self._write()  # from here on the store is known, whatever happens
            self._ask(island, "begin", island.store, island.taken)
        elif what == "begin":
            self.effort.begin(island.worker)
            island.since = time.monotonic()
        else:
            self._take(island, found)

    def _take(self, island: Island, work: Work) -> None:
        """What an island has done: counted, and passed on."""
        assert island.store is not None
        island.promised.popleft()
        self.effort.worked(work.busy)
        for brief in work.briefs:
            self.root.add(island.store, brief.kept)
            island.pace, island.deaths = len(work.briefs) / max(work.busy, 1e-3), 0
            self._clock, seconds = time.monotonic(), time.monotonic() - self._clock
            report = self.tally.add(island.number, brief, seconds)
            self.setup.registry.hooks.hook.generation_finished(report=report)
            self._dirty = True
        if work.finished:
            self._end(island)
        elif self._has_had_its_turn(island) and not island.calls:
            self._dismiss(island)
            self._leave_store(island)
        if work.leaving:
            self._write()  # who comes later from them must find them
            self._send(island, work.leaving)
        if work.z is not None:
            for other in self.islands:
                if other is not island and other.store is not None:
                    other.heard.append(work.z)

    def _send(self, island: Island, leaving: list[Leaving]) -> None:
        """To the next island, each time one further."""
        others = [other for other in self.islands if other is not island and not other.ended]
        if not others:
            return
        turn = self.tally.generations[island.number] // max(1, self.setup.config.migrate)
        to = others[(island.number + turn) % len(others)]
        to.migrants += [(one.genotype, elsewhere(island.number, one.place)) for one in leaving]
        del to.migrants[: -4 * MANY]  # the newest, where they come faster than they are let in

    def _replace(self, island: Island, lost: WorkerLost) -> None:
        """Lets the island go on with another worker, from what has been committed."""
        before = island.taken.generation
        self._leave_store(island)
        island.deaths = 1 if island.taken.generation > before else island.deaths + 1
        self.effort.end(island.worker)
        if island.deaths >= DEATHS:
            raise AlifeError(
                f"{DEATHS} workers of island {island.number} were lost before one had finished a generation ({lost}); "
                f"what is committed is safe. If memory ran out: fewer --workers, --set memory_mb=512, a smaller "
                f"--population; then `alife resume {self.root.path}`"
            )
        warnings.warn(
            f"the worker of island {island.number} was lost; it goes on with another", UserWarning, stacklevel=2
        )
        island.worker, island.calls = None, []

    def _leave_store(self, island: Island) -> None:
        """Takes in all that its store holds; whoever comes next begins another."""
        island.taken = self.root.taken(island.number)
        self.tally.found(island.number, island.taken)
        island.store, island.since = None, 0.0
        island.migrants, island.heard = [], []
        island.promised.clear()

    def _end(self, island: Island) -> None:
        island.ended = True
        if all(what != "work" for what, _ in island.calls):
            self._dismiss(island)

    def _dismiss(self, island: Island) -> None:
        if island.worker is not None:
            self.effort.end(island.worker)
            self.crew.dismiss(island.worker)
        island.worker = None
        island.calls = []

    def _let_finish(self) -> None:
        """Waits for the generations that islands are in."""
        while calls := {
            call: (island, what) for island in self.islands for what, call in island.calls if what == "work"
        }:
            for call in self.crew.done(list(calls), COMMIT):
                island, what = calls[call]
                try:
                    self._hear(island, what, call)
                except AlifeError:
                    island.calls = []
                    raise
        for island in self.islands:
            self._dismiss(island)

    def _write(self) -> None:
        progress = {**self.tally.progress, "busy": round(self.effort.share, 3)}
        self.root.commit(progress, max(self.tally.generations.values()) - 1)
        self._written, self._dirty = time.monotonic(), False

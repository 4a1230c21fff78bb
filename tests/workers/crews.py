"""A crew without processes: workers are objects here, and can be lost whenever one wants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from alife.errors import AlifeError
from alife.workers.crew import Call, Refusal, WorkerLost


class Crew:
    """Does what it is asked for when somebody waits for it, one thing at a time, of workers in any order.

    Args:
        workers: how many.
        lose: told of each piece of work (worker, method, turn) before it is done: "before" = the worker is lost and
            does nothing of it, "after" = it does it and nobody hears of it, "" = all is well.
        seed: of the order.
    """

    def __init__(self, workers: int, lose: Callable[[Any, str, int], str] = lambda *what: "", seed: int = 0) -> None:
        self.workers, self.lose, self.random = workers, lose, np.random.default_rng(seed)
        self.turn, self.lost, self.hired = 0, set[int](), 0
        self.waiting: dict[int, list[tuple[Call, str, tuple[Any, ...]]]] = {}
        self.found: dict[Call, Any] = {}

    def hire(self, work: type) -> Any:
        self.hired += 1
        worker = work(0)
        self.waiting[id(worker)] = []
        return worker

    def ask(self, worker: Any, method: str, *given: Any) -> Call:
        call = Call(worker, object())
        self.waiting[id(worker)].append((call, method, given))
        return call

    def done(self, calls: Sequence[Call], seconds: float) -> list[Call]:
        ready = [call for call in calls if call in self.found]
        busy = [
            worker for worker in {id(call.worker): call.worker for call in calls}.values() if self.waiting[id(worker)]
        ]
        if ready or not busy:
            return ready
        worker = busy[self.random.integers(len(busy))]
        call, method, given = self.waiting[id(worker)].pop(0)
        self.turn += 1
        fate = "before" if id(worker) in self.lost else self.lose(worker, method, self.turn)
        if fate != "before":
            self.found[call] = getattr(worker, method)(*given)
        if fate:
            self.lost.add(id(worker))
            self.found[call] = WorkerLost("taken away")
            for other, _, _ in self.waiting[id(worker)]:
                self.found[other] = WorkerLost("taken away")
            self.waiting[id(worker)] = []
        return [one for one in calls if one in self.found]

    def result(self, call: Call) -> Any:
        found = self.found.pop(call)
        if isinstance(found, WorkerLost):
            raise found
        if isinstance(found, Refusal):
            raise AlifeError(found.said)
        return found

    def dismiss(self, worker: Any) -> None:
        self.waiting[id(worker)] = []

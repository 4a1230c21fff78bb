"""The numbers of a run that several islands work on, and how long it goes on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..budget import START, left, seconds_left, why_stop
from ..config import RunConfig
from ..run import GenerationReport
from ..storage import Taken
from ..storage.remote import Place
from .worker import Brief


class Tally:
    """Adds up what islands report.

    Args:
        config: of the run.
        path: of the archive.
        before: what the run said of itself when it was left; empty for a new one.
        islands: where each island was left.
    """

    def __init__(
        self,
        config: RunConfig,
        path: Place,
        before: Mapping[str, Any],
        islands: Mapping[int, Taken],
    ) -> None:
        self.config, self.path = config, path
        self.seconds = float(before.get("seconds", 0.0))
        self.generations: dict[int, int] = {}
        """Of each island, how many it has."""
        self._islands: dict[int, dict[str, Any]] = {}
        self._briefs: dict[int, Brief] = {}
        for island, taken in islands.items():
            self.found(island, taken)
        self._stale = int(before.get("stale", 0)) * len(islands)

    def found(self, island: int, taken: Taken) -> None:
        """What the store of an island says, whoever has told or not told of it."""
        self.generations[island] = taken.generation + 1
        self._islands[island] = {**START, **taken.progress}
        self._briefs[island] = Brief(taken.generation, 0, taken.lifeforms, math.nan, 0.0, taken.progress)

    def add(self, island: int, brief: Brief, seconds: float) -> GenerationReport:
        """One more generation of an island; `seconds` have passed since the one before, whoever's that was."""
        best = self.best
        self._islands[island], self._briefs[island] = dict(brief.progress), brief
        self.generations[island] = brief.generation + 1
        self.seconds += seconds
        now = self.best
        self._stale = 0 if now is not None and (best is None or now > best) else self._stale + 1
        progress, briefs = self.progress, self._briefs.values()
        seen = [one for one in briefs if one.coverage == one.coverage]
        return GenerationReport(
            generation=self.least - 1 if self.least else 0,
            evaluations=progress["evaluations"],
            lifeforms=sum(one.lifeforms for one in briefs),
            invalid=progress["invalid"],
            best=float("nan") if now is None else now,
            coverage=sum(one.coverage * one.lifeforms for one in seen) / max(1, sum(one.lifeforms for one in seen)),
            rate=sum(one.rate for one in briefs),
            seconds=self.seconds,
            seconds_left=seconds_left(self.config, self.least, progress),
            evaluation=None,
            path=self.path,
        )

    @property
    def least(self) -> int:
        """Generations that every island has."""
        return min(self.generations.values())

    @property
    def best(self) -> float | None:
        """Highest score on any island; None = there is none."""
        return max((one["best"] for one in self._islands.values() if one["best"] is not None), default=None)

    @property
    def progress(self) -> dict[str, Any]:
        """What the run says of itself."""
        islands = self._islands.values()
        return {
            "seconds": self.seconds,
            "evaluations": sum(one["evaluations"] for one in islands),
            "invalid": sum(one["invalid"] for one in islands),
            "best": self.best,
            "stale": self._stale // len(self._islands),
            "finished": all(one["finished"] for one in islands),
        }

    def why_stop(self) -> str:
        """Why the run should go no further, in words; empty = it should."""
        return why_stop(self.config, self.least, self.progress)

    def worlds_left(self) -> float:
        """Worlds until a budget of evaluations is spent; infinity where there is none."""
        if self.config.evaluations is None:
            return float("inf")
        return self.config.evaluations * left(self.config, self.least, self.progress)

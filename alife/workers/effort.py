"""How much of their time workers work."""

from __future__ import annotations

import time


class Effort:
    """Adds up the time that workers have and the time that they work."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}
        self._had = self._worked = 0.0

    def begin(self, worker: object) -> None:
        """From now on it could work."""
        self._since[id(worker)] = time.monotonic()

    def worked(self, seconds: float) -> None:
        """One of them has worked."""
        self._worked += seconds

    def end(self, worker: object) -> None:
        """It is no more."""
        if id(worker) in self._since:
            self._had += time.monotonic() - self._since.pop(id(worker))

    @property
    def share(self) -> float:
        """Of the time that they had, the part in which they worked: in [0, 1]."""
        now = time.monotonic()
        had = self._had + sum(now - begun for begun in self._since.values())
        return min(1.0, self._worked / had) if had > 0 else 0.0

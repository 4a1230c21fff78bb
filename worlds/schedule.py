"""When pictures are taken: which steps of a world become its K frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from alife.errors import BadOption


@dataclass(frozen=True)
class Schedule:
    """Frames sit at the ends of K equal chunks of the run: frame i shows the world after `floor((i+1) T / K)` steps.

    Args:
        steps: steps in one run (T), >= 1.
        frames: how many (1 <= K <= T); or "final" (one, after the last step); or "every" (one after each step).
            The start is never a frame.

    Raises:
        BadOption: counts that are not positive, or more frames than steps.

    >>> Schedule(10, 4).ends.tolist(), Schedule(3, "every").ends.tolist(), Schedule(7, "final").ends.tolist()
    ([2, 5, 7, 10], [1, 2, 3], [7])
    """

    steps: int
    frames: int | str = "final"

    def __post_init__(self) -> None:
        if not _is_count(self.steps):
            raise BadOption(f"steps is {self.steps!r}; expected a whole number, 1 or more")
        if self.frames not in ("final", "every"):
            if not _is_count(self.frames):
                raise BadOption(
                    f"frames is {self.frames!r}; expected a whole number from 1 to steps, 'final' or 'every'"
                )
            if int(self.frames) > self.steps:
                raise BadOption(
                    f"frames is {self.frames}, more than the {self.steps} steps; expected at most one per step"
                )

    @property
    def count(self) -> int:
        """Number of frames (K)."""
        return {"final": 1, "every": self.steps}.get(str(self.frames)) or int(self.frames)

    @property
    def ends(self) -> Int[np.ndarray, " K"]:
        """Steps taken before each frame, ascending; the last one is T."""
        return np.arange(1, self.count + 1) * self.steps // self.count

    @property
    def lengths(self) -> Int[np.ndarray, " K"]:
        """Steps from one frame to the next, each >= 1; their sum is T."""
        return np.diff(self.ends, prepend=0)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value < 2**31

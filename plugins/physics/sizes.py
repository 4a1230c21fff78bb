"""How much a scene has room for, and the tables that depend on that alone."""

from __future__ import annotations

from functools import cached_property
from itertools import combinations, product
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

WALLS = 4
"""Polygons 0 to 3 of every scene: floor, left wall, right wall, ceiling."""
CORNERS = 4
"""Most corners of a polygon."""


class Room(NamedTuple):
    """Slots of a scene; shapes are numbered polygons first, then circles."""

    polygons: int
    """The four walls included."""
    circles: int
    joints: int
    thrusters: int

    @property
    def shapes(self) -> int:
        """Polygons and circles."""
        return self.polygons + self.circles

    def holds(self, other: Room) -> bool:
        """Whether a scene of another size fits in.

        >>> SIZES["M"].holds(SIZES["S"]), SIZES["S"].holds(SIZES["M"])
        (True, False)
        """
        return all(mine >= theirs for mine, theirs in zip(self, other, strict=True))


SIZES = {"S": Room(5, 2, 1, 1), "M": Room(6, 3, 2, 2), "L": Room(12, 4, 6, 2)}
"""Sizes with a name."""


class Pairs:
    """Pairs of shapes that may touch, of one size, and how the solver takes them.

    Contact points are numbered: the first point of every pair of polygons, the second of each, then one of every pair
    of a circle and a polygon, then one of every pair of circles.
    """

    def __init__(self, room: Room) -> None:
        polygons, circles = range(room.polygons), range(room.polygons, room.shapes)
        self.polygons = _table([pair for pair in combinations(polygons, 2) if pair[1] >= WALLS])
        self.mixed = _table(list(product(circles, polygons)))
        self.circles = _table(list(combinations(circles, 2)))

    @property
    def counts(self) -> tuple[int, int, int]:
        """Pairs of polygons, of a circle and a polygon, of circles."""
        return len(self.polygons), len(self.mixed), len(self.circles)

    @cached_property
    def points(self) -> Int[np.ndarray, "Q 2"]:
        """The two shapes of each contact point."""
        return np.concatenate([self.polygons, self.polygons, self.mixed, self.circles])


def _table(pairs: list[tuple[int, int]]) -> Int[np.ndarray, "n 2"]:
    return np.array(pairs, np.int32).reshape(-1, 2)

"""Cells of a space of axes: which one a world falls into, and who wins it; seats of populations without cells.

A place is where a world lies on A axes.  Two ways to cut the space up: `Grid`, boxes of one size; `Voronoi`, the
regions nearest to given points.  Both are fixed when they are made and can be used inside `jax.jit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from alife.errors import BadOption
from alife.options import whole
from alife.types import ArrayLike

MAX_CELLS = 10_000_000
RASTER_AXES = 3
"""Up to so many axes a raster of short lists finds the nearest point; its lists grow long where there are more."""
BOXES_PER_POINT = 4
LLOYD_STEPS = 20
FINEST = 5e-7
"""Part of a float32 number that can surely be added to it."""


class Grid:
    """Boxes of one size between a low and a high end of every axis, numbered row by row.

    Args:
        bins: boxes along each axis, >= 1.

    Raises:
        BadOption: no axis, a count that is not a whole number, or more than 10 million cells.

    >>> low, high = jnp.zeros(2), jnp.ones(2)
    >>> Grid([2, 3]).index(jnp.array([[0.9, 0.5], [-5.0, 5.0]]), low, high).tolist()  # outside counts as outermost
    [4, 2]
    """

    def __init__(self, bins: Sequence[int]) -> None:
        if not isinstance(bins, list | tuple) or not bins:
            raise BadOption(f"bins is {bins!r}; expected one whole number for each axis, such as [32, 32]")
        self.bins = tuple(whole("bins", count, 1, MAX_CELLS, "boxes along one axis") for count in bins)
        self.count = whole("the product of bins", int(np.prod(self.bins, dtype=object)), 1, MAX_CELLS, "cells in all")

    def index(
        self, places: Float[ArrayLike, "N A"], low: Float[ArrayLike, " A"], high: Float[ArrayLike, " A"]
    ) -> Int[Array, " N"]:
        """Number of the cell of every place, 0 to count - 1; places outside go to the outermost cell."""
        bins = np.array(self.bins, np.int32)
        steps = jnp.floor(unit_places(places, low, high) * bins).astype(jnp.int32)
        strides = np.append(np.cumprod(bins[:0:-1])[::-1], 1).astype(np.int32)
        return jnp.sum(jnp.clip(steps, 0, bins - 1) * strides, axis=1)


class Voronoi:
    """The regions of the unit cube nearest to given points.

    Up to three axes the nearest is found in constant time: the cube is cut into small boxes, each with the list of
    all points that can be nearest to some place in it.  With more axes it is one matrix product.

    Args:
        centroids: the points, in the unit cube.

    >>> Voronoi(np.array([[0.1, 0.1], [0.9, 0.9]], np.float32)).nearest(jnp.array([[0.8, 0.6], [0.2, 9.0]])).tolist()
    [1, 1]
    """

    def __init__(self, centroids: Float[ArrayLike, "S A"]) -> None:
        self.centroids = np.asarray(centroids, np.float32)
        self.count = len(self.centroids)
        if self.centroids.shape[1] <= RASTER_AXES:
            self._side = int(np.ceil((BOXES_PER_POINT * self.count) ** (1 / self.centroids.shape[1])))
            self._near = _lists(self.centroids, self._side)

    def nearest(self, places: Float[ArrayLike, "N A"]) -> Int[Array, " N"]:
        """Number of the nearest point, the first of equals; a place outside the cube counts as the nearest inside."""
        places = jnp.clip(places, 0, 1)
        if self.centroids.shape[1] > RASTER_AXES:
            return nearest_point(places, self.centroids)
        axes = places.shape[1]
        box = Grid([self._side] * axes).index(places, np.zeros(axes), np.ones(axes))
        near = jnp.asarray(self._near)[box]
        distance = jnp.sum((jnp.asarray(self.centroids)[near] - places[:, None]) ** 2, axis=2)
        return jnp.take_along_axis(near, jnp.argmin(distance, axis=1)[:, None], axis=1)[:, 0]


def nearest_point(places: Float[ArrayLike, "N A"], points: Float[ArrayLike, "S A"]) -> Int[Array, " N"]:
    """Number of the point nearest to each place, the first of equals: one matrix product, for many axes.

    >>> nearest_point(jnp.array([[0.9, 0.2]]), jnp.eye(2)).tolist()
    [0]
    """
    closeness = jnp.asarray(places) @ jnp.asarray(points).T - jnp.sum(jnp.square(points), axis=1) / 2
    return jnp.argmax(closeness, axis=1).astype(jnp.int32)


def _lists(centroids: Float[np.ndarray, "S A"], side: int) -> Int[np.ndarray, "B L"]:
    """For each of side^A boxes of the unit cube the points that can be nearest in it, ascending, then repeated."""
    from scipy.spatial import KDTree

    count, axes = centroids.shape
    ticks = (np.arange(side) + 0.5) / side
    middle = np.stack(np.meshgrid(*[ticks] * axes, indexing="ij"), axis=-1).reshape(-1, axes)
    tree, k = KDTree(centroids), min(8, count)
    while True:
        distance, near = tree.query(middle, k=np.arange(1, k + 1))
        if k == count or np.all(distance[:, -1] > distance[:, 0] + np.sqrt(axes) / side):
            break
        k = min(2 * k, count)
    # a point farther than the middle's nearest from every place in the box can go; the difference of the two squared
    # distances is linear, so it is least in a corner.  1e-5 covers the rounding of places to boxes.
    apart = np.abs(centroids[near] - centroids[near[:, :1]]).sum(axis=2)
    possible = distance**2 - distance[:, :1] ** 2 <= apart * (1 / side + 1e-5)
    near = np.sort(np.where(possible, near, near[:, :1]), axis=1)
    repeated = np.diff(near, axis=1, prepend=-1) == 0
    near = np.sort(np.where(repeated, count, near), axis=1)[:, : int(possible.sum(axis=1).max())]
    return np.where(near == count, near.min(axis=1, keepdims=True), near).astype(np.int32)


def cvt_centroids(samples: Float[ArrayLike, "M A"], count: int, seed: int) -> Float[np.ndarray, "S A"]:
    """Points spread evenly over samples: each near the middle of the samples nearest to it (k-means).

    Args:
        samples: drawn evenly from what is to be cut up, at least as many as points.
        count: points wanted (S).
        seed: of the first guess.

    Source: Vassiliades, Chatzilygeroudis and Mouret 2018 (doi:10.1109/TEVC.2017.2735550); 20 steps of Lloyd's rule.
    """
    from scipy.spatial import KDTree

    samples = np.asarray(samples, np.float64)
    few = samples.shape[1] <= RASTER_AXES  # a tree finds the nearest of few axes; of many it looks at all points anyway
    points = samples[np.random.default_rng(seed).choice(len(samples), count, replace=False)]
    for _ in range(LLOYD_STEPS):
        owner = KDTree(points).query(samples)[1] if few else np.asarray(nearest_point(samples, points))
        held = np.bincount(owner, minlength=count)
        sums = np.stack([np.bincount(owner, column, count) for column in samples.T], axis=1)
        points = np.where(held[:, None] > 0, sums / np.maximum(held, 1)[:, None], points)
    return points.astype(np.float32)


def winners(cell: Int[Array, " N"], score: Float[ArrayLike, " N"], count: int) -> Bool[Array, " N"]:
    """Who is the best newcomer of its cell: highest score, the first of equals; nobody with a score of -inf.

    >>> winners(jnp.array([3, 3, 0, 3]), jnp.array([1.0, 2.0, -jnp.inf, 2.0]), count=4).tolist()
    [False, True, False, False]
    """
    score, order = jnp.asarray(score), jnp.arange(len(cell))
    best = jnp.full(count, -jnp.inf).at[cell].max(score)
    able = (score > -jnp.inf) & (score == best[cell])
    first = jnp.full(count, len(cell)).at[jnp.where(able, cell, count)].min(order, mode="drop")
    return able & (first[cell] == order)


def seats(free: Bool[Array, " S"], enter: Bool[Array, " N"]) -> Int[Array, " N"]:
    """Which of the free seats each newcomer takes that enters, first come first served; S for those that do not.

    Args:
        free: at least as many as enter.
        enter: who of the newcomers needs a seat.

    >>> seats(jnp.array([True, False, True]), jnp.array([False, True, True])).tolist()
    [3, 0, 2]
    """
    (empty,) = jnp.nonzero(free, size=len(enter), fill_value=len(free))
    return jnp.where(enter, empty[jnp.maximum(jnp.cumsum(enter) - 1, 0)], len(free)).astype(jnp.int32)


def best_of(worth: Float[Array, " M"], count: int) -> Bool[Array, " M"]:
    """Who is among the best so many, the first of equals.

    >>> best_of(jnp.array([1.0, 3.0, 1.0]), 2).tolist()
    [True, True, False]
    """
    return jnp.zeros(len(worth), bool).at[jax.lax.top_k(worth, count)[1]].set(True)


def seated(
    alive: Bool[Array, " M"], number: Int[Array, " S"]
) -> tuple[Bool[Array, " N"], Int[Array, " N"], Int[Array, " N"]]:
    """Which newcomers enter a population, the seat of each (S for the others), and whom each replaced (-1 = nobody).

    Args:
        alive: who lives on: first the S members, then the newcomers; S of them at most.
        number: evaluation number of each member, -1 = an empty seat.

    >>> [x.tolist() for x in seated(jnp.array([True, False, False, True]), jnp.array([7, 8]))]
    [[False, True], [2, 1], [-1, 8]]
    """
    size = len(number)
    enter = alive[size:]
    seat = seats(~alive[:size], enter)
    return enter, seat, jnp.where(enter, number[jnp.minimum(seat, size - 1)], -1)


def unit_places(
    places: Float[ArrayLike, "N A"], low: Float[ArrayLike, " a"], high: Float[ArrayLike, " a"]
) -> Float[Array, "N A"]:
    """Places in units of the range of each axis: 0 at its low end, 1 at its high end."""
    return (jnp.asarray(places) - low) / (jnp.asarray(high) - low)


def known_ranges(
    low: Float[Array, " A"], high: Float[Array, " A"], places: Float[ArrayLike, "N A"], valid: Bool[ArrayLike, " N"]
) -> tuple[Float[Array, " A"], Float[Array, " A"]]:
    """The ends of every axis; where they are NaN, and any world is valid, from where the valid worlds lie.

    Least to greatest place, widened by half of the width on both sides; a width of 0 counts as 1, and one that float32
    cannot tell at such places as the least that it can.

    >>> nan, places = jnp.full(1, jnp.nan), jnp.array([[1.0], [3.0], [99.0]])
    >>> [end.tolist() for end in known_ranges(nan, nan, places, jnp.array([True, True, False]))]
    [[0.0], [4.0]]
    """
    there = jnp.asarray(valid)[:, None]
    least = jnp.min(jnp.where(there, places, jnp.inf), axis=0)
    greatest = jnp.max(jnp.where(there, places, -jnp.inf), axis=0)
    half = jnp.where(greatest > least, greatest - least, 1) / 2
    half = jnp.maximum(half, FINEST * jnp.maximum(jnp.abs(least), jnp.abs(greatest)))
    new = jnp.isnan(low) & jnp.any(there)
    return jnp.where(new, least - half, low), jnp.where(new, greatest + half, high)


def checked_axes(name: str, axes: Any, few: int = 1) -> tuple[str, ...]:
    """The option `axes` of a search: one text for each axis.

    Args:
        name: of the search, for messages.
        axes: as they were given.
        few: how many are needed; 0 = a search that does without.

    Raises:
        BadOption: fewer are named, or they are not texts.
    """
    if not isinstance(axes, list | tuple) or len(axes) < few or not all(isinstance(axis, str) for axis in axes):
        raise BadOption(f"search {name}: axes is {axes!r}; expected texts, name some such as ['speed', 'mass']")
    return tuple(axes)


def checked_grid(name: str, bins: Any, axes: Sequence[str]) -> Grid:
    """The option `bins` of a search as a grid: one number for all axes, or one for each.

    Raises:
        BadOption: not as many numbers as axes, or not such numbers.
    """
    grid = Grid([bins] * len(axes) if isinstance(bins, int) else bins)
    if len(grid.bins) != len(axes):
        raise BadOption(
            f"search {name}: bins is {bins!r} for {len(axes)} axes {list(axes)}; "
            "expected one number for all of them, or one for each"
        )
    return grid


def checked_ranges(name: str, ranges: Any, axes: Sequence[str]) -> tuple[Float[Array, " A"], Float[Array, " A"]]:
    """The option `ranges` of a search as low and high ends, NaN where they are to be found from the first worlds.

    Raises:
        BadOption: not one (low, high) for each axis, or not low < high.
    """
    if ranges is None:
        return jnp.full(len(axes), jnp.nan), jnp.full(len(axes), jnp.nan)
    try:
        ends = np.array(ranges, np.float32)
    except (TypeError, ValueError):
        ends = np.zeros(0, np.float32)
    if ends.shape != (len(axes), 2) or not np.isfinite(ends).all() or not (ends[:, 0] < ends[:, 1]).all():
        raise BadOption(
            f"search {name}: ranges is {ranges!r}; expected one [low, high] with low < high for each of the "
            f"{len(axes)} axes {list(axes)}"
        )
    return jnp.asarray(ends[:, 0]), jnp.asarray(ends[:, 1])

"""`cvt_map_elites`: the best world of every cell, where cells are regions nearest to points spread evenly.

On axes the points fill the box of their ranges.  Without axes the cells cut up the space of embeddings.  That space
has hundreds of dimensions, of which a substrate uses few: so cells are laid along the `DIRECTIONS` in which the first
generation differs most; differences in other directions do not count.  Half of the directions are cut up by one
set of points, half by another, and a cell is a pair of regions: its middle is the nearest of all pairs of points, and
finding it costs the square root of the number of cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Num

from alife.hookspecs import hookimpl
from alife.options import whole
from alife.types import Evaluation, PRNGKey, Space, Verdict

from .cells import Voronoi, checked_axes, checked_ranges, cvt_centroids, known_ranges, nearest_point, unit_places
from .map_elites import Elites
from .variation import Origin, checked_line, checked_sigma, offspring

DIRECTIONS = 16
WIDER = 2.0
"""Points lie so much wider than the first generation, as the ranges of axes do."""
ALIKE = 1e-6
"""Worlds whose embeddings differ by less are one to float32."""
SAMPLES_PER_CELL = 10
SEED = 0
"""Of the points: the same for every run, so that runs can be compared cell by cell."""


class Frame(NamedTuple):
    """The directions of embedding space along which cells are laid; all zeros until any world was valid.

    Where the first valid worlds do not differ, as one world alone does not, they are the first numbers of an embedding.
    """

    middle: Float[Array, " D"]
    """Mean embedding of the first generation."""
    directions: Float[Array, "D B"]
    """In which it differs most, of unit length, at right angles to each other."""
    spread: Float[Array, " B"]
    """Standard deviation of the first generation along each."""

    @classmethod
    def unknown(cls, dim: int) -> Frame:
        """Of embeddings of `dim` numbers, before any was seen."""
        return cls(jnp.zeros(dim), jnp.zeros((dim, DIRECTIONS)), jnp.zeros(DIRECTIONS))

    def or_of(self, z: Float[Array, "N D"], valid: Bool[Array, " N"]) -> Frame:
        """This frame; that of these embeddings if it is not known yet and any of them is valid."""

        def found() -> Frame:
            count = jnp.sum(valid)
            middle = jnp.sum(z * valid[:, None], axis=0) / count
            _, size, rows = jnp.linalg.svd((z - middle) * valid[:, None], full_matrices=False)
            room, dim = max(0, DIRECTIONS - len(size)), len(middle)
            directions = jnp.pad(rows[:DIRECTIONS].T, ((0, 0), (0, room)))
            spread = jnp.pad(size[:DIRECTIONS], (0, room)) / jnp.sqrt(count)
            differ = spread[0] > ALIKE
            anywhere = jnp.full(DIRECTIONS, dim**-0.5)  # how far numbers of unit vectors lie from 0
            directions = jnp.where(differ, directions, jnp.eye(dim, DIRECTIONS))
            return Frame(middle, directions, jnp.where(differ, spread, anywhere))

        unknown = ~jnp.any(self.spread > 0)
        return jax.lax.cond(unknown & jnp.any(valid), found, lambda: self)


class State(NamedTuple):
    """What the search remembers."""

    elites: Elites
    low: Float[Array, " A"]
    """Low end of every axis; NaN until it is known."""
    high: Float[Array, " A"]
    frame: Frame
    evaluations: Int[Array, ""]
    """Worlds told so far."""
    origin: Origin
    """How the generation in flight came about."""


class CvtMapElites:
    """Cut a space into cells, each what is nearest to one of many points, and keep the best world of every cell.

    Unlike a grid's, the number of cells does not grow with the number of axes.  Children and competition are those of
    `map_elites`.

    Args:
        axes: what the axes measure, see `alife.axes`; none = the cells cut up the space of embeddings.
        cells: how many, >= 1; without axes the next smaller product of two whole numbers that are nearly equal.
        ranges: low and high end of each axis; None = as far as the first generation reaches, and half as far again on
            both sides.  Worlds outside count as lying on the nearest side.
        sigma: mutation strength, in units of the typical size of a genotype's number, > 0.
        line: how far children move along the line to another elite, in units of its length; 0 = not at all.

    Raises:
        BadOption: with the reason.

    Source: Vassiliades, Chatzilygeroudis and Mouret 2018 (doi:10.1109/TEVC.2017.2735550); the cells of embedding
        space are a product of two such tessellations.
    """

    in_flight = ("origin",)

    def __init__(
        self,
        axes: Sequence[str] = (),
        cells: int = 1024,
        ranges: Sequence[Sequence[float]] | None = None,
        sigma: float = 0.1,
        line: float = 0.2,
    ) -> None:
        self.axes = checked_axes("cvt_map_elites", axes, few=0)
        self.low, self.high = checked_ranges("cvt_map_elites", ranges, self.axes)
        self.cells = whole("cells", cells, 1, 1_000_000)
        if not self.axes:
            self.sides = (int(self.cells**0.5), self.cells // int(self.cells**0.5))
            self.cells = self.sides[0] * self.sides[1]
        self.sigma = checked_sigma(sigma)
        self.line = checked_line(line)

    def init(self, key: PRNGKey, space: Space, population: int) -> State:
        """No elites yet; the points are laid."""
        self._space, self._population = space, population
        self._ask, self._tell = jax.jit(self._breed), jax.jit(self._compete)
        rng = np.random.default_rng(SEED)
        if self.axes:
            samples = rng.random((SAMPLES_PER_CELL * self.cells, len(self.axes)))
            self.voronoi = Voronoi(cvt_centroids(samples, self.cells, SEED))
        else:
            samples = WIDER * rng.normal(size=(SAMPLES_PER_CELL * max(self.sides), DIRECTIONS // 2))
            self._points = [cvt_centroids(samples, side, SEED) for side in self.sides]
        elites, evaluations = Elites.none(self.cells, space), jnp.zeros((), int)
        return State(elites, self.low, self.high, Frame.unknown(0), evaluations, Origin.unborn(population))

    def ask(self, key: PRNGKey, state: State) -> tuple[Num[Array, "N G"], State]:
        """Children of random elites; as long as there are none, samples of the substrate's prior."""
        genotypes, origin = self._ask(key, state.elites)
        return genotypes, state._replace(origin=origin)

    def tell(self, state: State, genotypes: Num[Any, "N G"], evaluation: Evaluation) -> tuple[State, Verdict]:
        """Let the newcomers compete for their cells."""
        last = evaluation.z[:, -1]
        if not self.axes and len(state.frame.middle) != last.shape[1]:
            state = state._replace(frame=Frame.unknown(last.shape[1]))
        places = evaluation.axes if self.axes else last
        return self._tell(state, genotypes, evaluation.scores, places, evaluation.valid)

    def _breed(self, key: PRNGKey, elites: Elites) -> tuple[Num[Array, "N G"], Origin]:
        return offspring(key, self._space, self._population, elites.genotypes, elites.number, self.sigma, self.line)

    def _compete(
        self, state: State, genotypes: Array, scores: Array, places: Array, valid: Array
    ) -> tuple[State, Verdict]:
        low, high, frame = state.low, state.high, state.frame
        if self.axes:
            low, high = known_ranges(low, high, places, valid)
            cell = self.voronoi.nearest(unit_places(places, low, high))
        else:
            frame = frame.or_of(places, valid)
            cell = self._pair(frame, places)
        elites, better, replaced = state.elites.add(cell, genotypes, scores, state.evaluations)
        state = State(elites, low, high, frame, state.evaluations + len(scores), state.origin)
        return state, state.origin.verdict(better, replaced)

    def _pair(self, frame: Frame, z: Float[Array, "N D"]) -> Int[Array, " N"]:
        """Cell of each embedding: the pair of points nearest to it, one of every other direction, one of the rest."""
        along = (z - frame.middle) @ frame.directions
        halves = [slice(0, None, 2), slice(1, None, 2)]
        first, second = (
            nearest_point(along[:, half], points * frame.spread[half])
            for half, points in zip(halves, self._points, strict=True)
        )
        return first * self.sides[1] + second


@hookimpl
def register_searches(register: Callable[..., None]) -> None:
    register(
        "cvt_map_elites",
        "alife.search.cvt_map_elites:CvtMapElites",
        summary="the best world of every cell of embedding space, or of any axes; any genotype that can be mutated",
        test_options={"cells": 16},
        source="Vassiliades, Chatzilygeroudis and Mouret 2018, doi:10.1109/TEVC.2017.2735550",
    )

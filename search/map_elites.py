"""`map_elites`: the best world of every cell of a grid.  Also the example of how to write a search.

Everything a search remembers is in its state, a tuple of arrays, so that a run resumes exactly; `init`, `ask` and
`tell` change nothing else.  What depends on the space alone, such as compiled programs, is made in `init`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Num

from alife.hookspecs import hookimpl
from alife.types import ArrayLike, Evaluation, PRNGKey, Space, Verdict

from .cells import checked_axes, checked_grid, checked_ranges, known_ranges, winners
from .variation import Origin, checked_line, checked_sigma, offspring


class Elites(NamedTuple):
    """The best world of each of S cells."""

    genotypes: Num[Array, "S G"]
    scores: Float[Array, " S"]
    """-inf = an empty cell."""
    number: Int[Array, " S"]
    """Evaluation number: 0 for the first world of the run, 1 for the next; -1 = an empty cell."""

    @classmethod
    def none(cls, cells: int, space: Space) -> Elites:
        """All cells empty."""
        genotypes = jnp.zeros((cells, space.size), space.dtype)
        return cls(genotypes, jnp.full(cells, -jnp.inf), jnp.full(cells, -1))

    def add(
        self, cell: Int[Array, " N"], genotypes: Num[ArrayLike, "N G"], scores: Float[ArrayLike, " N"], first: Array
    ) -> tuple[Elites, Array, Array]:
        """Give each cell to the best newcomer in it, if that is better than who was there.

        Args:
            cell: where each newcomer belongs.
            genotypes: of the newcomers.
            scores: of the newcomers; -inf = not valid.
            first: evaluation number of the first newcomer.

        Returns:
            the elites, who of the newcomers got in, and whom each of them replaced (-1 = an empty cell).
        """
        better = winners(cell, scores, len(self.scores)) & (scores > self.scores[cell])
        to = jnp.where(better, cell, len(self.scores))  # nowhere, for those that did not get in
        elites = Elites(
            self.genotypes.at[to].set(genotypes, mode="drop"),
            self.scores.at[to].set(scores, mode="drop"),
            self.number.at[to].set(first + jnp.arange(len(cell)), mode="drop"),
        )
        return elites, better, jnp.where(better, self.number[cell], -1)


class State(NamedTuple):
    """What the search remembers."""

    elites: Elites
    low: Float[Array, " A"]
    """Low end of every axis; NaN until it is known."""
    high: Float[Array, " A"]
    evaluations: Int[Array, ""]
    """Worlds told so far."""
    origin: Origin
    """How the generation in flight came about."""


class MapElites:
    """Cut the space of some axes into a grid of cells and keep the best world of every cell.

    Each child comes from two elites, chosen at random, all equally likely: a changed copy of the first, moved along the
    line to the second.  It is kept as a lifeform when its cell was empty or it scores higher than who was there.

    Args:
        axes: what the axes measure, see `alife.axes`; None = the run chooses two.
        bins: cells along each axis, a number for all of them or one for each.
        ranges: low and high end of each axis; None = as far as the first generation reaches, and half as far again on
            both sides.  Worlds outside count for the outermost cell.
        sigma: mutation strength, in units of the typical size of a genotype's number, > 0.
        line: how far children move along the line to another elite, in units of its length; 0 = not at all, by the
            substrate's own mutation alone, as with integer genotypes always.

    Raises:
        BadOption: with the reason.

    Source: Mouret and Clune 2015 (arXiv:1504.04909); children as in Vassiliades and Mouret 2018 (arXiv:1804.03906).
    """

    in_flight = ("origin",)
    """Fields of the state with a row for each genotype asked for: so worlds can be told of in any order, by workers."""

    def __init__(
        self,
        axes: Sequence[str] | None = None,
        bins: int | Sequence[int] = 32,
        ranges: Sequence[Sequence[float]] | None = None,
        sigma: float = 0.1,
        line: float = 0.2,
    ) -> None:
        self.axes = checked_axes("map_elites", axes)
        self.low, self.high = checked_ranges("map_elites", ranges, self.axes)
        self.grid = checked_grid("map_elites", bins, self.axes)
        self.sigma = checked_sigma(sigma)
        self.line = checked_line(line)

    def init(self, key: PRNGKey, space: Space, population: int) -> State:
        """No elites yet."""
        self._space, self._population = space, population
        self._ask, self._tell = jax.jit(self._breed), jax.jit(self._compete)
        elites = Elites.none(self.grid.count, space)
        return State(elites, self.low, self.high, jnp.zeros((), int), Origin.unborn(population))

    def ask(self, key: PRNGKey, state: State) -> tuple[Num[Array, "N G"], State]:
        """Children of random elites; as long as there are none, samples of the substrate's prior."""
        genotypes, origin = self._ask(key, state.elites)
        return genotypes, state._replace(origin=origin)

    def tell(self, state: State, genotypes: Num[Any, "N G"], evaluation: Evaluation) -> tuple[State, Verdict]:
        """Let the newcomers compete for their cells."""
        return self._tell(state, genotypes, evaluation.scores, evaluation.axes, evaluation.valid)

    def _breed(self, key: PRNGKey, elites: Elites) -> tuple[Num[Array, "N G"], Origin]:
        return offspring(key, self._space, self._population, elites.genotypes, elites.number, self.sigma, self.line)

    def _compete(
        self, state: State, genotypes: Array, scores: Array, places: Array, valid: Array
    ) -> tuple[State, Verdict]:
        low, high = known_ranges(state.low, state.high, places, valid)
        cell = self.grid.index(places, low, high)
        elites, better, replaced = state.elites.add(cell, genotypes, scores, state.evaluations)
        state = State(elites, low, high, state.evaluations + len(scores), state.origin)
        return state, state.origin.verdict(better, replaced)


@hookimpl
def register_searches(register: Callable[..., None]) -> None:
    register(
        "map_elites",
        "alife.search.map_elites:MapElites",
        summary="the best world of every cell of a grid of measures; any genotype that can be mutated",
        test_options={"axes": ["a", "b"], "bins": 4},
        source="Mouret and Clune 2015, arXiv:1504.04909",
    )

"""`cma_me`: emitters that climb towards new cells first, then towards better worlds in old ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Num

from alife.hookspecs import hookimpl
from alife.types import ArrayLike, Evaluation, PRNGKey, Space, Verdict

from .cells import checked_axes, checked_grid, checked_ranges, known_ranges
from .emitters import Emitters, Plan, Team
from .map_elites import Elites


class State(NamedTuple):
    """What the search remembers."""

    elites: Elites
    emitters: Emitters
    low: Float[Array, " A"]
    """Low end of every axis; NaN until it is known."""
    high: Float[Array, " A"]
    evaluations: Int[Array, ""]
    """Worlds told so far."""


class CmaMe:
    """CMA-ME: a grid of cells filled by small CMA-ES, each of which follows what improves the grid.

    An emitter ranks its worlds in two stages: those that found an empty cell by their score, then those that beat the
    elite of their cell by how much.  All of these are its parents; when there are none, it begins again at a random
    elite.  A world is kept as a lifeform when it is the best of its cell.

    Args:
        axes: what the axes measure, see `alife.axes`; None = the run chooses two.
        bins: cells along each axis, a number for all of them or one for each.
        ranges: low and high end of each axis; None = as far as the first generation reaches, and half as far again on
            both sides.  Worlds outside count for the outermost cell.
        sigma: first step size of an emitter, in units of the typical size of a genotype's number.
        emitters: that share a generation equally, 4 worlds or more each; None = up to 16 of 32 worlds or more.
        covariance: "full" (up to 1000 numbers), "diagonal", or None = full up to 256 numbers.
        restart: "no_improvement" = when no world of a share was added; "basic" = only when a distribution has become
            too thin or too small for its numbers, or nothing was added and all its worlds are worth the same.

    Raises:
        BadOption: with the reason.

    Source: Fontaine, Togelius, Nikolaidis and Hoover 2020 (arXiv:1912.02400), improvement emitters.
    """

    def __init__(
        self,
        axes: Sequence[str] | None = None,
        bins: int | Sequence[int] = 32,
        ranges: Sequence[Sequence[float]] | None = None,
        sigma: float = 0.5,
        emitters: int | None = None,
        covariance: str | None = None,
        restart: str = "no_improvement",
    ) -> None:
        self.axes = checked_axes("cma_me", axes)
        self.low, self.high = checked_ranges("cma_me", ranges, self.axes)
        self.grid = checked_grid("cma_me", bins, self.axes)
        self._plan = Plan.checked("cma_me", sigma, emitters, covariance, restart, parents="added")

    def init(self, key: PRNGKey, space: Space, population: int) -> State:
        """Empty cells, and emitters that begin at the world's own genotype or in the middle of the prior.

        Raises:
            BadGenotype: integer genotypes, or too many numbers for a full covariance.
            BadOption: a population that the emitters cannot share equally.
        """
        self._team = Team("cma_me", space, population, self._plan)
        self._ask, self._tell = jax.jit(self._team.ask), jax.jit(self._compete)
        elites = Elites.none(self.grid.count, space)
        return State(elites, self._team.rest(), self.low, self.high, jnp.zeros((), int))

    def ask(self, key: PRNGKey, state: State) -> tuple[Float[Array, "N G"], State]:
        """Every emitter's share, one after the other."""
        genotypes, emitters = self._ask(key, state.emitters, state.elites, state.evaluations == 0)
        return genotypes, state._replace(emitters=emitters)

    def tell(self, state: State, genotypes: Num[Any, "N G"], evaluation: Evaluation) -> tuple[State, Verdict]:
        """Let the worlds compete for their cells, and the emitters learn from it."""
        return self._tell(state, genotypes, evaluation.scores, evaluation.axes, evaluation.valid)

    def _compete(
        self, state: State, genotypes: Array, scores: Array, places: Array, valid: Array
    ) -> tuple[State, Verdict]:
        low, high = known_ranges(state.low, state.high, places, valid)
        cell = self.grid.index(places, low, high)
        stage, value = improvement(state.elites.scores[cell], scores)
        emitters = self._team.learn(state.emitters, genotypes, stage, value, state.evaluations == 0)
        elites, better, replaced = state.elites.add(cell, genotypes, scores, state.evaluations)
        verdict = self._team.verdict(state.emitters, better, replaced)
        return State(elites, emitters, low, high, state.evaluations + len(scores)), verdict


def improvement(
    before: Float[Array, " N"], scores: Float[ArrayLike, " N"]
) -> tuple[Int[Array, " N"], Float[Array, " N"]]:
    """What worlds are worth to their cells: the stage, then the value within it.

    Stage 2 is for the first in a cell, whose value is the score; 1 for who beats the elite, and 0 for the others, whose
    value is how much better they are; higher is better.  A world that is not valid has stage 0 and -inf.

    Args:
        before: score of the elite in the cell of each world; -inf = the cell is empty.
        scores: of the worlds; -inf where not valid.

    >>> stage, value = improvement(jnp.array([-jnp.inf, 3.0, 3.0]), jnp.array([1.0, 5.0, 2.0]))
    >>> stage.tolist(), value.tolist()
    ([2, 1, 0], [1.0, 2.0, -1.0])
    """
    scores = jnp.asarray(scores)
    empty = before == -jnp.inf
    stage = jnp.where(scores > before, jnp.where(empty, 2, 1), 0)
    return stage, jnp.where(empty, scores, scores - jnp.where(empty, 0, before))


@hookimpl
def register_searches(register: Callable[..., None]) -> None:
    register(
        "cma_me",
        "alife.search.cma_me:CmaMe",
        summary="CMA-ES emitters fill a grid of measures, new cells first; real genotypes",
        test_options={"axes": ["a", "b"], "bins": 4, "emitters": 2},
        source="Fontaine et al. 2020, arXiv:1912.02400",
    )

"""`cma_mae`: emitters that climb scores, less and less where a cell has been visited often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Num

from alife.hookspecs import hookimpl
from alife.options import real
from alife.types import ArrayLike, Evaluation, PRNGKey, Space, Verdict

from .cells import checked_axes, checked_grid, checked_ranges, known_ranges
from .emitters import Emitters, Plan, Team
from .map_elites import Elites


class State(NamedTuple):
    """What the search remembers."""

    elites: Elites
    threshold: Float[Array, " S"]
    """What a world must score to count as an improvement of a cell; NaN until that is known."""
    emitters: Emitters
    low: Float[Array, " A"]
    """Low end of every axis; NaN until it is known."""
    high: Float[Array, " A"]
    evaluations: Int[Array, ""]
    """Worlds told so far."""


class CmaMae:
    """CMA-MAE: cells have thresholds that rise slowly, and emitters follow how far worlds lie above them.

    With a learning rate near 0 emitters only climb the score, near 1 they leave a cell as soon as it holds a good
    world; in between they visit every cell, the more often the better it scores.  Beside its threshold every cell has
    its best world: a world is kept as a lifeform when it is that.

    Args:
        axes: what the axes measure, see `alife.axes`; None = the run chooses two.
        bins: cells along each axis, a number for all of them or one for each.
        ranges: low and high end of each axis; None = as far as the first generation reaches, and half as far again on
            both sides.  Worlds outside count for the outermost cell.
        learning_rate: how far a threshold moves towards the score of a world above it, from 0 to 1.
        threshold_min: first threshold of all cells, the least score worth climbing from; None = the lowest of the
            first generation.
        sigma: first step size of an emitter, in units of the typical size of a genotype's number.
        emitters: that share a generation equally, 4 worlds or more each; None = up to 16 of 32 worlds or more.
        covariance: "full" (up to 1000 numbers), "diagonal", or None = full up to 256 numbers.
        restart: "basic" = an emitter begins again at a random elite only when its distribution has become too thin or
            too small for its numbers, or none of its worlds is above the threshold and all lie as far below;
            "no_improvement" = also when none is above.

    Raises:
        BadOption: with the reason.

    Source: Fontaine and Nikolaidis 2023 (arXiv:2205.10752), with its rule for batches.
    """

    def __init__(
        self,
        axes: Sequence[str] | None = None,
        bins: int | Sequence[int] = 32,
        ranges: Sequence[Sequence[float]] | None = None,
        learning_rate: float = 0.01,
        threshold_min: float | None = None,
        sigma: float = 0.5,
        emitters: int | None = None,
        covariance: str | None = None,
        restart: str = "basic",
    ) -> None:
        self.axes = checked_axes("cma_mae", axes)
        self.low, self.high = checked_ranges("cma_mae", ranges, self.axes)
        self.grid = checked_grid("cma_mae", bins, self.axes)
        self.learning_rate = real("search cma_mae: learning_rate", learning_rate, 0, 1, "share of the difference")
        least = "score of a world; None = the lowest of the first generation"
        self.first = jnp.nan if threshold_min is None else real("threshold_min", threshold_min, -1e30, 1e30, least)
        self._plan = Plan.checked("cma_mae", sigma, emitters, covariance, restart, parents="half")

    def init(self, key: PRNGKey, space: Space, population: int) -> State:
        """Empty cells, and emitters that begin at the world's own genotype or in the middle of the prior.

        Raises:
            BadGenotype: integer genotypes, or too many numbers for a full covariance.
            BadOption: a population that the emitters cannot share equally.
        """
        self._team = Team("cma_mae", space, population, self._plan)
        self._ask, self._tell = jax.jit(self._team.ask), jax.jit(self._compete)
        elites, threshold = Elites.none(self.grid.count, space), jnp.full(self.grid.count, self.first)
        return State(elites, threshold, self._team.rest(), self.low, self.high, jnp.zeros((), int))

    def ask(self, key: PRNGKey, state: State) -> tuple[Float[Array, "N G"], State]:
        """Every emitter's share, one after the other."""
        genotypes, emitters = self._ask(key, state.emitters, state.elites, state.evaluations == 0)
        return genotypes, state._replace(emitters=emitters)

    def tell(self, state: State, genotypes: Num[Any, "N G"], evaluation: Evaluation) -> tuple[State, Verdict]:
        """Raise the thresholds, let the worlds compete for their cells, and the emitters learn from it."""
        return self._tell(state, genotypes, evaluation.scores, evaluation.axes, evaluation.valid)

    def _compete(
        self, state: State, genotypes: Array, scores: Array, places: Array, valid: Array
    ) -> tuple[State, Verdict]:
        low, high = known_ranges(state.low, state.high, places, valid)
        cell = self.grid.index(places, low, high)
        threshold = known_thresholds(state.threshold, scores)
        value = scores - threshold[cell]
        emitters = self._team.learn(state.emitters, genotypes, value > 0, value, state.evaluations == 0)
        threshold = raised(threshold, cell, scores, self.learning_rate)
        elites, better, replaced = state.elites.add(cell, genotypes, scores, state.evaluations)
        verdict = self._team.verdict(state.emitters, better, replaced)
        return State(elites, threshold, emitters, low, high, state.evaluations + len(scores)), verdict


def known_thresholds(threshold: Float[Array, " S"], scores: Float[ArrayLike, " N"]) -> Float[Array, " S"]:
    """The thresholds; where they are NaN, and any world is valid, the lowest score of these."""
    lowest = jnp.min(jnp.where(jnp.isfinite(scores), scores, jnp.inf))
    return jnp.where(jnp.isnan(threshold) & jnp.isfinite(lowest), lowest, threshold)


def raised(
    threshold: Float[Array, " S"], cell: Int[Array, " N"], scores: Float[ArrayLike, " N"], learning_rate: float
) -> Float[Array, " S"]:
    """The thresholds once worlds have been seen: each moves towards the mean score of those above it.

    As far as if they came one after the other: with k of them, (1 - learning rate)^k of the old threshold is left.

    Args:
        threshold: of every cell.
        cell: of every world.
        scores: of the worlds; -inf where not valid.
        learning_rate: from 0 to 1.

    >>> raised(jnp.zeros(2), jnp.array([1, 1, 1]), jnp.array([4.0, 8.0, -1.0]), 0.5).tolist()  # 3/4 of the way to 6
    [0.0, 4.5]
    """
    above = jnp.asarray(scores) > threshold[cell]
    count = jnp.zeros(len(threshold)).at[cell].add(above)
    total = jnp.zeros(len(threshold)).at[cell].add(jnp.where(above, scores, 0))
    left = (1 - learning_rate) ** count
    return left * threshold + (1 - left) * total / jnp.maximum(count, 1)


@hookimpl
def register_searches(register: Callable[..., None]) -> None:
    register(
        "cma_mae",
        "alife.search.cma_mae:CmaMae",
        summary="CMA-ES emitters fill a grid of measures under slowly rising thresholds; real genotypes",
        test_options={"axes": ["a", "b"], "bins": 4, "emitters": 2},
        source="Fontaine and Nikolaidis 2023, arXiv:2205.10752",
    )

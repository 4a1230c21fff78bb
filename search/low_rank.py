"""`low_rank`: an evolution strategy whose steps in weight matrices are of low rank, for genotypes of 10^5 numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt32

from alife.errors import BadOption
from alife.hookspecs import hookimpl
from alife.options import real, whole
from alife.types import KEY_KIND, ArrayLike, Evaluation, PRNGKey, Space, Verdict

from .random_sampling import unrelated, with_starts
from .variation import checked_sigma, require_reals, within

DECAY, DECAY_OF_SQUARES, TINY = 0.9, 0.999, 1e-8
"""Of Adam: how much of the mean step and of the mean squared step outlives a generation; a floor for its root."""


class State(NamedTuple):
    """The mean, the optimizer, and the key from which the steps of the generation in flight can be drawn again."""

    mean: Float[Array, " G"]
    step: Float[Array, " G"]
    """Running mean of the estimated gradients."""
    square: Float[Array, " G"]
    """Running mean of their squares."""
    key: UInt32[Array, " 2"]
    """Data of the key of the steps in flight."""
    generation: Int[Array, ""]
    """Generations told so far."""


class LowRank:
    """Climbs a score with pairs of opposite steps, each weight matrix perturbed by a product of two thin ones.

    A step in a matrix of m x n numbers is A B^T / sqrt(rank) with A [m, rank] and B [n, rank] standard normal: every
    number of it has mean 0 and variance 1, yet only rank (m + n) random numbers are drawn and none but those need to
    be known again when the scores arrive.  The sum over a population is of full rank.  Arrays with one axis, and
    matrices too small to gain, get plain normal steps; arrays with more than two axes count as matrices with the last
    axis as columns.  Scores become centred ranks, and Adam moves the mean.  Each generation is N/2 pairs around the
    mean; where N is odd the mean itself comes last.

    Args:
        rank: of the perturbations, >= 1.
        sigma: size of the steps that are tried, in units of the typical size of a genotype's number, > 0.
        rate: size of the steps of the mean in the first generations, in the same units, > 0.

    Source: Sarkar et al. 2025 (arXiv:2511.16652), EGGROLL; Kingma and Ba 2014 (arXiv:1412.6980), Adam.
    """

    def __init__(self, rank: int = 1, sigma: float = 0.1, rate: float = 0.05) -> None:
        self.rank = whole("rank", rank, 1, 1024, "columns of each factor")
        self.sigma = checked_sigma(sigma)
        self.rate = real("rate", rate, 1e-9, 1e9, "times the typical size of a genotype's number")

    def init(self, key: PRNGKey, space: Space, population: int) -> State:
        """Start at the world's own genotype, or in the middle of the substrate's prior.

        Raises:
            BadGenotype: integer genotypes.
            BadOption: fewer than two worlds in a generation.
        """
        require_reals("low_rank", space)
        if population < 2:
            raise BadOption(f"search low_rank: population is {population}; expected 2 or more")
        self._space, self._population = space, population
        self._draw, self._move = jax.jit(self._draw_eagerly), jax.jit(self._move_eagerly)
        mean = jnp.asarray(space.centre if space.starts is None else space.starts[0], jnp.float32)
        zeros = jnp.zeros_like(mean)
        return State(mean, zeros, zeros, jnp.zeros(2, jnp.uint32), jnp.zeros((), int))

    def ask(self, key: PRNGKey, state: State) -> tuple[Float[Array, "N G"], State]:
        """Pairs around the mean; the first of the run are the world's own genotypes where it names some."""
        state = state._replace(key=jax.random.key_data(key))
        return self._draw(state), state

    def tell(self, state: State, genotypes: Float[Any, "N G"], evaluation: Evaluation) -> tuple[State, Verdict]:
        """Move the mean towards the better of each pair; worlds that are not valid count as worst."""
        return self._move(state, evaluation.scores, evaluation.valid), unrelated(evaluation, "distribution")

    def _draw_eagerly(self, state: State) -> Float[Array, "N G"]:
        steps = self._steps(state)
        sizes = jnp.asarray([1, -1])[:, None] * self.sigma * self._space.scale

        def write(pair: Array, genotypes: Float[Array, "N G"]) -> Float[Array, "N G"]:
            both = state.mean + sizes * jnp.concatenate([step.of(pair) for step in steps])
            return jax.lax.dynamic_update_slice(genotypes, within(self._space, both), (2 * pair, 0))

        # pair by pair into one place: no second array of this size is ever held
        genotypes = jnp.broadcast_to(state.mean, (self._population, len(state.mean)))
        genotypes = jax.lax.fori_loop(0, self._population // 2, write, genotypes)
        return with_starts(genotypes, self._space, state.generation == 0)

    def _move_eagerly(self, state: State, scores: Float[ArrayLike, " N"], valid: Bool[ArrayLike, " N"]) -> State:
        ranks = centred_ranks(jnp.where(valid, scores, -jnp.inf))
        pairs = ranks[: self._population // 2 * 2].reshape(-1, 2)
        weights = jnp.where(self._given(state), 0, pairs[:, 0] - pairs[:, 1]) / len(pairs)
        gradient = jnp.concatenate([step.sum(weights) for step in self._steps(state)])
        step = DECAY * state.step + (1 - DECAY) * gradient
        square = DECAY_OF_SQUARES * state.square + (1 - DECAY_OF_SQUARES) * gradient**2
        time = state.generation + 1
        root = jnp.sqrt(square / (1 - DECAY_OF_SQUARES**time)) + TINY
        mean = state.mean + self.rate * self._space.scale * step / (1 - DECAY**time) / root
        return State(within(self._space, mean[None])[0], step, square, state.key, time)

    def _given(self, state: State) -> Bool[Array, " P"]:
        """Pairs of the first generation of which the world's own genotypes have taken a part."""
        starts = 0 if self._space.starts is None else len(self._space.starts)
        return (state.generation == 0) & (2 * jnp.arange(self._population // 2) < starts)

    def _steps(self, state: State) -> list[Steps]:
        """The steps of all pairs, array by array; the same for the same key."""
        key = jax.random.wrap_key_data(state.key, impl=KEY_KIND)
        keys = jax.random.split(key, len(self._space.shapes))
        pairs = self._population // 2
        return [draw_steps(k, shape, pairs, self.rank) for k, shape in zip(keys, self._space.shapes, strict=True)]


class Steps(NamedTuple):
    """One step in one array for each of P pairs: normal numbers, or factors whose products they are."""

    left: Float[Array, "P m r"]
    right: Float[Array, "P n r"] | None
    """None where `left` holds the steps themselves, as m numbers in one column."""

    def of(self, pair: int | Int[ArrayLike, ""]) -> Float[Array, " G"]:
        """The step of one pair, row by row."""
        left = self.left[pair]
        return (left if self.right is None else left @ self.right[pair].T).reshape(-1)

    def sum(self, weights: Float[Array, " P"]) -> Float[Array, " G"]:
        """The sum of the steps, each times its weight, without forming any of them."""
        if self.right is None:
            return weights @ self.left[..., 0]
        return jnp.einsum("p,pmr,pnr->mn", weights, self.left, self.right).reshape(-1)


def draw_steps(key: PRNGKey, shape: tuple[int, ...], pairs: int, rank: int) -> Steps:
    """Steps in one array, each number with mean 0 and variance 1.

    Args:
        key: of the random numbers.
        shape: of the array; with two axes or more it counts as a matrix with the last axis as columns.
        pairs: how many steps.
        rank: of each, where that takes fewer random numbers than the array has.
    """
    size = int(np.prod(shape, dtype=int))
    columns = shape[-1] if len(shape) > 1 else 1
    rows = size // max(columns, 1)
    if rank * (rows + columns) >= size:
        return Steps(jax.random.normal(key, (pairs, size, 1)), None)
    left, right = jax.random.split(key)
    share = rank**-0.5
    return Steps(share * jax.random.normal(left, (pairs, rows, rank)), jax.random.normal(right, (pairs, columns, rank)))


def centred_ranks(scores: Float[Array, " N"]) -> Float[Array, " N"]:
    """Ranks from -1/2 (worst) to 1/2 (best); equals share the mean of their ranks, so that no news moves nothing.

    >>> centred_ranks(jnp.array([5.0, -jnp.inf, 7.0])).tolist(), centred_ranks(jnp.array([3.0, 3.0])).tolist()
    ([0.0, -0.5, 0.5], [0.0, 0.0])
    """
    order = jnp.sort(scores)
    ranks = (jnp.searchsorted(order, scores, side="left") + jnp.searchsorted(order, scores, side="right") - 1) / 2
    return ranks / max(len(scores) - 1, 1) - 0.5


@hookimpl
def register_searches(register: Callable[..., None]) -> None:
    register(
        "low_rank",
        "alife.search.low_rank:LowRank",
        summary="evolution strategy with steps of low rank (EGGROLL): climbs a score; real genotypes with matrices",
        source="Sarkar et al. 2025, arXiv:2511.16652",
    )

"""`sweep`: every genotype of a discrete world, each run once, and a ranking of the best."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Num

from alife.errors import BadGenotype
from alife.hookspecs import hookimpl
from alife.options import one_of, whole
from alife.types import OPERATORS, ArrayLike, Evaluation, PRNGKey, Space, Verdict

from .cells import best_of, seated
from .variation import ANY_GENOTYPE

MOST = 2**31 - 1
"""Genotypes that a sweep can number; the products of two numbers then fit in 64 bits."""


class State(NamedTuple):
    """How far the enumeration has come, and the best so far (R places)."""

    done: Int[ArrayLike, ""]
    """Worlds told so far; beyond the number of genotypes the enumeration begins again, and nothing more is kept."""
    stride: Int[ArrayLike, ""]
    """From one genotype's number to that of the next, modulo their number; 1 = in order."""
    first: Int[ArrayLike, ""]
    """Number of the genotype that comes first."""
    scores: Float[ArrayLike, " R"]
    """Of the best, in no order; -inf = an empty place."""
    number: Int[ArrayLike, " R"]
    """Evaluation number of each of the best; -1 = an empty place."""


class Sweep:
    """Run all genotypes of a discrete world, once each; keep those that are among the best so far.

    Genotypes are numbered with their last number counting fastest, from the least to the greatest value of each.  A
    run that ends early has sampled them without repetition; resumed, it goes on to the end, where it ends by itself.
    `Archive.best` and the column `rank` of `alife export RUN --to table.csv` are the ranking.

    Args:
        order: "shuffled" = scattered over all, in an order that the run's seed decides; "counted" = by number.
        keep: places in the ranking (R): a world is kept as a lifeform when it is among the best so many up to then.

    Raises:
        BadOption: an option out of range.
    """

    def __init__(self, order: str = "shuffled", keep: int = 1000) -> None:
        self.shuffled = one_of("order", order, ("shuffled", "counted")) == "shuffled"
        self.keep = whole("keep", keep, 1, 10_000_000, "places in the ranking")

    def init(self, key: PRNGKey, space: Space, population: int) -> State:
        """Chooses the order.

        Raises:
            BadGenotype: real genotypes, or more than can be numbered.
        """
        self._low, self._sizes, self.total = _numbered(space)
        self._strides = np.append(np.cumprod(self._sizes[:0:-1])[::-1], 1).astype(np.int64)
        self._space, self._population, self._rank = space, population, jax.jit(ranked)
        draw = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        stride, first = (_stride(draw, self.total), draw.integers(self.total)) if self.shuffled else (1, 0)
        places = min(self.keep, self.total)
        return State(
            done=np.array(0, np.int32),
            stride=np.array(stride, np.int32),
            first=np.array(first, np.int32),
            scores=np.full(places, -np.inf, np.float32),
            number=np.full(places, -1, np.int32),
        )

    def ask(self, key: PRNGKey, state: State) -> tuple[Num[np.ndarray, "N G"], State]:
        """The next N genotypes."""
        turn = (int(state.done) + np.arange(self._population, dtype=np.int64)) % self.total
        codes = (int(state.first) + turn * int(state.stride)) % self.total
        digits = codes[:, None] // self._strides % self._sizes
        return (digits + self._low).astype(self._space.dtype), state

    def tell(self, state: State, genotypes: Num[Any, "N G"], evaluation: Evaluation) -> tuple[State, Verdict]:
        """Take the newcomers into the ranking that belong there."""
        n, done = len(evaluation.scores), int(state.done)
        number = done + np.arange(n, dtype=np.int64)
        fresh = np.asarray(evaluation.valid) & (number < self.total)
        scores = np.where(fresh, np.asarray(evaluation.scores), -np.inf).astype(np.float32)
        best, numbers, keep, replaced = self._rank(state.scores, state.number, scores, number.astype(np.int32))
        state = state._replace(done=np.array(min(done + n, MOST), np.int32), scores=best, number=numbers)
        return state, Verdict(keep, np.full((n, 2), -1), np.full(n, OPERATORS.index("sweep")), replaced)

    def finished(self, state: State) -> bool:
        """Whether every genotype has been run."""
        return int(state.done) >= self.total


def ranked(
    scores: Float[Array, " R"], number: Int[Array, " R"], newcomers: Float[Array, " N"], numbers: Int[Array, " N"]
) -> tuple[Float[Array, " R"], Int[Array, " R"], Bool[Array, " N"], Int[Array, " N"]]:
    """The best R of members and newcomers: their scores and numbers, which newcomers got in, and whom they replaced.

    >>> best = ranked(jnp.array([3.0, 1.0]), jnp.array([7, 8]), jnp.array([0.0, 2.0]), jnp.array([9, 10]))
    >>> [x.tolist() for x in best]
    [[3.0, 2.0], [7, 10], [False, True], [-1, 8]]
    """
    everyone = jnp.concatenate([scores, newcomers])
    entered, seat, replaced = seated(best_of(everyone, len(scores)) & (everyone > -jnp.inf), number)
    return (
        scores.at[seat].set(newcomers, mode="drop"),
        number.at[seat].set(numbers, mode="drop"),
        entered,
        replaced,
    )


def _numbered(space: Space) -> tuple[Int[np.ndarray, " G"], Int[np.ndarray, " G"], int]:
    """Least value of each number, how many values it has, and how many genotypes that makes."""
    if space.dtype == np.float32:
        raise BadGenotype(
            f"search sweep enumerates integers; genotypes of {space.name!r} are {space.size} real number(s). "
            "Use --search map_elites, --search Sep_CMA_ES or --search random"
        )
    low, high = (np.asarray(bound, np.int64) for bound in space.bounds)
    sizes = high - low + 1
    digits = float(np.sum(np.log10(sizes)))  # the number itself may have thousands of them
    total = math.prod(sizes.tolist()) if digits < 12 else MOST + 1
    if total > MOST:
        raise BadGenotype(
            f"search sweep can enumerate {MOST} genotypes; {space.name!r} has about 10^{int(digits)}. {ANY_GENOTYPE}"
        )
    return low, sizes, total


def _stride(draw: np.random.Generator, total: int) -> int:
    """A number that shares no factor with the total: steps of it reach every genotype once."""
    while True:
        stride = int(draw.integers(1, total + 1))
        if math.gcd(stride, total) == 1:
            return stride


@hookimpl
def register_searches(register: Callable[..., None]) -> None:
    register(
        "sweep",
        "alife.search.sweep:Sweep",
        summary="every genotype once, with a ranking; integer genotypes",
        source="Kumar et al. 2024, arXiv:2412.17799, as for the rules of life",
    )

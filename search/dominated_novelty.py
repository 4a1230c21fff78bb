"""`dominated_novelty`: a population without cells; who survives is far from everybody that is better."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Num

from alife.hookspecs import hookimpl
from alife.options import whole
from alife.types import Evaluation, PRNGKey, Space, Verdict

from .cells import best_of, checked_axes, checked_ranges, known_ranges, seated
from .variation import Origin, checked_line, checked_sigma, offspring

ROWS = 128
"""Members whose distances to all others are held at one time: what fits a cache."""
STRIP = 32
"""Distances of which only the least is looked at, unless it is among the least."""


class State(NamedTuple):
    """The population (S seats) and how the generation in flight came about."""

    genotypes: Num[Array, "S G"]
    scores: Float[Array, " S"]
    """-inf = an empty seat."""
    places: Float[Array, "S A"]
    """On the axes, or the unit embedding of the last frame; no columns until the first generation is told."""
    number: Int[Array, " S"]
    """Evaluation number; -1 = an empty seat."""
    low: Float[Array, " A"]
    """Low end of every axis; NaN until it is known."""
    high: Float[Array, " A"]
    evaluations: Int[Array, ""]
    """Worlds told so far."""
    origin: Origin
    """How the generation in flight came about."""


class DominatedNovelty:
    """Those survive that are far from everybody who scores higher, as `dominated_novelty` measures it.

    Newcomers and members compete together, and the `size` highest survive.  The best world of all always does; others
    by being good at what nobody near them is better at.  No cells, no ranges and no distance need be chosen.

    Args:
        axes: what the axes measure, see `alife.axes`; none = distances between embeddings of the last frame.
        size: members of the population (S), >= 1.
        k: better neighbours that count, >= 1.
        ranges: low and high end of each axis, which make distances along them comparable; None = as far as the first
            generation reaches, and half as far again on both sides.
        sigma: mutation strength, in units of the typical size of a genotype's number, > 0.
        line: how far children move along the line to another member, in units of its length; 0 = not at all.

    Raises:
        BadOption: with the reason.

    Source: Bahlous-Boldi et al. 2025 (arXiv:2502.00593).
    """

    in_flight = ("origin",)

    def __init__(
        self,
        axes: Sequence[str] = (),
        size: int = 256,
        k: int = 3,
        ranges: Sequence[Sequence[float]] | None = None,
        sigma: float = 0.1,
        line: float = 0.2,
    ) -> None:
        self.axes = checked_axes("dominated_novelty", axes, few=0)
        self.low, self.high = checked_ranges("dominated_novelty", ranges, self.axes)
        self.size = whole("size", size, 1, 1_000_000, "members")
        self.k = whole("k", k, 1, 1000, "neighbours")
        self.sigma = checked_sigma(sigma)
        self.line = checked_line(line)

    def init(self, key: PRNGKey, space: Space, population: int) -> State:
        """An empty population."""
        self._space, self._population = space, population
        self._ask, self._tell = jax.jit(self._breed), jax.jit(self._compete)
        return State(
            genotypes=jnp.zeros((self.size, space.size), space.dtype),
            scores=jnp.full(self.size, -jnp.inf),
            places=jnp.zeros((self.size, len(self.axes))),
            number=jnp.full(self.size, -1),
            low=self.low,
            high=self.high,
            evaluations=jnp.zeros((), int),
            origin=Origin.unborn(population),
        )

    def ask(self, key: PRNGKey, state: State) -> tuple[Num[Array, "N G"], State]:
        """Children of random members; as long as there are none, samples of the substrate's prior."""
        genotypes, origin = self._ask(key, state.genotypes, state.number)
        return genotypes, state._replace(origin=origin)

    def tell(self, state: State, genotypes: Num[Any, "N G"], evaluation: Evaluation) -> tuple[State, Verdict]:
        """Let newcomers and members compete for the seats."""
        places: Any = evaluation.axes if self.axes else evaluation.z[:, -1]
        if state.places.shape[1] != places.shape[1]:
            state = state._replace(places=jnp.zeros((self.size, places.shape[1])))
        return self._tell(state, genotypes, evaluation.scores, places, evaluation.valid)

    def _breed(self, key: PRNGKey, genotypes: Array, number: Array) -> tuple[Num[Array, "N G"], Origin]:
        return offspring(key, self._space, self._population, genotypes, number, self.sigma, self.line)

    def _compete(
        self, state: State, genotypes: Array, scores: Array, places: Array, valid: Array
    ) -> tuple[State, Verdict]:
        low, high = known_ranges(state.low, state.high, places, valid) if self.axes else (state.low, state.high)
        width = high - low if self.axes else jnp.ones(1)
        together = jnp.concatenate([state.scores, scores])
        worth = dominated_novelty(together, jnp.concatenate([state.places, places]) / width, self.k)
        alive = best_of(worth, self.size) & (together > -jnp.inf)
        enter, seat, replaced = seated(alive, state.number)
        fresh = state.evaluations + jnp.arange(len(scores))
        state = State(
            genotypes=state.genotypes.at[seat].set(genotypes, mode="drop"),
            scores=state.scores.at[seat].set(scores, mode="drop"),
            places=state.places.at[seat].set(places, mode="drop"),
            number=state.number.at[seat].set(fresh, mode="drop"),
            low=low,
            high=high,
            evaluations=state.evaluations + len(scores),
            origin=state.origin,
        )
        return state, state.origin.verdict(enter, replaced)


def dominated_novelty(scores: Float[Array, " M"], places: Float[Array, "M A"], k: int) -> Float[Array, " M"]:
    """How far each world is from those that score higher: mean Euclidean distance to the k nearest of them.

    In [0, inf], higher is better; fewer are averaged where there are fewer, inf where nobody is better, -inf for a
    score of -inf.  Of equal scores the first counts as higher.

    Args:
        scores: higher is better; -inf = not there.
        places: where the worlds lie.
        k: neighbours, >= 1.

    Source: Bahlous-Boldi et al. 2025 (arXiv:2502.00593), where equal scores count as higher both ways: two equal
        best ones would put each other out.

    >>> dominated_novelty(jnp.array([3.0, 2.0, 1.0]), jnp.array([[0.0], [1.0], [5.0]]), k=1).tolist()
    [inf, 1.0, 4.0]
    """
    count = len(scores)
    order = jnp.argsort(-scores, stable=True)
    rank = jnp.zeros(count, jnp.int32).at[order].set(jnp.arange(count, dtype=jnp.int32))
    wide, tall = -count % STRIP, -count % ROWS
    others = jnp.pad(places, ((0, wide), (0, 0)))
    others_rank = jnp.pad(rank, (0, wide), constant_values=count)

    def rows(block: tuple[Array, Array]) -> Float[Array, " R"]:
        near = _nearest_better(*block, others, others_rank, k)
        there = jnp.isfinite(near)
        mean = jnp.sum(jnp.where(there, near, 0), axis=1) / jnp.sum(there, axis=1)
        return jnp.where(there.any(axis=1), mean, jnp.inf)

    blocks = jnp.pad(places, ((0, tall), (0, 0))).reshape(-1, ROWS, places.shape[1])
    ranks = jnp.pad(rank, (0, tall)).reshape(-1, ROWS)
    worth = jax.lax.map(rows, (blocks, ranks)).reshape(-1)[:count]
    return jnp.where(scores > -jnp.inf, worth, -jnp.inf)


def _nearest_better(
    places: Float[Array, "R A"],
    rank: Int[Array, " R"],
    others: Float[Array, "M A"],
    others_rank: Int[Array, " M"],
    k: int,
) -> Float[Array, "R k"]:
    """Distances to the k nearest of lower rank; inf where there are fewer.

    The k least of all lie in the k strips whose least are least, so only those strips are sorted.
    """
    squared = jnp.where(others_rank[None, :] < rank[:, None], _squared_distances(places, others), jnp.inf)
    strips = squared.reshape(len(places), -1, STRIP)
    k_strips = min(k, strips.shape[1])
    chosen = jax.lax.top_k(-jnp.min(strips, axis=2), k_strips)[1]
    few = jnp.take_along_axis(strips, chosen[:, :, None], axis=1).reshape(len(places), -1)
    return jnp.sqrt(-jax.lax.top_k(-few, min(k, few.shape[1]))[0])


def _squared_distances(places: Float[Array, "R A"], others: Float[Array, "M A"]) -> Float[Array, "R M"]:
    """All squared distances: term by term on few axes, which is exact; as a matrix product on many."""
    if places.shape[1] <= 8:
        total = jnp.zeros((len(places), len(others)))
        for i in range(places.shape[1]):
            total += jnp.square(places[:, None, i] - others[None, :, i])
        return total
    square, squares = jnp.sum(places**2, axis=1), jnp.sum(others**2, axis=1)
    return jnp.maximum(square[:, None] + squares[None, :] - 2 * places @ others.T, 0)


@hookimpl
def register_searches(register: Callable[..., None]) -> None:
    register(
        "dominated_novelty",
        "alife.search.dominated_novelty:DominatedNovelty",
        summary="far from everybody that scores higher, in embedding space or on any axes; no cells to choose",
        test_options={"size": 12},
        source="Bahlous-Boldi et al. 2025, arXiv:2502.00593",
    )

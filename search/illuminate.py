"""`illuminate`: ASAL's genetic algorithm, which fills a population with worlds that look unlike each other."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Num

from alife.errors import BadOption
from alife.hookspecs import hookimpl
from alife.types import OPERATORS, ArrayLike, Evaluation, PRNGKey, Space, Verdict

from .cells import seated
from .random_sampling import with_starts
from .variation import children, some_of


class State(NamedTuple):
    """The population (S places) and how the generation in flight came about."""

    genotypes: Num[Array, "S G"]
    z: Float[ArrayLike, "S D"]
    """Unit embedding of the last frame of each member; one column until the first generation is told."""
    number: Int[Array, " S"]
    """Evaluation number of each member, -1 = an empty place."""
    evaluations: Int[Array, ""]
    """Worlds told so far."""
    parents: Int[Array, " N"]
    """Evaluation number of the parent of each child in flight, -1 = sampled from the prior."""


class Illuminate:
    """Children are changed copies of random members; then members most like their neighbours are dropped.

    The first `size` worlds are samples of the prior.  After that every generation adds its children and drops, one at
    a time, the member whose mean cosine to its `k` nearest is largest, until `size` are left.  A child is kept as a
    lifeform when it outlives its own generation.

    Args:
        size: members of the population (S), >= 2.
        sigma: mutation strength, in units of the typical size of a genotype's number, > 0.
        k: neighbours that decide who is crowded, >= 1.

    Source: Kumar et al. 2024 (arXiv:2412.17799), illumination.
    """

    in_flight = ("parents",)

    def __init__(self, size: int = 128, sigma: float = 0.5, k: int = 2) -> None:
        if type(size) is not int or type(k) is not int or not 1 <= k < size or not 0 < sigma < float("inf"):
            raise BadOption(
                f"search illuminate: size={size}, sigma={sigma}, k={k}; "
                "expected whole numbers 1 <= k < size, and sigma more than 0"
            )
        self.size, self.sigma, self.k = size, sigma, k

    def init(self, key: PRNGKey, space: Space, population: int) -> State:
        """An empty population."""
        self._space, self._children = space, population
        self._breed, self._select = jax.jit(self._breed_eagerly), jax.jit(self._select_eagerly)
        return State(
            genotypes=jnp.zeros((self.size, space.size), space.dtype),
            z=jnp.zeros((self.size, 1)),
            number=jnp.full(self.size, -1),
            evaluations=jnp.zeros((), int),
            parents=jnp.full(population, -1),
        )

    def ask(self, key: PRNGKey, state: State) -> tuple[Num[Array, "N G"], State]:
        """Samples of the prior until the population is full, changed copies of random members from then on.

        Where the run has genotypes to begin with, only the first generation is filled up with samples.
        """
        genotypes, parents = self._breed(key, state.genotypes, state.number, state.evaluations)
        return genotypes, state._replace(parents=parents)

    def tell(self, state: State, genotypes: Num[Any, "N G"], evaluation: Evaluation) -> tuple[State, Verdict]:
        """Take the children in, then drop the crowded."""
        last = evaluation.z[:, -1]
        if state.z.shape[1] != last.shape[1]:
            state = state._replace(z=np.zeros((self.size, last.shape[1]), np.float32))
        return self._select(state, genotypes, last, evaluation.valid)

    def _breed_eagerly(
        self, key: PRNGKey, genotypes: Num[Array, "S G"], number: Int[Array, " S"], evaluations: Int[Array, ""]
    ) -> tuple[Num[Array, "N G"], Int[Array, " N"]]:
        def sample() -> tuple[Array, Array]:
            first = with_starts(self._space.sample(key, self._children), self._space, evaluations == 0)
            return first, jnp.full(self._children, -1)

        def mutate() -> tuple[Array, Array]:
            choose, change = jax.random.split(key)
            chosen = some_of(choose, number >= 0, self._children)
            return children(change, self._space, genotypes[chosen], None, self.sigma, 0), number[chosen]

        empty = number < 0
        return jax.lax.cond(jnp.any(empty) if self._space.starts is None else jnp.all(empty), sample, mutate)

    def _select_eagerly(
        self, state: State, genotypes: Num[Array, "N G"], last: Float[Array, "N D"], valid: Bool[Array, " N"]
    ) -> tuple[State, Verdict]:
        fresh = state.evaluations + jnp.arange(len(last))
        z = jnp.concatenate([state.z, last])
        number = jnp.concatenate([state.number, jnp.where(valid, fresh, -1)])
        alive = survivors(z, number >= 0, self.size, self.k)
        entered, seat, replaced = seated(alive, state.number)
        members = State(
            genotypes=state.genotypes.at[seat].set(genotypes, mode="drop"),
            z=jnp.asarray(state.z).at[seat].set(last, mode="drop"),
            number=jnp.where(alive[: self.size], state.number, -1).at[seat].set(fresh, mode="drop"),
            evaluations=state.evaluations + len(last),
            parents=state.parents,
        )
        operator = jnp.where(state.parents >= 0, OPERATORS.index("mutate"), OPERATORS.index("sample"))
        parents = jnp.stack([state.parents, jnp.full_like(state.parents, -1)], axis=1)
        return members, Verdict(entered, parents, operator, replaced)


@partial(jax.jit, static_argnames=("size", "k"))
def survivors(z: Float[Array, "M D"], alive: Bool[Array, " M"], size: int, k: int) -> Bool[Array, " M"]:
    """Who is left when the most crowded are dropped one at a time until `size` remain.

    The most crowded is the one whose mean cosine to its k nearest is largest; of equals the first goes.

    >>> z = jnp.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.6, 0.8]])
    >>> survivors(z, jnp.ones(4, bool), size=3, k=1).tolist()
    [False, True, True, True]
    """
    cosines = jnp.where(jnp.eye(len(z), dtype=bool), -jnp.inf, z @ z.T)

    def drop(_: Array, alive: Bool[Array, " M"]) -> Bool[Array, " M"]:
        near = jax.lax.top_k(jnp.where(alive[None, :], cosines, -jnp.inf), k)[0]
        crowding = jnp.where(alive, jnp.mean(near, axis=1), -jnp.inf)
        return alive.at[jnp.argmax(crowding)].set(False)

    return jax.lax.fori_loop(0, jnp.maximum(0, jnp.sum(alive) - size), drop, alive)


@hookimpl
def register_searches(register: Callable[..., None]) -> None:
    register(
        "illuminate",
        "alife.search.illuminate:Illuminate",
        summary="ASAL's genetic algorithm: worlds unlike each other; any genotype that can be mutated",
        test_options={"size": 8},
        source="Kumar et al. 2024, arXiv:2412.17799",
    )

"""`novelty_search`: looks for what is unlike anything seen before, whatever it scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Num

from alife.hookspecs import hookimpl
from alife.options import real, whole
from alife.types import ArrayLike, Evaluation, PRNGKey, Space, Verdict

from .cells import best_of, seated
from .objectives import distance_to_nearest
from .variation import Origin, checked_line, checked_sigma, offspring


class State(NamedTuple):
    """The population (S seats), the memory (M rows) and how the generation in flight came about."""

    genotypes: Num[Array, "S G"]
    scores: Float[Array, " S"]
    z: Float[Array, "S D"]
    """Unit embedding of the last frame of each member; no columns until the first generation is told."""
    number: Int[Array, " S"]
    """Evaluation number of each member, -1 = an empty seat."""
    memory: Float[Array, "M D"]
    """Embeddings remembered, the oldest overwritten first."""
    remembered: Int[Array, ""]
    """How many have been written since the run began."""
    evaluations: Int[Array, ""]
    """Worlds told so far."""
    origin: Origin
    """How the generation in flight came about."""


class NoveltySearch:
    """The most novel of members and newcomers survive, and the most novel newcomers are remembered.

    Novelty is the mean distance (1 - cosine of last frames) to the k nearest among members, newcomers and memory.  The
    memory keeps the population from going back to where it has been.

    Args:
        size: members of the population (S), >= 1.
        k: neighbours that count, >= 1.
        memory: embeddings remembered at most (M), >= 1.
        remember: newcomers remembered of each generation, >= 1.
        weight: of the score in what decides who survives, 0 to 1; 0 = the score is not looked at.  Novelty and score
            count by where they lie between the least and the greatest of all members and newcomers.
        sigma: mutation strength, in units of the typical size of a genotype's number, > 0.
        line: how far children move along the line to another member, in units of its length; 0 = not at all.

    Raises:
        BadOption: with the reason.

    Source: Lehman and Stanley 2011 (doi:10.1162/EVCO_a_00025), who remember what is newer than a threshold, and breed
        by tournament; the weight as in Cuccu and Gomez 2011 (doi:10.1007/978-3-642-20525-5_24).
    """

    in_flight = ("origin",)

    axes = ()

    def __init__(
        self,
        size: int = 128,
        k: int = 15,
        memory: int = 2048,
        remember: int = 2,
        weight: float = 0.0,
        sigma: float = 0.1,
        line: float = 0.2,
    ) -> None:
        self.size = whole("size", size, 1, 1_000_000, "members")
        self.k = whole("k", k, 1, 1000, "neighbours")
        self.memory = whole("memory", memory, 1, 1_000_000, "embeddings")
        self.remember = whole("remember", remember, 1, self.memory, "newcomers of each generation, up to the memory's")
        self.weight = real("weight", weight, 0, 1, "share of the score")
        self.sigma = checked_sigma(sigma)
        self.line = checked_line(line)

    def init(self, key: PRNGKey, space: Space, population: int) -> State:
        """An empty population and an empty memory."""
        self._space, self._population = space, population
        self._ask, self._tell = jax.jit(self._breed), jax.jit(self._compete)
        return State(
            genotypes=jnp.zeros((self.size, space.size), space.dtype),
            scores=jnp.full(self.size, -jnp.inf),
            z=jnp.zeros((self.size, 0)),
            number=jnp.full(self.size, -1),
            memory=jnp.zeros((self.memory, 0)),
            remembered=jnp.zeros((), int),
            evaluations=jnp.zeros((), int),
            origin=Origin.unborn(population),
        )

    def ask(self, key: PRNGKey, state: State) -> tuple[Num[Array, "N G"], State]:
        """Children of random members; as long as there are none, samples of the substrate's prior."""
        genotypes, origin = self._ask(key, state.genotypes, state.number)
        return genotypes, state._replace(origin=origin)

    def tell(self, state: State, genotypes: Num[Any, "N G"], evaluation: Evaluation) -> tuple[State, Verdict]:
        """Let the most novel survive."""
        last = evaluation.z[:, -1]
        if state.z.shape[1] != last.shape[1]:
            empty = jnp.zeros((self.size + self.memory, last.shape[1]))
            state = state._replace(z=empty[: self.size], memory=empty[self.size :])
        return self._tell(state, genotypes, evaluation.scores, last, evaluation.valid)

    def _breed(self, key: PRNGKey, genotypes: Array, number: Array) -> tuple[Num[Array, "N G"], Origin]:
        return offspring(key, self._space, self._population, genotypes, number, self.sigma, self.line)

    def _compete(self, state: State, genotypes: Array, scores: Array, z: Array, valid: Array) -> tuple[State, Verdict]:
        together, there = jnp.concatenate([state.z, z]), jnp.concatenate([state.number >= 0, valid])
        known = jnp.arange(self.memory) < state.remembered
        novelty = novelty_among(together, there, state.memory, known, self.k)
        worth = self._worth(novelty, jnp.concatenate([state.scores, scores]), there)
        enter, seat, replaced = seated(best_of(worth, self.size) & there, state.number)
        fresh = state.evaluations + jnp.arange(len(scores))
        memory, remembered = self._remembering(state, z, novelty[self.size :], valid)
        state = State(
            genotypes=state.genotypes.at[seat].set(genotypes, mode="drop"),
            scores=state.scores.at[seat].set(scores, mode="drop"),
            z=state.z.at[seat].set(z, mode="drop"),
            number=state.number.at[seat].set(fresh, mode="drop"),
            memory=memory,
            remembered=remembered,
            evaluations=state.evaluations + len(scores),
            origin=state.origin,
        )
        return state, state.origin.verdict(enter, replaced)

    def _worth(
        self, novelty: Float[Array, " M"], scores: Float[Array, " M"], there: Bool[Array, " M"]
    ) -> Float[Array, " M"]:
        if self.weight > 0:
            novelty = (1 - self.weight) * _share(novelty, there) + self.weight * _share(scores, there)
        return jnp.where(there, novelty, -jnp.inf)

    def _remembering(
        self, state: State, z: Float[Array, "N D"], novelty: Float[Array, " N"], valid: Bool[Array, " N"]
    ) -> tuple[Float[Array, "M D"], Int[Array, ""]]:
        """The memory with the most novel newcomers in it, and how many have been remembered."""
        most = min(self.remember, len(novelty))
        chosen = jax.lax.top_k(jnp.where(valid, novelty, -jnp.inf), most)[1]
        count = jnp.minimum(jnp.sum(valid), most)
        rows = (state.remembered + jnp.arange(most)) % self.memory
        rows = jnp.where(jnp.arange(most) < count, rows, self.memory)
        return state.memory.at[rows].set(z[chosen], mode="drop"), state.remembered + count


def novelty_among(
    z: Float[Array, "C D"],
    there: Bool[Array, " C"],
    memory: Float[ArrayLike, "M D"],
    known: Bool[Array, " M"],
    k: int,
) -> Float[Array, " C"]:
    """Mean distance (1 - cosine) of every world to the k nearest of the others and of the memory.

    In [0, 2], higher is newer; fewer are averaged where there are fewer, 2 where there is nobody.

    Args:
        z: unit embeddings of members and newcomers.
        there: which rows of z are worlds.
        memory: unit embeddings remembered.
        known: which rows of the memory are in use.
        k: neighbours, >= 1.

    >>> everyone, nobody = jnp.ones(2, bool), jnp.zeros(1, bool)
    >>> novelty_among(jnp.eye(2), everyone, jnp.zeros((1, 2)), nobody, k=3).tolist()
    [1.0, 1.0]
    """
    others = there[None, :] & ~jnp.eye(len(z), dtype=bool)
    among = jnp.where(others, z @ z.T, -jnp.inf)
    before = jnp.where(known[None, :], z @ jnp.asarray(memory).T, -jnp.inf)
    return distance_to_nearest(jnp.concatenate([among, before], axis=1), k, alone=2.0)


def _share(values: Float[Array, " M"], there: Bool[Array, " M"]) -> Float[Array, " M"]:
    """Where values lie between the least (0) and the greatest (1) of those that are there."""
    least = jnp.min(jnp.where(there, values, jnp.inf))
    greatest = jnp.max(jnp.where(there, values, -jnp.inf))
    return (values - least) / jnp.where(greatest > least, greatest - least, 1)


@hookimpl
def register_searches(register: Callable[..., None]) -> None:
    register(
        "novelty_search",
        "alife.search.novelty_search:NoveltySearch",
        summary="worlds unlike any seen before, whatever they score; any genotype that can be mutated",
        test_options={"size": 12, "memory": 32, "k": 3},
        source="Lehman and Stanley 2011, doi:10.1162/EVCO_a_00025",
    )

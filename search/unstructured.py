"""`unstructured`: an archive without cells; whoever is near to a better one, as the embeddings see it, has no place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Num

from alife.hookspecs import hookimpl
from alife.options import whole
from alife.types import Evaluation, PRNGKey, Space, Verdict

from .variation import Origin, checked_line, checked_sigma, offspring

LOOSE_FIT = 1.25
"""Seats for each member wanted: room for the size to swing in while the distance adapts."""
PACE = 2.0
"""How fast the distance adapts: e-fold changes while `size` worlds are told, for an archive of twice its size."""
NARROWEST, WIDEST = 1e-6, 2.0
ALONE = 0.1
"""First distance where the first generation has one valid world, which is near to nobody."""


class State(NamedTuple):
    """The archive (S seats) and how the generation in flight came about."""

    genotypes: Num[Array, "S G"]
    scores: Float[Array, " S"]
    z: Float[Array, "S D"]
    """Unit embedding of the last frame of each member; no columns until the first generation is told."""
    number: Int[Array, " S"]
    """Evaluation number of each member, -1 = an empty seat."""
    distance: Float[Array, ""]
    """Members are farther apart than this, 1 - cosine; 0 until any world was valid."""
    evaluations: Int[Array, ""]
    """Worlds told so far."""
    origin: Origin
    """How the generation in flight came about."""


class Turns(NamedTuple):
    """The archive while the newcomers of one generation take their turns."""

    scores: Float[Array, " S"]
    taken: Bool[Array, " S"]
    sitter: Int[Array, " S"]
    """Which newcomer sits in each seat; -1 = who sat there before."""


class Unstructured:
    """Members are worlds that look different from each other; among those that look alike the best stays.

    Newcomers come one by one.  One that is farther than a distance l from all members is added.  One that is within l
    of some takes the place of the nearest if it scores higher than all of those, and the others are put out too.
    l grows while there are more members than wanted and shrinks while there are fewer.

    Args:
        size: members wanted; there can be a quarter more, >= 2.
        sigma: mutation strength, in units of the typical size of a genotype's number, > 0.
        line: how far children move along the line to another member, in units of its length; 0 = not at all.

    Raises:
        BadOption: with the reason.

    Source: Cully 2019 (arXiv:1905.11874), AURORA, and Grillotti and Cully 2022 (arXiv:2106.05648), whose l follows the
        size too; here with a fixed embedding and cosine distance, and l changes in proportion, after every generation.
    """

    in_flight = ("origin",)

    axes = ()

    def __init__(self, size: int = 256, sigma: float = 0.1, line: float = 0.2) -> None:
        self.size = whole("size", size, 2, 1_000_000, "members")
        self.seats = int(self.size * LOOSE_FIT)
        self.sigma = checked_sigma(sigma)
        self.line = checked_line(line)

    def init(self, key: PRNGKey, space: Space, population: int) -> State:
        """An empty archive."""
        self._space, self._population = space, population
        self._ask, self._tell = jax.jit(self._breed), jax.jit(self._compete)
        return State(
            genotypes=jnp.zeros((self.seats, space.size), space.dtype),
            scores=jnp.full(self.seats, -jnp.inf),
            z=jnp.zeros((self.seats, 0)),
            number=jnp.full(self.seats, -1),
            distance=jnp.zeros(()),
            evaluations=jnp.zeros((), int),
            origin=Origin.unborn(population),
        )

    def ask(self, key: PRNGKey, state: State) -> tuple[Num[Array, "N G"], State]:
        """Children of random members; as long as there are none, samples of the substrate's prior."""
        genotypes, origin = self._ask(key, state.genotypes, state.number)
        return genotypes, state._replace(origin=origin)

    def tell(self, state: State, genotypes: Num[Any, "N G"], evaluation: Evaluation) -> tuple[State, Verdict]:
        """Let the newcomers in, one by one, then adapt the distance."""
        last = evaluation.z[:, -1]
        if state.z.shape[1] != last.shape[1]:
            state = state._replace(z=jnp.zeros((self.seats, last.shape[1])))
        return self._tell(state, genotypes, evaluation.scores, last, evaluation.valid)

    def _breed(self, key: PRNGKey, genotypes: Array, number: Array) -> tuple[Num[Array, "N G"], Origin]:
        return offspring(key, self._space, self._population, genotypes, number, self.sigma, self.line)

    def _compete(self, state: State, genotypes: Array, scores: Array, z: Array, valid: Array) -> tuple[State, Verdict]:
        among = z @ z.T
        distance = jnp.where((state.distance > 0) | ~jnp.any(valid), state.distance, _first_distance(among, valid))
        turns, before = Turns(state.scores, state.number >= 0, jnp.full(self.seats, -1)), z @ state.z.T

        def turn(i: Array, turns: Turns) -> Turns:
            cosines = jnp.where(turns.sitter >= 0, among[i, turns.sitter], before[i])
            return _turn(i, turns, scores[i], valid[i], cosines, distance)

        turns = jax.lax.fori_loop(0, len(scores), turn, turns)
        new = (turns.sitter >= 0) & turns.taken
        keep = jnp.zeros(len(scores), bool).at[turns.sitter].max(new)
        replaced = (
            jnp.full(len(scores), -1).at[jnp.where(new, turns.sitter, len(scores))].set(state.number, mode="drop")
        )
        number = jnp.where(new, state.evaluations + turns.sitter, state.number)
        growth = PACE * (jnp.sum(turns.taken) / self.size - 1) * len(scores) / self.size
        state = State(
            genotypes=jnp.where(new[:, None], genotypes[turns.sitter], state.genotypes),
            scores=jnp.where(turns.taken, turns.scores, -jnp.inf),
            z=jnp.where(new[:, None], z[turns.sitter], state.z),
            number=jnp.where(turns.taken, number, -1),
            distance=jnp.where(distance > 0, jnp.clip(distance * jnp.exp(growth), NARROWEST, WIDEST), 0),
            evaluations=state.evaluations + len(scores),
            origin=state.origin,
        )
        return state, state.origin.verdict(keep, replaced)


def _turn(
    i: Array, turns: Turns, score: Array, valid: Array, cosines: Float[Array, " S"], distance: Float[Array, ""]
) -> Turns:
    """The archive after newcomer i has tried to get in; `cosines` are those to whoever sits or sat in each seat."""
    cosines = jnp.where(turns.taken, cosines, -jnp.inf)
    near = cosines > 1 - distance
    alone = ~jnp.any(near)
    best = jnp.max(jnp.where(near, turns.scores, -jnp.inf))
    enter = valid & jnp.where(alone, ~jnp.all(turns.taken), score > best)
    seat = jnp.where(alone, jnp.argmin(turns.taken), jnp.argmax(cosines))
    stay = turns.taken & ~(near & enter)
    return Turns(
        turns.scores.at[seat].set(jnp.where(enter, score, turns.scores[seat])),
        stay.at[seat].set(stay[seat] | enter),
        turns.sitter.at[seat].set(jnp.where(enter, i, turns.sitter[seat])),
    )


def _first_distance(cosines: Float[Array, "N N"], valid: Bool[Array, " N"]) -> Float[Array, ""]:
    """Half of the mean distance from a valid world to the nearest other one."""
    other = valid[:, None] & valid[None, :] & ~jnp.eye(len(valid), dtype=bool)
    nearest = 1 - jnp.max(jnp.where(other, cosines, -jnp.inf), axis=1)
    count = jnp.sum(jnp.isfinite(nearest))
    mean = jnp.sum(jnp.where(jnp.isfinite(nearest), nearest, 0)) / jnp.maximum(count, 1)
    return jnp.where(count > 0, jnp.maximum(mean / 2, NARROWEST), ALONE)


@hookimpl
def register_searches(register: Callable[..., None]) -> None:
    register(
        "unstructured",
        "alife.search.unstructured:Unstructured",
        summary="the best world of each neighbourhood of embedding space, without cells; any genotype",
        test_options={"size": 12},
        source="Cully 2019, arXiv:1905.11874; Grillotti and Cully 2022, arXiv:2106.05648",
    )

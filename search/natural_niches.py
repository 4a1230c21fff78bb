"""`natural_niches`: members share limited resources, and mate with those who are strong where they are weak."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Num

from alife.hookspecs import hookimpl
from alife.options import real, whole
from alife.types import OPERATORS, ArrayLike, Evaluation, PRNGKey, Space, Verdict

from .cells import checked_axes, seated
from .random_sampling import with_starts
from .variation import Origin, checked_sigma, children

FRESH, NUDGE = 0.5, 0.1
"""Part of the children whose merge is drawn anew; how far that of the others moves, standard deviation."""
ROUNDS = 32
"""The surplus goes in so many rounds, after each of which resources are shared out anew."""


class State(NamedTuple):
    """The population (S seats) and how the generation in flight came about."""

    genotypes: Num[Array, "S G"]
    places: Float[ArrayLike, "S R"]
    """On the R resources; no columns until the first generation is told."""
    merge: Float[Array, "S 2"]
    """Where each member's parents were joined and how far they were mixed, both in [0, 1]."""
    number: Int[Array, " S"]
    """Evaluation number of each member, -1 = an empty seat."""
    least: Float[ArrayLike, " R"]
    """Lowest place on each resource told so far; 0 for components of the embedding."""
    evaluations: Int[Array, ""]
    """Worlds told so far."""
    origin: Origin
    """Of the generation in flight."""
    merging: Float[Array, "N 2"]
    """Merge of each genotype in flight."""


class NaturalNiches:
    """Whoever lives where others do not has a resource for itself; children join two that complete each other.

    There is as much of each resource as of any other.  It is shared among the members in proportion to how far each
    lies above the lowest place seen, and the fitness of a member is the sum of its shares; the run's score counts
    only if it is named among the resources.  The least fit go until `size` are left, and shares are taken anew while
    they go.  First parents are chosen in proportion to fitness; second ones in proportion to how much more than the
    first they draw, most of all from resources that few draw from.  A child is one parent up to a split point and the
    other behind it, both mixed with each other by spherical interpolation around the middle of the prior, and then
    mutated.  Split point and mixing are inherited from the first parent with a small change, or drawn anew.

    Args:
        resources: what there is to live on, each a text as for axes, see `alife.axes`; none = the squares of
            the positive components of the embedding of the last frame.
        size: members of the population (S), >= 2.
        sigma: mutation strength, in units of the typical size of a genotype's number, > 0.
        sharing: 1 = resources are limited; 0 = nobody takes anything from anybody; in [0, 1].

    Raises:
        BadOption: with the reason.

    Source: Abrantes, Lange and Tang 2025 (arXiv:2508.16204), M2N2, where one child is made at a time, and split point
    and mixing are always drawn anew.
    """

    in_flight = ("origin", "merging")

    def __init__(self, resources: Sequence[str] = (), size: int = 64, sigma: float = 0.1, sharing: float = 1.0) -> None:
        self.axes = checked_axes("natural_niches", resources, few=0)
        self.size = whole("size", size, 2, 1_000_000, "members of the population")
        self.sigma = checked_sigma(sigma)
        self.sharing = real("sharing", sharing, 0, 1, "0 = unlimited resources, 1 = limited ones")

    def init(self, key: PRNGKey, space: Space, population: int) -> State:
        """An empty population."""
        self._space, self._population = space, population
        self._breed, self._select = jax.jit(self._breed_eagerly), jax.jit(self._select_eagerly)
        return State(
            genotypes=jnp.zeros((self.size, space.size), space.dtype),
            places=jnp.zeros((self.size, len(self.axes))),
            merge=jnp.full((self.size, 2), 0.5),
            number=jnp.full(self.size, -1),
            least=jnp.full(len(self.axes), jnp.inf),
            evaluations=jnp.zeros((), int),
            origin=Origin.unborn(population),
            merging=jnp.full((population, 2), 0.5),
        )

    def ask(self, key: PRNGKey, state: State) -> tuple[Num[Array, "N G"], State]:
        """Samples of the prior while nobody lives, children of two from then on."""
        genotypes, origin, merging = self._breed(key, state)
        return genotypes, state._replace(origin=origin, merging=merging)

    def tell(self, state: State, genotypes: Num[Any, "N G"], evaluation: Evaluation) -> tuple[State, Verdict]:
        """Let members and children share the resources, and the least fit go."""
        # squares: together at most 1, so that nobody gains by showing a little of everything
        places = jnp.asarray(evaluation.axes if self.axes else np.maximum(evaluation.z[:, -1], 0) ** 2)
        if state.places.shape[1] != places.shape[1]:
            width = places.shape[1]
            state = state._replace(places=np.zeros((self.size, width), np.float32), least=np.zeros(width, np.float32))
        return self._select(state, genotypes, places, evaluation.valid)

    def _breed_eagerly(self, key: PRNGKey, state: State) -> tuple[Num[Array, "N G"], Origin, Float[Array, "N 2"]]:
        space, n = self._space, self._population
        mate, fresh, nudge, change = jax.random.split(key, 4)
        anew = jax.random.uniform(fresh, (n, 2))

        def sample() -> tuple[Array, Origin, Array]:
            genotypes = with_starts(space.sample(change, n), space, True)
            return genotypes, Origin(jnp.full((n, 2), -1), jnp.full(n, OPERATORS.index("sample"))), anew

        def breed() -> tuple[Array, Origin, Array]:
            first, second = self._couples(mate, state)
            merging = inherited(nudge, state.merge[first], anew)
            joined = join(state.genotypes[first], state.genotypes[second], merging, jnp.asarray(space.centre))
            genotypes = children(change, space, joined, None, self.sigma, 0)
            parents = jnp.stack([state.number[first], state.number[second]], axis=1)
            return genotypes, Origin(parents, jnp.full(n, OPERATORS.index("crossover"))), merging

        return jax.lax.cond(jnp.any(state.number >= 0), breed, sample)

    def _couples(self, key: PRNGKey, state: State) -> tuple[Int[Array, " N"], Int[Array, " N"]]:
        lives, n = state.number >= 0, self._population
        mine = draws(jnp.asarray(state.places), lives, jnp.asarray(state.least))
        one, other = jax.random.split(key)
        first = pick(one, jnp.broadcast_to(fitness(mine, self.sharing), (n, self.size)), lives)
        if self.size <= n:  # fewer pairs of members than of children and members
            pull = attraction(mine, mine, self.sharing)[first]
        else:
            pull = attraction(mine[first], mine, self.sharing)
        return first, pick(other, pull, lives)

    def _select_eagerly(
        self,
        state: State,
        genotypes: Num[ArrayLike, "N G"],
        places: Float[ArrayLike, "N R"],
        valid: Bool[ArrayLike, " N"],
    ) -> tuple[State, Verdict]:
        enters = jnp.asarray(valid)
        places = jnp.where(enters[:, None], places, 0)
        least = state.least
        if self.axes:
            least = jnp.minimum(least, jnp.min(jnp.where(enters[:, None], places, jnp.inf), axis=0))
        alive = jnp.concatenate([state.number >= 0, enters])
        drawn = draws(jnp.concatenate([state.places, places]), alive, jnp.asarray(least))
        alive = survivors(drawn, alive, self.size, self.sharing, rounds=min(ROUNDS, len(enters)))
        enters, seat, replaced = seated(alive, state.number)
        members = state._replace(
            genotypes=state.genotypes.at[seat].set(genotypes, mode="drop"),
            places=jnp.asarray(state.places).at[seat].set(places, mode="drop"),
            merge=state.merge.at[seat].set(state.merging, mode="drop"),
            number=state.number.at[seat].set(state.evaluations + jnp.arange(len(enters)), mode="drop"),
            least=least,
            evaluations=state.evaluations + len(enters),
        )
        return members, state.origin.verdict(enters, replaced)


def draws(places: Float[Array, "M R"], alive: Bool[Array, " M"], least: Float[Array, " R"]) -> Float[Array, "M R"]:
    """What each member would draw from each resource if it were alone: its height above the least; 0 for the dead."""
    return jnp.where(alive[:, None], jnp.maximum(places - least, 0), 0)


def fitness(drawn: Float[Array, "M R"], sharing: float) -> Float[Array, " M"]:
    """Sum of each member's shares of all resources, >= 0, higher is better.

    Args:
        drawn: what each would draw from each resource, >= 0.
        sharing: power of the total that everything drawn from a resource is divided by.

    >>> drawn = jnp.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])  # two live on the first resource, one on the second
    >>> fitness(drawn, 1).tolist(), fitness(drawn, 0).tolist()
    ([0.5, 0.5, 1.0], [1.0, 1.0, 1.0])
    """
    return drawn @ _worth(drawn, sharing)


def attraction(one: Float[Array, "N R"], members: Float[Array, "S R"], sharing: float) -> Float[Array, "N S"]:
    """How much each member has to give to each one: all it draws beyond the other, scarce resources counting more.

    >>> members = jnp.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> attraction(members[:1], members, 1).tolist()
    [[0.0, 0.0, 1.0]]
    """
    worth = _worth(members, sharing)
    return jax.lax.map(lambda row: jnp.maximum(members - row, 0) @ worth, one)  # at once it would be N x S x R numbers


def _worth(drawn: Float[Array, "M R"], sharing: float) -> Float[Array, " R"]:
    """Share that one unit drawn from each resource gives; 0 where nobody draws."""
    total = jnp.sum(drawn, axis=0)
    return jnp.where(total > 0, jnp.where(total > 0, total, 1) ** -sharing, 0)


@partial(jax.jit, static_argnames=("size", "sharing", "rounds"))
def survivors(
    drawn: Float[Array, "M R"], alive: Bool[Array, " M"], size: int, sharing: float, rounds: int
) -> Bool[Array, " M"]:
    """Who is left when the least fit go until `size` remain, shares being taken anew after every round.

    Going all at once, members of one crowded niche would all go, and leave it empty.

    Args:
        drawn: what each draws from each resource; 0 for the dead.
        alive: who takes part, at most `size` + `rounds` times what one round can drop.
        size: how many may stay.
        sharing: as `fitness` takes it.
        rounds: the surplus goes in so many parts; as many as there are to go = one at a time.

    >>> crowd = jnp.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 0.1]])
    >>> survivors(crowd, jnp.ones(4, bool), size=2, sharing=1, rounds=2).tolist()
    [False, False, True, True]
    """
    most = -(-(len(drawn) - size) // rounds)

    def drop(i: Array, alive: Bool[Array, " M"]) -> Bool[Array, " M"]:
        surplus = jnp.maximum(jnp.sum(alive) - size, 0)
        go = -(-surplus // (rounds - i))
        worst = jax.lax.top_k(jnp.where(alive, -fitness(drawn * alive[:, None], sharing), -jnp.inf), most)[1]
        return alive.at[worst].min(jnp.arange(most) >= go)

    return jax.lax.fori_loop(0, rounds, drop, alive)


def pick(key: PRNGKey, weights: Float[Array, "N S"], present: Bool[Array, " S"]) -> Int[Array, " N"]:
    """For each row one column, with chances in proportion to the weights, all >= 0; where all are 0, any present one.

    >>> pick(jax.random.key(0), jnp.array([[0.0, 2.0, 0.0], [0.0, 0.0, 0.0]]), jnp.array([False, False, True])).tolist()
    [1, 2]
    """
    none = jnp.sum(weights, axis=1, keepdims=True) == 0
    upto = jnp.cumsum(jnp.where(none, present * 1.0, weights), axis=1)
    mark = jax.random.uniform(key, (len(weights), 1)) * upto[:, -1:]
    last = jnp.argmax(upto == upto[:, -1:], axis=1)  # rounding may put the mark at the very end
    return jnp.minimum(jnp.sum(upto <= mark, axis=1), last)


def inherited(key: PRNGKey, merge: Float[Array, "N 2"], anew: Float[Array, "N 2"]) -> Float[Array, "N 2"]:
    """Merges of children: some drawn anew, the others those of their first parents, a little changed."""
    fresh, nudge = jax.random.split(key)
    near = jnp.clip(merge + NUDGE * jax.random.normal(nudge, merge.shape), 0, 1)
    return jnp.where(jax.random.bernoulli(fresh, FRESH, (len(merge), 1)), anew, near)


def join(
    first: Num[Array, "N G"], second: Num[Array, "N G"], merge: Float[Array, "N 2"], centre: Float[Array, " G"]
) -> Num[Array, "N G"]:
    """Two genotypes made one: mostly the first before a split point, mostly the second behind it, or the reverse.

    Before the split the second's part is t, behind it 1 - t, on the great circle around the centre; integers are
    not mixed, there t is rounded.

    Args:
        first, second: the parents.
        merge: split point as a part of the genotype, and t, both in [0, 1].
        centre: middle of the prior.

    >>> ones, twos = jnp.ones((1, 4)), 2 * jnp.ones((1, 4))
    >>> join(ones, twos, jnp.array([[0.25, 0.0]]), jnp.zeros(4)).tolist()
    [[1.0, 2.0, 2.0, 2.0]]
    """
    size = first.shape[1]
    mix = merge[:, 1:] if first.dtype == jnp.float32 else jnp.round(merge[:, 1:])
    before = jnp.arange(size) < jnp.round(merge[:, :1] * size)
    a, b = first - centre, second - centre
    fore, aft = _circle(a, b, before, mix), _circle(a, b, ~before, 1 - mix)
    child = centre + jnp.where(before, fore[0], aft[0]) * a + jnp.where(before, fore[1], aft[1]) * b
    return child if first.dtype == jnp.float32 else jnp.where(before == (mix == 0), first, second)


def _circle(
    a: Float[Array, "N G"], b: Float[Array, "N G"], part: Bool[Array, "N G"], t: Float[Array, "N 1"]
) -> tuple[Float[Array, "N 1"], Float[Array, "N 1"]]:
    """Weights of a and b for spherical interpolation of a part; linear where they point the same way or opposite."""
    dot, square_a, square_b = (jnp.sum(jnp.where(part, x, 0), axis=1, keepdims=True) for x in (a * b, a * a, b * b))
    length = jnp.sqrt(square_a * square_b)
    angle = jnp.arccos(jnp.clip(dot / jnp.where(length > 0, length, 1), -1, 1))
    sine = jnp.sin(angle)
    straight = sine < 1e-3
    divisor = jnp.where(straight, 1, sine)
    return (
        jnp.where(straight, 1 - t, jnp.sin((1 - t) * angle) / divisor),
        jnp.where(straight, t, jnp.sin(t * angle) / divisor),
    )


@hookimpl
def register_searches(register: Callable[..., None]) -> None:
    register(
        "natural_niches",
        "alife.search.natural_niches:NaturalNiches",
        summary="limited resources keep niches alive, opposites mate; texts or embeddings; genotypes that can mutate",
        test_options={"resources": ["a", "b"], "size": 8},
        source="Abrantes, Lange and Tang 2025, arXiv:2508.16204",
    )

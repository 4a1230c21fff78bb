"""Children: how searches that keep genotypes make new ones from them."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, Num

from alife.errors import BadGenotype
from alife.options import real
from alife.types import OPERATORS, PRNGKey, Space, Verdict

from .random_sampling import with_starts

MIXED = 0.25
"""Share of children that begin as a mixture of two parents, where a substrate mixes them in a way of its own."""
ANY_GENOTYPE = "Use --search map_elites, --search illuminate or --search random"
"""What a search says that cannot vary integers."""


class Origin(NamedTuple):
    """How the genotypes of one generation came about, as `Verdict` says it."""

    parents: Int[Array, "N 2"]
    """Evaluation numbers; -1 = none."""
    operator: Int[Array, " N"]
    """Index into `OPERATORS`."""

    @classmethod
    def unborn(cls, n: int) -> Origin:
        """Of a generation that has not been asked for."""
        return cls(jnp.full((n, 2), -1), jnp.zeros(n, int))

    def verdict(self, keep: Bool[Array, " N"], replaced: Int[Array, " N"] | None) -> Verdict:
        """The verdict about these genotypes."""
        return Verdict(keep, self.parents, self.operator, replaced)


def checked_sigma(sigma: Any) -> float:
    """The option `sigma` of a search: mutation strength.

    Raises:
        BadOption: not a number more than 0.
    """
    return real("sigma", sigma, 1e-9, 1e9, "in units of the typical size of a genotype's number")


def checked_line(line: Any) -> float:
    """The option `line` of a search: how far children move along the line to another parent.

    Raises:
        BadOption: not a number, or below 0.
    """
    return real("line", line, 0, 1e9, "in units of the distance between two parents")


def require_reals(name: str, space: Space) -> None:
    """See that a search that varies real numbers is given some.

    Raises:
        BadGenotype: integers; the message names searches that take them.
    """
    if space.dtype != np.float32:
        raise BadGenotype(
            f"search {name} varies real numbers; genotypes of {space.name!r} are {space.size} integer(s). "
            f"{ANY_GENOTYPE}"
        )


def children(
    key: PRNGKey,
    space: Space,
    parents: Num[Array, "N G"],
    others: Num[Array, "N G"] | None,
    sigma: float,
    line: float,
) -> Num[Array, "N G"]:
    """Changed copies of parents, within the bounds of the space.

    Along lines where that can be: parent + sigma * scale * normal + line * (other - parent) * one normal, which
    steps far in directions in which good genotypes differ.  Else the substrate's own mutation.

    Args:
        key: of the random numbers.
        space: the genotypes.
        parents: one for each child.
        others: where the line from each parent leads; None = no lines.
        sigma: mutation strength, in units of the typical size of a genotype's number, >= 0.
        line: how far along the line, in units of its length, >= 0; 0 = no lines.

    Raises:
        BadGenotype: integer genotypes of a substrate without mutation.

    Source: Vassiliades and Mouret 2018 (arXiv:1804.03906), iso+line.
    """
    if others is None or not along_lines(space, line):
        return within(space, space.mutate(key, parents, sigma))
    around, along = jax.random.split(key)
    noise = sigma * space.scale * jax.random.normal(around, parents.shape)
    steps = line * jax.random.normal(along, (len(parents), 1))
    return within(space, parents + noise + steps * (others - parents))


def along_lines(space: Space, line: float) -> bool:
    """Whether children move along lines: where what lies between two genotypes is one, too."""
    return line > 0 and space.blends


def within(space: Space, genotypes: Num[Array, "N G"]) -> Num[Array, "N G"]:
    """The genotypes, each number moved to the nearest that the space allows."""
    low, high = space.bounds
    return jnp.clip(genotypes, low, high)


def offspring(
    key: PRNGKey,
    space: Space,
    n: int,
    members: Num[Array, "S G"],
    number: Int[Array, " S"],
    sigma: float,
    line: float,
) -> tuple[Num[Array, "N G"], Origin]:
    """Children of members that are chosen at random, all equally likely; samples of the prior if there are none.

    Args:
        key: of the random numbers.
        space: the genotypes.
        n: children wanted.
        members: genotypes held, in S places.
        number: evaluation number of each member, -1 = an empty place.
        sigma, line: as `children` takes them.
    """
    choose, change = jax.random.split(key)
    chosen = some_of(choose, number >= 0, 2 * n)
    first, second = chosen[:n], chosen[n:]
    return born(change, space, members, number, first, second, sigma, line)


def born(
    key: PRNGKey,
    space: Space,
    members: Num[Array, "S G"],
    number: Int[Array, " S"],
    first: Int[Array, " N"],
    second: Int[Array, " N"],
    sigma: float,
    line: float,
) -> tuple[Num[Array, "N G"], Origin]:
    """Children of chosen members, and where they came from; samples of the prior if all places are empty.

    Where they do not move along lines and the substrate mixes genotypes in a way of its own, a quarter of them are
    changed copies of a mixture of both parents.

    Args:
        key: of the random numbers.
        space: the genotypes.
        members: genotypes held, in S places.
        number: evaluation number of each member, -1 = an empty place.
        first: place of each child's parent.
        second: place of the member towards which it moves, or with which it is mixed.
        sigma, line: as `children` takes them.
    """
    lines, n = along_lines(space, line), len(first)

    def sample() -> tuple[Num[Array, "N G"], Origin]:
        genotypes = with_starts(space.sample(key, n), space, True)
        return genotypes, Origin(jnp.full((n, 2), -1), jnp.full(n, OPERATORS.index("sample")))

    def breed() -> tuple[Num[Array, "N G"], Origin]:
        if lines:
            genotypes = children(key, space, members[first], members[second], sigma, line)
            both = jnp.stack([number[first], number[second]], axis=1)
            return genotypes, Origin(both, jnp.full(n, OPERATORS.index("line")))
        coin, mix, change = jax.random.split(key, 3)
        bred, mixed = members[first], jnp.zeros(n, bool)
        if space.mixes:
            mixed = jax.random.bernoulli(coin, MIXED, (n,))
            bred = jnp.where(mixed[:, None], space.crossover(mix, bred, members[second]), bred)
        genotypes = children(change, space, bred, None, sigma, 0)
        parents = jnp.stack([number[first], jnp.where(mixed, number[second], -1)], axis=1)
        return genotypes, Origin(parents, jnp.where(mixed, OPERATORS.index("crossover"), OPERATORS.index("mutate")))

    return jax.lax.cond(jnp.any(number >= 0), breed, sample)


def some_of(key: PRNGKey, present: Bool[Array, " S"], n: int) -> Int[Array, " n"]:
    """n places drawn with replacement from those where something is present, all equally likely; 0 if there is none.

    >>> some_of(jax.random.key(0), jnp.array([False, False, True]), 2).tolist()
    [2, 2]
    """
    upto = jnp.cumsum(present)
    rank = jax.random.randint(key, (n,), 0, jnp.maximum(upto[-1], 1))
    return jnp.minimum(jnp.searchsorted(upto, rank, side="right"), len(present) - 1).astype(jnp.int32)

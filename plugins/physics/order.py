"""Which contact points touch, one after the other, so that the solver meets no others."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

MOST = 64
"""Contact points that the solver heeds at the same time.  Shapes that do not overlap touch in at most 3 N - 6 pairs, of
which few meet along an edge; in a crowd beyond that the last ones wait for the next step."""


class Touching(NamedTuple):
    """The contact points that touch, in the order of their numbers."""

    points: Int[Array, " K"]
    """Their numbers; beyond `number` any."""
    number: Int[Array, ""]
    """How many they are."""
    place: Int[Array, " Q"]
    """Where in `points` each contact point is that touches."""


def touching(active: Bool[Array, " Q"]) -> Touching:
    """The list of those that touch.

    >>> found = touching(jnp.array([False, True, False, True]))
    >>> found.points[:2].tolist(), int(found.number)
    ([1, 3], 2)
    """
    so_far = jnp.cumsum(active)
    wanted = 1 + jnp.arange(min(MOST, len(active)))
    points = jnp.sum(so_far < wanted[:, None], axis=1)
    return Touching(
        jnp.minimum(points, len(active) - 1), jnp.minimum(so_far[-1], len(wanted)), jnp.minimum(so_far - 1, MOST - 1)
    )


@jax.custom_batching.custom_vmap
def most(count: Int[Array, ""]) -> Int[Array, ""]:
    """The highest of the counts of all worlds that are run together: so far a loop must go, and no farther."""
    return count


@most.def_vmap
def _most_of_all(axis_size: int, in_batched: list[bool], count: Int[Array, " B"]) -> tuple[Int[Array, ""], bool]:
    return most(jnp.max(count)), False

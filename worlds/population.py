"""Who is born into which slot: agents live in arrays of a fixed length, and a birth fills a slot that is free."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


class Births(NamedTuple):
    """Parents and the slots of their children, side by side; both are N, out of range, where there is no birth."""

    parent: Int[Array, " B"]
    child: Int[Array, " B"]
    number: Int[Array, ""]
    """How many take place; these come first."""


def pair_births(wants: Bool[Array, " N"], alive: Bool[Array, " N"], energy: Float[Array, " N"], limit: int) -> Births:
    """Gives every birth a free slot; the richest parents go first where there are too many.

    Nothing that agents have is moved: `genome.at[births.child].set(new[...], mode="drop")` writes the children alone.

    Args:
        wants: who is to have a child.
        alive: whose slot is taken; a slot that is not is free.
        energy: of equal ones the first slot goes first; finite.
        limit: most births at a time (B), 1..N.

    >>> wants, alive = jnp.array([True, False, True, False]), jnp.array([True, True, True, False])
    >>> births = pair_births(wants, alive, jnp.array([3.0, 9.0, 5.0, 0.0]), limit=2)
    >>> births.parent.tolist(), births.child.tolist(), int(births.number)
    ([2, 4], [3, 4], 1)
    """
    n = len(wants)
    count = jnp.minimum(jnp.minimum(jnp.sum(wants), jnp.sum(~alive)), limit)
    real = jnp.arange(limit) < count
    _, parent = jax.lax.top_k(jnp.where(wants, energy, -jnp.inf), limit)
    child = jnp.nonzero(~alive, size=limit, fill_value=n)[0]
    return Births(jnp.where(real, parent, n), jnp.where(real, child, n).astype(jnp.int32), count)

"""What may be kept of the moments of a world besides its pictures: states, small enough to store, and the best moment.

All of it is traceable.  A state goes into an archive leaf by leaf, so that anyone can read it without the substrate.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from alife.types import Tree

WHOLE = "state"
"""Name of the only leaf of a state that is one array."""


class Best(NamedTuple):
    """The moment in which a number was highest so far."""

    value: Float[Array, ""]
    """NaN before there was any."""
    step: Int[Array, ""]
    """Steps taken before it; 0 = none was so far."""
    state: Tree


def none_yet(state: Tree, steps: Int[Array, ""]) -> Best:
    """Before the first step; `state` is the start, which is never the best moment, as it is never a frame."""
    return Best(jnp.float32(jnp.nan), jnp.zeros_like(steps), state)


def better(best: Best, value: Float[Array, ""], step: Int[Array, ""], state: Tree) -> Best:
    """The higher of the two, and of equals the earlier one; only finite numbers count.

    >>> best = none_yet(jnp.float32(0), jnp.int32(0))
    >>> for step, value in enumerate([jnp.nan, 2.0, 3.0, 3.0, jnp.inf, 1.0], 1):
    ...     best = better(best, jnp.float32(value), jnp.int32(step), jnp.float32(10 * step))
    >>> [float(part) for part in best]
    [3.0, 3.0, 30.0]
    """
    higher = jnp.isfinite(value) & ~(value <= best.value)
    return Best(*jax.tree.map(lambda new, old: jnp.where(higher, new, old), (value, step, state), tuple(best)))


def halved(state: Tree) -> Tree:
    """A state with its real numbers as float16: right to one part in 2048, and infinite beyond 65504.

    Keys become the integers that they are made of; all else stays as it is.

    >>> jax.tree.map(lambda leaf: leaf.dtype.name, halved({"x": jnp.float32(1 / 3), "n": jnp.int32(70000)}))
    {'n': 'int32', 'x': 'float16'}
    """

    def small(leaf: Array) -> Array:
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return jax.random.key_data(leaf)
        return leaf.astype(jnp.float16) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    return jax.tree.map(small, state)


def by_path(tree: Tree) -> dict[str, Array]:
    """The leaves of a tree, each under its path.

    >>> list(by_path({"bird": {"x": 1, "v": 2}})), list(by_path(3))
    (['bird/v', 'bird/x'], ['state'])
    """
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    named = {jax.tree_util.keystr(path, simple=True, separator="/"): jnp.asarray(leaf) for path, leaf in leaves}
    return {name or WHOLE: leaf for name, leaf in named.items()}

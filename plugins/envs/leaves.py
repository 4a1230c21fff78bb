"""States of other libraries as plain numbers of types that never change; keys as the integers they are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from alife.errors import BadOption
from alife.types import KEY_KIND, Tree

STARTED = (0, 1)
"""Seeds of the keys with which shapes are found out."""


def common_layout(reset: Callable[..., Any], step: Callable[..., Any], action: Array) -> Tree:
    """Shapes and dtypes of an environment's state, wide enough for what its steps make of it.

    Raises:
        BadOption: a step changes the structure or a shape.
    """
    keys = [jax.random.key(seed) for seed in STARTED]
    _, first = jax.eval_shape(reset, keys[0])
    _, later, *_ = jax.eval_shape(step, keys[1], first, action)
    same = bool(jax.tree.structure(first) == jax.tree.structure(later))  # type: ignore[operator]
    if not same or jax.tree.map(jnp.shape, first) != jax.tree.map(jnp.shape, later):
        raise BadOption("a step of this environment changes the shape of its state, so it cannot be compiled")
    return jax.tree.map(_wider, first, later)


def to_numbers(state: Tree, layout: Tree) -> Tree:
    """A state with keys as the integers that they are made of, and numbers in the dtypes of its layout.

    >>> key = jax.random.key(7)
    >>> layout = jax.eval_shape(lambda: key)
    >>> to_numbers(key, layout).tolist(), bool(from_numbers(to_numbers(key, layout), layout) == key)
    ([0, 7], True)
    """

    def plain(leaf: Any, like: jax.ShapeDtypeStruct) -> Array:
        return jax.random.key_data(leaf) if _is_key(like) else jnp.asarray(leaf).astype(like.dtype)

    return jax.tree.map(plain, state, layout)


def from_numbers(state: Tree, layout: Tree) -> Tree:
    """The state that `to_numbers` was given."""

    def own(leaf: Array, like: jax.ShapeDtypeStruct) -> Array:
        return jax.random.wrap_key_data(leaf, impl=KEY_KIND) if _is_key(like) else leaf

    return jax.tree.map(own, state, layout)


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _wider(first: Any, later: Any) -> jax.ShapeDtypeStruct:
    dtype = first.dtype if _is_key(first) else jnp.promote_types(first.dtype, later.dtype)
    return jax.ShapeDtypeStruct(first.shape, dtype)

"""All that is random in a turn from one draw: every further draw costs half a second of compiling."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt32

from alife.types import PRNGKey


def thrown(key: PRNGKey, **shapes: tuple[int, ...]) -> dict[str, Float[Array, "..."]]:
    """Independent uniform numbers in [0, 1), under their names and in these shapes.

    >>> found = thrown(jax.random.key(0), places=(3, 2), rank=())
    >>> found["places"].shape, found["rank"].shape
    ((3, 2), ())
    """
    sizes = [int(np.prod(shape)) for shape in shapes.values()]
    parts = jnp.split(jax.random.uniform(key, (sum(sizes),)), np.cumsum(sizes)[:-1])
    return {name: part.reshape(shape) for part, (name, shape) in zip(parts, shapes.items(), strict=True)}


def either_way(u: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """Uniform in [-1, 1) from uniform in [0, 1)."""
    return 2 * u - 1


def one_of_first(u: Float[Array, "*n"], count: Int[Array, ""]) -> Int[Array, "*n"]:
    """A number from 0 to count - 1, or 0 where there is none."""
    return jnp.minimum((u * count).astype(jnp.int32), jnp.maximum(count - 1, 0))


def normal(key: PRNGKey, count: int) -> Float[Array, " count"]:
    """Numbers that are normal to within 0.003 of their distribution: sums of eight random bytes, at most 4.9 large.

    A brain has 136,000 weights and there are births in every step: threefry and the inverse of the normal distribution
    would take 2 ms for each, this takes 0.2.

    >>> x = normal(jax.random.key(0), 100_000)
    >>> abs(float(x.mean())) < 0.01, abs(float(x.std()) - 1) < 0.01, abs(float((x**4).mean()) - 2.85) < 0.1
    (True, True, True)
    """
    a, b = jax.random.key_data(key)
    number = jnp.arange(count, dtype=jnp.uint32)
    pairs = jnp.zeros(count, jnp.uint32)
    for turn in range(2):
        word = _mixed(_mixed(2 * number + turn + a) ^ b)
        pairs = pairs + (word & 0x00FF00FF) + (word >> 8 & 0x00FF00FF)  # two sums side by side in a word
    total = (pairs & 0xFFFF) + (pairs >> 16)
    return (total.astype(jnp.float32) - 8 * 127.5) / np.float32(np.sqrt(8 * (256**2 - 1) / 12))


def _mixed(x: UInt32[Array, "*n"]) -> UInt32[Array, "*n"]:
    """A bijection of words that turns counters into noise.

    Source: lowbias32, the best of Wellons' search for hash functions of two multiplications (2018, public domain).
    """
    x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
    return x ^ (x >> 16)

"""Several pictures as one: rows of tiles, and which of them a place lies in."""

from __future__ import annotations

import math

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

LINE = 0.6
"""Brightness of the lines between tiles."""


def mosaic(pictures: Float[Array, "L t t 3"], img_size: int) -> Float[Array, "H W 3"]:
    """Tiles from the upper left one on; what is left over is white.

    >>> (mosaic(jnp.zeros((3, 2, 2, 3)), 5)[2, :, 0] * 10).astype(int).tolist()
    [0, 6, 10, 10, 10]
    """
    count, tile = pictures.shape[:2]
    across = tiles_across(count)
    lined = jnp.pad(pictures[:, :-1, :-1], ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=LINE)
    every = jnp.pad(lined, ((0, across**2 - count), (0, 0), (0, 0), (0, 0)), constant_values=1)
    rows = every.reshape(across, across, tile, tile, 3).swapaxes(1, 2).reshape(across * tile, across * tile, 3)
    more = img_size - across * tile
    return jnp.pad(rows, ((0, more), (0, more), (0, 0)), constant_values=1)


def tiles_across(count: int) -> int:
    """Tiles in a row of so many pictures.

    >>> [tiles_across(count) for count in (1, 2, 4, 5)]
    [1, 2, 2, 3]
    """
    return math.isqrt(count - 1) + 1


def within(place: Float[Array, "2"], tile: Int[Array, ""], count: int) -> Float[Array, "2"]:
    """A place of the whole picture as a place of one of its tiles; beyond [0, 1] where it lies in another."""
    across = tiles_across(count)
    return place * across - jnp.stack([tile % across, tile // across])

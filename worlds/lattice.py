"""Worlds whose state is a lattice of cells: showing one at any picture size, and two-state cells 32 to a word.

In words, bit b of word [r, x] is the cell in row 32 r + b and column x, so neighbours in a row are neighbours in memory
and neighbours in a column are one shift away.  The lattice is a torus.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt32

WORD = 32
"""Cells in one word; JAX has no 64-bit words unless asked."""


def upscale(cells: Float[Array, "h w C"], img_size: int) -> Float[Array, "H W C"]:
    """A lattice as a square picture, H = W = img_size: each pixel takes the cell that its centre lies in.

    Works up and down, at any ratio; where img_size is a multiple of the lattice every cell becomes an equal block.

    Args:
        cells: one colour per cell, in [0, 1]; a lattice that is not square is stretched.
        img_size: edge of the picture, pixels, > 0.

    >>> upscale(jnp.array([[[0.0], [1.0]]]), 4)[0, :, 0].tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    height, width = cells.shape[:2]
    # Columns first: rows are then copied whole, so of the two selections the big one runs at the speed of memory.
    return cells[:, _under_pixels(width, img_size)][_under_pixels(height, img_size)]


def _under_pixels(cells: int, pixels: int) -> Int[np.ndarray, " pixels"]:
    """The cell under each pixel's centre, in whole numbers: floats would round wrongly on a cell's edge."""
    return (2 * np.arange(pixels) + 1) * cells // (2 * pixels)


def pack(cells: Bool[Array, "h w"]) -> UInt32[Array, "R w"]:
    """Cells in words; the height is a multiple of 32.

    >>> pack(jnp.eye(32, dtype=bool))[0, :4].tolist()
    [1, 2, 4, 8]
    """
    rows = cells.reshape(-1, WORD, cells.shape[1]).astype(jnp.uint32)
    return jnp.sum(rows << jnp.arange(WORD, dtype=jnp.uint32)[:, None], axis=1, dtype=jnp.uint32)


def unpack(words: UInt32[Array, "R w"]) -> Bool[Array, "h w"]:
    """The cells in words: the inverse of `pack`."""
    bits = words[:, None, :] >> jnp.arange(WORD, dtype=jnp.uint32)[:, None] & 1
    return bits.astype(bool).reshape(-1, words.shape[1])


def from_above(words: UInt32[Array, "R w"]) -> UInt32[Array, "R w"]:
    """Every cell takes the value of the cell above it."""
    return words << 1 | jnp.roll(words, 1, axis=0) >> (WORD - 1)


def from_below(words: UInt32[Array, "R w"]) -> UInt32[Array, "R w"]:
    """Every cell takes the value of the cell below it."""
    return words >> 1 | jnp.roll(words, -1, axis=0) << (WORD - 1)


def count_neighbours(words: UInt32[Array, "R w"]) -> tuple[UInt32[Array, "R w"], ...]:
    """How many of its 8 neighbours live, for every cell: the four binary digits of the count, lowest first.

    Args:
        words: the cells.

    Source: bit-sliced addition with carry-save adders, as in hardware; 0 to 8 needs four digits.
    """
    above, below = from_above(words), from_below(words)
    # Columns of three are added once and used by the columns on both sides; a cell is not its own neighbour.
    columns = jnp.stack(_add(above, words, below))
    columns = jnp.concatenate([columns[..., -1:], columns, columns[..., :1]], axis=-1)
    left, right = columns[..., :-2], columns[..., 2:]
    ones, twos = _add(left[0], above ^ below, right[0])
    more_twos, fours = _add(left[1], above & below, right[1])
    carry = twos & more_twos
    return ones, twos ^ more_twos, fours ^ carry, fours & carry


def _add(a: Array, b: Array, c: Array) -> tuple[Array, Array]:
    """The two binary digits of a + b + c, for every bit."""
    different = a ^ b
    return different ^ c, (a & b) | (different & c)

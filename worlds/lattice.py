"""Worlds whose state is a lattice of cells: pictures, neighbourhoods, chance, and two-state cells 32 to a word.

In words, bit b of word [r, x] is the cell in row 32 r + b and column x, so neighbours in a row are neighbours in memory
and neighbours in a column are one shift away.  The lattice is a torus.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped, UInt32

from alife.types import ArrayLike, PRNGKey

WORD = 32
"""Cells in one word; JAX has no 64-bit words unless asked."""

PALETTE = np.array(
    [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1], [1, 1, 1], [143 / 255, 93 / 255, 0]], np.float32
)
"""Colours of kinds 0 to 7, red green blue in [0, 1]: red, green, blue, yellow, magenta, cyan, white, brown."""

THREEFRY_TURNS = ((13, 15, 26, 6), (17, 29, 16, 24))
THREEFRY_PARITY = np.uint32(0x1BD11BDA)
"""Rotations, bits, and parity constant of the generator behind JAX's keys."""


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


def disc(shape: tuple[int, ...], middle: Float[Array, "2"], radius: float | Float[ArrayLike, ""]) -> Bool[Array, "h w"]:
    """The cells of a torus that are near a place.

    Args:
        shape: height and width, cells.
        middle: of the disc, cells down and to the right of the corner of the first one.
        radius: up to which a cell's middle is near, cells.

    >>> disc((4, 4), jnp.array([0.5, 0.5]), 1.0).astype(int).tolist()
    [[1, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
    """
    down, across = (
        (jnp.arange(edge) + 0.5 - middle[axis] + edge / 2) % edge - edge / 2 for axis, edge in enumerate(shape)
    )
    return down[:, None] ** 2 + across**2 <= radius**2


def around(cells: Shaped[Array, "h w"]) -> list[Shaped[Array, "h w"]]:
    """What every cell sees: its eight neighbours and itself, row by row from above left, on a torus.

    >>> [int(seen[0, 0]) for seen in around(jnp.arange(9).reshape(3, 3))]  # the cell in the corner holds 0
    [8, 6, 7, 2, 0, 1, 5, 3, 4]
    """
    height, width = cells.shape
    framed = jnp.pad(cells, 1, mode="wrap")
    return [framed[row : row + height, column : column + width] for row in range(3) for column in range(3)]


def convolve(
    cells: Float[Array, "C h w"], kernel: Float[Array, "3 3 C D"], bias: Float[Array, " D"]
) -> Float[Array, "D h w"]:
    """A layer of a network that sees every cell with its eight neighbours, on a torus.

    Args:
        cells: the inputs, channels first.
        kernel: weights; [0, 0] are those of the cell above left (so it is a correlation, as in every library).
        bias: added to each output.

    >>> shifted = convolve(jnp.eye(3)[None], jnp.zeros((3, 3, 1, 1)).at[1, 0].set(1), jnp.zeros(1))
    >>> shifted[0].tolist()  # every cell takes the value on its left
    [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    # Sums of planes, each times one number, are one vector loop; with weights of its own for every world the
    # library's convolution takes many times as long on a CPU.  Stacking makes each output plane be computed once.
    seen = [plane for channel in cells for plane in around(channel)]
    weights = kernel.reshape(9, *kernel.shape[2:]).swapaxes(0, 1).reshape(len(seen), -1)
    return jnp.stack([weighted(seen, weights[:, out], bias[out]) for out in range(len(bias))])


def weighted(planes: Sequence[Float[Array, "h w"]], weights: Float[Array, " n"], bias: Float[Array, ""]) -> Array:
    """Planes, each times its weight, and a number, added up.

    >>> weighted([jnp.ones((1, 2)), jnp.eye(1, 2)], jnp.array([2.0, 3.0]), jnp.float32(4)).tolist()
    [[9.0, 6.0]]
    """
    total = bias
    for plane, weight in zip(planes, weights, strict=True):
        total = total + plane * weight
    return total


def random_bits(key: PRNGKey, shape: tuple[int, ...]) -> UInt32[Array, "..."]:
    """Random words: the same numbers as `jax.random.bits(key, shape)`, in a third of the time on a CPU.

    JAX repeats its rounds in a loop over whole arrays there; written out they are one vector loop, which also joins
    what the words are used for.  So use each of them for one thing: what is used again is computed again.

    Args:
        key: threefry key, as all keys of a run are.
        shape: with fewer than 2^32 numbers.

    Source: Threefry-2x32 with 20 rounds, Salmon et al. 2011 (doi:10.1145/2063384.2063405).
    """
    first, second = jax.random.key_data(key)
    schedule = (first, second, first ^ second ^ THREEFRY_PARITY)
    count = jnp.arange(math.prod(shape), dtype=jnp.uint32).reshape(shape)
    x, y = jnp.broadcast_to(first, shape), count + second
    for block in range(5):
        for turn in THREEFRY_TURNS[block % 2]:
            x = x + y
            y = (y << turn | y >> (32 - turn)) ^ x
        x = x + schedule[(block + 1) % 3]
        y = y + schedule[(block + 2) % 3] + np.uint32(block + 1)
    return x ^ y


def random_fractions(key: PRNGKey, shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Random multiples of 2^-24 in [0, 1), all equally likely; see `random_bits`."""
    return (random_bits(key, shape) >> 8).astype(jnp.float32) * np.float32(2**-24)


def random_half(key: PRNGKey, shape: tuple[int, ...]) -> Bool[Array, "..."]:
    """True with probability one half, everywhere independently: one random bit each.

    Args:
        shape: with fewer than 2^32 numbers.
    """
    cells = math.prod(shape)
    # JAX's own words here: they are computed before they are used, and each is used 32 times.
    words = jax.random.bits(key, (-(-cells // WORD),))
    bits = words >> jnp.arange(WORD, dtype=jnp.uint32)[:, None] & 1
    return bits.astype(bool).reshape(-1)[:cells].reshape(shape)


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

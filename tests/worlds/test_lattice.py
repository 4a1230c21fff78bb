"""Lattices are shown cell by cell at any size, and words hold the cells they were made of."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.worlds.lattice import count_neighbours, from_above, from_below, pack, unpack, upscale


def numbered(height: int, width: int) -> jax.Array:
    """Every cell another grey."""
    return jnp.arange(height * width, dtype=jnp.float32).reshape(height, width, 1) * jnp.ones(3)


@pytest.mark.parametrize("times", [1, 2, 7])
def test_a_whole_multiple_makes_every_cell_an_equal_block(times: int) -> None:
    cells = numbered(32, 32)
    blocks = np.kron(np.asarray(cells[:, :, 0]), np.ones((times, times)))
    shown = upscale(cells, 32 * times)
    assert shown.shape == (32 * times, 32 * times, 3)
    assert np.array_equal(shown, np.repeat(blocks[:, :, None], 3, axis=2))


@pytest.mark.parametrize(
    ("height", "width", "img_size"), [(64, 64, 224), (128, 128, 50), (96, 32, 64), (5, 3, 7), (1, 1, 4)]
)
def test_a_pixel_shows_the_cell_under_its_centre(height: int, width: int, img_size: int) -> None:
    cells = numbered(height, width)
    shown = np.asarray(upscale(cells, img_size)[:, :, 0])
    for i in range(img_size):
        for j in range(img_size):
            row, column = (2 * i + 1) * height // (2 * img_size), (2 * j + 1) * width // (2 * img_size)
            assert shown[i, j] == row * width + column


def test_shrinking_by_a_whole_number_takes_the_middle_of_each_block() -> None:
    assert np.array_equal(upscale(numbered(9, 9), 3)[:, :, 0], [[10, 13, 16], [37, 40, 43], [64, 67, 70]])


def test_upscale_works_on_many_and_on_one_channel() -> None:
    many = jax.random.uniform(jax.random.key(0), (4, 16, 16, 1))
    together = jax.vmap(lambda cells: upscale(cells, 40))(many)
    assert all((picture == upscale(cells, 40)).all() for picture, cells in zip(together, many, strict=True))


def random_cells(height: int = 96, width: int = 40) -> np.ndarray:
    return np.random.default_rng(0).random((height, width)) < 0.4


def test_packing_is_undone_by_unpacking() -> None:
    cells = random_cells()
    words = pack(jnp.asarray(cells))
    assert words.shape == (3, 40)
    assert words.dtype == jnp.uint32
    assert np.array_equal(unpack(words), cells)


def test_one_cell_is_one_bit() -> None:
    words = pack(jnp.zeros((64, 8), bool).at[32 + 31, 5].set(True))
    assert int(words[1, 5]) == 2**31
    assert int(words.sum()) == 2**31


def test_vertical_moves_cross_words_and_the_edge() -> None:
    cells = random_cells()
    words = pack(jnp.asarray(cells))
    assert np.array_equal(unpack(from_above(words)), np.roll(cells, 1, 0))
    assert np.array_equal(unpack(from_below(words)), np.roll(cells, -1, 0))


@pytest.mark.parametrize("density", [0.1, 0.5, 1.0])
def test_neighbours_are_counted_on_a_torus(density: float) -> None:
    cells = np.random.default_rng(1).random((64, 50)) < density
    digits = [np.asarray(unpack(digit)).astype(int) for digit in count_neighbours(pack(jnp.asarray(cells)))]
    around = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)]
    expected = sum(np.roll(cells, shift, (0, 1)).astype(int) for shift in around)
    assert np.array_equal(sum(digit << place for place, digit in enumerate(digits)), expected)

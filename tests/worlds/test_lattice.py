"""Lattices are shown cell by cell at any size, cells see their neighbours, and words hold what they were made of."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.worlds.lattice import (
    PALETTE,
    around,
    convolve,
    count_neighbours,
    from_above,
    from_below,
    pack,
    random_bits,
    random_fractions,
    random_half,
    unpack,
    upscale,
)


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


def test_the_palette_is_the_published_one() -> None:
    published = ["ff0000", "00ff00", "0000ff", "ffff00", "ff00ff", "00ffff", "ffffff", "8f5d00"]
    assert ["".join(f"{round(float(c) * 255):02x}" for c in colour) for colour in PALETTE] == published


# --- neighbourhoods


@pytest.mark.parametrize("shape", [(5, 7), (2, 3), (1, 1)])
def test_every_cell_sees_its_neighbours_on_a_torus(shape: tuple[int, int]) -> None:
    cells = np.arange(np.prod(shape)).reshape(shape)
    expected = [np.roll(cells, (-a, -b), (0, 1)) for a in (-1, 0, 1) for b in (-1, 0, 1)]
    assert np.array_equal(jnp.stack(around(jnp.asarray(cells))), expected)


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 4), (3, 2)])
def test_a_convolution_matches_its_definition(inputs: int, outputs: int) -> None:
    rng = np.random.default_rng(inputs)
    cells, kernel, bias = rng.random((inputs, 6, 5)), rng.normal(size=(3, 3, inputs, outputs)), rng.normal(size=outputs)
    expected = np.zeros((outputs, 6, 5))
    for i in range(6):
        for j in range(5):
            seen = [[cells[:, (i + a - 1) % 6, (j + b - 1) % 5] @ kernel[a, b] for b in range(3)] for a in range(3)]
            expected[:, i, j] = np.sum(seen, (0, 1)) + bias
    as_float32 = [jnp.asarray(x, jnp.float32) for x in (cells, kernel, bias)]
    np.testing.assert_allclose(convolve(*as_float32), expected, rtol=1e-4, atol=1e-5)


# --- chance


@pytest.mark.parametrize("shape", [(), (1,), (31,), (16, 9)])
@pytest.mark.parametrize("seed", [0, 12345])
def test_random_words_are_those_of_jax(seed: int, shape: tuple[int, ...]) -> None:
    key = jax.random.key(seed)
    with jax.threefry_partitionable(True):
        expected = jax.random.bits(key, shape)
    assert np.array_equal(jax.jit(random_bits, static_argnums=1)(key, shape), expected)


def test_random_words_of_many_worlds_are_those_of_each() -> None:
    keys = jax.random.split(jax.random.key(3), 4)
    bits = jax.jit(lambda key: random_bits(key, (10,)))
    assert np.array_equal(jax.vmap(bits)(keys), jnp.stack([bits(key) for key in keys]))


def test_random_fractions_lie_in_the_unit_interval_evenly() -> None:
    u = np.asarray(random_fractions(jax.random.key(1), (1 << 17,)))
    counts = np.histogram(u, 64, (0, 1))[0]
    assert 0 <= u.min() < 1e-4 < 1 - 1e-4 < u.max() < 1
    assert ((counts - 2048) ** 2 / 2048).sum() < 104  # chi-square, 63 degrees of freedom: one seed in 1000 is beyond


@pytest.mark.parametrize("shape", [(64, 64), (33, 31), (5,)])
def test_half_of_many_is_true_and_nothing_repeats(shape: tuple[int, ...]) -> None:
    keys = jax.random.split(jax.random.key(2), 300)
    draws = np.asarray(jax.vmap(lambda key: random_half(key, shape).ravel())(keys))
    assert draws.shape[1] == np.prod(shape)
    share = draws.mean(0)
    assert abs(draws.mean() - 0.5) < 0.02
    assert np.abs(share - 0.5).max() < 5 * 0.5 / np.sqrt(300)  # no place prefers a side
    together = (draws[:, :-1] == draws[:, 1:]).mean()
    assert abs(together - 0.5) < 0.03  # nor goes with the next

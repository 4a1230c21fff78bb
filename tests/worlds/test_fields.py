"""Fields: convolutions against sums written out, and creatures found wherever they are."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.worlds.fields import (
    Convolution,
    centre_of_mass,
    creature_measures,
    gaussian,
    lean,
    moments,
    ring_kernel,
    window,
    wrap,
)


def bump(size: int, row: float, column: float, width: float = 2.0) -> np.ndarray:
    """A soft round blob on a torus, one channel."""
    away = [wrap(np.arange(size) - place, size) for place in (row, column)]
    return np.exp(-(away[0][:, None] ** 2 + away[1][None] ** 2) / (2 * width**2))[None].astype(np.float32)


@pytest.mark.parametrize(("size", "channels", "sources"), [(12, 1, [0]), (9, 2, [1, 0, 0]), (16, 3, [2, 0, 1, 1])])
def test_convolution_is_the_sum_over_all_neighbours(size: int, channels: int, sources: list[int]) -> None:
    rng = np.random.default_rng(0)
    cells = rng.random((channels, size, size))
    kernels = np.stack([ring_kernel(size, 2 + k / 2, [1, 0.5], lambda r: 1 - r) for k in range(len(sources))])
    seen = Convolution(kernels, sources)(jnp.asarray(cells, jnp.float32))
    assert len(seen) == len(sources)
    for kernel, source, result in zip(kernels, sources, seen, strict=True):
        places = np.argwhere(kernel)
        expected = sum(kernel[i, j] * np.roll(cells[source], (i, j), (0, 1)) for i, j in places)
        np.testing.assert_allclose(result, expected, atol=1e-6)


def test_ring_kernel_weighs_shells_and_sums_to_one() -> None:
    kernel = ring_kernel(32, 8, [0, 1], lambda r: np.ones_like(r))
    assert kernel.sum() == pytest.approx(1)
    assert kernel[0, 0] == kernel[0, 3] == 0 < kernel[0, 4] == kernel[7, 0] == kernel[-7, 0] and kernel[0, 8] == 0


def test_ring_kernel_that_cannot_be_is_refused() -> None:
    with pytest.raises(BadOption, match="reaches 20 cells far; expected at most half the world's 32"):
        ring_kernel(32, 20, [1], lambda r: r)
    with pytest.raises(BadOption, match="is empty"):
        ring_kernel(32, 1, [1], lambda r: r)


def test_gaussian_is_exp() -> None:
    x = np.concatenate([np.linspace(-20, 20, 100_001), [1e5, np.inf]]).astype(np.float32)
    np.testing.assert_allclose(gaussian(jnp.asarray(x)), np.exp(-(x.astype(float) ** 2) / 2), atol=5e-7)
    assert np.isnan(gaussian(jnp.float32(np.nan)))


def test_gaussian_has_the_gradient_of_exp() -> None:
    for x in (-1.5, 0.3, 2.0):
        assert float(jax.grad(gaussian)(x)) == pytest.approx(-x * np.exp(-x * x / 2), abs=1e-4)


@pytest.mark.parametrize("place", [(16, 16), (0, 31), (31, 0), (1, 17)])
def test_centre_of_mass_is_found_across_the_seam(place: tuple[int, int]) -> None:
    assert tuple(centre_of_mass(jnp.asarray(bump(32, *place))).tolist()) == place


def test_centre_of_mass_of_a_lopsided_creature_is_its_plain_mean() -> None:
    cells = np.maximum(bump(64, 20, 20), 0.5 * bump(64, 34, 20))
    plain = (cells[0] * np.arange(64)[:, None]).sum() / cells.sum()
    for shift in (0, 40):  # the second one lies across the seam
        found = centre_of_mass(jnp.asarray(np.roll(cells, shift, 1)))
        assert found.tolist() == [(round(plain) + shift) % 64, 20]


def test_moments_count_cells_where_they_are_nearest() -> None:
    cells = jnp.zeros((1, 8, 8)).at[0, 7, 2].set(2.0)
    mass, moment = moments(cells, jnp.array([0, 0]))
    assert float(mass) == 2 and moment.tolist() == [-2, 4]
    assert lean(cells, jnp.array([8, 16])).tolist() == [-1, 2]  # once and twice round the torus
    assert lean(jnp.zeros((1, 8, 8)), jnp.array([3, 3])).tolist() == [0, 0]


def test_window_puts_the_centre_in_the_middle() -> None:
    cells = jnp.zeros((1, 8, 8)).at[0, 7, 0].set(1.0)
    assert jnp.argwhere(window(cells, jnp.array([7, 8]), 4)).tolist() == [[0, 2, 2]]


def measure(*places: tuple[float, float], rate: float = 2.0) -> dict[str, float]:
    now, *later = (jnp.asarray(bump(64, row, column)) for row, column in places)
    centre = jnp.round(jnp.array(places[0])).astype(jnp.int32)
    numbers = creature_measures(now, tuple(later), centre, radius=8, rate=rate, near=32)
    return {name: float(value) for name, value in numbers.items()}


def test_measures_know_place_speed_and_turn() -> None:
    straight = measure((28, 40), (28, 44), (28, 48))  # to the right, above the middle
    assert straight["centre_x"] == pytest.approx(1, abs=1e-4) and straight["centre_y"] == pytest.approx(0.5, abs=1e-4)
    assert straight["speed"] == pytest.approx(4 / 8 * 2, abs=1e-4)
    assert straight["angular_velocity"] == pytest.approx(0, abs=1e-4)
    left = measure((28, 40), (28, 44), (24, 44))  # a quarter turn counterclockwise in one step
    assert left["angular_velocity"] == pytest.approx(0.5 * 2, abs=1e-4)
    assert measure((28, 40), (28, 44), (32, 44))["angular_velocity"] == pytest.approx(-1, abs=1e-4)
    assert measure((20, 20), (20, 20), (20, 20))["angular_velocity"] == 0


def test_measures_tell_empty_full_and_spread_worlds() -> None:
    flags = ("is_empty", "is_full", "is_spread")
    assert [measure((9, 9), (9, 9), (9, 9))[name] for name in flags] == [0, 0, 0]

    def of(cells: jnp.ndarray) -> list[float]:
        numbers = creature_measures(cells, (cells, cells), jnp.array([32, 32]), radius=8, rate=2, near=32)
        return [float(numbers[name]) for name in flags]

    assert of(jnp.zeros((1, 64, 64))) == [1, 0, 0]
    assert of(jnp.ones((1, 64, 64))) == [0, 1, 1]
    assert of(jnp.concatenate([jnp.asarray(bump(64, 32, 32)), jnp.zeros((1, 64, 64))])) == [1, 0, 0]

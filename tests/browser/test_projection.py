"""Places on the map: alike near alike, within the square, the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from alife.browser.neighbourhood import neighbour_map
from alife.browser.projection import SAMPLE, Projection


def clouds(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors of three kinds, and which kind each is of."""
    random = np.random.default_rng(0)
    kind = np.arange(n) % 3
    z = np.eye(3, 16)[kind] + 0.05 * random.normal(size=(n, 16))
    return (z / np.linalg.norm(z, axis=1, keepdims=True)).astype(np.float32), kind


def test_alike_lies_near_alike() -> None:
    z, kind = clouds(300)
    places = Projection(z)(z)
    middles = np.stack([places[kind == k].mean(0) for k in range(3)])
    nearest = np.linalg.norm(places[:, None] - middles, axis=-1).argmin(1)
    assert (nearest == kind).all()
    assert places.min() >= 0 and places.max() <= 1


def test_an_outlier_does_not_squeeze_the_rest() -> None:
    z, _ = clouds(300)
    z[0] = -z[0]
    places = Projection(z)(z)[1:]
    assert (np.ptp(places, axis=0) > 0.5).all()


def test_what_cannot_be_read_has_no_place_and_moves_nobody() -> None:
    z, _ = clouds(60)
    broken = z.copy()
    broken[7] = np.nan
    places = Projection(broken)(broken)
    assert np.isnan(places[7]).all()
    np.testing.assert_array_equal(np.delete(places, 7, 0), Projection(np.delete(z, 7, 0))(np.delete(z, 7, 0)))


def test_many_are_placed_by_a_sample_of_them() -> None:
    z, kind = clouds(3 * SAMPLE)
    places = Projection(z)(z)
    middles = np.stack([places[kind == k].mean(0) for k in range(3)])
    assert (np.linalg.norm(places[:, None] - middles, axis=-1).argmin(1) == kind).mean() > 0.99


def test_one_kind_or_one_number_is_no_trouble() -> None:
    assert np.isfinite(Projection(np.ones((5, 4), np.float32))(np.ones((5, 4), np.float32))).all()
    assert Projection(np.zeros((0, 4), np.float32))(np.zeros((0, 4), np.float32)).shape == (0, 2)
    assert np.isfinite(Projection(np.ones((3, 1), np.float32))(np.ones((3, 1), np.float32))).all()


def test_a_map_by_neighbours_keeps_kinds_together_that_two_directions_mix() -> None:
    random = np.random.default_rng(0)
    kinds = random.integers(0, 12, 600)
    z = random.standard_normal((12, 64))[kinds] + 0.9 * random.standard_normal((600, 64))
    z = (z / np.linalg.norm(z, axis=1, keepdims=True)).astype(np.float32)
    z[7] = np.nan

    def kept(places: np.ndarray) -> float:
        """How many of the five nearest on the map are of the same kind."""
        apart = ((places[:, None] - places) ** 2).sum(-1)
        np.fill_diagonal(apart, np.inf)
        return float((kinds[np.argsort(np.nan_to_num(apart, nan=np.inf), axis=1)[:, :5]] == kinds[:, None]).mean())

    places = neighbour_map(z)
    assert np.isnan(places[7]).all() and np.nanmin(places) == 0 and np.nanmax(places) == 1
    assert kept(places) > 0.95 > 0.8 > kept(Projection(z)(z))
    np.testing.assert_array_equal(places, neighbour_map(z))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5])
def test_a_map_of_few_by_neighbours(count: int) -> None:
    places = neighbour_map(np.eye(8, dtype=np.float32)[:count])
    assert places.shape == (count, 2) and ((places >= 0) & (places <= 1)).all()


def test_those_beyond_the_sample_lie_with_their_like(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alife.browser.neighbourhood.SAMPLE", 40)
    kind = np.arange(200) % 4
    z = np.eye(4, 8, dtype=np.float32)[kind] + 0.05 * np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
    places = neighbour_map(z / np.linalg.norm(z, axis=1, keepdims=True))
    apart = np.linalg.norm(places[:, None] - places, axis=-1) + np.diag(np.full(200, np.inf))
    assert (kind[apart.argmin(1)] == kind).mean() > 0.8

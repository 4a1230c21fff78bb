"""Places on the map: alike near alike, within the square, the same every time."""

from __future__ import annotations

import numpy as np

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

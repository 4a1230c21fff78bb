"""Sums over all pairs in range, against all pairs; measures of crowds known by hand."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.worlds.particles import (
    attraction,
    clustering,
    likeness,
    mean_speed,
    moved,
    rows_for,
    sum_over_pairs,
    wrap,
)


def law(distance: jax.Array, target: jax.Array, source: jax.Array) -> list[jax.Array]:
    """Not the same from both sides, and 0 from the target's range on."""
    near = jnp.maximum(1 - distance / target[0], 0)
    return [near * (source[0] - target[1]), near * source[0], jnp.where(near > 0, 1.0, 0.0)]


def all_pairs(x: np.ndarray, target: np.ndarray, source: np.ndarray, side: float) -> np.ndarray:
    """The same, pair by pair, straight from the definition."""
    x, target, source = (part.astype(np.float64) for part in (x, target, source))
    r = x[None] - x[:, None]
    r -= side * np.round(r / side)
    distance = np.hypot(r[..., 0], r[..., 1])
    near = np.maximum(1 - distance / target[0][:, None], 0)
    force = near * (source[0][None] - target[1][:, None]) / (distance + 1e-8)
    return np.stack([(force * r[..., 0]).sum(1), (force * r[..., 1]).sum(1), near @ source[0], (near > 0).sum(1)])


CROWDS = {
    "scattered": lambda rng, n: rng.random((n, 2)),
    "clumped": lambda rng, n: (rng.integers(0, 3, (n, 2)) / 3 + rng.normal(0, 0.01, (n, 2))) % 1,
    "one heap over the corner": lambda rng, n: rng.normal(0, 0.003, (n, 2)) % 1,
    "on a line": lambda rng, n: np.stack([np.full(n, 0.999), rng.random(n)], 1),
    "on lines between cells": lambda rng, n: rng.integers(0, 12, (n, 2)) / 12 + 1e-3 * rng.random((n, 2)),
}


@pytest.mark.parametrize(("n", "rows", "lanes", "side"), [(400, 8, 16, 1.0), (400, 3, 64, 2.0), (37, 1, 8, 1.0)])
def test_no_pair_in_range_is_ever_left_out(n: int, rows: int, lanes: int, side: float) -> None:
    summed = jax.jit(partial(sum_over_pairs, law, side=side, rows=rows, lanes=lanes))
    for seed, (crowd, make) in enumerate(CROWDS.items()):
        rng = np.random.default_rng(seed)
        x = (side * make(rng, n)).astype(np.float32)
        source = rng.random((1, n)).astype(np.float32)
        for reach in (0.004, 0.05, 0.1, 0.125, 0.32, 0.5):
            target = np.stack([side * reach * rng.uniform(0.5, 1, n), rng.random(n)]).astype(np.float32)
            target[0, 0] = side * reach
            found = summed(jnp.asarray(x), jnp.max(target[0]), jnp.asarray(target), jnp.asarray(source))
            expected = all_pairs(x, target, source, side)
            # Where a distance is rounded to one side of the range, only the count of pairs can tell.
            assert np.abs(found[:3] - expected[:3]).max() <= 1e-4 * np.abs(expected[:3]).max(), (crowd, reach)
            assert np.abs(found[3] - expected[3]).max() <= 1, (crowd, reach)


def test_many_worlds_at_once_are_the_same_as_one_by_one() -> None:
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.random((3, 90, 2)) ** [[[1.0]], [[2.0]], [[5.0]]], jnp.float32)
    target = jnp.asarray(rng.uniform(0.05, 0.1, (3, 2, 90)) * [[[1]], [[2]], [[3]]], jnp.float32)
    source = jnp.asarray(rng.random((3, 1, 90)), jnp.float32)
    summed = jax.jit(partial(sum_over_pairs, law, side=1.0, rows=4, lanes=16))
    together = jax.jit(jax.vmap(partial(sum_over_pairs, law, side=1.0, rows=4, lanes=16)))
    reach = jnp.max(target[:, 0], axis=1)
    alone = jnp.stack([summed(*world) for world in zip(x, reach, target, source, strict=True)])
    assert jnp.allclose(together(x, reach, target, source), alone, rtol=1e-5, atol=1e-5)


def test_two_in_one_place_do_not_push_each_other() -> None:
    push = lambda distance, target, source: [jnp.where(distance < 0.1, -1.0, 0.0)]  # noqa: E731
    x, none = jnp.full((2, 2), 0.5), jnp.zeros((0, 2))
    force = sum_over_pairs(push, x, jnp.float32(0.1), none, none, side=1.0, rows=2, lanes=8)
    assert (force == 0).all()


def test_wrap_keeps_small_displacements_bit_for_bit_and_takes_the_short_way() -> None:
    r = np.random.default_rng(0).uniform(-3, 3, 1000).astype(np.float32)
    short = np.asarray(wrap(jnp.asarray(r), 1.5))
    assert ((short >= -0.75) & (short <= 0.75)).all()
    assert np.allclose((r - short) / 1.5, np.round((r - short) / 1.5), atol=1e-5)
    small = jnp.float32(1.2345678e-5)
    assert wrap(small, 1.5) == small


def test_the_force_law_is_continuous_and_as_published() -> None:
    u = np.linspace(0, 1.5, 3001)
    a, b = -0.8, 0.3
    expected = np.where(u < b, u / b - 1, np.where(u < 1, a * (1 - np.abs(2 * u - 1 - b) / (1 - b)), 0))
    found = np.asarray(attraction(jnp.asarray(u, jnp.float32), jnp.float32(a), jnp.float32(b)))
    assert np.abs(found - expected).max() < 1e-5
    assert np.abs(np.diff(found)).max() < 0.002
    assert jnp.isfinite(attraction(jnp.asarray(u, jnp.float32), jnp.float32(a), jnp.float32(1))).all()


def test_drag_halves_a_speed_in_its_half_life() -> None:
    x, v = jnp.array([[0.5, 0.5]]), jnp.array([[1.0, -2.0]])
    for _ in range(10):
        x, v = moved(x, v, jnp.zeros((1, 2)), jnp.float32(0.1), jnp.float32(0.01), 1.0)
    assert jnp.allclose(v, jnp.array([[0.5, -1.0]]), rtol=1e-5)
    assert ((x >= 0) & (x <= 1)).all()


def test_clustering_is_one_for_a_random_scatter_and_highest_for_one_heap() -> None:
    rng = np.random.default_rng(0)
    scatter = [clustering(jnp.asarray(rng.random((500, 2)), jnp.float32), 1.0) for _ in range(30)]
    assert abs(np.mean(scatter) - 1) < 0.03
    grid = jnp.asarray((np.indices((16, 16)).reshape(2, -1).T + 0.5) / 16, jnp.float32)
    assert clustering(grid, 1.0) == 0
    assert clustering(3 * jnp.concatenate([grid, grid]), 3.0) == pytest.approx(256 * 512 / (512 * 511))
    assert clustering(jnp.full((1, 2), 0.5), 1.0) == 0


def test_likeness_counts_pairs_that_share_a_plot() -> None:
    x = jnp.array([[0.01, 0.01], [0.02, 0.02], [0.03, 0.03], [0.9, 0.9]])
    kinds = jnp.array([[1.0, 0], [1, 0], [-1, 0], [0, 1]])
    assert likeness(x, kinds, 1.0) == pytest.approx((1 - 1 - 1) / 3)
    assert likeness(x[2:], kinds[2:], 1.0) == 0  # nobody shares a plot
    assert mean_speed(jnp.array([[0.6, 0.8], [0.0, 0.0]])) == 0.5


def test_rows_end_where_the_reach_ends() -> None:
    for n in (50, 1000, 5000, 100_000):
        for reach in (0.005, 0.05, 0.1, 0.13, 0.5):
            rows = rows_for(n, 64, reach)
            assert 1 <= rows <= 2 * max(1, n / 50) ** 0.5
            assert rows_for(n, 64) >= 1

"""The nearest others are those that sorting all distances finds, whichever way they are looked for."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.worlds import neighbours
from alife.worlds.neighbours import nearest_rows, visit_nearest

HALVES = "halves"
CROWDS = ("uniform", "clump", "edges", HALVES)


def crowd(kind: str, n: int, side: float) -> np.ndarray:
    """Positions in [0, side): scattered, within a small spot, round a corner of the world, or on a coarse lattice."""
    rng = np.random.default_rng(n)
    places = {
        "uniform": lambda: rng.random((n, 2)),
        "clump": lambda: 0.4 + 0.02 * rng.random((n, 2)),
        "edges": lambda: 0.1 * rng.standard_normal((n, 2)) % 1,
        HALVES: lambda: rng.integers(0, 8, (n, 2)) / 8,
    }
    return np.minimum((places[kind]() * side).astype(np.float32), np.nextafter(np.float32(side), np.float32(0)))


def slow(x: np.ndarray, count: int, reach: float, side: float, torus: bool) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances of the nearest others of everyone, nearest first, and who they are: all pairs, sorted."""
    r = x[None].astype(float) - x[:, None]
    if torus:
        r = r - side * np.floor(r / side + 0.5)
    squared = (r**2).sum(-1)
    np.fill_diagonal(squared, np.inf)
    order = np.argsort(squared, axis=1, kind="stable")[:, :count]
    squared = np.take_along_axis(squared, order, 1)
    return np.where(squared < reach**2, squared, np.inf), order


class Search:
    """The same from the neighbour search, compiled once for crowds of one size."""

    def __init__(self, count: int, reach: float, side: float, torus: bool) -> None:
        self.count = count
        search = partial(visit_nearest, self.tell, count=count, reach=reach, side=side, torus=torus)
        self.search = jax.jit(search)

    def tell(self, own: jax.Array, near: jax.Array, r: jax.Array, found: jax.Array) -> jax.Array:
        squared = jnp.where(found, r[0] ** 2 + r[1] ** 2, jnp.inf)
        return jnp.concatenate([squared, jnp.where(found, near[0], -1)])

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        numbers = jnp.arange(len(x), dtype=jnp.float32)[:, None]
        told = np.asarray(self.search(jnp.asarray(x), numbers)).T
        squared, who = told[:, : self.count], told[:, self.count :]
        order = np.argsort(squared, axis=1, kind="stable")
        return np.take_along_axis(squared, order, 1), np.take_along_axis(who, order, 1)


@pytest.fixture(params=["all", "cells"])
def way(request, monkeypatch):
    """Both ways to look, for the same crowd; with small blocks, so that there are several."""
    monkeypatch.setattr(neighbours, "FEW", 10**6 if request.param == "all" else 0)
    monkeypatch.setattr(neighbours, "BLOCK", 64)
    return request.param


@pytest.mark.parametrize("torus", [False, True])
@pytest.mark.parametrize(("n", "count", "reach", "side"), [(150, 16, 0.1, 1.0), (150, 3, 0.5, 1.0), (70, 40, 1.1, 2.5)])
def test_the_same_as_sorting(way, n, count, reach, side, torus) -> None:
    search = Search(count, reach, side, torus)
    for kind in CROWDS:
        x = crowd(kind, n, side)
        wanted, who = slow(x, count, reach, side, torus)
        squared, numbers = search(x)
        seen = np.isfinite(wanted)
        assert np.array_equal(np.isfinite(squared), seen), kind
        assert np.allclose(squared[seen], wanted[seen], rtol=1e-5, atol=1e-12), kind
        if kind != HALVES:  # on a lattice many are equally far, and any of them will do
            assert np.array_equal(np.sort(np.where(seen, numbers, -1)), np.sort(np.where(seen, who, -1))), kind
        assert not (numbers == np.arange(n)[:, None])[seen].any()
        assert all(len(set(row[row >= 0])) == (row >= 0).sum() for row in numbers)


@pytest.mark.parametrize("torus", [False, True])
@pytest.mark.parametrize("reach", [0.49, 0.34, 0.26])
def test_worlds_of_two_and_three_cells(monkeypatch, reach, torus) -> None:
    monkeypatch.setattr(neighbours, "FEW", 0)
    x = crowd("uniform", 40, 1.0)
    assert np.allclose(Search(2, reach, 1.0, torus)(x)[0], slow(x, 2, reach, 1.0, torus)[0], rtol=1e-5)


def test_only_the_torus_is_seen_across_the_edge(way) -> None:
    x = np.array([[0.02, 0.5], [0.97, 0.5], [0.5, 0.03], [0.5, 0.96]], np.float32)
    alone, together = (Search(1, 0.1, 1.0, torus)(x)[1].ravel().tolist() for torus in (False, True))
    assert alone == [-1, -1, -1, -1]
    assert together == [1, 0, 3, 2]


def test_reach_ends_where_it_says(way) -> None:
    x = np.array([[0.25, 0.25], [0.375, 0.25], [0.25, 0.4375]], np.float32)  # 1/8 and 3/16 from the first
    for reach, seen in [(0.125, [-1, -1]), (0.1251, [1, -1]), (0.1876, [1, 2])]:
        assert Search(2, reach, 1.0, False)(x)[1][0].tolist() == seen


def test_all_in_one_place_see_each_other(way) -> None:
    squared, numbers = Search(5, 0.1, 1.0, False)(np.full((100, 2), 0.3, np.float32))
    assert (squared == 0).all()
    assert all(len(set(row)) == 5 and i not in row for i, row in enumerate(numbers.tolist()))


def test_worlds_beside_each_other_do_not_mix(way) -> None:
    x = jnp.stack([jnp.asarray(crowd(kind, 90, 1.0)) for kind in ("uniform", "clump", "edges")])

    def nearest(own: jax.Array, near: jax.Array, r: jax.Array, found: jax.Array) -> jax.Array:
        return jnp.sum(jnp.where(found, near, 0), axis=1)

    look = partial(visit_nearest, nearest, count=7, reach=0.2, side=1.0, torus=True)
    beside = jax.jit(jax.vmap(look))(x, x)
    for i in range(len(x)):
        assert np.allclose(beside[i], jax.jit(look)(x[i], x[i]), rtol=1e-5)


def test_rows_of_many_columns_are_the_smallest_and_the_first_of_equal_ones() -> None:
    rng = np.random.default_rng(0)
    for rows, count in [(5, 2), (33, 16), (127, 16), (200, 64)]:
        squared = rng.integers(0, 12, (rows, 50)).astype(np.float32)  # full of equal numbers
        pick = jax.jit(partial(nearest_rows, count=count, reach=3.0))
        found_rows, found = map(np.asarray, pick(jnp.asarray(squared)))
        order = np.argsort(squared, axis=0, kind="stable")[:count]
        below = np.take_along_axis(squared, order, 0) < 9
        assert np.array_equal(found.sum(0), below.sum(0))
        for column in range(50):
            assert set(found_rows[found[:, column], column]) == set(order[below[:, column], column])

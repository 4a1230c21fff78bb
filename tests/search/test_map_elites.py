"""MAP-Elites on a grid and on Voronoi cells: the elites are those of a dictionary, and so is every verdict."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.search.cvt_map_elites import CvtMapElites, Frame
from alife.search.map_elites import MapElites
from alife.testing.spaces import Bits, Box, evaluation
from alife.types import OPERATORS

N = 16
UNIT = [[-1.0, 1.0], [-1.0, 1.0]]
AXES = ("a", "b")


def unit(z):
    return z / np.linalg.norm(z, axis=-1, keepdims=True)


def seen(genotypes):
    """Embeddings that change with the genotype."""
    return unit(np.tanh(genotypes @ np.random.default_rng(1).normal(size=(5, 24))) + 0.5)[:, None].astype(np.float32)


def grid_cell(search, state, places, z):
    clipped = np.clip(np.floor((places + 1) / 2 * 4), 0, 3).astype(int)
    return clipped[:, 0] * 4 + clipped[:, 1]


def voronoi_cell(search, state, places, z):
    at = np.clip((places + 1) / 2, 0, 1)
    return ((at[:, None] - search.voronoi.centroids[None]) ** 2).sum(2).argmin(1)


def embedding_cell(search, state, places, z):
    """The nearest of all pairs of points, in full."""
    along = (z - np.asarray(state.frame.middle)) @ np.asarray(state.frame.directions)
    first, second = (points * np.asarray(state.frame.spread)[i::2] for i, points in enumerate(search._points))
    pairs = np.zeros((len(first), len(second), along.shape[1]))
    pairs[:, :, 0::2], pairs[:, :, 1::2] = first[:, None], second[None]
    pairs = pairs.reshape(-1, along.shape[1])
    return ((along[:, None] - pairs[None]) ** 2).sum(2).argmin(1)


KINDS = {
    "grid": (lambda: MapElites(AXES, bins=4, ranges=UNIT), grid_cell),
    "voronoi": (lambda: CvtMapElites(AXES, cells=12, ranges=UNIT), voronoi_cell),
    "embedding": (lambda: CvtMapElites(cells=12), embedding_cell),
}


@pytest.mark.parametrize("kind", KINDS)
def test_elites_and_verdicts_equal_a_dictionary(kind):
    make, cell_of = KINDS[kind]
    search, rng = make(), np.random.default_rng(0)
    state, elites = search.init(jax.random.key(0), Box(), N), {}
    for g in range(8):
        genotypes, state = search.ask(jax.random.fold_in(jax.random.key(1), g), state)
        genotypes = np.asarray(genotypes)
        places, z = np.tanh(genotypes[:, :2]), seen(genotypes)
        scores, valid = rng.integers(0, 20, N).astype(np.float32), rng.random(N) < 0.8
        before = {number for number, *_ in elites.values()}
        state, verdict = search.tell(state, genotypes, evaluation(scores, z, valid, places))
        cells = cell_of(search, state, places, z[:, 0])
        best: dict[int, int] = {}
        for i in range(N):
            rivals = [elites[cells[i]][1]] if cells[i] in elites else []
            rivals += [scores[best[cells[i]]]] if cells[i] in best else []
            if valid[i] and all(scores[i] > rival for rival in rivals):
                best[cells[i]] = i
        for i in range(N):
            enters = best.get(cells[i]) == i
            assert verdict.keep[i] == enters
            if enters:
                assert verdict.replaced[i] == elites.get(cells[i], (-1,))[0]
            parents = np.asarray(verdict.parents[i]).tolist()
            assert (parents == [-1, -1]) if g == 0 else set(parents) <= before
            assert OPERATORS[verdict.operator[i]] == ("sample" if g == 0 else "line")
        for cell, i in best.items():
            elites[cell] = (g * N + i, scores[i], genotypes[i])
    kept = {c: int(n) for c, n in enumerate(state.elites.number) if n >= 0}
    assert kept == {cell: number for cell, (number, *_) in elites.items()}
    assert all(np.array_equal(state.elites.genotypes[c], elites[c][2]) for c in kept) and len(kept) > 5
    assert all(state.elites.scores[c] == elites[c][1] for c in kept)


@pytest.mark.parametrize("kind", KINDS)
def test_ask_and_tell_are_pure(kind):
    search = KINDS[kind][0]()
    state = search.init(jax.random.key(0), Box(), N)
    for _ in range(2):
        genotypes, asked = search.ask(jax.random.key(1), state)
        told = evaluation(np.arange(N), seen(np.asarray(genotypes)), axes=np.tanh(np.asarray(genotypes)[:, :2]))
        first, second = (search.tell(asked, genotypes, told)[0] for _ in range(2))
        assert all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True))
    assert (state.elites.number == -1).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_first_generation_without_a_valid_world_leaves_no_trace(kind):
    axes = {} if kind == "embedding" else {"axes": AXES}
    search = MapElites(bins=4, **axes) if kind == "grid" else CvtMapElites(cells=12, **axes)
    state = search.init(jax.random.key(0), Box(), N)
    nothing = evaluation(np.zeros(N), np.ones((N, 1, 24)), np.zeros(N, bool), np.full((N, 2), np.nan, np.float32))
    state, verdict = search.tell(state, np.zeros((N, 5), np.float32), nothing._replace(z=0 * nothing.z))
    assert not verdict.keep.any() and (state.elites.number == -1).all()
    genotypes, state = search.ask(jax.random.key(1), state)
    places = np.asarray(genotypes)[:, :2]
    state, verdict = search.tell(state, genotypes, evaluation(np.zeros(N), seen(np.asarray(genotypes)), axes=places))
    assert verdict.keep.any() and all(np.isfinite(leaf).all() for leaf in (state.low, state.high))


def test_ranges_come_from_the_first_generation():
    search = MapElites(AXES, bins=2)
    state = search.init(jax.random.key(0), Box(), 4)
    places = np.array([[0, 0], [2, 0], [0, 10], [2, 10]], np.float32)
    state, verdict = search.tell(state, np.zeros((4, 5), np.float32), evaluation(np.zeros(4), axes=places))
    assert state.low.tolist() == [-1, -5] and state.high.tolist() == [3, 15] and verdict.keep.all()
    far = np.full((4, 2), 1e6, np.float32)
    state, verdict = search.tell(state, np.zeros((4, 5), np.float32), evaluation(np.ones(4), axes=far))
    assert state.high.tolist() == [3, 15] and verdict.keep.tolist() == [True, False, False, False]
    assert verdict.replaced[0] == 3


def test_frame_finds_the_directions_in_which_worlds_differ():
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(200, 2)) * [0.3, 0.1]
    z = np.zeros((201, 30))
    z[:, 0], z[:200, 4], z[:200, 9] = 1.0, mixed[:, 0], mixed[:, 1]
    z[200] = np.nan_to_num(np.inf)
    frame = Frame.unknown(30).or_of(jnp.asarray(np.where(np.arange(201)[:, None] < 200, z, 0)), jnp.arange(201) < 200)
    assert np.allclose(np.asarray(frame.middle)[[0, 4, 9]], [1, mixed[:, 0].mean(), mixed[:, 1].mean()], atol=1e-5)
    assert np.allclose(frame.spread[:3], [*mixed.std(0), 0], atol=5e-3)
    assert abs(frame.directions[4, 0]) > 0.99 and abs(frame.directions[9, 1]) > 0.99
    assert Frame.unknown(30).or_of(jnp.zeros((4, 30)), jnp.zeros(4, bool)).middle.any() == False  # noqa: E712


def test_integers_are_mutated_and_have_one_parent():
    search = MapElites(AXES, bins=4, ranges=[[0, 1], [0, 1]])
    state = search.init(jax.random.key(0), Bits(), N)
    for g in range(3):
        genotypes, state = search.ask(jax.random.key(g), state)
        places = np.asarray(genotypes)[:, :2].astype(np.float32)
        state, verdict = search.tell(state, genotypes, evaluation(np.arange(N), axes=places))
    assert genotypes.dtype == np.int32 and set(np.unique(genotypes)) <= {0, 1}
    assert {OPERATORS[i] for i in np.asarray(verdict.operator)} == {"mutate"}
    assert (verdict.parents[:, 0] >= 0).all() and (verdict.parents[:, 1] == -1).all()


def test_map_elites_fills_a_grid_that_samples_do_not_reach():
    """Places far from the prior are reached by steps from elites: nearly all cells, with nearly the best scores."""
    search = MapElites(AXES, bins=10, ranges=[[-4, 4], [-4, 4]])
    state = search.init(jax.random.key(0), Box(), 64)
    for g in range(120):
        genotypes, state = search.ask(jax.random.fold_in(jax.random.key(1), g), state)
        genotypes = np.asarray(genotypes)
        told = evaluation(-np.square(genotypes[:, 2:]).sum(1), axes=genotypes[:, :2])
        state, _ = search.tell(state, genotypes, told)
    scores = np.asarray(state.elites.scores)
    assert np.isfinite(scores).mean() > 0.9 and np.median(scores) > -0.3


@pytest.mark.parametrize(
    "options",
    [
        {"axes": None},
        {"bins": 0},
        {"bins": [3, 3, 3]},
        {"sigma": 0.0},
        {"line": -1.0},
        {"ranges": [[0, 1]]},
    ],
)
def test_grid_refuses_impossible_options(options):
    with pytest.raises(BadOption, match="expected"):
        MapElites(**{"axes": AXES, **options})


@pytest.mark.parametrize("options", [{"axes": "speed"}, {"cells": 0}, {"sigma": -1.0}])
def test_cvt_refuses_impossible_options(options):
    with pytest.raises(BadOption, match="expected"):
        CvtMapElites(**options)


@pytest.mark.parametrize("worlds", ["one valid", "all alike"])
def test_cells_of_embeddings_differ_although_the_first_worlds_do_not(worlds):
    search = CvtMapElites(cells=64, sigma=1.0)
    state = search.init(jax.random.key(0), Box(), N)
    for g in range(4):
        genotypes, state = search.ask(jax.random.fold_in(jax.random.key(1), g), state)
        genotypes = np.asarray(genotypes)
        z, valid = seen(genotypes), np.ones(N, bool)
        if g == 0:
            z, valid = (z, np.arange(N) == 3) if worlds == "one valid" else (np.broadcast_to(z[:1], z.shape), valid)
        state, _ = search.tell(state, genotypes, evaluation(np.zeros(N), z, valid))
    assert (np.asarray(state.elites.number) >= 0).sum() > 4

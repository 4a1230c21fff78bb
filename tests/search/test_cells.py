"""Cells: every place falls where a slow search says, ties go to the first, ends of axes follow the valid worlds."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.search.cells import (
    Grid,
    Voronoi,
    best_of,
    checked_axes,
    checked_ranges,
    cvt_centroids,
    known_ranges,
    nearest_point,
    seated,
    seats,
    winners,
)
from alife.search.variation import along_lines, born, children, some_of
from alife.testing.spaces import Bits, Box
from alife.types import OPERATORS

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("bins", [[7], [3, 5], [2, 3, 4]])
def test_grid_numbers_cells_row_by_row(bins):
    low, high = np.full(len(bins), -1.0, np.float32), np.full(len(bins), 2.0, np.float32)
    places = RNG.uniform(-2, 3, (200, len(bins))).astype(np.float32)
    steps = [np.clip(np.floor((p + 1) / 3 * n), 0, n - 1).astype(int) for p, n in zip(places.T, bins, strict=True)]
    assert np.array_equal(Grid(bins).index(places, low, high), np.ravel_multi_index(steps, bins))


def test_grid_takes_places_that_are_no_numbers_somewhere():
    cell = Grid([4, 4]).index(np.array([[np.nan, np.inf], [-np.inf, 0.5]], np.float32), np.zeros(2), np.ones(2))
    assert ((np.asarray(cell) >= 0) & (np.asarray(cell) < 16)).all()


@pytest.mark.parametrize("axes", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", ["even", "crowded", "few"])
def test_voronoi_finds_the_nearest_of_all(axes, kind):
    points = RNG.random((3 if kind == "few" else 150, axes)).astype(np.float32)
    if kind == "crowded":
        points = points**4
    places = np.concatenate([RNG.random((2000, axes)), points[:3], np.zeros((1, axes)), np.ones((1, axes))])
    distances = ((places[:, None] - points[None].astype(np.float64)) ** 2).sum(2)
    found = np.asarray(jax.jit(Voronoi(points).nearest)(places.astype(np.float32)))
    assert np.allclose(distances[np.arange(len(places)), found], distances.min(1), atol=1e-6)


def test_voronoi_of_one_point_and_of_equal_points():
    places = RNG.random((20, 2)).astype(np.float32)
    assert (np.asarray(Voronoi(np.full((1, 2), 0.5)).nearest(places)) == 0).all()
    assert (np.asarray(Voronoi(np.full((40, 2), 0.5)).nearest(places)) == 0).all()


def test_nearest_point_in_many_dimensions():
    places, points = RNG.normal(size=(50, 20)).astype(np.float32), RNG.normal(size=(30, 20)).astype(np.float32)
    distances = ((places[:, None] - points[None]) ** 2).sum(2)
    assert np.array_equal(nearest_point(places, points), distances.argmin(1))


def test_centroids_are_the_middles_of_their_samples_and_even():
    samples = RNG.random((4000, 2))
    points = cvt_centroids(samples, 16, seed=0)
    owner = ((samples[:, None] - points[None]) ** 2).sum(2).argmin(1)
    middles = np.stack([samples[owner == i].mean(0) for i in range(16)])
    assert np.abs(middles - points).max() < 0.03
    assert np.bincount(owner).min() > 0.5 * 4000 / 16
    assert np.array_equal(points, cvt_centroids(samples, 16, seed=0))


def test_winners_equal_a_dictionary():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        cell, score = rng.integers(0, 6, 30), rng.integers(0, 4, 30).astype(np.float32)
        score[rng.random(30) < 0.2] = -np.inf
        best: dict[int, int] = {}
        for i in range(30):
            if score[i] > -np.inf and (cell[i] not in best or score[i] > score[best[cell[i]]]):
                best[cell[i]] = i
        assert np.flatnonzero(winners(jnp.asarray(cell), score, 6)).tolist() == sorted(best.values())


def test_seats_are_given_in_order():
    free, enter = RNG.random(40) < 0.5, RNG.random(15) < 0.5
    expected = iter(np.flatnonzero(free))
    assert seats(jnp.asarray(free), jnp.asarray(enter)).tolist() == [int(next(expected)) if e else 40 for e in enter]


def test_ranges_follow_the_first_valid_worlds_and_then_stay():
    nan = jnp.full(2, jnp.nan)
    places = np.array([[0.0, 5.0], [2.0, 5.0], [np.nan, 9.0]], np.float32)
    low, high = known_ranges(nan, nan, places, np.array([True, True, False]))
    assert low.tolist() == [-1, 4.5] and high.tolist() == [3, 5.5]
    assert [end.tolist() for end in known_ranges(low, high, 9 * places, np.ones(3, bool))] == [[-1, 4.5], [3, 5.5]]
    assert np.isnan(known_ranges(nan, nan, places, np.zeros(3, bool))[0]).all()


@pytest.mark.parametrize("bins", [[], [0], [3, -1], [10**6, 10**6]])
def test_grid_refuses_impossible_bins(bins):
    with pytest.raises(BadOption, match="expected"):
        Grid(bins)


@pytest.mark.parametrize("ranges", [[[0, 1]], [[1, 0], [0, 1]], [[0, "x"], [0, 1]], 3, [[0, float("inf")], [0, 1]]])
def test_ranges_must_fit_the_axes(ranges):
    with pytest.raises(BadOption, match=r"low < high .* 2 axes"):
        checked_ranges("toy", ranges, ["a", "b"])


@pytest.mark.parametrize("axes", [None, [], "speed", [1]])
def test_axes_must_be_texts(axes):
    with pytest.raises(BadOption, match=r"axes .*name some such as"):
        checked_axes("toy", axes)


def test_some_of_draws_each_present_place_equally_often():
    present = jnp.array([False, True, True, False, True])
    drawn = np.bincount(np.asarray(some_of(jax.random.key(0), present, 6000)), minlength=5)
    assert (drawn[[0, 3]] == 0).all() and np.abs(drawn[[1, 2, 4]] - 2000).max() < 200


def test_children_lie_on_the_line_between_two_parents():
    parents, others = jnp.zeros((400, 3)), jnp.tile(jnp.array([1.0, 2.0, -1.0]), (400, 1))
    born = np.asarray(children(jax.random.key(0), Box(3), parents, others, sigma=0.0, line=0.5))
    assert np.allclose(born, born[:, :1] * np.array([1.0, 2.0, -1.0]), atol=1e-6)
    assert abs(born[:, 0].std() - 0.5) < 0.05
    around = np.asarray(children(jax.random.key(0), Box(3), parents, parents, sigma=0.1, line=0.5))
    assert abs(around.std() - 0.1) < 0.01 and abs(np.corrcoef(around.T)[0, 1]) < 0.2


def test_children_stay_within_bounds_and_integers_are_mutated():
    space = Box(3, bounds=(-0.5, 0.5))
    for others in (None, jnp.ones((50, 3))):
        born = np.asarray(children(jax.random.key(0), space, jnp.zeros((50, 3)), others, sigma=3.0, line=0.5))
        assert born.min() == -0.5 and born.max() == 0.5
    assert not along_lines(Bits(), 0.2) and along_lines(Box(), 0.2) and not along_lines(Box(), 0.0)
    flipped = np.asarray(children(jax.random.key(0), Bits(), jnp.zeros((9, 5), int), None, sigma=1.0, line=0.2))
    assert (flipped.sum(1) == 1).all()


@pytest.mark.parametrize(("line", "operator"), [(0.2, "line"), (0.0, "mutate")])
def test_born_says_who_the_parents_are(line, operator):
    members, number = jnp.arange(15.0).reshape(3, 5), jnp.array([7, -1, 9])
    first, second = jnp.array([0, 2]), jnp.array([2, 0])
    _, origin = born(jax.random.key(0), Box(), members, number, first, second, 0.1, line)
    assert origin.parents.tolist() == ([[7, 9], [9, 7]] if line else [[7, -1], [9, -1]])
    assert {OPERATORS[i] for i in origin.operator.tolist()} == {operator}
    _, origin = born(jax.random.key(0), Box(), members, jnp.full(3, -1), first, second, 0.1, line)
    assert (origin.parents == -1).all() and {OPERATORS[i] for i in origin.operator.tolist()} == {"sample"}


class Crossing(Bits):
    """Zeros and ones whose owner says how two are mixed: each bit is set in both."""

    mixes = True

    def crossover(self, key, first, second):
        return first & second


def test_a_quarter_begins_as_the_substrate_mixes_two():
    n = 2000
    members, number = jnp.array([[1, 1, 1, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0, 0, 0]]), jnp.array([4, 9])
    first, second = jnp.zeros(n, int), jnp.ones(n, int)
    young, origin = born(jax.random.key(0), Crossing(8), members, number, first, second, 0.1, 0.2)
    mixed = np.asarray(origin.operator) == OPERATORS.index("crossover")
    assert 0.22 < mixed.mean() < 0.28 and set(np.asarray(origin.operator)[~mixed]) == {OPERATORS.index("mutate")}
    assert (np.asarray(origin.parents) == np.where(mixed[:, None], [4, 9], [4, -1])).all()
    distance = np.abs(np.asarray(young)[:, None] - np.asarray(members)).sum(-1)
    assert (distance[mixed, 1] == 1).all() and (distance[~mixed, 0] == 1).all()  # changed copies of both kinds
    _, alone = born(jax.random.key(0), Bits(8), members, number, first, second, 0.1, 0.2)
    assert (np.asarray(alone.parents)[:, 1] == -1).all()


def test_ranges_of_great_numbers_that_are_all_alike_still_have_a_width():
    nan, places = jnp.full(1, jnp.nan), np.full((3, 1), 1e9, np.float32)
    low, high = known_ranges(nan, nan, places, np.ones(3, bool))
    assert low[0] < 1e9 < high[0] and Grid([4]).index(places, low, high).tolist() == [2, 2, 2]


def test_who_enters_takes_the_seat_of_one_who_leaves():
    worth, number = jnp.array([4.0, 1.0, 3.0, 5.0, 0.0, 2.0]), jnp.array([10, 11, -1])
    enter, seat, replaced = seated(best_of(worth, 3), number)
    assert enter.tolist() == [True, False, False] and seat.tolist() == [1, 3, 3] and replaced.tolist() == [11, -1, -1]

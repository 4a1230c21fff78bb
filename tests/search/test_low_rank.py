"""The low-rank strategy: what its steps are made of, what it costs, and that it climbs as full steps do."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadGenotype, BadOption
from alife.search.low_rank import LowRank, centred_ranks, draw_steps
from alife.testing.spaces import Bits, Box, evaluation

FULL = 1024
"""A rank at which no matrix of these tests gains from factors, so that steps are plain normal ones."""


class Network(Box):
    """Genotypes made of the arrays of a small network."""

    def __init__(self, *shapes, **options):
        super().__init__(sum(int(np.prod(shape)) for shape in shapes), **options)
        self.shapes = shapes


def climb(search, space, population, score, generations, seed=0):
    """The mean after a run, and the lowest score it was told last."""
    state = search.init(jax.random.key(seed), space, population)
    judge = jax.jit(score)
    for g in range(generations):
        genotypes, state = search.ask(jax.random.fold_in(jax.random.key(seed + 1), g), state)
        state, _ = search.tell(state, genotypes, evaluation(np.asarray(judge(genotypes))))
    return np.asarray(state.mean)


@pytest.mark.parametrize("rank", [1, 3])
def test_steps_are_of_low_rank_with_unit_numbers(rank):
    steps = draw_steps(jax.random.key(0), (40, 30), 60, rank)
    full = np.stack([steps.of(pair) for pair in range(60)]).reshape(-1, 40, 30)
    assert np.linalg.matrix_rank(full[0], tol=1e-4) == rank
    assert abs(full.mean()) < 0.02 and abs(full.std() - 1) < 0.05


def test_the_sum_over_a_population_is_of_full_rank_and_forms_no_step():
    steps, weights = draw_steps(jax.random.key(0), (12, 9), 64, 1), jnp.linspace(-1, 1, 64)
    total = np.asarray(steps.sum(weights))
    assert np.allclose(total, sum(weights[pair] * steps.of(pair) for pair in range(64)), atol=1e-4)
    assert np.linalg.matrix_rank(total.reshape(12, 9)) == 9


@pytest.mark.parametrize("shape", [(), (2, 2), (1, 9)])
def test_arrays_too_thin_for_factors_get_plain_steps(shape):
    steps = draw_steps(jax.random.key(0), shape, 200, 1)
    assert steps.right is None and steps.of(3).shape == (int(np.prod(shape)),)


def test_more_than_two_axes_count_as_a_matrix():
    steps = draw_steps(jax.random.key(0), (3, 3, 8, 10), 2, 1)
    assert steps.left.shape == (2, 72, 1) and steps.right.shape == (2, 10, 1)


@pytest.mark.parametrize("population", [8, 9])
def test_worlds_come_in_opposite_pairs_around_the_mean(population):
    space, search = Network((6, 5), (5,)), LowRank(sigma=0.5)
    genotypes, state = search.ask(jax.random.key(1), search.init(jax.random.key(0), space, population))
    genotypes = np.asarray(genotypes)
    assert genotypes.shape == (population, 35)
    assert np.allclose(genotypes[0:8:2] + genotypes[1:8:2], 2 * state.mean, atol=1e-6)
    assert population == 8 or np.array_equal(genotypes[8], state.mean)


def test_the_mean_moves_along_the_weighted_steps():
    """The first step of Adam has the length of the rate along every number, in the direction of the estimate."""
    space, search = Network((6, 5), (5,)), LowRank(sigma=0.5, rate=0.1)
    genotypes, state = search.ask(jax.random.key(1), search.init(jax.random.key(0), space, 8))
    scores = np.asarray([3.0, 1.0, 0.0, 7.0, 2.0, 5.0, 4.0, 6.0], np.float32)
    moved, _ = search.tell(state, genotypes, evaluation(scores))
    slope = ((scores.argsort().argsort() / 7 - 0.5)[:, None] * np.asarray(genotypes)).sum(0)
    clear = np.abs(slope) > 1e-3
    assert np.allclose((moved.mean - state.mean)[clear], 0.1 * np.sign(slope)[clear], atol=1e-4)


def test_equal_scores_move_nothing():
    space, search = Network((6, 5)), LowRank()
    genotypes, state = search.ask(jax.random.key(1), search.init(jax.random.key(0), space, 8))
    moved, _ = search.tell(state, genotypes, evaluation(np.ones(8)))
    assert np.array_equal(moved.mean, state.mean)


def test_worlds_that_are_not_valid_count_as_worst():
    assert np.asarray(centred_ranks(jnp.array([1.0, -jnp.inf, 2.0]))).tolist() == [0.0, -0.5, 0.5]
    space, search = Network((6, 5)), LowRank()
    genotypes, state = search.ask(jax.random.key(1), search.init(jax.random.key(0), space, 2))
    moved, verdict = search.tell(state, genotypes, evaluation(np.zeros(2), valid=[False, True]))
    towards = np.asarray(genotypes[1] - state.mean) * np.asarray(moved.mean - state.mean)
    assert (towards >= 0).all() and towards.sum() > 0
    assert verdict.keep.tolist() == [False, True]


def test_genotypes_of_the_world_teach_nothing_about_steps_that_were_not_tried():
    starts = jnp.stack([jnp.ones(30), jnp.full(30, 9.0)])
    space, search = Network((6, 5), starts=starts), LowRank()
    genotypes, state = search.ask(jax.random.key(1), search.init(jax.random.key(0), space, 4))
    assert np.array_equal(genotypes[:2], starts) and np.array_equal(state.mean, starts[0])
    moved, _ = search.tell(state, genotypes, evaluation([100.0, 50.0, 1.0, 1.0]))
    assert np.array_equal(moved.mean, state.mean)


def test_children_and_mean_stay_within_bounds():
    space = Network((6, 5), bounds=(-0.05, 0.05))
    mean = climb(LowRank(), space, 8, lambda genotypes: genotypes.sum(1), 20)
    assert mean.max() == np.float32(0.05) and mean.mean() > 0.04


def test_low_rank_steps_learn_a_matrix_as_well_as_full_ones():
    """The paper's claim: at equal evaluations a step of rank 1 serves as well as one of full rank."""
    goal = jax.random.normal(jax.random.key(5), (24 * 24,))
    space, loss = Network((24, 24)), lambda genotypes: jnp.mean((genotypes - goal) ** 2, axis=-1)
    ends = {}
    for rank in (1, FULL):
        search = LowRank(rank=rank)
        ends[rank] = float(loss(climb(search, space, 64, lambda genotypes: -loss(genotypes), 50)))
    assert ends[FULL] < 0.5 * float(loss(jnp.zeros(576)))
    assert ends[1] < 1.15 * ends[FULL]


def test_the_population_is_held_once():
    """For 10^5 numbers and more: no second array of the size of the population, in neither direction."""
    space, search = Network((256, 512), (512,)), LowRank()
    state = search.init(jax.random.key(0), space, 32)
    genotypes = 32 * space.size * 4
    told = (state, jnp.zeros(32), jnp.ones(32, bool))
    for program, arguments in ((search._draw, (state,)), (search._move, told)):
        assert program.lower(*arguments).compile().memory_analysis().temp_size_in_bytes < 0.2 * genotypes


def test_integers_are_refused_with_a_search_that_takes_them():
    with pytest.raises(BadGenotype, match="--search map_elites, --search illuminate or --search random"):
        LowRank().init(jax.random.key(0), Bits(), 8)


def test_one_world_makes_no_pair():
    with pytest.raises(BadOption, match="population is 1; expected 2 or more"):
        LowRank().init(jax.random.key(0), Box(), 1)


@pytest.mark.parametrize("options", [{"rank": 0}, {"sigma": 0}, {"rate": float("nan")}])
def test_impossible_options_are_refused(options):
    with pytest.raises(BadOption, match="expected a"):
        LowRank(**options)

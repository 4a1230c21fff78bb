"""Natural niches: what limited resources, attraction and evolving splits are for, and the parts they are made of."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.search.natural_niches import NaturalNiches, attraction, fitness, join, pick, survivors
from alife.testing.spaces import Bits, Box, evaluation

NICHES = np.eye(4, 5, dtype=np.float32) * 3
"""Where in a box of five numbers each of four resources is to be had."""
RICHNESS = np.array([1.0, 0.8, 0.6, 0.4], np.float32)


def harvest(genotypes):
    """What each genotype finds of each resource: much near its place, the first resource most of all."""
    far = ((np.asarray(genotypes)[:, None] - NICHES) ** 2).sum(-1)
    return (RICHNESS * np.exp(-far / 4)).astype(np.float32)


def populations_after(search, seeds, generations=60, n=16):
    """The states of a search after runs that differ in their seeds only; set up once, and so compiled once."""
    start = search.init(jax.random.key(0), Box(), n)
    for seed in seeds:
        state = start
        for g in range(generations):
            genotypes, state = search.ask(jax.random.fold_in(jax.random.key(seed), g), state)
            told = harvest(genotypes)
            state, _ = search.tell(state, genotypes, evaluation(told.sum(1), axes=told))
        yield state


def niches_alive(state):
    """Resources on which somebody does at least half as well as can be done."""
    return int((harvest(state.genotypes).max(0) > RICHNESS / 2).sum())


def test_limited_resources_keep_every_niche_alive_and_unlimited_ones_do_not():
    options = {"resources": list("abcd"), "size": 24, "sigma": 0.3}
    limited = populations_after(NaturalNiches(**options), range(3))
    plain = populations_after(NaturalNiches(**options, sharing=0.0), range(3))
    assert [niches_alive(state) for state in limited] == [4, 4, 4]
    assert [niches_alive(state) for state in plain] == [1, 1, 1]


class AnyMate(NaturalNiches):
    """Couples by chance, as a plain genetic algorithm has them."""

    def _couples(self, key, state):
        one, other = jax.random.split(key)
        equal = jnp.ones((self._population, self.size)) * (state.number >= 0)
        return pick(one, equal, state.number >= 0), pick(other, equal, state.number >= 0)


HALF = 8
GOAL = np.where(np.arange(2 * HALF) % 2, 1.0, -1.0).astype(np.float32)


def halves(genotypes):
    """How right each half of a genotype is, in (0, 1]; and a common resource that many live on."""
    wrong = (genotypes - GOAL) ** 2
    right = np.exp(-wrong.reshape(len(genotypes), 2, HALF).mean(2))
    return right.astype(np.float32)


def joined_after(search, seeds, most=40):
    """Generations until one genotype has both halves, begun with one specialist for each among a crowd of neither."""
    left, right = np.where(np.arange(2 * HALF) < HALF, GOAL, 0), np.where(np.arange(2 * HALF) < HALF, 0, GOAL)
    crowd = 0.3 * np.random.default_rng(0).normal(size=(22, 2 * HALF)) - 0.2 * GOAL
    space = Box(2 * HALF, starts=jnp.asarray(np.stack([left, right, *crowd]), jnp.float32))
    start = search.init(jax.random.key(0), space, 24)
    for seed in seeds:
        state, g, joined = start, 0, False
        while not joined and g < most:
            genotypes, state = search.ask(jax.random.fold_in(jax.random.key(seed), g), state)
            told = halves(np.asarray(genotypes))
            state, _ = search.tell(state, genotypes, evaluation(told.sum(1), axes=told))
            g, joined = g + 1, (told > 0.9).all(1).any()
        yield g


def test_attraction_joins_two_halves_sooner_than_chance():
    options = {"resources": ["left", "right"], "size": 24, "sigma": 0.01}
    chosen = list(joined_after(NaturalNiches(**options), range(6)))
    chance = list(joined_after(AnyMate(**options), range(6)))
    assert np.mean(chosen) < np.mean(chance) and max(chosen) < 40


def test_one_split_point_joins_what_mixing_everywhere_cannot():
    left, right = np.split(np.eye(2, dtype=np.float32).repeat(4, 1), 2)
    child = join(jnp.asarray(left), jnp.asarray(right), jnp.array([[0.5, 0.0]]), jnp.zeros(8))
    assert np.allclose(child, 1)


def crowded_out_slowly(drawn, alive, size, sharing):
    """The rule as plainly as it can be written: the least fit goes, one at a time."""
    alive = [bool(a) for a in alive]
    while sum(alive) > size:
        fit = {}
        for i in range(len(drawn)):
            if alive[i]:
                totals = [sum(float(drawn[k, j]) for k in range(len(drawn)) if alive[k]) for j in range(drawn.shape[1])]
                fit[i] = sum(float(drawn[i, j]) / total**sharing for j, total in enumerate(totals) if total)
        alive[min(fit, key=lambda i: (fit[i], i))] = False
    return alive


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sharing", [1.0, 0.5])
def test_survivors_equal_the_slow_reference(seed, sharing):
    rng = np.random.default_rng(seed)
    alive = rng.random(20) < 0.9
    drawn = (rng.random((20, 5)) * (rng.random((20, 5)) < 0.6)).astype(np.float32) * alive[:, None]
    fast = survivors(jnp.asarray(drawn), jnp.asarray(alive), size=12, sharing=sharing, rounds=8)
    assert np.asarray(fast).tolist() == crowded_out_slowly(drawn, alive, 12, sharing)


@pytest.mark.parametrize("surplus", [0, 1, 7, 40])
def test_rounds_leave_exactly_as_many_as_there_are_seats(surplus):
    drawn = jnp.asarray(np.random.default_rng(0).random((50, 3)), jnp.float32)
    alive = jnp.arange(50) < 10 + surplus
    assert survivors(drawn * alive[:, None], alive, size=10, sharing=1.0, rounds=6).sum() == 10


def test_all_shares_together_are_the_resources():
    drawn = jnp.asarray(np.random.default_rng(0).random((9, 4)), jnp.float32)
    assert np.isclose(fitness(drawn, 1).sum(), 4)
    assert np.allclose(fitness(7 * drawn, 1), fitness(drawn, 1))


def test_nobody_is_drawn_to_who_gives_nothing():
    drawn = jnp.asarray(np.random.default_rng(0).random((6, 4)), jnp.float32)
    pull = np.asarray(attraction(drawn, jnp.concatenate([drawn, 0.5 * drawn]), 1.0))
    assert np.allclose(np.diag(pull), 0) and np.allclose(np.diag(pull[:, 6:]), 0) and (pull >= 0).all()


def test_a_mate_is_picked_in_proportion():
    weights = jnp.tile(jnp.array([[1.0, 0.0, 3.0]]), (4000, 1))
    counts = np.bincount(np.asarray(pick(jax.random.key(0), weights, jnp.ones(3, bool))), minlength=3)
    assert counts[1] == 0 and abs(counts[2] / 4000 - 0.75) < 0.03


def test_mixing_keeps_to_the_circle():
    a, b = jnp.array([[1.0, 0.0, 0.0]]), jnp.array([[0.0, 1.0, 0.0]])
    middle = join(a, b, jnp.array([[1.0, 0.5]]), jnp.zeros(3))
    assert np.allclose(middle, [[2**-0.5, 2**-0.5, 0]], atol=1e-6)
    assert np.allclose(join(a, a, jnp.array([[0.3, 0.4]]), jnp.zeros(3)), a, atol=1e-6)


def test_integers_are_cut_and_never_mixed():
    zeros, ones = jnp.zeros((3, 4), jnp.int32), jnp.ones((3, 4), jnp.int32)
    merge = jnp.array([[0.5, 0.1], [0.5, 0.9], [0.0, 0.2]])
    assert join(zeros, ones, merge, jnp.zeros(4)).tolist() == [[0, 0, 1, 1], [1, 1, 0, 0], [1, 1, 1, 1]]
    search = NaturalNiches(["a"], size=8)
    state = search.init(jax.random.key(0), Bits(), 8)
    for g in range(10):
        genotypes, state = search.ask(jax.random.fold_in(jax.random.key(1), g), state)
        state, _ = search.tell(
            state, genotypes, evaluation(np.zeros(8), axes=np.asarray(genotypes)[:, :1].astype(np.float32))
        )
    assert genotypes.dtype == jnp.int32 and set(np.unique(genotypes)) <= {0, 1}


def test_without_resources_members_live_on_what_their_pictures_show():
    """Begun with pictures that all show the first component, the population comes to use all of them."""
    search, shown = NaturalNiches(size=16, sigma=0.3), np.array([3.0, 0, 0, 0], np.float32)
    state = search.init(jax.random.key(0), Box(), 8)
    totals = []
    for g in range(60):
        genotypes, state = search.ask(jax.random.fold_in(jax.random.key(1), g), state)
        z = np.asarray(genotypes)[:, None, :4] + shown
        state, _ = search.tell(state, genotypes, evaluation(np.zeros(8), z=z))
        totals.append(np.asarray(state.places).sum(0))
    assert totals[0].min() < 0.1 * totals[0].max() and totals[-1].min() > 0.6 * totals[-1].max()


def test_lineage_names_two_living_parents_and_who_made_room():
    search = NaturalNiches(["a", "b", "c", "d"], size=6)
    state = search.init(jax.random.key(0), Box(), 8)
    for g in range(5):
        living = set(np.asarray(state.number).tolist())
        genotypes, state = search.ask(jax.random.fold_in(jax.random.key(1), g), state)
        state, verdict = search.tell(state, genotypes, evaluation(np.zeros(8), axes=harvest(genotypes)))
        assert g == 0 or set(np.asarray(verdict.parents).ravel().tolist()) <= living
        put_out = np.asarray(verdict.replaced)[np.asarray(verdict.keep)]
        assert set(put_out.tolist()) <= living and not set(put_out.tolist()) & set(np.asarray(state.number).tolist())
        kept = g * 8 + np.flatnonzero(verdict.keep)
        assert set(kept.tolist()) <= set(np.asarray(state.number).tolist())


@pytest.mark.parametrize("options", [{"resources": "calm"}, {"size": 1}, {"sigma": 0}, {"sharing": 2}])
def test_impossible_options_are_refused(options):
    with pytest.raises(BadOption, match="expected"):
        NaturalNiches(**options)

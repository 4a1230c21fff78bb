"""Which worlds become lifeforms: what the search keeps, and a sample that it does not notice."""

from __future__ import annotations

import jax
import numpy as np

from alife.lifeforms import kept_rows, sampled_worlds
from alife.run import keys_of_generation
from alife.types import Evaluation, Verdict

KEY = jax.random.key(7)
N = 6


def draws(share, generations=200, n=50):
    return np.stack([sampled_worlds(KEY, generation, n, share) for generation in range(generations)])


def chi_square(counts, trials, share):
    """Of how often each was drawn; as many degrees of freedom as counts, so about that large by chance."""
    return np.sum((counts - trials * share) ** 2) / (trials * share * (1 - share))


def test_every_world_is_drawn_with_the_same_chance():
    drawn = draws(0.3)
    assert abs(drawn.mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / drawn.size)
    assert chi_square(drawn.sum(0), 200, 0.3) < 50 + 4 * np.sqrt(100)  # places in a generation
    assert chi_square(drawn.sum(1), 50, 0.3) < 200 + 4 * np.sqrt(400)  # generations
    again = [np.mean(drawn[:, :-1] & drawn[:, 1:]), np.mean(drawn[:-1] & drawn[1:])]
    assert np.allclose(again, 0.09, atol=0.012)  # neighbours in place and time are drawn independently


def test_a_larger_share_draws_the_same_worlds_and_more():
    assert not draws(0).any() and draws(1).all()
    assert (draws(0.1) <= draws(0.4)).all()


def test_the_sample_shares_no_random_numbers_with_worlds_or_search():
    ask_key, world_keys = keys_of_generation(KEY, 3, N)
    others = [jax.random.uniform(key, (N,)) for key in (ask_key, *world_keys)]
    own = jax.random.uniform(jax.random.fold_in(jax.random.fold_in(KEY, 3), 2**31), (N,))
    assert np.array_equal(sampled_worlds(KEY, 3, N, 0.5), own < 0.5)
    assert not np.isin(own, np.concatenate(others)).any()


def generation():
    """Six worlds: 0 to 2 are kept, but 2 is not valid; 3 and 4 are not kept, and 4 is not valid; neither is 5."""
    valid = np.array([True, True, False, True, False, True])
    evaluation = Evaluation(
        scores=np.where(valid, np.arange(6.0), -np.inf),
        z=np.where(valid, 1, 0)[:, None, None] * np.ones((1, 2, 4), np.float32) / 2,
        measures={"mass": np.arange(6, dtype=np.float32)},
        valid=valid,
        frames=np.arange(6, dtype=np.uint8)[:, None, None, None, None] * np.ones((1, 2, 8, 8, 3), np.uint8),
        keys=jax.random.split(KEY, N),
        states={"x": np.arange(12.0).reshape(6, 2)},
    )
    parents = np.array([[-1, -1], [7, 5], [7, 7], [7, 5], [5, 5], [-1, -1]])
    keep = np.array([True, True, True, False, False, False])
    verdict = Verdict(keep, parents, np.full(N, 1), np.array([5, 5, 5, 5, 5, 7]))
    return np.arange(6.0)[:, None], evaluation, verdict


def test_without_a_sample_only_the_elites_are_kept():
    rows = kept_rows(*generation(), np.zeros(N, bool), before=10, numbers=[5, 7])
    assert rows.evaluation.tolist() == [10, 11] and rows.elite.all() and not rows.sampled.any()
    assert rows.replaced.tolist() == [0, 0] and rows.parent.tolist() == [[-1, -1], [1, 0]]


def test_sampled_worlds_are_kept_beside_them_and_marked():
    sampled = np.array([False, True, True, True, True, False])
    rows = kept_rows(*generation(), sampled, before=10, numbers=[5, 7])
    assert rows.evaluation.tolist() == [10, 11, 12, 13, 14]
    assert rows.elite.tolist() == [True, True, False, False, False]
    assert rows.sampled.tolist() == [False, True, True, True, True]
    assert rows.replaced.tolist() == [0, 0, -1, -1, -1]  # only what the search keeps takes a place
    assert rows.parent.tolist() == [[-1, -1], [1, 0], [1, 1], [1, 0], [0, 0]]
    assert np.array_equal(np.asarray(rows.states["x"]), np.arange(10.0).reshape(5, 2))


def test_an_invalid_world_is_in_the_sample_but_never_alive():
    rows = kept_rows(*generation(), np.ones(N, bool), before=10, numbers=[5, 7])
    dead = ~rows.valid
    assert dead.tolist() == [False, False, True, False, True, False] and not rows.elite[dead].any()
    assert (rows.score[dead] == -np.inf).all() and np.isnan(rows.measures["mass"][dead]).all()
    assert rows.measures["mass"][~dead].tolist() == [0, 1, 3, 5]

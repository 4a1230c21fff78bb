"""The learned rule of survival: what it may not depend on, and that it beats the rules it should beat."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.search.dominated_novelty import dominated_novelty
from alife.search.learned_qd import HEADS, LEARNED, OWN, SEEN, SHAPES, LearnedQd, competition, read_rule
from alife.search.learned_qd_training import learn, problems, quality, random_rule
from alife.testing.spaces import Bits, Box, evaluation

M = 20


@pytest.fixture
def members():
    rng = np.random.default_rng(0)
    places, scores = rng.normal(size=(M, 3)), rng.normal(size=M)
    return jnp.asarray(scores, jnp.float32), jnp.asarray(places, jnp.float32), jnp.arange(M) < 17


def slow_competition(weights, scores, places, alive):
    """The rule, member by member, in the words of its docstrings."""
    scores, places = np.asarray(scores, np.float64), np.asarray(places, np.float64)
    ends = np.cumsum([int(np.prod(shape)) for shape in SHAPES])[:-1]
    query, hidden, out = (part.reshape(shape) for part, shape in zip(np.split(weights, ends), SHAPES, strict=True))
    living = np.flatnonzero(alive)
    unit = (places - places[living].mean(0)) / places[living].std(0)
    far = {(i, j): np.linalg.norm(unit[i] - unit[j]) for i in living for j in living if i != j}
    along = len(living) ** (1 / places.shape[1])
    own = {}
    for i in living:
        won = sum(np.sign(scores[i] - scores[j]) for j in living)
        stands = np.tanh((scores[i] - scores[living].mean()) / scores[living].std())
        own[i] = np.array([1, won / (len(living) - 1), stands])
    strength = np.full(len(scores), -np.inf)
    for i in living:
        others = [j for j in living if j != i]
        seen = np.array(
            [
                [np.log1p(far[i, j] / np.mean(list(far.values())) * along), scores[j] > scores[i], *own[j][1:]]
                for j in others
            ]
        )
        heads = []
        for h in range(HEADS):
            share = np.exp(seen @ (own[i] @ query[h]))
            heads += [*(share @ seen / (1 + share.sum())), 1 / (1 + share.sum())]
        strength[i] = np.tanh(np.array([*own[i], *heads]) @ hidden) @ out
    return strength


def test_the_rule_is_what_it_says(members):
    weights = random_rule(1)
    assert weights.size == HEADS * OWN * SEEN + (OWN + HEADS * (SEEN + 1)) * SHAPES[2][0] + SHAPES[2][0]
    expected = slow_competition(weights, *members)
    assert np.allclose(competition(weights, *members), expected, atol=1e-4)


def test_the_rule_knows_no_units_no_order_and_no_dead(members):
    weights, (scores, places, alive) = read_rule(LEARNED), members
    strength = np.asarray(competition(weights, scores, places, alive))
    moved = competition(weights, 7 * scores - 3, places * jnp.array([1.0, 100.0, 0.01]) + 5, alive)
    assert np.allclose(moved, strength, atol=1e-3)
    order = np.random.default_rng(1).permutation(M)
    assert np.allclose(competition(weights, scores[order], places[order], alive[order]), strength[order], atol=1e-4)
    other = jnp.where(alive, scores, 1e9), jnp.where(alive[:, None], places, 1e9)
    assert np.allclose(competition(weights, *other, alive), strength, atol=1e-4)
    assert np.isneginf(strength[17:]).all() and np.isfinite(strength[:17]).all()


@pytest.mark.parametrize("alive", [0, 1, 2])
def test_the_rule_bears_almost_nobody_and_worlds_that_are_all_alike(alive):
    weights, lives = read_rule(LEARNED), jnp.arange(4) < alive
    strength = np.asarray(competition(weights, jnp.zeros(4), jnp.ones((4, 2)), lives))
    assert np.isfinite(strength[:alive]).all() and np.isneginf(strength[alive:]).all()


def test_the_learned_rule_beats_a_random_one_and_plain_fitness():
    """As in the paper: the rule learned on small problems holds its own on problems it has not seen."""
    rules = {
        "learned": partial(competition, read_rule(LEARNED)),
        "random": partial(competition, random_rule(7)),
        "fitness": lambda scores, places, alive: scores,
        "dominated": lambda scores, places, alive: dominated_novelty(scores, places, 3),
    }
    unseen = problems(10**6, 24)
    worth = {name: float(jax.jit(partial(quality, rule))(unseen).mean()) for name, rule in rules.items()}
    assert worth["learned"] > 2 * worth["fitness"] and worth["learned"] > 2 * worth["random"]
    assert worth["learned"] > 0.98 * worth["dominated"]


def test_the_recipe_gives_the_same_numbers_every_time():
    short = {"generations": 2, "candidates": 4, "count": 2}
    weights = learn(**short)
    assert np.array_equal(weights, learn(**short))
    assert weights.shape == read_rule(LEARNED).shape and not np.allclose(weights, random_rule(0))


def run(search, space, generations=12, n=8):
    state = search.init(jax.random.key(0), space, n)
    for g in range(generations):
        genotypes, state = search.ask(jax.random.fold_in(jax.random.key(1), g), state)
        axes = np.asarray(genotypes)[:, :2].astype(np.float32)
        state, verdict = search.tell(state, genotypes, evaluation(-(axes**2).sum(1), axes=axes))
    return state, verdict


def test_the_strongest_survive_and_the_others_make_room():
    search = LearnedQd(["a", "b"], size=6)
    state, _ = run(search, Box(), 3)
    genotypes, asked = search.ask(jax.random.key(9), state)
    axes = np.asarray(genotypes)[:, :2]
    valid = np.arange(8) != 3
    told, verdict = search.tell(asked, genotypes, evaluation(-(axes**2).sum(1), valid=valid, axes=axes))
    scores = np.concatenate([state.scores, -(axes**2).sum(1)])
    alive = np.concatenate([np.ones(6, bool), valid])
    strength = slow_competition(np.asarray(state.weights), scores, np.concatenate([state.places, axes]), alive)
    numbers = np.concatenate([state.number, 24 + np.arange(8)])
    assert set(np.asarray(told.number).tolist()) == set(numbers[np.argsort(-strength)[:6]].tolist())
    put_out = np.asarray(verdict.replaced)[np.asarray(verdict.keep)]
    assert set(put_out.tolist()) == set(np.asarray(state.number).tolist()) - set(np.asarray(told.number).tolist())


def test_the_population_spreads_over_its_axes_and_keeps_good_ones():
    state, _ = run(LearnedQd(["a", "b"], size=24, sigma=0.3), Box(), 40, n=16)
    first = np.asarray(Box().sample(jax.random.key(0), 24))[:, :2]
    assert np.asarray(state.places).std(0).min() > 0.8 * first.std(0).max()
    assert float(state.scores.max()) > -0.05


def test_integers_are_mutated_and_stay_integers():
    state, verdict = run(LearnedQd(["a", "b"], size=6), Bits())
    assert state.genotypes.dtype == jnp.int32 and (np.asarray(verdict.parents)[:, 1] == -1).all()


@pytest.mark.parametrize("options", [{"axes": None}, {"size": 1}, {"sigma": 0}, {"line": -1}])
def test_impossible_options_are_refused(options):
    with pytest.raises(BadOption, match="expected"):
        LearnedQd(**{"axes": ["a"], **options})


def test_a_file_that_is_no_rule_is_refused(tmp_path):
    whole = LEARNED.read_bytes()
    np.save(tmp_path / "one.npy", np.zeros(240))
    files = {"text.npz": b"hello", "none.npz": None, "cut.npz": whole[:-40], "empty.npz": b"", "one.npy": None}
    for name, content in files.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(BadOption, match="cannot be read"):
            LearnedQd(["a"], rule=str(tmp_path / name))
    np.savez(tmp_path / "short.npz", weights=np.zeros(3))
    with pytest.raises(BadOption, match="expected 240 finite numbers"):
        LearnedQd(["a"], rule=str(tmp_path / "short.npz"))

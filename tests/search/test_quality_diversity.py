"""Searches without cells: unstructured archive, novelty search, dominated novelty; each against a slow reference."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.search.dominated_novelty import DominatedNovelty, dominated_novelty
from alife.search.novelty_search import NoveltySearch, novelty_among
from alife.search.unstructured import LOOSE_FIT, PACE, Unstructured
from alife.testing.spaces import Bits, Box, evaluation
from alife.types import OPERATORS

N = 12
MAKE = {
    "unstructured": lambda: Unstructured(size=10),
    "novelty_search": lambda: NoveltySearch(size=10, k=3, memory=16),
    "dominated_novelty": lambda: DominatedNovelty(size=10),
}


def unit(z):
    return z / np.linalg.norm(z, axis=-1, keepdims=True)


def seen(genotypes):
    """Embeddings that change with the genotype."""
    return unit(np.tanh(genotypes @ np.random.default_rng(1).normal(size=(5, 16))) + 0.5).astype(np.float32)


def run(search, generations, score=lambda g, rng: rng.random(len(g)), share=0.85, n=N):
    """Every generation as (evaluation numbers before it, genotypes, told, state before, state after, verdict)."""
    rng, state = np.random.default_rng(0), search.init(jax.random.key(0), Box(), n)
    for g in range(generations):
        genotypes, state = search.ask(jax.random.fold_in(jax.random.key(1), g), state)
        genotypes, before = np.asarray(genotypes), state
        z, valid = seen(genotypes), rng.random(n) < share
        told = evaluation(score(genotypes, rng), z[:, None], valid, axes=genotypes[:, :2])
        state, verdict = search.tell(state, genotypes, told)
        yield g * n, genotypes, told, before, state, verdict


def numbers(state):
    return {int(n) for n in np.asarray(state.number) if n >= 0}


@pytest.mark.parametrize("name", MAKE)
def test_verdicts_say_who_came_and_who_went(name):
    """Kept worlds are those in the population at the end; parents were members; whom they replaced has gone."""
    genomes = {}
    for first, genotypes, told, before, state, verdict in run(MAKE[name](), 10):
        fresh = first + np.arange(N)
        keep = np.asarray(verdict.keep)
        assert not keep[~told.valid].any() and set(fresh[keep]) == numbers(state) - numbers(before)
        replaced = [n for n in np.asarray(verdict.replaced)[keep].tolist() if n >= 0]
        assert len(set(replaced)) == len(replaced) and set(replaced) <= numbers(before) - numbers(state)
        assert (np.asarray(verdict.replaced)[~keep] == -1).all()
        assert set(np.asarray(verdict.parents).ravel().tolist()) <= (numbers(before) if first else {-1})
        assert {OPERATORS[i] for i in np.asarray(verdict.operator)} == {"line" if first else "sample"}
        genomes |= {int(n): (genotypes[i], told.scores[i], told.z[i, 0]) for i, n in enumerate(fresh)}
        for seat, number in enumerate(np.asarray(state.number).tolist()):
            if number >= 0:
                genotype, score, z = genomes[number]
                assert np.array_equal(state.genotypes[seat], genotype) and state.scores[seat] == score
                assert np.array_equal(getattr(state, "z", getattr(state, "places", None))[seat], z)
    assert len(numbers(state)) >= 5


@pytest.mark.parametrize("name", MAKE)
def test_integers_are_mutated(name):
    search = MAKE[name]()
    state = search.init(jax.random.key(0), Bits(), N)
    for g in range(3):
        genotypes, state = search.ask(jax.random.key(g), state)
        state, verdict = search.tell(state, genotypes, evaluation(np.arange(N), seen(np.asarray(genotypes))[:, None]))
    assert genotypes.dtype == np.int32 and set(np.unique(genotypes)) <= {0, 1}
    assert {OPERATORS[i] for i in np.asarray(verdict.operator)} == {"mutate"}


@pytest.mark.parametrize("name", MAKE)
def test_a_generation_without_a_valid_world_changes_nothing(name):
    search = MAKE[name]()
    *_, state, _ = list(run(search, 3))[-1]
    told = evaluation(np.zeros(N), np.ones((N, 1, 16)), np.zeros(N, bool), np.full((N, 2), np.nan, np.float32))
    after, verdict = search.tell(state, np.full((N, 5), np.nan, np.float32), told._replace(z=0 * told.z))
    assert not verdict.keep.any()
    assert np.array_equal(after.number, state.number) and np.array_equal(after.genotypes, state.genotypes)


def unstructured_slowly(seats, told, genotypes, first, size, distance):
    """The rule for one generation; `seats` is a list of (number, score, z) or None."""
    seats = list(seats)
    z, scores = np.asarray(told.z)[:, -1].astype(np.float64), np.asarray(told.scores)
    for i in np.flatnonzero(told.valid):
        near = {s: 1 - z[i] @ m[2] for s, m in enumerate(seats) if m is not None and 1 - z[i] @ m[2] < distance}
        if not near:
            if None in seats:
                seats[seats.index(None)] = (first + i, scores[i], z[i])
        elif scores[i] > max(seats[s][1] for s in near):
            for s in near:
                seats[s] = None
            seats[min(near, key=near.get)] = (first + i, scores[i], z[i])
    return seats


def test_unstructured_equals_turns_in_plain_python():
    search, seats = Unstructured(size=10), [None] * int(10 * LOOSE_FIT)
    for first, genotypes, told, before, state, _ in run(search, 15):
        distance = float(before.distance)
        if first == 0:
            z = np.asarray(told.z)[told.valid, 0]
            distance = float(np.mean(1 - np.sort(z @ z.T, axis=1)[:, -2]) / 2)
        seats = unstructured_slowly(seats, told, genotypes, first, 10, distance)
        assert [-1 if s is None else s[0] for s in seats] == np.asarray(state.number).tolist()
        filled = sum(s is not None for s in seats)
        assert np.isclose(state.distance, distance * np.exp(PACE * (filled / 10 - 1) * N / 10), rtol=1e-4)


def test_unstructured_holds_its_size_and_its_best():
    """Members stay near the number wanted, the best world stays, and members differ more than samples do."""
    found = list(run(Unstructured(size=40, sigma=0.3), 60, lambda g, rng: -np.square(g).sum(1), n=32))
    sizes, state = [len(numbers(after)) for *_, after, _ in found], found[-1][4]
    assert all(25 <= size <= 50 for size in sizes[30:])
    assert np.isclose(np.asarray(state.scores).max(), max(np.asarray(told.scores).max() for _, _, told, *_ in found))
    z = np.asarray(state.z)[np.asarray(state.number) >= 0]
    samples = seen(np.asarray(Box().sample(jax.random.key(5), len(z))))
    least, least_of_samples = (1 - np.max(np.where(np.eye(len(rows)), -1, rows @ rows.T)) for rows in (z, samples))
    assert least > 1.5 * least_of_samples


def test_novelty_equals_the_mean_of_the_nearest():
    rng = np.random.default_rng(0)
    z, memory = unit(rng.normal(size=(20, 6))).astype(np.float32), unit(rng.normal(size=(9, 6))).astype(np.float32)
    there, known = rng.random(20) < 0.8, np.arange(9) < 5
    found = np.asarray(novelty_among(jnp.asarray(z), jnp.asarray(there), memory, jnp.asarray(known), 4))
    for i in range(20):
        others = [z[j] for j in range(20) if j != i and there[j]] + [m for m, k in zip(memory, known, strict=True) if k]
        assert np.isclose(found[i], np.mean(sorted(1 - z[i] @ o for o in others)[:4]), atol=1e-6)


def test_novelty_search_ignores_scores_unless_told_and_remembers():
    populations = {}
    for weight in (0.0, 1.0):
        for sign in (1, -1):
            search = NoveltySearch(size=8, k=3, memory=16, remember=2, weight=weight)
            *_, state, _ = list(run(search, 6, lambda g, rng, s=sign: s * np.square(g).sum(1)))[-1]
            populations[weight, sign] = numbers(state)
            assert int(state.remembered) == 12 and np.allclose(np.linalg.norm(state.memory[:12], axis=1), 1, atol=1e-5)
    assert populations[0.0, 1] == populations[0.0, -1] != populations[1.0, 1] != populations[1.0, -1]


def test_novelty_search_with_the_weight_of_one_keeps_the_best_scores():
    found = list(run(NoveltySearch(size=8, weight=1.0), 8))
    scores = np.concatenate([np.asarray(told.scores)[told.valid] for _, _, told, *_ in found])
    assert np.allclose(np.sort(found[-1][4].scores), np.sort(scores)[-8:])


def dominated_slowly(scores, places, k):
    """Mean distance to the k nearest that are better, the first of equals being better."""
    worth = []
    for i, score in enumerate(scores):
        better = [j for j, other in enumerate(scores) if other > score or (other == score and j < i)]
        near = sorted(np.linalg.norm(places[i] - places[j]) for j in better)[:k]
        worth.append(-np.inf if score == -np.inf else np.mean(near) if near else np.inf)
    return worth


@pytest.mark.parametrize(("count", "axes", "k"), [(5, 2, 3), (40, 2, 3), (300, 3, 1), (300, 12, 5), (33, 2, 40)])
def test_dominated_novelty_equals_the_slow_reference(count, axes, k):
    rng = np.random.default_rng(count)
    scores, places = rng.integers(0, 9, count).astype(np.float32), rng.normal(size=(count, axes)).astype(np.float32)
    scores[rng.random(count) < 0.1] = -np.inf
    found = dominated_novelty(jnp.asarray(scores), jnp.asarray(places), k)
    assert np.allclose(found, dominated_slowly(scores, places.astype(np.float64), k), atol=2e-3)


@pytest.mark.parametrize("axes", [(), ("a", "b")])
def test_population_of_dominated_novelty_equals_the_slow_reference(axes):
    ranges = [[-2, 2], [-1, 1]] if axes else None
    members = []
    for first, _, told, _, state, _ in run(DominatedNovelty(axes, size=10, ranges=ranges), 15):
        places = np.asarray(told.axes) / [4, 2] if axes else np.asarray(told.z)[:, 0]
        members += [(first + i, float(told.scores[i]), places[i]) for i in range(N) if told.valid[i]]
        worth = dominated_slowly([m[1] for m in members], np.array([m[2] for m in members], np.float64), 3)
        best = np.argsort(-np.array(worth), kind="stable")[:10]
        members = [members[i] for i in sorted(best)]
        assert numbers(state) == {number for number, *_ in members}


def test_dominated_novelty_never_loses_the_best():
    best = -np.inf
    for *_, told, _, state, _ in run(DominatedNovelty(size=6), 12, lambda g, rng: np.round(3 * rng.random(len(g)))):
        best = max(best, np.asarray(told.scores).max())
        assert np.asarray(state.scores).max() == best


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (Unstructured, {"size": 1}),
        (Unstructured, {"sigma": 0}),
        (NoveltySearch, {"k": 0}),
        (NoveltySearch, {"weight": 1.5}),
        (NoveltySearch, {"memory": 4, "remember": 5}),
        (DominatedNovelty, {"size": 0}),
        (DominatedNovelty, {"ranges": [[0, 1]]}),
        (DominatedNovelty, {"line": -0.1}),
    ],
)
def test_impossible_options_are_refused(make, options):
    with pytest.raises(BadOption, match="expected"):
        make(**options)

"""What every registered search must do: keep its shapes, start where told, resume exactly, and be worth running."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadGenotype, BadOption
from alife.registry import default_registry
from alife.run import checkpoint, restore
from alife.search.illuminate import survivors
from alife.types import OPERATORS

from .spaces import Bits, Box, evaluation

N = 8
SEARCHES = list(default_registry().searches.values())


@pytest.fixture(params=SEARCHES, ids=lambda entry: entry.name)
def search(request):
    return request.param.make(**request.param.test_options)


def generation(search, state, g, target=0.0):
    genotypes, state = search.ask(jax.random.fold_in(jax.random.key(1), g), state)
    genotypes = np.asarray(genotypes)
    told = evaluation(-((genotypes - target) ** 2).sum(1), z=np.tanh(genotypes[:, None, :4]) + 1e-3)
    state, verdict = search.tell(state, genotypes, told)
    return genotypes, state, verdict


def test_shapes_and_verdicts(search):
    state = search.init(jax.random.key(0), Box(), N)
    for g in range(4):
        genotypes, state, verdict = generation(search, state, g)
        assert genotypes.shape == (N, 5) and genotypes.dtype == np.float32
        assert verdict.keep.shape == (N,) and verdict.parents.shape == (N, 2)
        assert (np.asarray(verdict.parents) < g * N).all()
        assert (np.asarray(verdict.operator) < len(OPERATORS)).all()


def test_resumes_exactly(search):
    straight = search.init(jax.random.key(0), Box(), N)
    for g in range(6):
        expected, straight, _ = generation(search, straight, g)
        if g == 2:
            saved = checkpoint(straight)
    resumed = restore(search.init(jax.random.key(0), Box(), N), saved)
    for g in range(3, 6):
        genotypes, resumed, _ = generation(search, resumed, g)
    assert np.array_equal(genotypes, expected)
    assert all(np.array_equal(a, checkpoint(resumed)[name]) for name, a in checkpoint(straight).items())


def test_starts_where_the_world_says(search):
    start = jnp.arange(5.0)
    state = search.init(jax.random.key(0), Box(start=start), N)
    first, state, _ = generation(search, state, 0)
    second, state, verdict = generation(search, state, 1)
    assert np.array_equal(first[0], start)
    assert not np.array_equal(second[0], start) or OPERATORS[verdict.operator[0]] == "given"


def test_worlds_that_are_not_valid_are_never_kept(search):
    state = search.init(jax.random.key(0), Box(), N)
    genotypes, state = search.ask(jax.random.key(1), state)
    valid = np.arange(N) % 2 == 0
    state, verdict = search.tell(state, genotypes, evaluation(np.zeros(N), valid=valid))
    assert not np.asarray(verdict.keep)[~valid].any()
    genotypes, state = search.ask(jax.random.key(2), state)
    assert np.isfinite(np.asarray(genotypes)).all()


@pytest.mark.parametrize("name", ["illuminate", "random"])
def test_integer_genotypes_stay_integers(name):
    search = default_registry().searches[name].make()
    state = search.init(jax.random.key(0), Bits(), N)
    for g in range(20):
        genotypes, state, _ = generation(search, state, g)
    assert genotypes.dtype == np.int32 and set(np.unique(genotypes)) <= {0, 1}


def test_evolution_strategy_refuses_integers_and_says_what_can():
    with pytest.raises(BadGenotype, match=r"--search illuminate or --search random"):
        default_registry().searches["Sep_CMA_ES"].make().init(jax.random.key(0), Bits(), N)


def test_evolution_strategy_finds_the_middle_of_a_sphere():
    search = default_registry().searches["Sep_CMA_ES"].make()
    state = search.init(jax.random.key(0), Box(20), 16)
    for g in range(150):
        genotypes, state, _ = generation(search, state, g, target=2.0)
    assert np.abs(genotypes - 2.0).max() < 0.05


@pytest.mark.parametrize("options", [{"size": 1}, {"sigma": 0.0}, {"k": 0}, {"k": 128}])
def test_illuminate_refuses_impossible_options(options):
    with pytest.raises(BadOption, match="expected"):
        default_registry().searches["illuminate"].make(**options)


def crowded_out_slowly(z, alive, size, k):
    """The published rule, as plainly as it can be written."""
    z, alive = np.asarray(z, np.float64), [bool(a) for a in alive]
    while sum(alive) > size:
        crowding = {}
        for i in range(len(z)):
            if alive[i]:
                near = sorted((z[i] @ z[j] for j in range(len(z)) if j != i and alive[j]), reverse=True)[:k]
                crowding[i] = sum(near) / k
        alive[max(crowding, key=lambda i: (crowding[i], -i))] = False
    return alive


@pytest.mark.parametrize("seed", range(5))
def test_survivors_equal_the_slow_reference(seed):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(24, 6)).astype(np.float32)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    alive = rng.random(24) < 0.9
    assert np.asarray(survivors(z, alive, size=12, k=2)).tolist() == crowded_out_slowly(z, alive, 12, 2)


def test_illumination_spreads_further_than_sampling():
    """Seen as directions far from the origin, samples of the prior crowd together; the population must not."""
    search, seen = default_registry().searches["illuminate"].make(size=16, sigma=1.0), 3.0

    def distance(genotypes):
        z = (genotypes + seen) / np.linalg.norm(genotypes + seen, axis=1, keepdims=True)
        return float(1 - np.where(np.eye(len(z), dtype=bool), -1, z @ z.T).max(1).mean())

    state = search.init(jax.random.key(0), Box(), N)
    for g in range(60):
        genotypes, state = search.ask(jax.random.fold_in(jax.random.key(1), g), state)
        state, _ = search.tell(state, genotypes, evaluation(np.zeros(N), z=np.asarray(genotypes)[:, None] + seen))
    sampled = Box().sample(jax.random.key(2), 16)
    assert distance(np.asarray(state.genotypes)) > 3 * distance(np.asarray(sampled))

"""What searches say of themselves, and what `illuminate` does; that each keeps its contract: tests/conformance."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadGenotype, BadOption
from alife.registry import default_registry
from alife.search.illuminate import survivors
from alife.testing.spaces import Bits, Box, evaluation
from alife.types import OPERATORS

N = 8
SEARCHES = list(default_registry().searches.values())


def generation(search, state, g, target=0.0):
    genotypes, state = search.ask(jax.random.fold_in(jax.random.key(1), g), state)
    genotypes = np.asarray(genotypes)
    axes = genotypes[:, : len(getattr(search, "axes", ()))].astype(np.float32)
    told = evaluation(-((genotypes - target) ** 2).sum(1), z=np.tanh(genotypes[:, None, :4]) + 1e-3, axes=axes)
    state, verdict = search.tell(state, genotypes, told)
    return genotypes, state, verdict


def test_every_search_is_on_the_page_and_says_where_it_comes_from():
    page = (Path(__file__).parents[2] / "docs" / "searches.md").read_text("utf-8")
    assert [entry.name for entry in SEARCHES if f"| `{entry.name}` |" not in page] == []
    assert [entry.name for entry in SEARCHES if not entry.source or not entry.summary] == []


@pytest.mark.parametrize("name", ["illuminate", "random"])
def test_integer_genotypes_stay_integers(name):
    search = default_registry().searches[name].make()
    state = search.init(jax.random.key(0), Bits(), N)
    for g in range(20):
        genotypes, state, _ = generation(search, state, g)
    assert genotypes.dtype == np.int32 and set(np.unique(genotypes)) <= {0, 1}


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


def test_illuminate_says_who_made_room_for_whom_and_begins_with_what_it_is_given():
    search, n = default_registry().searches["illuminate"].make(size=6, sigma=1.0), 4
    state = search.init(jax.random.key(0), Box(starts=jnp.ones((2, 5))), n)
    living: set[int] = set()
    for g in range(12):
        genotypes, state = search.ask(jax.random.key(g), state)
        state, verdict = search.tell(state, genotypes, evaluation(np.zeros(n), z=np.asarray(genotypes)[:, None] + 1))
        assert (np.asarray(verdict.operator) == OPERATORS.index("sample" if g == 0 else "mutate")).all()
        entered = {g * n + i for i in np.flatnonzero(verdict.keep)}
        left = {int(number) for number in np.asarray(verdict.replaced)[np.asarray(verdict.keep)]} - {-1}
        assert left <= living and len(living) + len(entered) - len(left) <= 6
        living = living - left | entered
        assert living == {int(number) for number in state.number} - {-1}
    assert len(living) == 6


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


@pytest.mark.parametrize("entry", SEARCHES, ids=lambda entry: entry.name)
def test_a_search_that_refuses_integers_names_searches_that_take_them(entry):
    try:
        entry.make(**entry.test_options).init(jax.random.key(0), Bits(), N)
    except BadGenotype as error:
        assert "--search map_elites, --search illuminate or --search random" in str(error)


def test_illuminate_stays_within_bounds():
    search = default_registry().searches["illuminate"].make(size=8, sigma=3.0)
    state = search.init(jax.random.key(0), Box(bounds=(-0.5, 0.5)), N)
    for g in range(2):
        genotypes, state, _ = generation(search, state, g)
    assert np.abs(genotypes).max() == 0.5

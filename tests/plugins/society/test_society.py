"""Whole steps of whole societies: the same every time, whatever they run beside, and wherever they go on from."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.plugins.society import TINY
from alife.plugins.society.numbers import MEASURES, NUMBERS
from alife.plugins.society.society import Society
from alife.plugins.society.space import Agents, State

from .moments import GENES, KEY

SOCIETY = Society(**TINY)


@lru_cache
def starting() -> Any:
    return jax.jit(lambda key, params: SOCIETY.init_state(key, SOCIETY.express(params)))


@lru_cache
def stepping() -> Any:
    """Some steps of one world, compiled once."""

    def run(key: Any, state: State, params: Any, steps: Any) -> State:
        world = SOCIETY.express(params)
        return jax.lax.fori_loop(0, steps, lambda i, s: SOCIETY.step_state(jax.random.fold_in(key, i), s, world), state)

    return jax.jit(run)


def differing(a: State, b: State) -> list[str]:
    """Which leaves are not the same bits."""
    pairs = zip(jax.tree_util.tree_leaves_with_path(a), jax.tree.leaves(b), strict=True)
    return [jax.tree_util.keystr(path) for (path, x), y in pairs if not np.array_equal(x, y, equal_nan=True)]


@pytest.fixture(scope="module")
def start() -> State:
    return starting()(KEY, GENES)


@pytest.fixture(scope="module")
def later(start: State) -> State:
    return stepping()(KEY, start, GENES, 60)


def test_worlds_begin_as_specified(start: State) -> None:
    agents = start.agents
    assert agents.alive.tolist() == [True] * 3 + [False] * 9 and agents.energy.tolist() == [32] * 3 + [0] * 9
    assert agents.uid.tolist() == [0, 1, 2] + [-1] * 9 and int(start.next_uid) == 3
    assert not start.robots.memory.any() and not start.robots.program.any() and start.robots.active.all()
    many = jax.jit(jax.vmap(lambda key: SOCIETY.init_state(key, SOCIETY.express(GENES)).agents.x))
    x = np.asarray(many(jax.random.split(KEY, 300)))[:, :3].reshape(-1, 2)
    assert np.abs(np.histogram2d(*x.T, bins=4, range=[[0, 128]] * 2)[0] / len(x) - 1 / 16).max() < 0.03
    kernel = np.asarray(agents.genome["act"][0], np.float64)
    assert np.allclose(kernel[:-1].T @ kernel[:-1], 2 * np.eye(8), atol=0.01) and not kernel[-1].any()
    assert not np.array_equal(agents.genome["act"][0], agents.genome["act"][1])


def test_one_key_is_one_history(start: State, later: State) -> None:
    assert differing(starting()(KEY, GENES), start) == []
    assert differing(stepping()(KEY, start, GENES, 60), later) == []
    other = stepping()(jax.random.key(1), start, GENES, 60)
    assert len(differing(other, later)) > 20
    assert len(differing(starting()(jax.random.key(1), GENES), start)) > 20
    assert int(later.t) == 60 and later.agents.alive.any()


def test_a_world_goes_on_from_what_was_kept(start: State, later: State) -> None:
    half = stepping()(KEY, start, GENES, 30)
    kept = jax.tree.map(lambda a: np.array(a), half)
    restored = jax.tree.map(lambda a: jnp.asarray(a), kept)

    def go_on(state: State) -> State:
        for i in range(30, 60):
            state = stepping_from()(jax.random.fold_in(KEY, i), state)
        return state

    assert differing(go_on(restored), go_on(half)) == []
    assert [a.dtype for a in jax.tree.leaves(kept)] == [a.dtype for a in jax.tree.leaves(half)]


@lru_cache
def stepping_from() -> Any:
    return lambda key, state: stepping()(key, state, GENES, 1)


def test_worlds_side_by_side_are_worlds_alone(start: State) -> None:
    keys = jax.random.split(jax.random.key(5), 2)
    genes = {"world": jnp.stack([GENES["world"], GENES["world"].at[0].set(1)])}
    starts = [starting()(k, {"world": g}) for k, g in zip(keys, genes["world"], strict=True)]
    together = jax.tree.map(lambda *a: jnp.stack(a), *starts)
    run = jax.jit(jax.vmap(lambda k, s, g: SOCIETY.step_state(k, s, SOCIETY.express({"world": g}))))
    for i in range(6):
        step_keys = jax.vmap(lambda k, i=i: jax.random.fold_in(k, i))(keys)
        together = run(step_keys, together, genes["world"])
    for w in range(2):
        alone = stepping()(keys[w], starts[w], {"world": genes["world"][w]}, 6)
        for (path, a), b in zip(jax.tree_util.tree_leaves_with_path(alone), jax.tree.leaves(together), strict=True):
            close = np.allclose(np.asarray(a, np.float64), np.asarray(b[w], np.float64), rtol=1e-3, atol=2e-3)
            assert close, jax.tree_util.keystr(path)


@pytest.mark.parametrize("garbage", [5.0, np.nan])
def test_what_is_in_free_slots_changes_no_history(start: State, garbage: float) -> None:
    free = ~np.asarray(start.agents.alive)

    def littered(name: str, leaf: Any) -> Any:
        if name in ("alive", "uid", "parent_uid", "birth_step", "generation"):
            return leaf
        return jnp.where(free.reshape(-1, *[1] * (leaf.ndim - 1)), jnp.asarray(garbage, leaf.dtype), leaf)

    agents = {
        name: jax.tree.map(lambda leaf, name=name: littered(name, leaf), value)
        for name, value in start.agents._asdict().items()
    }
    clean, dirty = (stepping()(KEY, s, GENES, 12) for s in (start, start._replace(agents=Agents(**agents))))
    for part in ("robots", "terrain", "now", "sums", "next_uid"):
        assert differing(getattr(clean, part), getattr(dirty, part)) == [], part
    alive = np.asarray(clean.agents.alive)
    for (path, a), b in zip(
        jax.tree_util.tree_leaves_with_path(clean.agents), jax.tree.leaves(dirty.agents), strict=True
    ):
        assert np.array_equal(np.asarray(a)[alive], np.asarray(b)[alive]), jax.tree_util.keystr(path)


def test_mad_brains_die_out_without_spoiling_the_world(start: State) -> None:
    genome = {name: w.at[1].set(jnp.nan) for name, w in start.agents.genome.items()}
    after = stepping()(KEY, start._replace(agents=start.agents._replace(genome=genome)), GENES, 40)
    finite = after._replace(agents=after.agents._replace(genome=None))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(finite))
    still = stepping()(KEY, start._replace(agents=start.agents._replace(genome=genome)), GENES, 1)
    assert not still.agents.action[1].any() and float(still.agents.energy[1]) == pytest.approx(31.75)


def test_measures_are_means_over_the_epoch_so_far(start: State, later: State) -> None:
    found = SOCIETY.measures(start, SOCIETY.express(GENES))
    assert set(found) == set(MEASURES) and all(np.isfinite(v) for v in found.values())
    state, sums, place = start, 0.0, NUMBERS.index("population")
    for i in range(11):
        state = stepping_from()(jax.random.fold_in(KEY, i), state)
        sums = float(state.now[place]) + (0 if i % TINY["epoch"] == 0 else sums)
        found = SOCIETY.measures(state, SOCIETY.express(GENES))
        assert float(found["population"]) == pytest.approx(sums / (i % TINY["epoch"] + 1), rel=1e-5)
    assert all(np.isfinite(v) for v in SOCIETY.measures(later, SOCIETY.express(GENES)).values())
    documented = Society.measures.__doc__ or ""
    assert all(name in documented for name in MEASURES)


def test_families_are_told(later: State) -> None:
    found = SOCIETY.individuals(later, SOCIETY.express(GENES))
    alive = np.asarray(later.agents.alive)
    ids, parents = np.asarray(found["id"])[alive], np.asarray(found["parent"])[alive]
    assert len(set(ids.tolist())) == len(ids) and (ids >= 0).all() and (parents < ids).all()
    assert ((parents == -1) == (np.asarray(later.agents.generation)[alive] == 0)).all()


def test_a_poke_feeds_or_starves_what_it_touches(later: State) -> None:
    world, x = SOCIETY.express(GENES), np.asarray(later.agents.x)
    place = jnp.asarray(x[0][::-1] / SOCIETY.side)
    fed, starved = (SOCIETY.poke(later, world, place, jnp.float32(0.1), jnp.float32(s)) for s in (1, -1))
    cell = tuple((x[0] // 8).astype(int))
    assert float(fed.terrain.energy[cell]) == float(later.terrain.capacity[cell])
    assert float(starved.terrain.energy[cell]) == 0 == float(starved.agents.energy[0])
    far = np.abs((x - x[0] + 64) % 128 - 64).max(1) > 13
    assert (
        np.array_equal(starved.agents.energy[far], later.agents.energy[far])
        and differing(fed.agents, later.agents) == []
    )

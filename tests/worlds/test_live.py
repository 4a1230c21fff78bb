"""A world that is watched is the world that `rollout` runs."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.registry import default_registry
from alife.worlds.engine import rollout
from alife.worlds.live import LiveWorld

REGISTRY = default_registry()


@pytest.mark.parametrize("name", REGISTRY.substrates)
def test_it_goes_the_way_of_a_rollout(name: str) -> None:
    entry = REGISTRY.substrates[name]
    substrate = entry.make(**entry.test_options)
    params, key = substrate.default_params(jax.random.key(1)), jax.random.key(2)
    run = rollout(substrate, key, params, steps=5, frames=1, img_size=32, as_bytes=True)
    world = LiveWorld(substrate, key, params, 32)
    world.advance(2)
    seen = world.advance(3)
    assert world.step == 5 and bool(seen.finite)
    for now, then in zip(jax.tree.leaves(world.state), jax.tree.leaves(run.state), strict=True):
        np.testing.assert_allclose(now, then, rtol=1e-3, atol=1e-3)
    assert np.abs(np.asarray(seen.frame, int) - np.asarray(run.frames[-1], int)).mean() < 0.5
    before = jax.tree.leaves(world.state)
    world.advance(1)
    assert any(not np.array_equal(a, b) for a, b in zip(before, jax.tree.leaves(world.state), strict=True))
    assert sorted(seen.measures) == [m for m in sorted(run.measures) if m != "reward"]


def test_it_can_be_changed_and_begun_anew() -> None:
    entry = REGISTRY.substrates["gray_scott"]
    substrate = entry.make(**entry.test_options)
    params, key = substrate.default_params(jax.random.key(1)), jax.random.key(2)
    world = LiveWorld(substrate, key, params, 32)
    first = np.asarray(world.advance(3).frame)
    world.change(params + 2)
    assert not np.array_equal(first, np.asarray(world.advance(3).frame))
    world.change(params)
    world.restart()
    assert world.step == 0
    np.testing.assert_array_equal(first, np.asarray(world.advance(3).frame))


class Still:
    """Nothing happens, and nothing can be touched."""

    def default_params(self, rng):
        return jnp.zeros(1)

    def init_state(self, rng, params):
        return jnp.zeros(())

    def step_state(self, rng, state, params):
        return state + 1e38

    def render_state(self, state, params, img_size):
        return jnp.full((img_size, img_size, 3), state)


def test_it_says_when_numbers_are_lost_and_that_it_cannot_be_touched() -> None:
    world = LiveWorld(Still(), jax.random.key(0), jnp.zeros(1), 8)
    assert bool(world.advance(1).finite) and not bool(world.advance(9).finite)
    with pytest.raises(BadOption, match="cannot be touched"):
        world.poke((0.5, 0.5), 0.1, 1.0)


POKED = [name for name in REGISTRY.substrates if hasattr(REGISTRY.substrates[name].make(), "poke")]


@pytest.mark.parametrize("name", POKED)
def test_a_touch_changes_the_picture_where_it_was_touched(name: str) -> None:
    """At once, in the middle of what is touched; what is pushed is seen elsewhere than it would be soon after."""
    entry = REGISTRY.substrates[name]
    substrate = entry.make(**entry.test_options)
    params = substrate.default_params(jax.random.key(1))
    world, twin = (LiveWorld(substrate, jax.random.key(2), params, 64) for _ in range(2))
    world.poke((0.25, 0.75), 0.15, -1.0)
    for strength in (1.0, -1.0):
        before = np.asarray(world.advance(0).frame, int)
        world.poke((0.25, 0.75), 0.15, strength)
        rows, columns, _ = np.nonzero(np.asarray(world.advance(0).frame, int) - before)
        if not len(rows):
            world.poke((0.25, 0.75), 0.15, strength)  # twice: else the last touch undoes the first
            assert (np.asarray(world.advance(5).frame, int) != np.asarray(twin.advance(5).frame, int)).sum() > 10
            continue
        assert abs(rows.mean() / 64 - 0.75) < 0.08 and abs(columns.mean() / 64 - 0.25) < 0.08

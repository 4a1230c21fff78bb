"""Craftax through the adapter: its own rewards and pictures, no auto-reset, no files written; extra `envs-craftax`."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

craftax = pytest.importorskip("craftax", exc_type=ImportError)

from alife.errors import UnknownName
from alife.plugins.envs.craftax_envs import craftax_environment

KEY = jax.random.key(3)


@pytest.fixture(scope="module")
def world():
    return craftax_environment(policy="linear")


@pytest.fixture(scope="module")
def start(world):
    return jax.jit(lambda: world.init_state(KEY, None))()


@pytest.fixture(scope="module")
def step(world):
    return jax.jit(world.step_state)


def always(action):
    return {"out": {"bias": jnp.eye(17)[action], "kernel": jnp.zeros((1345, 17))}}


def test_achievements_are_rewarded_and_counted(world, start, step):
    """Asleep until woken: with energy restored, that is the achievement `wake up`; health changes by tenths."""
    state = start._replace(world=start.world.replace(player_energy=jnp.int32(8), is_sleeping=jnp.array(True)))
    for key in jax.random.split(KEY, 60):
        state = step(key, state, always(6))  # sleep
        if state.world.achievements.any():
            break
    assert float(world.measures(state, None)["achievements"]) == 1 and float(state.reward) >= 0.9


def test_who_has_died_stays_dead(start, step):
    state = start._replace(world=start.world.replace(player_health=jnp.int32(0)))
    state = step(KEY, state, always(0))
    assert bool(state.over) and int(state.length) == 1
    later = step(jax.random.key(9), state, always(0))
    assert int(later.length) == 1 and float(later.reward) == 0
    assert all(np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (state.world, later.world)), strict=True))


def test_states_hold_plain_numbers(start):
    assert {leaf.dtype.kind for leaf in jax.tree.leaves(start)} <= set("biuf")


def test_its_picture_is_craftaxs_own_and_leaves_no_files(world, start, capsys):
    places = [Path(craftax.__file__).parent / part / "assets" for part in ("craftax", "craftax_classic")]
    before = [sorted(place.iterdir()) for place in places]
    picture = np.asarray(jax.jit(lambda s: world.render_state(s, None, img_size=144))(start))
    assert picture.shape == (144, 144, 3) and picture.min() >= 0 and picture.max() <= 1
    middle = picture[3 * 16 : 4 * 16, 4 * 16 : 5 * 16]  # the player, on the ground
    assert middle.std() > 0.05 and picture[-3:, -3:].max() == 0  # the end of the inventory, where nothing is
    assert [sorted(place.iterdir()) for place in places] == before and capsys.readouterr().out == ""


def test_what_there_is_not_is_named():
    with pytest.raises(UnknownName, match="did you mean Craftax-Symbolic-v1"):
        craftax_environment("Craftax-Symbolic")

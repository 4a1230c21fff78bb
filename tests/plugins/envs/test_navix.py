"""navix through the adapter: a goal is walked to, its own pictures, no auto-reset; extra `envs-navix`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

navix = pytest.importorskip("navix", exc_type=ImportError)

from alife.errors import BadOption, UnknownName
from alife.plugins.envs.navix_envs import navix_environment
from alife.testing import check_substrate

KEY = jax.random.key(3)
RIGHT, FORWARD = 1, 2
GREEN = (0, 1, 0)
"""Of the goal, in MiniGrid's colours."""


def do(task, actions):
    """(reward, over) of each step of a task, from its start."""
    _, world = task.reset(KEY)
    step, told = jax.jit(task.step), []
    for action in actions:
        _, world, reward, over = step(KEY, world, jnp.array([action]))
        told.append((float(reward), bool(over)))
    return told, world


def test_the_goal_is_worth_one_and_ends_it():
    """In the empty room of 5 x 5 the agent starts above on the left and looks right; the goal is below on the right."""
    task = navix_environment("Navix-Empty-5x5-v0").task
    told, world = do(task, [FORWARD, FORWARD, RIGHT, FORWARD, FORWARD])
    assert told == [(0.0, False)] * 4 + [(1.0, True)]
    env = navix.make("Navix-Empty-5x5-v0", observation_fn=navix.observations.symbolic_first_person)
    again = env._step(world, jnp.int32(FORWARD))
    assert int(again.t) == 6  # nothing began anew, as `step` would have


def test_an_episode_has_its_time():
    world = navix_environment("Navix-Empty-5x5-v0", policy="linear", max_steps=7)
    still = {"out": {"bias": jnp.eye(7)[0], "kernel": jnp.zeros((147, 7))}}  # turns for ever

    def step(state, key):
        state = world.step_state(key, state, still)
        return state, (state.reward, state.over)

    state, (reward, over) = jax.lax.scan(step, world.init_state(KEY, still), jax.random.split(KEY, 10))
    assert over.tolist() == [False] * 6 + [True] * 4 and float(reward.sum()) == 0
    assert int(state.length) == 7 == int(state.world.t)


def test_its_picture_is_navixs_own():
    world = navix_environment("Navix-Empty-5x5-v0", hidden=2)
    picture = np.asarray(world.render_state(world.init_state(KEY, None), None, img_size=40))
    own = navix.make("Navix-Empty-5x5-v0", observation_fn=navix.observations.rgb).reset(KEY).observation
    assert np.allclose(picture, np.asarray(own, np.float32) / 255, atol=1e-6)
    assert np.allclose(picture[28, 28], GREEN)


def test_states_hold_plain_numbers_and_no_tiles():
    world = navix_environment(hidden=2)
    state = world.init_state(KEY, None)
    assert {leaf.dtype.kind for leaf in jax.tree.leaves(state)} <= set("biuf")
    assert sum(leaf.nbytes for leaf in jax.tree.leaves(state)) < 2000


def test_rooms_that_are_not_square_are_drawn():
    world = navix_environment("Navix-DistShift1-v0", hidden=2)
    assert world.render_state(world.init_state(KEY, None), None, img_size=32).shape == (32, 32, 3)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"env": "Navix-Empty-5x5"}, UnknownName, "did you mean Navix-Empty-5x5-v0"),
        ({"max_steps": 0}, BadOption, "max_steps is 0"),
    ],
)
def test_bad_options_are_refused(options, error, said):
    with pytest.raises(error, match=said):
        navix_environment(**options)


def test_it_keeps_the_contract_with_doors_and_keys():
    results = check_substrate(navix_environment, {"env": "Navix-DoorKey-5x5-v0", "hidden": 2, "policy": "recurrent"})
    assert [str(result) for result in results if not result.passed] == []

"""gymnax through the adapter: its own numbers, no auto-reset, and a pole that is balanced; extra `envs-gymnax`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

gymnax = pytest.importorskip("gymnax", exc_type=ImportError)

import alife
from alife.errors import UnknownName
from alife.plugins.envs.gymnax_envs import gymnax_environment
from alife.plugins.envs.pictures import GROUND, PALETTE
from alife.plugins.envs.scenes import DARK, SKY

KEY = jax.random.key(3)
BALANCE = jnp.array([0.1, 0.4, 3.0, 1.0])
"""To the side on which pole and cart are and to which they go: it balances the pole."""


def steering(weights):
    """A linear policy that pushes to the right where the weighted sum is above 0, else to the left."""
    kernel = jnp.stack([-weights, weights], axis=1)
    return {"out": {"bias": jnp.array([0.0, -1e-9]), "kernel": kernel}}


def life(world, params, steps, key=KEY):
    def step(state, key):
        state = world.step_state(key, state, params)
        return state, state

    return jax.jit(lambda: jax.lax.scan(step, world.init_state(key, params), jax.random.split(key, steps))[1])()


@pytest.fixture(scope="module")
def cart():
    return gymnax_environment("CartPole-v1", policy="linear")


def test_a_pole_is_balanced_to_the_end(cart):
    states = life(cart, steering(BALANCE), 520)
    assert int(states.length[-1]) == 500 and bool(states.over[-1])  # the time limit of CartPole-v1
    assert float(states.reward.sum()) == 500 == float(states.total[-1])


def test_a_pole_that_is_pushed_to_one_side_falls_at_once(cart):
    states = life(cart, steering(0 * BALANCE), 50)
    length = int(states.length[-1])
    assert 8 <= length <= 11 and float(states.reward.sum()) == length  # published: 8 to 10 steps
    assert bool(states.over[length - 1]) and not states.over[: length - 1].any()
    frozen = jax.tree.map(lambda leaf: leaf[length - 1 :], states._replace(reward=jnp.zeros(50)))
    assert all((leaf == leaf[:1]).all() for leaf in jax.tree.leaves(frozen))


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1", "Breakout-MinAtar"])
def test_steps_are_the_librarys_own(name):
    world = gymnax_environment(name, hidden=5)
    params = world.default_params(jax.random.key(1))
    env, given = gymnax.make(name)
    state = world.init_state(KEY, params)
    _, own = env.reset_env(KEY, given)
    for key in jax.random.split(KEY, 12):
        state = world.step_state(key, state, params)
        seen, own, reward, ended, _ = env.step_env(key, own, state.action.reshape(()), given)
        assert np.allclose(state.seen[0], seen.reshape(-1), atol=1e-5)
        assert float(state.reward) == pytest.approx(float(reward), abs=1e-4) and bool(state.over) == bool(ended)
        if state.over:
            break


def test_the_machine_is_drawn_where_it_is(cart):
    state = cart.init_state(KEY, steering(BALANCE))
    for x in (-1.5, 1.5):
        moved = state._replace(world=state.world.replace(x=jnp.float32(x), theta=jnp.float32(0)))
        picture = np.asarray(cart.render_state(moved, None, img_size=120))
        assert picture.shape == (120, 120, 3) and picture.min() >= 0 and picture.max() <= 1
        at = round((0.5 + x / 6) * 119)
        assert np.allclose(picture[3, 3], SKY, atol=0.01)
        assert np.allclose(picture[90, at - 7], DARK, atol=0.05)
        assert np.allclose(picture[90, 119 - at + 7], SKY, atol=0.3)


def test_games_are_drawn_as_their_maps():
    world = gymnax_environment("Breakout-MinAtar", hidden=2)
    state = world.init_state(KEY, None)
    picture = np.asarray(world.render_state(state, None, img_size=100))
    assert np.allclose(picture[15, 55], PALETTE[3])  # a brick
    assert np.allclose(picture[95, 45], PALETTE[0]) and np.allclose(
        picture[95, 75], GROUND
    )  # the paddle, in the middle


def test_every_environment_can_be_lived_in_and_drawn():
    """Traced, not run."""
    for name in gymnax.registered_envs:
        if name == "MNISTBandit-bsuite":
            continue
        world = gymnax_environment(name, policy="recurrent", hidden=2)
        shapes = jax.eval_shape(lambda key, world=world: world.init_state(key, None), KEY)
        params = jax.eval_shape(world.default_params, KEY)
        after = jax.eval_shape(world.step_state, KEY, shapes, params)
        assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), shapes) == jax.tree.map(
            lambda leaf: (leaf.shape, leaf.dtype), after
        ), name
        assert jax.eval_shape(lambda s, w=world: w.render_state(s, None, img_size=16), after).shape == (16, 16, 3)


@pytest.mark.parametrize("name", ["CartPole", "MNISTBandit-bsuite"])
def test_an_environment_that_there_is_not_is_named(name):
    with pytest.raises(
        UnknownName,
        match=f"no environment of gymnax is called '{name}'; did you mean (CartPole-v1|SimpleBandit-bsuite)",
    ):
        gymnax_environment(name)


def test_a_search_learns_to_balance(tmp_path):
    archive = alife.run_search(
        "gymnax",
        score="reward",
        search={"name": "Sep_CMA_ES"},
        model="pixels",
        options={"policy": "linear"},
        steps=200,
        frames=2,
        img_size=16,
        population=16,
        generations=6,
        out=tmp_path / "run",
    )
    scores = [lifeform.score for lifeform in archive.best(1)]
    assert scores[0] > 100
    assert archive.best(1)[0].measures["total"] == pytest.approx(scores[0])

"""JaxMARL through the adapter: one policy for all agents, its own numbers, discs as pictures; extra `envs-jaxmarl`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

jaxmarl = pytest.importorskip("jaxmarl", exc_type=ImportError)

from alife.errors import BadOption, UnknownName
from alife.plugins.envs.jaxmarl_envs import PAPER, jaxmarl_environment
from alife.testing import check_substrate

KEY = jax.random.key(3)


@pytest.mark.parametrize("name", ["MPE_simple_spread_v3", "MPE_simple_facmac_v1"])
def test_steps_are_the_librarys_own_and_the_reward_is_the_mean(name):
    world = jaxmarl_environment(name, hidden=4)
    params = world.default_params(jax.random.key(1))
    env = jaxmarl.make(name)
    state = world.init_state(KEY, params)
    _, own = env.reset(KEY)
    for key in jax.random.split(KEY, 5):
        state = world.step_state(key, state, params)
        acted = {agent: state.action[i] for i, agent in enumerate(env.agents)}
        seen, own, rewards, over, _ = env.step_env(key, own, acted)
        assert float(state.reward) == pytest.approx(float(sum(rewards.values())) / len(env.agents), abs=1e-4)
        assert all(np.allclose(state.seen[i], seen[agent], atol=1e-4) for i, agent in enumerate(env.agents))
        assert bool(state.over) == bool(over["__all__"])


def test_an_episode_ends_and_nothing_begins_anew():
    world = jaxmarl_environment("MPE_simple_v3", hidden=2)
    params = world.default_params(KEY)

    def step(state, key):
        state = world.step_state(key, state, params)
        return state, (state.reward, state.over)

    state, (reward, over) = jax.lax.scan(step, world.init_state(KEY, params), jax.random.split(KEY, 40))
    end = int(state.length)
    assert end in (25, 26) and over[end - 1 :].all() and not over[: end - 1].any() and not reward[end:].any()


def test_agents_that_see_and_can_do_less():
    world = jaxmarl_environment("MPE_simple_speaker_listener_v4", policy="linear")
    speaker, listener = world.init_state(KEY, None).seen
    assert not speaker[3:].any() and listener[3:].any()  # 3 and 11 numbers
    wants_last = {"out": {"bias": jnp.arange(5.0), "kernel": jnp.zeros((11, 5))}}
    state = world.step_state(KEY, world.init_state(KEY, wants_last), wants_last)
    assert state.action.tolist() == [2, 4]


def test_illegal_moves_are_not_made():
    world = jaxmarl_environment("hanabi", policy="linear")
    params = world.default_params(KEY)
    state = world.init_state(KEY, params)
    legal = world.task.env.get_legal_moves(state.world)
    for weights in jax.random.normal(KEY, (5, 21)):
        params["out"]["bias"] = 100 * weights
        acted = world.step_state(KEY, state, params).action
        assert all(legal[agent][acted[i]] for i, agent in enumerate(world.task.names))


def test_particles_are_discs_in_the_librarys_colours():
    world = jaxmarl_environment("MPE_simple_v3", hidden=2)
    state = world.init_state(KEY, None)
    state = state._replace(world=state.world.replace(p_pos=jnp.array([[0.75, 0.75], [-0.75, 0.0]])))
    picture = np.asarray(world.render_state(state, None, img_size=101))
    assert np.allclose(picture[25, 75], np.array([115, 243, 115]) / 255, atol=0.02)  # the agent, above on the right
    assert np.allclose(picture[50, 25], np.array([64, 64, 64]) / 255, atol=0.02)  # the landmark, to the left
    assert np.allclose(picture[90, 90], PAPER, atol=0.02)


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("MPE_simple_spread", UnknownName, "did you mean MPE_simple_spread_v3"),
        ("storm", UnknownName, "no environment of jaxmarl is called 'storm'"),
    ],
)
def test_what_there_is_not_is_named(name, error, said):
    with pytest.raises(error, match=said):
        jaxmarl_environment(name)


def test_what_needs_another_package_says_which():
    if jaxmarl.environments.MABRAX_AVAILABLE:
        pytest.skip("brax is installed")
    with pytest.raises(BadOption, match="requires brax"):
        jaxmarl_environment("ant_4x2")


@pytest.mark.parametrize("options", [{"env": "MPE_simple_tag_v3", "policy": "recurrent"}, {"env": "overcooked"}])
def test_it_keeps_the_contract(options):
    results = check_substrate(jaxmarl_environment, {"hidden": 2, **options})
    assert [str(result) for result in results if not result.passed] == []

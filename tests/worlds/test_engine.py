"""The engine: memory, keys, contract errors."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption, PluginError
from alife.worlds.engine import check_methods, rollout, simulate
from alife.worlds.schedule import Schedule

from .test_schedule import Counter

KEY = jax.random.key(0)


class Walker(Counter):
    """A random walk: every step draws from its own key."""

    def init_state(self, rng, params):
        return jnp.zeros((3,))

    def step_state(self, rng, state, params):
        return jnp.roll(state, 1).at[0].set(jax.random.uniform(rng))

    def render_state(self, state, params, img_size):
        return jnp.broadcast_to(state, (img_size, img_size, 3))

    def measures(self, state, params):
        return {"last": state[0]}


def test_every_step_draws_fresh_numbers():
    run = rollout(Walker(), KEY, jnp.zeros(1), steps=50, frames="every", img_size=8)
    drawn = np.asarray(run.frames[:, 0, 0, 0])
    assert len(set(drawn.tolist())) == 50
    again = rollout(Walker(), KEY, jnp.zeros(1), steps=50, frames="every", img_size=8)
    other = rollout(Walker(), jax.random.key(1), jnp.zeros(1), steps=50, frames="every", img_size=8)
    assert np.array_equal(drawn, np.asarray(again.frames[:, 0, 0, 0]))
    assert not np.intersect1d(drawn, np.asarray(other.frames[:, 0, 0, 0])).size
    assert float(run.measures["last"]) == drawn[-1]


def test_frames_do_not_change_history():
    few = rollout(Walker(), KEY, jnp.zeros(1), steps=60, frames=2, img_size=8)
    many = rollout(Walker(), KEY, jnp.zeros(1), steps=60, frames=6, img_size=8)
    assert np.array_equal(few.frames, many.frames[2::3])


def test_memory_does_not_grow_with_steps():
    """One program serves every horizon: its size cannot depend on the number of steps."""

    def compiled(steps):
        lengths = jnp.asarray(Schedule(steps, 8).lengths)
        return jax.jit(lambda k, n: simulate(Walker(), k, jnp.zeros(1), n, 16)).lower(KEY, lengths).compile()

    short, long = (compiled(steps).memory_analysis().temp_size_in_bytes for steps in (256, 10_000))
    assert short == long


class Stacking(Walker):
    """What must not happen: a history inside the state."""

    def init_state(self, rng, params):
        return jnp.zeros((1, 3))

    def step_state(self, rng, state, params):
        return jnp.concatenate([state, state])


def raising(name):
    def method(self, *args, **kwargs):
        raise RuntimeError("boom")

    return type("Broken", (Counter,), {name: method})()


def returning(name, value):
    return type("Broken", (Counter,), {name: lambda self, *args, **kwargs: value})()


@pytest.mark.parametrize(
    "substrate, said",
    [
        (raising("init_state"), "init_state raised RuntimeError: boom"),
        (raising("step_state"), "step_state raised RuntimeError: boom"),
        (raising("render_state"), "render_state raised RuntimeError: boom"),
        (raising("express"), "express raised RuntimeError: boom"),
        (raising("measures"), "measures raised RuntimeError: boom"),
        (Stacking(), "shape"),
        (returning("step_state", (jnp.zeros(()), jnp.zeros(()))), "tree"),
        (returning("step_state", jnp.zeros(())), "int32"),
        (returning("render_state", jnp.zeros((4, 4, 3))), r"expected float\[8, 8, 3\]"),
        (returning("render_state", jnp.zeros((8, 8, 3), jnp.uint8)), "uint8"),
        (returning("measures", {"mass": jnp.zeros(2)}), "single numbers"),
    ],
)
def test_broken_substrates_are_named(substrate, said):
    with pytest.raises(PluginError, match=said):
        rollout(substrate, KEY, jnp.zeros(1), steps=4, img_size=8)


def test_missing_methods_are_named():
    with pytest.raises(PluginError, match="object lacks default_params, init_state"):
        check_methods(object())


def test_nan_is_noticed_wherever_it_is():
    class Dark(Counter):
        def render_state(self, state, params, img_size):
            return jnp.full((img_size, img_size, 3), jnp.where(state == 2, jnp.nan, 0.0))

    assert not rollout(Dark(), KEY, jnp.zeros(1), steps=4, frames=4, img_size=8).finite
    assert rollout(Dark(), KEY, jnp.zeros(1), steps=4, frames=1, img_size=8).finite


@pytest.mark.parametrize("img_size", [0, 7, 5000, True])
def test_impossible_picture_sizes_are_refused(img_size):
    with pytest.raises(BadOption, match="img_size"):
        rollout(Counter(), KEY, jnp.zeros(1), steps=4, img_size=img_size)


class Earning(Counter):
    """Earns its count at every step."""

    def reward(self, state, params):
        return state.astype(jnp.float32)

    def measures(self, state, params):
        return {"count": state, "zeal": -state}


def test_reward_is_the_sum_over_all_steps_whatever_the_frames():
    for frames in (1, 3, 10):
        run = rollout(Earning(), jax.random.key(0), jnp.zeros(1), steps=10, frames=frames, img_size=8)
        assert {name: float(value) for name, value in run.measures.items()} == {"count": 10, "reward": 55, "zeal": -10}


def test_a_reward_that_is_no_number_is_named():
    class Listing(Earning):
        def reward(self, state, params):
            return jnp.zeros(2)

    with pytest.raises(PluginError, match="reward returned"):
        rollout(Listing(), jax.random.key(0), jnp.zeros(1), steps=10, img_size=8)

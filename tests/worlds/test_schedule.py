"""Frames are taken exactly where the schedule says."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alife.errors import BadOption
from alife.worlds.engine import rollout
from alife.worlds.schedule import Schedule


class Counter:
    """A world that counts its steps and shows the count as grey: the oracle of the schedule."""

    def default_params(self, rng):
        return jnp.zeros(1)

    def init_state(self, rng, params):
        return jnp.zeros((), jnp.int32)

    def step_state(self, rng, state, params):
        return state + 1

    def render_state(self, state, params, img_size):
        return jnp.full((img_size, img_size, 3), state / 1000)


@pytest.mark.parametrize(
    "steps, frames, expected",
    [
        (10, 4, [2, 5, 7, 10]),
        (256, 8, [32, 64, 96, 128, 160, 192, 224, 256]),
        (5, "every", [1, 2, 3, 4, 5]),
        (7, "final", [7]),
    ],
)
def test_frames_show_the_documented_steps(steps, frames, expected):
    run = rollout(Counter(), jax.random.key(0), jnp.zeros(1), steps=steps, frames=frames, img_size=8)
    shown = np.round(np.asarray(run.frames[:, 0, 0, 0]) * 1000).astype(int)
    assert shown.tolist() == expected == Schedule(steps, frames).ends.tolist()
    assert int(run.state) == steps


@given(st.integers(1, 5000), st.data())
def test_chunks_fill_the_run_evenly(steps, data):
    frames = data.draw(st.integers(1, steps))
    lengths = Schedule(steps, frames).lengths
    assert len(lengths) == frames and lengths.sum() == steps
    assert lengths.min() >= 1 and lengths.max() - lengths.min() <= 1


@pytest.mark.parametrize("steps, frames", [(0, 1), (-3, 1), (10, 0), (10, 11), (10, "some"), (10, True)])
def test_impossible_schedules_are_refused(steps, frames):
    with pytest.raises(BadOption, match="expected"):
        Schedule(steps, frames)

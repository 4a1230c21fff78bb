"""Who is where in the picture, and who is not."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alife.plugins.society.effects import GATE
from alife.plugins.society.picture import kin_colours, picture
from alife.plugins.society.settings import Settings

from .moments import land, moment, settings

SIZE = 65
S = settings(agents=4, robots=2, size=32)
AGENTS, ROBOTS = [[64.0, 192.0], [200.0, 40.0]], [[128.0, 64.0]]


@lru_cache
def drawing(s: Settings) -> Any:
    return jax.jit(lambda state: picture(state, s, SIZE))


def pixel(x: list[float]) -> tuple[int, int]:
    return round(x[0] / S.side * (SIZE - 1)), round(x[1] / S.side * (SIZE - 1))


def test_agents_and_robots_are_where_they_are() -> None:
    state = moment(S, AGENTS, ROBOTS)
    state = state._replace(agents=state.agents._replace(tag=jax.random.normal(jax.random.key(0), (4, 8))))
    image, empty = np.asarray(drawing(S)(state)), np.asarray(drawing(S)(moment(S)))
    assert image.shape == (SIZE, SIZE, 3) and image.dtype == np.float32 and image.min() >= 0 and image.max() <= 1
    for x, colour in zip(AGENTS, kin_colours(state.agents), strict=False):
        assert np.allclose(image[pixel(x)], colour, atol=0.15)
    assert np.allclose(image[pixel(ROBOTS[0])], [0.62, 0.64, 0.68], atol=0.15)
    painted = np.argwhere(np.abs(image - empty).max(-1) > 0.02)
    centres = np.array([pixel(x) for x in (*AGENTS, *ROBOTS)])
    assert np.abs(painted[:, None] - centres).max(-1).min(1).max() <= 4


def test_the_dead_and_what_was_never_there_are_not_seen() -> None:
    empty = np.asarray(drawing(S)(moment(S)))
    for garbage in (100.0, np.nan):
        assert np.array_equal(drawing(S)(moment(S, garbage=garbage)), empty)


def test_kin_look_alike() -> None:
    tag = jnp.array([[0.5] * 8, [0.52] * 8, [-0.5, 0.9, -0.5, 0, 0, 0, 0, 0], [0.0] * 8])
    a, b, c, _ = kin_colours(moment(S, AGENTS * 2).agents._replace(tag=tag))
    assert np.abs(a - b).max() < 0.03 < 0.2 < np.abs(a - c).max()


def test_water_is_blue_and_fed_land_is_green() -> None:
    shore = np.arange(32)[:, None] < 16
    shallow = land(32, capacity=np.where(shore, 0.0, 8.0), energy=8.0, move_cost=np.where(shore, 3.0, 0.5))
    image = np.asarray(drawing(S)(moment(S, terrain=shallow)))
    assert image[10, 30].argmax() == 2 and image[50, 30].argmax() == 1
    bare = np.asarray(drawing(S)(moment(S, terrain=shallow._replace(energy=jnp.zeros((32, 32))))))
    assert bare[50, 30].argmax() == 0 and np.array_equal(bare[10, 30], image[10, 30])


def test_bits_and_messages_are_drawn_where_they_are_to() -> None:
    s = settings(agents=4, robots=2, size=32, robot_bits=True, arcs=True)
    state = moment(s, AGENTS, ROBOTS)
    quiet = np.asarray(drawing(s)(state))
    bright = np.asarray(drawing(s)(state._replace(robots=state.robots._replace(memory=jnp.ones((2, 16))))))
    assert bright[pixel(ROBOTS[0])].mean() > quiet[pixel(ROBOTS[0])].mean() + 0.2
    talk = np.asarray(
        drawing(s)(state._replace(agents=state.agents._replace(action=state.agents.action.at[0, GATE].set(1))))
    )
    lit = np.argwhere((talk - quiet).max(-1) > 0.1)
    assert 5 < len(lit) < 60 and (talk >= quiet - 1e-6).all()

"""Pictures: what is where, in which colour."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.plugins.physics.builder import Builder
from alife.plugins.physics.colours import BINDINGS, FIXED, FLAME, LOOSE, ROLES
from alife.plugins.physics.control import Controller
from alife.plugins.physics.life import Rules, begin, level_of
from alife.plugins.physics.picture import picture
from alife.plugins.physics.scene import BLUE, GREEN, NEUTRAL, RED, Scene
from alife.plugins.physics.sizes import SIZES, Pairs

ROOM = SIZES["M"]
PAIRS = Pairs(ROOM)
RULES = Rules(PAIRS, Controller("open_loop", "blind", "continuous", ROOM, PAIRS, 1), 10, 0.1)


def scene(floor: int = NEUTRAL) -> Scene:
    level = Builder(ROOM)
    level.floor(floor)
    box = level.box(1, 1, 0.8, 0.4, role=GREEN)
    level.box(4, 4, 0.6, 0.6, role=RED, fixed=True)
    ball = level.ball(2.5, 1.5, 0.3, role=BLUE, rotation=math.pi / 2)
    level.ball(2.5, 3, 0.3)
    level.hinge(box, ball, 1.3, 1, motor=True, binding=2)
    level.hinge(box, ball, 0.7, 1)
    level.thruster(ball, 2.5, 1.2, math.pi / 2, power=1)
    return level.scene()


@pytest.fixture(scope="module")
def draw() -> Any:
    def drawn(scene: Scene, told: Any, size: int) -> jax.Array:
        level = level_of(scene, PAIRS)
        return picture(begin(level, RULES)._replace(told=told), level, size)

    return jax.jit(drawn, static_argnums=2)


@pytest.fixture(scope="module")
def small(draw: Any) -> np.ndarray:
    return np.asarray(draw(scene(), jnp.zeros(6), 125))


def at(image: np.ndarray, x: float, y: float) -> np.ndarray:
    """The pixel of a place in the world, whose y is up."""
    size = len(image)
    return image[size - 1 - int(y / 5 * size), int(x / 5 * size)]


def test_a_picture_is_a_square_of_colours(small: np.ndarray) -> None:
    assert small.shape == (125, 125, 3) and small.dtype == np.float32 and small.min() >= 0 and small.max() <= 1


@pytest.mark.parametrize(
    ("what", "x", "y", "colour"),
    [
        ("sky", 3.5, 2.0, np.ones(3)),
        ("floor", 3.5, 0.2, FIXED),
        ("floor's top", 3.5, 0.36, FIXED),
        ("above the floor", 3.5, 0.44, np.ones(3)),
        ("green", 1.0, 1.1, ROLES[GREEN]),
        ("blue", 2.35, 1.5, ROLES[BLUE]),
        ("neutral", 2.4, 2.9, ROLES[NEUTRAL]),
        ("fixed red", 4.0, 4.0, ROLES[RED] / 2),
        ("mirrored top to bottom", 4.0, 1.0, np.ones(3)),
        ("edge of the box", 1.0, 1.19, np.zeros(3)),
        ("spoke that points up", 2.5, 1.65, np.zeros(3)),
        ("no spoke that points down", 2.45, 1.35, ROLES[BLUE]),
        ("joint with a motor", 1.3, 1.0, BINDINGS[2]),
        ("joint without", 0.7, 1.0, LOOSE),
    ],
)
def test_things_have_their_colours(draw: Any, what: str, x: float, y: float, colour: np.ndarray) -> None:
    large = np.asarray(draw(scene(), jnp.zeros(6), 512))
    assert np.allclose(at(large, x, y), colour, atol=0.02), what


def test_a_floor_with_a_role_has_its_colour_at_half_brightness(draw: Any) -> None:
    assert np.allclose(at(np.asarray(draw(scene(RED), jnp.zeros(6), 125)), 3.5, 0.2), ROLES[RED] / 2, atol=1e-3)


def test_a_thruster_has_a_flame_only_when_it_is_told_to_push(draw: Any) -> None:
    idle, pushing, other = (
        np.asarray(draw(scene(), jnp.zeros(6).at[channel].set(told), 512))
        for channel, told in ((4, 0.0), (4, 1.0), (5, 1.0))
    )
    changed = np.argwhere(np.abs(idle - pushing).max(-1) > 0.1)
    assert len(changed) > 50 and np.array_equal(idle, other)
    y, x = 5 - (changed[:, 0] + 0.5) * 5 / 512, (changed[:, 1] + 0.5) * 5 / 512
    assert y.max() < 1.2 and y.min() > 0.8 and np.abs(x - 2.5).max() < 0.1  # behind where it pushes
    assert np.abs(pushing[tuple(changed.T)] - FLAME).max(-1).min() < 0.02


def test_a_large_picture_is_the_small_one_with_more_pixels(draw: Any, small: np.ndarray) -> None:
    large = np.asarray(draw(scene(), jnp.zeros(6), 512))
    middle = ((np.arange(125) + 0.5) * 512 / 125).astype(int)
    off = np.abs(large[middle][:, middle] - small).max(-1)
    assert (off > 0.05).mean() < 0.05  # the pixels of edges, which the small one blends
    assert large.mean((0, 1)) == pytest.approx(small.mean((0, 1)), abs=2e-3)

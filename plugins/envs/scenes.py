"""Drawings of gymnax's classic control: the machines as their equations have them, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from alife.plugins.envs.adapter import Episode
from alife.plugins.envs.strokes import Point, Stroke, drawing

SKY = (0.96, 0.96, 0.94)
DARK, GREY = (0.15, 0.16, 0.20), (0.72, 0.73, 0.76)
WARM, COOL, GREEN = (0.87, 0.45, 0.17), (0.16, 0.45, 0.80), (0.20, 0.62, 0.30)


def cart_pole(moment: Episode, img_size: int) -> Float[Array, "H W 3"]:
    """A cart on its track, which ends where the episode does, and the pole, twice as long as it is."""
    x, track, reach = 0.5 + moment.world.x / 6, 0.25, 2 / 6
    top = _beyond((x, track), reach, moment.world.theta)
    push = jnp.where(moment.length > 0, 0.05 * (2 * moment.action[0].astype(jnp.float32) - 1), 0)
    return drawing(
        [
            Stroke((0.5 - 2.4 / 6, track), (0.5 + 2.4 / 6, track), 0.006, GREY),
            Stroke((x, track - 0.08), (x + push, track - 0.08), 0.012, GREEN),
            Stroke((x - 0.06, track), (x + 0.06, track), 0.04, DARK),
            Stroke((x, track), top, 0.02, WARM),
            Stroke((x, track), (x, track), 0.014, GREY),
        ],
        SKY,
        img_size,
    )


def pendulum(moment: Episode, img_size: int) -> Float[Array, "H W 3"]:
    """A rod that hangs on its pivot, and below it how strongly it is turned, to the left or to the right."""
    middle, torque = (0.5, 0.5), moment.world.last_u / 2
    rod = Stroke(middle, _beyond(middle, 0.32, -moment.world.theta), 0.04, WARM)
    turn = Stroke((0.5, 0.06), (0.5 - 0.3 * torque, 0.06), 0.015, GREEN)
    return drawing([turn, rod, Stroke(middle, middle, 0.018, DARK)], SKY, img_size)


def acrobot(moment: Episode, img_size: int) -> Float[Array, "H W 3"]:
    """Two links that hang on a pivot, and the height that the tip has to reach."""
    first, second = moment.world.joint_angle1, moment.world.joint_angle1 + moment.world.joint_angle2
    pivot, reach = (0.5, 0.5), 0.2
    elbow = _beyond(pivot, reach, np.pi - first)
    tip = _beyond(elbow, reach, np.pi - second)
    return drawing(
        [
            Stroke((0.05, 0.5 + reach), (0.95, 0.5 + reach), 0.004, GREEN),
            Stroke(pivot, elbow, 0.022, COOL),
            Stroke(elbow, tip, 0.022, WARM),
            Stroke(pivot, pivot, 0.014, DARK),
            Stroke(elbow, elbow, 0.014, DARK),
        ],
        SKY,
        img_size,
    )


def mountain_car(moment: Episode, img_size: int) -> Float[Array, "H W 3"]:
    """A car between two hills, and a flag on the one that it has to climb."""

    def on_hill(x: Any) -> Point:
        return (x + 1.2) / 1.8 * 0.96 + 0.02, 0.45 + 0.2 * jnp.sin(3 * x)

    marks = [on_hill(x) for x in np.linspace(-1.2, 0.6, 19)]
    hill = [Stroke(start, end, 0.008, DARK) for start, end in pairwise(marks)]
    flag, car = on_hill(0.5), on_hill(moment.world.position)
    above = (car[0], car[1] + 0.035)
    return drawing(
        [
            *hill,
            Stroke(flag, (flag[0], flag[1] + 0.14), 0.006, GREY),
            Stroke((flag[0], flag[1] + 0.13), (flag[0] + 0.05, flag[1] + 0.13), 0.016, GREEN),
            Stroke(above, above, 0.035, WARM),
        ],
        SKY,
        img_size,
    )


def _beyond(start: Point, reach: float, angle: Any) -> Point:
    """The point so far from another; the angle is 0 upwards, and grows to the right."""
    return start[0] + reach * jnp.sin(angle), start[1] + reach * jnp.cos(angle)


SCENES: dict[str, Callable[[Episode, int], Float[Array, "H W 3"]]] = {
    "CartPole-v1": cart_pole,
    "Pendulum-v1": pendulum,
    "Acrobot-v1": acrobot,
    "MountainCar-v0": mountain_car,
    "MountainCarContinuous-v0": mountain_car,
}
"""Drawings by the environment's name; all others show what is seen."""

"""Pictures of scenes: every pixel knows how far it is from every edge, so all shapes are drawn in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .contacts import turned
from .scene import SIDE
from .sizes import CORNERS, WALLS

if TYPE_CHECKING:
    from .life import Level, Life

SKY = np.array([255, 255, 255]) / 255
FIXED = np.array([80, 80, 80]) / 255
ROLES = np.array([[160, 160, 160], [0, 204, 0], [0, 102, 204], [255, 102, 102]]) / 255
"""Neutral, green, blue, red; of fixed shapes half as bright, neutral ones dark grey."""
BINDINGS = np.array([[255, 209, 102], [239, 71, 111], [17, 138, 178], [6, 214, 160]]) / 255
"""Of joints, by the channel of their motor."""
LOOSE = np.array([70, 70, 70]) / 255
"""Of joints without a motor."""
NOZZLES = np.array([[60, 60, 70], [110, 70, 60]]) / 255
"""Of thrusters, by their channel."""
FLAME, CORE = np.array([255, 122, 24]) / 255, np.array([255, 230, 120]) / 255
EDGE = 0.02
"""Width of the black edges of shapes, metres: 2 pixels of 500."""
DOT = 0.055
"""Radius of a joint."""
NOZZLE = 0.11
"""Length of a thruster."""


class Shape(NamedTuple):
    """Something to draw: how far outside of it a pixel lies, and its colour."""

    outside: Float[Array, "H W"]
    """Metres from its rim; below 0 = inside."""
    colour: Float[Array, "3"]
    edge: float
    """Width of its black edge, metres."""
    shown: Float[Array, ""]
    """How much of it is to be seen, 0 to 1."""


def picture(life: Life, level: Level, img_size: int) -> Float[Array, "H W 3"]:
    """The arena from its lower left to its upper right corner, y up."""
    pixel = SIDE / img_size
    middle = (jnp.arange(img_size) + 0.5) * pixel
    x, y = middle[None, :], SIDE - middle[:, None]
    planes = [jnp.full((img_size, img_size), channel, jnp.float32) for channel in SKY]
    for shape in _all(life, level, x, y):
        cover = jnp.clip(0.5 - shape.outside / pixel, 0, 1) * shape.shown
        inner = jnp.clip(0.5 - (shape.outside + shape.edge) / pixel, 0, 1) * shape.shown if shape.edge else cover
        planes = [plane - plane * cover + inner * shape.colour[i] for i, plane in enumerate(planes)]
    return jnp.stack(planes, axis=-1)


def _all(life: Life, level: Level, x: Float[Array, "1 W"], y: Float[Array, "H 1"]) -> list[Shape]:
    """What there is to draw, from the back to the front: thrusters, polygons, circles, joints."""
    shapes, motion = level.scene.shapes, life.motion
    here = shapes.active.astype(jnp.float32)
    colours = _colours(level)
    polygons = level.scene.room.polygons
    drawn = _thrusters(life, level, x, y)
    cos, sin = turned(motion.rotation)
    for i in [0, *range(WALLS, polygons)]:
        nx, ny = level.prepared.normals[:, :, i]
        nx, ny = cos[i] * nx - sin[i] * ny, sin[i] * nx + cos[i] * ny
        reach = jnp.where(level.prepared.length[:, i] > 0, level.prepared.reach[:, i], 1e3)
        outside = _convex(nx, ny, reach + nx * motion.x[0, i] + ny * motion.x[1, i], x, y)
        drawn.append(Shape(outside, colours[i], EDGE if i else 0, here[i]))
    for c in range(level.scene.room.circles):
        i, radius = polygons + c, shapes.radius[c]
        right, up = x - motion.x[0, i], y - motion.x[1, i]
        drawn.append(Shape(_disc(right, up, radius), colours[i], EDGE, here[i]))
        along, across = cos[i] * right + sin[i] * up, cos[i] * up - sin[i] * right
        spoke = jnp.maximum(jnp.abs(across) - EDGE / 2, jnp.maximum(-along, along - radius))
        drawn.append(Shape(spoke, jnp.zeros(3), 0, here[i]))
    return drawn + _joints(life, level, x, y)


def _colours(level: Level) -> Float[Array, "N 3"]:
    """Of shapes, by their roles."""
    role = level.scene.shapes.role
    still = (level.prepared.inverse_mass == 0)[:, None]
    dark = jnp.concatenate([FIXED[None], ROLES[1:] / 2])[role]
    return jnp.where(still, dark, jnp.asarray(ROLES)[role])


def _joints(life: Life, level: Level, x: Float[Array, "1 W"], y: Float[Array, "H 1"]) -> list[Shape]:
    """A dot for each joint: in the colour of its channel where it has a motor, dark where it has none or is fixed."""
    joints, motion = level.scene.joints, life.motion
    cos, sin = turned(motion.rotation[joints.a])
    at_x = motion.x[0, joints.a] + cos * joints.a_anchor[:, 0] - sin * joints.a_anchor[:, 1]
    at_y = motion.x[1, joints.a] + sin * joints.a_anchor[:, 0] + cos * joints.a_anchor[:, 1]
    motor = (joints.motor_on & ~joints.fixed)[:, None]
    colour = jnp.where(motor, jnp.asarray(BINDINGS)[joints.binding], LOOSE)
    shown = joints.active.astype(jnp.float32)
    return [
        Shape(_disc(x - at_x[j], y - at_y[j], jnp.float32(DOT)), colour[j], EDGE, shown[j])
        for j in range(len(joints.a))
    ]


def _thrusters(life: Life, level: Level, x: Float[Array, "1 W"], y: Float[Array, "H 1"]) -> list[Shape]:
    """A nozzle for each thruster, and a flame as long as it is told to push."""
    thrusters, motion = level.scene.thrusters, life.motion
    told = life.told[len(life.told) - 2 :][thrusters.binding]
    cos, sin = turned(motion.rotation[thrusters.shape])
    at_x = motion.x[0, thrusters.shape] + cos * thrusters.anchor[:, 0] - sin * thrusters.anchor[:, 1]
    at_y = motion.x[1, thrusters.shape] + sin * thrusters.anchor[:, 0] + cos * thrusters.anchor[:, 1]
    ahead, aside = turned(motion.rotation[thrusters.shape] + thrusters.rotation)
    drawn = []
    for t in range(len(told)):
        here = thrusters.active[t].astype(jnp.float32)
        right, up = x - at_x[t], y - at_y[t]
        back = -(ahead[t] * right + aside[t] * up)  # how far behind the point where it pushes
        side = jnp.abs(ahead[t] * up - aside[t] * right)
        for colour, size in ((FLAME, 1.0), (CORE, 0.55)):
            length = NOZZLE * (1 + 2.2 * size * told[t])
            width = 0.055 * size * jnp.clip((length - back) / (length - NOZZLE + 1e-3), -1, 1)
            flame = jnp.maximum(side - width, NOZZLE * 0.8 - back)
            drawn.append(Shape(flame, jnp.asarray(colour), 0, here * (told[t] > 0.05)))
        nozzle = jnp.maximum(side - (0.03 + 0.35 * back), jnp.maximum(-back, back - NOZZLE))
        drawn.append(Shape(nozzle, jnp.asarray(NOZZLES)[thrusters.binding[t]], EDGE / 2, here))
    return drawn


def _convex(
    nx: Float[Array, " V"],
    ny: Float[Array, " V"],
    reach: Float[Array, " V"],
    x: Float[Array, "1 W"],
    y: Float[Array, "H 1"],
) -> Float[Array, "H W"]:
    """Metres outside of a polygon: beyond the farthest of its edges."""
    outside = (nx[0] * x - reach[0]) + ny[0] * y
    for i in range(1, CORNERS):
        outside = jnp.maximum(outside, (nx[i] * x - reach[i]) + ny[i] * y)
    return outside


def _disc(right: Float[Array, "1 W"], up: Float[Array, "H 1"], radius: Float[Array, ""]) -> Float[Array, "H W"]:
    """Metres outside of a circle, right at its rim and to first order near it."""
    return (right**2 + up**2 - radius**2) / (2 * jnp.maximum(radius, 1e-3))

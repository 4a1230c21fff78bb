"""Pictures of scenes: every pixel knows how far it is from every edge, so all shapes are drawn in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from .colours import BINDINGS, CORE, FLAME, LOOSE, MARK, NOZZLES, SKY
from .contacts import turned
from .scene import GROUND, SIDE
from .sizes import CORNERS, WALLS

if TYPE_CHECKING:
    from .life import Level, Life

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


def picture(
    life: Life, level: Level, img_size: int, width: float = SIDE, left: Float[Array, ""] | None = None
) -> Float[Array, "H W 3"]:
    """A square part of a scene, y up: the arena from its lower left corner to its upper right one.

    Args:
        width: how much is shown, metres.
        left: where the picture begins; the floor then has marks, half a metre apart, by which one sees it pass.
    """
    pixel = width / img_size
    middle = (jnp.arange(img_size) + 0.5) * pixel
    x, y = middle[None, :] + (0.0 if left is None else left), width - middle[:, None]
    planes = [jnp.full((img_size, img_size), channel, jnp.float32) for channel in SKY]
    for shape in _all(life, level, x, y, marks=left is not None):
        cover = jnp.clip(0.5 - shape.outside / pixel, 0, 1) * shape.shown
        inner = jnp.clip(0.5 - (shape.outside + shape.edge) / pixel, 0, 1) * shape.shown if shape.edge else cover
        planes = [plane - plane * cover + inner * shape.colour[i] for i, plane in enumerate(planes)]
    return jnp.stack(planes, axis=-1)


def _all(life: Life, level: Level, x: Float[Array, "1 W"], y: Float[Array, "H 1"], marks: bool) -> list[Shape]:
    """What there is to draw, from the back to the front: thrusters, polygons, circles, joints."""
    shapes, motion = level.scene.shapes, life.motion
    here, colours = shapes.active.astype(jnp.float32), level.colours
    polygons = level.scene.room.polygons
    drawn = _thrusters(life, level, x, y)
    cos, sin = turned(motion.rotation)
    for i in [0, *range(WALLS, polygons)]:
        nx, ny = level.prepared.normals[:, :, i]
        nx, ny = cos[i] * nx - sin[i] * ny, sin[i] * nx + cos[i] * ny
        reach = jnp.where(level.prepared.length[:, i] > 0, level.prepared.reach[:, i], 1e3)
        outside = _convex(nx, ny, reach + nx * motion.x[0, i] + ny * motion.x[1, i], x, y)
        drawn.append(Shape(outside, colours[i], EDGE if i else 0, here[i]))
        if marks and i == 0:
            beside = jnp.abs((x + 0.25) % 0.5 - 0.25) - EDGE / 2
            drawn.append(Shape(jnp.maximum(beside, jnp.abs(y - GROUND + 0.04) - 0.04), jnp.asarray(MARK), 0, here[i]))
    for c in range(level.scene.room.circles):
        i, radius = polygons + c, shapes.radius[c]
        right, up = x - motion.x[0, i], y - motion.x[1, i]
        drawn.append(Shape(_disc(right, up, radius), colours[i], EDGE, here[i]))
        along, across = cos[i] * right + sin[i] * up, cos[i] * up - sin[i] * right
        spoke = jnp.maximum(jnp.abs(across) - EDGE / 2, jnp.maximum(-along, along - radius))
        drawn.append(Shape(spoke, jnp.zeros(3), 0, here[i]))
    return drawn + _joints(life, level, x, y)


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

"""Pictures of scenes: every pixel knows how far it is from every edge, so all shapes are drawn in one pass."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .colours import BINDINGS, CORE, FLAME, LOOSE, MARK, NOZZLES, SKY
from .contacts import turned
from .scene import GROUND, MOTOR_CHANNELS, SIDE
from .sizes import CORNERS, WALLS

if TYPE_CHECKING:
    from .life import Level, Life

EDGE = 0.02
"""Width of the black edges of shapes, metres: 2 pixels of 500."""
DOT = 0.055
"""Radius of a joint."""
NOZZLE = 0.11
"""Length of a thruster."""
BLAZE = 2.2
"""How much longer the whole becomes by its flame at most, in nozzles."""


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
    view = View(img_size, width / img_size, 0.0 if left is None else left)
    whole = jnp.arange(img_size)
    planes = jnp.broadcast_to(jnp.asarray(SKY, jnp.float32)[:, None, None], (3, img_size, img_size))
    planes = _stamped(planes, view, *_thrusters(life, level))
    planes = _painted(planes, view, _all(life, level, *view.at(whole, whole), marks=left is not None))
    return jnp.moveaxis(_stamped(planes, view, *_joints(life, level)), 0, -1)


class View(NamedTuple):
    """Which part of the world a picture shows."""

    img_size: int
    pixel: float
    """Metres."""
    left: float | Float[Array, ""]

    def at(self, columns: Int[Array, " w"], rows: Int[Array, " h"]) -> tuple[Float[Array, "1 w"], Float[Array, "h 1"]]:
        """Where the middles of pixels lie."""
        x = (columns + 0.5) * self.pixel + self.left
        return x[None, :], (self.img_size - 0.5 - rows[:, None]) * self.pixel


def _painted(planes: Float[Array, "3 h w"], view: View, shapes: list[Shape]) -> Float[Array, "3 h w"]:
    """Shapes painted one over the other, in one pass."""
    colours = list(planes)
    for shape in shapes:
        cover = jnp.clip(0.5 - shape.outside / view.pixel, 0, 1) * shape.shown
        rim = (shape.outside + shape.edge) / view.pixel
        inner = jnp.clip(0.5 - rim, 0, 1) * shape.shown if shape.edge else cover
        colours = [plane - plane * cover + inner * shape.colour[i] for i, plane in enumerate(colours)]
    return jnp.stack(colours)


def _stamped(
    planes: Float[Array, "3 h w"],
    view: View,
    at: Float[Array, "2 n"],
    reach: float,
    draw: Callable[[Array, Array, Array], list[Shape]],
) -> Float[Array, "3 h w"]:
    """Small things, each painted on the pixels around it alone.

    Args:
        at: where they are.
        reach: nothing of them lies farther away, metres.
        draw: the shapes of one of them, at places.
    """
    patch = min(math.ceil(2 * reach / view.pixel) + 1, view.img_size)
    corner = jnp.stack([(at[0] - view.left - reach) / view.pixel, view.img_size - (at[1] + reach) / view.pixel])
    column, row = jnp.clip(jnp.floor(corner), 0, view.img_size - patch).astype(jnp.int32)

    def stamp(i: Array, planes: Float[Array, "3 h w"]) -> Float[Array, "3 h w"]:
        near = jnp.arange(patch)
        under = jax.lax.dynamic_slice(planes, (0, row[i], column[i]), (3, patch, patch))
        over = _painted(under, view, draw(i, *view.at(column[i] + near, row[i] + near)))
        return jax.lax.dynamic_update_slice(planes, over, (0, row[i], column[i]))

    return jax.lax.fori_loop(0, at.shape[1], stamp, planes) if at.shape[1] else planes


def _all(life: Life, level: Level, x: Float[Array, "1 W"], y: Float[Array, "H 1"], marks: bool) -> list[Shape]:
    """What may be large, from the back to the front: polygons, then circles."""
    shapes, motion = level.scene.shapes, life.motion
    here, colours = shapes.active.astype(jnp.float32), level.colours
    polygons = level.scene.room.polygons
    drawn = []
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
    return drawn


def _joints(life: Life, level: Level) -> tuple[Float[Array, "2 J"], float, Callable[..., list[Shape]]]:
    """A dot for each joint: in the colour of its channel where it has a motor, dark where it has none or is fixed."""
    joints = level.scene.joints
    at = _anchored(life, joints.a, joints.a_anchor)
    motor = (joints.motor_on & ~joints.fixed)[:, None]
    colour = jnp.where(motor, jnp.asarray(BINDINGS)[joints.binding], LOOSE)
    shown = joints.active.astype(jnp.float32)

    def draw(j: Array, x: Float[Array, "1 w"], y: Float[Array, "h 1"]) -> list[Shape]:
        return [Shape(_disc(x - at[0, j], y - at[1, j], jnp.float32(DOT)), colour[j], EDGE, shown[j])]

    return at, DOT + EDGE, draw


def _thrusters(life: Life, level: Level) -> tuple[Float[Array, "2 T"], float, Callable[..., list[Shape]]]:
    """A nozzle for each thruster, and a flame as long as it is told to push."""
    thrusters = level.scene.thrusters
    told = life.told[MOTOR_CHANNELS:][thrusters.binding]
    at = _anchored(life, thrusters.shape, thrusters.anchor)
    ahead, aside = turned(life.motion.rotation[thrusters.shape] + thrusters.rotation)
    nozzles, here = jnp.asarray(NOZZLES)[thrusters.binding], thrusters.active.astype(jnp.float32)

    def draw(t: Array, x: Float[Array, "1 w"], y: Float[Array, "h 1"]) -> list[Shape]:
        right, up = x - at[0, t], y - at[1, t]
        back = -(ahead[t] * right + aside[t] * up)  # how far behind the point where it pushes
        side = jnp.abs(ahead[t] * up - aside[t] * right)
        drawn = []
        for colour, size in ((FLAME, 1.0), (CORE, 0.55)):
            length = NOZZLE * (1 + BLAZE * size * told[t])
            width = 0.055 * size * jnp.clip((length - back) / (length - NOZZLE + 1e-3), -1, 1)
            flame = jnp.maximum(side - width, NOZZLE * 0.8 - back)
            drawn.append(Shape(flame, jnp.asarray(colour), 0, here[t] * (told[t] > 0.05)))
        nozzle = jnp.maximum(side - (0.03 + 0.35 * back), jnp.maximum(-back, back - NOZZLE))
        return [*drawn, Shape(nozzle, nozzles[t], EDGE / 2, here[t])]

    return at, NOZZLE * (1 + BLAZE) + EDGE, draw


def _anchored(life: Life, shape: Int[Array, " n"], anchor: Float[Array, "n 2"]) -> Float[Array, "2 n"]:
    """Where points of shapes lie in the world."""
    cos, sin = turned(life.motion.rotation[shape])
    x, y = anchor.T
    return life.motion.x[:, shape] + jnp.stack([cos * x - sin * y, sin * x + cos * y])


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

"""Random levels: one green and one blue shape, something that moves, and what else there is room for."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from alife.types import PRNGKey

from .contacts import rotated
from .morphology import outline
from .scene import (
    BLUE,
    BOX,
    GREEN,
    GROUND,
    MOTOR_CHANNELS,
    NEUTRAL,
    SIDE,
    THRUSTER_CHANNELS,
    Scene,
    empty_scene,
    free_shapes,
    sizes,
)
from .sizes import WALLS, Room

PROPOSALS = 8
"""Places that are tried for each shape; that which overlaps least is taken."""
FLOOR_ROLES = 0.9, 0.0, 0.02, 0.08
"""How often the floor has each role."""
CONNECTED, FREE, THRUSTER = 0.35, 0.35, 0.3
"""How often a further slot holds a shape joined to another one, one that is not, and a slot for thrusters one."""
LARGEST = 1.0
"""Metres; of a rectangle's diagonal about, and a circle's radius is at most 0.4 of it."""
DICE = 41
"""Random numbers that one addition needs at most.  They are drawn at once: a program with many draws takes long to
compile."""


class Order(NamedTuple):
    """What is to be added, one after the other: a shape, a joined one, a thruster, or nothing."""

    shape: Bool[Array, " n"]
    joined: Bool[Array, " n"]
    thruster: Bool[Array, " n"]
    role: Int[Array, " n"]
    side: Float[Array, " n"]
    fix: Float[Array, " n"]
    special: Bool[Array, " n"]
    """To green or blue, and surely driven."""


def random_level(rng: PRNGKey, room: Room) -> Scene:
    """A level: floor, green, blue, something to drive, then further shapes, joints and thrusters as there is room.

    Everything is drawn from the distributions of Kinetix's generator; the same program for every key.

    Source: Matthews et al. 2024 (arXiv:2410.23208), section 4.
    """
    more = max(0, room.shapes - WALLS - 2)
    number = 4 + more + room.thrusters
    dice = jax.random.uniform(rng, (number + 1, DICE))
    head, chances = dice[0], dice[1:, -1]
    left, one_fixed = head[0] < 0.5, jnp.where(head[1] < 0.1, 1.0, 0.0)
    place = jnp.arange(number)
    further, last = (place >= 4) & (place < 4 + more), place >= 4 + more
    sides = jnp.where(left, jnp.array([0.0, 1.0]), jnp.array([1.0, 0.0]))
    fixes = jnp.stack([one_fixed, jnp.where(one_fixed > 0, 0.0, -1.0)])
    order = Order(
        (place < 2) | (further & (chances >= CONNECTED) & (chances < CONNECTED + FREE)),
        ((place == 2) & (head[2] < 2 / 3)) | (further & (chances < CONNECTED)),
        ((place == 3) & (head[2] > 1 / 3)) | (last & (chances < THRUSTER)),
        jnp.full(number, NEUTRAL).at[:2].set(jnp.array([GREEN, BLUE])),
        jnp.full(number, -1.0).at[:2].set(sides),
        jnp.zeros(number).at[:2].set(fixes).at[4:].set(-1.0),
        (place == 2) | (place == 3),
    )
    scene = empty_scene(room)
    floor = pick(head[3], jnp.array(FLOOR_ROLES))
    scene = scene._replace(shapes=scene.shapes._replace(role=scene.shapes.role.at[0].set(floor)))

    def add(scene: Scene, row: tuple[Order, Float[Array, " U"]]) -> tuple[Scene, None]:
        one, dice = row
        scene = chosen(one.shape, add_shape(dice, scene, one.role, one.side, one.fix), scene)
        scene = chosen(one.joined, add_connected(dice, scene, one.special, one.special), scene)
        return chosen(one.thruster, add_thruster(dice, scene, one.special), scene), None

    scene, _ = jax.lax.scan(add, scene, (order, dice[1:]))
    plain_floor = scene.shapes.role[0] == NEUTRAL
    return chosen(plain_floor & (head[4] < 0.5), swapped(scene, GREEN, BLUE), scene)


def pick(dice: Float[Array, ""], weights: Float[Array, " n"]) -> Int[Array, ""]:
    """One of n, as often as its weight says; the first where all weights are 0."""
    so_far = jnp.cumsum(weights)
    return jnp.minimum(jnp.sum(so_far <= dice * so_far[-1]), len(weights) - 1) * (so_far[-1] > 0)


def any_of(dice: Float[Array, ""], wanted: Bool[Array, " n"]) -> tuple[Int[Array, ""], Bool[Array, ""]]:
    """One of those that are wanted, and whether there is one."""
    return pick(dice, wanted * 1.0), jnp.any(wanted)


def swapped(scene: Scene, one: int, other: int) -> Scene:
    """The same scene in which two roles are exchanged."""
    role = scene.shapes.role
    new = jnp.where(role == one, other, jnp.where(role == other, one, role))
    return scene._replace(shapes=scene.shapes._replace(role=new.at[:WALLS].set(role[:WALLS])))


def add_shape(
    dice: Float[Array, " U"],
    scene: Scene,
    role: int | Int[Array, ""] = NEUTRAL,
    side: float | Float[Array, ""] = -1.0,
    fix: float | Float[Array, ""] = 0.0,
) -> Scene:
    """A scene with one more shape, where it overlaps the others least; itself where there is no room.

    Args:
        side: 0 puts it into the left half, 1 into the right one, -1 anywhere.
        fix: 1 fixes it in its place, -1 lets chance decide, which fixes the heavy ones, 0 leaves it free.
    """
    slot, circle, half, rotation = _drawn(dice, scene)
    tries = dice[7 : 7 + 2 * PROPOSALS].reshape(PROPOSALS, 2)
    low_side, high_side = jnp.where(side == 1.0, 0.5, 0.0), jnp.where(side == 0.0, 0.5, 1.0)
    reach = jnp.max(half) * jnp.where(circle, 1.0, math.sqrt(2.0))
    x = reach + (SIDE - 2 * reach) * (low_side + (high_side - low_side) * tries[:, 0])
    top = jnp.where((role != NEUTRAL) & (dice[24] < 0.6), 0.4, 1.0)
    y = GROUND + reach + 0.02 + (SIDE - GROUND - 2 * reach) * top * tries[:, 1]
    best = jnp.argmin(jax.vmap(partial(_overlap, scene, reach))(jnp.stack([x, y], axis=1)))
    chance = jnp.minimum(1, 0.02 + 4 * jnp.prod(half) * 0.25)
    fixed = (fix == 1.0) | ((fix == -1.0) & (dice[23] < chance))
    at = jnp.stack([x[best], y[best]])
    return _put(scene, slot, circle, half, at, rotation, role, ~fixed)


def add_connected(
    dice: Float[Array, " U"],
    scene: Scene,
    motor: bool | Bool[Array, ""] = False,
    to_special: bool | Bool[Array, ""] = False,
) -> Scene:
    """A scene with one more shape, joined to one that is there; itself where there is no room.

    Args:
        motor: the joint turns and has a motor, whatever chance says.
        to_special: joined to green or blue, not to any shape.
    """
    slot, circle, half, rotation = _drawn(dice, scene)
    shapes = scene.shapes
    polygons = scene.room.polygons
    wanted = free_shapes(scene) & (_special(scene) | ~jnp.asarray(to_special))
    on = pick(dice[7], wanted * jnp.where(shapes.moves, 1.0, 0.05))
    angles = 2 * math.pi * dice[8 : 8 + 2 * PROPOSALS].reshape(2, PROPOSALS)
    half_on, circle_on = half_sizes(scene)[on], on >= polygons
    a = jax.vmap(outline, (None, None, 0))(half_on, circle_on, angles[0])
    a = a * (0.2 + 0.8 * dice[24 : 24 + PROPOSALS, None])
    b = jax.vmap(outline, (None, None, 0))(half, circle, angles[1]) * jnp.where(circle, 0.0, 0.9)
    at = shapes.position[on] + rotated(shapes.rotation[on], a) - rotated(rotation, b)
    reach = jnp.max(half) * jnp.where(circle, 1.0, math.sqrt(2.0))
    outside = jnp.any((at < reach + jnp.array([0.0, GROUND])) | (at > SIDE - reach), axis=1)
    cost = jax.vmap(partial(_overlap, scene, reach, but=on))(at) + 10.0 * outside
    hidden = jnp.hypot(*(at - shapes.position[on]).T) < 0.5 * reach  # the joint is to be seen
    best = jnp.argmin(cost + 5.0 * hidden)
    j = jnp.argmin(scene.joints.active)
    fits = ~jnp.all(scene.joints.active) & jnp.any(wanted) & (cost[best] < 10)
    joints = _joint(dice[32:], scene, j, on, slot, a[best], b[best], rotation - shapes.rotation[on], motor)
    grown = _put(scene, slot, circle, half, at[best], rotation, NEUTRAL, jnp.array(True))
    room = ~shapes.active[slot]
    return chosen(fits & room, grown._replace(joints=joints), scene)


def add_thruster(dice: Float[Array, " U"], scene: Scene, to_special: bool | Bool[Array, ""] = False) -> Scene:
    """A scene with one more thruster, on the outline of a shape that moves; itself where there is no room.

    Args:
        to_special: on green or blue.
    """
    shapes, thrusters = scene.shapes, scene.thrusters
    wanted = free_shapes(scene) & shapes.moves & (_special(scene) | ~jnp.asarray(to_special))
    on = pick(dice[0], wanted * 1.0)
    at = outline(half_sizes(scene)[on], on >= scene.room.polygons, 2 * math.pi * dice[1])
    inward = jnp.where(dice[2] < 0.5, math.pi, 0.0) + jnp.arctan2(at[1], at[0])
    mass = sizes(shapes)[on] * shapes.density[on]
    t = jnp.argmin(thrusters.active)
    values = {
        "shape": on,
        "anchor": at,
        "rotation": jnp.where(dice[3] < 0.8, inward, 2 * math.pi * dice[4]),
        "power": (0.5 + 1.5 * dice[5]) * 2 * mass,
        "active": True,
        "binding": whole(dice[6], THRUSTER_CHANNELS),
    }
    new = thrusters._replace(**{name: getattr(thrusters, name).at[t].set(value) for name, value in values.items()})
    return chosen(~jnp.all(thrusters.active) & jnp.any(wanted), scene._replace(thrusters=new), scene)


def _special(scene: Scene) -> Bool[Array, " N"]:
    return (scene.shapes.role == GREEN) | (scene.shapes.role == BLUE)


def whole(dice: Float[Array, ""], sides: int) -> Int[Array, ""]:
    """A throw of a die, from 0."""
    return jnp.minimum(dice * sides, sides - 1).astype(jnp.int32)


def _drawn(
    dice: Float[Array, " U"], scene: Scene
) -> tuple[Int[Array, ""], Bool[Array, ""], Float[Array, "2"], Float[Array, ""]]:
    """A free slot, whether it is a circle's, half sizes and a rotation; of a full scene a slot that is taken."""
    active, polygons, n = scene.shapes.active, scene.room.polygons, len(scene.shapes.active)
    box_slot, circle_slot = (
        jnp.argmin(active[:polygons]),
        polygons + jnp.argmin(active[polygons:]) if n > polygons else 0,
    )
    no_box = jnp.all(active[:polygons])
    no_circle = jnp.all(active[polygons:]) if n > polygons else jnp.array(True)
    circle = ((dice[0] < 0.5) | no_box) & ~no_circle
    sides = 0.05 + (LARGEST / (2 * math.sqrt(2)) - 0.05) * dice[1:3]
    longer = dice[3] < 0.5
    stretched = sides * jnp.where(jnp.stack([longer, ~longer]) & (dice[4] < 0.3), 2.0, 1.0)
    radius = 0.1 + (0.4 * LARGEST - 0.1) * dice[5]
    rotation = 2 * math.pi * dice[6]
    half = jnp.where(circle, radius, stretched)
    return jnp.where(circle, circle_slot, box_slot), circle, half, jnp.where(circle, 0.0, rotation)


def _put(
    scene: Scene,
    slot: Int[Array, ""],
    circle: Bool[Array, ""],
    half: Float[Array, "2"],
    at: Float[Array, "2"],
    rotation: Float[Array, ""],
    role: int | Int[Array, ""],
    moves: Bool[Array, ""],
) -> Scene:
    """A scene with a shape in a slot; itself where the slot is taken."""
    shapes, polygons = scene.shapes, scene.room.polygons
    corners = half * BOX
    values = {"position": at, "rotation": rotation, "role": role, "moves": moves, "turns": moves, "active": True}
    new: dict[str, Any] = {name: getattr(shapes, name).at[slot].set(value) for name, value in values.items()}
    new["vertices"] = shapes.vertices.at[jnp.where(circle, polygons, slot)].set(corners, mode="drop")
    new["n_vertices"] = shapes.n_vertices.at[jnp.where(circle, polygons, slot)].set(4, mode="drop")
    new["radius"] = shapes.radius.at[jnp.where(circle, slot - polygons, len(shapes.radius))].set(half[0], mode="drop")
    return chosen(~shapes.active[slot], scene._replace(shapes=shapes._replace(**new)), scene)


def _joint(
    dice: Float[Array, " U"],
    scene: Scene,
    j: Int[Array, ""],
    a: Int[Array, ""],
    b: Int[Array, ""],
    a_anchor: Float[Array, "2"],
    b_anchor: Float[Array, "2"],
    rotation: Float[Array, ""],
    motor: bool | Bool[Array, ""],
) -> Any:
    """Joints with one more, in slot j."""
    fixed, limited, on, low, high, speed, power, channel = dice[:8]
    wheel = b >= scene.room.polygons
    values = {
        "a": a,
        "b": b,
        "a_anchor": a_anchor,
        "b_anchor": b_anchor,
        "active": True,
        "fixed": (fixed < 0.1) & ~jnp.asarray(motor),
        "rotation": rotation,
        "motor_on": (on < 0.8) | motor,
        "motor_speed": 0.4 + 2.6 * speed,
        "motor_power": 1 + 2 * power * ~wheel,
        "limited": (limited < 0.4) & ~jnp.asarray(motor),
        "min_rotation": -math.pi * low,
        "max_rotation": math.pi * high,
        "binding": whole(channel, MOTOR_CHANNELS),
        "auto": False,
    }
    return scene.joints._replace(
        **{name: getattr(scene.joints, name).at[j].set(value) for name, value in values.items()}
    )


def half_sizes(scene: Scene) -> Float[Array, "N 2"]:
    """Half width and height of all shapes, seen in their own frames; of circles the radius, twice."""
    boxes = jnp.max(jnp.abs(scene.shapes.vertices), axis=1)
    return jnp.concatenate([boxes, jnp.stack([scene.shapes.radius] * 2, axis=1)])


def _overlap(
    scene: Scene, reach: Float[Array, ""], at: Float[Array, "2"], but: Int[Array, ""] | int = -1
) -> Float[Array, ""]:
    """How deep a disc around a new shape lies in discs around the others, in sum."""
    shapes, number = scene.shapes, jnp.arange(len(scene.shapes.role))
    theirs = jnp.max(half_sizes(scene), axis=1) * 1.2
    apart = jnp.hypot(*(shapes.position - at).T)
    deep = jnp.maximum(reach + theirs - apart, 0)
    return jnp.sum(jnp.where(shapes.active & (number >= WALLS) & (number != but), deep, 0))


def chosen(condition: Bool[Array, ""], new: Scene, old: Scene) -> Scene:
    """One of two scenes."""
    return jax.tree.map(partial(jnp.where, condition), new, old)

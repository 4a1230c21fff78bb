"""Random levels: one green and one blue shape, something that moves, and what else there is room for."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from alife.types import PRNGKey

from .morphology import outline
from .scene import BLUE, GREEN, GROUND, MOTOR_CHANNELS, NEUTRAL, SIDE, THRUSTER_CHANNELS, Scene, empty_scene, sizes
from .sizes import WALLS, Room

PROPOSALS = 8
"""Places that are tried for each shape; that which overlaps least is taken."""
FLOOR_ROLES = jnp.log(jnp.array([0.9, 1e-9, 0.02, 0.08]))
CONNECTED, FREE = 0.35, 0.35
"""How often a further slot holds a shape joined to another one, and one that is not."""
LARGEST = 1.0
"""Metres; of a rectangle's diagonal about, and a circle's radius is at most 0.4 of it."""


def random_level(rng: PRNGKey, room: Room) -> Scene:
    """A level: floor, green, blue, something to drive, then further shapes, joints and thrusters as there is room.

    Everything is drawn from the distributions of Kinetix's generator; the same program for every key.

    Source: Matthews et al. 2024 (arXiv:2410.23208), section 4.
    """
    keys = iter(jax.random.split(rng, 16))
    scene = empty_scene(room)
    floor = jax.random.categorical(next(keys), FLOOR_ROLES)
    scene = scene._replace(shapes=scene.shapes._replace(role=scene.shapes.role.at[0].set(floor)))
    left, fixed, which = jax.random.uniform(next(keys), (3,))
    special = jnp.where(left < 0.5, 0.0, 1.0)  # on which side green begins
    scene = add_shape(next(keys), scene, role=GREEN, side=special, fix=jnp.where(fixed < 0.1, 1.0, 0.0))
    scene = add_shape(next(keys), scene, role=BLUE, side=1 - special, fix=jnp.where(fixed < 0.1, 0.0, -1.0))
    wants_motor, wants_thruster = which < 2 / 3, which > 1 / 3
    scene = chosen(wants_motor, add_connected(next(keys), scene, motor=True, to_special=True), scene)
    scene = chosen(wants_thruster, add_thruster(next(keys), scene, to_special=True), scene)
    more = room.shapes - WALLS - 2

    def further(scene: Scene, key: PRNGKey) -> tuple[Scene, None]:
        kind_key, one, other = jax.random.split(key, 3)
        kind = jax.random.uniform(kind_key)
        joined = add_connected(one, scene)
        loose = add_shape(other, scene)
        return chosen(kind < CONNECTED, joined, chosen(kind < CONNECTED + FREE, loose, scene)), None

    scene, _ = jax.lax.scan(further, scene, jax.random.split(next(keys), max(1, more)))

    def thrust(scene: Scene, key: PRNGKey) -> tuple[Scene, None]:
        chance, one = jax.random.split(key)
        return chosen(jax.random.uniform(chance) < 0.3, add_thruster(one, scene), scene), None

    scene, _ = jax.lax.scan(thrust, scene, jax.random.split(next(keys), room.thrusters))
    plain_floor = scene.shapes.role[0] == NEUTRAL
    return chosen(plain_floor & (jax.random.uniform(next(keys)) < 0.5), swapped(scene, GREEN, BLUE), scene)


def swapped(scene: Scene, one: int, other: int) -> Scene:
    """The same scene in which two roles are exchanged."""
    role = scene.shapes.role
    new = jnp.where(role == one, other, jnp.where(role == other, one, role))
    return scene._replace(shapes=scene.shapes._replace(role=new.at[:WALLS].set(role[:WALLS])))


def add_shape(
    rng: PRNGKey,
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
    key, place_key, fix_key, low_key = jax.random.split(rng, 4)
    slot, circle, half, rotation = _drawn(key, scene)
    tries = jax.random.uniform(place_key, (PROPOSALS, 2))
    low_side, high_side = jnp.where(side == 1.0, 0.5, 0.0), jnp.where(side == 0.0, 0.5, 1.0)
    reach = jnp.max(half) * jnp.where(circle, 1.0, math.sqrt(2.0))
    x = reach + (SIDE - 2 * reach) * (low_side + (high_side - low_side) * tries[:, 0])
    top = jnp.where((role != NEUTRAL) & (jax.random.uniform(low_key) < 0.6), 0.4, 1.0)
    y = GROUND + reach + 0.02 + (SIDE - GROUND - 2 * reach) * top * tries[:, 1]
    best = jnp.argmin(jax.vmap(partial(_overlap, scene, reach))(jnp.stack([x, y], axis=1)))
    chance = jnp.minimum(1, 0.02 + 4 * jnp.prod(half) * 0.25)
    fixed = (fix == 1.0) | ((fix == -1.0) & (jax.random.uniform(fix_key) < chance))
    at = jnp.stack([x[best], y[best]])
    return _put(scene, slot, circle, half, at, rotation, role, ~fixed)


def add_connected(rng: PRNGKey, scene: Scene, motor: bool = False, to_special: bool = False) -> Scene:
    """A scene with one more shape, joined to one that is there; itself where there is no room.

    Args:
        motor: the joint turns and has a motor, whatever chance says.
        to_special: joined to green or blue, not to any shape.
    """
    keys = jax.random.split(rng, 6)
    slot, circle, half, rotation = _drawn(keys[0], scene)
    shapes = scene.shapes
    n, polygons = len(shapes.role), scene.room.polygons
    there = shapes.active & (jnp.arange(n) >= WALLS)
    wanted = there & ((shapes.role == GREEN) | (shapes.role == BLUE)) if to_special else there
    on = jax.random.categorical(keys[1], jnp.where(wanted, jnp.where(shapes.moves, 0.0, jnp.log(0.05)), -jnp.inf))
    angles = jax.random.uniform(keys[2], (2, PROPOSALS), maxval=2 * math.pi)
    half_on, circle_on = half_sizes(scene)[on], on >= polygons
    a = jax.vmap(outline, (None, None, 0))(half_on, circle_on, angles[0])
    a = a * jax.random.uniform(keys[3], (PROPOSALS, 1), minval=0.2, maxval=1.0)
    b = jax.vmap(outline, (None, None, 0))(half, circle, angles[1]) * jnp.where(circle, 0.0, 0.9)
    at = shapes.position[on] + _turned(shapes.rotation[on], a) - _turned(rotation, b)
    reach = jnp.max(half) * jnp.where(circle, 1.0, math.sqrt(2.0))
    outside = jnp.any((at < reach + jnp.array([0.0, GROUND])) | (at > SIDE - reach), axis=1)
    cost = jax.vmap(partial(_overlap, scene, reach, but=on))(at) + 10.0 * outside
    hidden = jnp.hypot(*(at - shapes.position[on]).T) < 0.5 * reach  # the joint is to be seen
    best = jnp.argmin(cost + 5.0 * hidden)
    j = jnp.argmin(scene.joints.active)
    fits = ~jnp.all(scene.joints.active) & jnp.any(wanted) & (cost[best] < 10)
    joints = _joint(keys[4], scene, j, on, slot, a[best], b[best], rotation - shapes.rotation[on], motor)
    grown = _put(scene, slot, circle, half, at[best], rotation, NEUTRAL, jnp.array(True))
    room = ~shapes.active[slot]
    return chosen(fits & room, grown._replace(joints=joints), scene)


def add_thruster(rng: PRNGKey, scene: Scene, to_special: bool = False) -> Scene:
    """A scene with one more thruster, on the outline of a shape that moves; itself where there is no room.

    Args:
        to_special: on green or blue, or what hangs on them by one joint.
    """
    keys = jax.random.split(rng, 6)
    shapes = scene.shapes
    n = len(shapes.role)
    wanted = shapes.active & shapes.moves & (jnp.arange(n) >= WALLS)
    if to_special:
        wanted &= (shapes.role == GREEN) | (shapes.role == BLUE)
    on = jax.random.categorical(keys[0], jnp.where(wanted, 0.0, -jnp.inf))
    angle = jax.random.uniform(keys[1], maxval=2 * math.pi)
    at = outline(half_sizes(scene)[on], on >= scene.room.polygons, angle)
    inward = jnp.where(jax.random.bernoulli(keys[2]), math.pi, 0.0) + jnp.arctan2(at[1], at[0])
    any_way = jax.random.uniform(keys[3], maxval=2 * math.pi)
    way = jnp.where(jax.random.uniform(keys[4]) < 0.8, inward, any_way)
    power_key, binding_key = jax.random.split(keys[5])
    mass = sizes(shapes)[on] * shapes.density[on]
    t = jnp.argmin(scene.thrusters.active)
    values = {
        "shape": on,
        "anchor": at,
        "rotation": way,
        "power": jax.random.uniform(power_key, minval=0.5, maxval=2.0) * 2 * mass,
        "active": True,
        "binding": jax.random.randint(binding_key, (), 0, THRUSTER_CHANNELS),
    }
    fits = ~jnp.all(scene.thrusters.active) & jnp.any(wanted)
    thrusters = scene.thrusters._replace(
        **{name: getattr(scene.thrusters, name).at[t].set(value) for name, value in values.items()}
    )
    return chosen(fits, scene._replace(thrusters=thrusters), scene)


def _drawn(rng: PRNGKey, scene: Scene) -> tuple[Int[Array, ""], Bool[Array, ""], Float[Array, "2"], Float[Array, ""]]:
    """A free slot, whether it is a circle's, half sizes and a rotation; of a full scene a slot that is taken."""
    keys = jax.random.split(rng, 6)
    active, polygons, n = scene.shapes.active, scene.room.polygons, len(scene.shapes.active)
    box_slot, circle_slot = (
        jnp.argmin(active[:polygons]),
        polygons + jnp.argmin(active[polygons:]) if n > polygons else 0,
    )
    no_box = jnp.all(active[:polygons])
    no_circle = jnp.all(active[polygons:]) if n > polygons else jnp.array(True)
    circle = (jax.random.bernoulli(keys[0]) | no_box) & ~no_circle
    sides = jax.random.uniform(keys[1], (2,), minval=0.05, maxval=LARGEST / (2 * math.sqrt(2)))
    longer = jax.random.bernoulli(keys[2])
    stretched = sides * jnp.where(jnp.stack([longer, ~longer]) & (jax.random.uniform(keys[3]) < 0.3), 2.0, 1.0)
    radius = jax.random.uniform(keys[4], minval=0.1, maxval=0.4 * LARGEST)
    rotation = jax.random.uniform(keys[5], maxval=2 * math.pi)
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
    corners = half * jnp.array([[-1.0, 1], [1, 1], [1, -1], [-1, -1]])
    values = {"position": at, "rotation": rotation, "role": role, "moves": moves, "turns": moves, "active": True}
    new: dict[str, Any] = {name: getattr(shapes, name).at[slot].set(value) for name, value in values.items()}
    new["vertices"] = shapes.vertices.at[jnp.where(circle, polygons, slot)].set(corners, mode="drop")
    new["n_vertices"] = shapes.n_vertices.at[jnp.where(circle, polygons, slot)].set(4, mode="drop")
    new["radius"] = shapes.radius.at[jnp.where(circle, slot - polygons, len(shapes.radius))].set(half[0], mode="drop")
    return chosen(~shapes.active[slot], scene._replace(shapes=shapes._replace(**new)), scene)


def _joint(
    rng: PRNGKey,
    scene: Scene,
    j: Int[Array, ""],
    a: Int[Array, ""],
    b: Int[Array, ""],
    a_anchor: Float[Array, "2"],
    b_anchor: Float[Array, "2"],
    rotation: Float[Array, ""],
    motor: bool,
) -> Any:
    """Joints with one more, in slot j."""
    keys = jax.random.split(rng, 7)
    fixed, limited, on = jax.random.uniform(keys[0], (3,))
    low, high = jax.random.uniform(keys[1], (2,), maxval=math.pi) * jnp.array([-1.0, 1.0])
    wheel = b >= scene.room.polygons
    values = {
        "a": a,
        "b": b,
        "a_anchor": a_anchor,
        "b_anchor": b_anchor,
        "active": True,
        "fixed": jnp.where(motor, False, fixed < 0.1),
        "rotation": rotation,
        "motor_on": jnp.where(motor, True, on < 0.8),
        "motor_speed": jax.random.uniform(keys[2], minval=0.4, maxval=3.0),
        "motor_power": jax.random.uniform(keys[3], minval=1.0, maxval=jnp.where(wheel, 1.001, 3.0)),
        "limited": jnp.where(motor, False, limited < 0.4),
        "min_rotation": low,
        "max_rotation": high,
        "binding": jax.random.randint(keys[4], (), 0, MOTOR_CHANNELS),
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


def _turned(angle: Float[Array, ""], r: Float[Array, "*k 2"]) -> Float[Array, "*k 2"]:
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    return jnp.stack([cos * r[..., 0] - sin * r[..., 1], sin * r[..., 0] + cos * r[..., 1]], axis=-1)


def chosen(condition: Bool[Array, ""], new: Scene, old: Scene) -> Scene:
    """One of two scenes."""
    return jax.tree.map(partial(jnp.where, condition), new, old)

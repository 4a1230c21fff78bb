"""What controllers sense of a scene: vectors of fixed length, or sets of shapes, joints and thrusters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from .contacts import turned
from .joints import angles
from .scene import MOTOR_CHANNELS, SIDE, THRUSTER_CHANNELS
from .sizes import Pairs, Room

if TYPE_CHECKING:
    from .life import Level, Life

OBSERVATIONS = ("proprioception", "symbolic_flat", "symbolic_flat_padded", "pixels", "blind")
PIXELS = 125
"""Edge of the picture that is an observation."""
LONGEST = 256
"""Decisions that `blind` tells apart."""
CLOCK = 1.5
"""Beats of the clock, per second."""
RATE = 30.0
"""Decisions per second."""
SIDES = np.array([1, 2, 3])
"""Walls and ceiling, which flat observations leave out."""


def observation_size(kind: str, room: Room) -> int:
    """Numbers in an observation.

    >>> observation_size("symbolic_flat", Room(5, 2, 1, 1)), observation_size("proprioception", Room(12, 4, 6, 2))
    (140, 22)
    """
    n, p = room.shapes, room.polygons - len(SIDES)
    flat = p * 26 + room.circles * 18 + room.joints * (22 + 2 * n) + room.thrusters * (8 + n) + 1
    return {
        "proprioception": 3 * MOTOR_CHANNELS + 10,
        "symbolic_flat": flat,
        "symbolic_flat_padded": flat + p + room.circles + room.joints + room.thrusters,
        "pixels": 3 * PIXELS**2 + 1,
        "blind": LONGEST + 1,
    }[kind]


def observation(kind: str, life: Life, level: Level, pairs: Pairs) -> Float[Array, " I"]:
    """What a controller senses, as a vector.

    `proprioception`: for each motor channel the angle, speed and touch of its joint, then how the creature's heaviest
    shape lies and moves, its height, the way from green to blue, and a clock: 22 numbers in scenes of every size.
    `symbolic_flat`: all that is to be known, slot by slot; `symbolic_flat_padded` says besides which slots are used.
    `pixels`: a picture of 125 x 125, and gravity.  `blind`: the time alone.
    """
    if kind == "blind":
        return jax.nn.one_hot(jnp.minimum(life.time, LONGEST), LONGEST + 1)
    if kind == "proprioception":
        return proprioception(life, level, pairs)
    if kind == "pixels":
        from .picture import picture  # which draws lives

        return jnp.append(picture(life, level, PIXELS).ravel(), _gravity(level))
    return _flat(life, level, padded=kind == "symbolic_flat_padded")


def proprioception(life: Life, level: Level, pairs: Pairs) -> Float[Array, "22"]:
    """What a body feels of itself, where its goal is, and a clock."""
    motion, joints = life.motion, level.scene.joints
    at = jax.nn.one_hot(joints.binding, MOTOR_CHANNELS) * (level.prepared.joints.active & joints.motor_on)[:, None]
    count = jnp.maximum(jnp.sum(at, axis=0), 1)
    angle = angles(motion.rotation, level.prepared)
    speed = motion.v[2, joints.b] - motion.v[2, joints.a]
    touch = touches(life, pairs, len(motion.rotation))[joints.b]
    felt = jnp.stack([jnp.sin(angle), jnp.tanh(speed / 10), touch.astype(jnp.float32)]) @ at / count
    heaviest = jnp.argmax(level.body)
    cos, sin = turned(motion.rotation[heaviest])
    vx, vy, spin = motion.v[:, heaviest]
    x, y = motion.x
    way = jnp.stack([jnp.sum(level.wanted * (axis - axis[:, None])) for axis in (x, y)])
    way = way / jnp.maximum(jnp.sum(level.wanted), 1) / SIDE
    beat = 2 * math.pi * CLOCK * life.time / RATE
    body = [cos, sin, jnp.tanh(vx / 5), jnp.tanh(vy / 5), jnp.tanh(spin / 10), y[heaviest] / SIDE]
    return jnp.concatenate([felt.ravel(), jnp.stack(body), way, jnp.stack([jnp.sin(beat), jnp.cos(beat)])])


def touches(life: Life, pairs: Pairs, shapes: int) -> Bool[Array, " N"]:
    """Which shapes touch something."""
    both = np.zeros((len(pairs.points), shapes), np.float32)
    both[np.arange(len(both))[:, None], pairs.points] = 1
    return life.impulses.touching.astype(jnp.float32) @ both > 0


def entities(life: Life, level: Level, pairs: Pairs) -> dict[str, Any]:
    """All that is to be known, as sets: of each kind features and which slots are used, and who belongs to whom.

    Returns:
        "circles" [C, 19], "polygons" [P, 27], "joints" [2J, 22] (both directions), "thrusters" [T, 8], each with the
        mask of what is there; "joint_shapes" [2J, 2] and "thruster_shapes" [T], numbers of shapes; "masks" [4, N, N]:
        both there, joined over any number of joints, by one, in contact.
    """
    scene, polygons = level.scene, level.scene.room.polygons
    circle, polygon = _shapes(life, level)
    there = scene.shapes.active
    gravity = jnp.full((len(there), 1), _gravity(level))
    joints, back = _joints(life, level), _joints(life, level, back=True)
    ends = jnp.stack([scene.joints.a, scene.joints.b], axis=1)
    return {
        "circles": (jnp.concatenate([circle, gravity[polygons:]], axis=1), there[polygons:]),
        "polygons": (jnp.concatenate([polygon, gravity[:polygons]], axis=1), there[:polygons]),
        "joints": (jnp.concatenate([joints, back]), jnp.tile(scene.joints.active, 2)),
        "thrusters": (_thrusters(life, level), scene.thrusters.active),
        "joint_shapes": jnp.concatenate([ends, ends[:, ::-1]]),
        "thruster_shapes": scene.thrusters.shape,
        "masks": _masks(life, level, pairs),
    }


def _masks(life: Life, level: Level, pairs: Pairs) -> Bool[Array, "4 N N"]:
    there, joints = level.scene.shapes.active, level.scene.joints
    n = len(there)
    both = there[:, None] & there
    one = jnp.zeros((n, n), bool).at[joints.a, joints.b].max(joints.active)
    a, b = pairs.points.T
    contact = jnp.zeros((n, n), bool).at[a, b].max(life.impulses.touching)
    return jnp.stack([both, level.linked & both, (one | one.T) & both, (contact | contact.T) & both])


def _gravity(level: Level) -> Float[Array, ""]:
    return level.scene.gravity[1] / 10


def _shapes(life: Life, level: Level) -> tuple[Float[Array, "C 18"], Float[Array, "P 26"]]:
    """Features of circles and of polygons; zeros in free slots."""
    motion, shapes, prepared = life.motion, level.scene.shapes, level.prepared
    cos, sin = turned(motion.rotation)
    columns = [*motion.x, *motion.v[:2], prepared.inverse_mass, prepared.inverse_inertia, shapes.density]
    columns += [jnp.tanh(motion.v[2] / 10), *jax.nn.one_hot(shapes.role, 4).T, sin, cos]
    base = jnp.stack([*columns, shapes.friction, shapes.restitution], axis=1)
    base = jnp.where(shapes.active[:, None], base, 0)
    polygons, here = level.scene.room.polygons, shapes.active[:, None].astype(jnp.float32)
    circle = [base[polygons:], shapes.radius[:, None] * here[polygons:], here[polygons:]]
    triangle = (shapes.n_vertices == 3)[:, None] * here[:polygons]
    vertices = shapes.vertices.reshape(polygons, -1) * here[:polygons]
    polygon = [base[:polygons], 0 * here[:polygons], vertices, triangle]
    return jnp.concatenate(circle, axis=1), jnp.concatenate(polygon, axis=1)


def _joints(life: Life, level: Level, back: bool = False) -> Float[Array, "J 22"]:
    """Features of joints, seen from a, or `back` from b."""
    joints, motion = level.scene.joints, life.motion
    angle = angles(motion.rotation, level.prepared)
    cos, sin = turned(angle)
    anchors = [joints.a_anchor, joints.b_anchor]
    limits = [joints.min_rotation, joints.max_rotation]
    columns = [joints.active, joints.fixed, *(anchors[::-1] if back else anchors), -sin if back else sin, cos]
    columns += [joints.motor_speed, joints.motor_power, joints.motor_on, joints.limited]
    columns += [jax.nn.one_hot(joints.binding, MOTOR_CHANNELS)]
    columns += [wave(limit) for limit in limits for wave in (jnp.sin, jnp.cos)]
    columns += [angle - limits[0], limits[1] - angle]
    rows = jnp.concatenate([jnp.reshape(column, (len(angle), -1)).astype(jnp.float32) for column in columns], axis=1)
    return jnp.where(joints.active[:, None], rows, 0)


def _thrusters(life: Life, level: Level) -> Float[Array, "T 8"]:
    thrusters = level.scene.thrusters
    cos, sin = turned(thrusters.rotation)
    columns = [thrusters.active, thrusters.anchor, jax.nn.one_hot(thrusters.binding, THRUSTER_CHANNELS)]
    columns += [sin, cos, thrusters.power]
    rows = [jnp.reshape(column, (len(cos), -1)).astype(jnp.float32) for column in columns]
    return jnp.where(thrusters.active[:, None], jnp.concatenate(rows, axis=1), 0)


def _flat(life: Life, level: Level, padded: bool) -> Float[Array, " I"]:
    """All features in the order polygons, circles, joints, thrusters, gravity; and which slots are used."""
    scene, n = level.scene, len(level.scene.shapes.active)
    circle, polygon = _shapes(life, level)
    kept = np.delete(np.arange(scene.room.polygons), SIDES)
    joints, thrusters = scene.joints, scene.thrusters
    ends = [jax.nn.one_hot(end, n) * joints.active[:, None] for end in (joints.a, joints.b)]
    parts = [polygon[kept], circle, jnp.concatenate([_joints(life, level), *ends], axis=1)]
    owner = jax.nn.one_hot(thrusters.shape, n) * thrusters.active[:, None]
    parts += [jnp.concatenate([_thrusters(life, level), owner], axis=1), _gravity(level)]
    if padded:
        there = scene.shapes.active
        parts += [there[kept], there[scene.room.polygons :], joints.active, thrusters.active]
    return jnp.concatenate([jnp.ravel(part).astype(jnp.float32) for part in parts])

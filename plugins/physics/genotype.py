"""Levels as genotypes: every field of a scene as real numbers, and back, whatever the numbers, to a legal scene."""

from __future__ import annotations

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from alife.types import Tree

from .random_level import half_sizes
from .scene import BLUE, BOX, GREEN, GROUND, MOTOR_CHANNELS, NEUTRAL, SIDE, THRUSTER_CHANNELS, Scene, empty_scene
from .sizes import WALLS, Room

SMALLEST, LARGEST = 0.05, 0.6
"""Half sizes and radii."""
LEFT_OUT = ("auto", "rotation")
"""Of joints: no motor runs by itself, and angles count from how a level is built."""
MEANINGS = {
    "floor": "role of the floor, 0 to 3",
    "gravity": "upwards, metres per second squared, -15 to 5",
    "shapes/": "of each shape beyond the walls, as level files have it; half sizes, and bits are on above 0.5",
    "joints/": "of each joint, as level files have it; bits are on above 0.5",
    "thrusters/": "of each thruster, as level files have it; bits are on above 0.5",
}
"""What the parts of a genotype say."""


def encoded(scene: Scene) -> Tree:
    """All that a level says, as real numbers; bits are 0 or 1, and walls are left out."""
    shapes, free = scene.shapes, slice(WALLS, None)
    return {
        "shapes": {
            "position": shapes.position[free],
            "rotation": shapes.rotation[free],
            "half": half_sizes(scene)[free],
            "density": shapes.density[free],
            "friction": shapes.friction[free],
            "restitution": shapes.restitution[free],
            "moves": shapes.moves[free] * 1.0,
            "active": shapes.active[free] * 1.0,
            "role": shapes.role[free] * 1.0,
        },
        "joints": {
            name: value * 1.0 for name, value in scene.joints._asdict().items() if name not in ("auto", "rotation")
        },
        "thrusters": {name: value * 1.0 for name, value in scene.thrusters._asdict().items()},
        "floor": shapes.role[0] * 1.0,
        "gravity": scene.gravity[1],
    }


def decoded(genotype: Tree, room: Room) -> Scene:
    """The level of a genotype: sizes within bounds, places within the arena, indices that point at something.

    Joints and thrusters at free slots are switched off; exactly one shape is green and one blue: the first that are
    said to be, else the first ones that exist.
    """
    blank, said = empty_scene(room), genotype["shapes"]
    n, polygons = room.shapes, room.polygons
    active = said["active"] > 0.5
    active |= (jnp.sum(active) < 2) & (jnp.arange(n - WALLS) < 2)  # one is to be green, one blue
    half = jnp.clip(jnp.abs(said["half"]), SMALLEST, LARGEST)
    half = jnp.where((jnp.arange(WALLS, n) >= polygons)[:, None], half[:, :1], half)
    low = half.max(axis=1, keepdims=True) + jnp.array([0.0, GROUND])
    position = jnp.clip(said["position"], low, SIDE - half.max(axis=1, keepdims=True))
    moves = said["moves"] > 0.5

    def walled(walls: Array, free: Array) -> Array:
        return jnp.concatenate([walls[:WALLS], free.astype(walls.dtype)])

    shapes = blank.shapes
    corners = half[: polygons - WALLS, None] * BOX
    role = walled(shapes.role, _roles(said["role"], active))
    shapes = shapes._replace(
        position=walled(shapes.position, position),
        rotation=walled(shapes.rotation, jnp.mod(said["rotation"], 2 * math.pi)),
        density=walled(shapes.density, jnp.clip(jnp.abs(said["density"]), 0.2, 5)),
        friction=walled(shapes.friction, jnp.clip(jnp.abs(said["friction"]), 0.05, 3)),
        restitution=walled(shapes.restitution, jnp.clip(said["restitution"], 0, 0.9)),
        moves=walled(shapes.moves, moves),
        turns=walled(shapes.turns, moves),
        active=walled(shapes.active, active),
        role=role.at[0].set(_whole(genotype["floor"], 3)),
        vertices=walled(shapes.vertices, corners),
        radius=half[polygons - WALLS :, 0],
    )
    joints, thrusters = genotype["joints"], genotype["thrusters"]
    a, b, on = (_whole(end, n - 1) for end in (joints["a"], joints["b"], thrusters["shape"]))
    reach = jnp.concatenate([jnp.zeros((WALLS, 2)), half])
    real = shapes.active[a] & shapes.active[b] & (a != b) & (jnp.maximum(a, b) >= WALLS)
    low_limit = -jnp.abs(jnp.clip(joints["min_rotation"], -math.pi, math.pi))
    return Scene(
        shapes,
        blank.joints._replace(
            a=a,
            b=b,
            a_anchor=_on_shape(joints["a_anchor"], reach[a], a < WALLS),
            b_anchor=_on_shape(joints["b_anchor"], reach[b], b < WALLS),
            active=(joints["active"] > 0.5) & real,
            fixed=joints["fixed"] > 0.5,
            rotation=shapes.rotation[b] - shapes.rotation[a],
            motor_on=joints["motor_on"] > 0.5,
            motor_speed=jnp.clip(joints["motor_speed"], -3, 3),
            motor_power=jnp.clip(jnp.abs(joints["motor_power"]), 0, 3),
            limited=joints["limited"] > 0.5,
            min_rotation=low_limit,
            max_rotation=jnp.abs(jnp.clip(joints["max_rotation"], -math.pi, math.pi)),
            binding=_whole(joints["binding"], MOTOR_CHANNELS - 1),
        ),
        blank.thrusters._replace(
            shape=on,
            anchor=_on_shape(thrusters["anchor"], reach[on], on < WALLS),
            rotation=jnp.mod(thrusters["rotation"], 2 * math.pi),
            power=jnp.clip(jnp.abs(thrusters["power"]), 0, 5),
            active=(thrusters["active"] > 0.5) & shapes.active[on] & (on >= WALLS),
            binding=_whole(thrusters["binding"], THRUSTER_CHANNELS - 1),
        ),
        jnp.stack([jnp.float32(0), jnp.clip(genotype["gravity"], -15, 5)]),
    )


def _whole(x: Float[Array, "*n"], highest: int) -> Array:
    return jnp.clip(jnp.round(x), 0, highest).astype(jnp.int32)


def _on_shape(anchor: Float[Array, "n 2"], half: Float[Array, "n 2"], wall: Array) -> Float[Array, "n 2"]:
    """A point on a shape; on walls anywhere near."""
    return jnp.where(wall[:, None], jnp.clip(anchor, -2 * SIDE, 2 * SIDE), jnp.clip(anchor, -half, half))


def _roles(said: Float[Array, " n"], active: Array) -> Array:
    """Roles, exactly one green and one blue among them."""
    role = jnp.where(active, _whole(said, 3), NEUTRAL)
    number = jnp.arange(len(role))

    def first(wanted: Array) -> Array:
        return jnp.where(jnp.any(wanted), jnp.argmax(wanted), -1)

    green = first(role == GREEN)
    green = jnp.where(green >= 0, green, first(active & (role != BLUE)))
    green = jnp.where(green >= 0, green, jnp.argmax(active))
    blue = first((role == BLUE) & (number != green))
    blue = jnp.where(blue >= 0, blue, first(active & (number != green)))
    plain = jnp.where((role == GREEN) | (role == BLUE), NEUTRAL, role)
    return jnp.where(number == green, GREEN, jnp.where(number == blue, BLUE, plain))

"""A scene: shapes, joints and thrusters in slots, as level files hold them; lengths in metres, angles in radians."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .sizes import CORNERS, WALLS, Room

SIDE = 5.0
"""Width and height of the arena."""
GROUND = 0.4
"""Height of the floor's top."""
GRAVITY = -9.81
"""Downwards, metres per second squared."""
NEUTRAL, GREEN, BLUE, RED = range(4)
"""Roles of shapes: green is to touch blue, and must not touch red."""
MOTOR_CHANNELS, THRUSTER_CHANNELS = 4, 2
BOX = np.array([[-1, 1], [1, 1], [1, -1], [-1, -1]], np.float32)
"""Corners of a box of half width and height 1, clockwise."""
CHANNELS = MOTOR_CHANNELS + THRUSTER_CHANNELS
"""What a controller says, whatever the level: four numbers for motors, two for thrusters."""


class Shapes(NamedTuple):
    """Rigid bodies: N = P polygons, then C circles."""

    position: Float[Array, "N 2"]
    """Of the centre of mass, y up."""
    rotation: Float[Array, " N"]
    velocity: Float[Array, "N 2"]
    angular_velocity: Float[Array, " N"]
    density: Float[Array, " N"]
    friction: Float[Array, " N"]
    restitution: Float[Array, " N"]
    """How much of its speed a shape keeps when it bounces off; of two that touch the smaller counts."""
    moves: Bool[Array, " N"]
    """False: fixed in its place."""
    turns: Bool[Array, " N"]
    """False: fixed in its rotation."""
    collision_mode: Int[Array, " N"]
    """0 a ghost to those of mode 1, 1 normal, 2 touches all."""
    active: Bool[Array, " N"]
    role: Int[Array, " N"]
    vertices: Float[Array, "P V 2"]
    """Corners around the centre of mass, clockwise."""
    n_vertices: Int[Array, " P"]
    """3 or 4."""
    radius: Float[Array, " C"]


class Joints(NamedTuple):
    """What holds two shapes together at a point: turning freely, by a motor, within limits, or not at all."""

    a: Int[Array, " J"]
    b: Int[Array, " J"]
    a_anchor: Float[Array, "J 2"]
    """The point on the first shape, in its own frame."""
    b_anchor: Float[Array, "J 2"]
    active: Bool[Array, " J"]
    fixed: Bool[Array, " J"]
    """The two do not turn against each other."""
    rotation: Float[Array, " J"]
    """Of b against a, that counts as 0."""
    motor_on: Bool[Array, " J"]
    motor_speed: Float[Array, " J"]
    motor_power: Float[Array, " J"]
    limited: Bool[Array, " J"]
    min_rotation: Float[Array, " J"]
    max_rotation: Float[Array, " J"]
    binding: Int[Array, " J"]
    """Which of the four motor channels drives it."""
    auto: Bool[Array, " J"]
    """Its motor always runs forward, whatever the controller says."""


class Thrusters(NamedTuple):
    """What pushes a shape at a point."""

    shape: Int[Array, " T"]
    anchor: Float[Array, "T 2"]
    rotation: Float[Array, " T"]
    """Direction of the push, in the shape's own frame."""
    power: Float[Array, " T"]
    active: Bool[Array, " T"]
    binding: Int[Array, " T"]
    """Which of the two thruster channels drives it."""


class Scene(NamedTuple):
    """Everything that a level says."""

    shapes: Shapes
    joints: Joints
    thrusters: Thrusters
    gravity: Float[Array, "2"]

    @property
    def room(self) -> Room:
        """Slots of this scene."""
        polygons, circles = self.shapes.n_vertices.shape[-1], self.shapes.radius.shape[-1]
        return Room(polygons, circles, self.joints.a.shape[-1], self.thrusters.shape.shape[-1])


class Masses(NamedTuple):
    """What forces meet; 0 = cannot be moved, or turned."""

    inverse_mass: Float[Array, " N"]
    inverse_inertia: Float[Array, " N"]


def box(width: float, height: float) -> Float[np.ndarray, "V 2"]:
    """Corners of a rectangle, clockwise from the upper left.

    >>> box(2, 1).tolist()
    [[-1.0, 0.5], [1.0, 0.5], [1.0, -0.5], [-1.0, -0.5]]
    """
    return BOX * np.array([width, height], np.float32) / 2


def empty_scene(room: Room) -> Scene:
    """The arena alone: floor, walls and ceiling, and every other slot free."""
    shapes, polygons, joints, thrusters = room.shapes, room.polygons, room.joints, room.thrusters
    walls = np.arange(shapes) < WALLS
    vertices = np.tile(box(0.2, 0.2), (polygons, 1, 1))
    vertices[:WALLS] = [
        box(SIDE, 2 * (SIDE + GROUND / 2)),
        [[-SIDE, SIDE], [0, SIDE], [0, 0], [-SIDE, 0]],
        [[SIDE, SIDE], [2 * SIDE, SIDE], [2 * SIDE, 0], [SIDE, 0]],
        box(SIDE, 2 * (SIDE + GROUND / 2)),
    ]
    position = np.zeros((shapes, 2))
    position[[0, 3]] = [[SIDE / 2, GROUND / 2 - SIDE], [SIDE / 2, 2 * SIDE + GROUND / 2]]

    def numbers(n: int, value: float = 0.0) -> Float[Array, " n"]:
        return jnp.full(n, value, jnp.float32)

    def whole(n: int) -> Int[Array, " n"]:
        return jnp.zeros(n, jnp.int32)

    def bits(n: int) -> Bool[Array, " n"]:
        return jnp.zeros(n, bool)

    return Scene(
        Shapes(
            position=jnp.asarray(position, jnp.float32),
            rotation=numbers(shapes),
            velocity=jnp.zeros((shapes, 2)),
            angular_velocity=numbers(shapes),
            density=numbers(shapes, 1),
            friction=numbers(shapes, 1),
            restitution=numbers(shapes),
            moves=jnp.asarray(~walls),
            turns=jnp.asarray(~walls),
            collision_mode=jnp.asarray(1 + walls, jnp.int32),
            active=jnp.asarray(walls),
            role=whole(shapes),
            vertices=jnp.asarray(vertices, jnp.float32),
            n_vertices=jnp.full(polygons, CORNERS, jnp.int32),
            radius=numbers(room.circles, 0.1),
        ),
        Joints(
            a=whole(joints),
            b=whole(joints),
            a_anchor=jnp.zeros((joints, 2)),
            b_anchor=jnp.zeros((joints, 2)),
            active=bits(joints),
            fixed=bits(joints),
            rotation=numbers(joints),
            motor_on=bits(joints),
            motor_speed=numbers(joints, 1),
            motor_power=numbers(joints, 1),
            limited=bits(joints),
            min_rotation=numbers(joints, -math.pi),
            max_rotation=numbers(joints, math.pi),
            binding=whole(joints),
            auto=bits(joints),
        ),
        Thrusters(
            shape=whole(thrusters),
            anchor=jnp.zeros((thrusters, 2)),
            rotation=numbers(thrusters),
            power=numbers(thrusters, 1),
            active=bits(thrusters),
            binding=whole(thrusters),
        ),
        jnp.array([0.0, GRAVITY]),
    )


def free_shapes(scene: Scene) -> Bool[Array, " N"]:
    """Shapes that are there and may be changed: all but floor, walls and ceiling."""
    return scene.shapes.active & (jnp.arange(len(scene.shapes.role)) >= WALLS)


def areas(vertices: Float[Array, "P V 2"], n_vertices: Int[Array, " P"]) -> Float[Array, " P"]:
    """Areas of convex polygons, square metres.

    >>> areas(jnp.asarray(box(2, 3))[None], jnp.array([4])).tolist()
    [6.0]
    """
    return jnp.sum(_crosses(vertices, n_vertices), axis=-1) / 2


@jax.jit
def centred(scene: Scene) -> Scene:
    """Polygons that move, with the mean of their corners in the origin of their frame; nothing else changes place."""
    shapes, joints, thrusters = scene.shapes, scene.joints, scene.thrusters
    real = (jnp.arange(CORNERS) < shapes.n_vertices[:, None])[..., None]
    mean = jnp.sum(shapes.vertices * real, axis=1) / shapes.n_vertices[:, None]
    polygons = len(shapes.n_vertices)
    mean = jnp.where(shapes.moves[:polygons, None] & (jnp.abs(mean) > 1e-6), mean, 0)
    cos, sin = jnp.cos(shapes.rotation[:polygons]), jnp.sin(shapes.rotation[:polygons])
    shift = jnp.stack([cos * mean[:, 0] - sin * mean[:, 1], sin * mean[:, 0] + cos * mean[:, 1]], axis=-1)
    moved = jnp.concatenate([mean, jnp.zeros((scene.room.circles, 2))])
    return scene._replace(
        shapes=shapes._replace(
            position=jnp.asarray(shapes.position).at[:polygons].add(shift), vertices=shapes.vertices - mean[:, None]
        ),
        joints=joints._replace(a_anchor=joints.a_anchor - moved[joints.a], b_anchor=joints.b_anchor - moved[joints.b]),
        thrusters=thrusters._replace(anchor=thrusters.anchor - moved[thrusters.shape]),
    )


def sizes(shapes: Shapes) -> Float[Array, " N"]:
    """Areas of all shapes, square metres."""
    return jnp.concatenate([areas(shapes.vertices, shapes.n_vertices), math.pi * shapes.radius**2])


def masses(shapes: Shapes) -> Masses:
    """Masses and moments of inertia from areas and densities."""
    corners, following = edges(shapes.vertices, shapes.n_vertices)
    squares = (corners**2 + corners * following + following**2).sum(-1)
    polygons = jnp.sum(_crosses(shapes.vertices, shapes.n_vertices) * squares, axis=-1) / 12
    inertia = jnp.concatenate([polygons, math.pi * shapes.radius**4 / 4]) * shapes.density
    mass = sizes(shapes) * shapes.density

    def inverse(amount: Float[Array, " N"], free: Bool[Array, " N"]) -> Float[Array, " N"]:
        return jnp.where(free & shapes.active, 1 / jnp.where(amount > 0, amount, 1), 0)

    return Masses(inverse(mass, shapes.moves), inverse(inertia, shapes.turns))


def joined(joints: Joints, shapes: int) -> Bool[Array, "N N"]:
    """Which shapes hang together by joints, directly or not; these never collide.

    >>> joints = empty_scene(Room(5, 2, 2, 1)).joints
    >>> joints = joints._replace(a=jnp.array([4, 5]), b=jnp.array([5, 6]), active=jnp.array([True, True]))
    >>> bool(joined(joints, 7)[4, 6]), bool(joined(joints, 7)[0, 4])
    (True, False)
    """
    ends = jax.nn.one_hot(jnp.stack([joints.a, joints.b]), shapes) * joints.active[:, None]
    one = jnp.einsum("ejn,fjm->nm", ends, ends) + jnp.eye(shapes) > 0
    for _ in range(max(1, math.ceil(math.log2(max(2, len(joints.a)))) + 1)):
        one = (one.astype(jnp.float32) @ one.astype(jnp.float32)) > 0
    return one


def edges(
    vertices: Float[Array, "P V 2"], n_vertices: Int[Array, " P"]
) -> tuple[Float[Array, "P V 2"], Float[Array, "P V 2"]]:
    """Each corner, and the one that follows it."""
    last = (jnp.arange(CORNERS) == n_vertices[:, None] - 1)[..., None]
    return vertices, jnp.where(last, vertices[:, :1], jnp.roll(vertices, -1, axis=1))


def _crosses(vertices: Float[Array, "P V 2"], n_vertices: Int[Array, " P"]) -> Float[Array, "P V"]:
    """Twice the area between the origin and each edge; 0 for slots without a corner."""
    corners, following = edges(vertices, n_vertices)
    cross = following[..., 0] * corners[..., 1] - following[..., 1] * corners[..., 0]
    return jnp.where(jnp.arange(CORNERS) < n_vertices[:, None], cross, 0)

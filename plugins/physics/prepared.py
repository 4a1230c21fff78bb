"""What depends on a scene but not on time: computed once per world, before its first step."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .scene import Joints, Scene, Thrusters, edges, joined, masses
from .sizes import CORNERS, Pairs

STICKY = 0.4
"""Coefficient of friction of a shape whose friction is 1, on one that has none."""


class Prepared(NamedTuple):
    """A scene as the solver needs it; N shapes, P polygons, Q contact points."""

    inverse_mass: Float[Array, " N"]
    inverse_inertia: Float[Array, " N"]
    corners: Float[Array, "2 V P"]
    normals: Float[Array, "2 V P"]
    """Outward, of the edge from each corner to the next."""
    reach: Float[Array, "V P"]
    """How far each edge lies from the centre, along its normal."""
    length: Float[Array, "V P"]
    """Of each edge; 0 where there is none."""
    radius: Float[Array, " C"]
    touchable: Bool[Array, " Q"]
    """Whether the two shapes of a contact point can touch."""
    movable: Bool[Array, " Q"]
    """Whether either of them can be moved."""
    friction: Float[Array, " Q"]
    restitution: Float[Array, " Q"]
    joints: Joints
    thrusters: Thrusters
    gravity: Float[Array, "2"]


def prepare(scene: Scene, pairs: Pairs) -> Prepared:
    """All that the solver would else compute in every step."""
    shapes = scene.shapes
    mass = masses(shapes)
    vertices, following = (corners.transpose(2, 1, 0) for corners in edges(shapes.vertices, shapes.n_vertices))
    real = jnp.arange(CORNERS)[:, None] < shapes.n_vertices
    way = following - vertices
    length = jnp.where(real, jnp.hypot(*way), 0)
    normals = jnp.stack([-way[1], way[0]]) / jnp.where(length > 0, length, 1)
    a, b = pairs.points.T
    mode, still = shapes.collision_mode, mass.inverse_mass == 0
    apart = ~joined(scene.joints, len(still))[a, b]
    meet = (mode[a] == 2) | (mode[b] == 2) | (mode[a] * mode[b] > 0)
    rough = (STICKY * shapes.friction) ** 2
    return Prepared(
        inverse_mass=mass.inverse_mass,
        inverse_inertia=mass.inverse_inertia,
        corners=vertices,
        normals=normals,
        reach=jnp.sum(normals * vertices, axis=0),
        length=length,
        radius=shapes.radius,
        touchable=shapes.active[a] & shapes.active[b] & meet & apart,
        movable=~(still[a] & still[b]),
        friction=jnp.sqrt(rough[a] + rough[b]),
        restitution=jnp.minimum(shapes.restitution[a], shapes.restitution[b]),
        joints=scene.joints._replace(active=_working(scene)),
        thrusters=scene.thrusters._replace(active=scene.thrusters.active & shapes.active[scene.thrusters.shape]),
        gravity=scene.gravity,
    )


def _working(scene: Scene) -> Bool[Array, " J"]:
    """Joints that have something to do: between two shapes that are there, one of which can move."""
    joints, shapes = scene.joints, scene.shapes
    free = shapes.moves & shapes.active
    there = shapes.active[joints.a] & shapes.active[joints.b]
    return joints.active & there & (free[joints.a] | free[joints.b])

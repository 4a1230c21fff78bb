"""Where shapes touch: contact points of all pairs, by separating axes; SI units, y up."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .prepared import Prepared
from .sizes import CORNERS, Pairs

STEADY = 0.01
"""The second polygon's edge becomes the reference only where it is so much less deep: else contacts would flicker."""


class Motion(NamedTuple):
    """How all shapes lie and move."""

    x: Float[Array, "2 N"]
    rotation: Float[Array, " N"]
    v: Float[Array, "3 N"]
    """Velocity, and angular velocity."""


class Contacts(NamedTuple):
    """Contact points, each of a shape a and a shape b."""

    normal: Float[Array, "2 Q"]
    """From a to b, of unit length."""
    point: Float[Array, "2 Q"]
    depth: Float[Array, " Q"]
    """How far the two overlap."""
    active: Bool[Array, " Q"]


def contacts(motion: Motion, prepared: Prepared, pairs: Pairs) -> Contacts:
    """All contact points of a moment, those that do not touch included."""
    polygons = prepared.reach.shape[-1]
    turn = turned(motion.rotation[:polygons])
    at = motion.x[:, :polygons]
    corners = _turn(turn, prepared.corners) + at[:, None]
    outline = Outline(corners, _turn(turn, prepared.normals), prepared.reach, prepared.length, at)
    circle, polygon = pairs.mixed.T
    a, b, mixed = outline.each_of(*pairs.polygons.T, polygon)
    two = _polygons(a, b)
    one = _circle_and_polygon(motion.x[:, circle], prepared.radius[circle - polygons], mixed)
    first, second = pairs.circles.T
    round_ = _circles(
        motion.x[:, first], prepared.radius[first - polygons], motion.x[:, second], prepared.radius[second - polygons]
    )
    found = Contacts(*(jnp.concatenate(parts, axis=-1) for parts in zip(*two, one, round_, strict=True)))
    return found._replace(active=found.active & prepared.touchable)


class Outline(NamedTuple):
    """Polygons as they lie in the world."""

    corners: Float[Array, "2 V P"]
    normals: Float[Array, "2 V P"]
    reach: Float[Array, "V P"]
    length: Float[Array, "V P"]
    centre: Float[Array, "2 P"]

    def each_of(self, *which: Int[np.ndarray, " _"]) -> list[Outline]:
        """Some of these polygons, in some order, several times."""
        # as a product with rows of one 1 each: a quarter of the time that gathering takes, and as exact
        table = jnp.concatenate([part.reshape(-1, part.shape[-1]) for part in self])
        chosen = np.eye(table.shape[1], dtype=np.float32)[:, np.concatenate(which)]
        table = jax.lax.optimization_barrier(jnp.matmul(table, chosen, precision="highest"))
        found, ends = [], np.cumsum([len(some) for some in which])
        for some in jnp.split(table, ends[:-1], axis=1):
            parts = jnp.split(some, np.cumsum([int(np.prod(part.shape[:-1])) for part in self])[:-1])
            found.append(Outline(*(new.reshape(*old.shape[:-1], -1) for new, old in zip(parts, self, strict=True))))
        return found


def turned(angle: Float[Array, "*n"]) -> Float[Array, "2 *n"]:
    """Cosine and sine."""
    return jnp.stack([jnp.cos(angle), jnp.sin(angle)])


def rotated(angle: Float[Array, ""], r: Float[Array, "*k 2"]) -> Float[Array, "*k 2"]:
    """Vectors of a shape's frame, as they lie in the world."""
    cos, sin = turned(angle)
    return jnp.stack([cos * r[..., 0] - sin * r[..., 1], sin * r[..., 0] + cos * r[..., 1]], axis=-1)


def _turn(turn: Float[Array, "2 P"], r: Float[Array, "2 V P"]) -> Float[Array, "2 V P"]:
    cos, sin = turn
    return jnp.stack([cos * r[0] - sin * r[1], sin * r[0] + cos * r[1]])


def _separations(a: Outline, b: Outline) -> tuple[Float[Array, " n"], Int[Array, " n"]]:
    """The edge of a beyond which b reaches in the least, and how far apart they are there; below 0 = they overlap."""
    x, y = b.corners - a.centre[:, None]
    along = a.normals[0][:, None] * x + a.normals[1][:, None] * y  # [edge of a, corner of b, pair]
    apart = jnp.min(jnp.where(b.length > 0, along, jnp.inf), axis=1) - a.reach
    apart = jnp.where(a.length > 0, apart, -jnp.inf)
    return jnp.max(apart, axis=0), jnp.argmax(apart, axis=0)


def _polygons(a: Outline, b: Outline) -> tuple[Contacts, Contacts]:
    """The two contact points of pairs of polygons: the ends of the lowest edge of one, cut to an edge of the other."""
    apart_a, edge_a = _separations(a, b)
    apart_b, edge_b = _separations(b, a)
    by_b = apart_a + STEADY < apart_b
    mine = Outline(*(jnp.where(by_b, ours, theirs) for ours, theirs in zip(b, a, strict=True)))
    other = Outline(*(jnp.where(by_b, theirs, ours) for ours, theirs in zip(b, a, strict=True)))
    edge = jnp.arange(CORNERS)[:, None] == jnp.where(by_b, edge_b, edge_a)
    start, normal = (jnp.sum(jnp.where(edge, part, 0), axis=1) for part in (mine.corners, mine.normals))
    length = jnp.sum(jnp.where(edge, mine.length, 0), axis=0)

    from_start = other.corners - start[:, None]
    height = normal[0] * from_start[0] + normal[1] * from_start[1]
    along = normal[1] * from_start[0] - normal[0] * from_start[1]  # the edge runs to the right of its normal
    height = jnp.where(other.length > 0, height, jnp.inf)
    lowest = _is_least(height)
    second = _is_least(jnp.where(lowest, jnp.inf, height))
    ends = []
    for which in (lowest, second):
        far = jnp.clip(jnp.sum(jnp.where(which, along, 0), axis=0), 0, length)
        low = jnp.sum(jnp.where(which, height, 0), axis=0)
        point = start + far * jnp.stack([normal[1], -normal[0]]) + low * normal
        ends.append((point, low))
    touch = jnp.maximum(apart_a, apart_b) < 0
    outward = jnp.where(by_b, -normal, normal)
    depth = -jnp.maximum(apart_a, apart_b)
    both = touch & (ends[1][1] < 0)
    return Contacts(outward, ends[0][0], depth, touch), Contacts(outward, ends[1][0], depth, both)


def _is_least(height: Float[Array, "V n"]) -> Bool[Array, "V n"]:
    """Marks the lowest corner, the first of equals."""
    return jnp.arange(CORNERS)[:, None] == jnp.argmin(height, axis=0)


def _circle_and_polygon(centre: Float[Array, "2 n"], radius: Float[Array, " n"], polygon: Outline) -> Contacts:
    """The point of the outline that is nearest to a circle's centre; the circle is the first shape."""
    from_corner = centre[:, None] - polygon.corners
    normals = polygon.normals
    height = normals[0] * from_corner[0] + normals[1] * from_corner[1]
    along = jnp.clip(normals[1] * from_corner[0] - normals[0] * from_corner[1], 0, polygon.length)
    way = jnp.stack(
        [from_corner[0] - along * normals[1], from_corner[1] + along * normals[0]]
    )  # from the nearest point of each edge to the centre
    there = polygon.length > 0
    distance = jnp.where(there, jnp.hypot(*way), jnp.inf)
    nearest = _is_least(distance)
    away = jnp.sum(jnp.where(nearest, way, 0), axis=1)
    far = jnp.min(distance, axis=0)
    inside = jnp.all((height < 0) | ~there, axis=0)
    normal = jnp.where(inside, away, -away) / jnp.where(far > 0, far, 1)
    return Contacts(normal, centre - away, jnp.where(inside, radius, radius - far), (far <= radius) | inside)


def _circles(
    a: Float[Array, "2 n"], radius_a: Float[Array, " n"], b: Float[Array, "2 n"], radius_b: Float[Array, " n"]
) -> Contacts:
    way = b - a
    distance = jnp.hypot(*way)
    normal = way / jnp.where(distance > 0, distance, 1)
    depth = radius_a + radius_b - distance
    return Contacts(normal, a + normal * radius_a, depth, depth > 0)

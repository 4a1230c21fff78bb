"""A limb once more, on the other side of what it hangs on."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from .contacts import turned
from .random_level import any_of, chosen
from .scene import Scene, free_shapes
from .sizes import CORNERS

FLIP = jnp.array([-1.0, 1.0])


def mirror_limb(dice: Float[Array, " U"], scene: Scene) -> Scene:
    """Gives a shape that hangs on another a twin on that one's other side, on the same channel the other way round."""
    shapes, joints, polygons = scene.shapes, scene.joints, scene.room.polygons
    j, found = any_of(dice[0], joints.active & free_shapes(scene)[joints.b])
    a, b = joints.a[j], joints.b[j]
    same_kind = (jnp.arange(len(shapes.role)) < polygons) == (b < polygons)
    twin, has_shape = any_of(dice[1], ~shapes.active & same_kind)
    k, has_joint = any_of(dice[1], ~joints.active)
    cos, sin = turned(shapes.rotation[a])
    across = jnp.stack([cos, sin])
    beside = jnp.dot(shapes.position[b] - shapes.position[a], across)

    def second(rows: Array, at: Array, of: Array) -> Array:
        return rows.at[at].set(rows[of])

    per_kind = ("vertices", "n_vertices", "radius")
    twins = {name: second(rows, twin, b) for name, rows in shapes._asdict().items() if name not in per_kind}
    twins["position"] = twins["position"].at[twin].add(-2 * beside * across)
    twins["rotation"] = twins["rotation"].at[twin].set(2 * shapes.rotation[a] - shapes.rotation[b])
    twins["role"] = shapes.role
    box, count = jnp.minimum(b, polygons - 1), shapes.n_vertices[jnp.minimum(b, polygons - 1)]
    corner = jnp.arange(CORNERS)
    corners = FLIP * shapes.vertices[box][jnp.where(corner < count, count - 1 - corner, corner)]  # clockwise again
    to_box = jnp.where(b < polygons, twin, polygons)
    to_ball = jnp.where(b < polygons, len(shapes.radius), twin - polygons)
    pairs = {name: second(rows, k, j) for name, rows in joints._asdict().items()}
    pairs["b"] = pairs["b"].at[k].set(twin)
    for end in ("a_anchor", "b_anchor"):
        pairs[end] = pairs[end].at[k].multiply(FLIP)
    for turning in ("rotation", "motor_speed"):
        pairs[turning] = pairs[turning].at[k].multiply(-1)
    pairs["min_rotation"] = pairs["min_rotation"].at[k].set(-joints.max_rotation[j])
    pairs["max_rotation"] = pairs["max_rotation"].at[k].set(-joints.min_rotation[j])
    new = scene._replace(
        shapes=shapes._replace(
            **twins,
            vertices=shapes.vertices.at[to_box].set(corners, mode="drop"),
            n_vertices=shapes.n_vertices.at[to_box].set(count, mode="drop"),
            radius=shapes.radius.at[to_ball].set(shapes.radius[jnp.maximum(b - polygons, 0)], mode="drop"),
        ),
        joints=joints._replace(**pairs),
    )
    return chosen(found & has_shape & has_joint, new, scene)

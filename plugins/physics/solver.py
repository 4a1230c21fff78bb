"""One step of rigid bodies: sequential impulses with warm starting, after Box2D, as Jax2D orders them; SI units.

The scheme is that of Jax2D, so that its levels behave here as there; the arithmetic is laid out for long vectors: all
shapes are one table, all contact points another, what does not change in a step is computed once in it, and contacts
of all kinds go through one small loop, which keeps programs short.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from .contacts import Contacts, Motion, contacts
from .joints import DT, driven, held, joints_of, pushed, started
from .order import most, touching
from .prepared import Prepared
from .sizes import Pairs

ITERATIONS = 10
SLOP = 0.01
"""Shapes may overlap so far, metres."""
PUSH = 0.2
"""Which part of a deeper overlap is taken back in a step."""
FARTHEST, FASTEST, WILDEST = 15.0, 100.0, 50.0
"""Bounds of positions, velocities and angular velocities, at the end of a step."""
UNSOLVED = 10.0
"""So many times as fast things may be while a step is being solved, lest what does not converge becomes infinite."""


class Impulses(NamedTuple):
    """What the last step had to give, from which the next one starts."""

    normal: Float[Array, " Q"]
    tangent: Float[Array, " Q"]
    touching: Bool[Array, " Q"]
    joint: Float[Array, "J 2"]
    twist: Float[Array, " J"]


class Slots(NamedTuple):
    """Contact points that touch, with all that stays as it is in a step."""

    shapes: Int[Array, "K 2"]
    """a and b."""
    normal: Float[Array, "K 2"]
    torque: Float[Array, "K 2 2"]
    """Lever arms for impulses along the normal and the tangent; of a, then b."""
    weight: Float[Array, "K 2 2"]
    """Inverse mass and inertia, of a, then b."""
    resists: Float[Array, "K 2"]
    """Impulse per change of velocity along the normal and the tangent; 0 where neither shape can be moved."""
    wanted: Float[Array, " K"]
    """Velocity at which the two are to part."""
    friction: Float[Array, " K"]


def no_impulses(points: int, joints: int) -> Impulses:
    """Before the first step."""
    return Impulses(
        jnp.zeros(points), jnp.zeros(points), jnp.zeros(points, bool), jnp.zeros((joints, 2)), jnp.zeros(joints)
    )


def advance(
    motion: Motion,
    before: Impulses,
    prepared: Prepared,
    pairs: Pairs,
    motors: Float[Array, " J"],
    thrusts: Float[Array, " T"],
) -> tuple[Motion, Impulses]:
    """The next moment, a sixtieth of a second later.

    Args:
        motors: what each joint's motor is told, in [-1, 1]; 0 = it turns freely.
        thrusts: how much of its power each thruster gives, in [0, 1].
    """
    falling = (prepared.inverse_mass > 0) * DT
    v = motion.v.at[:2].add(prepared.gravity[:, None] * falling)
    found = contacts(motion, prepared, pairs)
    kept = found.active & before.touching
    normal, tangent = jnp.where(kept, before.normal, 0), jnp.where(kept, before.tangent, 0)
    pivots = joints_of(motion, prepared)
    order = touching(found.active)
    slots = _slots(found, motion.x, v, prepared, pairs, order.points)
    v = v + driven(v, motion.rotation, prepared, motors) + pushed(motion.rotation, prepared, thrusts)
    real = (jnp.arange(len(order.points)) < order.number)[:, None]
    given = jnp.stack([normal, tangent], axis=1)[order.points] * real
    v = v + _sum_of(slots.shapes, jax.vmap(_dealt)(slots, given), v.shape[1])
    v = _bounded(v + started(pivots, before.joint, before.twist, v.shape[1]), UNSOLVED)
    last = most(order.number)

    def iterate(_: Array, carry: Any) -> Any:
        v, x, given, joint, twist = carry
        (v, x), (joint, twist) = jax.lax.scan(held, (v, x), (pivots, joint, twist))
        v, given = jax.lax.fori_loop(0, last, partial(_parted, slots, real), (v, given))
        return _bounded(v, UNSOLVED), x, given, joint, twist

    start = (v, motion.x, given, before.joint, before.twist)
    v, x, given, joint, twist = jax.lax.fori_loop(0, ITERATIONS, iterate, start)

    normal, tangent = jnp.where(found.active[:, None], given[order.place], 0).T
    x = jnp.clip(x + v[:2] * DT, -FARTHEST, FARTHEST)
    rotation = motion.rotation + v[2] * DT
    return Motion(x, rotation, _bounded(v)), Impulses(normal, tangent, found.active, joint, twist)


def _bounded(v: Float[Array, "3 N"], times: float = 1.0) -> Float[Array, "3 N"]:
    fastest, wildest = times * FASTEST, times * WILDEST
    return jnp.concatenate([jnp.clip(v[:2], -fastest, fastest), jnp.clip(v[2:], -wildest, wildest)])


def _slots(
    found: Contacts,
    x: Float[Array, "2 N"],
    v: Float[Array, "3 N"],
    prepared: Prepared,
    pairs: Pairs,
    points: Int[Array, " K"],
) -> Slots:
    """Contact points in their order, with all that stays as it is in a step."""
    of_points = [*found.normal, *found.point, found.depth, prepared.friction, prepared.restitution]
    nx, ny, x_point, y_point, depth, friction, restitution = jnp.stack(of_points, axis=1)[points].T
    shapes = jnp.asarray(pairs.points)[points]
    of_shapes = jnp.stack([*x, *v, prepared.inverse_mass, prepared.inverse_inertia], axis=1)[shapes]
    x_shape, y_shape, vx, vy, spin, *weight = jnp.moveaxis(of_shapes, -1, 0)  # each [K, side]
    arm_x, arm_y = x_point[:, None] - x_shape, y_point[:, None] - y_shape
    ways = jnp.stack([jnp.stack([nx, ny]), jnp.stack([ny, -nx])], axis=-1)[:, :, None]  # normal and tangent
    torque = arm_x[..., None] * ways[1] - arm_y[..., None] * ways[0]  # [K, side, way]
    inertia = jnp.sum(weight[0][..., None] + weight[1][..., None] * torque**2, axis=1)
    speed_x, speed_y = vx - spin * arm_y, vy + spin * arm_x
    parting = (speed_x[:, 1] - speed_x[:, 0]) * nx + (speed_y[:, 1] - speed_y[:, 0]) * ny
    return Slots(
        shapes,
        jnp.stack([nx, ny], axis=1),
        torque,
        jnp.stack(weight, axis=-1),
        jnp.where(inertia > 0, 1 / jnp.where(inertia > 0, inertia, 1), 0),
        PUSH / DT * jnp.maximum(depth - SLOP, 0) - parting * restitution,
        friction,
    )


def _dealt(slot: Slots, given: Float[Array, "2"]) -> Float[Array, "2 3"]:
    """Changes of velocity of a and b by impulses along the normal and the tangent."""
    (nx, ny), (normal, tangent) = slot.normal, given
    change = jnp.stack([normal * nx + tangent * ny, normal * ny - tangent * nx])
    sides = []
    for side, sign in ((0, -1), (1, 1)):
        (mass, inertia), (by_normal, by_tangent) = slot.weight[side], slot.torque[side]
        spin = inertia * (by_normal * normal + by_tangent * tangent)
        sides.append(sign * jnp.concatenate([mass * change, spin[None]]))
    return jnp.stack(sides)


def _sum_of(shapes: Int[Array, "*k 2"], change: Float[Array, "*k 2 3"], count: int) -> Float[Array, "3 N"]:
    """Changes of velocity, each added to its shape."""
    at = shapes[..., None] == jnp.arange(count)
    every = tuple(range(shapes.ndim))
    return jnp.sum(jnp.where(at[..., None, :], change[..., None], 0), axis=every)


def _parted(
    slots: Slots, real: Bool[Array, "K 1"], k: Array, carry: tuple[Float[Array, "3 N"], Float[Array, "K 2"]]
) -> tuple[Float[Array, "3 N"], Float[Array, "K 2"]]:
    """One contact point pushed apart: velocities after it, and all impulses given so far."""
    v, given = carry
    slot: Slots = jax.tree.map(lambda x: x[k], slots)
    va, vb = v[:, slot.shapes].T
    nx, ny = slot.normal
    (normal_a, tangent_a), (normal_b, tangent_b) = slot.torque
    dv = vb - va
    parting = dv[0] * nx + dv[1] * ny + vb[2] * normal_b - va[2] * normal_a
    normal = jnp.maximum(given[k, 0] + (slot.wanted - parting) * slot.resists[0], 0)
    push = normal - given[k, 0]
    # how that changes the velocity along the tangent: only by turning, for the two ways are at right angles
    (_, inertia_a), (_, inertia_b) = slot.weight
    turning = (inertia_a * normal_a * tangent_a + inertia_b * normal_b * tangent_b) * push
    sliding = dv[0] * ny - dv[1] * nx + vb[2] * tangent_b - va[2] * tangent_a + turning
    limit = slot.friction * normal
    tangent = jnp.clip(given[k, 1] - sliding * slot.resists[1], -limit, limit)
    more = jnp.where(real[k], jnp.stack([push, tangent - given[k, 1]]), 0)
    return v + _sum_of(slot.shapes, _dealt(slot, more), v.shape[1]), given.at[k].add(more)

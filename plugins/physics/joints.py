"""Joints, motors and thrusters: what they give to the shapes they hold; SI units."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from .contacts import Motion, turned
from .prepared import Prepared

DT = 1 / 60
"""Length of a step, seconds."""
GAP_VELOCITY, GAP_SHIFT, STIFFNESS = 2.0, 0.7, 0.6
"""How gaps are closed: by a velocity, by a shift, and which part of an impulse is given in an iteration."""
FIXED_PULL, LIMIT_PULL = 2.0, 5.0
"""How a fixed joint's twist, and what is beyond a limit, are taken back: radians per second, per radian."""
MOTOR_SPEED, MOTOR_POWER, MOTOR_GAIN = 6.0, 900.0, 0.1
"""Speed of a motor of speed 1, radians per second; its torque; how steeply this grows with what is missing."""
MOTOR_FADES = 0.1
"""Motors fade so far before a limit, radians."""
THRUST = 10.0
"""Force of a thruster of power 1, newtons."""


class Pivots(NamedTuple):
    """Joints as they lie in one step."""

    shapes: Int[Array, "J 2"]
    """The two that are held, a and b."""
    arms: Float[Array, "J 2 2"]
    """From the centres of a and b to their points; side, then direction."""
    weight: Float[Array, "J 2 2"]
    """Side, then inverse mass and inertia."""
    share: Float[Array, " J"]
    """How near the common point lies to that of a."""
    active: Bool[Array, " J"]
    fixed: Bool[Array, " J"]
    bends: Bool[Array, " J"]
    """Whether a joint's turning is hindered in this step: by its being fixed, or beyond a limit."""
    back: Float[Array, " J"]
    """Angular velocity at which it is taken back."""


def angles(rotation: Float[Array, " N"], prepared: Prepared) -> Float[Array, " J"]:
    """By how much b is turned against a, radians; 0 = as it was built."""
    joints = prepared.joints
    return rotation[joints.b] - rotation[joints.a] - joints.rotation


def joints_of(motion: Motion, prepared: Prepared) -> Pivots:
    """All joints of a moment."""
    joints = prepared.joints
    shapes = jnp.stack([joints.a, joints.b], axis=-1)
    cos, sin = turned(motion.rotation)[:, shapes]
    anchor = jnp.stack([joints.a_anchor, joints.b_anchor], axis=1)
    arms = jnp.stack([cos * anchor[..., 0] - sin * anchor[..., 1], sin * anchor[..., 0] + cos * anchor[..., 1]], -1)
    weight = jnp.stack([prepared.inverse_mass, prepared.inverse_inertia], axis=-1)[shapes]
    angle = angles(motion.rotation, prepared)
    beyond = angle - jnp.clip(angle, joints.min_rotation, joints.max_rotation)
    return Pivots(
        shapes,
        arms,
        weight,
        weight[:, 1, 0] / _or_one(weight[:, 0, 0] + weight[:, 1, 0]),
        joints.active,
        joints.fixed,
        joints.fixed | (joints.limited & (beyond != 0)),
        jnp.where(joints.fixed, FIXED_PULL * angle, LIMIT_PULL * beyond),
    )


def gaps(motion: Motion, prepared: Prepared) -> Float[Array, " J"]:
    """How far the two points that each joint is to hold together lie apart, metres."""
    pivots = joints_of(motion, prepared)
    ends = motion.x.T[pivots.shapes] + pivots.arms
    return jnp.hypot(*(ends[:, 1] - ends[:, 0]).T)


def driven(
    v: Float[Array, "3 N"], rotation: Float[Array, " N"], prepared: Prepared, motors: Float[Array, " J"]
) -> Float[Array, "3 N"]:
    """Changes of velocity by motors: each drives its joint towards its speed, 6 rad/s times what it is told.

    Args:
        motors: what each is told, in [-1, 1]; 0 = it turns freely.
    """
    joints = prepared.joints
    inertia_a, inertia_b = prepared.inverse_inertia[joints.a], prepared.inverse_inertia[joints.b]
    strength = MOTOR_POWER * joints.motor_power * DT / _or_one(inertia_a + inertia_b)
    excess = v[2, joints.b] - v[2, joints.a] - joints.motor_speed * motors * MOTOR_SPEED
    angle = angles(rotation, prepared)
    near = angle - jnp.clip(angle, joints.min_rotation + MOTOR_FADES, joints.max_rotation - MOTOR_FADES)
    fades = jnp.maximum(1 - jnp.abs(near) / MOTOR_FADES, 0)
    free = (near == 0) | ~joints.limited | (jnp.sign(near) != jnp.sign(motors))  # from a limit it may turn back
    on = joints.active & joints.motor_on & (motors != 0) & ~joints.fixed
    torque = jnp.where(on, strength * jnp.where(free, 1, fades) * jnp.tanh(MOTOR_GAIN * excess), 0)
    ends = jnp.stack([joints.a, joints.b])[..., None] == jnp.arange(v.shape[1])
    change = jnp.stack([torque * inertia_a, -torque * inertia_b])
    return jnp.zeros_like(v).at[2].set(jnp.sum(jnp.where(ends, change[..., None], 0), axis=(0, 1)))


def pushed(rotation: Float[Array, " N"], prepared: Prepared, thrusts: Float[Array, " T"]) -> Float[Array, "3 N"]:
    """Changes of velocity by thrusters: 10 newtons times power times what each is told, along its direction."""
    thrusters = prepared.thrusters
    cos, sin = turned(rotation[thrusters.shape])
    x, y = thrusters.anchor.T
    arm = cos * x - sin * y, sin * x + cos * y
    way = turned(rotation[thrusters.shape] + thrusters.rotation)
    force = thrusters.power * thrusters.active * THRUST * thrusts * DT
    mass, inertia = prepared.inverse_mass[thrusters.shape], prepared.inverse_inertia[thrusters.shape]
    change = force * jnp.stack([mass * way[0], mass * way[1], inertia * (arm[0] * way[1] - arm[1] * way[0])])
    at = thrusters.shape[:, None] == jnp.arange(len(rotation))
    return jnp.sum(jnp.where(at, change[..., None], 0), axis=1)


def started(
    pivots: Pivots, impulse: Float[Array, "J 2"], twist: Float[Array, " J"], shapes: int
) -> Float[Array, "3 N"]:
    """Changes of velocity by the impulses of the step before."""
    change = jax.vmap(_given)(pivots, impulse, twist)  # [J, side, 3]
    at = pivots.shapes[..., None] == jnp.arange(shapes)
    return jnp.sum(jnp.where(at[:, :, None], change[..., None], 0), axis=(0, 1))


def held(
    carry: tuple[Float[Array, "3 N"], Float[Array, "2 N"]],
    joint: tuple[Pivots, Float[Array, "2"], Float[Array, ""]],
) -> tuple[tuple[Float[Array, "3 N"], Float[Array, "2 N"]], tuple[Float[Array, "2"], Float[Array, ""]]]:
    """One joint, held together: velocities and places after it, and all impulses it has given so far."""
    (v, x), (pivot, given, twisted) = carry, joint
    (v_a, v_b), (x_a, x_b) = v[:, pivot.shapes].T, x[:, pivot.shapes].T
    (mass_a, inertia_a), (mass_b, inertia_b) = pivot.weight
    arm_a, arm_b = pivot.arms
    gap = x_b + arm_b - x_a - arm_a
    middle = x_a + arm_a + (1 - pivot.share) * gap
    sliding = _point_velocity(v_b, middle - x_b) - _point_velocity(v_a, middle - x_a)
    way = sliding / _or_one(jnp.hypot(*sliding))
    loose = mass_a + mass_b + _cross(arm_a, way) ** 2 * inertia_a + _cross(arm_b, way) ** 2 * inertia_b
    impulse = STIFFNESS * (sliding + GAP_VELOCITY * gap) / _or_one(loose)

    spin = v_b[2] - v_a[2] - _cross(arm_b, impulse) * inertia_b - _cross(arm_a, impulse) * inertia_a
    worse = jnp.sign(spin) == jnp.sign(pivot.back)  # what turns back on its own is left alone
    excess = jnp.where(pivot.fixed | worse, spin + pivot.back, 0)
    twist = jnp.where(pivot.bends, excess / _or_one(inertia_a + inertia_b), 0)

    change = _given(pivot, impulse, twist)
    shift = GAP_SHIFT * gap / _or_one(mass_a + mass_b)
    ends = (pivot.shapes[:, None] == jnp.arange(v.shape[1])) & pivot.active
    v = v + jnp.sum(jnp.where(ends[:, None], change[..., None], 0), axis=0)
    shifts = jnp.stack([mass_a * shift, -mass_b * shift])
    x = x + jnp.sum(jnp.where(ends[:, None], shifts[..., None], 0), axis=0)
    given = jnp.where(pivot.active, given + impulse, 0)
    return (v, x), (given, jnp.where(pivot.active & pivot.fixed, twisted + twist, 0))


def _given(pivot: Pivots, impulse: Float[Array, "2"], twist: Float[Array, ""]) -> Float[Array, "2 3"]:
    """Changes of velocity of a and b by an impulse at a joint and one that turns them."""
    (mass_a, inertia_a), (mass_b, inertia_b) = pivot.weight
    turn_a, turn_b = _cross(pivot.arms[0], impulse) + twist, _cross(pivot.arms[1], impulse) + twist
    change = jnp.stack(
        [
            jnp.stack([mass_a * impulse[0], mass_a * impulse[1], inertia_a * turn_a]),
            -jnp.stack([mass_b * impulse[0], mass_b * impulse[1], inertia_b * turn_b]),
        ]
    )
    return jnp.where(pivot.active, change, 0)


def _point_velocity(v: Float[Array, "3"], arm: Float[Array, "2"]) -> Float[Array, "2"]:
    """Velocity of a point of a shape."""
    return v[:2] + v[2] * jnp.stack([-arm[1], arm[0]])


def _cross(a: Float[Array, "2"], b: Float[Array, "2"]) -> Float[Array, ""]:
    return a[0] * b[1] - a[1] * b[0]


def _or_one(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    return jnp.where(x == 0, 1, x)

"""Small changes of levels: shapes added, moved, turned, resized, removed; roles, motors, gravity; two levels mixed.

Every change gives a scene of the same size, and the scene itself where it cannot be made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from alife.errors import BadOption, UnknownName
from alife.types import PRNGKey

from .contacts import Motion
from .joints import joints_of
from .mirroring import mirror_limb
from .prepared import prepare
from .random_level import DICE, add_connected, add_shape, add_thruster, any_of, chosen, half_sizes, pick, whole
from .scene import BLUE, GREEN, GROUND, MOTOR_CHANNELS, SIDE, Scene, free_shapes, joined
from .sizes import Pairs

SETTLING = 5
"""Shifts that close the gaps of joints after a change."""


def remove_shape(dice: Float[Array, " U"], scene: Scene) -> Scene:
    """Takes a shape away that is neither green nor blue, with its joints and thrusters."""
    shapes, joints, thrusters = scene.shapes, scene.joints, scene.thrusters
    i, found = any_of(dice[0], free_shapes(scene) & (shapes.role != GREEN) & (shapes.role != BLUE))
    return chosen(
        found,
        scene._replace(
            shapes=shapes._replace(active=shapes.active.at[i].set(False)),
            joints=joints._replace(active=joints.active & (joints.a != i) & (joints.b != i)),
            thrusters=thrusters._replace(active=thrusters.active & (thrusters.shape != i)),
        ),
        scene,
    )


def remove_joint(dice: Float[Array, " U"], scene: Scene) -> Scene:
    """Takes a joint away."""
    j, found = any_of(dice[0], scene.joints.active)
    off = scene.joints._replace(active=scene.joints.active.at[j].set(False))
    return chosen(found, scene._replace(joints=off), scene)


def remove_thruster(dice: Float[Array, " U"], scene: Scene) -> Scene:
    """Takes a thruster away."""
    t, found = any_of(dice[0], scene.thrusters.active)
    off = scene.thrusters._replace(active=scene.thrusters.active.at[t].set(False))
    return chosen(found, scene._replace(thrusters=off), scene)


def swap_roles(dice: Float[Array, " U"], scene: Scene) -> Scene:
    """Exchanges the roles of two shapes."""
    i, found = any_of(dice[0], free_shapes(scene))
    k, both = any_of(dice[1], free_shapes(scene) & (jnp.arange(len(scene.shapes.role)) != i))
    role = scene.shapes.role
    new = role.at[i].set(role[k]).at[k].set(role[i])
    return chosen(found & both, scene._replace(shapes=scene.shapes._replace(role=new)), scene)


def toggle_fixed(dice: Float[Array, " U"], scene: Scene) -> Scene:
    """Fixes a shape that moves, or frees one that is fixed."""
    i, found = any_of(dice[0], free_shapes(scene))
    moves = scene.shapes.moves.at[i].set(~scene.shapes.moves[i])
    return chosen(found, scene._replace(shapes=scene.shapes._replace(moves=moves, turns=moves)), scene)


def change_size(dice: Float[Array, " U"], scene: Scene) -> Scene:
    """Makes a shape larger or smaller; joints and thrusters on it move along."""
    shapes, joints, thrusters = scene.shapes, scene.joints, scene.thrusters
    i, found = any_of(dice[0], free_shapes(scene))
    polygons = scene.room.polygons
    half = half_sizes(scene)[i]
    times = jnp.exp(0.3 * _normal(dice[1:3]))
    times = jnp.where(i >= polygons, times[0], times)
    times = jnp.clip(half * times, 0.05, 0.6) / half

    def scaled(anchor: Float[Array, "n 2"], shape: Int[Array, " n"]) -> Float[Array, "n 2"]:
        return jnp.where((shape == i)[:, None], anchor * times, anchor)

    new = scene._replace(
        shapes=shapes._replace(
            vertices=shapes.vertices.at[jnp.where(i < polygons, i, polygons)].multiply(times, mode="drop"),
            radius=shapes.radius.at[jnp.where(i < polygons, len(shapes.radius), i - polygons)].multiply(
                times[0], mode="drop"
            ),
        ),
        joints=joints._replace(a_anchor=scaled(joints.a_anchor, joints.a), b_anchor=scaled(joints.b_anchor, joints.b)),
        thrusters=thrusters._replace(anchor=scaled(thrusters.anchor, thrusters.shape)),
    )
    return chosen(found, new, scene)


def move(dice: Float[Array, " U"], scene: Scene) -> Scene:
    """Moves a shape with everything joined to it, by up to half a metre along both axes, back inside where needed."""
    shapes = scene.shapes
    i, found = any_of(dice[0], free_shapes(scene))
    group = joined(scene.joints, len(shapes.role))[i] & free_shapes(scene)
    shift = dice[1:3] - 0.5
    new = shapes.position + jnp.where(group[:, None], shift, 0)
    reach = jnp.max(half_sizes(scene), axis=1)[:, None]
    low = jnp.min(jnp.where(group[:, None], new - reach, jnp.inf), axis=0) - jnp.array([0, GROUND])
    high = SIDE - jnp.max(jnp.where(group[:, None], new + reach, -jnp.inf), axis=0)
    back = jnp.where(low < 0, -low, jnp.minimum(high, 0))
    new = new + jnp.where(group[:, None], back, 0)
    return chosen(found, scene._replace(shapes=shapes._replace(position=new)), scene)


def rotate(dice: Float[Array, " U"], scene: Scene) -> Scene:
    """Turns a shape; what joints count as 0 turns along."""
    i, found = any_of(dice[0], free_shapes(scene))
    angle = 2 * math.pi * dice[1]
    joints = scene.joints
    reference = joints.rotation + angle * ((joints.b == i) * 1.0 - (joints.a == i) * 1.0)
    turned = scene.shapes._replace(rotation=scene.shapes.rotation.at[i].add(angle))
    return chosen(found, scene._replace(shapes=turned, joints=joints._replace(rotation=reference)), scene)


def change_gravity(dice: Float[Array, " U"], scene: Scene) -> Scene:
    """Another gravity, from none to that of the Earth."""
    return scene._replace(gravity=jnp.stack([jnp.float32(0), -9.8 * dice[0]]))


def change_motor(dice: Float[Array, " U"], scene: Scene) -> Scene:
    """Another speed, power, limits and perhaps another channel of a joint."""
    joints = scene.joints
    j, found = any_of(dice[0], joints.active)
    noise = _normal(dice[1:5])
    rebound = whole(dice[6], MOTOR_CHANNELS)
    new = joints._replace(
        motor_speed=joints.motor_speed.at[j].set(jnp.clip(joints.motor_speed[j] + 0.5 * noise[0], -3, 3)),
        motor_power=joints.motor_power.at[j].set(jnp.clip(joints.motor_power[j] + 0.5 * noise[1], 0, 3)),
        min_rotation=joints.min_rotation.at[j].set(jnp.clip(joints.min_rotation[j] + 0.3 * noise[2], -math.pi, 0)),
        max_rotation=joints.max_rotation.at[j].set(jnp.clip(joints.max_rotation[j] + 0.3 * noise[3], 0, math.pi)),
        binding=joints.binding.at[j].set(jnp.where(dice[5] < 0.5, rebound, joints.binding[j])),
    )
    return chosen(found, scene._replace(joints=new), scene)


def change_material(dice: Float[Array, " U"], scene: Scene) -> Scene:
    """Another density, friction and bounciness of a shape."""
    shapes = scene.shapes
    i, found = any_of(dice[0], free_shapes(scene))
    noise = _normal(dice[1:4])
    new = shapes._replace(
        density=shapes.density.at[i].set(jnp.clip(shapes.density[i] * jnp.exp(0.3 * noise[0]), 0.2, 5)),
        friction=shapes.friction.at[i].set(jnp.clip(shapes.friction[i] * jnp.exp(0.3 * noise[1]), 0.05, 3)),
        restitution=shapes.restitution.at[i].set(jnp.clip(shapes.restitution[i] + 0.2 * noise[2], 0, 0.9)),
    )
    return chosen(found, scene._replace(shapes=new), scene)


EDITS: dict[str, tuple[Callable[..., Scene], float]] = {
    "add_shape": (add_shape, 1.0),
    "add_connected": (add_connected, 1.0),
    "swap_roles": (swap_roles, 1.0),
    "add_thruster": (add_thruster, 1.0),
    "remove_thruster": (remove_thruster, 1.0),
    "toggle_fixed": (toggle_fixed, 0.1),
    "change_size": (change_size, 1.0),
    "move": (move, 1.0),
    "rotate": (rotate, 1.0),
    "change_gravity": (change_gravity, 0.1),
    "change_motor": (change_motor, 1.0),
    "change_material": (change_material, 0.5),
    "mirror_limb": (mirror_limb, 0.5),
    "remove_shape": (remove_shape, 0.5),
    "remove_joint": (remove_joint, 0.5),
}
"""Changes by name, each with its weight; removals count half, so that levels do not only grow."""


def weights_of(given: Mapping[str, float]) -> Float[Array, " E"]:
    """Weights of all changes, those that are given instead of ours.

    Raises:
        UnknownName: no change is called so.
        BadOption: a weight below 0, or none above it.
    """
    for name, weight in given.items():
        if name not in EDITS:
            raise UnknownName("change of a level", name, EDITS)
        if not isinstance(weight, int | float) or not 0 <= weight < math.inf:
            raise BadOption(f"the weight of {name} is {weight!r}; expected 0 or more")
    weights = [float(given.get(name, ours)) for name, (_, ours) in EDITS.items()]
    if not sum(weights):
        raise BadOption("all weights of changes are 0; expected one above it")
    return jnp.array(weights)


def edited(rng: PRNGKey, scene: Scene, weights: Float[Array, " E"], pairs: Pairs) -> Scene:
    """A level with one change, drawn by weight, the gaps of its joints closed."""
    dice = jax.random.uniform(rng, (DICE + 1,))
    number = pick(dice[-1], weights)
    return settled(jax.lax.switch(number, [edit for edit, _ in EDITS.values()], dice[:-1], scene), pairs)


def mixed(rng: PRNGKey, first: Scene, second: Scene) -> Scene:
    """A level with shapes of two: groups of the second that hang together take the slots of shapes of the first.

    Joints and thrusters of shapes whose place was taken go with them.
    """
    n, polygons = len(first.shapes.role), first.room.polygons
    leader = jnp.argmax(joined(second.joints, n), axis=1)  # one coin for all of a group
    coin = jax.random.bernoulli(rng, shape=(n,))
    take = coin[leader] & free_shapes(second)

    def either(from_second: Bool[Array, " k"], mine: Any, theirs: Any) -> Any:
        return jax.tree.map(lambda a, b: jnp.where(from_second.reshape(-1, *[1] * (a.ndim - 1)), b, a), mine, theirs)

    part = {"vertices": take[:polygons], "n_vertices": take[:polygons], "radius": take[polygons:]}
    shapes = {
        name: either(part.get(name, take), mine, theirs)
        for name, mine, theirs in zip(first.shapes._fields, first.shapes, second.shapes, strict=True)
    }

    def table(mine: Any, theirs: Any, my_ends: tuple[Array, ...], their_ends: tuple[Array, ...]) -> Any:
        new = theirs.active
        for end in their_ends:
            new &= take[end]
        still = mine.active & ~new
        for end in my_ends:
            still &= ~take[end]
        return either(new, mine, theirs)._replace(active=new | still)

    mine, theirs = first.joints, second.joints
    return first._replace(
        shapes=type(first.shapes)(**shapes),
        joints=table(mine, theirs, (mine.a, mine.b), (theirs.a, theirs.b)),
        thrusters=table(first.thrusters, second.thrusters, (first.thrusters.shape,), (second.thrusters.shape,)),
    )


def settled(scene: Scene, pairs: Pairs) -> Scene:
    """The scene at rest, its joints closed by shifts of what they hold, five times, without gravity and contacts."""
    shapes, prepared = scene.shapes, prepare(scene, pairs)
    mass = prepared.inverse_mass

    def shift(x: Float[Array, "2 N"], _: None) -> tuple[Float[Array, "2 N"], None]:
        def close(x: Float[Array, "2 N"], j: Any) -> tuple[Float[Array, "2 N"], None]:
            a, b = j.shapes
            gap = x[:, b] + j.arms[1] - x[:, a] - j.arms[0]
            whole = mass[a] + mass[b]
            part = jnp.where(j.active, gap / jnp.where(whole > 0, whole, 1), 0)
            return x.at[:, a].add(mass[a] * part).at[:, b].add(-mass[b] * part), None

        return jax.lax.scan(close, x, joints_of(Motion(x, shapes.rotation, jnp.zeros((3, x.shape[1]))), prepared))

    x, _ = jax.lax.scan(shift, shapes.position.T, None, SETTLING)
    still = jnp.zeros_like(shapes.velocity)
    return scene._replace(
        shapes=shapes._replace(position=x.T, velocity=still, angular_velocity=jnp.zeros_like(shapes.angular_velocity))
    )


def _normal(dice: Float[Array, " n"]) -> Float[Array, " n"]:
    """Normal numbers from even ones."""
    return math.sqrt(2) * jax.lax.erf_inv(2 * jnp.clip(dice, 1e-6, 1 - 1e-6) - 1)

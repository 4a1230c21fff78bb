"""Random bodies that are to walk: a torso on two legs, drawn around a plan, and a goal on the other side."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from alife.types import PRNGKey

from .builder import Builder
from .random_level import half_sizes
from .scene import BLUE, GREEN, GROUND, RED, SIDE, Scene
from .sizes import WALLS

TORSO, LEG, SHIN = (0.6, 0.2), (0.1, 0.3), (0.1, 0.2)
"""Width and height of the parts."""
SWING = math.radians(45)
"""Motors turn legs so far to either side."""


def plan(lower_legs: bool, segments: int) -> Scene:
    """The body that random ones are drawn around, in a scene of size L.

    Args:
        segments: further parts that hang under the torso, at most 2.
    """
    level = Builder("L")
    torso = level.box(1, 1, *TORSO, role=GREEN)
    for i, side in enumerate((-0.2, 0.2)):
        leg = level.box(1 + side, 0.75, *LEG)
        level.hinge(torso, leg, 1 + side, 0.9, motor=True, limits=(-SWING, SWING), binding=i)
        if lower_legs:
            shin = level.box(1 + side, 0.5, *SHIN)
            level.hinge(leg, shin, 1 + side, 0.6, motor=True, limits=(-SWING, SWING), binding=2 + i)
    above = torso
    for k in range(segments):
        part, y = level.box(1, 0.85 - 0.2 * k, 0.08, 0.2), 0.9 - 0.2 * k
        level.hinge(above, part, 1, y, motor=True, limits=(-SWING, SWING), binding=k)
        above = part
    level.ball(4, 0.6, 0.2, role=BLUE)
    return level.scene()


def random_walker(
    rng: PRNGKey,
    *,
    lower_legs: bool = True,
    segments: int = 0,
    ratio: tuple[float, float] = (0.5, 2.0),
    without: tuple[float, float] = (1.0, 1.0),
    shuffled: bool = False,
) -> Scene:
    """A level with a random walker.

    Every width, height, density and friction is its default times a ratio.

    Args:
        lower_legs: legs have two parts.
        segments: further parts under the torso, 0 to 2.
        ratio: lowest and highest one, equally likely on a scale of ratios.
        without: ratios between these do not occur: a gap that a test set may fill.
        shuffled: motors are bound to random channels, not each to its own.
    """
    keys = jax.random.split(rng, 6)
    with jax.ensure_compile_time_eval():
        scene = jax.tree.map(jnp.asarray, plan(lower_legs, segments))
    shapes, joints = scene.shapes, scene.joints
    n, polygons = len(shapes.role), scene.room.polygons
    times = _ratios(keys[0], (n, 4), ratio, without)
    body = ((jnp.arange(n) >= WALLS) & (jnp.arange(n) < polygons))[:, None]
    times = jnp.where(body, times, 1.0)
    size = times[:, :2]
    vertices = shapes.vertices * size[:polygons, None]
    a_anchor, b_anchor = joints.a_anchor * size[joints.a], joints.b_anchor * size[joints.b]

    def place(x: Float[Array, "N 2"], j: Array) -> tuple[Float[Array, "N 2"], None]:
        """Each part where its joint wants it: all stand upright, and are joined in order."""
        at = x[joints.a[j]] + a_anchor[j] - b_anchor[j]
        return x.at[jnp.where(joints.active[j], joints.b[j], n)].set(at, mode="drop"), None

    x, _ = jax.lax.scan(place, shapes.position, jnp.arange(len(joints.a)))
    red = jax.random.uniform(keys[1]) < 0.25
    binding = jax.random.randint(keys[2], joints.binding.shape, 0, 4)
    scene = scene._replace(
        shapes=shapes._replace(
            vertices=vertices,
            density=shapes.density * times[:, 2],
            friction=shapes.friction * times[:, 3],
            role=shapes.role.at[0].set(jnp.where(red, RED, shapes.role[0])),
        ),
        joints=joints._replace(
            a_anchor=a_anchor, b_anchor=b_anchor, binding=jnp.where(shuffled, binding, joints.binding)
        ),
    )
    half = half_sizes(scene)
    there = body[:, 0] & shapes.active
    low = jnp.min(jnp.where(there[:, None], x - half, jnp.inf), axis=0)
    high = jnp.max(jnp.where(there[:, None], x + half, -jnp.inf), axis=0)
    swap = jax.random.bernoulli(keys[3])
    left = jnp.where(swap, SIDE - 0.2 - (high[0] - low[0]), 0.2)
    shift = jnp.stack([left - low[0], GROUND + 0.1 - low[1]])
    goal = jnp.where(swap, SIDE - shapes.position[polygons, 0], shapes.position[polygons, 0])
    x = jnp.where(there[:, None], x + shift, x).at[polygons, 0].set(goal)
    return scene._replace(shapes=scene.shapes._replace(position=x))


def _ratios(
    rng: PRNGKey, shape: tuple[int, ...], ratio: tuple[float, float], without: tuple[float, float]
) -> Float[Array, "*n"]:
    """Random ratios of a range with a gap, uniform in their logarithms."""
    low, high, first, last = (math.log(end) for end in (*ratio, *without))
    gap = max(0.0, min(high, last) - max(low, first))
    at = low + jax.random.uniform(rng, shape) * (high - low - gap)
    return jnp.exp(jnp.where(at > first, at + gap, at))

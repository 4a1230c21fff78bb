"""Numbers about a life: how a task went, and how a creature moved."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from .life import SQUARE, Level, Life, actuators, centre
from .observe import RATE
from .scene import GROUND


def measured(life: Life, level: Level) -> dict[str, Float[Array, ""]]:
    """Numbers of a life, of the creature that it is about: the green shapes and what is joined to them, or,
    where nothing is green, all that moves.

    success: 1 when green touched blue, else 0
    distance: from green to blue centres, metres, summed over all pairs
    moved: how far to the right the creature's centre of mass is from where it began, metres
    speed: the same per second
    height: mean height of its centre of mass over the ground, metres
    ground_contact: share of the time in which it touched the ground or a wall, 0 to 1
    strides: how often it came down, per second
    effort: mean square of what its motors and thrusters were told, summed over the six channels
    coverage: where it has been: area of the half-metre squares that its centre of mass passed through, square metres
    transported: how far loose things, which are not part of it, lie from where they began, metres, summed
    turning: mean angular velocity of its heaviest shape, radians per second, without sign
    length: decisions until the end, or so far
    bodies: shapes of the creature
    actuators: motors and thrusters that work
    mass: of the creature, kilograms
    """
    scene, tally = level.scene, life.tally
    steps = jnp.maximum(life.time, 1).astype(jnp.float32)
    start = scene.shapes.position[:, 0] @ level.body / jnp.maximum(jnp.sum(level.body), 1e-9)
    moved = centre(life.motion, level)[0] - start
    loose = (level.prepared.inverse_mass > 0) & (level.body == 0)
    return {
        "success": life.won.astype(jnp.float32),
        "distance": life.distance,
        "moved": moved,
        "speed": moved * RATE / steps,
        "height": tally.height / steps - GROUND,
        "ground_contact": tally.contact / steps,
        "strides": tally.strides * RATE / steps,
        "effort": tally.effort / steps,
        "coverage": jnp.sum(tally.visited) * SQUARE**2,
        "transported": jnp.sum(jnp.where(loose, jnp.hypot(*(life.motion.x - scene.shapes.position.T)), 0)),
        "turning": tally.turning / steps,
        "length": life.time.astype(jnp.float32),
        "bodies": jnp.sum(level.body > 0).astype(jnp.float32),
        "actuators": actuators(level),
        "mass": jnp.sum(level.body),
    }

"""The life of one scene under one controller: steps, goals, what was earned on the way; SI units."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from alife.types import Tree

from .colours import role_colours
from .contacts import Motion
from .control import Controller, Hand, commands
from .prepared import Prepared, prepare
from .scene import BLUE, GREEN, RED, SIDE, Scene, joined
from .sizes import Pairs
from .solver import Impulses, advance, no_impulses

SQUARE = 0.5
"""Edge of the squares in which is counted where a creature has been, metres."""
SQUARES = (64, 16)
TOUCH = 3.0
"""Speed that a shape gets where a person touches it, metres per second."""
MOST_DECISIONS = 1_000_000
"""Of an episode."""
SKIP = 2
"""Physics steps for each decision of a controller."""


class Level(NamedTuple):
    """A scene with all that follows from it, computed once per world."""

    scene: Scene
    prepared: Prepared
    wins: Bool[Array, " Q"]
    """Contact points between green and blue."""
    loses: Bool[Array, " Q"]
    """Between green and red."""
    wanted: Float[Array, "N N"]
    """1 for each green shape and each blue one, half of it on either side."""
    linked: Bool[Array, "N N"]
    """Which shapes hang together."""
    colours: Float[Array, "N 3"]
    """In which shapes are drawn."""
    body: Float[Array, " N"]
    """Masses of what counts as the creature: the green shapes and all that is joined to them; else all that moves."""


class Tally(NamedTuple):
    """Sums over the decisions so far, from which measures are made."""

    height: Float[Array, ""]
    """Of the creature's centre of mass above the ground."""
    contact: Float[Array, ""]
    """Decisions in which it touched the ground."""
    strides: Float[Array, ""]
    """How often it came down: touched the ground after it had not."""
    effort: Float[Array, ""]
    """Squares of what motors and thrusters were told."""
    turning: Float[Array, ""]
    """Absolute angular velocity of its heaviest shape."""
    visited: Bool[Array, "X Y"]
    """Half-metre squares through which its centre of mass passed; the plane is rolled up, 32 metres by 8."""


class Life(NamedTuple):
    """A moment of a scene."""

    motion: Motion
    impulses: Impulses
    memory: Float[Array, " M"]
    """The controller's."""
    told: Float[Array, "6"]
    """What it said last: four numbers for motors, two for thrusters."""
    time: Int[Array, ""]
    """Decisions so far."""
    done: Bool[Array, ""]
    won: Bool[Array, ""]
    distance: Float[Array, ""]
    """Sum of the distances between green and blue centres."""
    earned: Float[Array, ""]
    """Reward of the last step."""
    grounded: Bool[Array, ""]
    tally: Tally


class Rules(NamedTuple):
    """What is the same for all worlds of a substrate."""

    pairs: Pairs
    controller: Controller | Hand
    timeout: int
    """Decisions after which an episode ends; 0 = it goes on."""
    nearer: float
    """Reward for each metre that green comes nearer to blue."""


def level_of(scene: Scene, pairs: Pairs) -> Level:
    """All that follows from a scene."""
    shapes, prepared = scene.shapes, prepare(scene, pairs)
    a, b = pairs.points.T
    green, blue, red = (shapes.active & (shapes.role == role) for role in (GREEN, BLUE, RED))
    wanted = jnp.outer(green, blue).astype(jnp.float32)
    linked = joined(scene.joints, scene.room.shapes)
    creature = jnp.where(green.any(), linked @ green.astype(jnp.float32) > 0, True) & (prepared.inverse_mass > 0)
    weight = 1 / jnp.where(prepared.inverse_mass > 0, prepared.inverse_mass, 1)
    return Level(
        scene,
        prepared,
        (green[a] & blue[b]) | (blue[a] & green[b]),
        (green[a] & red[b]) | (red[a] & green[b]),
        wanted,
        linked,
        role_colours(shapes.role, prepared.inverse_mass == 0),
        jnp.where(creature, weight, 0),
    )


def begin(level: Level, rules: Rules) -> Life:
    """The first moment of a scene."""
    shapes = level.scene.shapes
    v = jnp.concatenate([shapes.velocity.T, shapes.angular_velocity[None]])
    motion = Motion(shapes.position.T, shapes.rotation, v)
    zero = jnp.zeros(())
    return Life(
        motion,
        no_impulses(len(rules.pairs.points), len(level.scene.joints.a)),
        rules.controller.memory(),
        jnp.zeros(6),
        jnp.zeros((), jnp.int32),
        jnp.zeros((), bool),
        jnp.zeros((), bool),
        distance(motion, level),
        zero,
        jnp.zeros((), bool),
        Tally(zero, zero, zero, zero, zero, jnp.zeros(SQUARES, bool)),
    )


def decide_and_step(life: Life, level: Level, weights: Tree, rules: Rules) -> Life:
    """One decision of the controller and two physics steps; nothing happens after the end of an episode."""
    told, memory = rules.controller.act(weights, life, level)
    motors, thrusts = commands(told, level)

    def step(
        carry: tuple[Motion, Impulses, Array, Array], _: None
    ) -> tuple[tuple[Motion, Impulses, Array, Array], None]:
        motion, impulses, won, lost = carry
        motion, impulses = advance(motion, impulses, level.prepared, rules.pairs, motors, thrusts)
        over = won | lost  # the first step that ends an episode counts
        lost_now = jnp.any(impulses.touching & level.loses)
        won_now = jnp.any(impulses.touching & level.wins) & ~lost_now
        return (motion, impulses, won | (won_now & ~over), lost | (lost_now & ~over)), None

    no = jnp.zeros((), bool)
    (motion, impulses, won, lost), _ = jax.lax.scan(step, (life.motion, life.impulses, no, no), None, SKIP)
    time = life.time + 1
    far = distance(motion, level)
    closer = jnp.where(life.time > 0, rules.nearer * (life.distance - far), 0)
    sane = jnp.all(jnp.isfinite(motion.x)) & jnp.all(jnp.isfinite(motion.v))
    earned = jnp.where(sane, won * 1.0 - lost * 1.0 + closer, 0)
    late = (time >= rules.timeout) if rules.timeout else no
    grounded = touches_ground(impulses, level, rules.pairs)
    nxt = Life(
        motion,
        impulses,
        memory,
        told,
        time,
        won | lost | late | ~sane,
        won,
        far,
        earned,
        grounded,
        _tallied(life, motion, level, told, grounded),
    )
    stopped = life._replace(earned=jnp.zeros(()))
    return jax.tree.map(lambda new, old: jnp.where(life.done, old, new), nxt, stopped)


def distance(motion: Motion, level: Level) -> Float[Array, ""]:
    """Sum of the distances between the centres of all green and all blue shapes, metres."""
    x, y = motion.x
    return jnp.sum(level.wanted * jnp.hypot(x[:, None] - x, y[:, None] - y))


def centre(motion: Motion, level: Level) -> Float[Array, "2"]:
    """Centre of mass of the creature."""
    return motion.x @ level.body / jnp.maximum(jnp.sum(level.body), 1e-9)


def pushed(life: Life, level: Level, at: Float[Array, "2"], radius: Array, strength: Array) -> Life:
    """Touched by a person: what moves is pushed away from a place, or below 0 drawn to it, most of all near it.

    Args:
        at: metres.
        radius: at which it has faded by 40 percent, metres.
        strength: in [-1, 1].
    """
    away = life.motion.x - at[:, None]
    far = jnp.hypot(*away)
    push = TOUCH * strength * jnp.exp(-((far / radius) ** 2) / 2) * (level.prepared.inverse_mass > 0)
    v = life.motion.v.at[:2].add(push * away / jnp.maximum(far, 1e-3))
    return life._replace(motion=life.motion._replace(v=v))


def poked(life: Life, level: Level, place: Float[Array, "2"], radius: Array, strength: Array) -> Life:
    """`pushed`, by a place in a picture of the whole arena."""
    return pushed(life, level, SIDE * jnp.stack([place[0], 1 - place[1]]), SIDE * radius, strength)


def driving_motors(level: Level) -> Bool[Array, " J"]:
    """Joints that a motor turns."""
    joints = level.prepared.joints
    return joints.active & joints.motor_on & ~joints.fixed


def actuators(level: Level) -> Float[Array, ""]:
    """How many motors and thrusters work."""
    count = jnp.sum(driving_motors(level)) + jnp.sum(level.prepared.thrusters.active)
    return count.astype(jnp.float32)


def touches_ground(impulses: Impulses, level: Level, pairs: Pairs) -> Bool[Array, ""]:
    """Whether the creature touches anything that is fixed."""
    a, b = pairs.points.T
    body, still = level.body > 0, level.prepared.inverse_mass == 0
    return jnp.any(impulses.touching & ((body[a] & still[b]) | (body[b] & still[a])))


def _tallied(life: Life, motion: Motion, level: Level, told: Float[Array, "6"], grounded: Bool[Array, ""]) -> Tally:
    before, heaviest = life.tally, jnp.argmax(level.body)
    middle = centre(motion, level)
    square = jnp.floor(jnp.nan_to_num(middle) / SQUARE).astype(jnp.int32) % jnp.array(SQUARES)
    return Tally(
        before.height + middle[1],
        before.contact + grounded,
        before.strides + (grounded & ~life.grounded),
        before.effort + jnp.sum(told**2),
        before.turning + jnp.abs(motion.v[2, heaviest]),
        before.visited.at[square[0], square[1]].set(True),
    )

"""A level tried by many at the same time: the first of them does nothing, so that it is seen what solves itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from alife.types import Tree

from .life import Level, Life, Rules, actuators, begin, decide_and_step, driving_motors
from .scene import BLUE, GREEN, MOTOR_CHANNELS
from .sizes import WALLS


class Task(NamedTuple):
    """A level and who tries it."""

    level: Level
    players: Tree
    """Weights of their controllers, stacked."""


def all_begin(level: Level, rules: Rules, count: int) -> Life:
    """The level, once for who does nothing and once for each of so many players."""
    return jax.tree.map(lambda x: jnp.broadcast_to(x, (count + 1, *jnp.shape(x))), begin(level, rules))


def all_step(lives: Life, level: Level, players: Tree, rules: Rules) -> Life:
    """One decision of everybody, a thirtieth of a second.

    Args:
        players: weights of their controllers, which end in a layer `out`, stacked.
    """
    idle = jax.tree.map(lambda x: jnp.zeros_like(x[:1]), players)
    idle["out"]["bias"] = idle["out"]["bias"].at[:, MOTOR_CHANNELS:].set(-20.0)  # thrusters are off, not half on
    everybody = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), idle, players)
    step: Callable[..., Life] = partial(decide_and_step, level=level, rules=rules)
    return jax.vmap(lambda life, weights: step(life, weights=weights))(lives, everybody)


def solved(lives: Life) -> tuple[Float[Array, ""], Float[Array, " n"]]:
    """1 for who does nothing, and for each player, where it has solved the level."""
    won = lives.won.astype(jnp.float32)
    return won[0], won[1:]


def judged(lives: Life, level: Level) -> dict[str, Float[Array, ""]]:
    """Numbers of a level and of those who try it.

    solved: share of the players that solve it, 0 to 1
    learnability: p (1 - p) of that share p, at most 0.25; 0 where doing nothing solves it
    idle_solves: 1 where doing nothing solves it
    controllable: 1 where a motor or thruster acts on something that hangs on green or blue
    shapes: that are there, beyond the walls
    actuators: motors and thrusters that work
    spread: mean distance between the players' green shapes and where doing nothing leaves them, metres
    """
    scene = level.scene
    idle, players = solved(lives)
    share = jnp.mean(players)
    green = scene.shapes.role == GREEN
    away = jnp.hypot(*jnp.moveaxis(lives.motion.x[1:] - lives.motion.x[0], 1, 0)) * green
    return {
        "solved": share,
        "learnability": share * (1 - share) * (1 - idle),
        "idle_solves": idle,
        "controllable": controllable(level).astype(jnp.float32),
        "shapes": jnp.sum(scene.shapes.active[WALLS:]).astype(jnp.float32),
        "actuators": actuators(level),
        "spread": jnp.mean(jnp.sum(away, axis=1)),
    }


def fairness(lives: Life) -> dict[str, Float[Array, ""]]:
    """
    solves: 1 where its own controller solves it
    others_solve: share of the other players that do
    fair: 1 where its own controller solves it, doing nothing does not, and not all others do
    decisions: that its own controller needed, or took in vain
    """
    idle, players = solved(lives)
    others = jnp.mean(players[1:])
    return {
        "solves": players[0],
        "others_solve": others,
        "fair": players[0] * (1 - idle) * (others < 1),
        "decisions": lives.time[1].astype(jnp.float32),
    }


def controllable(level: Level) -> Bool[Array, ""]:
    """Whether any motor or thruster acts on something that hangs on a green or blue shape."""
    shapes, joints, thrusters = level.scene.shapes, level.prepared.joints, level.prepared.thrusters
    special = shapes.active & ((shapes.role == GREEN) | (shapes.role == BLUE))
    hangs = level.linked @ special.astype(jnp.float32) > 0
    driven = driving_motors(level) & (hangs[joints.a] | hangs[joints.b])
    return jnp.any(driven) | jnp.any(thrusters.active & hangs[thrusters.shape])


def transfer(levels: Level, solvers: Tree, rules: Rules) -> Float[Array, "L S"]:
    """1 where a solver solves a level, each of the one tried on each of the other.

    Args:
        levels, solvers: stacked, L and S of them.
    """

    def against(level: Level) -> Any:
        lives = all_begin(level, rules, len(jax.tree.leaves(solvers)[0]))
        step = partial(all_step, level=level, players=solvers, rules=rules)
        return solved(jax.lax.fori_loop(0, rules.timeout, lambda _, now: step(now), lives))[1]

    return jax.lax.map(against, levels)

"""What a society consists of: terrain, agents, robots, and the moment that holds them; and the torus they live on."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from alife.worlds.cells import line_of

CELL = 8.0
"""Edge of a cell, world units."""
MESSAGE = 16
"""Numbers in a message (S), each in [-1, 1]; messages, robots' memories and their programs are alike."""
TAG = 8
"""Numbers in an agent's tag, each in [-1, 1]."""
ACTIONS = ("move_x", "move_y", "push", "eat", "reproduce", "hit", "gate")
"""What an agent does besides editing, in the order of its action record."""
EDITS = ("growth", "move_cost", "push_cost", "message_cost", "birth_cost")
"""Layers that agents and robots can edit, in the order of the action record."""
RECORD = len(ACTIONS) + len(EDITS)
"""Numbers in an action record."""


class Terrain(NamedTuple):
    """Eight layers of G x G cells."""

    energy: Float[Array, "G G"]
    """Food, in [0, capacity]."""
    capacity: Float[Array, "G G"]
    """Most food that fits."""
    growth: Float[Array, "G G"]
    """Of food, per step; in [0, 2], and two thirds of it are needed to stand still."""
    move_cost: Float[Array, "G G"]
    push_cost: Float[Array, "G G"]
    message_cost: Float[Array, "G G"]
    birth_cost: Float[Array, "G G"]
    """Factors on the price of doing that here, >= 0."""
    bit: Float[Array, "G G"]
    """A symbol that robots read and write, in [-1, 1]."""


LAYERS = Terrain._fields
SEEN = LAYERS[:-1]
"""Layers that agents see; `bit` besides where they are to."""


class Agents(NamedTuple):
    """N slots, of which those that are not alive are free."""

    alive: Bool[Array, " N"]
    energy: Float[Array, " N"]
    """>= 0, and 0 in a free slot."""
    age: Float[Array, " N"]
    """Steps."""
    x: Float[Array, "N 2"]
    """Positions, in [0, side)."""
    tag: Float[Array, "N 8"]
    """Shown to others; drifts at birth, so kin look alike."""
    outbox: Float[Array, "N S"]
    """Shown to everyone who sees the agent."""
    inbox: Float[Array, "N S"]
    """What others have sent."""
    action: Float[Array, "N 12"]
    """Record of the last step: `ACTIONS`, then `EDITS`."""
    hidden: Float[Array, "N 2 H"]
    """Recurrent state of the brain: cell, then output."""
    genome: Any
    """Weights of the brains: a tree of float16 arrays, each [N, ...]."""
    uid: Int[Array, " N"]
    """Number of this agent, counted from 0 over the whole world."""
    parent_uid: Int[Array, " N"]
    """-1 = a founder."""
    birth_step: Int[Array, " N"]
    generation: Int[Array, " N"]
    """Ancestors, 0 = a founder."""
    mutation: Float[Array, " N"]
    """Factor on the standard deviation of its children's mutations; 1 unless it evolves."""


class Robots(NamedTuple):
    """M machines that messages program; they never die."""

    active: Bool[Array, " M"]
    """False for slots that the world does without: nobody sees them and they do nothing."""
    energy: Float[Array, " M"]
    memory: Float[Array, "M S"]
    program: Float[Array, "M S"]
    x: Float[Array, "M 2"]
    told: Int[Array, " M"]
    """Step in which somebody last sent it a message; a long time ago where nobody has."""


class State(NamedTuple):
    """One moment of a society."""

    t: Int[Array, ""]
    """Steps since the beginning."""
    agents: Agents
    robots: Robots
    terrain: Terrain
    base: Terrain
    """What the terrain heals to."""
    phase: dict[str, Float[Array, "6 r r"]]
    """Angles of the lattice gradients of the base terrain, radians, by octave."""
    bank: Any
    """Brains of founders, for when nobody is left: a tree of float16 arrays, each [F, ...]."""
    next_uid: Int[Array, ""]
    now: Float[Array, " Q"]
    """The numbers of this step, see `alife.plugins.society.numbers.NUMBERS`."""
    sums: Float[Array, " Q"]
    """Their sums since the epoch began."""


def way(a: Float[Array, "*#n 2"], b: Float[Array, "*#n 2"], side: float) -> Float[Array, "*#n 2"]:
    """The shortest way from a to b on the torus, signed: each component in [-side/2, side/2).

    >>> way(jnp.array([1.0, 5.0]), jnp.array([9.0, 4.0]), side=10.0).tolist()
    [-2.0, -1.0]
    """
    return jnp.mod(b - a + side / 2, side) - side / 2


def wrapped(x: Float[Array, "*n 2"], side: float) -> Float[Array, "*n 2"]:
    """Positions brought back into [0, side); what is not finite goes to 0."""
    inside = jnp.mod(jnp.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0), side)
    return jnp.where(inside < side, inside, 0)  # a little below 0 is rounded up to `side`


def cell_of(x: Float[Array, "*n 2"], size: int) -> Int[Array, "*n"]:
    """Number of the cell that a position lies in, row by row, 0..G*G-1.

    >>> cell_of(jnp.array([[0.0, 9.0], [17.0, 0.0]]), size=4).tolist()
    [1, 8]
    """
    row, column = jnp.moveaxis(line_of(x, CELL * size, size), -1, 0)
    return row * size + column

"""Robots: machines whose programs are messages; seven operations, a memory, and the land as their tape."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from alife.types import PRNGKey

from .effects import GATE, REPRODUCE, Deeds, Reach
from .living import nearest
from .settings import Settings
from .space import MESSAGE, RECORD, State, cell_of, way

OPERATIONS = ("copy", "hold", "product", "multiply_add", "gated_xor", "nand", "lookup")
"""What a program can be, by the place of its greatest number among the first seven."""
TABLE = slice(7, 15)
"""Lookup table in a program: what comes of the bits (first, own, second) = 000, 001 ... 111."""
TAPE, KEEP, BIT = 12, 13, 15
"""Places in a result: tape head, whether it is written into memory, data bit."""
READ = 0.99
REACH = 4
"""Agents and other robots that a robot reaches, the nearest of each."""


class Turn(NamedTuple):
    """What the robots do in one turn."""

    deeds: Deeds
    memory: Float[Array, "M S"]
    """After it, but for what the tape says."""
    writes: Bool[Array, " M"]
    reads: Bool[Array, " M"]
    agents: Reach
    robots: Reach


def turn(state: State, settings: Settings, key: PRNGKey) -> Turn:
    """What all robots make of the same moment."""
    robots, agents, side = state.robots, state.agents, settings.side
    able = robots.active & (robots.energy > 0) if settings.robots_need_energy else robots.active
    m = len(robots.x)
    to_agents, _ = nearest(robots.x, agents.x, agents.alive, min(REACH, len(agents.x)), side)
    to_robots, _ = nearest(robots.x, robots.x, robots.active, min(REACH, m), side, jnp.arange(m))
    first, second = _two_messages(state, side)
    r = _result(settings.robot_brain, robots.memory, robots.program, first, second, key)
    r = jnp.where(able[:, None], jnp.clip(r, -1, 1), 0)
    kept = (r[:, KEEP] > 0) | (_operation(robots.program) == OPERATIONS.index("copy"))
    memory = jnp.where((kept & able)[:, None], r, robots.memory)
    record = r[:, :RECORD].at[:, GATE].set(jax.nn.relu(r[:, GATE])).at[:, REPRODUCE].set(0)
    deeds = Deeds(able, robots.x, record, robots.memory)  # what is sent is the memory before the turn
    return Turn(deeds, memory, able & (r[:, TAPE] < -READ), able & (r[:, TAPE] > READ), to_agents, to_robots)


def _two_messages(state: State, side: float) -> tuple[Float[Array, "M S"], Float[Array, "M S"]]:
    """What the two nearest show: agents their outbox, robots their memory; blank where there is nobody.

    Of equally far ones that comes first which lies further towards the beginning of the second coordinate, the way
    round the torus that is shorter, then that of the lower number: in a row of robots the left one before the right.
    """
    robots, agents = state.robots, state.agents
    x = jnp.concatenate([agents.x, robots.x])
    there = jnp.concatenate([agents.alive, robots.active])
    said = jnp.concatenate([agents.outbox, robots.memory])
    d = way(robots.x[:, None], x, side)
    squared = jnp.where(there, jnp.sum(d**2, axis=-1), jnp.inf)
    own = jnp.arange(len(robots.x))[:, None] + len(agents.x)
    squared = jnp.where(own == jnp.arange(len(x)), jnp.inf, squared)
    found = []
    for _ in range(2):
        least = jnp.min(squared, axis=1, keepdims=True)
        pick = jnp.argmin(jnp.where(squared == least, d[..., 1], jnp.inf), axis=1)
        found.append(jnp.where(jnp.isfinite(least), said[pick], 0))
        squared = jnp.where(pick[:, None] == jnp.arange(len(x)), jnp.inf, squared)
    return found[0], found[1]


def _operation(program: Float[Array, "M S"]) -> Int[Array, " M"]:
    return jnp.argmax(program[:, : len(OPERATIONS)], axis=1)


def _result(
    brain: str,
    m: Float[Array, "M S"],
    p: Float[Array, "M S"],
    a: Float[Array, "M S"],
    b: Float[Array, "M S"],
    key: PRNGKey,
) -> Float[Array, "M S"]:
    """The result of a turn from memory m, program p, and what the nearest (a) and the second nearest (b) show."""
    if brain == "dot":
        return a * p
    if brain == "random":
        return jax.random.uniform(key, m.shape, minval=-1, maxval=1)
    unlike = (jnp.round(m[:, BIT]) > 0) ^ (jnp.round(a[:, BIT]) > 0)
    sign = jnp.where(unlike, 1.0, -1.0)[:, None]
    xor = (sign * m * a + (1 - a) * m).at[:, BIT].set(m[:, BIT])
    bits = 4 * (a[:, BIT] > 0) + 2 * (m[:, BIT] > 0) + (b[:, BIT] > 0)
    looked_up = m.at[:, BIT].set(jnp.take_along_axis(p[:, TABLE], bits[:, None], axis=1)[:, 0])
    results = jnp.stack([a, m, m * a, m * a + b, xor, 1 - a * b, looked_up])
    return results[_operation(p), jnp.arange(len(m))]


def taped(
    state: State, turn: Turn, memory: Float[Array, "M S"], x: Float[Array, "M 2"]
) -> tuple[Float[Array, "G G"], Float[Array, "M S"]]:
    """The tape after the robots have written where they stood, and their memories after reading where they are now.

    Where several write on one cell, the robot of the highest number has the last word.
    """
    bit, size = state.terrain.bit, state.terrain.bit.shape[0]
    stood, stands = cell_of(state.robots.x, size), cell_of(x, size)
    both = turn.writes & turn.writes[:, None] & (stood == stood[:, None])
    later = jnp.arange(len(stood)) > jnp.arange(len(stood))[:, None]
    writes = turn.writes & ~jnp.any(both & later, axis=1)
    place = jnp.where(writes, stood, size * size)
    bit = bit.reshape(-1).at[place].set(state.robots.memory[:, BIT], mode="drop")
    read = jnp.where(turn.reads, bit[stands], memory[:, BIT])
    return bit.reshape(size, size), memory.at[:, BIT].set(read)


def program_of(operation: str, table: int = 0) -> Float[Array, " S"]:
    """The message that makes a robot do an operation.

    Args:
        operation: one of `OPERATIONS`.
        table: of `lookup`: number of an elementary cellular automaton, 0..255, its bits as -1 and 1.

    >>> program_of("lookup", 110)[TABLE].tolist()
    [-1.0, 1.0, 1.0, 1.0, -1.0, 1.0, 1.0, -1.0]
    """
    bits = [2.0 * (table >> i & 1) - 1 for i in range(8)]
    return jnp.zeros(MESSAGE).at[OPERATIONS.index(operation)].set(1.0).at[TABLE].set(jnp.array(bits))

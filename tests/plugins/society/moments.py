"""Moments of a society made by hand, without compiling a world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alife.plugins.society import TINY
from alife.plugins.society.brain import shapes_of
from alife.plugins.society.effects import Deeds
from alife.plugins.society.living import Thought, nearest
from alife.plugins.society.numbers import NUMBERS
from alife.plugins.society.settings import DIALS, Dials, Settings, dials_of
from alife.plugins.society.space import MESSAGE, RECORD, TAG, Agents, Robots, State, Terrain

KEY = jax.random.key(0)
GENES = {"world": jnp.zeros(len(DIALS))}
DIALS_AS_PUBLISHED: Dials = dials_of(GENES["world"])
BORDERS = [(0, 1), (0, -1), (1, 1), (1, -1)]
"""Axis, and the way over the border."""


def settings(**options: Any) -> Settings:
    """Of a small society, with other options where they are given."""
    named = {name: value for name, value in TINY.items() if name in Settings.__dataclass_fields__}
    return Settings(**{**named, **options})


def dials(**values: float) -> Dials:
    return DIALS_AS_PUBLISHED._replace(**{name: jnp.float32(value) for name, value in values.items()})


def land(size: int, **layers: Any) -> Terrain:
    """The same everywhere, or as given: half full, dear to nobody."""
    usual = {**dict.fromkeys(Terrain._fields, 1.0), "energy": 4.0, "capacity": 8.0, "bit": 0.0}
    return Terrain(**{n: jnp.broadcast_to(jnp.float32(v), (size, size)) for n, v in {**usual, **layers}.items()})


def moment(
    s: Settings,
    agents: Sequence[Sequence[float]] = (),
    robots: Sequence[Sequence[float]] = (),
    terrain: Terrain | None = None,
    garbage: float = 0.0,
    genome: Any = None,
) -> State:
    """Agents alive and active robots in these places; what is in free slots is garbage."""
    n, m, terrain = s.agents, s.robot_slots, land(s.size) if terrain is None else terrain

    def filled(count: int, places: Sequence[Sequence[float]], *shape: int) -> jax.Array:
        return jnp.asarray(np.where(np.arange(count) < len(places), 0.0, garbage)[(...,) + (None,) * len(shape)]) + (
            jnp.zeros((count, *shape))
        )

    def at(count: int, places: Sequence[Sequence[float]]) -> jax.Array:
        given = jnp.asarray(np.reshape(places, (-1, 2)), jnp.float32)
        return filled(count, places, 2).at[: len(places)].set(given)

    alive, active = jnp.arange(n) < len(agents), jnp.arange(m) < len(robots)
    if genome is None:
        genome = {name: jnp.zeros((n, *shape), jnp.float16) for name, shape in shapes_of(s).items()}
    lattice = {name: jnp.zeros((6, r, r)) for name, r in (("coarse", s.lattice), ("fine", 2 * s.lattice))}
    return State(
        t=jnp.int32(0),
        agents=Agents(
            alive=alive,
            energy=jnp.where(alive, 32.0, filled(n, agents)),
            age=filled(n, agents),
            x=at(n, agents),
            tag=filled(n, agents, TAG),
            outbox=filled(n, agents, MESSAGE),
            inbox=filled(n, agents, MESSAGE),
            action=filled(n, agents, RECORD),
            hidden=filled(n, agents, 2, s.width),
            genome=genome,
            uid=jnp.where(alive, jnp.arange(n, dtype=jnp.int32), -1),
            parent_uid=jnp.full(n, -1, jnp.int32),
            birth_step=jnp.zeros(n, jnp.int32),
            generation=jnp.zeros(n, jnp.int32),
            mutation=jnp.ones(n),
        ),
        robots=Robots(
            active=active,
            energy=jnp.where(active, 64.0, 0.0),
            memory=filled(m, robots, MESSAGE),
            program=filled(m, robots, MESSAGE),
            x=at(m, robots),
            told=jnp.full(m, -1000, jnp.int32),
        ),
        terrain=terrain,
        base=terrain,
        phase=lattice,
        bank=jax.tree.map(lambda w: w[: s.first], genome),
        next_uid=jnp.int32(len(agents)),
        now=jnp.zeros(len(NUMBERS)),
        sums=jnp.zeros(len(NUMBERS)),
    )


def brains(s: Settings, seed: int = 0) -> Any:
    """Lively brains for all slots; those of newborn worlds take longer to compile."""
    rng = np.random.default_rng(seed)
    return {
        name: jnp.asarray(rng.normal(0, (2 / shape[0]) ** 0.5, (s.agents, *shape)), jnp.float16)
        for name, shape in shapes_of(s).items()
    }


def intent(s: Settings, state: State, record: Any, send: Any = 0.0, show: Any = 0.0) -> Thought:
    """What agents would do with these outputs, whatever their brains are; numbers for all of them, or one row each."""
    n, (ka, kr) = s.agents, s.reached
    alive = state.agents.alive[:, None]
    record, send, show = (
        jnp.where(alive, jnp.broadcast_to(jnp.asarray(a, jnp.float32), (n, width)), 0)
        for a, width in ((record, RECORD), (send, MESSAGE), (show, MESSAGE))
    )
    agents, _ = nearest(state.agents.x, state.agents.x, state.agents.alive, ka, s.side, jnp.arange(n))
    robots, _ = nearest(state.agents.x, state.robots.x, state.robots.active, kr, s.side)
    return Thought(Deeds(state.agents.alive, state.agents.x, record, send), show, state.agents.hidden, agents, robots)


def record(**amounts: float) -> np.ndarray:
    """An action record: `move_x=1, eat=1`, edits as `edit_growth=1`."""
    names = ("move_x", "move_y", "push", "eat", "reproduce", "hit", "gate")
    edits = ("edit_growth", "edit_move", "edit_push", "edit_message", "edit_birth")
    found = np.zeros(RECORD, np.float32)
    for name, amount in amounts.items():
        found[(names + edits).index(name)] = amount
    return found


def message(**amounts: float) -> np.ndarray:
    """A result of a robot, or the message that asks for it: a record with `tape`, `keep` and `bit`."""
    places = {"tape": 12, "keep": 13, "bit": 15}
    found = np.zeros(MESSAGE, np.float32)
    found[:RECORD] = record(**{name: amount for name, amount in amounts.items() if name not in places})
    for name, place in places.items():
        found[place] = amounts.get(name, 0)
    return found


def across(axis: int, way: int, side: float, gap: float = 2.0) -> list[list[float]]:
    """Two places beside a border, the second one `gap` further on, beyond it."""
    first = side - gap / 2 if way > 0 else gap / 2
    places = [[40.0, 40.0], [40.0, 40.0]]
    places[0][axis], places[1][axis] = first, (first + way * gap) % side
    return places

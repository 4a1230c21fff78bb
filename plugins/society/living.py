"""The agents' part of a step: all look at the same moment, think, and act at once."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from alife.types import PRNGKey

from .brain import MESSAGE, OUTPUTS, Seen, think
from .effects import EAT, GATE, REPRODUCE, Deeds, Reach
from .settings import Settings
from .space import RECORD, Agents, State, cell_of, way
from .terrain import stacked

FAINT = 1e-4
"""Added to what a logarithm is taken of."""


class Thought(NamedTuple):
    """What the agents have made of a moment."""

    deeds: Deeds
    show: Float[Array, "N S"]
    hidden: Float[Array, "N 2 H"]
    agents: Reach
    robots: Reach


def block_of(agents: int) -> int:
    """Agents that think at the same time.

    On a processor few, so that what they think of stays in its cache; and blocks in which nobody is alive cost nothing.
    """
    return min(agents, 4) if jax.default_backend() == "cpu" else agents


def thought(state: State, settings: Settings, key: PRNGKey) -> Thought:
    """What all agents do, and whom each can reach."""
    agents, n = state.agents, settings.agents
    mix_key, think_key = jax.random.split(key)
    view = View(state, settings, mix_key)
    block = block_of(n)
    count = -(-n // block)
    peopled = jnp.any(jnp.pad(agents.alive, (0, count * block - n)).reshape(count, block), axis=1)
    order = jnp.nonzero(peopled, size=count, fill_value=0)[0]
    ka, kr = settings.reached
    reach = [jnp.zeros((n, k), kind) for k in (ka, kr) for kind in (jnp.int32, bool)]

    def of_block(i: Array, made: tuple[Array, ...]) -> tuple[Array, ...]:
        first = jnp.minimum(order[i] * block, n - block)
        slots = first + jnp.arange(block)
        genome = brains(agents, slots, settings)
        seen, others, robots = view.of(slots)
        hidden = jax.lax.dynamic_slice_in_dim(agents.hidden, first, block)
        out, hidden = think(genome, seen, hidden, jax.random.fold_in(think_key, order[i]), settings.brain)
        new = (out, hidden, *others, *robots)
        return tuple(jax.lax.dynamic_update_slice_in_dim(a, b, first, 0) for a, b in zip(made, new, strict=True))

    start = (jnp.zeros((n, OUTPUTS)), agents.hidden, *reach)
    out, hidden, *reach = jax.lax.fori_loop(0, jnp.sum(peopled), of_block, start)
    # a brain whose weights have run away does nothing
    out = jnp.where(agents.alive[:, None] & jnp.isfinite(out), out, 0)
    hidden = jnp.nan_to_num(hidden)
    switches = jnp.array([EAT, REPRODUCE])  # eating and reproducing are done or not
    record = out[:, :RECORD].at[:, switches].set((out[:, switches] > 0).astype(jnp.float32))
    record = record.at[:, GATE].set(jax.nn.relu(record[:, GATE]))
    show, send = out[:, RECORD : RECORD + MESSAGE], out[:, RECORD + MESSAGE :]
    deeds = Deeds(agents.alive, agents.x, record, send)
    return Thought(deeds, show, hidden, Reach(*reach[:2]), Reach(*reach[2:]))


def brains(agents: Agents, slots: Int[Array, " B"], settings: Settings) -> Any:
    """What steers the agents in B slots that lie side by side: their genomes, as numbers of 32 bits."""
    if settings.births == "drift":
        other = (slots + settings.agents // 2) % settings.agents
        return jax.tree.map(lambda w: w[other].astype(jnp.float32), agents.genome)
    count = len(slots)
    return jax.tree.map(lambda w: jax.lax.dynamic_slice_in_dim(w, slots[0], count).astype(jnp.float32), agents.genome)


class View:
    """A moment, described once for everyone who looks at it."""

    def __init__(self, state: State, settings: Settings, key: PRNGKey) -> None:
        agents, robots = state.agents, state.robots
        self.settings, self.agents, self.robots = settings, agents, robots
        self.layers = stacked(state.terrain, settings.sees_bit)
        outbox, inbox = heard(agents, settings.messages, key)
        self.inbox = agents.inbox if settings.messages == "heard" else inbox
        self.described = self._described(agents, outbox, inbox)
        energy = jnp.log(jax.nn.relu(robots.energy) + FAINT)[:, None]
        self.robot = jnp.concatenate([energy, robots.memory, robots.program], axis=1)

    @staticmethod
    def _described(agents: Agents, outbox: Array, inbox: Array) -> Float[Array, "N A"]:
        logs = jnp.stack([jnp.log(agents.energy + FAINT), jnp.log(agents.age + FAINT)], axis=1)
        return jnp.concatenate([logs, jnp.zeros_like(agents.x), agents.action, agents.tag, outbox, inbox], axis=1)

    def of(self, slots: Int[Array, " B"]) -> tuple[Seen, Reach, Reach]:
        """What the agents in these slots see, and whom they reach."""
        settings, agents, robots = self.settings, self.agents, self.robots
        x, side = agents.x[slots], settings.side
        ka, kr = settings.reached
        others, to_others = nearest(x, agents.x, agents.alive, ka, side, slots)
        machines, to_machines = nearest(x, robots.x, robots.active, kr, side)
        own = self.described[slots]
        own = own.at[:, 2:4].set(x / (side / 2) - 1)
        # one's own outbox is one's own memory, whatever becomes of what others say
        own = own.at[:, -2 * MESSAGE : -MESSAGE].set(agents.outbox[slots]).at[:, -MESSAGE:].set(self.inbox[slots])
        seen = self.described[others.who].at[:, :, 2:4].set(to_others / settings.sight)
        robot = self.robot[machines.who]
        robot = jnp.concatenate([robot[..., :1], to_machines / settings.sight, robot[..., 1:]], axis=-1)
        there = jnp.concatenate([others.there, machines.there], axis=1)
        # what is not there is blank: attention leaves it out, but a NaN would come through
        seen = jnp.where(others.there[..., None], seen, 0)
        robot = jnp.where(machines.there[..., None], robot, 0)
        return Seen(own, seen, robot, self._patch(x), there), others, machines

    def _patch(self, x: Float[Array, "B 2"]) -> Float[Array, "B P"]:
        size, around = self.settings.size, jnp.arange(-self.settings.patch, self.settings.patch + 1)
        row, column = jnp.divmod(cell_of(x, size), size)
        rows, columns = (row[:, None] + around) % size, (column[:, None] + around) % size
        return self.layers[rows[:, :, None], columns[:, None, :]].reshape(len(x), -1)


def heard(agents: Agents, how: str, key: PRNGKey) -> tuple[Float[Array, "N S"], Float[Array, "N S"]]:
    """Outboxes and inboxes as they are heard, see `alife.plugins.society.settings.Settings`."""
    if how == "silent":
        return jnp.zeros_like(agents.outbox), jnp.zeros_like(agents.inbox)
    if how == "noise":
        noise = jax.random.uniform(key, (2, *agents.outbox.shape), minval=-1, maxval=1)
        return noise[0], noise[1]
    if how == "shuffled":
        other = somebody_else(agents.alive)
        return agents.outbox[other], agents.inbox[other]
    return agents.outbox, agents.inbox


def somebody_else(alive: Bool[Array, " N"]) -> Int[Array, " N"]:
    """For everyone alive another one who is, each taken once; everyone else stays.

    >>> somebody_else(jnp.array([True, False, True, True])).tolist()
    [2, 1, 3, 0]
    """
    n = len(alive)
    order = jnp.nonzero(alive, size=n, fill_value=n)[0]
    count = jnp.sum(alive)
    after = order[(jnp.arange(n) + 1) % jnp.maximum(count, 1)]
    return jnp.arange(n).at[order].set(after, mode="drop")


def nearest(
    x: Float[Array, "B 2"],
    others: Float[Array, "T 2"],
    there: Bool[Array, " T"],
    count: int,
    side: float,
    own: Int[Array, " B"] | None = None,
) -> tuple[Reach, Float[Array, "B K 2"]]:
    """The nearest that are there, and the way to each; `own`: the numbers of those who look, as nobody sees itself."""
    d = way(x[:, None], others, side)
    squared = jnp.where(there, jnp.sum(d**2, axis=-1), jnp.inf)
    if own is not None:
        squared = jnp.where(own[:, None] == jnp.arange(len(others)), jnp.inf, squared)
    closeness, who = jax.lax.top_k(-squared, count)
    found = Reach(who, jnp.isfinite(closeness))
    return found, jnp.take_along_axis(d, who[..., None], axis=1)

"""The substrate `society`: agents with evolving brains, robots that messages program, land with weather."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from alife.errors import BadOption
from alife.types import Parameter, PRNGKey, Tree
from alife.worlds.lattice import disc

from .births import KEPT, START, founders, population
from .brain import random_brain
from .communication import effects_of_messages
from .dice import either_way, thrown
from .numbers import NUMBERS, by_name, measured
from .picture import picture
from .settings import DIALS, Dials, Settings, dial_parameters, dials_of, option_parameters
from .space import CELL, MESSAGE, TAG, Robots, State, way
from .stepping import stepped
from .terrain import MAPS, dice_for_noise, flooded, of_noise, phases

PARTS = ("world", "brain")
LONG_AGO = -1_000_000


class World(NamedTuple):
    """A genotype made ready."""

    dials: Dials
    brain: Any
    """Of the founders; None = each has a random one."""
    tag: Float[Array, "8"] | None


@dataclass(frozen=True, eq=False)
class Society(Settings):
    """Agents with attention and memory that eat, talk, fight, build and breed, on land that drifts, among machines.

    Up to 128 agents see the terrain around, the nearest others and robots, and choose 44 numbers a step: where to go,
    whether to eat, to breed, to push, hit or give, what to show, what to send, how to change the land.  Whoever has
    enough energy can have a child with a slightly changed brain; without energy it dies: so brains evolve inside the
    world, whatever a search does.  A message that reaches a robot becomes its program.

    The genotype has a part for each name in `search`: `world`, the numbers of `alife.plugins.society.settings.DIALS`,
    where 0 is the published value and 1 twice as much; `brain`, the weights of the founders' brain, and their tag.

    Args:
        search: what is searched, of world and brain; what is not is as published, or random.
        agents, robots, size, ...: see `alife.plugins.society.settings.Settings`.

    Raises:
        BadOption: an option out of range, or more founders than slots.

    Source: Lu, Beukman, Matthews, Foerster 2024 (JaxLife, arXiv:2409.00853), with its defects mended.
    """

    search: Sequence[str] = ("world",)

    def __post_init__(self) -> None:
        super().__post_init__()
        names = tuple(self.search) if isinstance(self.search, list | tuple) else ()
        if not names or len(set(names)) < len(names) or not set(names) <= set(PARTS):
            raise BadOption(
                f"search is {self.search!r}; expected a list such as ['world'] of {', '.join(PARTS)}, none twice"
            )
        object.__setattr__(self, "search", names)

    def default_params(self, rng: PRNGKey) -> Tree:
        """Standard normal numbers for the world, a random brain."""
        world_key, brain_key, tag_key = jax.random.split(rng, 3)
        params: dict[str, Any] = {}
        if "world" in self.search:
            params["world"] = jax.random.normal(world_key, (len(DIALS),))
        if "brain" in self.search:
            params["brain"] = random_brain(brain_key, self)
            params["tag"] = jax.random.uniform(tag_key, (TAG,), minval=-1, maxval=1)
        return params

    def express(self, params: Tree) -> World:
        """The numbers that the genotype stands for."""
        genes = params.get("world", jnp.zeros(len(DIALS)))
        return World(dials_of(genes), params.get("brain"), params.get("tag"))

    def init_state(self, rng: PRNGKey, params: World) -> State:
        """Full land, founders and idle robots, each anywhere."""
        self, dials = self, params.dials
        dice_key, brain_key, map_key = jax.random.split(rng, 3)
        slots, n = self.robot_slots, self.agents
        wanted = {"tags": (n, TAG), "agents": (n, 2), "robots": (slots, 2)}
        dice = thrown(dice_key, **wanted, **dice_for_noise(self.lattice))
        phase, kind = phases(dice), MAPS[self.terrain]
        base = of_noise(phase, self.size, dials) if kind.base is None else kind.base(map_key, self.size)
        base = flooded(base, jnp.int32(0)) if kind.seasons else base
        bank = founders(brain_key, self, dials, params.brain)
        tags = either_way(dice["tags"]) if params.tag is None else jnp.broadcast_to(params.tag, (n, TAG))
        count = jnp.round(self.robots * dials.robot_share)
        robots = Robots(
            active=jnp.arange(slots) < count,
            energy=START * (jnp.arange(slots) < count).astype(jnp.float32),
            memory=jnp.zeros((slots, MESSAGE)),
            program=jnp.zeros((slots, MESSAGE)),
            x=self.side * dice["robots"],
            told=jnp.full(slots, LONG_AGO, jnp.int32),
        )
        return State(
            t=jnp.int32(0),
            agents=population(self, bank, jnp.clip(tags, -1, 1), dice["agents"]),
            robots=robots,
            terrain=base,
            base=base,
            phase=phase,
            bank=bank,
            next_uid=jnp.int32(self.first),
            now=jnp.zeros(len(NUMBERS)),
            sums=jnp.zeros(len(NUMBERS)),
        )

    def step_state(self, rng: PRNGKey, state: State, params: World) -> State:
        """One step: agents, deaths, births, robots, land."""
        return stepped(rng, state, self, params.dials)

    def render_state(self, state: State, params: World, img_size: int) -> Float[Array, "H W 3"]:
        """Water and land from above, agents in the colours of their kin, robots grey."""
        return picture(state, self, img_size)

    def measures(self, state: State, params: World) -> dict[str, Float[Array, ""]]:
        """Means over the epoch so far; where it says now, of this moment.

        population: agents alive, 0 to the number of slots.
        births, deaths: per step.
        energy: of an agent, mean.
        age: of an agent, steps, mean.
        ancestors: generations behind an agent, mean, now.
        deepest: generations behind the agent that has most, now.
        tag_diversity: standard deviation of tags, in [0, 1]; 0 where all are kin.
        eaten_per_capita: energy that an agent eats per step.
        throughput_per_capita: energy spent by agents and robots per step and agent alive.
        agriculture: growth of the land above what it would be by itself; below 0: spoilt.
        terraforming: mean distance of the five editable layers from the land by itself, summed.
        bridges: share of the water on which walking costs less than half of what it would, in [0, 1].
        told: share of the robots that got a message in the last 16 steps.
        programmed: share of the robots whose program is not blank.
        tool_use: share of the food that was eaten within 32 world units of a robot told in the last 16 steps.
        push, hit, sending: mean strength, in [0, 1].
        health: distance of the population from 0.7 of the slots, of the slots; 0 is best.
        silence, shuffling, noise: change of the actions when messages are blank, somebody else's, or random: in [0, 2].
        information: bits that messages seen and actions share, at least; see `alife.plugins.society.communication`.
        saliency_terrain, saliency_agents, saliency_robots, saliency_self, saliency_inboxes, saliency_messages,
        saliency_own: how much the mean action turns with a part of what is seen, per unit of that.
        """
        so_far = jnp.maximum((state.t - 1) % self.epoch + 1, 1)
        found = measured(state.now, state.sums / so_far)
        if self.communication:
            found |= effects_of_messages(state, self)
        return found

    def moment(self, state: State, params: World) -> dict[str, Float[Array, ""]]:
        """All numbers of the last step, see `alife.plugins.society.numbers`."""
        return by_name(state.now)

    def individuals(self, state: State, params: World) -> dict[str, Int[Array, " N"]]:
        """Who is alive, and whose child each is."""
        return {"id": state.agents.uid, "parent": state.agents.parent_uid}

    def keep_state(self, state: State, params: World) -> Tree:
        """What people look at: everything but brains and what comes from the seed anyway."""
        agents, robots, terrain = state.agents, state.robots, state.terrain
        kept = {"x": agents.x, "tag": agents.tag.astype(jnp.float16), "energy": agents.energy, "uid": agents.uid}
        kept |= {"parent_uid": agents.parent_uid, "generation": agents.generation, "action": agents.action.astype(KEPT)}
        machines = {"x": robots.x, "memory": robots.memory.astype(KEPT), "program": robots.program.astype(KEPT)}
        land = {name: layer.astype(KEPT) for name, layer in terrain._asdict().items()}
        return {"agents": kept, "robots": machines, "terrain": land}

    def poke(self, state: State, params: World, place: Array, radius: Array, strength: Array) -> State:
        """Above 0 food falls from the sky, below 0 agents that are touched lose their energy, and the land its food."""
        terrain, agents = state.terrain, state.agents
        centre = (place * self.side)[::-1]  # the first coordinate goes down the picture
        near = disc((self.size, self.size), centre / CELL, radius * self.size)
        energy = jnp.where(near, terrain.energy + strength * terrain.capacity, terrain.energy)
        touched = jnp.sum(way(agents.x, centre, self.side) ** 2, axis=-1) < (radius * self.side) ** 2
        left = jnp.where(touched & (strength < 0), agents.energy * (1 + strength), agents.energy)
        return state._replace(
            terrain=terrain._replace(energy=jnp.clip(energy, 0, terrain.capacity)), agents=agents._replace(energy=left)
        )

    def scaled(self, times: int) -> tuple[int, dict[str, Any]]:
        """As crowded a society with so many times the agents, robots and land."""
        counts = {"agents": self.agents * times, "robots": self.robots * times}
        return self.agents * times, {**counts, "size": round(self.size * times**0.5)}

    def parameters(self) -> dict[str, Parameter]:
        """The dials, where they are searched, and options that are numbers."""
        place = 0
        if "brain" in self.search:  # parts lie in the order of their names: brain, tag, world
            example = jax.eval_shape(self.default_params, jax.random.key(0))
            place = sum(int(leaf.size) for leaf in jax.tree.leaves({k: v for k, v in example.items() if k != "world"}))
        return (dial_parameters(place) if "world" in self.search else {}) | option_parameters()

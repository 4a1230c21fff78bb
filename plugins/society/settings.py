"""What a society is set to: the dials that a search may turn, and the options that are fixed for all its worlds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from alife.errors import BadOption
from alife.options import one_of, real, whole
from alife.types import Parameter


class Dials(NamedTuple):
    """The numbers of one world; the defaults are those of the published society where it has them."""

    eat_rate: Float[Array, ""]
    life_cost: Float[Array, ""]
    age_cost: Float[Array, ""]
    birth_price: Float[Array, ""]
    child_energy: Float[Array, ""]
    mutation: Float[Array, ""]
    hit: Float[Array, ""]
    hit_cost: Float[Array, ""]
    speed: Float[Array, ""]
    push: Float[Array, ""]
    edit: Float[Array, ""]
    growth: Float[Array, ""]
    capacity: Float[Array, ""]
    relaxation: Float[Array, ""]
    weather: Float[Array, ""]
    steal: Float[Array, ""]
    message_price: Float[Array, ""]
    roughness: Float[Array, ""]
    robot_share: Float[Array, ""]


class Dial(NamedTuple):
    """How a number g of the genotype, usually within a few units of 0, becomes a number of the world."""

    default: float
    """At g = 0."""
    low: float
    high: float
    unit: str
    meaning: str
    from_zero: float = 0.0
    """Slope above 0 of a dial that is off at g <= 0; 0 = the dial is log-scaled, default x 2^g."""


DIALS: dict[str, Dial] = {
    "eat_rate": Dial(0.2, 0.01, 1, "of the food in a cell", "what an eater takes; higher: land is grazed bare sooner"),
    "life_cost": Dial(0.25, 0.01, 4, "energy per step", "price of being alive; higher: only the well fed last"),
    "age_cost": Dial(1 / 256, 1e-4, 0.1, "energy per step, per step of age", "price of being old; higher: short lives"),
    "birth_price": Dial(32, 1, 512, "energy", "of a child in a full world on the dearest land; higher: fewer births"),
    "child_energy": Dial(32, 1, 512, "energy", "what a child begins with; higher: easy youth"),
    "mutation": Dial(0.01, 1e-4, 0.3, "", "deviation of a child's weights from its parent's; higher: less like it"),
    "hit": Dial(1, 0.01, 32, "energy", "lost by who is hit with all force; higher: deadlier"),
    "hit_cost": Dial(0.4, 0.01, 8, "energy", "price of hitting or giving with all force; higher: peace"),
    "speed": Dial(0.5, 0.02, 8, "world units per step", "of the fastest, along an axis; higher: wider ways"),
    "push": Dial(1, 0.01, 8, "world units", "that who is pushed with all force moves; higher: more is moved"),
    "edit": Dial(0.1, 0.002, 1, "per step", "change of a layer edited with all force; higher: faster terraforming"),
    "growth": Dial(1, 0.05, 8, "", "factor on the growth of food; higher: more food, and faster deserts"),
    "capacity": Dial(1, 0.1, 8, "", "factor on the food that fits into a cell of noise; higher: a richer world"),
    "relaxation": Dial(0.005, 1e-5, 0.2, "per step", "how fast fertile land heals; higher: nothing built lasts"),
    "weather": Dial(0.001, 1e-6, 0.1, "turns per step", "how fast noise drifts; higher: good land moves on sooner"),
    "steal": Dial(0, 0, 1, "of what a hit takes", "that the hitter gains; higher: predators", 0.25),
    "message_price": Dial(0, 0, 32, "", "factor on the price of sending; higher: who talks pays", 1.0),
    "roughness": Dial(0, 0, 2, "", "weight of a second, finer octave of noise; higher: smaller patches", 0.5),
    "robot_share": Dial(1, 0, 1, "of the slots", "robots that there are; below 0: fewer"),
}


def dials_of(genes: Float[Array, " D"]) -> Dials:
    """The numbers of a world from the genotype's; all zeros are the defaults.

    >>> dials = dials_of(jnp.zeros(len(DIALS)))
    >>> round(float(dials.eat_rate), 3), float(dials.steal)
    (0.2, 0.0)
    """
    values = []
    for dial, g in zip(DIALS.values(), genes, strict=True):
        free = dial.from_zero * g if dial.from_zero else dial.default * 2.0**g
        values.append(jnp.clip(free, dial.low, dial.high))
    return Dials(*values)


def dial_parameters(first: int) -> dict[str, Parameter]:
    """Sliders for the dials, which begin at this place of the flat genotype."""
    found = {}
    for place, (name, dial) in enumerate(DIALS.items(), first):
        scale = f"{dial.from_zero:g} g above 0" if dial.from_zero else f"{dial.default:.3g} x 2^g"
        unit = f", {dial.unit}" if dial.unit else ""
        found[name] = Parameter(-4, 4, "", f"{dial.meaning} ({scale}{unit})", (place, place + 1))
    return found


BRAINS = ("lstm", "gru", "mlp", "random", "zero", "eat_only")
ROBOT_BRAINS = ("program", "dot", "random")
MESSAGES = ("heard", "silent", "shuffled", "noise")
TERRAINS = ("noise", "random", "two_islands", "four_islands", "two_islands_weather", "four_islands_weather")


@dataclass(frozen=True)
class Settings:
    """Options of a society.

    Args:
        agents: slots for agents (N).
        robots: robots (M); 0 = none.
        size: cells along an edge (G), each 8 world units wide.
        founders: agents alive in the beginning; None = a quarter of the slots.
        terrain: `noise`, `random`, `two_islands`, `four_islands`, or islands with `_weather`, whose crossings open and
            close with the seasons.
        lattice: lattice lines of the noise along an edge; more: smaller lands.
        sees_agents: how many others an agent sees and reaches, the nearest.
        sees_robots: how many robots it sees and reaches, the nearest.
        sight: ways to others are seen in units of this, world units.
        patch: cells that an agent sees to each side of its own.
        sees_bit: whether agents see the tape of the robots, too.
        brain: `lstm`, `gru` or `mlp`; `random`, `zero` and `eat_only` are for comparison.
        width: numbers in every layer of a brain (H), a multiple of 4.
        robot_brain: `program` (what messages say), `dot` (program times what is heard) or `random`.
        robot_ticks: turns of the robots in each step.
        robots_need_energy: whether a robot without energy does nothing.
        weather_every: steps between two looks at the weather, which then moves as far.
        capacity_follows_weather: whether what fits into a cell drifts with the noise.
        reseed: random founders `on_extinction`, to the `floor` of the first number of founders, or `none`.
        births: `chosen`: whoever can pays for a child; or, as controls, `none`: nobody is born, and `drift`: every body
            is steered by the brain in another slot and hands on the one in its own, so that nothing a brain does has a
            say in how many copies of it there are.
        messages: `heard`; or, as controls, `silent` (all that others say is blank), `shuffled` (everyone gets what was
            meant for somebody else) or `noise`.
        conserve_food: whether those who eat from one cell share what is there.
        conserve_gifts: whether the energy that an agent or a robot gives is its own; else each of those around gets
            as much, out of nothing, for a fixed price, and whole societies live on that.
        conserve_births: whether a child's energy is taken from its parent.
        signed_costs: whether giving and undoing pay, as in the published code; energy can then be minted.
        crossover: whether a child takes each weight from its parent or from the parent's nearest neighbour.
        evolve_mutation: whether every lineage has a mutation rate of its own, which mutates as well.
        epoch: steps over which the measures are means.
        communication: whether the measures say what messages do to actions; costs a few hundredths of a second.
        robot_bits: whether robots are drawn by their data bit.
        arcs: whether messages are drawn.
    """

    agents: int = 128
    robots: int = 32
    size: int = 128
    founders: int | None = None
    terrain: str = "noise"
    lattice: int = 4
    sees_agents: int = 16
    sees_robots: int = 2
    sight: float = 64.0
    patch: int = 4
    sees_bit: bool = False
    brain: str = "lstm"
    width: int = 64
    robot_brain: str = "program"
    robot_ticks: int = 4
    robots_need_energy: bool = False
    weather_every: int = 16
    capacity_follows_weather: bool = False
    reseed: str = "on_extinction"
    births: str = "chosen"
    messages: str = "heard"
    conserve_food: bool = True
    conserve_gifts: bool = True
    conserve_births: bool = False
    signed_costs: bool = False
    crossover: bool = False
    evolve_mutation: bool = False
    epoch: int = 512
    communication: bool = False
    robot_bits: bool = False
    arcs: bool = False

    def __post_init__(self) -> None:
        whole("agents", self.agents, 1, 1_000_000)
        whole("robots", self.robots, 0, 1_000_000)
        whole("size", self.size, 8, 16_384, "cells")
        if self.founders is not None:
            whole("founders", self.founders, 1, self.agents, "at most one for each slot of agents")
        one_of("terrain", self.terrain, TERRAINS)
        whole("lattice", self.lattice, 1, self.size // 4, "a line in four cells at most")
        whole("sees_agents", self.sees_agents, 1, 1024)
        whole("sees_robots", self.sees_robots, 1, 1024)
        real("sight", self.sight, 1, 1e5, "world units")
        whole("patch", self.patch, 0, min(16, (self.size - 1) // 2), "cells to each side, less than half of the map")
        one_of("brain", self.brain, BRAINS)
        whole("width", self.width, 4, 1024)
        if self.width % 4:
            raise BadOption(f"width is {self.width}; expected a multiple of 4, as there are 4 heads")
        one_of("robot_brain", self.robot_brain, ROBOT_BRAINS)
        whole("robot_ticks", self.robot_ticks, 0, 64)
        whole("weather_every", self.weather_every, 1, 4096, "steps")
        one_of("reseed", self.reseed, ("on_extinction", "floor", "none"))
        one_of("births", self.births, ("chosen", "drift", "none"))
        one_of("messages", self.messages, MESSAGES)
        whole("epoch", self.epoch, 1, 1_000_000, "steps")
        for name in SWITCHES:
            one_of(name, getattr(self, name), (False, True))

    @property
    def first(self) -> int:
        """Founders."""
        return max(1, self.agents // 4) if self.founders is None else self.founders

    @property
    def side(self) -> float:
        """Edge of the world, world units."""
        return 8.0 * self.size

    @property
    def robot_slots(self) -> int:
        """At least one, as arrays of nothing cannot be looked through; without robots it is not active."""
        return max(1, self.robots)

    @property
    def reached(self) -> tuple[int, int]:
        """How many agents and robots an agent can see."""
        return min(self.sees_agents, self.agents), min(self.sees_robots, self.robot_slots)


SWITCHES = tuple(name for name, kind in Settings.__annotations__.items() if kind == "bool")


def option_parameters() -> dict[str, Parameter]:
    """Sliders for the options that are numbers."""
    return {
        "agents": Parameter(16, 1024, "slots", "most agents that can live; more: a fuller, slower world"),
        "robots": Parameter(0, 256, "robots", "how many there are; more: more hands for messages"),
        "sight": Parameter(8, 512, "world units", "unit in which ways to others are seen; longer: the far looks near"),
        "robot_ticks": Parameter(0, 16, "turns per step", "of the robots; more: longer computations per message"),
    }

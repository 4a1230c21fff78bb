"""Named experiments: what societies are said to do, tried over several seeds beside controls.

Every experiment is a world of the catalog, a hypothesis, and controls in which the cause is taken away.  What comes out
is printed whatever it is: a claim counts as supported where it holds in every seed against every control.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from alife.config import load_world
from alife.genotype import GenotypeSpace
from alife.types import PRNGKey

from .numbers import NUMBERS
from .robots import BIT, KEEP, program_of, turn
from .society import Society, World
from .space import State
from .stepping import machined

Tell = Callable[[str], None]
STEPS = 512
"""Of an epoch."""
ARENA = 128
"""Steps for which foragers are watched at most, in a world in which nobody is born."""


class Found(NamedTuple):
    """What came out: a number for each seed, by arm and measure."""

    values: Mapping[str, Mapping[str, Sequence[float]]]
    """Arm -> measure -> one number for each seed; the first arm is the one that the hypothesis is about."""
    higher: Sequence[str]
    """Measures that it says are higher in the first arm than in every other."""


class Experiment(NamedTuple):
    """A claim about societies, and how it is tried."""

    world: str
    """Of the catalog."""
    hypothesis: str
    controls: str
    """What it is compared with, and why."""
    run: Callable[[Society, Array, Sequence[int], int, Tell], Found]
    """Society, genotype, seeds, epochs -> what came out."""


class Run:
    """One society and its compiled epoch."""

    def __init__(self, society: Society, genotype: Array) -> None:
        self.society = society
        self.params: World = society.express(GenotypeSpace(society, "society").unflatten(genotype))
        self.begin = jax.jit(lambda key: society.init_state(key, self.params))
        self._epoch = jax.jit(self._steps, static_argnums=2)
        self.measures = jax.jit(lambda state: society.measures(state, self.params))

    def _steps(self, state: State, key: PRNGKey, steps: int) -> State:
        def step(i: Array, state: State) -> State:
            return self.society.step_state(jax.random.fold_in(key, i), state, self.params)

        return jax.lax.fori_loop(0, steps, step, state)

    def live(self, seed: int, epochs: int) -> State:
        """The state after so many epochs; after 16 steps where there are none."""
        start_key, key = jax.random.split(jax.random.key(seed))
        state = self.begin(start_key)
        for epoch in range(epochs):
            state = self._epoch(state, jax.random.fold_in(key, epoch), STEPS)
        return state if epochs else self._epoch(state, key, 16)

    def arena(self, state: State, seed: int) -> float:
        """Energy that an agent with the brain of one of a state's eats in its life, in a new world without births."""
        fresh = self.begin(jax.random.key(10_000 + seed))
        alive = np.flatnonzero(np.asarray(state.agents.alive))
        chosen = np.random.default_rng(seed).choice(alive, self.society.first, replace=len(alive) < self.society.first)
        genome = jax.tree.map(
            lambda new, old: new.at[: self.society.first].set(old[chosen]), fresh.agents.genome, state.agents.genome
        )
        fresh = fresh._replace(agents=fresh.agents._replace(genome=genome))
        after = self._epoch(fresh, jax.random.key(seed), ARENA)
        return float(after.sums[NUMBERS.index("eaten")]) / self.society.first


def compared(arms: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> Callable[..., Found]:
    """An experiment that compares measures of the last epoch; `epochs: 0` in an arm: of its founders."""

    def run(society: Society, genotype: Array, seeds: Sequence[int], epochs: int, tell: Tell) -> Found:
        values: dict[str, dict[str, list[float]]] = {}
        for arm, changes in arms.items():
            options = {name: value for name, value in changes.items() if name != "epochs"}
            alone = Run(replace(society, **options), genotype)
            for seed in seeds:
                tell(f"{arm}, seed {seed}")
                found = alone.measures(alone.live(seed, changes.get("epochs", epochs)))
                for name in names:
                    values.setdefault(arm, {}).setdefault(name, []).append(float(found[name]))
        return Found(values, names)

    return run


def _selection(society: Society, genotype: Array, seeds: Sequence[int], epochs: int, tell: Tell) -> Found:
    arena = Run(replace(society, births="none", epoch=1_000_000), genotype)
    values: dict[str, dict[str, list[float]]] = {}
    for arm, births, length in (
        ("descendants", "chosen", epochs),
        ("drift", "drift", epochs),
        ("founders", "chosen", 0),
    ):
        alone = Run(replace(society, births=births), genotype)
        for seed in seeds:
            tell(f"{arm}, seed {seed}")
            state = alone.live(seed, length) if length else alone.begin(jax.random.split(jax.random.key(seed))[0])
            values.setdefault(arm, {}).setdefault("eaten in the arena", []).append(arena.arena(state, seed))
            deepest = float(jnp.max(jnp.where(state.agents.alive, state.agents.generation, 0)))
            values[arm].setdefault("deepest lineage", []).append(deepest)
    return Found(values, ["eaten in the arena"])


def _scaling(society: Society, genotype: Array, seeds: Sequence[int], epochs: int, tell: Tell) -> Found:
    names = ("ancestors", "information", "throughput_per_capita", "tag_diversity", "terraforming")
    arms: dict[str, dict[str, Any]] = {}
    for times in (2, 1, 0.5):
        count, edge = round(society.agents * times), round(society.size * times**0.5)
        arms[f"{count} agents"] = {"agents": count, "size": edge, "robots": round(society.robots * times)}
    arms["half the width"] = {"width": society.width // 2}
    arms["half the time"] = {"epochs": max(1, epochs // 2)}
    listening = {arm: {**changes, "communication": True} for arm, changes in arms.items()}
    return compared(listening, names)(society, genotype, seeds, epochs, tell)


def pattern(rule: int, start: Bool[np.ndarray, " n"], ticks: int) -> Bool[np.ndarray, "T n"]:
    """An elementary cellular automaton on a ring, the start first.

    Source: Wolfram 1983 (doi:10.1103/RevModPhys.55.601).
    """
    rows = [start]
    for _ in range(ticks):
        left, own, right = np.roll(rows[-1], 1), rows[-1], np.roll(rows[-1], -1)
        rows.append((rule >> (4 * left + 2 * own + right).astype(int) & 1).astype(bool))
    return np.stack(rows)


def ring_of_robots(society: Society, state: State, rule: int, start: Bool[np.ndarray, " n"]) -> State:
    """A state in which the robots stand in a row round the torus, each with the rule as its program, alone."""
    n = len(start)
    row = jnp.stack([jnp.full(n, society.side / 2), (jnp.arange(n) + 0.5) * society.side / n], axis=1)
    memory = jnp.zeros_like(state.robots.memory).at[:, KEEP].set(1.0)
    memory = memory.at[:, BIT].set(jnp.where(jnp.asarray(start), 1.0, -1.0))
    program = jnp.broadcast_to(program_of("lookup", rule), state.robots.program.shape)
    robots = state.robots._replace(x=row, memory=memory, program=program)
    return state._replace(robots=robots, agents=state.agents._replace(alive=jnp.zeros_like(state.agents.alive)))


def computed(society: Society, state: State, ticks: int, params: World) -> Int[np.ndarray, "T n"]:
    """Data bits of the robots over some turns, the start first."""

    def tick(state: State, i: Array) -> tuple[State, Array]:
        after, _ = machined(state, turn(state, society, jax.random.key(0)), society, params.dials)
        return after, after.robots.memory[:, BIT] > 0

    _, rows = jax.jit(lambda state: jax.lax.scan(tick, state, jnp.arange(ticks)))(state)
    return np.concatenate([np.asarray(state.robots.memory[:, BIT] > 0)[None], np.asarray(rows)])


def _rules(society: Society, genotype: Array, seeds: Sequence[int], epochs: int, tell: Tell) -> Found:
    alone, ticks = Run(society, genotype), 64
    values: dict[str, dict[str, list[float]]] = {"robots": {}, "chance": {}}
    for seed in seeds:
        start = np.random.default_rng(seed).random(society.robots) < 0.5
        state = alone.begin(jax.random.key(seed))
        for rule in (110, 90, 30):
            rows = computed(society, ring_of_robots(society, state, rule, start), ticks, alone.params)
            wanted = pattern(rule, start, ticks)
            if rule == 110 and seed == seeds[0]:
                tell("\n".join("".join("█" if bit else "·" for bit in row) for row in rows[:24]))
            same = float((rows == wanted).mean())
            values["robots"].setdefault(f"rule {rule}: bits right", []).append(same)
            guessed = max(wanted.mean(), 1 - wanted.mean())  # always the commoner bit
            values["chance"].setdefault(f"rule {rule}: bits right", []).append(float(guessed))
    return Found(values, list(values["robots"]))


DRIFT = {"births": "drift"}
EXPERIMENTS: dict[str, Experiment] = {
    "selection": Experiment(
        "society_meadow",
        "those who descend from the founders eat more than random founders do, and than those bred without selection",
        "Brains of agents alive at the end are put into a new world in which nobody is born, and what each eats "
        "in up to 128 steps is counted. Controls: brains bred in the same world for as long under drift, where every "
        "body is steered by the brain in another slot and hands on its own (`births = drift`); and the founders.",
        _selection,
    ),
    "communication": Experiment(
        "society_meadow",
        "evolved agents act on what others say, more than founders do, and than those bred without selection",
        "All arms are looked at at the end: how much actions change when messages are blank or somebody else's, "
        "how strongly they turn with messages (saliency), and what messages and actions share (information). "
        "Controls: drift, see [selection](selection.md); agents whose ancestors never heard anything; founders.",
        compared(
            {
                "evolved": {"communication": True},
                "drift": {"communication": True, **DRIFT},
                "deaf ancestors": {"communication": True, "messages": "silent"},
                "founders": {"communication": True, "epochs": 0},
            },
            ("saliency_messages", "silence", "shuffling", "information"),
        ),
    ),
    "agriculture": Experiment(
        "society_meadow",
        "evolved agents raise the growth of the land above what it would be by itself",
        "Counted is the growth of the land above its own, a mean over the last epoch. "
        "Controls: drift, see [selection](selection.md); "
        "agents that act at random.",
        compared({"evolved": {}, "drift": DRIFT, "random acts": {"brain": "random"}}, ("agriculture",)),
    ),
    "tools": Experiment(
        "society_meadow",
        "robots that agents have programmed help them to eat: more is eaten than with robots that do nothing",
        "Counted is what an agent eats per step, and how many there are, in the last epoch. Controls: robots that"
        " never take a turn, and robots whose results are dice.",
        compared(
            {"robots work": {}, "robots idle": {"robot_ticks": 0}, "robots at random": {"robot_brain": "random"}},
            ("eaten_per_capita", "population"),
        ),
    ),
    "bridges": Experiment(
        "society_islands",
        "evolved agents make ways over the water cheap",
        "Counted is the share of the water on which walking costs less than half of what it would, in the last "
        "epoch. Controls: drift, see [selection](selection.md); agents that act at random.",
        compared({"evolved": {}, "drift": DRIFT, "random acts": {"brain": "random"}}, ("bridges",)),
    ),
    "rule110": Experiment(
        "society_meadow",
        "robots in a row compute elementary cellular automata, rule 110, which can compute anything, among them",
        "Robots stand in a ring, each with the lookup table of a rule as its program, and their data bits are "
        "compared with the automaton for 64 turns. Control: to guess the commoner bit always.",
        _rules,
    ),
    "scaling": Experiment(
        "society_meadow",
        "what is complex about a society grows with the number of agents, the width of brains, and time",
        "The same density of agents, robots and land at twice and half the number; half the width of brains; half"
        " the time. The first arm is the largest.",
        _scaling,
    ),
}


def load(name: str) -> tuple[Society, Array]:
    """The society of an experiment and its genotype."""
    config = load_world(EXPERIMENTS[name].world, {"society": STEPS})
    society = Society(**config.options)
    space = GenotypeSpace(society, "society", config.genotype)
    return society, jnp.asarray(space.starts[0] if space.starts is not None else space.centre)


def report(name: str, found: Found, seeds: Sequence[int], epochs: int) -> str:
    """What came out, as text: every number, and for each measure whether the claim holds."""
    experiment = EXPERIMENTS[name]
    lines = [f"{name}: {experiment.hypothesis}", f"world {experiment.world}, {epochs} epochs of {STEPS} steps", ""]
    first, *controls = found.values
    width = max(map(len, found.values))
    verdicts = []
    for measure in found.values[first]:
        lines.append(f"{measure} (seeds {', '.join(map(str, seeds))}; mean)")
        for arm, numbers in found.values.items():
            if measure in numbers:
                each = " ".join(f"{value:9.4g}" for value in numbers[measure])
                lines.append(f"  {arm:{width}}  {each}   {np.mean(numbers[measure]):9.4g}")
        if measure in found.higher:
            verdicts.append(_verdict(measure, found, first, controls))
            lines.append(f"  {verdicts[-1]}")
    return "\n".join(lines)


def page(name: str, said: str, command: str) -> str:
    """The page of an experiment, from what `report` said."""
    experiment = EXPERIMENTS[name]
    return (
        f"# {name.capitalize()}\n\n**Hypothesis:** {experiment.hypothesis}.\n\n"
        f"World: `{experiment.world}`, of [`society`](../substrates/society.md). {experiment.controls}\n\n"
        f"```bash\n{command}\n```\n\n```text\n{said}\n```\n"
    )


def _verdict(measure: str, found: Found, first: str, controls: Sequence[str]) -> str:
    wins = {
        arm: sum(a > b for a, b in zip(found.values[first][measure], found.values[arm][measure], strict=True))
        for arm in controls
    }
    n = len(found.values[first][measure])
    said = ", ".join(f"{count} of {n} against {arm}" for arm, count in wins.items())
    held = all(count == n for count in wins.values())
    return f"{'supported' if held else 'not supported'}: higher in {said}"

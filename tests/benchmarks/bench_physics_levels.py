"""Which of our levels are solved by controllers that evosax finds, and after how many lives; writes the page of levels.

python tests/benchmarks/bench_physics_levels.py [LEVEL ...] [--generations 50] [--keep FOLDER] [--write]

A generation is 64 controllers, each with one life of up to 256 decisions, 512 physics steps; at most `--generations` of
them, with one seed and alife's own defaults for the search.  Lives are deterministic, so one that solves its level does
so for ever.  `--write` writes docs/physics_levels.md and the picture beside it.
"""

from __future__ import annotations

import argparse
import inspect
import os
import sys
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

if hasattr(os, "sched_setaffinity"):  # one core, before any thread is started
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from alife.genotype import GenotypeSpace
from alife.plugins.physics.level import PhysicsLevel
from alife.plugins.physics.life import Life, begin, decide_and_step
from alife.plugins.physics.our_levels import LEVELS
from alife.plugins.physics.picture import picture
from alife.search.evolution_strategies import make
from alife.types import Evaluation

N, GENERATIONS, SEED = 64, 50, 0
MISSED = "not solved"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "physics_levels.md"


class Plan(NamedTuple):
    """By what a level is to be solved."""

    controller: str = "mlp"
    search: str = "CMA_ES"
    hidden: int = 8


PLANS = {
    "car": Plan("linear"),
    "seesaw": Plan("open_loop"),
    "bridge": Plan("open_loop"),
    "stairs": Plan("open_loop"),
    "swing_up": Plan("open_loop"),
    "thrower": Plan("open_loop"),
    "catapult": Plan("open_loop"),
    "gears": Plan("open_loop"),
    "crane": Plan("open_loop"),
    "wrecking_ball": Plan("open_loop"),
    "half_cheetah": Plan("open_loop"),
    "hopper": Plan("open_loop"),
    "walker": Plan("open_loop"),
    "unicycle": Plan("linear"),
    "cart_pole": Plan("linear"),
}
"""Levels that are not solved by the plan that suits most."""


class Found(NamedTuple):
    """What a search came to."""

    level: str
    plan: Plan
    numbers: int
    """Of a genotype."""
    lives: int
    """Evaluations up to the first that solved the level, or all."""
    solved: bool
    best: float
    """Highest sum of rewards."""
    decisions: int
    """Until the end, of the best life."""
    seconds: float
    """Without compiling."""
    genotype: np.ndarray


class Worlds:
    """All lives of a generation in one compiled program, which serves every level of one size."""

    def __init__(self, substrate: PhysicsLevel) -> None:
        self.space, self.rules = GenotypeSpace(substrate, "physics_level"), substrate.rules
        self.live = jax.jit(self._live)
        self.film = jax.jit(self._film, static_argnames="size")

    def _live(self, genotypes: Any, level: Any) -> tuple[Any, Life]:
        """Sums of rewards, and last moments; the program ends when all lives have."""
        weights = jax.vmap(self.space.unflatten)(genotypes)
        step = jax.vmap(partial(decide_and_step, rules=self.rules), (0, None, 0))

        def onward(carry: tuple[Any, Life]) -> tuple[Any, Life]:
            total, lives = carry
            lives = step(lives, level, weights)
            return total + lives.earned, lives

        lives = jax.tree.map(lambda x: jnp.broadcast_to(x, (len(genotypes), *x.shape)), begin(level, self.rules))
        return jax.lax.while_loop(lambda carry: ~carry[1].done.all(), onward, (jnp.zeros(len(genotypes)), lives))

    def _film(self, genotype: Any, level: Any, times: Any, size: int) -> Any:
        """Pictures of one life."""
        weights = self.space.unflatten(genotype)

        def onward(life: Life, steps: Any) -> tuple[Life, Any]:
            until = life.time + steps
            going = partial(_goes_on, until)
            life = jax.lax.while_loop(going, lambda x: decide_and_step(x, level, weights, self.rules), life)
            return life, jnp.round(255 * picture(life, level, size)).astype(jnp.uint8)

        return jax.lax.scan(onward, begin(level, self.rules), times)[1]


def _goes_on(until: Any, life: Life) -> Any:
    return (life.time < until) & ~life.done


@cache
def worlds(room: Any, plan: Plan) -> Worlds:
    """The programs for levels of one size and controllers of one kind."""
    level = next(name for name in LEVELS if PhysicsLevel(name).level.scene.room == room)
    return Worlds(PhysicsLevel(level, controller=plan.controller, hidden=plan.hidden))


def searched(name: str, generations: int) -> Found:
    """The search for a controller of one level; it ends with the first generation in which one solves it."""
    plan = PLANS.get(name, Plan())
    level = PhysicsLevel(name).level
    those = worlds(level.scene.room, plan)
    search = make(plan.search)
    state = search.init(jax.random.key(SEED), those.space, N)
    jax.block_until_ready(those.live(jnp.zeros((N, those.space.size)), level))
    start, best, lives = time.perf_counter(), (-np.inf, 0, np.zeros(0)), 0
    solved = False
    for key in jax.random.split(jax.random.key(SEED + 1), generations):
        genotypes, state = search.ask(key, state)
        total, last = jax.tree.map(np.asarray, those.live(genotypes, level))
        i = int(np.argmax(total + 10 * last.won))
        solved = bool(last.won.any())
        best = max(best, (float(total[i]), int(last.time[i]), np.asarray(genotypes)[i]), key=lambda one: one[0])
        lives += int(np.argmax(last.won)) + 1 if solved else N
        if solved:
            break
        told = Evaluation(total, np.zeros((N, 1, 1)), {}, np.ones(N, bool), np.zeros((N, 1, 1, 1, 3), np.uint8), key)
        state, _ = search.tell(state, genotypes, told)
    return Found(name, plan, those.space.size, lives, solved, *best[:2], time.perf_counter() - start, best[2])


def contact_sheet(path: Path, columns: int = 5, edge: int = 256) -> None:
    """The first moment of every level."""
    tiles = []
    for name in LEVELS:
        substrate = PhysicsLevel(name, controller="open_loop")
        draw: Callable[..., Any] = jax.jit(picture, static_argnums=2)
        drawn = np.asarray(draw(begin(substrate.level, substrate.rules), substrate.level, 2 * edge))
        tile = Image.fromarray(np.round(255 * drawn).astype(np.uint8))
        tiles.append(tile.resize((edge - 8, edge - 8), Image.Resampling.LANCZOS))
    sheet = Image.new("RGB", (columns * edge, -(-len(tiles) // columns) * edge), (225, 228, 232))
    for i, tile in enumerate(tiles):
        sheet.paste(tile, (i % columns * edge + 4, i // columns * edge + 4))
    sheet.save(path, quality=80, method=6)


def strip(found: Found, path: Path, count: int = 10, edge: int = 250) -> None:
    """A life in pictures, side by side, from its first to its last moment."""
    level = PhysicsLevel(found.level).level
    those = worlds(level.scene.room, found.plan)
    times = np.diff(np.linspace(0, found.decisions, count).round().astype(int), prepend=0)
    frames = np.asarray(those.film(jnp.asarray(found.genotype), level, jnp.asarray(times), size=edge))
    Image.fromarray(np.concatenate(list(frames), axis=1)).save(path)


HEAD = """# Levels of physics

![Twenty levels at their start](physics_levels.webp)

Twenty levels by hand for `physics_level`, one file each in `plugins/physics/levels/`, MIT as all of this, in the format
of Kinetix. Green is to touch blue, and must not touch red; what does nothing fails. Each of them is a short function in
[`our_levels.py`](../plugins/physics/our_levels.py) or [`our_machines.py`](../plugins/physics/our_machines.py).

```bash
alife run physics_level --set options.level=seesaw --to seesaw.gif
alife search physics_level --set options.level=thrower --set options.controller=open_loop --search CMA_ES --score reward
python -m alife.plugins.physics.our_levels    # writes the files again
```

## What is to be done

"""
BUDGET = """
## What solves them

Budget of each level: {population} controllers a generation, at most {generations} generations ({lives:,} lives of at
most 256 decisions, 8.5 seconds), one seed, the search with its own defaults. Lives: how many had been lived when one
first solved the level. Took: how long the solution takes, in the level's own time. Reward: the highest sum of rewards;
1 of it is for having solved the level, 0.1 for each metre nearer. Seconds: of searching, on a part of one core, without
compiling. Solved within the budget: {solved} of {count}.
`python tests/benchmarks/bench_physics_levels.py --write` makes this page; a search like that of a row:

```bash
alife search physics_level --set options.level=lander --set options.hidden=8 --population 64 --generations 50 \\
  --score reward --search CMA_ES
```

| level | controller, numbers | search | lives | took | reward | seconds |
|---|---|---|---|---|---|---|
"""
TAIL = """
`open_loop` swings every channel by a sine and senses nothing; `linear` and `mlp` (8 hidden units) see `proprioception`.
A search ends with its first success, so these are solutions, not good ones. Which kind of controller stands for a level
was chosen after short trials, and levels were changed until they could be solved; one life is hardly a search.
"""


def main() -> None:
    read = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    read.add_argument("levels", nargs="*", metavar="LEVEL")
    read.add_argument("--generations", type=int, default=GENERATIONS)
    read.add_argument("--keep", type=Path, help="folder for genotypes and pictures of the best lives")
    read.add_argument("--write", action="store_true", help="write what was found into the page")
    said = read.parse_args()
    if said.write and said.generations != GENERATIONS:
        read.error(f"the page tells of {GENERATIONS} generations")
    everything = []
    for name in said.levels or LEVELS:
        found = searched(name, said.generations)
        everything.append(found)
        print(row(found), flush=True)
        if said.keep:
            np.save(said.keep / f"{name}.npy", found.genotype)
            strip(found, said.keep / f"{name}.png")
        if said.write:
            write_page(found)
    if said.write:
        contact_sheet(PAGE.with_suffix(".webp"))
    print(f"solved: {sum(found.solved for found in everything)} of {len(everything)}")


def row(found: Found) -> str:
    """Of the table."""
    lives = f"{found.lives:,}" if found.solved else MISSED
    took = f"{found.decisions / 30:.1f} s" if found.solved else "-"
    how = f"{found.plan.controller}, {found.numbers}"
    return (
        f"| {found.level} | {how} | {found.plan.search} | {lives} | {took} | {found.best:.2f} | {found.seconds:.0f} |"
    )


def write_page(found: Found) -> None:
    """The page with a new row for this level; rows of others stay."""
    old = PAGE.read_text("utf-8").splitlines() if PAGE.exists() else []
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in old if line.count("|") == 8}
    rows[found.level] = row(found)
    rows = {name: rows[name] for name in LEVELS if name in rows}
    solved = sum(MISSED not in line for line in rows.values())
    budget = BUDGET.format(
        population=N, generations=GENERATIONS, lives=N * GENERATIONS, solved=solved, count=len(LEVELS)
    )
    about = [f"- `{name}`: {first(build)}\n" for name, build in LEVELS.items()]
    PAGE.write_text(HEAD + "".join(about) + budget + "\n".join(rows.values()) + "\n" + TAIL, "utf-8")


def first(build: Callable[..., Any]) -> str:
    """What a level is, in a sentence that goes on after its name."""
    said = inspect.getdoc(build) or ""
    return said[0].lower() + said[1:]


if __name__ == "__main__":
    sys.exit(main())

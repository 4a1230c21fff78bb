"""Which of our levels are solved by controllers that evosax finds, and after how many lives; writes the page of levels.

python tests/benchmarks/bench_physics_levels.py [LEVEL ...] [--generations 100] [--keep FOLDER] [--write]

A generation is 64 controllers, each with one life of up to 256 decisions, 512 physics steps; at most `--generations` of
them, with one seed and alife's own defaults for the search.  Lives are deterministic, so one that solves its level does
so for ever.  `--write` writes docs/substrates/physics_levels.md and the picture beside it.
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
from alife.plugins.physics.life import Life, Rules, begin, decide_and_step
from alife.plugins.physics.our_levels import LEVELS
from alife.plugins.physics.picture import picture
from alife.search.evolution_strategies import make
from alife.types import Evaluation

N, GENERATIONS, SEED = 64, 100, 0
PAGE = Path(__file__).resolve().parents[2] / "docs" / "substrates" / "physics_levels.md"


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
    "walker": Plan("mlp"),
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
        tile = Image.fromarray(np.round(255 * drawn).astype(np.uint8)).resize((edge - 8, edge - 8), Image.Resampling.LANCZOS)
        tiles.append(tile)
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


def main() -> None:
    read = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    read.add_argument("levels", nargs="*", metavar="LEVEL")
    read.add_argument("--generations", type=int, default=GENERATIONS)
    read.add_argument("--keep", type=Path, help="folder for genotypes and pictures of the best lives")
    read.add_argument("--write", action="store_true", help="write the page in docs/substrates")
    said = read.parse_args()
    everything = []
    for name in said.levels or LEVELS:
        found = searched(name, said.generations)
        everything.append(found)
        print(row(found), flush=True)
        if said.keep:
            np.save(said.keep / f"{name}.npy", found.genotype)
            strip(found, said.keep / f"{name}.png")
    print(f"solved: {sum(found.solved for found in everything)} of {len(everything)}")


def row(found: Found) -> str:
    """Of the table."""
    lives = f"{found.lives:,}" if found.solved else "not solved"
    seconds = f"{found.decisions / 30:.1f} s" if found.solved else "-"
    how = f"{found.plan.controller}, {found.numbers}"
    return f"| {found.level} | {how} | {found.plan.search} | {lives} | {seconds} | {found.best:.2f} | {found.seconds:.0f} |"


if __name__ == "__main__":
    sys.exit(main())

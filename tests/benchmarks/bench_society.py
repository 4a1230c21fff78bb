"""Time of a step and of a picture of a society, and of compiling one, on one core.

Run with `python tests/benchmarks/bench_society.py`; `--large` adds societies of 1,024 and 4,096 slots without
births, in their first steps.

Steps are counted from step 500 on, when the first land has been grazed and a population has found its size.  The
published society makes 3.0 steps per second on one core at these settings.
"""

from __future__ import annotations

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before JAX starts its threads

import argparse
import math
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from alife.plugins.society.settings import DIALS
from alife.plugins.society.society import Society

PUBLISHED = 3.0
"""Steps per second."""
GROWN = 500
"""Steps before the first that is timed."""
KEY = jax.random.key(0)


def seconds(run: Callable, *arguments: Any, repeats: int = 5) -> float:
    """Processor time, the least of several runs: other programs then hardly matter."""
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        jax.block_until_ready(run(*arguments))
        times.append(time.process_time() - begin)
    return min(times)


def compiled(function: Callable, *arguments: Any) -> tuple[Callable, float]:
    begin = time.process_time()
    program = jax.jit(function).lower(*arguments).compile()
    return program, time.process_time() - begin


class Bench:
    """A society that is some hundred steps old."""

    def __init__(self, grown: int = GROWN, **options: Any) -> None:
        self.society = Society(**options)
        self.world = self.society.express({"world": jnp.zeros(len(DIALS))})
        init, first = compiled(self.society.init_state, KEY, self.world)
        start = init(KEY, self.world)
        self.run, then = compiled(self._steps, start, self.world, jnp.int32(0))
        self.compiling = first + then
        self.state = jax.block_until_ready(self.run(start, self.world, jnp.int32(grown)))

    def _steps(self, state: Any, world: Any, count: Any) -> Any:
        def step(_: Any, state: Any) -> Any:
            return self.society.step_state(jax.random.fold_in(KEY, state.t), state, world)

        return jax.lax.fori_loop(0, count, step, state)

    def milliseconds(self, steps: int, repeats: int) -> float:
        """Of a step."""
        return seconds(self.run, self.state, self.world, jnp.int32(steps), repeats=repeats) / steps * 1e3

    def picture(self, size: int) -> float:
        """Milliseconds."""
        draw, _ = compiled(lambda state: self.society.render_state(state, self.world, size), self.state)
        return seconds(draw, self.state, repeats=15) * 1e3


def report(name: str, bench: Bench, steps: int, repeats: int = 5) -> None:
    each, people = bench.milliseconds(steps, repeats), int(bench.state.agents.alive.sum())
    ratio = (
        f"   published {PUBLISHED:.1f}, ratio {1e3 / each / PUBLISHED:.0f}" if bench.society.births == "chosen" else ""
    )
    print(f"{name:24} {each:8.2f} ms a step, {1e3 / each:7.1f} steps/s   {people:5} agents alive, ", end="")
    print(f"{each * 1e3 / max(people, 1):6.1f} us for each{ratio}   compiled in {bench.compiling:.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--large", action="store_true", help="societies of 1,024 and 4,096 slots, too")
    large = parser.parse_args().large
    print(f"society, one world, one core, from step {GROWN} on; processor time")
    bench = Bench()
    report("128 slots, 32 robots", bench, steps=200)
    for size in (256, 512):
        print(f"picture of {size} pixels      {bench.picture(size):8.2f} ms", flush=True)
    for agents in (128, 1024, 4096) if large else ():  # as crowded; nobody is born, so the cost is that of living
        alone = Bench(grown=2, agents=agents, size=round(128 * math.sqrt(agents / 128)), births="none")
        report(f"{agents} slots, no births", alone, steps=5, repeats=3)


if __name__ == "__main__":
    main()

"""Time of one step of an elementary cellular automaton per world, ours and as it is usually written, on one core.

Run with `python tests/benchmarks/bench_elementary.py`.

The usual way: a byte per cell, the rule looked up by number, and the picture of the last rows moved up at every step.
"""

from __future__ import annotations

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before JAX starts its threads

import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from alife.plugins.elementary import Elementary

WORLDS = 16


def usual_step(rows: jax.Array, rule: jax.Array) -> jax.Array:
    row = rows[-1]
    new = rule >> (4 * jnp.roll(row, 1) + 2 * row + jnp.roll(row, -1)) & 1
    return jnp.concatenate([rows[1:], new[None].astype(rows.dtype)])


def milliseconds(function: Callable[..., Any], *arguments: Any) -> float:
    """Median of several runs after one that compiles."""
    times = []
    for _ in range(8):
        begin = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        times.append(time.perf_counter() - begin)
    return statistics.median(times[1:]) * 1e3


def per_step(step: Callable[..., Any], state: Any, params: jax.Array, steps: int) -> float:
    """Microseconds, the better of one world and of all at a time."""
    run = lambda one: jax.lax.fori_loop(0, steps, lambda _, s: step(s, one[1]), one[0])  # noqa: E731
    times = []
    for lanes in (1, WORLDS):
        program = jax.jit(lambda *batch, lanes=lanes: jax.lax.map(run, batch, batch_size=lanes))
        times.append(milliseconds(program, state, params))
    return min(times) / (WORLDS * steps) * 1e3


def compare(size: int, steps: int) -> None:
    world, rules = Elementary(width=size, rows=size), jnp.full(WORLDS, 110, jnp.int32)
    params = jax.vmap(world.express)(rules)
    state = jax.vmap(world.init_state)(jax.random.split(jax.random.key(0), WORLDS), params)
    rows = jax.random.bernoulli(jax.random.key(0), 0.5, (WORLDS, size, size)).astype(jnp.uint8)
    ours = per_step(lambda s, p: world.step_state(jax.random.key(0), s, p), state, params, steps * 20)
    usual = per_step(usual_step, rows, rules, steps)
    print(f"{size:5} cells, {size:5} rows: ours {ours:7.3f} us   moved {usual:8.3f} us   ratio {usual / ours:5.0f}")


def main() -> None:
    print(f"elementary, {WORLDS} worlds, one core; microseconds per world and step")
    compare(128, 2000)
    compare(1024, 200)
    world = Elementary()
    params = world.express(jnp.int32(110))
    frame = jax.jit(lambda s, p: world.render_state(s, p, img_size=224))
    print(f"224 px frame {milliseconds(frame, world.init_state(jax.random.key(0), params), params):.3f} ms")


if __name__ == "__main__":
    main()

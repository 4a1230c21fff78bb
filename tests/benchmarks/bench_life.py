"""Time of one life step per world, ours and as the field writes it, on one core.

Run with `python tests/benchmarks/bench_life.py`.

The field's way: cells are floats, a 3 x 3 convolution counts neighbours and the rule is decoded in every step.
"""

from __future__ import annotations

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before JAX starts its threads

import statistics
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp

from alife.plugins.life import Life, step
from alife.worlds.lattice import unpack

WORLDS = 16
NEIGHBOURS = jnp.ones((3, 3)).at[1, 1].set(0)


def field_step(cells: jax.Array, rule: jax.Array) -> jax.Array:
    """One step of cells that are floats, torus."""
    table = (rule >> jnp.arange(18) & 1).astype(jnp.float32)
    # of the ways to ask JAX for a convolution this one is fastest on a CPU: channels last takes 30 times longer
    count = jax.scipy.signal.convolve(jnp.pad(cells, 1, mode="wrap"), NEIGHBOURS, mode="valid")
    return table[(cells * 9 + count).astype(jnp.int32)]


def microseconds(step: Callable, states: jax.Array, params: object, steps: int, chunk: int) -> float:
    """Median per world and step: batch of 16, `chunk` worlds at once, the rest in a loop."""

    def run(one: tuple) -> jax.Array:
        return jax.lax.fori_loop(0, steps, lambda _, state: step(state, one[1]), one[0])

    program = jax.jit(lambda *batch: jax.lax.map(run, batch, batch_size=chunk))
    jax.block_until_ready(program(states, params))
    times = []
    for _ in range(7):
        begin = time.perf_counter()
        jax.block_until_ready(program(states, params))
        times.append(time.perf_counter() - begin)
    return statistics.median(times) / (WORLDS * steps) * 1e6


def compare(size: int, steps: int, field_steps: int) -> None:
    life = Life(size=size)
    worlds = jax.vmap(life.express)(jnp.full(WORLDS, 6152, jnp.int32))
    states = jax.vmap(life.init_state)(jax.random.split(jax.random.key(0), WORLDS), worlds)
    cells = jax.vmap(unpack)(states).astype(jnp.float32)
    ours = min(microseconds(lambda s, w: step(s, w.rule), states, worlds, steps, chunk) for chunk in (1, WORLDS))
    field = min(microseconds(field_step, cells, worlds.genotype, field_steps, chunk) for chunk in (1, WORLDS))
    print(f"{size:5} x {size:<5} ours {ours:8.3f}   float convolution {field:8.1f}   ratio {field / ours:5.0f}")


def main() -> None:
    print(f"life, {WORLDS} worlds, one core; microseconds per world and step, the better of 1 and {WORLDS} at once")
    compare(64, steps=5000, field_steps=1000)
    compare(1024, steps=200, field_steps=10)


if __name__ == "__main__":
    main()

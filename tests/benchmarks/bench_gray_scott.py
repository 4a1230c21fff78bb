"""Time of one time step of Gray-Scott per world, ours and as it is usually written, on one core.

Run with `python tests/benchmarks/bench_gray_scott.py`.

The usual way: every time step rolls both fields four ways to add up the neighbours.
"""

from __future__ import annotations

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before JAX starts its threads

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from alife.bench import median_seconds
from alife.plugins.gray_scott import GrayScott, Rates

WORLDS = 16
D_U, D_V = 2e-5 * (256 / 2.5) ** 2, 1e-5 * (256 / 2.5) ** 2


def usual_step(state: jax.Array, rates: Rates) -> jax.Array:
    def lap(a: jax.Array) -> jax.Array:
        return jnp.roll(a, 1, 0) + jnp.roll(a, -1, 0) + jnp.roll(a, 1, 1) + jnp.roll(a, -1, 1) - 4 * a

    u, v = state
    reaction = u * v * v
    return jnp.stack(
        [
            u + D_U * lap(u) - reaction + rates.feed * (1 - u),
            v + D_V * lap(v) + reaction - (rates.feed + rates.kill) * v,
        ]
    )


def milliseconds(function: Callable[..., Any], *arguments: Any) -> float:
    """Median of several runs after one that compiles."""
    return median_seconds(lambda: jax.block_until_ready(function(*arguments))) * 1e3


def per_time_step(step: Callable[..., Any], state: jax.Array, rates: Rates, steps: int, each: int) -> float:
    """The worlds one after the other, as the engine steps worlds of this size on a CPU."""
    run = lambda one: jax.lax.fori_loop(0, steps, lambda _, s: step(s, one[1]), one[0])  # noqa: E731
    return milliseconds(jax.jit(lambda *batch: jax.lax.map(run, batch)), state, rates) / (len(state) * steps * each)


def compare(size: int, worlds: int, steps: int) -> None:
    world = GrayScott(size=size)
    rates = jax.vmap(world.express)(jnp.stack([world.from_text("lambda")] * worlds))
    state = jax.vmap(world.init_state)(jax.random.split(jax.random.key(0), worlds), rates)
    step = lambda s, r: world.step_state(jax.random.key(0), s, r)  # noqa: E731
    ours = per_time_step(step, state, rates, steps, world.substeps)
    usual = per_time_step(usual_step, state, rates, steps * 4, 1)
    print(f"{size:5} x {size:<5} ours {ours:8.4f} ms   rolled {usual:8.4f} ms   ratio {usual / ours:5.1f}", end="   ")
    print(f"{ours / size**2 * 1e6:6.2f} ns per cell")


def main() -> None:
    print("gray_scott, one core; milliseconds per world and time step (a step of the world is 16)")
    compare(128, WORLDS, 8)
    compare(256, WORLDS, 4)
    compare(512, 4, 2)
    compare(1024, 1, 2)
    world = GrayScott()
    rates = world.express(world.from_text("lambda"))
    frame = jax.jit(lambda s, r: world.render_state(s, r, img_size=224))
    print(f"224 px frame {milliseconds(frame, world.init_state(jax.random.key(0), rates), rates):.3f} ms")


if __name__ == "__main__":
    main()

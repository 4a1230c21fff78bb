"""Time of a step and of a frame of boids, ours and as the field writes them, on one core.

Run with `python tests/benchmarks/bench_boids.py`.

The field's way: all distances of every bird are sorted, and every bird is blended over the whole picture.
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
from jax.nn import sigmoid

from alife.plugins.boids import Boids
from alife.plugins.boids_rules import BoidsRules
from alife.plugins.flock import Birds

WORLDS, LANES = 16, 4
"""Worlds in a batch, and how many of these the engine steps at once where they have 128 birds."""
SIZE = 224


def field_step(boids: Boids, state: Birds, params: Any) -> Birds:
    """One step of the published rule, bird by bird under vmap."""
    layers = params["net_params"]["params"]

    def dense(i: int, x: jax.Array) -> jax.Array:
        return jnp.tanh(x @ layers[f"Dense_{i}"]["kernel"] + layers[f"Dense_{i}"]["bias"])

    def heading(i: jax.Array) -> jax.Array:
        v, r = state.v[i], state.x - state.x[i]
        distance = jnp.linalg.norm(r, axis=-1)
        nearest = jnp.argsort(distance)[1 : boids.n_nbrs + 1]
        frame = jnp.stack([v, jnp.stack([-v[1], v[0]])])
        seen = jnp.concatenate([50 * r[nearest] @ frame.T, state.v[nearest] @ frame.T], axis=1)
        within = distance[nearest] < boids.visual_range
        mean = jnp.sum(jnp.where(within[:, None], dense(1, dense(0, seen)), 0), axis=0) / jnp.maximum(within.sum(), 1)
        turn = jnp.where(within.any(), dense(3, dense(2, mean))[0], 0)
        return v + boids.dt * 60 * turn * frame[1]

    v = jax.vmap(heading)(jnp.arange(boids.n_boids))
    v = v / jnp.linalg.norm(v, axis=1, keepdims=True)
    return Birds((state.x + boids.speed * boids.dt * v) % 1, v)


def field_frame(boids: Boids, state: Birds) -> jax.Array:
    """Every bird over the whole picture."""
    axis = jnp.linspace(0, 1, SIZE)
    pixels = jnp.stack(jnp.meshgrid(axis, axis, indexing="ij"), axis=-1)

    def over(picture: jax.Array, bird: tuple[jax.Array, ...]) -> tuple[jax.Array, None]:
        x, v, colour = bird
        left = jnp.stack([-v[1], v[0]])
        a, b, c = (x + boids.bird_size * way for way in (left, -left, 3 * v))
        weights = jnp.linalg.inv(jnp.stack([a - c, b - c], axis=-1))
        first, second = jnp.moveaxis((pixels - c) @ weights.T, -1, 0)
        cover = [sigmoid(boids.sharpness * w) for w in (first, second, 1 - first - second)]
        alpha = (cover[0] * cover[1] * cover[2])[:, :, None]
        return picture * (1 - alpha) + alpha * colour, None

    x, v = (jnp.concatenate([part, part[:1]]) for part in state)
    colour = jnp.zeros((len(x), 3)).at[-1, 0].set(1)
    return jax.lax.scan(over, jnp.ones((SIZE, SIZE, 3)), (x, v, colour))[0]


def milliseconds(run: Callable, batch: tuple, each: int, repeats: int = 7) -> float:
    """Median per world and one of `each` steps or frames, LANES worlds at once, the rest in a loop."""
    program = jax.jit(lambda *batch: jax.lax.map(lambda one: run(*one), batch, batch_size=LANES))
    jax.block_until_ready(program(*batch))
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        jax.block_until_ready(program(*batch))
        times.append(time.perf_counter() - begin)
    return statistics.median(times) / (WORLDS * each) * 1e3


def steps(step: Callable, n: int) -> Callable:
    return lambda state, params: jax.lax.fori_loop(0, n, lambda _, s: step(s, params), state)


def worlds(substrate: Any, age: int) -> tuple[Birds, Any]:
    """A batch of random worlds, after so many steps: crowded birds have more neighbours to choose from."""
    keys = jax.random.split(jax.random.key(0), WORLDS)
    params = jax.vmap(substrate.default_params)(keys)
    if hasattr(substrate, "express"):
        params = jax.vmap(substrate.express)(params)
    state = jax.vmap(substrate.init_state)(keys, params)
    run = steps(lambda s, p: substrate.step_state(keys[0], s, p), age)
    return jax.jit(jax.vmap(run))(state, params), params


def report(name: str, ours: float, field: float | None = None) -> None:
    beside = "" if field is None else f"   sorted, full-size blends {field:8.3f}   ratio {field / ours:5.1f}"
    print(f"{name:36} ours {ours:7.3f}{beside}", flush=True)


def main() -> None:
    print(f"boids, {WORLDS} worlds of 128, one core; milliseconds per world and step or frame")
    boids, rules, key = Boids(), BoidsRules(), jax.random.key(0)
    for age in (0, 500):
        batch = worlds(boids, age)
        ours = milliseconds(steps(lambda s, p: boids.step_state(key, s, p), 200), batch, 200)
        field = milliseconds(steps(lambda s, p: field_step(boids, s, p), 20), batch, 20)
        report(f"boids step, from step {age} on", ours, field)
    batch = worlds(rules, 500)
    report(
        "boids_rules step, from step 500 on",
        milliseconds(steps(lambda s, p: rules.step_state(key, s, p), 200), batch, 200),
    )
    state, _ = worlds(boids, 500)
    ours = milliseconds(lambda s: boids.render_state(s, None, SIZE), (state,), 1)
    report(f"frame of {SIZE} pixels", ours, milliseconds(lambda s: field_frame(boids, s), (state,), 1, repeats=3))


if __name__ == "__main__":
    main()

"""Time of one frame of particles, ours and as the field writes it, on one core.

Run with `python tests/benchmarks/bench_render.py`.

The field's way: every shape is blended over the whole picture, one after the other.
"""

from __future__ import annotations

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before JAX starts its threads

import statistics
import time
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax.nn import sigmoid

from alife.worlds.render import draw_discs, draw_triangles

SIZE = 224
RADIUS, SHARPNESS = 0.00316, 2000.0
TRIANGLE, TRIANGLE_SHARPNESS = 0.015, 40.0


def blend(coverage: Callable, ground: jax.Array, shapes: tuple[jax.Array, ...]) -> jax.Array:
    """Every shape over the whole picture; the last of `shapes` are the colours."""
    axis = jnp.linspace(0, 1, SIZE)
    pixels = jnp.stack(jnp.meshgrid(axis, axis, indexing="ij"), axis=-1)

    def over(picture: jax.Array, shape: tuple[jax.Array, ...]) -> tuple[jax.Array, None]:
        alpha = coverage(pixels, *shape[:-1])[:, :, None]
        return picture * (1 - alpha) + alpha * shape[-1], None

    return jax.lax.scan(over, jnp.broadcast_to(ground, (SIZE, SIZE, 3)), shapes)[0]


def field_discs(x: jax.Array, radius: jax.Array, colour: jax.Array) -> jax.Array:
    def coverage(pixels: jax.Array, x: jax.Array, radius: jax.Array) -> jax.Array:
        return sigmoid(SHARPNESS * (radius - jnp.linalg.norm(pixels - x, axis=-1)))

    return blend(coverage, jnp.zeros(3), (x, radius, colour))


def field_triangles(x: jax.Array, heading: jax.Array, colour: jax.Array) -> jax.Array:
    def coverage(pixels: jax.Array, x: jax.Array, heading: jax.Array) -> jax.Array:
        ahead, left = heading, jnp.stack([-heading[1], heading[0]])
        a, b, c = x + TRIANGLE * left, x - TRIANGLE * left, x + TRIANGLE * 3 * ahead
        weights = jnp.linalg.inv(jnp.stack([a - c, b - c], axis=-1))
        first, second = jnp.moveaxis((pixels - c) @ weights.T, -1, 0)
        s = TRIANGLE_SHARPNESS
        return sigmoid(s * first) * sigmoid(s * second) * sigmoid(s * (1 - first - second))

    return blend(coverage, jnp.ones(3), (x, heading, colour))


def milliseconds(draw: Callable, repeats: int, *shapes: jax.Array) -> float:
    """Median of one picture."""
    program = jax.jit(draw)
    jax.block_until_ready(program(*shapes))
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        jax.block_until_ready(program(*shapes))
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e3


def compare(name: str, ours: Callable, field: Callable, *shapes: jax.Array) -> None:
    fast, slow = milliseconds(ours, 31, *shapes), milliseconds(field, 3, *shapes)
    apart = float(jnp.abs(ours(*shapes) - field(*shapes)).max())
    print(f"{name:15} ours {fast:8.3f}   full-size blends {slow:8.1f}   ratio {slow / fast:6.0f}   apart {apart:.5f}")


def main() -> None:
    print(f"frames of {SIZE} x {SIZE} pixels, one core; milliseconds per frame")
    at, turn, hue = jax.random.split(jax.random.key(0), 3)
    x, colour = jax.random.uniform(at, (5000, 2)), jax.random.uniform(hue, (5000, 3))
    angle = jax.random.uniform(turn, (128,), maxval=6.283)
    heading = jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=-1)
    common = {"img_size": SIZE, "side": 1.0}
    discs = partial(draw_discs, ground=jnp.zeros(3), sharpness=SHARPNESS, largest=RADIUS, **common)
    triangles = partial(draw_triangles, ground=jnp.ones(3), size=TRIANGLE, sharpness=TRIANGLE_SHARPNESS, **common)
    compare("5000 discs", discs, field_discs, x, jnp.full(5000, RADIUS), colour)
    compare("128 triangles", triangles, field_triangles, x[:128], heading, colour[:128])


if __name__ == "__main__":
    main()

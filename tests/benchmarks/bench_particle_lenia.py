"""Time of one step and one picture of Particle Lenia per world, ours and as it is usually written, on one core.

Run with `python tests/benchmarks/bench_particle_lenia.py`.

The usual way: the energy of all pairs is differentiated by JAX, and a picture holds every pixel's way to every
particle.  Ours also for large crowds, which are sorted into cells.
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
from alife.plugins.particle_lenia import ParticleLenia
from alife.plugins.particle_lenia_field import Genes

WORLDS, LANES = 16, 5
"""Worlds of a batch, and how many of so little state the engine steps at once on a CPU."""


def fields(place: jax.Array, x: jax.Array, genes: Genes) -> tuple[jax.Array, jax.Array, jax.Array]:
    """U, G and E at one place."""
    r = jnp.sqrt(jnp.maximum(jnp.sum((place - x) ** 2, axis=-1), 1e-10))
    field = genes.w_k * jnp.sum(jnp.exp(-(((r - genes.mu_k) / genes.sigma_k) ** 2)))
    growth = jnp.exp(-(((field - genes.mu_g) / genes.sigma_g) ** 2))
    return field, growth, genes.c_rep / 2 * jnp.sum(jnp.maximum(1 - r, 0) ** 2) - growth


def usual_step(x: jax.Array, genes: Genes) -> jax.Array:
    slope = jax.grad(lambda place: fields(place, x, genes)[2])
    return x - 0.1 * jax.vmap(slope)(x)


def usual_picture(x: jax.Array, genes: Genes) -> jax.Array:
    across = jnp.linspace(-1, 1, 224) * 1.2 * jnp.max(jnp.abs(x))
    places = jnp.stack(jnp.meshgrid(across, across), axis=-1)
    field, growth, _ = jax.vmap(jax.vmap(lambda place: fields(place, x, genes)))(places)
    nearest = jnp.sum((places[:, :, None] - x) ** 2, axis=-1).min(-1)
    return jnp.stack([field, growth, nearest])


def milliseconds(function: Callable[..., Any], *arguments: Any) -> float:
    """Median of several runs after one that compiles."""
    return median_seconds(lambda: jax.block_until_ready(function(*arguments))) * 1e3


def per_step(step: Callable[..., Any], x: jax.Array, genes: Genes, steps: int, lanes: int) -> float:
    run = lambda one: jax.lax.fori_loop(0, steps, lambda _, x: step(x, one[1]), one[0])  # noqa: E731
    program = jax.jit(lambda *batch: jax.lax.map(run, batch, batch_size=lanes))
    return milliseconds(program, x, genes) / (len(x) * steps)


def worlds(n: int, count: int) -> tuple[ParticleLenia, jax.Array, Genes]:
    world = ParticleLenia(n_particles=n)
    genes = jax.vmap(world.express)(jnp.zeros((count, 6)))
    return world, jax.vmap(world.init_state)(jax.random.split(jax.random.key(0), count), genes), genes


def main() -> None:
    world, x, genes = worlds(200, WORLDS)
    one = jax.tree.map(lambda leaf: leaf[0], (x, genes))
    ours = per_step(lambda x, g: world.step_state(jax.random.key(0), x, g), x, genes, 100, LANES)
    usual = min(per_step(usual_step, x, genes, 20, lanes) for lanes in (1, WORLDS))
    print(f"200 particles, step:         ours {ours:8.4f} ms   autodiff   {usual:8.4f} ms   ratio {usual / ours:5.1f}")
    ours = milliseconds(jax.jit(lambda x, g: world.render_state(x, g, img_size=224)), *one)
    usual = milliseconds(jax.jit(usual_picture), *one)
    print(f"200 particles, 224 px frame: ours {ours:8.4f} ms   all at once {usual:7.4f} ms   ratio {usual / ours:5.1f}")
    for n in (1000, 10_000, 100_000):
        world, x, genes = worlds(n, 1)
        ours = per_step(lambda x, g, w=world: w.step_state(jax.random.key(0), x, g), x, genes, 1, 1)
        print(f"{n:7} particles, step:     ours {ours:8.3f} ms   {ours / n * 1e6:8.0f} ns per particle")


if __name__ == "__main__":
    main()

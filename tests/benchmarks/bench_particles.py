"""Time of one step and one frame of the particle worlds, ours and as published, on one core.

Run with `python tests/benchmarks/bench_particles.py`.

The published way: forces between all pairs, the network on all pairs, and every disc blended over the whole picture.
Milliseconds of processor time, the least of several runs: other programs then hardly matter.
"""

from __future__ import annotations

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before JAX starts its threads

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from alife.plugins.particle_life import LANES, ParticleLife
from alife.plugins.particle_life_plus import ParticleLifePlus
from alife.worlds.lattice import PALETTE

WORLDS = 16
SIZE = 224


def between(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Displacements and distances of all pairs."""
    r = x[None] - x[:, None]
    r = r - jnp.round(r)
    return r, jnp.sqrt(jnp.sum(r**2, axis=-1))


def law(u: jax.Array, a: jax.Array, b: jax.Array) -> jax.Array:
    tent = a * (1 - jnp.abs(2 * u - 1 - b) / (1 - b))
    return jnp.where(u < b, u / b - 1, jnp.where(u < 1, tent, 0))


def move(x: jax.Array, v: jax.Array, push: jax.Array, half_life: Any, dt: Any) -> tuple[jax.Array, jax.Array]:
    v = 0.5 ** (dt / half_life) * v + push * dt
    return (x + v * dt) % 1, v


def all_pairs(state: Any, world: Any) -> Any:
    """One step of particle life."""
    c, x, v = state
    r, distance = between(x)
    rmax = world.rmax[c][:, None]
    f = rmax * law(distance / rmax, world.alpha[c[:, None], c[None]], world.beta[c][:, None])
    push = jnp.sum(r / (distance + 1e-8)[..., None] * f[..., None], axis=1) / world.mass[c, None]
    return type(state)(c, *move(x, v, push, world.half_life[c, None], world.dt))


def all_pairs_plus(state: Any, params: Any) -> Any:
    """One step of particle life++."""
    c, x, v = state
    n = len(x)
    r, distance = between(x)
    h = jnp.concatenate([jnp.broadcast_to(c[:, None], (n, n, 6)), jnp.broadcast_to(c[None], (n, n, 6))], axis=-1)
    for layer in params["alpha"]["params"].values():
        h = jnp.tanh(h @ layer["kernel"] + layer["bias"])
    f = 0.1 * law(distance / 0.1, 1.5 * h[..., 0], jnp.float32(0.3))
    push = jnp.sum(r / (distance + 1e-8)[..., None] * f[..., None], axis=1) / 0.1
    c = c + 0.02 * jnp.sum(h[..., 1:] * jax.nn.relu(1 - distance / 0.1)[..., None], axis=1)
    return type(state)(c / jnp.linalg.norm(c, axis=1, keepdims=True), *move(x, v, push, 0.04, 0.02))


def blends(x: jax.Array, colour: jax.Array, radius: float, steepness: float) -> jax.Array:
    """A frame of either, every disc over the whole picture."""
    axis = jnp.linspace(0, 1, SIZE)
    pixels = jnp.stack(jnp.meshgrid(axis, axis, indexing="ij"), axis=-1)

    def over(picture: jax.Array, disc: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        distance = jnp.linalg.norm(pixels - disc[0], axis=-1)
        alpha = (1 - 1 / (1 + jnp.exp(-steepness * (distance - radius))))[:, :, None]
        return picture * (1 - alpha) + alpha * disc[1], None

    return jax.lax.scan(over, jnp.zeros((SIZE, SIZE, 3)), (x, colour))[0]


def milliseconds(function: Callable, *arguments: Any, repeats: int = 5) -> float:
    program = jax.jit(function)
    jax.block_until_ready(program(*arguments))
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        jax.block_until_ready(program(*arguments))
        times.append(time.process_time() - begin)
    return min(times) * 1e3


def later(life: Any, states: Any, worlds: Any, steps: int) -> Any:
    """Sixteen worlds, one after the other, some steps later."""

    def run(one: tuple) -> Any:
        return jax.lax.fori_loop(0, steps, lambda _, state: life.step_state(None, state, one[1]), one[0])

    return jax.lax.map(run, (states, worlds))


def compare(name: str, life: Any, field_step: Callable, expressed: bool, colour: Callable, radius: float) -> None:
    params = jax.vmap(life.default_params)(jax.random.split(jax.random.key(1), WORLDS))
    worlds = jax.vmap(life.express)(params)
    states = jax.vmap(life.init_state)(jax.random.split(jax.random.key(0), WORLDS), worlds)
    after = jax.jit(partial(later, life, steps=500))(states, worlds)
    fresh, grown = (milliseconds(partial(later, life, steps=2), s, worlds) / 2 / WORLDS for s in (states, after))
    state, world, genotype = (jax.tree.map(lambda leaf: leaf[0], tree) for tree in (after, worlds, params))
    field = milliseconds(field_step, state, world if expressed else genotype, repeats=2)
    frame = milliseconds(partial(life.render_state, img_size=SIZE), state, world, repeats=15)
    picture = partial(blends, radius=radius, steepness=life.sharpness / life.render_radius)
    field_frame = milliseconds(picture, state.x, colour(state), repeats=1)
    print(
        f"{name:19} step   ours {fresh:8.2f}   after 500 steps {grown:8.2f}   all pairs, one world {field:8.1f}", end=""
    )
    print(f"   ratio {field / fresh:5.0f}")
    print(f"{'':19} frame  ours {frame:8.2f}   full-size blends {field_frame:8.1f}   ratio {field_frame / frame:5.0f}")


def scale(name: str, make: Callable) -> None:
    """One world at a time, as crowded as the default one."""
    first = 0.0
    for times in (0.2, 1, 4, 20):
        parts, options = make().scaled(times)
        life = make(**options)
        world = life.express(life.default_params(jax.random.key(1)))
        state = life.init_state(jax.random.key(0), world)
        spent = milliseconds(partial(life.step_state, None), state, world)
        first = first or spent / parts
        print(f"{name:19} {parts:7,} particles {spent:9.2f}   {spent / parts / first:5.2f} times as much per particle")


def main() -> None:
    print(f"particles, {WORLDS} worlds one after the other, one core; milliseconds per world")
    radius = 0.1**0.5
    compare("particle_life", ParticleLife(), all_pairs, True, lambda s: jnp.asarray(PALETTE)[s.c], radius * 0.01)
    plus = ParticleLifePlus()
    compare("particle_life_plus", plus, all_pairs_plus, False, lambda s: (s.c[:, :3] + 1) / 2, radius * 0.04)
    print(f"growth with the number of particles, tiles of {LANES}")
    scale("particle_life", ParticleLife)
    scale("particle_life_plus", ParticleLifePlus)


if __name__ == "__main__":
    main()

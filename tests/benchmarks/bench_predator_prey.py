"""Speed of a thousand animals on one core, how long both species live on, and whether their brains are selected.

Run with `python tests/benchmarks/bench_predator_prey.py`; `--quick` leaves out all but the speed.

Selection: prey that descend from 5000 steps are put into a fresh world in which nobody starves or is born, and what a
prey eats in a step is compared with what random founders eat in the same world.  Under drift a body is steered by a
brain that it does not hand on, so nothing a brain does has a say in how many copies of it there will be.
"""

from __future__ import annotations

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before JAX starts its threads

import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alife.plugins.predator_prey import PredatorPrey
from alife.plugins.predator_prey_values import VALUES, world_of

SIZE = 256
SEEDS, STEPS, GRAZING, CHECKED = 6, 5000, 300, 100
NEVER = 1e3
"""Energy at which nobody divides in a garden; all begin with half of it."""
PLAIN = world_of(dict.fromkeys(VALUES, jnp.float32(0)))
"""The default world."""


def best(run: Callable[[], Any], repeats: int = 9) -> float:
    """Seconds of the fastest of several runs, after one that compiles."""
    jax.block_until_ready(run())
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        jax.block_until_ready(run())
        times.append(time.perf_counter() - begin)
    return min(times)


def history(world: PredatorPrey, key: jax.Array, params: Any, state: Any, steps: int) -> Any:
    """The state so many steps later."""
    return jax.lax.fori_loop(0, steps, lambda i, now: world.step_state(jax.random.fold_in(key, i), now, params), state)


def foraging(world: PredatorPrey, params: Any, key: jax.Array, brains: jax.Array, steps: int) -> jax.Array:
    """Mean energy that a prey eats in a step of a world with these brains.

    Args:
        world: the substrate.
        params: what `express` gave.
        key: of the world: the same one has the same plants, places and predators.
        brains: of the prey that it begins with.
        steps: how long they graze.
    """
    params = params._replace(prey_birth=jnp.float32(NEVER), predator_birth=jnp.float32(NEVER))
    state = world.init_state(key, params)
    genome = state.animals.genome.at[: len(brains)].set(brains)
    state = state._replace(animals=state.animals._replace(genome=genome))

    def one(i: jax.Array, carry: tuple) -> tuple:
        state, eaten, heads = carry
        heads += jnp.sum(state.animals.alive[: world.n_prey])
        state = world.step_state(jax.random.fold_in(key, i), state, params)
        return state, eaten + state.flows.grazed, heads

    _, eaten, heads = jax.lax.fori_loop(0, steps, one, (state, jnp.float32(0), jnp.int32(0)))
    return eaten / heads


def descendants(world: PredatorPrey, params: Any, key: jax.Array, steps: int) -> jax.Array:
    """Brains of prey that live after so many steps, again and again until there is one for each founder."""
    animals = history(world, key, params, world.init_state(key, params), steps).animals
    alive = animals.alive[: world.n_prey]
    living = jnp.nonzero(alive, size=world.n_prey, fill_value=0)[0]
    return animals.genome[living[jnp.arange(world.prey_founders) % jnp.maximum(jnp.sum(alive), 1)]]


def speed() -> None:
    """Steps and pictures."""
    world, key, steps = PredatorPrey(), jax.random.key(0), 200
    run = jax.jit(lambda state: history(world, key, PLAIN, state, steps))
    state = jax.jit(world.init_state)(key, PLAIN)
    for age in (0, 1000):
        for _ in range(age // steps):
            state = run(state)
        spent = best(lambda state=state: run(state)) / steps
        print(f"step, from step {age:4} on   {spent * 1e3:7.3f} ms   {1 / spent:7.0f} steps/s", flush=True)
    draw = jax.jit(lambda state: world.render_state(state, PLAIN, img_size=SIZE))
    print(f"frame of {SIZE} pixels     {best(lambda: draw(state)) * 1e3:7.3f} ms", flush=True)


def selection() -> None:
    """What descendants eat, of what random founders eat."""
    key = jax.random.split(jax.random.key(0), SEEDS)
    natural = PredatorPrey()
    garden = jax.jit(lambda key, brains: foraging(natural, PLAIN, key, brains, GRAZING))
    worlds = {name: PredatorPrey(selection=name) for name in ("natural", "drift")}
    live = {
        name: jax.jit(lambda key, world=world: descendants(world, PLAIN, key, STEPS)) for name, world in worlds.items()
    }
    found: dict[str, list[float]] = {name: [] for name in worlds}
    for seed in key:
        fresh = jax.random.fold_in(seed, 1)
        founders = natural.init_state(fresh, PLAIN).animals.genome[: natural.prey_founders]
        before = float(garden(fresh, founders))
        for name in worlds:
            found[name].append(float(garden(fresh, live[name](seed))) / before)
        print("  ".join(f"{name} {ratios[-1]:.2f}" for name, ratios in found.items()), flush=True)
    for name, ratios in found.items():
        print(f"{name:8} descendants eat {np.mean(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) times as much")


def coexistence() -> None:
    """How few of each species there are at the worst of times, and how often founders had to come."""
    world = PredatorPrey()

    def life(key: jax.Array) -> Any:
        def chunk(state: Any, i: jax.Array) -> Any:
            state = history(world, jax.random.fold_in(key, i), PLAIN, state, CHECKED)
            return state, world.measures(state, PLAIN)

        return jax.lax.scan(chunk, world.init_state(key, PLAIN), jnp.arange(STEPS // CHECKED))[1]

    run = jax.jit(life)
    for seed in range(SEEDS):
        seen = {name: np.asarray(values) for name, values in run(jax.random.key(seed)).items()}
        lows = "  ".join(f"{name} {seen[name].min():.0f} to {seen[name].max():.0f}" for name in ("prey", "predators"))
        print(f"seed {seed}: {lows}  swing {seen['swing'].mean():.2f}  reseeded {seen['reseeded'][-1]:.0f}", flush=True)


def main() -> None:
    print("predator_prey, 1,000 animals, one core")
    speed()
    if "--quick" not in sys.argv:
        coexistence()
        selection()


if __name__ == "__main__":
    main()

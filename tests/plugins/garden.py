"""How well brains forage: they are put into a world in which nobody starves, is born or changes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from alife.plugins.predator_prey import PredatorPrey

DEFAULTS = 15
"""Numbers of a genotype; all of them 0 are the defaults."""
NEVER = 1e3
"""Energy at which nobody divides here; all begin with half of it."""


def history(world: PredatorPrey, key: jax.Array, params: Any, state: Any, steps: int) -> Any:
    """The state so many steps later."""
    return jax.lax.fori_loop(0, steps, lambda i, now: world.step_state(jax.random.fold_in(key, i), now, params), state)


def foraging(world: PredatorPrey, params: Any, key: jax.Array, brains: jax.Array | None, steps: int) -> jax.Array:
    """Mean energy that a prey eats in a step of a world with these brains.

    Args:
        world: the substrate.
        params: what `express` gave.
        key: of the world: the same one has the same plants, places and predators.
        brains: of the first prey; None for random founders.
        steps: how long they graze.
    """
    params = params._replace(prey_birth=jnp.float32(NEVER), predator_birth=jnp.float32(NEVER))
    state = world.init_state(key, params)
    if brains is not None:
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

"""Numbers about a world of `predator_prey`: what kind of moment it is, and what went on in its last step."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from alife.plugins.predator_prey_life import SUMS, Life, heads
from alife.plugins.predator_prey_values import World


def measures_of(state: Life, params: World, prey: int) -> dict[str, Float[Array, ""]]:
    """What kind of moment this is; means are over the last 500 steps or so, and 0 before the first.

    prey: how many prey live, in [0, n_prey].
    predators: how many predators live, in [0, n_predators].
    plants: energy in the plants over that of full cells all over, in [0, 1].
    energy: mean energy of all animals that live, >= 0; 0 where there are none.
    ancestors: mean number of ancestors of all that live, >= 0; 0 for founders.
    deepest: most ancestors that anyone alive has, >= 0.
    births: mean number of births in a step, of both species, >= 0.
    foraging: mean energy that a prey eats in a step, >= 0.
    hunting: mean energy that a predator eats in a step, >= 0.
    swing: standard deviation of the number of prey over its mean, >= 0; 0 for a steady world, 1 for wild cycles.
    reseeded: how often a species had died out and founders came, >= 0.
    """
    animals, sums = state.animals, dict(zip(SUMS, state.sums, strict=True))
    alive = heads(animals.alive, prey).astype(jnp.float32)
    ancestors = jnp.where(animals.alive, animals.generation, 0)
    everyone, steps = jnp.maximum(jnp.sum(alive), 1), jnp.maximum(sums["steps"], 1e-6)
    grazers, squared = sums["prey"] / steps, sums["prey squared"] / steps
    return {
        "prey": alive[0],
        "predators": alive[1],
        "plants": jnp.mean(state.plants) / params.capacity,
        "energy": jnp.sum(animals.energy) / everyone,
        "ancestors": jnp.sum(ancestors) / everyone,
        "deepest": jnp.max(ancestors).astype(jnp.float32),
        "births": sums["births"] / steps,
        "foraging": sums["grazed"] / jnp.maximum(sums["prey"], 1e-6),
        "hunting": sums["hunted"] / jnp.maximum(sums["predators"], 1e-6),
        "swing": jnp.sqrt(jnp.maximum(squared - grazers**2, 0)) / jnp.maximum(grazers, 1e-6),
        "reseeded": state.reseeded.astype(jnp.float32),
    }


def moment_of(state: Life, prey: int) -> dict[str, Array]:
    """The plain numbers of the last step.

    prey, predators: how many live.
    prey_births, predator_births: how many were born.
    prey_starved, predators_starved: how many had no energy left.
    caught: prey that predators ate.
    prey_founders, predator_founders: how many came because their species had died out.
    plants: energy in all plants.
    prey_energy, predator_energy: energy of all that live.
    grazed: energy from plants to prey.
    hunted: energy from prey to predators.
    wasted: energy of caught prey that nobody gained.
    spent: energy that living and moving took.
    grown: energy that plants gained.
    placed: energy that founders brought.
    """
    flows, energy, alive = state.flows, state.animals.energy, heads(state.animals.alive, prey)
    return {
        "prey": alive[0],
        "predators": alive[1],
        "prey_births": flows.births[0],
        "predator_births": flows.births[1],
        "prey_starved": flows.starved[0],
        "predators_starved": flows.starved[1],
        "caught": flows.caught,
        "prey_founders": flows.founders[0],
        "predator_founders": flows.founders[1],
        "plants": jnp.sum(state.plants),
        "prey_energy": jnp.sum(energy[:prey]),
        "predator_energy": jnp.sum(energy[prey:]),
        **{name: getattr(flows, name) for name in ("grazed", "hunted", "wasted", "spent", "grown", "placed")},
    }

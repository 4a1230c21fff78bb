"""Who is born in `predator_prey`: children of those with energy enough, and founders where a species has died out."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from alife.plugins.predator_prey_life import Animals, Life, heads
from alife.types import PRNGKey
from alife.worlds.lattice import random_bits, random_fractions
from alife.worlds.population import pair_births

CHANGE = 0.02
"""Standard deviation by which the hue of a child is off its parent's, of the circle."""
MOST_BIRTHS = (16, 8)
"""Of prey and of predators, in one step."""
FOUNDERS = 24
"""Brains that are kept for founders, should a species die out."""


def bear(
    rng: PRNGKey,
    animals: Animals,
    threshold: Float[Array, " N"],
    mutation: Float[Array, ""],
    prey: int,
    next_uid: Int[Array, ""],
    now: Int[Array, ""],
) -> tuple[Animals, Int[Array, "2"]]:
    """Those with energy enough divide: a child, which heads the other way, takes half of it.  Also: how many do."""
    n = len(animals.alive)
    wants = animals.alive & (animals.energy >= threshold)
    parents, children, numbers = [], [], []
    counts: list[Int[Array, ""]] = []
    for begin, end, most in ((0, prey, MOST_BIRTHS[0]), (prey, n, MOST_BIRTHS[1])):
        limit = min(most, end - begin)
        part = slice(begin, end)
        births = pair_births(wants[part], animals.alive[part], animals.energy[part], limit)
        real = jnp.arange(limit) < births.number
        parents.append(jnp.where(real, births.parent + begin, n))
        children.append(jnp.where(real, births.child + begin, n))
        numbers.append(jnp.arange(limit) + sum(counts, jnp.int32(0)))
        counts.append(births.number.astype(jnp.int32))
    parent, child, number = (jnp.concatenate(part) for part in (parents, children, numbers))
    weights = animals.genome.shape[1]
    noise = normal(rng, (len(parent), weights + 1))
    old = jnp.minimum(parent, n - 1)
    half = animals.energy[old] / 2
    born = Animals(
        x=animals.x[old],
        heading=-animals.heading[old],
        alive=jnp.ones(len(old), bool),
        energy=half,
        genome=animals.genome[old] + mutation * noise[:, 1:],
        hue=(animals.hue[old] + CHANGE * noise[:, 0]) % 1,
        uid=next_uid + number,
        parent_uid=animals.uid[old],
        birth_step=jnp.full(len(old), now),
        generation=animals.generation[old] + 1,
    )
    animals = animals._replace(energy=animals.energy.at[parent].set(half, mode="drop"))
    animals = Animals(*(all_.at[child].set(new, mode="drop") for all_, new in zip(animals, born, strict=True)))
    return animals, jnp.stack(counts)


def found(
    rng: PRNGKey,
    animals: Animals,
    state: Life,
    births: Int[Array, "2"],
    most: tuple[int, int],
    threshold: Float[Array, " N"],
    prey: int,
) -> tuple[Animals, Int[Array, "2"], Float[Array, ""]]:
    """Founders where a species has died out, how many, and the energy they bring.

    Args:
        animals: who lives now; the slots of a species that has died out are all free.
        state: before the step.
        births: in the step; their numbers come before those of founders.
        most: prey and predators that a world begins with; no more come.
        threshold: energy at which each slot's animal divides; they bring half of it.
        prey: how many slots are for prey (Q).
    """
    # Worlds side by side all take this way, so founders have brains drawn long ago, shifted to be others.
    of_place, of_shift = jax.random.split(rng)
    bank = jnp.roll(state.bank.reshape(-1), jax.random.randint(of_shift, (), 0, state.bank.size))
    bank = bank.reshape(state.bank.shape)
    chance = random_fractions(of_place, (2, FOUNDERS, 3))
    extinct = heads(animals.alive, prey) == 0
    number, placed, counts = state.next_uid + jnp.sum(births), jnp.float32(0), []
    for species, begin in enumerate((0, prey)):
        count = min(FOUNDERS, most[species])
        part, gone = slice(begin, begin + count), extinct[species]
        come = Animals(
            x=len(state.plants) * chance[species, :count, :2],
            heading=animals.heading[part],
            alive=jnp.ones(count, bool),
            energy=0.5 * threshold[part],
            genome=bank[:count],
            hue=chance[species, :count, 2],
            uid=number + jnp.arange(count),
            parent_uid=jnp.full(count, -1),
            birth_step=jnp.full(count, state.now + 1),
            generation=jnp.zeros(count, jnp.int32),
        )
        animals = Animals(
            *(old.at[part].set(jnp.where(gone, new, old[part])) for old, new in zip(animals, come, strict=True))
        )
        placed = placed + jnp.where(gone, jnp.sum(come.energy), 0)
        counts.append(jnp.where(gone, jnp.int32(count), 0))
        number = number + counts[-1]
    return animals, jnp.stack(counts), placed


def normal(rng: PRNGKey, shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Standard normal numbers, in the quick way of `alife.worlds.lattice.random_bits`."""
    fraction = (random_bits(rng, shape) >> 9).astype(jnp.float32) * np.float32(2**-22) + np.float32(2**-23 - 1)
    return math.sqrt(2) * jax.lax.erf_inv(fraction)

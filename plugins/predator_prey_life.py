"""How the animals of `predator_prey` live: what they see, how their brains move them, what they eat, who is born.

Slots 0..n_prey-1 are for prey, the rest for predators; a slot is free or taken, and nobody ever changes slots.  Lengths
are in cells of the field of plants, times in steps.  Energy is never made or lost without a line in `Flows`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from alife.types import PRNGKey
from alife.worlds.cells import line_of
from alife.worlds.lattice import random_bits
from alife.worlds.particles import wrap
from alife.worlds.population import pair_births

SECTORS = 6
"""Directions in which an animal looks, the first two ahead on its left and right."""
NEAR = 1 / 3
"""Where the nearer of the two places in each direction lies, of the sight."""
SEEN = 3 * (2 * SECTORS + 1) + 2
"""Numbers that a brain is given: plants, prey and predators in 13 places, its body's energy, and 1."""
KEENNESS = (1.0, 2.0, 4.0)
"""How densities of plants (of a full cell), prey and predators (a cell) are weighed before they are squashed."""
WIDTHS = (0.7, 2.5)
"""How much the near and the far are blurred: standard deviation of a bell, cells."""
SHARPEST = 0.3
"""Tangent of half of the sharpest turn in a step: 33 degrees."""
REACH = 0.9
"""How far a predator catches, cells; at most 1, as it looks into the cells around its own."""
SEED = 0.02
"""Plants that come from elsewhere, as if so much of a cell were full."""
CHANGE = 0.02
"""Standard deviation by which the hue of a child is off its parent's, of the circle."""
STRIDE = 0.38
"""Under drift, how far away the slot lies whose brain steers a body, of all slots of the species."""
MOST_BIRTHS = (16, 8)
"""Of prey and of predators, in one step."""


class World(NamedTuple):
    """What a genotype stands for; energies in units of a full cell of plants at the defaults."""

    growth: Float[Array, ""]
    """Rate at which plants grow where there is room, per step."""
    capacity: Float[Array, ""]
    """Energy in a full cell."""
    bite: Float[Array, ""]
    """Fraction of its cell that a prey eats in a step."""
    metabolism: Float[Array, ""]
    """Energy that a newborn prey spends in a step."""
    hunger: Float[Array, ""]
    """Energy that a newborn predator spends in a step."""
    move: Float[Array, ""]
    """Energy that a way of one cell costs."""
    efficiency: Float[Array, ""]
    """Fraction of a prey's energy that its predator gains."""
    prey_birth: Float[Array, ""]
    """Energy from which on a prey divides."""
    predator_birth: Float[Array, ""]
    """Energy from which on a predator divides."""
    mutation: Float[Array, ""]
    """Standard deviation of what a birth adds to each weight."""
    sight: Float[Array, ""]
    """How far animals see, cells."""
    prey_speed: Float[Array, ""]
    """Of the fastest prey, cells per step."""
    predator_speed: Float[Array, ""]
    """Of the fastest predators, cells per step."""
    lifespan: Float[Array, ""]
    """Age at which upkeep has doubled, steps."""


class Flows(NamedTuple):
    """What went on in one step: heads, and energy."""

    births: Int[Array, "2"]
    """Of prey and of predators, as in the next ones."""
    starved: Int[Array, "2"]
    caught: Int[Array, ""]
    """Prey that were eaten."""
    founders: Int[Array, "2"]
    """Placed because a species had died out."""
    grazed: Float[Array, ""]
    """From plants to prey."""
    hunted: Float[Array, ""]
    """From prey to predators."""
    wasted: Float[Array, ""]
    """Of caught prey, and gained by nobody."""
    spent: Float[Array, ""]
    """By all animals, on living and moving."""
    grown: Float[Array, ""]
    """By plants."""
    placed: Float[Array, ""]
    """That founders brought."""


class Animals(NamedTuple):
    """What is in the slots; where one is free, only `genome` may still be read."""

    x: Float[Array, "N 2"]
    """Positions, in [0, size) cells."""
    heading: Float[Array, "N 2"]
    """Unit vectors."""
    alive: Bool[Array, " N"]
    energy: Float[Array, " N"]
    """0 in a free slot."""
    genome: Float[Array, "N P"]
    """The weights of the brains, of variance 1 among founders."""
    hue: Float[Array, " N"]
    """In [0, 1), a circle; drifts from parent to child, so kin are of like colour."""
    uid: Int[Array, " N"]
    """0, 1, 2 ... in the order of birth."""
    parent_uid: Int[Array, " N"]
    """-1 for founders."""
    birth_step: Int[Array, " N"]
    generation: Int[Array, " N"]
    """0 for founders."""


def genome_size(hidden: int) -> int:
    """Weights of a brain: from what it sees to hidden units, from these and 1 to turn and speed."""
    return hidden * SEEN + 2 * (hidden + 1)


def animals_at(cell: Int[Array, " N"], alive: Bool[Array, " N"], cells: int) -> Float[Array, " cells"]:
    """How many live in each cell."""
    return jnp.zeros(cells).at[cell].add(alive.astype(jnp.float32))


def cell_of(x: Float[Array, "N 2"], size: int) -> Int[Array, " N"]:
    """Number of the cell that a position lies in, row by row."""
    row, column = line_of(x, size, size).T
    return row * size + column


def blur(size: int, width: float) -> Float[np.ndarray, "h h"]:
    """Weights of the rows of a torus in each of its rows: bells of a standard deviation, cells.

    >>> blur(4, 0.7).round(2)[0].tolist()
    [0.57, 0.21, 0.02, 0.21]
    """
    apart = (np.arange(size) + size // 2) % size - size // 2
    bell = np.exp(-0.5 * (apart / width) ** 2)
    return (bell / bell.sum())[(np.arange(size)[:, None] - np.arange(size)) % size].astype(np.float32)


def blurred(field: Float[Array, "*C h w"], width: float) -> Float[Array, "*C h w"]:
    """Means over what is around, weighed by a bell."""
    # As products of matrices: shifted sums would be fused into whatever reads them, and computed anew each time.
    weights = blur(field.shape[-1], width)
    return weights @ field @ weights.T


def surroundings(
    plants: Float[Array, "h w"], counts: list[Float[Array, " cells"]], capacity: Float[Array, ""]
) -> Float[Array, "2 3 h w"]:
    """Densities of plants (of a full cell), prey and predators (a cell): what is near a little blurred, what is far more."""
    field = jnp.stack([plants / capacity, *(count.reshape(plants.shape) for count in counts)])
    return jnp.stack([blurred(field, width) for width in WIDTHS])


def look(animals: Animals, fields: Float[Array, "2 3 h w"], full: Float[Array, " N"], sight: Array) -> Array:
    """What every animal sees, turned so that it looks ahead: [N SEEN].

    Args:
        animals: who looks.
        fields: see `surroundings`.
        full: energy over that at which it divides.
        sight: how far the farther places lie, cells.
    """
    size = fields.shape[-1]
    angle = (np.arange(SECTORS) // 2 + 0.5) * (2 * np.pi / SECTORS) * np.where(np.arange(SECTORS) % 2, -1, 1)
    ahead, left = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
    u, v = animals.heading[:, 0, None], animals.heading[:, 1, None]
    way = jnp.stack([u * ahead - v * left, v * ahead + u * left], axis=-1)  # [N SECTORS 2]
    at = animals.x[:, None]
    places = jnp.concatenate([at, at + NEAR * sight * way, at + sight * way], axis=1)
    row, column = jnp.moveaxis(jnp.floor(places).astype(jnp.int32) % size, -1, 0)
    layer = jnp.array([0] * (SECTORS + 1) + [size * size] * SECTORS)
    table = jnp.moveaxis(fields, 1, -1).reshape(-1, 3)
    seen = jnp.tanh(jnp.array(KEENNESS) * table[layer + row * size + column]).reshape(len(animals.x), -1)
    return jnp.concatenate([seen, jnp.tanh(full)[:, None], jnp.ones_like(full)[:, None]], axis=1)


def think(genome: Float[Array, "N P"], seen: Float[Array, "N S"]) -> tuple[Float[Array, " N"], Float[Array, " N"]]:
    """What the brains say: turn in (-1, 1), left is positive, and speed in (0, 1), of the fastest."""
    n, hidden = len(genome), (genome.shape[1] - 2) // (SEEN + 2)
    first = genome[:, : hidden * SEEN].reshape(n, hidden, SEEN)
    second = genome[:, hidden * SEEN :].reshape(n, 2, hidden + 1)
    inner = jnp.tanh(jnp.einsum("ns,nhs->nh", seen, first) * (3 / math.sqrt(SEEN)))
    inner = jnp.concatenate([inner, jnp.ones((n, 1))], axis=1)
    said = jnp.einsum("nh,nah->na", inner, second) * (2 / math.sqrt(hidden + 1))
    return jnp.tanh(said[:, 0]), jax.nn.sigmoid(said[:, 1])


def turned(heading: Float[Array, "N 2"], turn: Float[Array, " N"]) -> Float[Array, "N 2"]:
    """Headings after a turn: 1 is the sharpest to the left."""
    half = SHARPEST * turn
    cos, sin = (1 - half**2) / (1 + half**2), 2 * half / (1 + half**2)  # of a rotation, without a cosine
    u, v = heading.T
    ahead = jnp.stack([u * cos - v * sin, v * cos + u * sin], axis=1)
    return ahead / jnp.sqrt(jnp.sum(ahead**2, axis=1, keepdims=True))


def graze(
    plants: Float[Array, "h w"], cell: Int[Array, " Q"], hungry: Bool[Array, " Q"], bite: Float[Array, ""]
) -> tuple[Float[Array, "h w"], Float[Array, " Q"]]:
    """What is left of the plants, and what each prey has eaten: together what there was, however many share a cell."""
    flat = plants.reshape(-1)
    wanted = jnp.where(hungry, bite * flat[cell], 0)
    demand = jnp.zeros_like(flat).at[cell].add(wanted)
    share = jnp.minimum(1, flat / jnp.maximum(demand, 1e-12))
    return jnp.maximum(flat - demand * share, 0).reshape(plants.shape), wanted * share[cell]


def hunt(
    x: Float[Array, "N 2"],
    cell: Int[Array, " N"],
    can: Bool[Array, " N"],
    prey: int,
    size: int,
    turn: Int[Array, ""],
) -> tuple[Bool[Array, " Q"], Int[Array, " R"]]:
    """Which prey are caught, and whom each predator has caught: `prey` for nobody.

    A predator catches the nearest within reach, of one prey in each cell around it; who that is among several in a cell
    changes from step to step.  Of several predators at one prey one gets it all.

    Args:
        x, cell: of all animals.
        can: prey that live, predators that live and are hungry.
        prey: how many slots are for prey (Q).
        size: edge of the world, cells.
        turn: any number, another one in each step.
    """
    hunters = len(x) - prey
    # Whoever comes last in an order that moves on with each step stands for all in a cell: no slot is a better one.
    order = (jnp.arange(prey) + turn * 7) % prey
    shown = jnp.full(size * size, -1).at[cell[:prey]].max(jnp.where(can[:prey], order, -1))
    row, column = cell[prey:] // size, cell[prey:] % size
    by = np.arange(-1, 2) if size > 2 else np.arange(size)
    around = (row[:, None, None] + by[:, None]) % size * size + (column[:, None, None] + by) % size
    there = shown[around.reshape(hunters, -1)]
    target = jnp.where(there >= 0, (there - turn * 7) % prey, prey)
    away = wrap(x[jnp.minimum(target, prey - 1)] - x[prey:, None], size)
    distance = jnp.where(target < prey, jnp.sum(away**2, axis=-1), jnp.inf)
    best = jnp.argmin(distance, axis=1)
    least = jnp.take_along_axis(distance, best[:, None], axis=1)[:, 0]
    target = jnp.take_along_axis(target, best[:, None], axis=1)[:, 0]
    target = jnp.where((least <= REACH**2) & can[prey:], target, prey)
    rank = (jnp.arange(hunters) + turn) % hunters
    first = jnp.full(prey + 1, hunters).at[target].min(rank)
    wins = (first[target] == rank) & (target < prey)
    return first[:prey] < hunters, jnp.where(wins, target, prey)


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
    parents, children, counts, numbers = [], [], [], []
    for begin, end, most in ((0, prey, MOST_BIRTHS[0]), (prey, n, MOST_BIRTHS[1])):
        limit = min(most, end - begin)
        part = slice(begin, end)
        births = pair_births(wants[part], animals.alive[part], animals.energy[part], limit)
        real = jnp.arange(limit) < births.count
        parents.append(jnp.where(real, births.parent + begin, n))
        children.append(jnp.where(real, births.child + begin, n))
        numbers.append(jnp.arange(limit) + sum(counts, jnp.int32(0)))
        counts.append(births.count.astype(jnp.int32))
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


def normal(rng: PRNGKey, shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Standard normal numbers, in the quick way of `alife.worlds.lattice.random_bits`."""
    fraction = (random_bits(rng, shape) >> 9).astype(jnp.float32) * np.float32(2**-22) + np.float32(2**-23 - 1)
    return math.sqrt(2) * jax.lax.erf_inv(fraction)

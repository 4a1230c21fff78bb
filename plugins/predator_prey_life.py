"""The state of `predator_prey`, what animals eat in a step, and how plants grow.

Slots 0 to Q-1 are for prey, the R others for predators; a slot is free or taken, and nobody ever changes slots.
Lengths are in cells of the field of plants, times in steps.  Energy is never made or lost without a line in `Flows`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from alife.plugins.predator_prey_brain import WIDTHS, blurred
from alife.plugins.predator_prey_values import World
from alife.types import PRNGKey
from alife.worlds.cells import line_of
from alife.worlds.particles import wrap

REACH = 0.9
"""How far a predator catches, cells; at most 1, as it looks into the cells around its own."""
SEED = 0.02
"""Plants that come from elsewhere, as if so much of a cell were full."""
WINDOW = 500
"""Steps over which measures are means, the last ones weighing most."""
SUMS = ("steps", "prey", "prey squared", "predators", "grazed", "hunted", "births")
"""What is added up for them."""


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


class Life(NamedTuple):
    """One moment of a world."""

    animals: Animals
    plants: Float[Array, "h w"]
    """Energy in each cell."""
    fertile: Float[Array, "h w"]
    """Of the capacity, how much a cell can hold, in (0, 1]; never changes."""
    bank: Float[Array, "F P"]
    """Brains for founders to come; never changes."""
    next_uid: Int[Array, ""]
    now: Int[Array, ""]
    """Steps taken."""
    flows: Flows
    """Of the last step."""
    sums: Float[Array, " M"]
    """Of what is in `SUMS`, the last `WINDOW` steps weighing most."""
    reseeded: Int[Array, ""]
    """How often a species had died out and founders came."""


def heads(which: Bool[Array, " N"], prey: int) -> Int[Array, "2"]:
    """How many prey and how many predators are among these.

    >>> heads(jnp.array([True, True, False, True]), prey=2).tolist()
    [2, 1]
    """
    return jnp.stack([jnp.sum(part, dtype=jnp.int32) for part in (which[:prey], which[prey:])])


def animals_at(cell: Int[Array, " N"], alive: Bool[Array, " N"], cells: int) -> Float[Array, " cells"]:
    """How many live in each cell."""
    return jnp.zeros(cells).at[cell].add(alive.astype(jnp.float32))


def cell_of(x: Float[Array, "N 2"], size: int) -> Int[Array, " N"]:
    """Number of the cell that a position lies in, row by row."""
    row, column = line_of(x, size, size).T
    return row * size + column


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
    reach: Float[Array, " Q"],
    size: int,
    turn: Int[Array, ""],
) -> tuple[Bool[Array, " Q"], Int[Array, " R"]]:
    """Which prey are caught, and whom each predator has caught: `prey` for nobody.

    A predator catches the one most within reach, of one prey in each cell around it; which of several in a cell that is
    changes from step to step.  Of several predators at one prey one gets it all.

    Args:
        x, cell: of all animals.
        can: prey that live, predators that live and are hungry.
        reach: how far off each prey is caught, cells, at most 1.
        size: edge of the world, cells.
        turn: any number, another one in each step.
    """
    prey, hunters = len(reach), len(x) - len(reach)
    # Whoever comes last in an order that moves on with each step stands for all in a cell: no slot is a better one.
    order = (jnp.arange(prey) + turn * 7) % prey
    shown = jnp.full(size * size, -1).at[cell[:prey]].max(jnp.where(can[:prey], order, -1))
    row, column = cell[prey:] // size, cell[prey:] % size
    by = np.arange(-1, 2) if size > 2 else np.arange(size)
    around = (row[:, None, None] + by[:, None]) % size * size + (column[:, None, None] + by) % size
    there = shown[around.reshape(hunters, -1)]
    target = jnp.where(there >= 0, (there - turn * 7) % prey, prey)
    away = wrap(x[jnp.minimum(target, prey - 1)] - x[prey:, None], size)
    reach = jnp.append(jnp.maximum(reach, 1e-6), 1)[target]
    distance = jnp.where(target < prey, jnp.sum(away**2, axis=-1) / reach**2, jnp.inf)
    best = jnp.argmin(distance, axis=1)
    least = jnp.take_along_axis(distance, best[:, None], axis=1)[:, 0]
    target = jnp.take_along_axis(target, best[:, None], axis=1)[:, 0]
    target = jnp.where((least <= 1) & can[prey:], target, prey)
    rank = (jnp.arange(hunters) + turn) % hunters
    first = jnp.full(prey + 1, hunters).at[target].min(rank)
    wins = (first[target] == rank) & (target < prey)
    return first[:prey] < hunters, jnp.where(wins, target, prey)


def grow(
    plants: Float[Array, "h w"], fertile: Float[Array, "h w"], params: World
) -> tuple[Float[Array, "h w"], Float[Array, ""]]:
    """Plants a step later, and how much has grown: from themselves and their neighbours, where there is room."""
    most = params.capacity * fertile
    parents = 0.5 * plants + 0.5 * blurred(plants, WIDTHS[0]) + SEED * params.capacity
    later = jnp.minimum(plants + params.growth * parents * jnp.maximum(1 - plants / most, 0), jnp.maximum(plants, most))
    return later, jnp.sum(later - plants)


def fertility(rng: PRNGKey, size: int, patchiness: float) -> Float[Array, "h w"]:
    """How much of the capacity each cell can hold, in (0, 1]: a few waves of random phase on a torus."""
    wave = np.array([(i, j) for i in range(4) for j in range(-3, 4) if (i, j) > (0, 0) and i * i + j * j <= 9])
    phase = jax.random.uniform(rng, (len(wave), 1, 1), maxval=2 * math.pi)
    along = np.arange(size) * (2 * math.pi / size)
    height = jnp.mean(jnp.cos(wave[:, :1, None] * along[:, None] + wave[:, 1:, None] * along + phase), axis=0)
    return 1 - patchiness * jax.nn.sigmoid(3 * height * math.sqrt(2 * len(wave)))

"""What the numbers of a genotype of `predator_prey` mean."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.nn import sigmoid
from jaxtyping import Array, Float

from alife.genotype import places
from alife.types import Parameter, Tree

VALUES = {
    "growth": (0.008, 4, "per step", "how fast plants grow; higher: more life, and faster"),
    "capacity": (1.0, 4, "energy", "energy in a full cell of plants; higher: fatter prey, longer waves"),
    "bite": (0.04, 4, "of its cell", "what a prey eats in a step; higher: faster booms, barer ground"),
    "metabolism": (0.004, 4, "energy per step", "what a newborn prey lives on; higher: fewer prey"),
    "hunger": (0.012, 4, "energy per step", "what a newborn predator lives on; higher: fewer predators"),
    "move": (0.01, 4, "energy per cell", "what a way costs; higher: slower animals"),
    "efficiency": (0.5, 2, "of a prey", "what its predator gains of it; higher: more predators, wilder swings"),
    "cover": (0.8, 1.25, "of the reach", "how well full plants hide prey; higher: calmer cycles, more survive a crash"),
    "prey_birth": (2.0, 3, "energy", "from which on a prey divides; higher: fewer and fatter prey"),
    "predator_birth": (6.0, 3, "energy", "from which on a predator divides; higher: predators lag behind their prey"),
    "mutation": (0.05, 8, "", "deviation of a child's weights from its parent's; higher: faster, and less exact"),
    "sight": (6.0, 2, "cells", "how far animals see; higher: they come from further away"),
    "prey_speed": (0.25, 2, "cells per step", "of the fastest prey; higher: harder to catch"),
    "predator_speed": (0.35, 2, "cells per step", "of the fastest predators; higher: more is caught"),
    "lifespan": (1500.0, 4, "steps", "age at which upkeep has doubled; higher: longer lives, slower change"),
}
"""Of each number of the genotype: its value at 0, how many times more or less it can be, unit, and meaning."""


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
    cover: Float[Array, ""]
    """By how much a full cell of plants shortens the reach of predators, of it."""
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


def world_of(params: Tree) -> World:
    """The values that a genotype stands for: each the one in `VALUES` times ratio^(2 sigmoid(p) - 1).

    >>> round(float(world_of(dict.fromkeys(VALUES, 0.0)).sight), 3)
    6.0
    """
    return World(
        **{
            name: jnp.float32(value) * jnp.exp(math.log(ratio) * (2 * sigmoid(params[name]) - 1))
            for name, (value, ratio, _, _) in VALUES.items()
        }
    )


def sliders() -> dict[str, Parameter]:
    """The numbers of the genotype, as people may turn them."""
    tree = places(dict.fromkeys(VALUES, np.float32(0)))
    return {
        name: Parameter(
            -4, 4, "", f"{value:g} x {ratio:g}^(2 sigmoid - 1) {unit}: {meaning}".replace(" :", ":"), tree[name]
        )
        for name, (value, ratio, unit, meaning) in VALUES.items()
    }

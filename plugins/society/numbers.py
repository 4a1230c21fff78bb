"""What is counted in every step of a society, and what it says over an epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from .space import ACTIONS, EDITS, LAYERS

DID = ("move", *ACTIONS[2:], *(f"edit_{name}" for name in EDITS))
"""Mean size of what is done, in the order of the action record; moving is one."""
NUMBERS = (
    "population", "births", "deaths", "reseeds", "energy", "age", "ancestors", "deepest", "tag_diversity",
    *(f"land_{name}" for name in LAYERS), "terraforming", "agriculture", "bridges",
    *(f"agents_{name}" for name in DID), *(f"robots_{name}" for name in DID),
    "eaten", "robots_eaten", "spent", "robots_spent", "throughput", "throughput_per_capita", "health",
    "told", "programmed", "tool_use",
    "grown", "birth_prices", "minted", "settled", "hit_loss", "forgiven", "clipped",
)  # fmt: skip
"""Names of the numbers of one step.

births, deaths, reseeds, eaten, spent, ... are sums over all; energy, age, ancestors and what agents and robots did are
means over those alive.  The last line, with eaten and spent, is the ledger of energy: see `ledger`.
"""
MEASURES = (
    "population", "births", "deaths", "energy", "age", "ancestors", "deepest", "tag_diversity", "eaten_per_capita",
    "throughput_per_capita", "agriculture", "terraforming", "bridges", "told", "programmed", "tool_use", "push", "hit",
    "sending", "health",
)  # fmt: skip
"""Names of the measures."""


def as_vector(numbers: Mapping[str, Array]) -> Float[Array, " Q"]:
    """The numbers of a step in the order of `NUMBERS`."""
    return jnp.stack([jnp.asarray(numbers[name], jnp.float32) for name in NUMBERS])


def by_name(vector: Float[Array, " Q"]) -> dict[str, Float[Array, ""]]:
    """And back."""
    return {name: vector[i] for i, name in enumerate(NUMBERS)}


def ledger(numbers: Mapping[str, Any]) -> Any:
    """By how much the energy of land, agents and robots together has changed in a step.

    What is eaten only changes hands.  Food grows (or shrinks); children and new founders are given energy; living,
    doing and giving birth cost; hits destroy (or, below 0, create, when agents give); what is overdrawn is forgiven,
    and what does not fit, or falls below nothing, is cut off.
    """
    given = numbers["grown"] + numbers["minted"] + numbers["settled"] + numbers["forgiven"] + numbers["clipped"]
    taken = numbers["spent"] + numbers["robots_spent"] + numbers["birth_prices"] + numbers["hit_loss"]
    return given - taken


def measured(now: Float[Array, " Q"], mean: Float[Array, " Q"]) -> dict[str, Float[Array, ""]]:
    """The measures, from the numbers of a step and their means over the epoch so far."""
    means, this = by_name(mean), by_name(now)
    people = jnp.maximum(means["population"], 1e-6)
    found = {name: means[name] for name in MEASURES if name in means}
    found |= {
        "deepest": this["deepest"],
        "ancestors": this["ancestors"],
        "eaten_per_capita": means["eaten"] / people,
        "push": means["agents_push"],
        "hit": means["agents_hit"],
        "sending": means["agents_gate"],
    }
    return {name: found[name] for name in MEASURES}

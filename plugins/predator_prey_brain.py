"""What the animals of `predator_prey` see, and how their brains move them; lengths are in cells."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from alife.worlds.fields import wrap

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


def genome_size(hidden: int) -> int:
    """Weights of a brain: from what it sees to hidden units, from these and 1 to turn and speed."""
    return hidden * SEEN + 2 * (hidden + 1)


def blur(size: int, width: float) -> Float[np.ndarray, "h h"]:
    """Weights of the rows of a torus in each of its rows: bells of a standard deviation, cells.

    >>> [round(float(weight), 2) for weight in blur(4, 0.7)[0]]
    [0.58, 0.21, 0.01, 0.21]
    """
    apart = wrap(np.arange(size), size)
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
    """Densities of plants (of a full cell), prey and predators (a cell), a little blurred and a lot."""
    field = jnp.stack([plants / capacity, *(count.reshape(plants.shape) for count in counts)])
    return jnp.stack([blurred(field, width) for width in WIDTHS])


def look(
    x: Float[Array, "N 2"],
    heading: Float[Array, "N 2"],
    fields: Float[Array, "2 3 h w"],
    full: Float[Array, " N"],
    sight: Array,
) -> Array:
    """What every animal sees, turned so that it looks ahead: [N SEEN].

    Args:
        x, heading: of who looks.
        fields: see `surroundings`.
        full: energy over that at which it divides.
        sight: how far the farther places lie, cells.
    """
    size = fields.shape[-1]
    angle = (np.arange(SECTORS) // 2 + 0.5) * (2 * np.pi / SECTORS) * np.where(np.arange(SECTORS) % 2, -1, 1)
    ahead, left = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
    u, v = heading[:, 0, None], heading[:, 1, None]
    way = jnp.stack([u * ahead - v * left, v * ahead + u * left], axis=-1)  # [N SECTORS 2]
    at = x[:, None]
    places = jnp.concatenate([at, at + NEAR * sight * way, at + sight * way], axis=1)
    row, column = jnp.moveaxis(jnp.floor(places).astype(jnp.int32) % size, -1, 0)
    layer = jnp.array([0] * (SECTORS + 1) + [size * size] * SECTORS)
    table = jnp.moveaxis(fields, 1, -1).reshape(-1, 3)
    seen = jnp.tanh(jnp.array(KEENNESS) * table[layer + row * size + column]).reshape(len(x), -1)
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

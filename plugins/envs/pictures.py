"""Pictures of what has none in JAX: grids of coloured cells, and numbers as a mosaic."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from alife.plugins.envs.actions import Choice, Span
from alife.plugins.envs.adapter import Episode
from alife.worlds.lattice import upscale

GROUND = (0.06, 0.06, 0.09)
"""Where there is nothing."""
FRAME = (0.02, 0.02, 0.03)
"""Beside a grid that is not square."""
PALETTE = (
    (0.93, 0.93, 0.90),
    (0.96, 0.55, 0.15),
    (0.25, 0.60, 0.95),
    (0.35, 0.80, 0.40),
    (0.90, 0.25, 0.35),
    (0.95, 0.85, 0.30),
    (0.65, 0.45, 0.95),
    (0.25, 0.80, 0.80),
    (0.95, 0.60, 0.75),
    (0.60, 0.50, 0.35),
)
"""Of the maps of a grid, in order; after the last the first again."""
MORE, LESS = (1.0, 0.65, 0.2), (0.2, 0.55, 1.0)
"""Of numbers above and below 0."""
CHOSEN, IDLE = (0.95, 0.95, 0.95), (0.2, 0.2, 0.24)
"""Of what is done, and of what could be."""
BELOW = 0.85
"""Where what is done begins, in heights of an agent's part of a mosaic."""
GAP = 0.04
"""Between the parts of a mosaic, in parts."""


def letterbox(picture: Float[Array, "h w 3"], img_size: int) -> Float[Array, "H W 3"]:
    """A picture of any shape as a square one, with bars beside it, in blocks of pixels."""
    height, width, _ = picture.shape
    edge = max(height, width)
    above, left = (edge - height) // 2, (edge - width) // 2
    square = jnp.broadcast_to(jnp.array(FRAME), (edge, edge, 3))
    return upscale(square.at[above : above + height, left : left + width].set(picture), img_size)


def grid(maps: Float[Array, "h w C"], img_size: int) -> Float[Array, "H W 3"]:
    """Maps of where things are, 0 to 1, each in a colour of its own, later ones over earlier ones.

    >>> bool(jnp.allclose(grid(jnp.ones((2, 2, 1)), 4), jnp.array(PALETTE[0])))
    True
    """
    picture = jnp.broadcast_to(jnp.array(GROUND), (*maps.shape[:2], 3))
    for i in range(maps.shape[2]):
        there = jnp.clip(maps[:, :, i, None], 0, 1)
        picture = picture + there * (jnp.array(PALETTE[i % len(PALETTE)]) - picture)
    return letterbox(picture, img_size)


def mosaic(moment: Episode, actions: Choice | Span, img_size: int) -> Float[Array, "H W 3"]:
    """What each agent sees, as cells row by row, and below it what it does.

    A cell is dark where the number x is 0, orange above and blue below, as bright as sqrt(|x| / (1 + |x|)); of choices
    the chosen one is white, other actions are coloured as what is seen is.
    """
    seen = _shade(moment.seen)
    if isinstance(actions, Choice):
        chosen = jax.nn.one_hot(moment.action, actions.outputs)[:, :, None]
        done = jnp.array(IDLE) + chosen * (jnp.array(CHOSEN) - jnp.array(IDLE))
    else:
        done = _shade(moment.action / np.maximum(*map(np.abs, actions.ends)))
    tiles = jnp.concatenate([seen, done], axis=1).reshape(-1, 3)
    places = _places(moment.seen.shape[0], moment.seen.shape[1], actions.outputs, img_size)
    return jnp.concatenate([tiles, jnp.array([FRAME])])[places]


def _shade(numbers: Float[Array, "A I"]) -> Float[Array, "A I 3"]:
    size, ground = jnp.abs(numbers)[:, :, None], jnp.array(GROUND)
    size = jnp.sqrt(size / (1 + size))
    return ground + size * (jnp.where(numbers[:, :, None] > 0, jnp.array(MORE), jnp.array(LESS)) - ground)


def _places(agents: int, inputs: int, outputs: int, img_size: int) -> Int[np.ndarray, "H W"]:
    """Which tile lies under each pixel: the numbers seen and done of each agent in turn, and after all the frame."""
    across, wide = math.ceil(math.sqrt(agents)), math.ceil(math.sqrt(inputs))
    rows, tall = math.ceil(agents / across), math.ceil(inputs / wide)
    middle = (np.arange(img_size) + 0.5) / img_size
    (row, y), (column, x) = (np.divmod(middle * parts, 1) for parts in (rows, across))
    row, y, column, x = row[:, None], (y[:, None] - GAP / 2) / (1 - GAP), column[None], (x[None] - GAP / 2) / (1 - GAP)
    agent = (row * across + column).astype(int)
    above = (y / BELOW * tall).astype(int) * wide + (x * wide).astype(int)
    tile = np.where(y < BELOW, above, inputs + (x * outputs).astype(int) + 0 * above)
    beside = (x < 0) | (x >= 1) | (y < 0) | (y >= 1) | (agent >= agents) | ((y < BELOW) & (above >= inputs))
    return np.where(beside, agents * (inputs + outputs), agent * (inputs + outputs) + tile)

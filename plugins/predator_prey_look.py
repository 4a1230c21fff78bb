"""Colours of `predator_prey`: a dark ground on which plants glow, cool prey, warm predators."""

from __future__ import annotations

from itertools import pairwise

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from alife.plugins.predator_prey_life import Animals
from alife.worlds.render import draw_discs, draw_triangles

GROUND = np.array([[9, 11, 20], [14, 34, 32], [34, 74, 48], [74, 128, 70], [128, 172, 92]], np.float32) / 255
"""From bare soil to a full cell."""
PREY = np.array([[96, 226, 255], [108, 164, 255], [168, 132, 255], [236, 140, 255], [255, 190, 226]], np.float32) / 255
"""By hue: cyan, blue, violet, pink."""
PREDATOR = np.array([[255, 62, 48], [255, 112, 40], [255, 168, 52], [255, 222, 110]], np.float32) / 255
"""By hue: red, orange, amber, straw."""
SMALL, LARGE = 0.26, 0.46
"""Radius of a prey without energy and of a full one, cells."""
ARROW = 0.55
"""Half of the width of a predator, cells; it is three times as long."""


def along(palette: Float[np.ndarray, "C 3"], place: Float[Array, "*n"]) -> Float[Array, "*n 3"]:
    """Colours of a palette, mixed from the two next to a place in [0, 1]."""
    steps = (place * (len(palette) - 1))[..., None]
    colour = jnp.asarray(palette[0])
    for i, (one, other) in enumerate(pairwise(palette)):
        colour = colour + jnp.clip(steps - i, 0, 1) * (other - one)
    return colour


def there_and_back(hue: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """A circle laid on a line, so that its ends look alike."""
    return 1 - jnp.abs(1 - 2 * hue)


def between(cells: int, pixels: int) -> Float[np.ndarray, "P C"]:
    """Shares of the cells of a torus in pixels at 0 ... cells, both included: linear between the middles of cells."""
    place = np.linspace(0, cells, pixels) - 0.5
    low = np.floor(place).astype(int)
    share = np.zeros((pixels, cells), np.float32)
    np.add.at(share, (np.arange(pixels), low % cells), 1 - (place - low))
    np.add.at(share, (np.arange(pixels), (low + 1) % cells), place - low)
    return share


def ground_of(plants: Float[Array, "h w"], img_size: int) -> Float[Array, "H W 3"]:
    """The ground without animals; plants of a full cell."""
    share = between(len(plants), img_size)
    return along(GROUND, jnp.clip(share @ plants @ share.T, 0, 1))


def prey_colours(hue: Float[Array, " Q"], full: Float[Array, " Q"]) -> Float[Array, "Q 3"]:
    """Of prey, brighter when full (0 to 1)."""
    return along(PREY, there_and_back(hue)) * (0.65 + 0.35 * full[:, None])


def predator_colours(hue: Float[Array, " R"], full: Float[Array, " R"]) -> Float[Array, "R 3"]:
    """Of predators, brighter when full (0 to 1)."""
    return along(PREDATOR, there_and_back(hue)) * (0.7 + 0.3 * full[:, None])


def draw(
    animals: Animals, plants: Float[Array, "h w"], full: Float[Array, " N"], prey: int, img_size: int
) -> Float[Array, "H W 3"]:
    """The picture of a world.

    Args:
        animals: in all slots.
        plants: of a full cell.
        full: energy of animals over that at which they divide, 0 to 1: the larger and brighter.
        prey: how many slots are for prey (Q).
        img_size: edge, pixels.
    """
    side = float(len(plants))
    x = jnp.where(animals.alive[:, None], animals.x, -side)  # far outside
    picture = draw_discs(
        x[:prey],
        SMALL + (LARGE - SMALL) * full[:prey],
        prey_colours(animals.hue[:prey], full[:prey]),
        ground_of(plants, img_size),
        img_size=img_size,
        side=side,
        sharpness=12.0,
        largest=LARGE,
    )
    return draw_triangles(
        x[prey:],
        animals.heading[prey:],
        predator_colours(animals.hue[prey:], full[prey:]),
        picture,
        img_size=img_size,
        side=side,
        size=ARROW,
        sharpness=24.0,
    )

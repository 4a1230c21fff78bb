"""Drawings made of strokes with round ends, each a row of discs; x to the right, y up."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from alife.worlds.render import draw_discs

DOTS = 48
"""Discs of a stroke."""
EDGE = 250.0
"""Steepness of the edges, per edge of the picture."""

Point = tuple[float | Float[Array, ""], float | Float[Array, ""]]
"""x and y, in edges of the picture: (0, 0) is the corner below on the left, (1, 1) that above on the right."""
Colour = tuple[float, float, float]


class Stroke(NamedTuple):
    """A thick line with round ends; a disc where both are the same."""

    start: Point
    end: Point
    radius: float
    colour: Colour


def drawing(strokes: list[Stroke], ground: Colour, img_size: int) -> Float[Array, "H W 3"]:
    """Strokes on a ground, each over those before.

    >>> shown = drawing([Stroke((0.5, 1.0), (0.5, 1.0), 0.2, (1.0, 0.0, 0.0))], (0.0, 0.0, 0.0), 9)
    >>> shown[0, 4].round(2).tolist(), shown[8, 4].round(2).tolist()
    ([1.0, 0.0, 0.0], [0.0, 0.0, 0.0])
    """
    along = np.linspace(0, 1, DOTS, dtype=np.float32)[:, None]
    ends = [(jnp.array(stroke.start, jnp.float32), jnp.array(stroke.end, jnp.float32)) for stroke in strokes]
    each = np.array([[stroke.radius, *stroke.colour] for stroke in strokes], np.float32).repeat(DOTS, axis=0)
    dots = jnp.concatenate([start + along * (end - start) for start, end in ends])
    return drawing_of_discs(dots, each[:, 0], each[:, 1:], ground, img_size)


def drawing_of_discs(
    x: Float[Array, "N 2"],
    radius: Float[np.ndarray, " N"],
    colour: Float[np.ndarray, "N 3"],
    ground: Colour,
    img_size: int,
) -> Float[Array, "H W 3"]:
    """Discs on a ground, each over those before; x to the right and y up, in edges of the picture."""
    return draw_discs(
        jnp.stack([1 - x[:, 1], x[:, 0]], axis=1),  # the rasteriser's first axis goes down
        jnp.asarray(radius),
        jnp.asarray(colour),
        jnp.array(ground),
        img_size=img_size,
        side=1.0,
        sharpness=EDGE,
        largest=float(radius.max()),
    )

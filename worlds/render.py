"""The one rasteriser: soft discs and soft triangles, stamped one after the other.

Every shape touches a square patch just large enough for it, so a frame costs what its creatures cover, whatever the
size of the picture, and no array has both a particle and a picture axis.  Shapes are painted in index order: sort them
first where the order should be another.  The first axis of the picture is the first coordinate, pixels sit at
linspace(0, side, img_size), both ends included, and what reaches over an edge is cut off there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax.nn import sigmoid
from jaxtyping import Array, Float

Colour: TypeAlias = Float[Array, "3"]
"""Red green blue in [0, 1]."""
Ground: TypeAlias = Colour | Float[Array, "H W 3"]

FAINT = math.log(509)
"""sigmoid(-FAINT) = 1/510: half a level of an 8-bit picture.  Where coverage is below it nothing is painted."""


def draw_discs(
    x: Float[Array, "N 2"],
    radius: Float[Array, " N"],
    colour: Float[Array, "N 3"],
    ground: Ground,
    *,
    img_size: int,
    side: float,
    sharpness: float,
    largest: float,
) -> Float[Array, "H W 3"]:
    """A picture of discs with soft edges, each over those before it.

    A disc covers sigmoid(sharpness (radius - distance to its centre)) of a pixel: one half on its rim.

    Args:
        x: centres, world units.
        radius: world units.
        colour: red green blue in [0, 1].
        ground: colour where there is no disc, or the picture to paint on.
        img_size: edge of the picture, pixels, >= 2.
        side: edge of the part of the world that is shown, world units; it begins at 0.
        sharpness: steepness of the edge, per world unit.
        largest: no radius is larger, world units; one that is gets clipped to a square.

    >>> at, one, white, black = jnp.array([[0.0, 2.0]]), jnp.ones(1), jnp.ones((1, 3)), jnp.zeros(3)
    >>> shown = draw_discs(at, one, white, black, img_size=3, side=2, sharpness=50, largest=1)
    >>> shown[:, :, 0].round(1).tolist()  # whole in its middle, half on its rim
    [[0.0, 0.5, 1.0], [0.0, 0.0, 0.5], [0.0, 0.0, 0.0]]
    """

    def coverage(i: Array, across: Array, down: Array) -> Array:
        distance = jnp.sqrt((across - x[i, 0]) ** 2 + (down - x[i, 1]) ** 2)
        return sigmoid(sharpness * (radius[i] - distance))

    return _stamp(coverage, x, largest + FAINT / sharpness, colour, ground, img_size, side)


def draw_triangles(
    x: Float[Array, "N 2"],
    heading: Float[Array, "N 2"],
    colour: Float[Array, "N 3"],
    ground: Ground,
    *,
    img_size: int,
    side: float,
    size: float,
    sharpness: float,
) -> Float[Array, "H W 3"]:
    """A picture of arrowheads with soft edges, each over those before it.

    Corners lie one `size` to the left and to the right of x and three ahead of it.  A pixel is covered by the product
    of sigmoid(sharpness b) over its three barycentric coordinates b.

    Args:
        x: middles of the short edges, world units.
        heading: where the tips point, unit vectors.
        colour: red green blue in [0, 1].
        ground: colour where there is no triangle, or the picture to paint on.
        img_size: edge of the picture, pixels, >= 2.
        side: edge of the part of the world that is shown, world units; it begins at 0.
        size: half of the short edge, world units.
        sharpness: steepness of the edges, per barycentric unit: 1 from an edge to the corner across.

    Source: the look of the boids in Kumar et al. 2024 (arXiv:2412.17799).

    >>> at, up = jnp.array([[0.0, 1.0]]), jnp.array([[1.0, 0.0]])
    >>> shown = draw_triangles(at, up, jnp.ones((1, 3)), jnp.zeros(3), img_size=3, side=2, size=1, sharpness=60)
    >>> shown[:, :, 0].round(2).tolist()  # whole inside, half on an edge, a quarter in a corner
    [[0.25, 0.5, 0.25], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
    """

    def coverage(i: Array, across: Array, down: Array) -> Array:
        right, up = (across - x[i, 0]) / size, (down - x[i, 1]) / size
        ahead = heading[i, 0] * right + heading[i, 1] * up
        left = heading[i, 0] * up - heading[i, 1] * right
        tip = ahead / 3
        return (
            sigmoid(sharpness * tip)
            * sigmoid(sharpness * (1 - tip + left) / 2)
            * sigmoid(sharpness * (1 - tip - left) / 2)
        )

    # Coordinates above -FAINT/sharpness are a triangle grown about its centroid, which lies one size ahead; the circle
    # around the whole has its centre 4/3 ahead and a radius of 5/3 before it grows.
    grown = 1 + 3 * FAINT / sharpness
    return _stamp(coverage, x + (1 + grown / 3) * size * heading, 5 / 3 * grown * size, colour, ground, img_size, side)


def _stamp(
    coverage: Callable[[Array, Array, Array], Float[Array, "P P"]],
    centre: Float[Array, "N 2"],
    reach: float,
    colour: Float[Array, "N 3"],
    ground: Ground,
    img_size: int,
    side: float,
) -> Float[Array, "H W 3"]:
    """Paints N shapes in index order, each on the pixels within `reach` of its centre along both axes.

    coverage(i, across [P 1], down [P]) is how much of each pixel of its patch, given by coordinates, shape i covers.
    """
    pixel = side / (img_size - 1)
    patch = min(math.floor(2 * reach / pixel) + 1, img_size)
    # Coverage is asked for the pixels that a patch really lies on, so one that reaches over an edge can be pushed back.
    first = jnp.clip(jnp.ceil((centre - reach) / pixel), 0, img_size - patch).astype(jnp.int32)

    def paint(i: Array, picture: Array) -> Array:
        # Coverage is computed here, not for all shapes before the loop: measured, it is faster, and keeps nothing.
        across, down = pixel * (first[i, :, None] + jnp.arange(patch))
        corner = (first[i, 0], first[i, 1], 0)
        under = jax.lax.dynamic_slice(picture, corner, (patch, patch, 3))
        over = coverage(i, across[:, None], down)[:, :, None]
        return jax.lax.dynamic_update_slice(picture, under + over * (colour[i] - under), corner)

    return jax.lax.fori_loop(0, centre.shape[0], paint, jnp.broadcast_to(ground, (img_size, img_size, 3)))

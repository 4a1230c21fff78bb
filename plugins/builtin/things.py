"""Pictures of separate things: so many of one shape, of one size, laid out in one way; the truth is known exactly.

Every function draws one field of SIDE x SIDE brightness in [0, 1] with some dice and says what is on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .concepts import ATTRIBUTES
from .dice import Dice

SIDE = 96
"""Pixels along the edge of a field: what the model sees."""

MOST = 25
"""No picture has more things than this."""

UNKNOWN = -1
"""An attribute that has no sharp answer for a picture."""

Said = dict[str, Int[Array, ""]]
"""For some attributes the place of the true value in `ATTRIBUTES`, or UNKNOWN; the others are unknown."""

Field = Float[Array, "SIDE SIDE"]
"""Brightness in [0, 1]."""
Drawn = tuple[Field, Said]


class Layout(NamedTuple):
    """Where the things of one picture are."""

    places: Float[Array, "MOST 2"]
    """Centres (x, y) in pictures."""
    present: Bool[Array, " MOST"]
    """Only the first so many places hold a thing."""
    radius: Float[Array, ""]
    """Of every thing, in pictures; none touches another."""
    said: Said
    """What is known of count, size, arrangement and order."""


def place_of(attribute: str, value: str) -> int:
    """Place of a value within its attribute."""
    return ATTRIBUTES[attribute].index(value)


def grid() -> Float[np.ndarray, "2 SIDE SIDE"]:
    """x and y of every pixel's middle, in pictures."""
    line = (np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE
    y, x = np.meshgrid(line, line, indexing="ij")
    return np.stack([x, y])


def layout(dice: Dice) -> Layout:
    """A count, an arrangement, centres that keep apart, and a radius that fits between them."""
    group = dice.whole(0, 5)  # one, two, three, few, many
    low, high = jnp.array([1, 2, 3, 4, 12]), jnp.array([1, 2, 3, 8, MOST])
    n = dice.whole(low[group], high[group] + 1)
    ways = jnp.stack([draw(dice, n) for draw in _WAYS.values()])
    choices = jnp.array(
        [
            [0.4, 0, 0, 0, 0, 0.6],  # one thing: anywhere, or in the middle
            [0.7, 0, 0.3, 0, 0, 0],
            [0.5, 0.1, 0.25, 0, 0.15, 0],
            [0.3, 0.2, 0.2, 0.1, 0.2, 0],
            [0.3, 0.25, 0.05, 0.2, 0.2, 0],
        ]
    )
    way = jax.random.categorical(dice.key(), jnp.log(choices[group] + 1e-9))
    places, present = ways[way], jnp.arange(MOST) < n
    far = jnp.where(present[:, None] & present[None] & ~jnp.eye(MOST, dtype=bool), 0.0, 9.0)
    gap = jnp.min(jnp.linalg.norm(places[:, None] - places[None], axis=-1) + far)
    room = jnp.clip(jnp.minimum(0.43 * gap, 0.32), 0.012, None)
    radius = jnp.clip(room * jnp.exp(dice.between(jnp.where(group == 4, -0.35, -1.1), 0.0)), 0.02, 0.32)
    radius = jnp.where(group == 0, dice.between(0.05, 0.36), radius)
    size = jnp.where(radius < 0.055, 0, jnp.where(radius > 0.13, 1, UNKNOWN))
    tidy = (way == 3) | (way == 4) | (way == 2)
    order = jnp.where(group < 2, UNKNOWN, jnp.where(tidy, 0, jnp.where(way == 0, 1, UNKNOWN)))
    count = jnp.where((group == 3) & (n > 8), UNKNOWN, group)
    arranged = jnp.where((group == 0) & (way != 5), UNKNOWN, way)
    arranged = jnp.where((group == 1) & (way == 0), UNKNOWN, arranged)  # two things are hardly an arrangement
    return Layout(places, present, radius, {"count": count, "size": size, "arrangement": arranged, "order": order})


def _scattered(dice: Dice, n: Int[Array, ""]) -> Float[Array, "MOST 2"]:
    """Some cells of a square lattice, each place jittered inside its cell."""
    side = jnp.ceil(jnp.sqrt(1.5 * n + 1))
    cells = jnp.arange(64)
    chance = dice.between(0, 1, (64,)) + jnp.where(cells < side * side, 0.0, 2.0)
    cell = jnp.argsort(chance)[:MOST]
    corner = jnp.stack([cell % side, cell // side], -1)
    return (corner + dice.between(0.25, 0.75, (MOST, 2))) / side


def _clustered(dice: Dice, n: Int[Array, ""]) -> Float[Array, "MOST 2"]:
    """One loose heap: a sunflower's spiral, jittered."""
    i = jnp.arange(MOST) + 0.5
    spread = dice.between(0.16, 0.26) / jnp.sqrt(n)
    angle = 2.4 * i + dice.between(0, 6.3)
    off = spread * jnp.sqrt(i)[:, None] * jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1)
    jitter = 0.25 * spread * dice.normal((MOST, 2))
    return dice.between(0.3, 0.7, (2,)) + off + jnp.clip(jitter, -spread / 3, spread / 3)


def _row(dice: Dice, n: Int[Array, ""]) -> Float[Array, "MOST 2"]:
    """Equally far apart on a straight line."""
    angle = dice.between(0, np.pi)
    gap = dice.between(0.6, 0.85) / jnp.maximum(n, 2)
    along = (jnp.arange(MOST) - (n - 1) / 2) * gap
    centre = 0.5 + dice.between(-0.08, 0.08, (2,))
    return centre + along[:, None] * jnp.stack([jnp.cos(angle), jnp.sin(angle)])


def _lattice(dice: Dice, n: Int[Array, ""]) -> Float[Array, "MOST 2"]:
    """Rows and columns, the last row perhaps shorter."""
    columns = jnp.ceil(jnp.sqrt(n))
    rows = jnp.ceil(n / columns)
    i = jnp.arange(MOST)
    gap = dice.between(0.6, 0.95) / columns
    off = jnp.stack([i % columns - (columns - 1) / 2, i // columns - (rows - 1) / 2], -1) * gap
    angle = jnp.where(dice.chance(0.6), 0.0, dice.between(-0.25, 0.25))
    return 0.5 + off @ jnp.array([[jnp.cos(angle), jnp.sin(angle)], [-jnp.sin(angle), jnp.cos(angle)]])


def _circle(dice: Dice, n: Int[Array, ""]) -> Float[Array, "MOST 2"]:
    """Equally far apart on a circle."""
    angle = dice.between(0, 6.3) + 2 * np.pi * jnp.arange(MOST) / n
    radius = dice.between(0.22, 0.36)
    return 0.5 + dice.between(-0.1, 0.1, (2,)) + radius * jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1)


def _middle(dice: Dice, n: Int[Array, ""]) -> Float[Array, "MOST 2"]:
    """All in the middle: for one thing."""
    return jnp.full((MOST, 2), 0.5) + dice.between(-0.02, 0.02, (2,))


_WAYS: dict[str, Callable[[Dice, Int[Array, ""]], Float[Array, "MOST 2"]]] = {
    "scattered": _scattered,
    "clustered": _clustered,
    "row": _row,
    "lattice": _lattice,
    "circle": _circle,
    "middle": _middle,
}
"""In the order of ATTRIBUTES["arrangement"]."""


def softness(dice: Dice, radius: Float[Array, ""]) -> tuple[Float[Array, ""], Int[Array, ""]]:
    """Width of an edge in pictures, and what it is called: sharp up to 1.2 pixels, smooth where it is half a thing."""
    soft = dice.chance(0.3)
    blur = jnp.maximum(radius * dice.between(0.35, 0.6), 3.0 / SIDE)
    width = jnp.where(soft, blur, dice.between(0.5, 1.2) / SIDE)
    large = radius > 0.05  # a small thing is a few pixels: nobody can tell its edge
    return width, jnp.where(soft, jnp.where(large, place_of("edge", "smooth"), UNKNOWN), place_of("edge", "sharp"))


# --- shapes: distance outside (positive) or inside (negative) the edge, in radii, at u, v in radii

Shape = Callable[[Array, Array], Array]


def _disc(dice: Dice) -> Shape:
    return lambda u, v: jnp.sqrt(u * u + v * v) - 0.9


def _square(dice: Dice) -> Shape:
    return lambda u, v: jnp.maximum(jnp.abs(u), jnp.abs(v)) - 0.74


def _triangle(dice: Dice) -> Shape:
    def distance(u: Array, v: Array) -> Array:
        sides = [u * np.cos(a) + v * np.sin(a) for a in (np.pi / 2, np.pi * 7 / 6, np.pi * 11 / 6)]
        return jnp.maximum(jnp.maximum(sides[0], sides[1]), sides[2]) - 0.5

    return distance


def _star(dice: Dice) -> Shape:
    points = dice.whole(4, 7)

    def distance(u: Array, v: Array) -> Array:
        tooth = jnp.abs((jnp.arctan2(v, u) / (2 * np.pi) * points) % 1.0 - 0.5) * 2  # 1 at a point, 0 between two
        return jnp.sqrt(u * u + v * v) - (0.36 + 0.7 * tooth * tooth)

    return distance


def _bubble(dice: Dice) -> Shape:
    width = dice.between(0.1, 0.2)
    return lambda u, v: jnp.abs(jnp.sqrt(u * u + v * v) - 0.78) - width


def _cross(dice: Dice) -> Shape:
    width = dice.between(0.16, 0.28)

    def distance(u: Array, v: Array) -> Array:
        a, b = jnp.abs(u), jnp.abs(v)
        return jnp.minimum(jnp.maximum(a - 0.92, b - width), jnp.maximum(b - 0.92, a - width))

    return distance


def _line(dice: Dice) -> Shape:
    width = dice.between(0.08, 0.16)
    return lambda u, v: jnp.maximum(jnp.abs(u) - 1.0, jnp.abs(v) - width)


def _flower(dice: Dice) -> Shape:
    petals, hole = dice.whole(5, 9), dice.chance(0.5)

    def distance(u: Array, v: Array) -> Array:
        rho = jnp.sqrt(u * u + v * v)
        petal = rho - (0.66 + 0.3 * jnp.cos(petals * jnp.arctan2(v, u)))
        return jnp.where(hole, jnp.maximum(petal, 0.24 - rho), petal)

    return distance


SHAPES: dict[str, Callable[[Dice], Shape]] = {
    "disc": _disc,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "bubble": _bubble,
    "cross": _cross,
    "line": _line,
    "flower": _flower,
}


def things(dice: Dice, kind: str) -> Drawn:
    """Things of one shape."""
    laid = layout(dice)
    turns = dice.between(0, 2 * np.pi, (MOST,))
    together = dice.chance(0.5)
    turns = jnp.where(together, turns[0], turns)
    width, edge = softness(dice, laid.radius)
    field = draw_things(laid, turns, SHAPES[kind](dice), width)
    said = {**laid.said, "edge": edge, "kind": jnp.where(laid.radius < 0.035, UNKNOWN, place_of("kind", kind))}
    if kind == "line":
        said["orientation"] = jnp.where(together, orientation_of(turns[0]), UNKNOWN)
    return field, said


def draw_things(laid: Layout, turns: Float[Array, " MOST"], shape: Shape, width: Float[Array, ""]) -> Field:
    """The brightest thing at every pixel, one after the other: what is absent is not drawn."""
    x, y = grid()

    def one(i: Array, field: Array) -> Array:
        dx, dy = x - laid.places[i, 0], y - laid.places[i, 1]
        cos, sin = jnp.cos(turns[i]), jnp.sin(turns[i])
        distance = shape((cos * dx + sin * dy) / laid.radius, (cos * dy - sin * dx) / laid.radius)
        return jnp.maximum(field, jnp.clip(0.5 - distance * laid.radius / width, 0, 1))

    return jax.lax.fori_loop(0, laid.present.sum(), one, jnp.zeros((SIDE, SIDE)))


def orientation_of(angle: Float[Array, ""]) -> Int[Array, ""]:
    """Place of horizontal, vertical or diagonal for a direction in radians; UNKNOWN between two of them."""
    degrees = jnp.rad2deg(angle) % 180
    from_horizontal = jnp.minimum(degrees, 180 - degrees)
    from_vertical = jnp.abs(degrees - 90)
    slanted = (from_horizontal > 27) & (from_vertical > 27)
    return jnp.where(from_horizontal < 15, 0, jnp.where(from_vertical < 15, 1, jnp.where(slanted, 2, UNKNOWN)))

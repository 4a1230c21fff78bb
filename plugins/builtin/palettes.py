"""Colours by name, with clear borders, and fields painted in them."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .concepts import ATTRIBUTES
from .dice import Dice
from .things import SIDE, UNKNOWN, Said, place_of


class Named(NamedTuple):
    """One colour name: a box of hue, saturation and value; hue in turns, red at 0."""

    hue: tuple[float, float]
    saturation: tuple[float, float]
    value: tuple[float, float]

    def distance(self, rgb: Float[Array, "... 3"]) -> Float[Array, "..."]:
        """0 inside the box, 1 as far outside as the next name's heart is."""
        hue, saturation, value = hsv(rgb)
        middle, half = sum(self.hue) / 2, (self.hue[1] - self.hue[0]) / 2
        turn = jnp.maximum(jnp.abs((hue - middle + 0.5) % 1 - 0.5) - half, 0) / 0.05
        turn = turn * (self.saturation[0] > 0.1)  # a grey has no hue
        s = jnp.maximum(jnp.maximum(self.saturation[0] - saturation, saturation - self.saturation[1]), 0) / 0.3
        s = s * (self.value[1] > 0.15)  # nor has black
        v = jnp.maximum(jnp.maximum(self.value[0] - value, value - self.value[1]), 0) / 0.25
        return jnp.maximum(jnp.maximum(turn * (self.value[1] > 0.15), s), v)


NAMED: dict[str, Named] = {
    "red": Named((-0.02, 0.015), (0.75, 1.0), (0.65, 1.0)),
    "orange": Named((0.06, 0.095), (0.8, 1.0), (0.85, 1.0)),
    "yellow": Named((0.14, 0.175), (0.65, 1.0), (0.8, 1.0)),
    "green": Named((0.27, 0.40), (0.55, 1.0), (0.4, 0.95)),
    "cyan": Named((0.475, 0.525), (0.55, 1.0), (0.7, 1.0)),
    "blue": Named((0.58, 0.675), (0.65, 1.0), (0.5, 1.0)),
    "purple": Named((0.735, 0.79), (0.5, 1.0), (0.4, 0.9)),
    "pink": Named((0.86, 0.95), (0.35, 0.75), (0.85, 1.0)),
    "brown": Named((0.04, 0.09), (0.55, 0.85), (0.3, 0.5)),
    "white": Named((0.0, 1.0), (0.0, 0.06), (0.92, 1.0)),
    "grey": Named((0.0, 1.0), (0.0, 0.07), (0.38, 0.65)),
    "black": Named((0.0, 1.0), (0.0, 1.0), (0.0, 0.1)),
}


def hsv(rgb: Float[Array, "... 3"]) -> tuple[Float[Array, "..."], Float[Array, "..."], Float[Array, "..."]]:
    """Hue in turns, saturation and value in [0, 1].

    >>> [round(float(x), 2) for x in hsv(jnp.array([0.0, 1.0, 0.0]))]
    [0.33, 1.0, 1.0]
    """
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    high, low = rgb.max(-1), rgb.min(-1)
    span = jnp.maximum(high - low, 1e-6)
    at_green = (blue - red) / span + 2
    at_blue = (red - green) / span + 4
    sector = jnp.where(high == red, ((green - blue) / span) % 6, jnp.where(high == green, at_green, at_blue))
    return sector / 6, (high - low) / jnp.maximum(high, 1e-6), high


def rgb(hue: Array, saturation: Array, value: Array) -> Float[Array, "... 3"]:
    """The inverse of `hsv`."""
    turn = (jnp.asarray(hue)[..., None] * 6 + jnp.array([0.0, 4.0, 2.0])) % 6
    ramp = jnp.clip(jnp.abs(turn - 3) - 1, 0, 1)
    saturation = jnp.asarray(saturation)[..., None]
    return jnp.asarray(value)[..., None] * (1 - saturation * (1 - ramp))


_BOXES = np.array([[box.hue, box.saturation, box.value] for box in NAMED.values()], np.float32)


def named_colour(dice: Dice, name: Int[Array, ""]) -> Float[Array, " 3"]:
    """Some colour of a name, by its place in ATTRIBUTES["colour"]."""
    low, high = jnp.asarray(_BOXES)[name].T
    hue, saturation, value = low + dice.between(0, 1, (3,)) * (high - low)
    return rgb(hue % 1, saturation, value)


BOTH = ("stripes", "maze", "checker", "waves", "rings", "patches", "clouds", "noise", "spiral", "gradient", "cells")
"""Kinds in which nobody can say which colour is the ground: both count as both."""
_SHARED = np.array([kind in BOTH for kind in ATTRIBUTES["kind"]])


class Painted(NamedTuple):
    """A picture with the truth about its colours."""

    image: Float[Array, "SIDE SIDE 3"]
    colours: Int[Array, " 2"]
    """Names of the things' colours, by place; the second is UNKNOWN where there is one only."""
    grounds: Int[Array, " 2"]


def paint(dice: Dice, field: Float[Array, "SIDE SIDE"], kind: Int[Array, ""]) -> Painted:
    """A field in two named colours, in three, in all of them at once, or in any that have no name."""
    ground, thing, third = (_pick(dice), _pick(dice), _pick(dice))
    thing = jnp.where(thing == ground, (thing + 1 + dice.whole(0, 11)) % 12, thing)
    thing = jnp.where(thing == ground, (thing + 5) % 12, thing)
    low, high, top = named_colour(dice, ground), named_colour(dice, thing), named_colour(dice, third)
    high = jnp.where(jnp.abs(high - low).max() < 0.25, 1 - low, high)
    close = jnp.abs(high - low).sum() < 0.5
    way = dice.whole(0, 20)  # 0..13 two colours, 14..15 three, 16..17 many, 18..19 any
    free = dice.between(0, 1, (2, 3))
    low = jnp.where(way >= 18, free[0], low)
    high = jnp.where(way >= 18, jnp.where(jnp.abs(free[0] - free[1]).max() < 0.35, 1 - free[0], free[1]), high)
    f = field[..., None]
    two = low + (high - low) * f
    three = jnp.where(f < 0.5, low + (high - low) * 2 * f, high + (top - high) * (2 * f - 1))
    hues = dice.key()

    def rainbow() -> Array:
        dark = low * jnp.where(low.max() > 0.5, 0.3, 1.0)
        return dark + (rgb(_hue_field(Dice(hues)), jnp.float32(0.9), jnp.float32(1.0)) - dark) * f

    def plain() -> Array:
        return jnp.where((way == 14) | (way == 15), three, two)

    image = jax.lax.cond((way == 16) | (way == 17), rainbow, plain)
    sure = (way < 14) & ~close
    shared = jnp.asarray(_SHARED)[kind] & sure
    flat = kind == place_of("kind", "empty")
    things = jnp.where(sure & ~flat, thing, UNKNOWN)
    grounds = jnp.where(sure | ((way < 16) & ~jnp.asarray(_SHARED)[kind]), ground, UNKNOWN)
    grounds = jnp.where(flat & (way < 14), ground, grounds)
    colours = jnp.stack([jnp.where(flat, grounds, things), jnp.where(shared, ground, UNKNOWN)])
    return Painted(jnp.clip(image, 0, 1), colours, jnp.stack([grounds, jnp.where(shared, thing, UNKNOWN)]))


def _pick(dice: Dice) -> Int[Array, ""]:
    """A colour name; black and white oftener than the others, as in simulations."""
    chances = jnp.array([1.2, 1, 1.2, 1.2, 1, 1.2, 1, 1, 0.7, 2.2, 0.8, 2.6])
    return jax.random.categorical(dice.key(), jnp.log(chances))


def _hue_field(dice: Dice) -> Float[Array, "SIDE SIDE"]:
    """Hues that change slowly over the picture, all of them somewhere."""
    line = (jnp.arange(SIDE) + 0.5) / SIDE
    turns, waves = dice.between(-1.6, 1.6, (2,)), dice.between(0, 1, (4,))
    bumps = 0.3 * jnp.sin(6.28 * (line[:, None] + waves[0])) + 0.3 * jnp.sin(6.28 * (line[None] + waves[1]))
    return (turns[0] * line[:, None] + turns[1] * line[None] + bumps + waves[2]) % 1


def colour_said(painted: Painted) -> tuple[Said, Said]:
    """The first and the second true colour and ground, as two sets of answers."""
    first = {"colour": painted.colours[0], "ground": painted.grounds[0]}
    return first, {"colour": painted.colours[1], "ground": painted.grounds[1]}

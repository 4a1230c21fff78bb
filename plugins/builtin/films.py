"""Films drawn by rule, one motion each: things or a texture, of which each frame is the first one moved."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from alife.types import PRNGKey

from .corpus import DRAW
from .dice import Dice
from .palettes import paint
from .things import MOST, SHAPES, SIDE, draw_things, grid, layout

FRAMES = 8

Field = Float[Array, "SIDE SIDE"]


class Move(NamedTuple):
    """What becomes of the first frame, for each frame; at rest every number is as here."""

    shift: Float[Array, "K 2"]
    """How far all has gone (x, y), in pictures."""
    angle: Float[Array, " K"]
    """How far all has turned about the middle, radians."""
    zoom: Float[Array, " K"]
    """Size of things against that at rest; of a texture about the middle."""
    gather: Float[Array, " K"]
    """Distance of things from their middle, against that at rest."""
    apart: Float[Array, " K"]
    """How far the halves of every thing are from where it was, in pictures."""
    bright: Float[Array, " K"]
    """Brightness."""


def at_rest() -> Move:
    """Nothing moves."""
    one, nothing = jnp.ones(FRAMES), jnp.zeros(FRAMES)
    return Move(jnp.zeros((FRAMES, 2)), nothing, one, one, nothing, one)


def _time() -> Float[Array, " K"]:
    return jnp.linspace(0, 1, FRAMES)


def _moving(dice: Dice) -> Move:
    angle = dice.between(0, 2 * np.pi)
    way = dice.between(0.25, 1.2) * jnp.stack([jnp.cos(angle), jnp.sin(angle)])
    return at_rest()._replace(shift=_time()[:, None] * way)


def _growing(dice: Dice) -> Move:
    return at_rest()._replace(zoom=dice.between(0.3, 0.6) ** (1 - _time()))


def _shrinking(dice: Dice) -> Move:
    return at_rest()._replace(zoom=dice.between(0.3, 0.6) ** _time())


def _splitting(dice: Dice) -> Move:
    return at_rest()._replace(apart=dice.between(0.1, 0.2) * _time(), zoom=1 - 0.3 * _time())


def _rotating(dice: Dice) -> Move:
    total = jnp.where(dice.chance(0.5), 1, -1) * dice.between(0.8, 4.5)
    return at_rest()._replace(angle=total * _time())


def _pulsating(dice: Dice) -> Move:
    wave = jnp.sin(2 * np.pi * (dice.between(1.4, 3.0) * _time() + dice.between(0, 1)))
    return at_rest()._replace(zoom=1 - dice.between(0.2, 0.4) + dice.between(0.2, 0.4) * wave)


def _flickering(dice: Dice) -> Move:
    on = dice.between(0, 1, (FRAMES,))
    return at_rest()._replace(bright=jnp.where(on < 0.45, 0.0, 0.3 + 0.7 * on))


def _converging(dice: Dice) -> Move:
    return at_rest()._replace(gather=1 - dice.between(0.5, 0.85) * _time())


MOVES: dict[str, Callable[[Dice], Move]] = {
    "still": lambda dice: at_rest(),
    "moving": _moving,
    "growing": _growing,
    "shrinking": _shrinking,
    "splitting": _splitting,
    "rotating": _rotating,
    "pulsating": _pulsating,
    "flickering": _flickering,
    "converging": _converging,
}
"""In the order of ATTRIBUTES["motion"]."""

OF_THINGS = ("splitting", "converging")
"""Motions that a texture cannot show."""

PATTERNS = ("spots", "maze", "patches", "blob", "spiral", "worms", "cells", "branching")
"""Textures that move as a whole."""


def film(key: PRNGKey, motion: Int[Array, ""]) -> Float[Array, "K 96 96 3"]:
    """One film of one motion, by its place in MOVES, in colours that stay."""
    dice = Dice(key)
    move_key, scene_key, colour_key = dice.key(), dice.key(), dice.key()
    move = jax.lax.switch(motion, [lambda draw=draw: draw(Dice(move_key)) for draw in MOVES.values()])
    can = jnp.array([name not in OF_THINGS for name in MOVES])[motion]
    texture, things = lambda: _texture(Dice(scene_key), move), lambda: _things(Dice(scene_key), move)
    fields = jax.lax.cond(dice.chance(0.5) & can, texture, things)
    grain = 0.03 * dice.normal(fields.shape) * dice.chance(0.5)
    fields = jnp.clip(fields + grain, 0, 1)
    return jax.lax.map(lambda field: paint(Dice(colour_key), field, jnp.int32(0)).image, fields)


def _things(dice: Dice, move: Move) -> Float[Array, "K SIDE SIDE"]:
    """Things of one shape, each in up to two halves."""
    laid, name = layout(dice), dice.whole(0, 4)
    turns, ways = dice.between(0, 2 * np.pi, (MOST,)), dice.between(0, 2 * np.pi, (MOST,))
    shapes = [SHAPES[kind](dice) for kind in ("disc", "square", "star", "line")]
    n = jnp.minimum(laid.present.sum(), MOST // 2)
    partner = jnp.arange(MOST) % jnp.maximum(n, 1)
    side = jnp.where(jnp.arange(MOST) < n, 1.0, -1.0)
    lonely = (move.gather[-1] < 1) & (n < 5)  # one thing has nobody to come near to
    elsewhere = dice.between(0.1, 0.9, (MOST, 2))
    laid = laid._replace(
        places=jnp.where(lonely, elsewhere, laid.places),
        present=jnp.where(lonely, jnp.arange(MOST) < 8, laid.present),
        radius=jnp.where(lonely, jnp.minimum(laid.radius, 0.06), laid.radius),
    )
    middle = jnp.where(laid.present[:, None], laid.places, 0).sum(0) / laid.present.sum()
    split = move.apart[-1] > 0

    def frame(now: Move) -> Field:
        way = jnp.stack([jnp.cos(ways[partner]), jnp.sin(ways[partner])], -1)
        halves = laid.places[partner] + now.apart * side[:, None] * way
        places = jnp.where(split, halves, laid.places)
        places = middle + now.gather * (places - middle)
        cos, sin = jnp.cos(now.angle), jnp.sin(now.angle)
        places = 0.5 + (places - 0.5) @ jnp.array([[cos, sin], [-sin, cos]])
        places = jnp.where(now.shift.any(), (places + now.shift) % 1, places)
        present = jnp.where(split, jnp.arange(MOST) < 2 * n, laid.present)
        moved = laid._replace(places=places, present=present, radius=laid.radius * now.zoom)
        drawers = [lambda s=s: draw_things(moved, turns + now.angle, s, jnp.float32(1.2 / SIDE)) for s in shapes]
        return now.bright * jax.lax.switch(name, drawers)

    return jax.lax.map(frame, move)


def _texture(dice: Dice, move: Move) -> Float[Array, "K SIDE SIDE"]:
    """A texture that is shifted, turned and zoomed as a whole; it goes on past its edge."""
    drawn_key, name = dice.key(), dice.whole(0, len(PATTERNS))
    field = jax.lax.switch(name, [lambda kind=kind: DRAW[kind](Dice(drawn_key))[0] for kind in PATTERNS])

    def frame(now: Move) -> Field:
        x, y = grid() - 0.5 - now.shift[:, None, None]
        cos, sin = jnp.cos(now.angle), jnp.sin(now.angle)
        column, row = (cos * x + sin * y) / now.zoom + 0.5, (cos * y - sin * x) / now.zoom + 0.5
        places = [row * SIDE - 0.5, column * SIDE - 0.5]
        return now.bright * jax.scipy.ndimage.map_coordinates(field, places, order=1, mode="wrap")

    return jax.lax.map(frame, move)

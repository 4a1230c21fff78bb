"""Pictures that one texture fills: spots, stripes, mazes, networks, noise ...

As in `things`, every function draws one field of brightness in [0, 1] with some dice and says what is on it.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .dice import Dice
from .things import SIDE, UNKNOWN, Drawn, Field, Said, grid, orientation_of, place_of

REGULAR, IRREGULAR = place_of("order", "regular"), place_of("order", "irregular")
SMOOTH, SHARP = place_of("edge", "smooth"), place_of("edge", "sharp")


def known(**values: int | Array) -> Said:
    """What is said of some attributes."""
    return {name: jnp.asarray(value) for name, value in values.items()}


def profile(dice: Dice, wave: Array, step: Array) -> tuple[Array, Array]:
    """A wave in [-1, 1] as soft as it is, or cut sharp at a level; and what to say of the edge.

    Args:
        step: how much the wave changes over one pixel where it is steepest.
    """
    sharp = dice.chance(0.6)
    level = dice.between(-0.35, 0.35)
    cut = jnp.clip(0.5 + (wave - level) / jnp.maximum(1.2 * step, 1e-6), 0, 1)
    return jnp.where(sharp, cut, 0.5 + 0.5 * wave), jnp.where(sharp, SHARP, jnp.where(step < 0.25, SMOOTH, UNKNOWN))


def turned(dice: Dice) -> tuple[Array, Array, Array]:
    """The picture's coordinates turned by a random angle about a random point, and the angle."""
    angle = dice.between(0, np.pi)
    x, y = grid() - dice.between(0.35, 0.65, (2,))[:, None, None]
    return jnp.cos(angle) * x + jnp.sin(angle) * y, jnp.cos(angle) * y - jnp.sin(angle) * x, angle


def _frequency() -> Float[np.ndarray, "SIDE half"]:
    """Cycles per picture of every place of a half spectrum."""
    return np.hypot(np.fft.fftfreq(SIDE, 1 / SIDE)[:, None], np.arange(SIDE // 2 + 1)[None])


def band_noise(dice: Dice, low: Array, high: Array) -> Field:
    """Noise of unit variance with frequencies between low and high only, cycles per picture; wraps round."""
    k = _frequency()
    passed = jax.nn.sigmoid((k - low) / (0.06 * low + 0.15)) * jax.nn.sigmoid((high - k) / (0.06 * high + 0.15))
    field = jnp.fft.irfft2(jnp.fft.rfft2(dice.normal((SIDE, SIDE))) * passed)
    return field / (field.std() + 1e-6)


def _turing(dice: Dice, bias: Array, k: Array) -> Field:
    """Spots (bias above 0.3), stripes and mazes (near 0): noise sharpened again and again at one wavelength."""
    q = (_frequency() / k) ** 2
    grow = 1.6 * jnp.exp(-3.0 * (1 - q) ** 2) * (q < 8)

    def once(_: Array, u: Field) -> Field:
        u = jnp.fft.irfft2(jnp.fft.rfft2(u + bias * (u * u - 1)) * grow)
        return jnp.tanh(u)

    return jax.lax.fori_loop(0, 24, once, 0.3 * dice.normal((SIDE, SIDE)))


def spots(dice: Dice) -> Drawn:
    k = dice.between(4, 12)
    natural = _turing(dice, dice.between(0.45, 0.8), k)
    x, y, _ = turned(dice)
    jitter = dice.between(0, 0.12) * dice.normal((2,))
    waves = [
        jnp.cos(2 * np.pi * k * (x * np.cos(t) + y * np.sin(t)) + jitter[0]) for t in (0, np.pi / 3, np.pi * 2 / 3)
    ]
    comb = (sum(waves) - 0.75) / 2.25
    regular = dice.chance(0.35)
    field, edge = profile(dice, jnp.where(regular, comb, natural), k * 2 * np.pi / SIDE)
    return field, known(kind=place_of("kind", "spots"), edge=edge, order=jnp.where(regular, REGULAR, UNKNOWN))


def stripes(dice: Dice) -> Drawn:
    x, y, angle = turned(dice)
    k, bend = dice.between(2.5, 14), dice.between(0, 0.02)
    phase = 2 * np.pi * (k * (x + bend * jnp.sin(5 * y)) + dice.between(0, 1))
    field, edge = profile(dice, jnp.sin(phase), k * 2 * np.pi / SIDE)
    along = orientation_of(angle + np.pi / 2)
    return field, known(kind=place_of("kind", "stripes"), edge=edge, order=REGULAR, orientation=along)


def maze(dice: Dice) -> Drawn:
    k = dice.between(5.5, 12)
    field, edge = profile(dice, _turing(dice, dice.between(-0.12, 0.12), k), k * 2 * np.pi / SIDE)
    return field, known(kind=place_of("kind", "maze"), edge=edge)


def _voronoi(dice: Dice, low: int, high: int) -> tuple[Array, Array, Array, Array]:
    """Nearest and second nearest distance (pictures) to random points on the torus, number of the nearest, how many."""
    n = dice.whole(low, high + 1)
    side = jnp.ceil(jnp.sqrt(n))
    i = jnp.arange(64)
    corner = jnp.stack([i % side + 0.5 * ((i // side) % 2), i // side], -1)
    points = (corner + dice.between(0, 0.9, (64, 2))) / side
    x, y = grid()

    def one(i: Array, seen: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        first, second, near = seen
        dx, dy = x - points[i, 0], y - points[i, 1]
        away = (dx - jnp.round(dx)) ** 2 + (dy - jnp.round(dy)) ** 2
        nearer = away < first
        second = jnp.where(nearer, first, jnp.minimum(second, away))
        return jnp.where(nearer, away, first), second, jnp.where(nearer, i, near)

    far = jnp.full((SIDE, SIDE), 9.0)
    many = (side * side).astype(jnp.int32)
    first, second, near = jax.lax.fori_loop(0, many, one, (far, far, jnp.zeros((SIDE, SIDE), jnp.int32)))
    first, second = jnp.sqrt(first), jnp.sqrt(second)
    return first, second, near, side * side


def network(dice: Dice) -> Drawn:
    first, second, _, _ = _voronoi(dice, 7, 40)
    width = dice.between(1.2, 3.0) / SIDE
    field = jnp.clip((width - (second - first)) * SIDE / 1.5 + 0.5, 0, 1)
    return field, known(kind=place_of("kind", "network"), edge=SHARP, order=IRREGULAR)


def cells(dice: Dice) -> Drawn:
    first, second, near, n = _voronoi(dice, 7, 40)
    wall = dice.between(2.5, 6.0) / SIDE
    inside = jnp.clip((second - first - wall) * SIDE / 2 + 0.5, 0, 1)
    shade = dice.between(0.55, 1.0, (64,))[near]
    nucleus = jnp.clip((0.22 / jnp.sqrt(n) - first) * SIDE / 1.5 + 0.5, 0, 1)
    with_nucleus = dice.chance(0.5)
    field = inside * shade * (1 - jnp.where(with_nucleus, 0.75 * nucleus, 0))
    return field, known(kind=place_of("kind", "cells"), edge=SHARP)


def rings(dice: Dice) -> Drawn:
    x, y, _ = turned(dice)
    k, squash = dice.between(4, 16), dice.between(0.8, 1.0)
    wave = jnp.sin(2 * np.pi * k * jnp.sqrt(x * x + (y / squash) ** 2) + dice.between(0, 6.3))
    field, edge = profile(dice, wave, k * 2 * np.pi / SIDE)
    return field, known(kind=place_of("kind", "rings"), edge=edge, order=REGULAR)


def waves(dice: Dice) -> Drawn:
    x, y, angle = turned(dice)
    k = dice.between(3, 10)
    swing = dice.between(0.3, 0.65) / k * jnp.sin(2 * np.pi * (dice.between(1.2, 3.5) * y + dice.between(0, 1)))
    ragged = 0.12 / k * band_noise(dice, jnp.float32(2), jnp.float32(6))
    wave = jnp.sin(2 * np.pi * k * (x + swing + jnp.where(dice.chance(0.4), ragged, 0)))
    field, edge = profile(dice, wave, k * 3 * np.pi / SIDE)
    return field, known(kind=place_of("kind", "waves"), edge=edge, orientation=orientation_of(angle + np.pi / 2))


def noise(dice: Dice) -> Drawn:
    grains = dice.between(0, 1, (SIDE, SIDE))
    binary = (grains < dice.between(0.3, 0.7)).astype(jnp.float32)
    field = jnp.where(dice.chance(0.5), binary, grains)
    return field, known(kind=place_of("kind", "noise"), edge=SHARP, order=IRREGULAR)


def pixels(dice: Dice) -> Drawn:
    """A cellular automaton's cells, each a block: random ones, or after some steps of Life."""
    side = jnp.array([2, 3, 4, 6, 8])[dice.whole(0, 5)]
    alive = dice.between(0, 1, (48, 48)) < dice.between(0.08, 0.5)

    def life(_: Array, world: Array) -> Array:
        shifts = [jnp.roll(world, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
        count = sum(shift.astype(jnp.int32) for shift in shifts)
        return (count == 3) | (world & (count == 2))

    steps = jnp.where(dice.chance(0.6), 12, 0)
    world = jax.lax.fori_loop(0, steps, life, alive)
    block = jnp.arange(SIDE) // side
    field = world[block[:, None] % 48, block[None] % 48].astype(jnp.float32)
    return field, known(kind=place_of("kind", "pixels"), edge=SHARP, order=IRREGULAR)


def patches(dice: Dice) -> Drawn:
    low = dice.between(1.2, 3.0)
    rough = band_noise(dice, jnp.float32(0.5), low) + dice.between(0.1, 0.35) * band_noise(dice, 2 * low, 5 * low)
    level = dice.between(-0.5, 0.5)
    two = jnp.clip((rough - level) * SIDE / (9 * low) + 0.5, 0, 1)
    three = 0.5 * two + 0.5 * jnp.clip((rough - level - 0.9) * SIDE / (9 * low) + 0.5, 0, 1)
    field = jnp.where(dice.chance(0.5), two, three)
    return field, known(kind=place_of("kind", "patches"), edge=SHARP, order=IRREGULAR)


def clouds(dice: Dice) -> Drawn:
    k = _frequency()
    slope = dice.between(1.6, 2.3)
    spectrum = jnp.fft.rfft2(dice.normal((SIDE, SIDE))) * jnp.where(k > 0, jnp.maximum(k, 1) ** -slope, 0)
    rough = jnp.fft.irfft2(spectrum)
    field = jnp.clip(0.5 + rough / (4 * rough.std()), 0, 1)
    return field, known(kind=place_of("kind", "clouds"), edge=SMOOTH, order=IRREGULAR)


def _straight_or_turned(dice: Dice) -> tuple[Array, Array]:
    """The picture's coordinates: as they are in half of the cases, else turned."""
    x, y, _ = turned(dice)
    xs, ys = grid()
    straight = dice.chance(0.5)
    return jnp.where(straight, xs, x), jnp.where(straight, ys, y)


def checker(dice: Dice) -> Drawn:
    x, y = _straight_or_turned(dice)
    k = dice.between(1.5, 9)
    edge = jnp.sin(2 * np.pi * k * x) * jnp.sin(2 * np.pi * k * y)
    field = jnp.clip(0.5 + edge * SIDE / (k * 2 * np.pi), 0, 1)
    return field, known(kind=place_of("kind", "checker"), edge=SHARP, order=REGULAR)


def lines_lattice(dice: Dice) -> Drawn:
    x, y = _straight_or_turned(dice)
    k, width = dice.between(3, 12), dice.between(0.08, 0.2)
    from_line = jnp.minimum(jnp.abs((k * x) % 1 - 0.5), jnp.abs((k * y) % 1 - 0.5)) / k
    field = jnp.clip((width / k / 2 - from_line) * SIDE / 1.2 + 0.5, 0, 1)
    return field, known(kind=place_of("kind", "grid"), edge=SHARP, order=REGULAR)


def fractal(dice: Dice) -> Drawn:
    """Nested triangles: space-time pictures of additive rules from few cells, at some zoom and quarter turn."""
    cells_across = 192
    first = dice.between(0, 1, (cells_across,)) < dice.between(0.004, 0.02)
    first = first.at[cells_across // 2].set(True)
    three = dice.chance(0.35)  # rule 150 beside rule 90

    def row(world: Array, _: None) -> tuple[Array, Array]:
        near = jnp.roll(world, 1) ^ jnp.roll(world, -1)
        return jnp.where(three, near ^ world, near), world

    _, history = jax.lax.scan(row, first, None, length=cells_across)
    zoom = jnp.array([1, 2, 3])[dice.whole(0, 3)]
    start = dice.whole(0, 24)
    rows, columns = start + jnp.arange(SIDE) // zoom, cells_across // 2 + (jnp.arange(SIDE) - SIDE // 2) // zoom
    field = history[rows[:, None], columns[None]].astype(jnp.float32)
    field = jnp.where(dice.chance(0.3), field.T, field)
    return field, known(kind=place_of("kind", "fractal"), edge=SHARP)


def gradient(dice: Dice) -> Drawn:
    x, y, _ = turned(dice)
    line = 0.5 + x * dice.between(0.6, 1.1)
    round_ = 1 - jnp.sqrt(x * x + y * y) * dice.between(1.0, 1.6)
    field = jnp.clip(jnp.where(dice.chance(0.6), line, round_), 0, 1)
    return field, known(kind=place_of("kind", "gradient"), edge=SMOOTH)


def empty(dice: Dice) -> Drawn:
    return jnp.zeros((SIDE, SIDE)), known(kind=place_of("kind", "empty"))


TEXTURES: dict[str, Callable[[Dice], Drawn]] = {
    "spots": spots,
    "stripes": stripes,
    "maze": maze,
    "network": network,
    "cells": cells,
    "rings": rings,
    "waves": waves,
    "noise": noise,
    "pixels": pixels,
    "patches": patches,
    "clouds": clouds,
    "checker": checker,
    "grid": lines_lattice,
    "fractal": fractal,
    "gradient": gradient,
    "empty": empty,
}
"""By kind."""

"""Maps of societies: gradient noise that drifts, islands whose crossings open and close; growth, healing, weather."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from alife.types import PRNGKey

from .settings import Dials
from .space import EDITS, LAYERS, SEEN, Terrain

HIGHEST = {"capacity": 8.0, "growth": 1.0, "move_cost": 4.0, "push_cost": 4.0, "message_cost": 0.25, "birth_cost": 1.0}
"""Of the noise, which lies in [0, 1], so many times."""
BROKEN_EVEN = 1 / 1.5
"""Growth at which food neither grows nor shrinks: two thirds of the greatest growth of noise."""
MOST_GROWTH = 2.0
FERTILE = 8.0
"""Capacity at which land heals as fast as `relaxation` says."""
YEAR = 182.5 * 2 * np.pi
"""Steps from one flood of the seasonal islands to the next."""

Material = dict[str, float]
WATER: Material = {"capacity": 0, "growth": 0, "move_cost": 8, "push_cost": 4, "message_cost": 0, "birth_cost": 8}
GRASS: Material = {
    "capacity": 32, "growth": 1, "move_cost": 0.5, "push_cost": 0.5, "message_cost": 0.2, "birth_cost": 1
}  # fmt: skip
SAND: Material = {
    "capacity": 16, "growth": 0.3, "move_cost": 0.2, "push_cost": 0.2, "message_cost": 0, "birth_cost": 1
}  # fmt: skip


class Map(NamedTuple):
    """A kind of terrain."""

    base: Callable[[PRNGKey, int], Terrain] | None
    """Layers of a new world of G cells; None = made from the phases."""
    seasons: bool = False
    """Whether its water rises and falls."""


def dice_for_noise(lattice: int) -> dict[str, tuple[int, ...]]:
    """Shapes of the phases: for each layer that noise makes one lattice, and one of twice the resolution."""
    return {name: (len(HIGHEST), r, r) for name, r in (("coarse", lattice), ("fine", 2 * lattice))}


def phases(dice: dict[str, Array]) -> dict[str, Float[Array, "6 r r"]]:
    """Angles of lattice gradients, radians."""
    return {name: 2 * jnp.pi * dice[name] for name in ("coarse", "fine")}


def drifted(dice: dict[str, Array], phase: dict[str, Array], steps: int, speed: Array) -> dict[str, Array]:
    """The phases some steps later: every angle has grown, by a half of `speed` turns per step on average."""
    return {name: angle + steps * speed * 2 * jnp.pi * dice[name] for name, angle in phase.items()}


def noise_fields(phase: dict[str, Array], size: int, roughness: Array) -> Float[Array, "6 G G"]:
    """Gradient noise on a torus, each field stretched to [0, 1].

    Noise is linear in its gradients, and what multiplies them is a product of a part for rows and one for columns: so
    a field is two products of thin matrices.

    Args:
        phase: angles of the gradients.
        size: cells along an edge (G).
        roughness: weight of the finer octave, 0 = none.

    Source: Perlin 1985, 2002 (quintic fade).
    """
    field = _octave(phase["coarse"], size) + roughness * _octave(phase["fine"], size)
    low, high = field.min((1, 2), keepdims=True), field.max((1, 2), keepdims=True)
    return (field - low) / jnp.maximum(high - low, 1e-12)


def _octave(angle: Float[Array, "6 r r"], size: int) -> Float[Array, "6 G G"]:
    near, offset = _lattice(angle.shape[1], size)
    rows = jnp.einsum("xi,fij->fxj", offset, jnp.cos(angle)), jnp.einsum("xi,fij->fxj", near, jnp.sin(angle))
    return jnp.einsum("fxj,yj->fxy", rows[0], near) + jnp.einsum("fxj,yj->fxy", rows[1], offset)


def _lattice(r: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """How much each lattice line counts for each cell, and the same times the signed distance to it."""
    at = (np.arange(size) + 0.5) * r / size
    line = np.floor(at).astype(int)
    part = at - line
    fade = part**3 * (part * (6 * part - 15) + 10)
    near, offset = np.zeros((size, r), np.float32), np.zeros((size, r), np.float32)
    for corner, weight in ((0, 1 - fade), (1, fade)):
        np.add.at(near, (np.arange(size), (line + corner) % r), weight)
        np.add.at(offset, (np.arange(size), (line + corner) % r), weight * (part - corner))
    return near, offset


def _layers(size: int, **given: Array) -> Terrain:
    """Terrain that is full of food, with nothing written on it."""
    return Terrain(**given, energy=given["capacity"], bit=jnp.zeros((size, size)))


def of_noise(phase: dict[str, Array], size: int, dials: Dials) -> Terrain:
    """Base terrain of the map `noise`."""
    fields = noise_fields(phase, size, dials.roughness)
    layers = {name: high * field for (name, high), field in zip(HIGHEST.items(), fields, strict=True)}
    return _layers(size, **layers | {"capacity": layers["capacity"] * dials.capacity})


def _random(key: PRNGKey, size: int) -> Terrain:
    keys = jax.random.split(key, len(HIGHEST))
    cells = (size, size)
    return _layers(
        size, **{n: high * jax.random.uniform(k, cells) for (n, high), k in zip(HIGHEST.items(), keys, strict=True)}
    )


def _painted(materials: list[Material], which: np.ndarray) -> Terrain:
    return _layers(
        len(which), **{n: jnp.asarray(np.array([m[n] for m in materials], np.float32)[which]) for n in HIGHEST}
    )


def _two_islands(key: PRNGKey, size: int) -> Terrain:
    strip = (np.arange(size) * 4 // size) % 2  # water, land, water, land
    return _painted([WATER, GRASS], np.broadcast_to(strip[:, None], (size, size)))


def _four_islands(key: PRNGKey, size: int) -> Terrain:
    eighth = np.arange(size) * 8 // size
    along = np.where((eighth == 1) | (eighth == 2), 1, 0) + np.where((eighth == 5) | (eighth == 6), 2, 0)
    land = (along[:, None] > 0) & (along > 0)
    sand = (along[:, None] == 2) ^ (along == 2)  # two of grass, two of sand, across from each other
    return _painted([WATER, GRASS, SAND], np.where(land, np.where(sand, 2, 1), 0))


MAPS = {
    "noise": Map(None),
    "random": Map(_random),
    "two_islands": Map(_two_islands),
    "four_islands": Map(_four_islands),
    "two_islands_weather": Map(_two_islands, seasons=True),
    "four_islands_weather": Map(_four_islands, seasons=True),
}


def water_of(base: Terrain) -> Array:
    """Cells of the islands' sea: where nothing can ever grow."""
    return base.capacity == 0


def flooded(base: Terrain, t: Array) -> Terrain:
    """The islands at a time of the year: crossings are cheap at low water, and hardly to be made at high water."""
    water, level = water_of(base), (jnp.sin(2 * jnp.pi * t / YEAR) + 1) / 2
    now = {"move_cost": 0.5 + 8 * level, "push_cost": 0.5 + 4 * level, "birth_cost": 1 + 8 * level, "growth": 1 - level}
    return base._replace(**{name: jnp.where(water, value, getattr(base, name)) for name, value in now.items()})


def risen(terrain: Terrain, before: Terrain, base: Terrain) -> Terrain:
    """The terrain after its base has changed by a season: water, which never heals, rises by as much."""
    changes = {n: getattr(terrain, n) + getattr(base, n) - getattr(before, n) for n in EDITS}
    return clipped(terrain._replace(**changes))


def grown(terrain: Terrain, base: Terrain, dials: Dials) -> Terrain:
    """The terrain after a step: food has grown or shrunk, and what was edited has healed a little."""
    growth = dials.growth * (terrain.growth - BROKEN_EVEN)
    healing = dials.relaxation * base.capacity / FERTILE
    healed = {name: (1 - healing) * getattr(terrain, name) + healing * getattr(base, name) for name in EDITS}
    return clipped(terrain._replace(energy=terrain.energy + growth, **healed))


def clipped(terrain: Terrain) -> Terrain:
    """Layers within what they may be."""
    costs = {name: jnp.maximum(getattr(terrain, name), 0) for name in EDITS[1:]}
    energy = jnp.clip(terrain.energy, 0, terrain.capacity)
    return terrain._replace(energy=energy, growth=jnp.clip(terrain.growth, 0, MOST_GROWTH), **costs)


def landness(terrain: Terrain) -> Float[Array, "G G"]:
    """From 0, deep water, over 0.5, the shore, to 1, the best of land: food fits in, and walking is cheap."""
    return jnp.clip((terrain.capacity / 8 - terrain.move_cost / 4 + 1) / 2, 0, 1)


def stacked(terrain: Terrain, with_bit: bool) -> Float[Array, "G G L"]:
    """The layers that agents see, side by side."""
    return jnp.stack([getattr(terrain, name) for name in (LAYERS if with_bit else SEEN)], axis=-1)

"""Grounds on which creatures live; a long floor from the left to the right clip of positions, metres."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .scene import GROUND, SIDE, Scene, box, empty_scene
from .sizes import WALLS, Room

START = -12.0
"""Where creatures begin, from their left end."""
END = 14.5
"""Inner faces of the walls lie so far to either side."""


def plain() -> list[Float[np.ndarray, "V 2"]]:
    """Nothing but the floor."""
    return []


def steps() -> list[Float[np.ndarray, "V 2"]]:
    """Stairs upwards, each 0.08 higher than the one before."""
    return [_block(START + 2.5 + 1.2 * i, END, 0.08 * (i + 1)) for i in range(6)]


def hurdles() -> list[Float[np.ndarray, "V 2"]]:
    """Low beams across the way, higher and higher."""
    return [_block(START + 2.5 + 1.5 * i, START + 2.7 + 1.5 * i, 0.06 + 0.04 * i) for i in range(6)]


def hills() -> list[Float[np.ndarray, "V 2"]]:
    """Flat ridges, steeper and steeper."""
    ridges = []
    for i in range(6):
        middle, height = START + 3 + 1.8 * i, 0.1 + 0.06 * i
        ridges.append(np.array([[middle, GROUND + height], [middle + 0.8, GROUND], [middle - 0.8, GROUND]], np.float32))
    return ridges


TERRAINS = {"plain": plain, "steps": steps, "hurdles": hurdles, "hills": hills}
"""By name."""


def ground_scene(terrain: str, bodies: int, circles: int, thrusters: int) -> Scene:
    """A scene with a ground, and free slots for a creature right after the walls."""
    blocks = TERRAINS[terrain]()
    room = Room(WALLS + bodies + len(blocks), circles, max(1, bodies - 1), max(1, thrusters))
    scene = empty_scene(room)
    shapes = scene.shapes
    vertices, position = np.array(shapes.vertices), np.array(shapes.position)
    vertices[0] = box(2 * END + 2, 2 * (SIDE + GROUND / 2))
    vertices[3] = box(2 * END + 2, 2)
    position[:WALLS, 0] = 0
    vertices[1], vertices[2] = box(2, 4 * SIDE), box(2, 4 * SIDE)
    position[1], position[2], position[3] = (-END - 1, SIDE), (END + 1, SIDE), (0, 3 * SIDE)
    number, active = np.array(shapes.n_vertices), np.array(shapes.active)
    moves = np.array(shapes.moves)
    for i, corners in enumerate(blocks, WALLS + bodies):
        position[i] = corners.mean(axis=0)
        vertices[i, : len(corners)] = corners - position[i]
        number[i], active[i], moves[i] = len(corners), True, False
    shapes = shapes._replace(
        vertices=jnp.asarray(vertices),
        position=jnp.asarray(position),
        n_vertices=jnp.asarray(number),
        active=jnp.asarray(active),
        moves=jnp.asarray(moves),
        turns=jnp.asarray(moves),
    )
    return scene._replace(shapes=shapes)


def _block(left: float, right: float, height: float) -> Float[np.ndarray, "V 2"]:
    low, high = GROUND - 0.2, GROUND + height
    return np.array([[left, high], [right, high], [right, low], [left, low]], np.float32)

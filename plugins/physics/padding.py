"""Scenes in more room than they need: the same history, in programs for a larger size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alife.errors import BadWorld

from .scene import Scene, empty_scene
from .sizes import Room


def padded(scene: Scene, room: Room) -> Scene:
    """The same scene with more free slots; circles move up behind the polygons, and with them whoever points at them.

    Raises:
        BadWorld: it does not fit.
    """
    old = scene.room
    if not room.holds(old):
        raise BadWorld(f"a scene of {_told(old)} does not fit into one of {_told(room)}; give it a larger size")
    blank, p, more = empty_scene(room), old.polygons, room.polygons - old.polygons

    def fill(mine: Any, free: Any, name: str) -> Any:
        mine, free = np.asarray(mine), np.array(free)
        if name in ("vertices", "n_vertices", "radius"):
            free[: len(mine)] = mine
        else:
            free[:p], free[p + more : p + more + old.circles] = mine[:p], mine[p:]
        return free

    def table(mine: Any, free: Any, pointers: tuple[str, ...]) -> Any:
        rows = {name: np.array(getattr(free, name)) for name in free._fields}
        for name in free._fields:
            values = np.asarray(getattr(mine, name))
            rows[name][: len(values)] = values + more * (values >= p) if name in pointers else values
        return free._replace(**rows)

    shapes = {
        name: fill(getattr(scene.shapes, name), getattr(blank.shapes, name), name) for name in blank.shapes._fields
    }
    joints = table(scene.joints, blank.joints, ("a", "b"))
    thrusters = table(scene.thrusters, blank.thrusters, ("shape",))
    return jax.tree.map(jnp.asarray, Scene(blank.shapes._replace(**shapes), joints, thrusters, scene.gravity))


def stacked(scenes: Sequence[Scene], room: Room | None = None) -> Scene:
    """Several scenes as one table of scenes: all of a size, else of the least in which each of them has room.

    Raises:
        BadWorld: one does not fit.
    """
    room = room or Room(*(max(counts) for counts in zip(*(scene.room for scene in scenes), strict=True)))
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *(padded(scene, room) for scene in scenes))


def _told(room: Room) -> str:
    return ", ".join(f"{count} {name}" for name, count in room._asdict().items())

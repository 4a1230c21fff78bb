"""What a scene must be, before it is run: shapes that are shapes, and indices that point somewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from alife.errors import BadWorld

from .scene import MOTOR_CHANNELS, THRUSTER_CHANNELS, Scene
from .sizes import WALLS


def check_scene(scene: Scene) -> None:
    """Raise BadWorld where a scene cannot be: a shape that is none, an index that points nowhere."""
    shapes, room = scene.shapes, scene.room
    here = np.asarray(shapes.active)

    def refuse(bad: Any, what: str, expected: str, active: Any) -> None:
        wrong = np.flatnonzero(np.asarray(bad) & np.asarray(active))
        if len(wrong):
            raise BadWorld(f"{what.format(wrong[0])}; expected {expected}")

    walls = np.arange(room.shapes) < WALLS
    refuse(np.asarray(shapes.moves) & walls, "polygon {} can move", "the first four to be fixed: floor, walls", here)
    refuse(np.asarray(shapes.density) <= 0, "the density of shape {} is not above 0", "kilograms per m2", here)
    role, mode = np.asarray(shapes.role), np.asarray(shapes.collision_mode)
    refuse((role < 0) | (role > 3), "shape {} has a role that there is not", "0 to 3", here)
    refuse((mode < 0) | (mode > 2), "shape {} has a collision mode that there is not", "0 to 2", here)
    count, polygons = np.asarray(shapes.n_vertices), here[: room.polygons]
    refuse((count != 3) & (count != 4), "polygon {} has neither 3 nor 4 corners", "n_vertices 3 or 4", polygons)
    for i in np.flatnonzero(polygons & (np.arange(room.polygons) >= WALLS)):
        _check_polygon(np.asarray(shapes.vertices)[i, : count[i]], int(i))
    refuse(np.asarray(shapes.radius) <= 0, "the radius of circle {} is not above 0", "metres", here[room.polygons :])
    joints, thrusters = scene.joints, scene.thrusters
    for name, index, active in (
        ("joint {}: a_index", joints.a, joints.active),
        ("joint {}: b_index", joints.b, joints.active),
        ("thruster {}: object_index", thrusters.shape, thrusters.active),
    ):
        place = np.asarray(index)
        refuse((place < 0) | (place >= room.shapes), f"{name} points nowhere", f"0 to {room.shapes - 1}", active)
        refuse(~here[np.clip(place, 0, room.shapes - 1)], f"{name} points to a free slot", "a shape", active)
    same = np.asarray(joints.a) == np.asarray(joints.b)
    refuse(same, "joint {} joins a shape to itself", "two shapes", joints.active)
    for what, binding, channels, active in (
        ("joint {}: motor_binding", joints.binding, MOTOR_CHANNELS, joints.active),
        ("thruster {}: thruster_binding", thrusters.binding, THRUSTER_CHANNELS, thrusters.active),
    ):
        bound = np.asarray(binding)
        refuse((bound < 0) | (bound >= channels), f"{what} is none", f"0 to {channels - 1}", active)


def _check_polygon(corners: Float[np.ndarray, "n 2"], i: int) -> None:
    along = np.roll(corners, -1, axis=0) - corners
    following = np.roll(along, -1, axis=0)
    cross = along[:, 0] * following[:, 1] - along[:, 1] * following[:, 0]
    if (cross >= 0).all():
        raise BadWorld(f"the corners of polygon {i} run counter-clockwise, or lie on a line; expected clockwise")
    if (cross > -1e-9).any():
        raise BadWorld(f"polygon {i} is not convex; expected corners that turn right; two polygons can make one shape")

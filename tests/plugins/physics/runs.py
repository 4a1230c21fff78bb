"""Scenes run side by side: many in one program, whose history is kept frame by frame."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alife.plugins.physics.contacts import Motion
from alife.plugins.physics.prepared import prepare
from alife.plugins.physics.scene import Scene
from alife.plugins.physics.sizes import Pairs, Room
from alife.plugins.physics.solver import advance, no_impulses


class Case(NamedTuple):
    """A scene, and what its joints and thrusters are told all the time."""

    scene: Scene
    motors: Any = 0.0
    thrusts: Any = 0.0

    def arrays(self) -> tuple[Scene, np.ndarray, np.ndarray]:
        """What the program takes."""
        room = self.scene.room
        motors = np.broadcast_to(np.float32(self.motors), room.joints)
        return self.scene, motors, np.broadcast_to(np.float32(self.thrusts), room.thrusters)


class Frames(NamedTuple):
    """What was seen of one scene; frame 0 is how it began."""

    x: np.ndarray
    """[frame, shape, 2]"""
    rotation: np.ndarray
    v: np.ndarray
    """[frame, shape, 3]: velocity, and angular velocity."""
    touching: np.ndarray
    """[frame, contact point]"""


def one(room: Room, steps: int) -> Any:
    """The history of one scene, not compiled yet."""
    pairs = Pairs(room)

    def run(scene: Scene, motors: Any, thrusts: Any) -> Frames:
        shapes, prepared = scene.shapes, prepare(scene, pairs)
        v = jnp.concatenate([shapes.velocity.T, shapes.angular_velocity[None]])
        start = Motion(shapes.position.T, shapes.rotation, v), no_impulses(len(pairs.points), room.joints)

        def step(carry: Any, _: None) -> Any:
            motion, impulses = carry
            seen = Frames(motion.x.T, motion.rotation, motion.v.T, impulses.touching)
            return advance(motion, impulses, prepared, pairs, motors, thrusts), seen

        return jax.lax.scan(step, start, None, steps + 1)[1]

    return run


@functools.lru_cache
def together(room: Room, steps: int) -> Any:
    return jax.jit(jax.vmap(one(room, steps)))


def histories(cases: Mapping[str, Case], steps: int) -> dict[str, Frames]:
    """The histories of scenes of one size, from one run."""
    arrays = [case.arrays() for case in cases.values()]
    batch = jax.tree.map(lambda *parts: np.stack([np.asarray(part) for part in parts]), *arrays)
    seen = jax.tree.map(np.asarray, together(arrays[0][0].room, steps)(*batch))
    return {name: jax.tree.map(lambda part, i=i: part[i], seen) for i, name in enumerate(cases)}


def touched(frames: Frames, room: Room, a: int, b: int) -> np.ndarray:
    """In which frames two shapes touch."""
    return frames.touching[:, (np.sort(Pairs(room).points, axis=1) == sorted((a, b))).all(axis=1)].any(axis=1)

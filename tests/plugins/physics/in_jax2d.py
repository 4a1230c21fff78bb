"""Our scenes as Jax2D has them, by way of the contents of a level file; for a script and a benchmark, not for tests."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax2d.engine import PhysicsEngine, get_empty_collision_manifolds
from jax2d.sim_state import Joint, RigidBody, SimParams, SimState, StaticSimParams, Thruster

from alife.plugins.physics.level_file import contents
from alife.plugins.physics.scene import Scene
from alife.plugins.physics.sizes import Room


def settings(room: Room) -> StaticSimParams:
    return StaticSimParams(**{f"num_{name}": size for name, size in room._asdict().items()})


def engine(room: Room) -> tuple[PhysicsEngine, SimParams]:
    return PhysicsEngine(settings(room)), SimParams()


def state_of(scene: Scene) -> SimState:
    """The scene, before its first step."""
    state = contents(scene)["env_state"]
    bodies = [_table(RigidBody, state[kind]) for kind in ("polygon", "circle")]
    joints, thrusters = _table(Joint, state["joint"]), _table(Thruster, state["thruster"])
    rr, cr, cc = get_empty_collision_manifolds(settings(scene.room))
    matrix = jnp.asarray(_array(state["collision_matrix"]))
    return SimState(*bodies, joints, thrusters, matrix, rr, cr, cc, jnp.asarray(_array(state["gravity"]), jnp.float32))


def _table(kind: Any, rows: list[dict]) -> Any:
    """One table of a list of objects, of the fields that the kind has."""
    columns = {name: np.stack([_array(row[name]) for row in rows]) for name in kind.__dataclass_fields__}
    return kind(**{name: jnp.asarray(_narrow(column)) for name, column in columns.items()})


def _array(value: Any) -> np.ndarray:
    return np.stack([_array(one) for one in value.values()]) if isinstance(value, dict) else np.asarray(value)


def _narrow(column: np.ndarray) -> np.ndarray:
    return column.astype({"f": np.float32, "i": np.int32, "b": bool}[column.dtype.kind])

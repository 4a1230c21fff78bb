"""Level files in the format of Kinetix: JSON in which arrays are objects with the keys "0", "1" ..."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alife.errors import BadWorld

from .joints import (
    DT,
    FIXED_PULL,
    GAP_SHIFT,
    GAP_VELOCITY,
    LIMIT_PULL,
    MOTOR_FADES,
    MOTOR_GAIN,
    MOTOR_POWER,
    MOTOR_SPEED,
    STIFFNESS,
    THRUST,
)
from .level_check import check_scene
from .prepared import STICKY
from .scene import GRAVITY, MOTOR_CHANNELS, THRUSTER_CHANNELS, Scene, centred, empty_scene, joined, masses
from .sizes import CORNERS, WALLS, Pairs, Room
from .solver import FARTHEST, FASTEST, ITERATIONS, PUSH, SLOP, WILDEST

PARAMETERS = {
    "dt": DT,
    "slop": SLOP,
    "baumgarte_coefficient_joints_v": GAP_VELOCITY,
    "baumgarte_coefficient_joints_p": GAP_SHIFT,
    "baumgarte_coefficient_fjoint_av": FIXED_PULL,
    "baumgarte_coefficient_rjoint_limit_av": LIMIT_PULL,
    "baumgarte_coefficient_collision": PUSH,
    "joint_stiffness": STIFFNESS,
    "clip_position": FARTHEST,
    "clip_velocity": FASTEST,
    "clip_angular_velocity": WILDEST,
    "base_motor_speed": MOTOR_SPEED,
    "base_motor_power": MOTOR_POWER,
    "base_thruster_power": THRUST,
    "motor_decay_coefficient": MOTOR_GAIN,
    "motor_joint_limit": MOTOR_FADES,
    "base_friction": STICKY,
}
"""Names of the format for the constants of our solver; a file that asks for others is refused."""
SHAPE = {
    "position": "position",
    "rotation": "rotation",
    "velocity": "velocity",
    "angular_velocity": "angular_velocity",
    "density": "density",
    "friction": "friction",
    "restitution": "restitution",
    "collision_mode": "collision_mode",
    "active": "active",
    "role": "role",
}
"""Our name of a shape's field: the file's."""
JOINT = {
    "a": "a_index",
    "b": "b_index",
    "a_anchor": "a_relative_pos",
    "b_anchor": "b_relative_pos",
    "active": "active",
    "fixed": "is_fixed_joint",
    "rotation": "rotation",
    "motor_on": "motor_on",
    "motor_speed": "motor_speed",
    "motor_power": "motor_power",
    "limited": "motor_has_joint_limits",
    "min_rotation": "min_rotation",
    "max_rotation": "max_rotation",
    "binding": "motor_binding",
    "auto": "motor_auto",
}
THRUSTER = {
    "shape": "object_index",
    "anchor": "relative_position",
    "rotation": "rotation",
    "power": "power",
    "active": "active",
    "binding": "thruster_binding",
}

LARGEST = float(np.finfo(np.float32).max)


def read_level(path: str | Path) -> Scene:
    """The scene of a level file, of the size of its lists.

    Unknown keys are passed over, missing ones get the values of an empty scene; masses, centres and who collides with
    whom are computed, and memories of a solver are not read.

    Raises:
        BadWorld: there is no such file, it is no level, or its scene cannot be: with the place in the file.
    """
    path = Path(path)
    try:
        return scene_of_text(path.read_text("utf-8"))
    except OSError as cause:
        raise BadWorld(f"{path} cannot be read: {cause.strerror}; expected a level file, .json") from None
    except UnicodeError as cause:
        raise BadWorld(f"{path}: it is no JSON: {cause}; expected a level file as Kinetix writes them") from None
    except BadWorld as cause:
        raise BadWorld(f"{path}: {cause}") from None


def scene_of_text(text: str) -> Scene:
    """The scene of the text of a level file.

    Raises:
        BadWorld: it is no level, or its scene cannot be.
    """
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise BadWorld(f"it is no JSON: {cause}; expected a level file as Kinetix writes them") from None
    return scene_of(said)


def scene_of(said: Any) -> Scene:
    """The scene of a level file's contents.

    Raises:
        BadWorld: it is no level, or its scene cannot be.
    """
    state = said.get("env_state") if isinstance(said, Mapping) else None
    if not isinstance(state, Mapping) or not isinstance(state.get("polygon"), list):
        raise BadWorld("it has no env_state with a list polygon; expected a level as Kinetix writes them")
    _check_parameters(said.get("env_params") or {})
    lists = {name: state.get(name) or [] for name in ("polygon", "circle", "joint", "thruster")}
    for name, items in lists.items():
        if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
            raise BadWorld(f"env_state.{name} is no list of objects")
    room = Room(*(len(items) for items in lists.values()))
    if room.polygons < WALLS:
        raise BadWorld(f"it has {room.polygons} polygons; expected floor, two walls and ceiling as the first {WALLS}")
    blank = empty_scene(room)
    shapes = {"polygon": lists["polygon"], "circle": lists["circle"]}
    n = {"polygon": slice(0, room.polygons), "circle": slice(room.polygons, room.shapes)}
    fields: dict[str, Any] = {}
    for ours, theirs in SHAPE.items():
        default = np.asarray(getattr(blank.shapes, ours))
        parts = [_column(items, theirs, default[n[kind]], kind) for kind, items in shapes.items()]
        fields[ours] = np.concatenate(parts)
    for ours, theirs in (("moves", "inverse_mass"), ("turns", "inverse_inertia")):
        default = np.asarray(getattr(blank.shapes, ours), np.float32)
        parts = [_column(items, theirs, default[n[kind]], kind) != 0 for kind, items in shapes.items()]
        fields[ours] = np.concatenate(parts)
    fields["vertices"] = _column(lists["polygon"], "vertices", np.asarray(blank.shapes.vertices), "polygon")
    fields["n_vertices"] = _column(lists["polygon"], "n_vertices", np.asarray(blank.shapes.n_vertices), "polygon")
    fields["radius"] = _column(lists["circle"], "radius", np.asarray(blank.shapes.radius), "circle")
    joints = _table(lists["joint"], JOINT, blank.joints, "joint")
    thrusters = _table(lists["thruster"], THRUSTER, blank.thrusters, "thruster")
    gravity = jnp.asarray(_number(state.get("gravity", {"0": 0.0, "1": GRAVITY}), (2,), "gravity"), jnp.float32)
    scene = Scene(blank.shapes._replace(**fields), joints, thrusters, gravity)
    check_scene(scene)
    return centred(jax.tree.map(jnp.asarray, _tidy(scene)))


def write_level(scene: Scene, path: str | Path) -> None:
    """Writes a level file that Kinetix reads, too; `read_level` gives the same scene back."""
    Path(path).write_text(json.dumps(contents(scene)), "utf-8")


def contents(scene: Scene) -> dict[str, Any]:
    """What a level file of this scene holds."""
    room, mass = scene.room, masses(scene.shapes)
    shapes = scene.shapes._asdict() | mass._asdict()
    plain = {ours: np.asarray(shapes[ours]) for ours in (*SHAPE, "inverse_mass", "inverse_inertia")}
    bodies = []
    for i in range(room.shapes):
        body = {SHAPE.get(ours, ours): _written(values[i]) for ours, values in plain.items()}
        polygon = i < room.polygons
        corners = np.asarray(scene.shapes.vertices)[i] if polygon else np.zeros((CORNERS, 2))
        count = int(scene.shapes.n_vertices[i]) if polygon else 0
        radius = 0.0 if polygon else float(scene.shapes.radius[i - room.polygons])
        extra = {"n_vertices": count, "vertices": _written(corners), "radius": radius, "highlighted": False}
        bodies.append(body | extra)
    at = np.asarray(scene.shapes.position)
    nothing = {"global_position": _written(at[0]), "acc_impulse": _written(np.zeros(2)), "acc_r_impulse": 0.0}
    joints = [row | nothing for row in _rows(scene.joints, JOINT, room.joints)]
    thrusters = [row | {"global_position": _written(at[0])} for row in _rows(scene.thrusters, THRUSTER, room.thrusters)]
    pairs = Pairs(room)
    polygons, mixed, circles = pairs.counts
    state = {
        "polygon": bodies[: room.polygons],
        "circle": bodies[room.polygons :],
        "joint": joints,
        "thruster": thrusters,
        "collision_matrix": _written(~np.asarray(joined(scene.joints, room.shapes))),
        "acc_rr_manifolds": [_manifold() for _ in range(2 * polygons)],
        "acc_cr_manifolds": [_manifold() for _ in range(mixed)],
        "acc_cc_manifolds": [_manifold() for _ in range(circles)],
        "gravity": _written(np.asarray(scene.gravity)),
    }
    task = {"max_timesteps": 256, "pixels_per_unit": 100, "dense_reward_scale": 0.1, "num_shape_roles": 4}
    sizes = {f"num_{name}": size for name, size in room._asdict().items()}
    fixed = {
        "max_polygon_vertices": CORNERS,
        "num_solver_iterations": ITERATIONS,
        "solver_batch_size": 16,
        "do_warm_starting": True,
        "num_static_fixated_polys": WALLS,
        "screen_dim": {"0": 500, "1": 500},
        "downscale": 4,
        "frame_skip": 2,
        "max_shape_size": 2,
        "num_motor_bindings": MOTOR_CHANNELS,
        "num_thruster_bindings": THRUSTER_CHANNELS,
    }
    return {"env_state": state, "env_params": PARAMETERS | task, "static_env_params": sizes | fixed}


def _tidy(scene: Scene) -> Scene:
    """Free slots as an empty scene has them: what a file says of them means nothing."""
    blank, shapes = empty_scene(scene.room), scene.shapes
    count = len(shapes.n_vertices)

    def of(active: Any, mine: Any, free: Any) -> Any:
        chosen = np.asarray(active).reshape(-1, *[1] * (np.ndim(mine) - 1))
        return np.where(chosen, np.asarray(mine), np.asarray(free))

    part = {"vertices": shapes.active[:count], "n_vertices": shapes.active[:count], "radius": shapes.active[count:]}
    tidy = {
        name: of(part.get(name, shapes.active), getattr(shapes, name), getattr(blank.shapes, name))
        for name in shapes._fields
    }
    rest: list[Any] = [
        type(mine)(*(of(mine.active, one, none) for one, none in zip(mine, free, strict=True)))
        for mine, free in ((scene.joints, blank.joints), (scene.thrusters, blank.thrusters))
    ]
    joints, thrusters = rest
    return Scene(shapes._replace(**tidy), joints, thrusters, scene.gravity)


def _check_parameters(given: Any) -> None:
    if not isinstance(given, Mapping):
        raise BadWorld("env_params is no object")
    for name, ours in PARAMETERS.items():
        value = given.get(name, ours)
        if not isinstance(value, int | float) or not math.isclose(value, ours, rel_tol=1e-5):
            raise BadWorld(f"env_params.{name} is {value!r}; this solver has {ours:g}")


def _column(items: list[Any], key: str, default: np.ndarray, what: str) -> np.ndarray:
    """One field of all objects of a list, as the default's type has it."""
    rows = []
    for i, item in enumerate(items):
        place = f"{what} {i}: {key}"
        rows.append(_number(item[key], default.shape[1:], place) if key in item else default[i])
    column = np.array(rows).reshape(default.shape)
    if np.issubdtype(default.dtype, np.integer) and not ((column == np.round(column)) & (np.abs(column) < 2**31)).all():
        raise BadWorld(f"{what}: {key} is not a whole number everywhere; expected -2147483647 to 2147483647")
    return column.astype(default.dtype)


def _table(items: list[Any], names: Mapping[str, str], blank: Any, what: str) -> Any:
    return type(blank)(
        **{ours: _column(items, theirs, np.asarray(getattr(blank, ours)), what) for ours, theirs in names.items()}
    )


def _number(value: Any, shape: tuple[int, ...], place: str) -> np.ndarray:
    """A number, or an array written as nested objects with the keys "0", "1" ..."""
    try:
        array = np.asarray(_listed(value), np.float64)
    except (TypeError, ValueError):
        raise BadWorld(f"{place} is {value!r:.60}; expected {_described(shape)}") from None
    if array.shape != shape:
        raise BadWorld(f"{place} has the shape {list(array.shape)}; expected {_described(shape)}")
    if not (np.abs(array) <= LARGEST).all():
        raise BadWorld(f"{place} is not finite in 32 bits; expected {_described(shape)}")
    return array


def _described(shape: tuple[int, ...]) -> str:
    return f"numbers of the shape {list(shape)}" if shape else "a number"


def _listed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return [_listed(value[str(i)]) for i in range(len(value))] if _counts(value) else None
    return [_listed(one) for one in value] if isinstance(value, list) else value


def _counts(value: Mapping[str, Any]) -> bool:
    return set(value) == {str(i) for i in range(len(value))}


def _written(value: Any) -> Any:
    array = np.asarray(value)
    return {str(i): _written(one) for i, one in enumerate(array)} if array.ndim else array.item()


def _rows(table: Any, names: Mapping[str, str], count: int) -> list[dict[str, Any]]:
    columns = {theirs: np.asarray(getattr(table, ours)) for ours, theirs in names.items()}
    return [{name: _written(values[i]) for name, values in columns.items()} for i in range(count)]


def _manifold() -> dict[str, Any]:
    """A contact point that holds nothing."""
    pair = _written(np.zeros(2))
    empty = {"normal": pair, "penetration": 0.0, "collision_point": pair, "active": False}
    return empty | {"acc_impulse_normal": 0.0, "acc_impulse_tangent": 0.0, "restitution_velocity_target": 0.0}

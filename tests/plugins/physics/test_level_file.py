"""Level files: what is written is read, what Kinetix writes is understood, and what is no level is refused in words."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alife.cli import run_command
from alife.errors import BadWorld
from alife.plugins.physics.builder import Builder
from alife.plugins.physics.level_file import contents, read_level, scene_of, write_level
from alife.plugins.physics.padding import padded
from alife.plugins.physics.scene import Scene
from alife.plugins.physics.sizes import SIZES


def level() -> Scene:
    """A bit of everything, with free slots."""
    built = Builder("M", gravity=-3)
    built.floor(3)
    hull = built.polygon(1, 2, [[0, 0.3], [0.6, 0.2], [0.5, 0]], rotation=0.3, role=1, density=2)
    ball = built.ball(1.2, 2.1, 0.25, friction=0.3, restitution=0.5, velocity=(0.1, -0.2))
    built.ball(4, 2, 0.2, role=2, fixed=True)
    built.hinge(hull, ball, 1.2, 2.1, motor=True, speed=-2, power=0.7, limits=(-0.3, 0.4), binding=3, auto=True)
    built.thruster(ball, 1.3, 2.2, 0.4, power=1.5, binding=1)
    return built.scene()


SCENE = level()
GOOD = json.loads(json.dumps(contents(SCENE)))
HULL, BALL = 4, 6


def same(a: Scene, b: Scene) -> bool:
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.asarray(x).dtype == np.asarray(y).dtype and np.array_equal(x, y) for x, y in pairs)


def changed(change: Callable[[dict], Any]) -> dict:
    said = copy.deepcopy(GOOD)
    change(said)
    return said


def test_what_is_written_is_read_to_the_bit(tmp_path: Path) -> None:
    for scene in (SCENE, padded(SCENE, SIZES["L"])):
        write_level(scene, tmp_path / "level.json")
        assert same(read_level(tmp_path / "level.json"), scene)
    assert not same(SCENE, SCENE._replace(gravity=SCENE.gravity + 1))


def test_arrays_are_objects_with_numbered_keys_as_in_kinetix() -> None:
    state = GOOD["env_state"]
    hull, joint = state["polygon"][HULL], state["joint"][0]
    assert set(hull["position"]) == {"0", "1"} and set(hull["vertices"]["3"]) == {"0", "1"}
    assert state["gravity"] == {"0": 0, "1": -3} and hull["n_vertices"] == 3 and hull["role"] == 1
    assert hull["inverse_mass"] == pytest.approx(1 / (2 * 0.065)) and state["circle"][1]["inverse_mass"] == 0
    assert (joint["a_index"], joint["b_index"], joint["motor_binding"]) == (HULL, BALL, 3)
    assert joint["motor_on"] is True and joint["motor_has_joint_limits"] is True
    assert state["thruster"][0]["object_index"] == BALL and state["thruster"][0]["thruster_binding"] == 1
    assert state["collision_matrix"][str(HULL)][str(BALL)] is False and state["collision_matrix"]["0"]["4"] is True
    manifolds = [len(state[f"acc_{kind}_manifolds"]) for kind in ("rr", "cr", "cc")]
    assert manifolds == [2 * (6 * 5 // 2 - 6), 18, 3]
    assert GOOD["static_env_params"]["num_polygons"] == 6 and GOOD["env_params"]["dt"] == pytest.approx(1 / 60)


def test_unknown_keys_are_passed_over_and_missing_ones_have_defaults() -> None:
    def change(said: dict) -> None:
        said["editor"] = {"zoom": 2}
        said["env_state"]["polygon"][HULL]["colour"] = "red"
        for name in ("friction", "density", "collision_mode", "restitution"):
            del said["env_state"]["polygon"][HULL][name]
        for name in ("motor_auto", "motor_binding"):
            del said["env_state"]["joint"][0][name]
        del said["env_state"]["acc_rr_manifolds"], said["env_state"]["collision_matrix"], said["env_state"]["gravity"]
        del said["env_params"], said["static_env_params"]

    scene = scene_of(changed(change))
    assert float(scene.shapes.friction[HULL]) == 1 and float(scene.shapes.density[HULL]) == 1
    assert (
        int(scene.shapes.collision_mode[HULL]) == 1 and not scene.joints.auto[0] and int(scene.joints.binding[0]) == 0
    )
    assert scene.gravity.tolist() == pytest.approx([0, -9.81])
    assert float(scene.shapes.friction[BALL]) == pytest.approx(0.3)


def test_gravity_is_honoured_sideways_too() -> None:
    said = changed(lambda said: said["env_state"].update(gravity={"0": 1.5, "1": 0.25}))
    assert scene_of(said).gravity.tolist() == [1.5, 0.25]


def test_what_a_free_slot_says_means_nothing() -> None:
    said = changed(lambda said: said["env_state"]["joint"][1].update(a_index=77, motor_speed=9))
    assert same(scene_of(said), SCENE)


def test_more_room_moves_circles_and_whoever_points_at_them() -> None:
    large = padded(SCENE, SIZES["L"])
    assert np.flatnonzero(large.shapes.active).tolist() == [0, 1, 2, 3, HULL, BALL + 6, BALL + 7]
    assert large.joints.a.tolist()[:1] == [HULL] and large.joints.b.tolist()[:1] == [BALL + 6]
    assert int(large.thrusters.shape[0]) == BALL + 6
    assert np.array_equal(large.shapes.position[BALL + 6], SCENE.shapes.position[BALL])
    assert large.shapes.radius.tolist() == [*SCENE.shapes.radius.tolist()[:2], pytest.approx(0.1), pytest.approx(0.1)]


def test_a_scene_is_never_shrunk() -> None:
    with pytest.raises(BadWorld, match=r"6 polygons.*does not fit into one of 5 polygons.*larger size"):
        padded(SCENE, SIZES["S"])


def item(kind: str, i: int, **more: Any) -> Callable[[dict], None]:
    return lambda said: said["env_state"][kind][i].update(more)


def corners(*points: tuple[float, float]) -> dict:
    return {str(i): {"0": x, "1": y} for i, (x, y) in enumerate(points)}


DAMAGED: dict[str, tuple[Callable[[dict], Any], str]] = {
    "no state": (lambda said: said.pop("env_state"), "no env_state with a list polygon"),
    "no polygons": (lambda said: said["env_state"].pop("polygon"), "no env_state with a list polygon"),
    "few polygons": (lambda said: said["env_state"].update(polygon=said["env_state"]["polygon"][:3]), "has 3 polygons"),
    "circles": (lambda said: said["env_state"].update(circle={"0": 1}), "env_state.circle is no list of objects"),
    "a joint": (lambda said: said["env_state"].update(joint=[3]), "env_state.joint is no list of objects"),
    "parameters": (lambda said: said.update(env_params=[1]), "env_params is no object"),
    "dt": (lambda said: said["env_params"].update(dt=0.01), r"env_params.dt is 0.01; this solver has 0.0166"),
    "word dt": (lambda said: said["env_params"].update(dt="1"), "env_params.dt is '1'"),
    "slop": (lambda said: said["env_params"].update(slop=0.02), "env_params.slop is 0.02"),
    "gravity": (lambda said: said["env_state"].update(gravity=-9.81), r"gravity has the shape \[\]"),
    "joint a": (item("joint", 0, a_index=9), "joint 0: a_index points nowhere; expected 0 to 8"),
    "joint b": (item("joint", 0, b_index=-1), "joint 0: b_index points nowhere"),
    "joint to free": (item("joint", 0, b_index=5), "joint 0: b_index points to a free slot"),
    "joint to itself": (item("joint", 0, b_index=HULL), "joint 0 joins a shape to itself"),
    "thruster": (item("thruster", 0, object_index=12), "thruster 0: object_index points nowhere"),
    "motor binding": (item("joint", 0, motor_binding=4), "joint 0: motor_binding is none; expected 0 to 3"),
    "thruster binding": (item("thruster", 0, thruster_binding=2), "thruster 0: thruster_binding is none"),
    "half an index": (item("joint", 0, a_index=4.5), "joint: a_index is not a whole number"),
    "concave": (
        item("polygon", HULL, n_vertices=4, vertices=corners((-0.3, 0.3), (0, 0.0), (0.3, 0.3), (0, -0.3))),
        "polygon 4 is not convex",
    ),
    "counter-clockwise": (
        item("polygon", HULL, n_vertices=4, vertices=corners((-0.3, 0.3), (-0.3, 0), (0.3, 0), (0.3, 0.3))),
        "corners of polygon 4 run counter-clockwise",
    ),
    "two corners": (item("polygon", HULL, n_vertices=2), "polygon 4 has neither 3 nor 4 corners"),
    "five corners": (
        item("polygon", HULL, vertices=corners(*[(0, 0)] * 5)),
        r"polygon 4: vertices has the shape \[5, 2\]",
    ),
    "no radius": (item("circle", 0, radius=0), "radius of circle 0 is not above 0"),
    "no density": (item("polygon", HULL, density=0), "density of shape 4 is not above 0"),
    "role": (item("circle", 0, role=4), "shape 6 has a role that there is not"),
    "mode": (item("polygon", HULL, collision_mode=3), "shape 4 has a collision mode that there is not"),
    "wall": (item("polygon", 1, inverse_mass=1.0), "polygon 1 can move"),
    "NaN": (item("polygon", HULL, rotation=float("nan")), "polygon 4: rotation is not finite"),
    "infinity": (item("circle", 0, position={"0": 1, "1": float("inf")}), "circle 0: position is not finite"),
    "too large": (item("circle", 0, position={"0": 1, "1": 1e39}), "circle 0: position is not finite in 32 bits"),
    "too large an index": (item("joint", 0, a_index=1e12), "joint: a_index is not a whole number"),
    "a word": (item("circle", 0, friction="rough"), "circle 0: friction is 'rough'; expected a number"),
    "nothing": (item("circle", 0, friction=None), "circle 0: friction"),
    "one coordinate": (item("polygon", HULL, position={"0": 1}), r"polygon 4: position has the shape \[1\]"),
    "gaps": (item("polygon", HULL, position={"0": 1, "2": 1}), "polygon 4: position"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_cannot_be_is_refused_with_its_place(name: str, tmp_path: Path) -> None:
    change, message = DAMAGED[name]
    file = tmp_path / "level.json"
    file.write_text(json.dumps(changed(change)))
    with pytest.raises(BadWorld, match=message) as refusal:
        read_level(file)
    assert str(refusal.value).startswith(f"{file}: ")


def test_a_file_that_is_none_or_no_level_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadWorld, match=r"none\.json cannot be read: No such file"):
        read_level(tmp_path / "none.json")
    for text, message in (("{", "is no JSON"), ("[1, 2]", "no env_state"), ('{"name": "x"}', "no env_state")):
        (tmp_path / "level.json").write_text(text)
        with pytest.raises(BadWorld, match=message):
            read_level(tmp_path / "level.json")
    (tmp_path / "level.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadWorld, match="it is no JSON"):
        read_level(tmp_path / "level.json")


def test_a_file_becomes_a_world_that_runs(tmp_path: Path) -> None:
    write_level(SCENE, tmp_path / "own.json")
    assert run_command(["import", "physics_level", str(tmp_path / "own.json"), "--out", str(tmp_path / "worlds")]) == 0
    small = ["--set", "steps=2", "--size", "16", "--frames", "2", "--to", str(tmp_path / "own.gif")]
    assert run_command(["run", str(tmp_path / "worlds" / "own.toml"), *small]) == 0


# --- at random

ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-2, 12), st.floats(), st.text(max_size=3), st.just({}),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.sampled_from(["0", "1", "a"]), st.floats(), max_size=2),
)  # fmt: skip


def places(said: Any, path: tuple = ()) -> list[tuple]:
    """Where something can be damaged."""
    inner = said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else ()
    return [path] * bool(path) + [place for key, value in inner for place in places(value, (*path, key))]


READ = {**GOOD, "env_state": {k: v for k, v in GOOD["env_state"].items() if not k.startswith(("acc", "collision"))}}
PLACES = places(READ)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(PLACES), st.one_of(st.just("gone"), ODD)), min_size=1, max_size=3))
def test_whatever_is_damaged_a_level_is_read_or_refused(damage: list[tuple[tuple, Any]]) -> None:
    said = copy.deepcopy(READ)
    for path, value in damage:
        at: Any = said
        for key in path[:-1]:
            at = at.get(key) if isinstance(at, dict) else at[key] if isinstance(at, list) and key < len(at) else None
        if isinstance(at, dict) and value == "gone":
            at.pop(path[-1], None)
        elif isinstance(at, dict) or (isinstance(at, list) and path[-1] < len(at)):
            at[path[-1]] = value
    try:
        scene = scene_of(said)
    except BadWorld:
        return
    assert all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(scene))

"""Bodies against mechanics: all scenes of a size are run for ten seconds in one program."""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np
import pytest

from alife.plugins.physics.builder import Builder
from alife.plugins.physics.joints import DT
from alife.plugins.physics.padding import padded
from alife.plugins.physics.scene import GRAVITY
from alife.plugins.physics.sizes import SIZES, Room

from .mirror import mirrored, mirrored_rows
from .runs import Case, Frames, histories, one, touched

ROOM = SIZES["M"]
TALL = Room(12, 3, 2, 2)
BOX, SECOND, BALL, BALL_2 = 4, 5, 6, 7
"""Numbers of shapes in ROOM."""
STEPS = 600
SLIDES_AT = math.degrees(math.atan(0.4 * math.sqrt(2)))
"""Degrees: the slope at which friction gives way, with both surfaces at 1."""


def scene(gravity: float = GRAVITY, motors: Any = 0.0, thrusts: Any = 0.0) -> Any:
    """Makes a case of what a function builds."""

    def make(build: Any) -> Case:
        level = Builder(ROOM, gravity=gravity)
        build(level)
        return Case(level.scene(), motors, thrusts)

    return make


def slope(degrees: float) -> Case:
    """A block on a plank."""
    a = math.radians(degrees)
    x, y = 2.5 - 0.5 * math.cos(a) + 0.2 * math.sin(a), 2 + 0.5 * math.sin(a) + 0.2 * math.cos(a)

    @scene()
    def case(level: Builder) -> None:
        level.box(2.5, 2, 4, 0.2, rotation=-a, fixed=True)
        level.box(x, y, 0.2, 0.2, rotation=-a)

    return case


def arm(told: float) -> Case:
    """An arm on a wall, within half a radian of level."""

    @scene(motors=told)
    def case(level: Builder) -> None:
        level.box(2.5, 3, 0.2, 0.2, fixed=True)
        level.box(2.9, 3, 0.8, 0.1)
        level.hinge(BOX, SECOND, 2.5, 3, limits=(-0.5, 0.5), motor=True, speed=2)

    return case


def wheel(told: float, speed: float) -> Case:
    @scene(gravity=0, motors=told)
    def case(level: Builder) -> None:
        level.box(2.5, 3, 0.2, 0.2, fixed=True)
        level.ball(2.5, 3, 0.3)
        level.hinge(BOX, BALL, 2.5, 3, motor=True, speed=speed)

    return case


def crowd(*joints: tuple[int, int]) -> Case:
    """Three balls in a heap, without gravity."""

    @scene(gravity=0)
    def case(level: Builder) -> None:
        for x in (2.4, 2.5, 2.6):
            level.ball(x, 3, 0.2)
        for a, b in joints:
            level.hinge(a, b, 2.5, 3)

    return case


@scene()
def fall(level: Builder) -> None:
    level.box(1, 3, 0.4, 0.2, velocity=(0.5, 1), angular_velocity=3.0)
    level.ball(3, 4, 0.2, velocity=(-0.5, 0))


@scene()
def pendulum(level: Builder) -> None:
    level.hinge(0, level.box(3, 3, 1, 0.2), 2.5, 3)


@scene()
def rest(level: Builder) -> None:
    level.box(2.5, 0.65, 0.5, 0.5)


@scene(gravity=0, thrusts=(0.5, 1.0))
def rocket(level: Builder) -> None:
    box, ball = level.box(2, 1, 0.5, 0.4, rotation=0.3), level.ball(4, 1, 0.2)
    level.thruster(box, 2, 1, math.pi / 2, power=0.2)
    level.thruster(ball, 4.2, 1, math.pi / 2, power=0.01)


@scene()
def weld(level: Builder) -> None:
    level.box(2.2, 3, 0.6, 0.3, rotation=0.3, velocity=(1, 0))
    level.box(2.9, 3.2, 0.5, 0.2)
    level.weld(BOX, SECOND, 2.6, 3.1)


@scene()
def bounce(level: Builder) -> None:
    level.box(2.5, 0.6, 2, 0.4, fixed=True, restitution=0.6)
    level.ball(2.5, 2.5, 0.2, restitution=0.8)


@scene()
def dead(level: Builder) -> None:
    level.box(2.5, 0.6, 2, 0.4, fixed=True, restitution=0.0)
    level.ball(2.5, 2.5, 0.2, restitution=0.8)


@scene(gravity=0)
def collision(level: Builder) -> None:
    level.ball(1, 2, 0.3, velocity=(2, 0))
    level.ball(3, 2.2, 0.2, velocity=(-1, 0), density=2)


@scene(motors=(1.0, 0.0), thrusts=(0.4, 0.0))
def machine(level: Builder) -> None:
    """All kinds of parts at once, without symmetry and without ties."""
    hull, side = level.box(1.5, 1.2, 0.8, 0.2, rotation=0.1), level.box(2.2, 1.4, 0.5, 0.14, rotation=0.2)
    foot = level.ball(1.2, 1.1, 0.17)
    level.ball(3.1, 0.9, 0.22, velocity=(-1, 0), restitution=0.3)
    level.hinge(hull, side, 1.95, 1.33, motor=True, limits=(-0.3, 0.9), speed=0.5)
    level.hinge(hull, foot, 1.2, 1.1, motor=True)
    level.thruster(hull, 1.4, 1.1, 1.3, power=0.2)


CASES = {
    "fall": fall,
    "pendulum": pendulum,
    "rest": rest,
    "rocket": rocket,
    "weld": weld,
    "bounce": bounce,
    "dead": dead,
    "collision": collision,
    "machine": machine,
    "mirrored": mirrored(machine),
    "holds": slope(SLIDES_AT - 2),
    "slides": slope(SLIDES_AT + 4),
    "hangs": arm(0.0),
    "driven up": arm(1.0),
    "driven down": arm(-1.0),
    "wheel": wheel(1.0, 1.0),
    "slow": wheel(0.5, 1.0),
    "back": wheel(-1.0, 2.0),
    "apart": crowd(),
    "joined": crowd((BALL, BALL_2), (BALL_2, BALL_2 + 1)),
}


@pytest.fixture(scope="module")
def seen() -> dict[str, Frames]:
    return histories(CASES, STEPS)


@pytest.fixture(scope="module")
def tall() -> dict[str, Frames]:
    """The stack, and what is run in ROOM, too."""
    stack = Builder(TALL)
    for i in range(8):
        stack.box(2.5, 0.6 + 0.4 * i, 0.4, 0.4)
    more = {name: case._replace(scene=padded(case.scene, TALL)) for name, case in CASES.items() if name in WIDENED}
    return histories({"stack": Case(stack.scene()), **more}, STEPS)


WIDENED = ("fall", "machine", "weld")


def energy(frames: Frames, i: int, inertia: float) -> np.ndarray:
    """Of a body of one kilogram; potential energy from the height at which it starts."""
    height = frames.x[:, i, 1] - frames.x[0, i, 1]
    return (frames.v[:, i, :2] ** 2).sum(-1) / 2 + inertia * frames.v[:, i, 2] ** 2 / 2 - GRAVITY * height


def test_what_falls_goes_where_semi_implicit_steps_go(seen: dict[str, Frames]) -> None:
    n = np.arange(35)[:, None]
    for i, v, spin in ((BOX, (0.5, 1), 3), (BALL, (-0.5, 0), 0)):
        gravity = np.array([0, GRAVITY])
        assert np.allclose(seen["fall"].v[:35, i, :2], v + n * DT * gravity, atol=1e-5)
        path = seen["fall"].x[0, i] + n * DT * v + n * (n + 1) / 2 * DT**2 * gravity
        assert np.allclose(seen["fall"].x[:35, i], path, atol=1e-5)
        assert np.allclose(seen["fall"].rotation[:35, i], n[:, 0] * DT * spin, atol=1e-5)


def test_a_pendulum_gains_no_energy_and_keeps_most_of_it_for_a_second(seen: dict[str, Frames]) -> None:
    # Each step goes along the tangent and is pulled back to the circle, which costs about a tenth in a second here,
    # in Jax2D too (test_against_jax2d); it is never to be more than that by half, and never a gain.
    drift = energy(seen["pendulum"], BOX, 1.04 / 12) / (0.5 * -GRAVITY)
    assert drift.max() < 0.01 and drift[60] > -0.16 and drift[600] > -0.7
    assert np.abs(np.hypot(*(seen["pendulum"].x[:, BOX] - [2.5, 3]).T) - 0.5).max() < 0.01


def test_a_box_rests_where_it_lies(seen: dict[str, Frames]) -> None:
    box = seen["rest"].x[:300, BOX]
    assert np.abs(box - box[0]).max() < 0.01 and np.abs(seen["rest"].rotation[:300, BOX]).max() < 1e-3
    assert np.abs(np.diff(box[60:], axis=0)).max() < 1e-5  # it has sunk in by less than the slop, and lies still


def test_a_stack_of_eight_boxes_stands_for_ten_seconds(tall: dict[str, Frames]) -> None:
    boxes = tall["stack"].x[:, 4:12]
    way = boxes - boxes[0]
    assert np.abs(way[..., 0]).max() < 0.02 and way[..., 1].min() > -0.04 and way[..., 1].max() < 0.01


@pytest.mark.parametrize(("name", "speed"), [("wheel", 6.0), ("slow", 3.0), ("back", -12.0)])
def test_a_motor_reaches_its_speed_and_keeps_it(seen: dict[str, Frames], name: str, speed: float) -> None:
    spin = seen[name].v[:, BALL, 2]
    assert spin[0] == 0 and np.allclose(spin[60:], speed, atol=1e-2)


def test_a_thruster_gives_force_by_mass_and_turns_by_its_arm(seen: dict[str, Frames]) -> None:
    v, n = seen["rocket"].v, np.arange(30)
    acceleration = 10 * 0.2 * 0.5 / (0.5 * 0.4)
    assert np.allclose(v[:30, BOX, 1], n * DT * acceleration, atol=1e-4)
    assert np.abs(v[:30, BOX, [0, 2]]).max() < 1e-5
    force, mass = 10 * 0.01, math.pi * 0.2**2
    inertia = mass * 0.2**2 / 4  # half of a disc's, as Jax2D has it, for whose levels this is made
    assert np.allclose(v[1, BALL], [0, force / mass * DT, 0.2 * force / inertia * DT], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("name", "side"), [("hangs", -1), ("driven up", 1), ("driven down", -1)])
def test_limits_hold(seen: dict[str, Frames], name: str, side: int) -> None:
    angle = seen[name].rotation[:, SECOND]
    assert np.degrees(np.abs(side * angle[60:] - 0.5).max()) < 5
    assert np.abs(angle).max() < 0.5 + 12 * DT  # where it arrives, by no more than a step's turning at full speed


def test_fixed_joints_hold_in_flight_and_when_they_land(seen: dict[str, Frames]) -> None:
    turn = seen["weld"].rotation[:, SECOND] - seen["weld"].rotation[:, BOX] + 0.3
    assert np.degrees(np.abs(turn).max()) < 1
    joints, ends = CASES["weld"].scene.joints, []
    for i, anchor in ((BOX, joints.a_anchor[0]), (SECOND, joints.b_anchor[0])):
        cos, sin = np.cos(seen["weld"].rotation[:, i]), np.sin(seen["weld"].rotation[:, i])
        turned = np.stack([cos * anchor[0] - sin * anchor[1], sin * anchor[0] + cos * anchor[1]], axis=-1)
        ends.append(seen["weld"].x[:, i] + turned)
    assert np.hypot(*(ends[0] - ends[1]).T).max() < 0.01
    assert seen["weld"].touching.any()


def test_what_is_joined_does_not_collide_directly_or_by_way_of_others(seen: dict[str, Frames]) -> None:
    for a, b in ((BALL, BALL_2), (BALL, BALL_2 + 1)):
        assert touched(seen["apart"], ROOM, a, b)[1] and not touched(seen["joined"], ROOM, a, b).any()
    assert np.ptp(seen["apart"].x[60, 6:9, 0]) > 0.3  # pushed apart
    assert np.allclose(seen["joined"].x, seen["joined"].x[0], atol=1e-5)


def test_the_smaller_restitution_says_how_fast_a_ball_comes_back(seen: dict[str, Frames]) -> None:
    down = seen["bounce"].v[:, BALL, 1]
    first = int(np.argmax(down > 0))
    assert down[first] / -down[first - 1] == pytest.approx(0.6, abs=0.15)  # what overlapped comes back as speed, too
    assert seen["dead"].v[:, BALL, 1].max() < 0.8  # of which the bounce from an overlap is all


def test_friction_holds_below_its_angle_and_gives_way_above(seen: dict[str, Frames]) -> None:
    held, slid = (
        np.linalg.norm(seen[name].x[:, SECOND] - seen[name].x[0, SECOND], axis=1) for name in ("holds", "slides")
    )
    assert held.max() < 0.01
    a = math.radians(SLIDES_AT + 4)
    pull = -GRAVITY * (math.sin(a) - 0.4 * math.sqrt(2) * math.cos(a))
    assert (slid[50] - 2 * slid[35] + slid[20]) / (15 * DT) ** 2 == pytest.approx(pull, rel=0.15)


def test_a_collision_keeps_momentum(seen: dict[str, Frames]) -> None:
    mass, flown = math.pi * np.array([0.3**2, 2 * 0.2**2]), seen["collision"].v[:55, 6:8, :2]
    assert touched(seen["collision"], ROOM, BALL, BALL_2)[:55].any()
    assert not seen["collision"].touching[:55, :-3].any()  # nothing but the two
    assert np.allclose(np.einsum("i,fic->fc", mass, flown), mass @ flown[0], atol=1e-5)
    energies = np.einsum("i,fic->f", mass, flown**2)
    assert energies[-1] < 0.8 * energies[0] and np.abs(flown[-1] - flown[0]).min() > 0.4


def test_a_mirrored_scene_has_the_mirrored_history(seen: dict[str, Frames]) -> None:
    there = np.asarray(machine.scene.shapes.active) & np.asarray(machine.scene.shapes.moves)
    mine, other = (
        np.concatenate([frames.x, frames.rotation[..., None], frames.v], axis=-1)[:90, there]
        for frames in (seen["machine"], mirrored_rows(seen["mirrored"]))
    )
    assert np.abs(mine - other).max() < 1e-3
    assert seen["machine"].touching[:90].any() and np.abs(mine[-1] - mine[0]).max() > 0.3


def test_a_scene_alone_moves_as_among_others_to_rounding(seen: dict[str, Frames]) -> None:
    alone = jax.jit(one(ROOM, 60))
    for name in ("machine", "weld", "collision"):
        frames = alone(*CASES[name].arrays())
        assert np.allclose(frames.x, seen[name].x[:61], atol=1e-4)
        assert np.allclose(frames.v, seen[name].v[:61], atol=1e-3)


@pytest.mark.parametrize("name", WIDENED)
def test_more_room_changes_nothing(seen: dict[str, Frames], tall: dict[str, Frames], name: str) -> None:
    small, large = seen[name], tall[name]
    kept = [0, 1, 2, 3, BOX, SECOND, 12, 13, 14]
    assert np.allclose(small.x[:61], large.x[:61, kept], atol=1e-3)
    assert np.array_equal(large.x[:, 6:12], np.zeros((STEPS + 1, 6, 2)))


def test_a_scene_may_have_no_circles(seen: dict[str, Frames]) -> None:
    level = Builder(Room(5, 0, 1, 1))
    level.box(2.5, 0.65, 0.5, 0.5)
    alone = histories({"rest": Case(level.scene())}, 30)["rest"]
    assert alone.touching.any() and np.allclose(alone.x[:, BOX], seen["rest"].x[:31, BOX], atol=1e-5)

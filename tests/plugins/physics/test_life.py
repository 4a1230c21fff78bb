"""What is earned and when it ends, what controllers sense and say, and that a controller can solve a level."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption, UnknownName
from alife.plugins.physics.builder import Builder
from alife.plugins.physics.control import Controller, act_on_sets, set_network
from alife.plugins.physics.level import PhysicsLevel
from alife.plugins.physics.life import Life, Rules, begin, decide_and_step, level_of
from alife.plugins.physics.observe import OBSERVATIONS, entities, observation, observation_size
from alife.plugins.physics.scene import BLUE, CHANNELS, GREEN, RED, Scene
from alife.plugins.physics.shipped import named_level
from alife.plugins.physics.sizes import SIZES, Pairs

ROOM = SIZES["M"]
PAIRS = Pairs(ROOM)
CONTROL = Controller("open_loop", "blind", "continuous", ROOM, PAIRS, 1)
TIMEOUT, DECISIONS = 150, 160
RULES = Rules(PAIRS, CONTROL, TIMEOUT, 0.1)
BOX, BALL = 4, 6


class Try(NamedTuple):
    """A scene, and what its six channels are told all the time; 9 = all that they can."""

    scene: Scene
    told: tuple[float, ...] = (0, 0, 0, 0, -9, -9)


def says(told: Any) -> dict[str, Any]:
    """An open loop that always says the same."""
    still = {name: jnp.zeros(CHANNELS) for name in ("amplitude", "frequency", "phase")}
    return {**still, "offset": jnp.asarray(told, jnp.float32)}


def meeting(goal: float = 0.0, death: float = 0.0, gravity: float = 0.0) -> Scene:
    """A green ball flies to the right, to blue or red balls in its way, at these places."""
    level = Builder(ROOM, gravity=gravity)
    level.ball(1, 3, 0.2, role=GREEN, velocity=(3, 0))
    if goal:
        level.ball(goal, 3, 0.2, role=BLUE, fixed=True)
    if death:
        level.ball(death, 3, 0.2, role=RED, fixed=True)
    return level.scene()


def both_at_once() -> Scene:
    level = Builder(ROOM, gravity=0)
    level.ball(1, 3, 0.2, role=GREEN, velocity=(3, 0))
    level.ball(2, 3.2, 0.2, role=BLUE, fixed=True)
    level.ball(2, 2.8, 0.2, role=RED, fixed=True)
    return level.scene()


def broken() -> Scene:
    scene = meeting(4.0)
    return scene._replace(gravity=jnp.array([0.0, jnp.nan]))


def wheels(**more: Any) -> Scene:
    level = Builder(ROOM, gravity=0)
    for i, (x, binding) in enumerate(((1, 0), (3, 2))):
        level.hinge(0, level.ball(x, 3, 0.3), x, 3, motor=True, binding=binding, **(more if i else {}))
    level.thruster(level.box(4, 2, 0.4, 0.4), 4, 2, 1.5708, power=0.01, binding=1)
    return level.scene()


TRIES = {
    "success": Try(meeting(2.5)),
    "death": Try(meeting(death=2.5)),
    "death first": Try(meeting(4.0, 2.0)),
    "both": Try(both_at_once()),
    "never": Try(meeting(gravity=-9.81)),
    "broken": Try(broken()),
    "first channel": Try(wheels(), (9, 0, 0, 0, 9, -9)),
    "third channel": Try(wheels(), (0, 0, -9, 0, -9, 9)),
    "auto": Try(wheels(auto=True), (0, 0, -9, 0, -9, -9)),
    "car": Try(named_level("car"), (-9, 0, 0, 0, -9, -9)),
    "idle car": Try(named_level("car")),
}


@pytest.fixture(scope="module")
def lives() -> dict[str, Life]:
    """All tries in one program; moment 0 is how they begin."""

    def live(scene: Scene, weights: Any) -> Life:
        level = level_of(scene, PAIRS)

        def step(life: Life, _: None) -> tuple[Life, Life]:
            return decide_and_step(life, level, weights, RULES), life

        return jax.lax.scan(step, begin(level, RULES), None, DECISIONS)[1]

    arrays = [(one.scene, says(one.told)) for one in TRIES.values()]
    batch = jax.tree.map(lambda *parts: jnp.stack(parts), *arrays)
    seen = jax.tree.map(np.asarray, jax.jit(jax.vmap(live))(*batch))
    return {name: jax.tree.map(lambda part, i=i: part[i], seen) for i, name in enumerate(TRIES)}


def end(life: Life) -> int:
    return int(np.argmax(life.done))


def test_green_that_touches_blue_earns_one_and_ends(lives: dict[str, Life]) -> None:
    life, at = lives["success"], end(lives["success"])
    # 1.1 m at 3 m/s are 22 physics steps, so that they overlap in the 23rd, which is of decision 12
    assert at == 12 and life.won[at] and not life.won[at - 1]
    assert life.earned[at] == pytest.approx(1, abs=0.02) and np.abs(life.earned[:at]).max() < 0.02
    assert life.distance[at - 1] == pytest.approx(1.5 - 3 * 22 / 60, abs=1e-4)


def test_a_decision_is_two_steps_of_physics(lives: dict[str, Life]) -> None:
    x = lives["success"].motion.x[:10, 0, BALL]
    assert np.allclose(x, 1 + 3 * 2 / 60 * np.arange(10), atol=1e-5)
    assert lives["success"].time[:10].tolist() == list(range(10))


def test_coming_nearer_earns_a_tenth_of_a_metre_but_not_at_first(lives: dict[str, Life]) -> None:
    life = lives["success"]
    assert life.earned[0] == 0 and life.earned[1] == 0
    assert np.allclose(life.earned[2:12], 0.1 * 3 * 2 / 60, atol=1e-5)


@pytest.mark.parametrize("name", ["death", "death first", "both"])
def test_red_costs_one_and_ends_and_wins_over_blue(lives: dict[str, Life], name: str) -> None:
    life, at = lives[name], end(lives[name])
    assert 5 < at < 30 and not life.won[at] and life.earned[at] == pytest.approx(-1, abs=0.02)


def test_time_runs_out_without_reward(lives: dict[str, Life]) -> None:
    life = lives["never"]
    assert end(life) == TIMEOUT and not life.won.any() and not life.earned.any() and not life.distance.any()


@pytest.mark.parametrize("name", ["success", "death", "never", "broken"])
def test_after_the_end_nothing_moves_and_nothing_is_earned(lives: dict[str, Life], name: str) -> None:
    life, at = lives[name], end(lives[name])
    assert life.done[at:].all() and not life.earned[at + 1 :].any()
    for part in jax.tree.leaves(life._replace(earned=None)):
        assert np.array_equal(
            part[at + 1 :], np.broadcast_to(part[at], part[at + 1 :].shape), equal_nan=part.dtype.kind == "f"
        )


def test_what_diverges_ends_with_nothing(lives: dict[str, Life]) -> None:
    life = lives["broken"]
    assert end(life) == 1 and np.isnan(life.motion.x[1]).any() and not life.earned.any() and not life.won.any()


def test_each_motor_and_thruster_hears_its_own_channel(lives: dict[str, Life]) -> None:
    def speeds(name: str) -> list[float]:
        v = lives[name].motion.v[40]
        return [float(v[2, BALL]), float(v[2, BALL + 1]), float(v[1, BOX])]

    up = 10 * 0.01 * 80 / 60 / 0.16
    assert speeds("first channel") == pytest.approx([6, 0, 0], abs=0.02)
    assert speeds("third channel") == pytest.approx([0, -6, up], abs=0.02)
    assert speeds("auto") == pytest.approx([0, 6, 0], abs=0.02)


def test_a_controller_drives_the_car_to_its_goal_and_none_does_not(lives: dict[str, Life]) -> None:
    car, idle = lives["car"], lives["idle car"]
    assert car.won[end(car)] and end(car) < TIMEOUT and car.earned.max() > 0.9
    assert not idle.won.any() and end(idle) == TIMEOUT and abs(idle.motion.x[-1, 0, BOX] - 1) < 0.05


# --- what is said


def channels(actions: str, *out: float) -> list[float]:
    controller = Controller("linear", "blind", actions, ROOM, PAIRS, 1)
    assert len(out) == controller.outputs
    return controller.channels(jnp.array(out, jnp.float32)).tolist()


def test_continuous_actions_are_squashed() -> None:
    assert channels("continuous", 0, 9, -9, 0.5, 9, -9) == pytest.approx([0, 1, -1, np.tanh(0.5), 1, 0], abs=1e-6)
    assert channels("continuous", 0, 0, 0, 0, 0, 0)[4] == 0.5


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (0, [-1, 0, 0, 0, 0, 0]),
        (7, [0, 0, 0, 1, 0, 0]),
        (8, [0] * 6),
        (9, [0, 0, 0, 0, 1, 0]),
        (10, [0, 0, 0, 0, 0, 1]),
    ],
)
def test_a_discrete_action_is_one_of_eleven(chosen: int, said: list[float]) -> None:
    assert channels("discrete", *np.eye(11)[chosen].tolist()) == said


def test_multi_discrete_actions_choose_for_each_channel() -> None:
    motors = [0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 3, 1]  # three for each
    assert channels("multi_discrete", *motors, 0, 1, 1, 0) == [1, -1, 0, 1, 1, 0]


def test_what_there_is_not_is_refused() -> None:
    for wrong in ({"controller": "mpl"}, {"senses": "eyes"}, {"actions": "all"}, {"hidden": 0}, {"timeout": 0}):
        with pytest.raises(BadOption):
            PhysicsLevel(**wrong)
    with pytest.raises(UnknownName, match="car"):
        PhysicsLevel("cart")


# --- what is sensed


def crew(order: tuple[int, ...] = (0, 1, 2)) -> Scene:
    """Two boxes and three balls, the balls in any order of slots."""
    level = Builder(ROOM)
    level.box(1, 0.595, 0.4, 0.4, role=GREEN, density=2, velocity=(0.5, -0.25))
    level.polygon(3, 2, [[-0.2, 0.1], [0.2, 0.1], [0, -0.2]], rotation=0.5)
    balls = [(1, 2, 0.2, BLUE), (2, 2, 0.15, RED), (1.5, 3, 0.1, 0)]
    slots = {one: level.ball(*balls[one][:3], role=balls[one][3]) for one in order}
    level.hinge(BOX, slots[0], 1, 1.5, motor=True, speed=2, limits=(-0.5, 0.25), binding=3)
    level.hinge(slots[0], slots[1], 1.5, 2, binding=1)
    level.thruster(slots[1], 2, 1.9, 0.5, power=3, binding=1)
    return level.scene()


@functools.lru_cache
def sensing() -> Any:
    vectors = [kind for kind in OBSERVATIONS if kind != "pixels"]

    def sense(scene: Scene) -> Any:
        level = level_of(scene, PAIRS)
        life = decide_and_step(begin(level, RULES), level, says([0] * 6), RULES)
        return life, {kind: observation(kind, life, level, PAIRS) for kind in vectors}, entities(life, level, PAIRS)

    return jax.jit(sense)


@pytest.fixture(scope="module")
def sensed() -> tuple[Life, dict[str, Any], dict[str, Any]]:
    return sensing()(crew())


def test_observations_have_their_sizes(sensed: tuple) -> None:
    assert observation_size("symbolic_flat", SIZES["S"]) == 140
    for kind, seen in sensed[1].items():
        assert seen.shape == (observation_size(kind, ROOM),) and jnp.isfinite(seen).all(), kind
    assert observation_size("pixels", ROOM) == 3 * 125**2 + 1


def test_flat_observations_say_what_they_should_where_they_should(sensed: tuple) -> None:
    life, vectors, _ = sensed
    flat, box = vectors["symbolic_flat"], vectors["symbolic_flat"][26:52]
    assert flat[:2].tolist() == pytest.approx([2.5, -4.8]) and flat[-1] == pytest.approx(-0.981)
    x = [*life.motion.x[:, BOX], *life.motion.v[:2, BOX], 1 / 0.32, 0, 2]
    inertia = 0.32 * (0.4**2 + 0.4**2) / 12
    x[5] = 1 / inertia
    assert np.allclose(box[:7], x, rtol=1e-4)
    assert box[8:12].tolist() == [0, 1, 0, 0] and box[16] == 0 and box[25] == 0  # green, a polygon of four corners
    assert flat[52 + 25] == 1  # a triangle
    balls = flat[78 : 78 + 54].reshape(3, 18)
    assert np.allclose(balls[:, 16], [0.2, 0.15, 0.1]) and (balls[:, 17] == 1).all()
    joint = flat[132 : 132 + 40]
    assert joint[:2].tolist() == [1, 0] and np.allclose(joint[8:10], [2, 1]) and joint[10:12].tolist() == [1, 1]
    assert joint[12:16].tolist() == [0, 0, 0, 1] and np.flatnonzero(joint[22:]).tolist() == [BOX, 9 + BALL]
    assert np.allclose(joint[16:20], [np.sin(-0.5), np.cos(-0.5), np.sin(0.25), np.cos(0.25)])
    assert joint[20] + joint[21] == pytest.approx(0.75)
    assert np.array_equal(vectors["symbolic_flat_padded"][: len(flat)], flat)
    assert vectors["symbolic_flat_padded"][len(flat) :].tolist() == [1, 1, 1, 1, 1, 1, 1, 1, 1, 0]
    assert np.flatnonzero(vectors["blind"]).tolist() == [1]


def test_proprioception_hears_the_joint_of_each_channel_and_where_the_goal_is(sensed: tuple) -> None:
    life, vectors, _ = sensed
    felt = vectors["proprioception"]
    angle = life.motion.rotation[BALL] - life.motion.rotation[BOX]
    assert felt[3] == pytest.approx(float(jnp.sin(angle)), abs=1e-6) and not felt[:3].any()
    goal = (life.motion.x[:, BALL] - life.motion.x[:, BOX]) / 5
    assert np.allclose(felt[18:20], goal, atol=1e-6)


def test_entities_know_who_is_there_joined_and_touching(sensed: tuple) -> None:
    sets = sensed[2]
    assert {name: sets[name][0].shape for name in ("circles", "polygons", "joints", "thrusters")} == {
        "circles": (3, 19), "polygons": (6, 27), "joints": (4, 22), "thrusters": (2, 8),
    }  # fmt: skip
    assert sets["joint_shapes"].tolist() == [[BOX, BALL], [BALL, BALL + 1], [BALL, BOX], [BALL + 1, BALL]]
    assert sets["thruster_shapes"][0] == BALL + 1 and sets["thrusters"][1].tolist() == [True, False]
    there, linked, direct, contact = np.asarray(sets["masks"])
    assert there.all()
    assert linked[BOX, BALL + 1] and linked[BOX, BALL] and not linked[BOX, 5] and not linked[0, BOX]
    assert direct[BOX, BALL] and direct[BALL, BOX] and not direct[BOX, BALL + 1]
    assert contact[0, BOX] and contact[BOX, 0] and contact.sum() == 2


def test_a_network_on_sets_does_not_care_about_the_order_of_slots(sensed: tuple) -> None:
    weights = set_network(jax.random.key(0), 5, CHANNELS)
    act = jax.jit(act_on_sets)
    said, other = act(weights, sensed[2]), act(weights, sensing()(crew((2, 0, 1)))[2])
    assert np.allclose(said, other, atol=1e-5) and np.abs(said).max() > 0.01
    changed = crew()._replace(gravity=jnp.array([0.0, -3.0]))
    assert np.abs(said - act(weights, sensing()(changed)[2])).max() > 1e-3

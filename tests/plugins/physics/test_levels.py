"""Our levels: their files, what is in them, that nobody solves them by doing nothing, and some that are solved."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.cli import run_command
from alife.plugins.physics.contacts import contacts
from alife.plugins.physics.control import Controller
from alife.plugins.physics.level import PhysicsLevel
from alife.plugins.physics.life import Rules, begin, decide_and_step, level_of
from alife.plugins.physics.our_levels import LEVELS
from alife.plugins.physics.padding import padded
from alife.plugins.physics.scene import BLUE, GREEN
from alife.plugins.physics.shipped import level_names, named_level
from alife.plugins.physics.sizes import SIZES, Pairs
from alife.worlds.engine import rollout

LARGE = SIZES["L"]
PAIRS = Pairs(LARGE)
RULES = Rules(PAIRS, Controller("open_loop", "proprioception", "continuous", LARGE, PAIRS, 1), 256, 0.1)
OFF = -50.0
"""Offset of a thruster's channel at which it gives nothing."""
SOLUTIONS = {}
"""Offsets, amplitudes, frequencies and phases of the six channels of open loops that were found."""
NAMES = list(LEVELS)


def stacked(trees):
    return jax.tree.map(lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves]), *trees)


@pytest.fixture(scope="module")
def scenes():
    """All levels, as their files have them."""
    return {name: named_level(name) for name in NAMES}


@pytest.fixture(scope="module")
def lives(scenes):
    """Each level with nothing done and with a random open loop, and those with a known solution: depths, sums, ends.

    One program for all, as in a batch of a search: levels differ from lane to lane.
    """
    still = {name: jnp.zeros(6) for name in ("amplitude", "frequency", "phase")}
    still["offset"] = jnp.array([0, 0, 0, 0, OFF, OFF])
    told = [still] * len(NAMES)
    told += [RULES.controller.params(key) for key in jax.random.split(jax.random.key(0), len(NAMES))]
    for numbers in SOLUTIONS.values():
        first = dict(zip(("offset", "amplitude", "frequency", "phase"), numbers, strict=True))
        told.append({name: still[name].at[0].set(number) for name, number in first.items()})
    played = stacked([padded(scenes[name], LARGE) for name in (*NAMES, *NAMES, *SOLUTIONS)])

    @jax.jit
    def run(scene, weights):
        level = jax.vmap(partial(level_of, pairs=PAIRS))(scene)
        first = jax.vmap(partial(begin, rules=RULES))(level)
        touching = jax.vmap(partial(contacts, pairs=PAIRS))(first.motion, level.prepared)
        step = jax.vmap(partial(decide_and_step, rules=RULES))

        def onward(carry):
            total, life, count = carry
            life = step(life, level, weights)
            return total + life.earned, life, count + 1

        start = jnp.zeros(len(first.time)), first, 0
        total, last, _ = jax.lax.while_loop(lambda c: ~c[1].done.all() & (c[2] < RULES.timeout), onward, start)
        return jnp.where(touching.active, touching.depth, 0), total, last

    return jax.tree.map(np.asarray, run(played, stacked(told)))


def test_there_are_twenty_levels():
    assert len(NAMES) == 20
    assert level_names() == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_what_its_function_builds(name, scenes):
    for a, b in zip(jax.tree.leaves(scenes[name]), jax.tree.leaves(LEVELS[name]()), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_level_is_a_task(name, scenes):
    scene = scenes[name]
    assert scene.room in SIZES.values()
    assert LEVELS[name].__doc__
    roles = np.asarray(scene.shapes.role)[np.asarray(scene.shapes.active)]
    assert (roles == GREEN).sum() == 1
    assert (roles == BLUE).sum() == 1
    joints, thrusters = scene.joints, scene.thrusters
    assert (joints.active & joints.motor_on & ~joints.fixed).any() or thrusters.active.any()


def test_no_shapes_overlap_at_the_start(lives):
    depth = lives[0][: len(NAMES)].max(1)
    assert {name: d for name, d in zip(NAMES, depth, strict=True) if d > 0.01} == {}


def test_who_does_nothing_solves_nothing(lives):
    won = lives[2].won[: len(NAMES)]
    assert [name for name, yes in zip(NAMES, won, strict=True) if yes] == []


def test_random_controllers_keep_every_level_finite(lives):
    _, total, last = lives
    assert np.isfinite(total).all()
    assert np.isfinite(last.motion.x).all()
    assert np.isfinite(last.motion.v).all()
    assert (last.time[last.won | ~last.done] <= RULES.timeout).all()


def test_known_controllers_solve_their_levels(lives):
    won = lives[2].won[2 * len(NAMES) :]
    assert dict(zip(SOLUTIONS, won.tolist(), strict=True)) == dict.fromkeys(SOLUTIONS, True)


def test_several_levels_are_the_lives_of_each_and_their_means():
    """A controller that sees sets of things fits levels of every size; each goes as it would alone in as much room."""
    names = ["car", "swing_up", "lander"]
    several = PhysicsLevel(names, controller="set", hidden=4)
    params = several.default_params(jax.random.key(0))
    together = rollout(several, jax.random.key(0), params, steps=40, frames=1, img_size=65)
    alone = [
        rollout(
            PhysicsLevel(name, controller="set", hidden=4, size="M"),
            jax.random.key(0),
            params,
            steps=40,
            frames=1,
            img_size=32,
        )
        for name in names
    ]
    for measure, value in together.measures.items():
        assert np.isclose(value, np.mean([one.measures[measure] for one in alone]), atol=2e-3), measure
    picture = np.asarray(together.frames[-1])
    for tile, one in zip([(0, 0), (0, 32), (32, 0)], alone, strict=True):
        part = picture[tile[0] : tile[0] + 31, tile[1] : tile[1] + 31]
        assert np.abs(part - np.asarray(one.frames[-1])[:31, :31]).mean() < 0.01
    assert (picture[32:, 32:] == 1).all()
    life = several.init_state(jax.random.key(0), params)
    touched = several.poke(life, params, jnp.array([0.1, 0.42]), jnp.float32(0.1), jnp.float32(1))
    pushed = np.abs(np.asarray(touched.motion.v - life.motion.v)).max((1, 2))
    assert pushed[0] > 1 and not pushed[1:].any()  # the car lies there, in the tile on the upper left


@pytest.mark.parametrize("level", ["[]", '["car", "maez"]'])
def test_what_names_no_level_is_refused(level, capsys):
    assert run_command(["run", "physics_level", "--set", f"options.level={level}", "--to", "x.png"]) == 2
    said = capsys.readouterr().err
    assert ("maze" if "maez" in level else "expected the name of a level") in said and "Traceback" not in said

"""Creatures: any numbers are a body that holds together, and those that evolved move as they are said to."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest

from alife.config import load_world
from alife.errors import BadOption, UnknownName
from alife.genotype import GenotypeSpace
from alife.plugins.physics.creature import PhysicsCreature
from alife.plugins.physics.joints import joints_of
from alife.plugins.physics.morphology import LARGEST, MASS, SMALLEST
from alife.plugins.physics.scene import GROUND
from alife.plugins.physics.sizes import WALLS
from alife.registry import default_registry

BODIES = 5


@pytest.fixture(scope="module")
def creature():
    return PhysicsCreature(bodies=BODIES, circles=2, thrusters=1)


@pytest.fixture(scope="module")
def lives(creature):
    """The lives of many random creatures, their genes three times as wide as the prior's."""

    def live(key):
        params = jax.tree.map(lambda x: 3 * x, creature.default_params(key))
        world = creature.express(params)
        start = creature.init_state(key, world)

        def step(state, _):
            state = creature.step_state(key, state, world)
            pivots = joints_of(state.motion, world["level"].prepared)
            at = state.motion.x.T[pivots.shapes] + pivots.arms
            gap = abs(at[:, 1] - at[:, 0]).max(axis=-1) * pivots.active
            return state, gap.max()

        end, gaps = jax.lax.scan(step, start, None, 256)
        return world["level"].scene, start, end, gaps.max(), creature.measures(end, world)

    return jax.jit(jax.vmap(live))(jax.random.split(jax.random.key(0), 96))


def test_all_numbers_are_a_creature_within_bounds(lives):
    scene, start, *_ = lives
    shapes = scene.shapes
    free = np.arange(shapes.role.shape[1]) >= WALLS
    there = np.asarray(shapes.active & free)
    assert (there.sum(axis=1) >= 1).all() and (there.sum(axis=1) <= BODIES).all()
    assert (scene.joints.active.sum(axis=1) == there.sum(axis=1) - 1).all()  # a tree
    polygons = shapes.n_vertices.shape[1]
    size = 2 * np.abs(shapes.vertices).max(axis=2)[there[:, :polygons]]
    assert (size > SMALLEST - 1e-5).all() and (size < LARGEST + 1e-5).all()
    height = start.motion.x[:, 1]
    assert np.asarray(height)[there].min() > GROUND


def test_creatures_hold_together_and_stay_finite(lives):
    _, _, end, gaps, measures = lives
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((end, measures)))
    assert np.mean(np.asarray(gaps) < 0.1) > 0.97
    assert (measures["mass"] >= MASS[0] * 0.99).all() and (measures["mass"] <= BODIES * MASS[1] * 1.01).all()


def test_limbs_in_pairs_are_mirror_images():
    creature = PhysicsCreature(bodies=5, circles=2, mirror=True)
    world = creature.express(creature.default_params(jax.random.key(4)))
    scene = world["level"].scene
    joints = scene.joints
    assert np.array_equal(joints.active[:2], joints.active[2:])
    assert np.allclose(joints.min_rotation[:2], -joints.max_rotation[2:], atol=1e-5)
    assert np.allclose(joints.motor_speed[:2], -joints.motor_speed[2:], atol=1e-5)


def test_a_network_can_say_the_genes():
    creature = PhysicsCreature(bodies=4, encoding="cppn")
    params = creature.default_params(jax.random.key(0))
    assert set(params["body"]) == {"hidden", "out"}
    assert creature.express(params)["level"].scene.shapes.active[WALLS:].any()


@pytest.mark.parametrize(
    ("world", "moved", "contact"), [("roller", (10, 20), (0.4, 0.8)), ("hopper", (1, 6), (0.2, 0.55))]
)
def test_what_evolved_moves_as_it_is_said_to(world, moved, contact):
    said = load_world(world, default_registry().horizons)
    creature = PhysicsCreature(**said.options)
    space = GenotypeSpace(creature, "physics_creature", said.genotype)

    @jax.jit
    def live(genotype):
        params = creature.express(space.unflatten(genotype))
        start = creature.init_state(jax.random.key(0), params)
        end = jax.lax.fori_loop(0, 256, lambda _, state: creature.step_state(jax.random.key(0), state, params), start)
        return creature.measures(end, params)

    measures = live(space.starts[0])
    assert moved[0] < measures["moved"] < moved[1]
    assert contact[0] < measures["ground_contact"] < contact[1]


def test_what_tears_apart_is_not_valid():
    """A creature that a search had found: its joints fail after a second or two, and its parts fly 25 metres."""
    creature = PhysicsCreature()
    space = GenotypeSpace(creature, "physics_creature")
    params = jax.jit(creature.express)(space.unflatten(np.load(Path(__file__).parent / "data" / "tears_apart.npy")))

    @jax.jit
    def live(steps):
        start = creature.init_state(jax.random.key(0), params)
        end = jax.lax.fori_loop(0, steps, lambda _, life: creature.step_state(jax.random.key(0), life, params), start)
        return creature.measures(end, params)

    sound = {steps: all(np.isfinite(value) for value in live(steps).values()) for steps in (5, 256)}
    assert sound == {5: True, 256: False}


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"terrain": "hils"}, UnknownName, "did you mean hills"),
        ({"task": "fly"}, UnknownName, "no task is called 'fly'"),
        ({"bodies": 1}, BadOption, "2 to 16"),
        ({"bodies": 6, "mirror": True}, BadOption, "an odd number"),
        ({"circles": 9}, BadOption, "circles is 9"),
        ({"controller": "brain"}, BadOption, "no controller is called 'brain'"),
        ({"timeout": 0}, BadOption, "timeout is 0"),
    ],
)
def test_bad_options_are_told(options, error, says):
    with pytest.raises(error, match=says):
        PhysicsCreature(**options)

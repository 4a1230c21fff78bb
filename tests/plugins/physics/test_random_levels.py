"""Random levels are levels: one green, one blue, something to drive; changes and mixtures of them are, too."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption, UnknownName
from alife.plugins.physics.chosen_level import chosen_level
from alife.plugins.physics.design import PhysicsDesign, closed
from alife.plugins.physics.edits import EDITS, mixed, settled, weights_of
from alife.plugins.physics.genotype import decoded, encoded
from alife.plugins.physics.level_check import check_scene
from alife.plugins.physics.locomotion import random_walker
from alife.plugins.physics.random_level import DICE, random_level
from alife.plugins.physics.scene import BLUE, GREEN, GROUND, RED, SIDE
from alife.plugins.physics.sizes import SIZES, WALLS, Pairs

ROOM = SIZES["M"]
PAIRS = Pairs(ROOM)
N = 64


@pytest.fixture(scope="module")
def levels():
    """Many random levels."""
    keys = jax.random.split(jax.random.key(0), N)
    return jax.jit(jax.vmap(lambda key: settled(random_level(key, ROOM), PAIRS)))(keys)


@pytest.fixture(scope="module")
def changed(levels):
    """Every kind of change of each of them, by name."""

    def all_changes(scene, key):
        dice = jax.random.uniform(key, (DICE,))
        return {name: settled(edit(dice, scene), PAIRS) for name, (edit, _) in EDITS.items()}

    return jax.jit(jax.vmap(all_changes))(levels, jax.random.split(jax.random.key(1), N))


def one(scenes, i):
    return jax.tree.map(lambda x: np.asarray(x[i]), scenes)


def count(scenes, role):
    return np.sum((scenes.shapes.role == role) & scenes.shapes.active, axis=1)


def is_level(scenes):
    """Every scene of many is one that a level file could hold, with one green and one blue shape."""
    for i in range(N):
        check_scene(one(scenes, i))
    free = scenes.shapes._replace(role=scenes.shapes.role[:, WALLS:], active=scenes.shapes.active[:, WALLS:])
    scenes = scenes._replace(shapes=free)
    return (count(scenes, GREEN) == 1).all() and (count(scenes, BLUE) == 1).all()


def test_a_random_level_has_one_green_one_blue_and_something_to_drive(levels):
    assert is_level(levels)
    motors = levels.joints.active & levels.joints.motor_on & ~levels.joints.fixed
    driven = motors.any(axis=1) | levels.thrusters.active.any(axis=1)
    assert driven.mean() > 0.95  # where nothing fits there is nothing
    assert 0 < count(levels, RED).sum() < N / 2  # floors
    assert len(np.unique(np.asarray(levels.joints.binding)[np.asarray(levels.joints.active)])) == 4


def test_every_change_leaves_a_level_and_some_scene_changed(levels, changed):
    for name, scenes in changed.items():
        assert is_level(scenes), name
        same = [np.array_equal(a, b) for a, b in zip(jax.tree.leaves(scenes), jax.tree.leaves(levels), strict=True)]
        assert not all(same), f"{name} never changes anything"


def test_changes_do_what_they_are_called(levels, changed):
    def shapes(scenes):
        return np.sum(np.asarray(scenes.shapes.active), axis=1)

    def joints(scenes):
        return np.sum(np.asarray(scenes.joints.active), axis=1)

    before = shapes(levels)
    assert set(shapes(changed["add_shape"]) - before) == {0, 1}
    assert -1 in set(shapes(changed["remove_shape"]) - before) <= {0, -1}
    assert set(joints(changed["add_connected"]) - joints(levels)) == {0, 1}
    assert -1 in set(joints(changed["remove_joint"]) - joints(levels)) <= {0, -1}
    assert (changed["change_gravity"].gravity[:, 1] <= 0).all()
    assert (count(changed["swap_roles"], GREEN) == count(levels, GREEN)).all()
    moved = changed["move"].shapes.position
    assert (moved[:, WALLS:] > -1).all() and (moved[:, WALLS:] < SIDE + 1).all()


def test_mixtures_of_two_levels_take_from_both(levels):
    others = jax.tree.map(lambda x: jnp.roll(x, 1, axis=0), levels)
    keys = jax.random.split(jax.random.key(2), N)
    children = jax.jit(jax.vmap(lambda key, a, b: decoded(encoded(mixed(key, a, b)), ROOM)))(keys, levels, others)
    assert is_level(children)
    at = np.asarray(children.shapes.position[:, WALLS:, 0])
    from_first = np.isclose(at, levels.shapes.position[:, WALLS:, 0], atol=1e-3)
    from_second = np.isclose(at, others.shapes.position[:, WALLS:, 0], atol=1e-3)
    assert from_first.any() and from_second.any() and (from_first.any(axis=1) & from_second.any(axis=1)).mean() > 0.3


def test_any_numbers_are_a_level(levels):
    """Ten thousand genotypes of large random numbers, all decoded to scenes whose shapes lie in the arena."""
    example = jax.eval_shape(lambda key: encoded(random_level(key, ROOM)), jax.random.key(0))
    leaves, tree = jax.tree.flatten(example)

    def decode(key):
        keys = jax.random.split(key, len(leaves))
        numbers = [4 * jax.random.normal(k, leaf.shape) for k, leaf in zip(keys, leaves, strict=True)]
        return decoded(jax.tree.unflatten(tree, numbers), ROOM)

    scenes = jax.jit(jax.vmap(decode))(jax.random.split(jax.random.key(3), 10_000))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(scenes))
    assert is_level(scenes)
    shapes = scenes.shapes
    free, position = np.asarray(shapes.active[:, WALLS:]), np.asarray(shapes.position[:, WALLS:])
    inside = (position > np.array([0, GROUND])) & (position < SIDE)
    assert inside[free].all()
    ends = [scenes.joints.a, scenes.joints.b]
    assert all(((end >= 0) & (end < ROOM.shapes)).all() for end in ends)
    shut = jax.jit(jax.vmap(lambda scene: closed(scene, PAIRS)))(jax.tree.map(lambda x: x[:256], scenes))
    assert shut.joints.active.sum() < scenes.joints.active[:256].sum()  # joints that cannot close are let go


def test_a_level_survives_its_genotype(levels):
    again = jax.vmap(lambda scene: decoded(encoded(scene), ROOM))(levels)
    there = np.asarray(levels.shapes.active)
    assert np.array_equal(again.shapes.active, there)
    for name in ("role", "moves", "density", "position"):
        kept, was = (np.asarray(getattr(scenes.shapes, name))[there] for scenes in (again, levels))
        assert np.allclose(kept, was, atol=0.05 if name == "position" else 1e-5), name
    assert np.array_equal(again.joints.active, levels.joints.active)


def test_random_walkers_stand_over_the_ground_on_joints_that_close():
    scenes = jax.jit(jax.vmap(random_walker))(jax.random.split(jax.random.key(0), N))
    assert is_level(scenes)
    joints, shapes = scenes.joints, scenes.shapes
    rows = np.arange(N)[:, None]
    ends = shapes.position[rows, joints.a] + joints.a_anchor - shapes.position[rows, joints.b] - joints.b_anchor
    assert np.abs(np.asarray(ends)[np.asarray(joints.active)]).max() < 1e-5
    low = np.where(shapes.active[:, WALLS:12], shapes.position[:, WALLS:12, 1], 9).min(axis=1)
    assert (low > GROUND).all() and (low < GROUND + 0.5).all()
    sides = shapes.position[:, 4, 0] < shapes.position[:, 12, 0]
    assert 0.25 < sides.mean() < 0.75  # the goal lies on the other side
    gap = jax.vmap(lambda key: random_walker(key, without=(0.8, 1.25)))(jax.random.split(jax.random.key(1), 8))
    ratio = gap.shapes.density[:, WALLS : WALLS + 5]
    assert not ((ratio > 0.81) & (ratio < 1.24)).any()


def test_a_level_that_is_drawn_by_a_word_is_worth_trying():
    scene = chosen_level("random:1", "S")
    assert scene.room == SIZES["S"] and is_level(jax.tree.map(lambda x: np.asarray(x)[None].repeat(N, 0), scene))
    assert chosen_level("walker:2").room == SIZES["L"]
    with pytest.raises(UnknownName, match="no size is called 'XL'"):
        chosen_level("random:1", "XL")


def test_weights_of_changes_are_checked():
    assert float(weights_of({"move": 0})[list(EDITS).index("move")]) == 0
    with pytest.raises(UnknownName, match="did you mean move"):
        weights_of({"moove": 1})
    with pytest.raises(BadOption, match="expected 0 or more"):
        weights_of({"move": -1})


def test_players_are_drawn_or_read_from_a_file(tmp_path):
    design = PhysicsDesign("S", players=2, hidden=4)
    flat = np.concatenate([np.asarray(x).reshape(2, -1) for x in jax.tree.leaves(design.players)], axis=1)
    np.save(tmp_path / "players.npy", flat)
    read = PhysicsDesign("S", players=str(tmp_path / "players.npy"), hidden=4)
    for mine, theirs in zip(jax.tree.leaves(design.players), jax.tree.leaves(read.players), strict=True):
        assert np.array_equal(mine, theirs)
    with pytest.raises(BadOption, match="one finite genotype of"):
        PhysicsDesign("S", players=str(tmp_path / "players.npy"), hidden=5)
    with pytest.raises(BadOption, match="cannot be read"):
        PhysicsDesign("S", players=str(tmp_path / "none.npy"))

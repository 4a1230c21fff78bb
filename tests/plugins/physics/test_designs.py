"""Levels that evolve with those who solve them: what changes, what is handed over, and who solves what."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.genotype import GenotypeSpace
from alife.plugins.physics.builder import Builder
from alife.plugins.physics.control import Hand
from alife.plugins.physics.design import PhysicsDesign
from alife.plugins.physics.level import PhysicsLevel
from alife.plugins.physics.life import SQUARE, Rules, begin, decide_and_step, level_of
from alife.plugins.physics.measures import measured
from alife.plugins.physics.mirroring import mirror_limb
from alife.plugins.physics.random_level import DICE
from alife.plugins.physics.scene import CHANNELS, GREEN, Scene
from alife.plugins.physics.shipped import named_level
from alife.plugins.physics.sizes import Pairs
from alife.plugins.physics.trial import transfer
from alife.worlds.engine import rollout

STEPS, N = 120, 32


@pytest.fixture(scope="module")
def pairs() -> PhysicsDesign:
    return PhysicsDesign("S", players=2, solver=True, hidden=4, timeout=STEPS)


@pytest.fixture(scope="module")
def genotypes(pairs: PhysicsDesign) -> Any:
    return jax.jit(jax.vmap(pairs.default_params))(jax.random.split(jax.random.key(0), N))


def rows(tree: Any) -> np.ndarray:
    return np.concatenate([np.asarray(leaf).reshape(len(leaf), -1) for leaf in jax.tree.leaves(tree)], axis=1)


def test_either_the_level_or_its_solver_changes(pairs: PhysicsDesign, genotypes: Any) -> None:
    young = jax.jit(jax.vmap(pairs.mutate))(jax.random.split(jax.random.key(1), N), genotypes)
    level = (rows(young["level"]) != rows(genotypes["level"])).any(1)
    solver = (rows(young["solver"]) != rows(genotypes["solver"])).any(1)
    assert not (level & solver).any() and 8 < solver.sum() < 24 and level.any()
    assert 0.1 < (rows(young["solver"]) - rows(genotypes["solver"]))[solver].std() < 0.2


def test_a_mixture_may_be_a_level_for_another_ones_solver(pairs: PhysicsDesign, genotypes: Any) -> None:
    others = jax.tree.map(lambda x: jnp.roll(x, 1, axis=0), genotypes)
    young = jax.jit(jax.vmap(pairs.crossover))(jax.random.split(jax.random.key(2), N), genotypes, others)
    came_over = (rows(young["solver"]) == rows(others["solver"])).all(1)
    stayed = (rows(young["solver"]) == rows(genotypes["solver"])).all(1)
    assert (came_over ^ stayed).all() and 8 < came_over.sum() < 24
    same_level = (rows(young["level"]) == rows(genotypes["level"])).all(1)
    assert same_level[came_over].all() and not same_level[stayed].all()


def test_who_solves_what_is_what_a_life_shows(pairs: PhysicsDesign, genotypes: Any) -> None:
    """The diagonal of a transfer table is the measure `solves`, and random solvers do not all do the same."""
    levels = jax.jit(jax.vmap(pairs.express))(genotypes).level
    table = np.asarray(jax.jit(lambda a, b: transfer(a, b, pairs.rules))(levels, genotypes["solver"]))
    assert table.shape == (N, N) and set(np.unique(table)) == {0.0, 1.0}
    depends = (table.min(1) < table.max(1)).nonzero()[0]  # levels that some solve, and some do not
    assert len(depends)
    for i in depends[:3]:
        params = jax.tree.map(lambda x, i=i: x[i], genotypes)
        ended = rollout(pairs, jax.random.key(0), params, steps=STEPS, frames=1, img_size=16)
        measures = {name: float(value) for name, value in ended.measures.items()}
        assert measures["solves"] == table[i, i]
        assert measures["fair"] == measures["solves"] * (measures["idle_solves"] == 0) * (measures["others_solve"] < 1)


def test_levels_change_by_their_own_kinds_of_change() -> None:
    for design in (PhysicsDesign("S"), PhysicsDesign("S", solver=True)):
        space = GenotypeSpace(design, "physics_design")
        assert space.mixes and not space.blends


def car(angle: float = 0.0) -> tuple[Scene, int, int]:
    """The car with one wheel, its body turned; and the numbers of its body and of the wheel."""
    scene = named_level("car")
    shapes, joints = scene.shapes, scene.joints
    body = int(np.flatnonzero(np.asarray(shapes.role) == GREEN)[0])
    wheel, other = int(joints.b[0]), int(joints.b[1])
    scene = scene._replace(
        shapes=shapes._replace(active=shapes.active.at[other].set(False), rotation=shapes.rotation.at[body].set(angle)),
        joints=joints._replace(active=joints.active.at[1].set(False)),
    )
    return scene, body, wheel


@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_a_limb_gets_a_twin_on_the_other_side(angle: float) -> None:
    scene, body, wheel = car(angle)
    made = jax.jit(mirror_limb)(jnp.zeros(DICE), scene)
    (twin,) = np.flatnonzero(np.asarray(made.shapes.active & ~scene.shapes.active))
    (joint,) = np.flatnonzero(np.asarray(made.joints.active & ~scene.joints.active))
    across = np.array([np.cos(angle), np.sin(angle)])
    one, other = (np.asarray(made.shapes.position[i] - made.shapes.position[body]) for i in (wheel, twin))
    assert np.allclose(other @ across, -(one @ across), atol=1e-6)
    assert np.allclose(other - other @ across * across, one - one @ across * across, atol=1e-6)
    assert (int(made.joints.a[joint]), int(made.joints.b[joint])) == (body, twin)
    assert made.joints.motor_speed[joint] == -made.joints.motor_speed[0]
    assert made.shapes.radius[twin - scene.room.polygons] == scene.shapes.radius[wheel - scene.room.polygons]
    assert np.array_equal(made.shapes.role, scene.shapes.role)


def test_without_room_nothing_gets_a_twin() -> None:
    scene = named_level("car")
    made = mirror_limb(jnp.zeros(DICE), scene)
    assert all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(made), jax.tree.leaves(scene), strict=True))


def test_a_touch_pushes_away_and_draws_near() -> None:
    level = PhysicsLevel("car", hidden=4)
    life = level.init_state(jax.random.key(0), None)
    scene = level.level.scene
    body = int(np.flatnonzero(np.asarray(scene.shapes.role) == GREEN)[0])
    x, y = np.asarray(scene.shapes.position[body]) / 5
    right_of_it = jnp.array([x + 0.1, 1 - y])
    pushed, drawn = (level.poke(life, None, right_of_it, jnp.float32(0.1), jnp.float32(s)) for s in (1, -1))
    assert pushed.motion.v[0, body] < -1 and drawn.motion.v[0, body] > 1
    assert abs(float(pushed.motion.v[1, body])) < 1e-5
    still = np.asarray(level.level.prepared.inverse_mass) == 0
    assert not np.asarray(pushed.motion.v)[:, still].any()


def test_coverage_and_transport_are_what_they_say() -> None:
    """In a second green flies over two metres, and back over the same squares; a loose ball drifts by half a metre."""
    for speed, there, squares in ((2.0, 30, {4, 5}), (2.0, 15, {2, 3})):
        built = Builder("S", gravity=0)
        built.ball(1.25, 3.25, 0.2, role=GREEN, velocity=(speed, 0))
        built.ball(4, 1, 0.2, velocity=(0, 0.5))
        scene = built.scene()
        pairs = Pairs(scene.room)
        level, rules = level_of(scene, pairs), Rules(pairs, Hand(), 0, 0.0)
        step = jax.jit(lambda life, level=level, rules=rules: decide_and_step(life, level, jnp.zeros(CHANNELS), rules))
        life = begin(level, rules)
        for i in range(30):
            if i == there:
                life = life._replace(motion=life.motion._replace(v=life.motion.v.at[0].multiply(-1)))
            life = step(life)
        measures = measured(life, level)
        assert float(measures["coverage"]) / SQUARE**2 in squares
        assert abs(float(measures["transported"]) - 0.5) < 0.02

"""Scenes that are put together by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alife.errors import BadOption
from alife.plugins.physics.builder import Builder
from alife.plugins.physics.scene import areas, masses


def test_a_scene_stays_as_it_was_while_more_is_built() -> None:
    level = Builder("M")
    box = level.box(1, 1, 0.5, 0.5)
    before = level.scene()
    level.hinge(box, level.ball(1, 1, 0.2), 1, 1)
    level.floor(role=3)
    assert np.flatnonzero(before.shapes.active).tolist() == [0, 1, 2, 3, box]
    assert int(before.shapes.role[0]) == 0 and not before.joints.active.any()
    assert level.scene().joints.active.tolist() == [True, False]


def test_anchors_are_the_same_point_of_the_world_on_both_shapes() -> None:
    level = Builder("M")
    a, b = level.box(1, 2, 0.6, 0.2, rotation=0.5), level.box(1.4, 2.2, 0.4, 0.3, rotation=-1)
    level.hinge(a, b, 1.2, 2.15)
    scene = level.scene()
    for i, anchor in ((a, scene.joints.a_anchor[0]), (b, scene.joints.b_anchor[0])):
        cos, sin = math.cos(scene.shapes.rotation[i]), math.sin(scene.shapes.rotation[i])
        point = np.array([[cos, -sin], [sin, cos]]) @ np.asarray(anchor) + np.asarray(scene.shapes.position[i])
        assert np.allclose(point, [1.2, 2.15], atol=1e-6)
    assert float(scene.joints.rotation[0]) == pytest.approx(-1.5)


def test_a_thruster_keeps_its_direction_in_the_world() -> None:
    level = Builder("S")
    level.thruster(level.box(1, 2, 0.6, 0.2, rotation=0.5), 1, 1.9, math.pi / 2, power=1)
    assert float(level.scene().thrusters.rotation[0]) == pytest.approx(math.pi / 2 - 0.5)


def test_a_corner_that_is_off_the_middle_moves_the_frame_and_not_the_shape() -> None:
    level = Builder("S")
    i = level.polygon(1, 1, [[0, 0.3], [0.6, 0.3], [0.6, 0], [0, 0]], density=2)
    shapes = level.scene().shapes
    assert np.allclose(shapes.position[i], [1.3, 1.15]) and np.allclose(shapes.vertices[i, 0], [-0.3, 0.15])
    assert float(areas(shapes.vertices, shapes.n_vertices)[i]) == pytest.approx(0.18)
    mass = masses(shapes)
    assert 1 / float(mass.inverse_mass[i]) == pytest.approx(0.36)
    assert 1 / float(mass.inverse_inertia[i]) == pytest.approx(0.36 * (0.6**2 + 0.3**2) / 12)


def test_what_does_not_fit_and_what_a_shape_has_not_is_refused() -> None:
    level = Builder("S")
    level.box(1, 1, 0.5, 0.5)
    with pytest.raises(BadOption, match="room for 5 polygons; choose a larger size"):
        level.box(2, 1, 0.5, 0.5)
    with pytest.raises(BadOption, match="a shape has no 'colour'"):
        level.ball(2, 1, 0.5, colour=1)

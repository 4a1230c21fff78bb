"""Scenes and histories seen in a mirror: left and right change places."""

from __future__ import annotations

import math

import numpy as np

from alife.plugins.physics.scene import SIDE

from .runs import Case, Frames


def mirrored(case: Case) -> Case:
    """The same scene the other way round; motors are told the opposite."""
    scene = case.scene
    shapes, joints, thrusters = scene.shapes, scene.joints, scene.thrusters
    flip = np.array([-1, 1])
    corners = np.asarray(shapes.vertices).copy()
    for i, count in enumerate(np.asarray(shapes.n_vertices)):
        corners[i, :count] = corners[i, :count][::-1] * flip  # clockwise again
    return Case(
        scene._replace(
            shapes=shapes._replace(
                position=np.asarray(shapes.position) * flip + np.array([SIDE, 0]),
                rotation=-shapes.rotation,
                velocity=shapes.velocity * flip,
                angular_velocity=-shapes.angular_velocity,
                vertices=corners,
            ),
            joints=joints._replace(
                a_anchor=joints.a_anchor * flip,
                b_anchor=joints.b_anchor * flip,
                rotation=-joints.rotation,
                min_rotation=-joints.max_rotation,
                max_rotation=-joints.min_rotation,
            ),
            thrusters=thrusters._replace(anchor=thrusters.anchor * flip, rotation=math.pi - thrusters.rotation),
        ),
        -np.asarray(case.motors),
        case.thrusts,
    )


def mirrored_rows(frames: Frames) -> Frames:
    return frames._replace(x=frames.x * [-1, 1] + [SIDE, 0], rotation=-frames.rotation, v=frames.v * [-1, 1, -1])

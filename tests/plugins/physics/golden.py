"""Scenes without exact ties, whose histories in Jax2D are kept in data/jax2d.npz; `data/make_jax2d.py` wrote it."""

from __future__ import annotations

from pathlib import Path

from alife.plugins.physics.builder import Builder

from .runs import Case

FILE = Path(__file__).parent / "data" / "jax2d.npz"
STEPS = 40


def free() -> Case:
    """Three balls and two boxes that fly and spin."""
    level = Builder("M")
    level.box(1, 3, 0.4, 0.2, rotation=0.3, velocity=(0.7, 1.2), angular_velocity=4.0)
    level.polygon(4, 3.5, [[-0.2, 0.1], [0.3, 0.1], [0.1, -0.2]], velocity=(-0.5, 0), angular_velocity=-7.0, density=2)
    level.ball(2.5, 4, 0.2, velocity=(0, 2.5))
    return Case(level.scene())


def tilted() -> Case:
    """A tilted box falls on its corner."""
    level = Builder("M")
    level.box(2.2, 0.85, 0.5, 0.4, rotation=0.4, velocity=(0.3, -1))
    return Case(level.scene())


def triangle() -> Case:
    """A tilted triangle slides down a fixed slope."""
    level = Builder("M")
    level.box(2.5, 1.2, 3, 0.2, rotation=-0.5, fixed=True, friction=0.4)
    level.polygon(1.9, 2.2, [[-0.2, 0.2], [0.2, 0.15], [0.1, -0.2]], rotation=0.1, friction=0.3)
    return Case(level.scene())


def bounce() -> Case:
    """A spinning ball bounces off a plate."""
    level = Builder("M")
    level.box(2.5, 0.7, 2, 0.2, rotation=0.05, fixed=True, restitution=0.7)
    level.ball(2.3, 1.4, 0.21, restitution=0.8, velocity=(0.4, -1), angular_velocity=3.0)
    return Case(level.scene())


def balls() -> Case:
    """Two balls meet in the air."""
    level = Builder("M")
    level.ball(1.5, 3, 0.3, velocity=(3, 1.5), restitution=0.5)
    level.ball(3.2, 3.3, 0.2, velocity=(-1, 1), density=3, restitution=0.6, friction=0.5)
    return Case(level.scene())


def pendulum() -> Case:
    """A box hangs on a hinge at its end, and starts level."""
    level = Builder("M")
    level.hinge(0, level.box(3, 3, 1, 0.2), 2.5, 3)
    return Case(level.scene())


def motor() -> Case:
    """A motor turns a ball against a box, both of them free, and another an arm on the wall."""
    level = Builder("M")
    hull, wheel = level.box(2, 3, 0.6, 0.2, rotation=0.1), level.ball(2.1, 2.9, 0.15)
    level.hinge(hull, wheel, 2.1, 2.9, motor=True, speed=2.0, power=0.5)
    level.hinge(0, level.box(4, 3, 0.6, 0.1, rotation=0.2), 3.7, 3, motor=True, speed=0.5)
    return Case(level.scene(), motors=(1.0, -0.7))


def limited() -> Case:
    """One motor drives an arm into its limit, another has fallen beyond its own."""
    level = Builder("M")
    level.hinge(0, level.box(1.5, 3, 0.7, 0.12), 1.2, 3, motor=True, limits=(-0.4, 0.6))
    level.hinge(0, level.box(3.5, 3, 0.7, 0.12), 3.2, 3, motor=True, limits=(-0.5, 0.3), power=0.2)
    return Case(level.scene(), motors=(1.0, 0.0))


def thruster() -> Case:
    """One thruster lifts a box off its middle, another pushes a ball."""
    level = Builder("M")
    hull, ball = level.box(2, 2, 0.5, 0.3, rotation=-0.2), level.ball(3.5, 3, 0.2)
    level.thruster(hull, 2.1, 1.9, 1.4, power=0.5)
    level.thruster(ball, 3.4, 2.9, 0.6, power=0.3)
    return Case(level.scene(), thrusts=(0.9, 0.5))


def fixed() -> Case:
    """Two boxes that are one tumble through the air."""
    level = Builder("M")
    a, b = level.box(2, 2.9, 0.6, 0.2, rotation=0.4, velocity=(0, 2)), level.box(2.5, 3.2, 0.3, 0.3, rotation=0.1)
    level.weld(a, b, 2.3, 3.05)
    return Case(level.scene())


def car() -> Case:
    """A body on two driven wheels comes down and drives."""
    level = Builder("M")
    hull, back, front = level.box(1, 0.75, 0.8, 0.2), level.ball(0.7, 0.63, 0.2), level.ball(1.3, 0.61, 0.18)
    for wheel, x, y in ((back, 0.7, 0.63), (front, 1.3, 0.61)):
        level.hinge(hull, wheel, x, y, motor=True)
    return Case(level.scene(), motors=-1.0)


FREE = {make.__name__: make() for make in (free, pendulum, motor, limited, thruster, fixed)}
"""Nothing touches anything."""
TOUCHING = {make.__name__: make() for make in (tilted, triangle, bounce, balls, car)}
CASES = FREE | TOUCHING

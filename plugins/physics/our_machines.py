"""Levels of our own in which machines fly, throw, lift and turn; the other half is in `our_levels`."""

from __future__ import annotations

import math
from collections.abc import Callable

from .builder import Builder
from .parts import FLOOR, bar, block
from .scene import BLUE, GREEN, GROUND, RED, Scene


def lander() -> Scene:
    """A falling craft with two engines; it flies over to the pad and must not touch the ground."""
    level = Builder("M")
    level.floor(RED)
    craft = level.polygon(
        0.9, 4.0, [(-0.16, 0.18), (0.16, 0.18), (0.34, -0.16), (-0.34, -0.16)], role=GREEN, velocity=(0.5, 0.0)
    )
    for x, binding in ((0.66, 0), (1.14, 1)):
        level.thruster(craft, x, 3.84, math.pi / 2, power=0.14, binding=binding)
    block(level, 3.4, 4.5, GROUND, 0.6, role=BLUE)
    return level.scene()


def rocket() -> Scene:
    """A rocket whose engine swivels; it takes off and flies around the red sun to the planet."""
    level = Builder("M")
    hull = level.polygon(0.9, 1.0, [(-0.05, 0.42), (0.05, 0.42), (0.17, -0.38), (-0.17, -0.38)], role=GREEN)
    nozzle = level.polygon(0.9, 0.58, [(-0.07, 0.1), (0.07, 0.1), (0.13, -0.1), (-0.13, -0.1)])
    level.hinge(hull, nozzle, 0.9, 0.66, motor=True, speed=0.5, limits=(-0.4, 0.4))
    level.thruster(nozzle, 0.9, 0.52, math.pi / 2, power=0.55)
    level.ball(2.6, 2.7, 0.4, role=RED, fixed=True)
    level.ball(4.2, 4.2, 0.35, role=BLUE, fixed=True)
    return level.scene()


def maze() -> Scene:
    """A craft with two engines and no weight; it finds its way around two walls to the ball."""
    level = Builder("L", gravity=0.0)
    craft = level.polygon(0.75, 1.0, [(-0.2, 0.2), (0.2, 0.1), (0.2, -0.1), (-0.2, -0.2)], role=GREEN)
    craft_back = 0.55
    for y, binding in ((1.13, 0), (0.87, 1)):
        level.thruster(craft, craft_back, y, 0.0, power=0.04, binding=binding)
    block(level, 1.55, 1.75, GROUND, 3.2)
    block(level, 3.25, 3.45, 2.2, 5.0)
    level.ball(4.3, 4.2, 0.3, role=BLUE, fixed=True)
    return level.scene()


def thrower() -> Scene:
    """An arm with a ball on its hand; it throws the ball on to the high table."""
    level = Builder("L")
    pivot, hand = (1.25, 1.2), (0.4, 1.0)
    block(level, 1.1, 1.4, GROUND, 1.25)
    arm = bar(level, pivot, hand, 0.1)
    level.hinge(4, arm, *pivot, motor=True, speed=2.0, power=2.0, limits=(-2.2, 0.05))
    finger = bar(level, (0.32, 1.03), (0.27, 1.25), 0.08)
    level.weld(arm, finger, *hand)
    level.ball(0.54, 1.25, 0.15, role=GREEN)
    block(level, 4.1, 4.3, GROUND, 1.6)
    block(level, 3.7, 4.7, 1.6, 1.75, role=BLUE)
    return level.scene()


def catapult() -> Scene:
    """A weight on a ledge above a plank; it pushes itself off and throws the ball up to the bell."""
    level = Builder("L")
    pivot, half = (2.3, 0.95), 1.35
    slope = math.asin((pivot[1] - FLOOR - 0.05) / half)
    across, up = (half - 0.05) * math.cos(slope), (half - 0.05) * math.sin(slope)
    left, right = (pivot[0] - across, pivot[1] - up), (pivot[0] + across, pivot[1] + up)
    plank = bar(level, left, right, 0.1)
    stand = level.polygon(2.3, GROUND, [(0, 0.55), (0.3, 0), (-0.3, 0)], fixed=True)
    level.hinge(stand, plank, *pivot)
    aside, above = -math.sin(slope), math.cos(slope)
    stop = bar(level, left, (left[0] + 0.22 * aside, left[1] + 0.22 * above), 0.08)
    level.weld(plank, stop, *left)
    at = left[0] + 0.21 * math.cos(slope), left[1] + 0.21 * math.sin(slope)
    level.ball(at[0] + 0.215 * aside, at[1] + 0.215 * above, 0.16, role=GREEN, density=0.5)
    block(level, 3.7, 5.0, 3.0, 3.15, friction=0.2)
    weight = level.box(4.1, 3.36, 0.4, 0.4, density=10.0, friction=0.2)
    level.thruster(weight, 4.3, 3.36, math.pi, power=0.5)
    level.ball(2.55, 4.2, 0.4, role=BLUE, fixed=True)
    return level.scene()


def gears() -> Scene:
    """Two gears of four teeth; the driven one turns the other, which sweeps the ball off its shelf to the blue side."""
    level = Builder("L")
    level.floor(RED)
    for x, turned, driven in ((2.2, math.pi / 4, False), (3.05, 0.0, True)):
        teeth = [level.box(x, 2.4, 1.2, 0.14, rotation=turned + more) for more in (0, math.pi / 2)]
        hub = level.ball(x, 2.4, 0.16, fixed=True)
        level.weld(teeth[0], teeth[1], x, 2.4)
        level.hinge(hub, teeth[0], x, 2.4, motor=driven, speed=0.7)
    level.ball(2.2, 1.8, 0.15, role=GREEN)
    block(level, 1.4, 3.0, 1.5, 1.65)
    block(level, 0.0, 1.1, GROUND, 0.6, role=BLUE)
    return level.scene()


def flipper() -> Scene:
    """A pinball table; the two flippers send the ball up to the target, and it must not drop out."""
    level = Builder("L", gravity=-3.0)
    level.floor(RED)
    for side, binding, limits in ((1, 0, (-0.05, 0.9)), (-1, 1, (-0.9, 0.05))):
        x = 2.5 - 2.5 * side
        guide = bar(level, (x + 0.1 * side, 1.9), (x + 1.45 * side, 1.1), 0.12, fixed=True)
        root = (x + 1.45 * side, 1.1)
        arm = bar(level, root, (x + 2.2 * side, 0.8), 0.12)
        level.hinge(guide, arm, *root, motor=True, speed=2.0, power=2.0, limits=limits, binding=binding)
    level.ball(1.0, 3.6, 0.13, role=GREEN)
    level.ball(2.5, 4.2, 0.35, role=BLUE, fixed=True)
    return level.scene()


def crane() -> Scene:
    """An arm of two joints with a load on a rope; it sets the load on the truck behind the red wall."""
    level = Builder("L")
    shoulder, elbow, top, load = (1.0, 1.6), (1.3, 2.9), (2.2, 3.3), (2.2, 2.6)
    tower = block(level, 0.75, 1.25, GROUND, 1.7)
    upper, lower = bar(level, shoulder, elbow, 0.16), bar(level, elbow, top, 0.12)
    level.hinge(tower, upper, *shoulder, motor=True, speed=0.3, power=3.0, limits=(-1.3, 0.6))
    level.hinge(upper, lower, *elbow, motor=True, speed=0.3, power=3.0, limits=(-1.6, 0.6), binding=1)
    rope = bar(level, top, load, 0.05)
    level.hinge(lower, rope, *top)
    level.weld(rope, level.ball(*load, 0.16, role=GREEN, density=0.5), *load)
    block(level, 2.6, 2.8, GROUND, 1.5, role=RED)
    block(level, 3.1, 4.2, GROUND, 0.7, role=BLUE)
    return level.scene()


def wrecking_ball() -> Scene:
    """A heavy ball on a boom; it swings until it knocks the green block off its tower on to the blue ground."""
    level = Builder("L")
    level.floor(BLUE)
    top, middle, end = (1.6, 4.3), (1.6, 3.0), (1.6, 1.5)
    roof = block(level, 1.3, 1.9, 4.3, 5.0)
    boom, rope = bar(level, top, middle, 0.1), bar(level, middle, end, 0.06)
    level.hinge(roof, boom, *top, motor=True, speed=0.5, power=2.0)
    level.hinge(boom, rope, *middle)
    level.weld(rope, level.ball(*end, 0.3, density=2.0), *end)
    for k in range(4):
        level.box(2.9, GROUND + 0.2 + 0.4 * k, 0.5, 0.4, role=GREEN if k == 3 else 0)
    return level.scene()


MACHINES: dict[str, Callable[[], Scene]] = {
    "lander": lander,
    "rocket": rocket,
    "maze": maze,
    "thrower": thrower,
    "catapult": catapult,
    "gears": gears,
    "flipper": flipper,
    "crane": crane,
    "wrecking_ball": wrecking_ball,
}
"""Name of a level: what builds it."""

"""Twenty levels of our own, built by hand; `python -m alife.plugins.physics.our_levels` writes their files.

In all of them green is to touch blue and must not touch red; what does nothing fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from .builder import Builder
from .level_file import write_level
from .our_machines import MACHINES
from .parts import FLOOR, bar, block, car, limb
from .scene import BLUE, GREEN, GROUND, RED, Scene
from .shipped import FOLDER


def drive() -> Scene:
    """A car on two wheels; it drives to the ball."""
    level = Builder("M")
    car(level, 1.0, GROUND)
    level.ball(4.3, 0.65, 0.25, role=BLUE, fixed=True)
    return level.scene()


def unicycle() -> Scene:
    """A cone that stands on one driven wheel; it rides to the lamp and must not fall."""
    level = Builder("S")
    level.floor(RED)
    corners = [(-0.2, 0.5), (0.2, 0.5), (0.06, -0.5), (-0.06, -0.5)]
    body = level.polygon(1.8, 1.16, corners, role=GREEN)
    wheel = level.ball(1.8, FLOOR + 0.25, 0.25, friction=2.0)
    level.hinge(body, wheel, 1.8, FLOOR + 0.25, motor=True)
    level.ball(4.1, 1.6, 0.25, role=BLUE, fixed=True)
    return level.scene()


def cart_pole() -> Scene:
    """A pole with a green tip that leans on a cart; the cart carries it upright to the lamp."""
    level = Builder("L")
    level.floor(RED)
    lean, foot, top = 0.04, (1.9, FLOOR + 0.3), 1.2
    tip = foot[0] + top * math.sin(lean), foot[1] + top * math.cos(lean)
    cart = level.box(foot[0], foot[1], 0.8, 0.16, density=0.5)  # so that the pole is felt: the heaviest shape
    for x in (1.65, 2.15):
        level.hinge(cart, level.ball(x, FLOOR + 0.15, 0.15, friction=2.0), x, FLOOR + 0.15, motor=True, speed=2.0)
    pole = bar(level, foot, tip, 0.08)
    level.hinge(cart, pole, *foot)
    level.weld(pole, level.ball(*tip, 0.14, role=GREEN), *tip)
    level.ball(4.2, 1.9, 0.25, role=BLUE, fixed=True)
    return level.scene()


def swing_up() -> Scene:
    """A club that hangs from a motor too weak to lift it; it gathers swing and rings the bell above."""
    level = Builder("S")
    club = level.polygon(2.5, 1.65, [(-0.06, 0.8), (0.06, 0.8), (0.14, -0.8), (-0.14, -0.8)], role=GREEN)
    hub = level.ball(2.5, 2.4, 0.16, fixed=True)
    level.hinge(hub, club, 2.5, 2.4, motor=True, power=0.05)
    level.ball(2.5, 4.2, 0.3, role=BLUE, fixed=True)
    return level.scene()


def hopper() -> Scene:
    """A trunk on one leg with knee and foot; it hops to the ball and must not fall."""
    level = Builder("L")
    level.floor(RED)
    hip, knee, ankle, toe = (1.0, 1.24), (1.16, 0.87), (1.0, FLOOR + 0.08), (1.26, FLOOR + 0.06)
    trunk = bar(level, hip, (1.0, 1.6), 0.26, role=GREEN)
    limits = (-0.8, 0.8)
    leg = limb(level, trunk, [hip, knee, ankle], 0.13, [0, 1], speed=1.5, power=2.0, limits=limits)
    foot = bar(level, (0.86, toe[1]), toe, 0.12, friction=2.0)
    level.hinge(leg[-1], foot, *ankle, motor=True, speed=1.5, power=2.0, limits=limits, binding=2)
    level.ball(3.6, 1.5, 0.35, role=BLUE, fixed=True)
    return level.scene()


def walker() -> Scene:
    """A trunk on two legs with knees and loose feet; it walks to the ball and must not fall."""
    level = Builder("L")
    level.floor(RED)
    hip, sole = (1.2, 1.26), FLOOR + 0.05
    trunk = bar(level, hip, (1.2, 1.7), 0.24, role=GREEN)
    for knee, ankle, bindings in (((1.05, 0.88), 0.86, [0, 1]), ((1.4, 0.88), 1.42, [2, 3])):
        points = [hip, knee, (ankle, sole + 0.03)]
        shank = limb(level, trunk, points, 0.12, bindings, speed=1.0, power=2.0, limits=(-0.9, 0.9))[-1]
        foot = bar(level, (ankle - 0.06, sole), (ankle + 0.2, sole), 0.1, friction=2.0)
        level.hinge(shank, foot, ankle, sole + 0.03, limits=(-0.3, 0.3))
    level.ball(3.6, 1.5, 0.35, role=BLUE, fixed=True)
    return level.scene()


def half_cheetah() -> Scene:
    """A long trunk with a head, a fore and a hind leg; it runs to the ball."""
    level = Builder("L")
    back, front, head = (0.7, 1.0), (1.6, 1.0), (1.8, 1.16)
    trunk = bar(level, back, front, 0.18)
    motor = {"speed": 1.5, "power": 2.0, "limits": (-0.8, 0.8)}
    limb(level, trunk, [back, (0.5, 0.74), (0.72, FLOOR + 0.08)], 0.12, [0, 1], **motor)
    limb(level, trunk, [front, (1.74, 0.74), (1.52, FLOOR + 0.08)], 0.12, [2, 3], **motor)
    level.weld(trunk, level.ball(*head, 0.17, role=GREEN, density=0.5), *front)
    level.ball(4.5, 1.1, 0.3, role=BLUE, fixed=True)
    return level.scene()


def swimmer() -> Scene:
    """A fish that drives itself by its tail and steers by bending; between the urchins to the pearl, over a red bed."""
    level = Builder("L", gravity=-0.2)
    level.floor(RED)
    y = 2.0
    head = level.polygon(1.3, y, [(-0.2, 0.14), (0.24, 0.0), (-0.2, -0.14)], role=GREEN)
    trunk, tail = bar(level, (0.78, y), (1.05, y), 0.2), bar(level, (0.45, y), (0.7, y), 0.12)
    for a, b, x, binding in ((head, trunk, 1.1, 0), (trunk, tail, 0.74, 1)):
        level.hinge(a, b, x, y, motor=True, binding=binding, speed=0.5, limits=(-0.7, 0.7))
    level.thruster(tail, 0.39, y, 0.0, power=0.05)
    level.ball(2.3, 3.3, 0.42, role=RED, fixed=True)
    level.ball(2.9, 1.6, 0.42, role=RED, fixed=True)
    level.ball(4.3, 3.4, 0.28, role=BLUE, fixed=True)
    return level.scene()


def stairs() -> Scene:
    """A rover on three wheels; it climbs the stairs to the ball."""
    level = Builder("L")
    body = level.box(0.85, 0.82, 1.36, 0.16, role=GREEN)
    for x in (0.41, 0.85, 1.29):
        level.hinge(body, level.ball(x, FLOOR + 0.21, 0.21, friction=3.0), x, FLOOR + 0.21, motor=True, power=2.0)
    for left, right, top in ((1.9, 2.6, 0.52), (2.6, 3.3, 0.64), (3.3, 5.0, 0.76)):
        block(level, left, right, GROUND, top)
    level.ball(4.6, 1.06, 0.3, role=BLUE, fixed=True)
    return level.scene()


def seesaw() -> Scene:
    """A car before a plank on a pivot; it drives up until the plank tips, and over to the ball."""
    level = Builder("L")
    car(level, 0.65, GROUND, radius=0.18, length=0.95, grip=3.0)
    pivot, half = (2.5, 0.87), 1.15
    slope = math.asin((pivot[1] - FLOOR - 0.06) / (half + 0.15))
    across, up = half * math.cos(slope), half * math.sin(slope)
    shift = 0.12 * math.cos(slope), 0.12 * math.sin(slope)  # the left side is the heavier one
    start = pivot[0] - shift[0] - across, pivot[1] - shift[1] - up
    plank = bar(level, start, (start[0] + 2 * across, start[1] + 2 * up), 0.1)
    stand = level.polygon(2.5, GROUND, [(0, 0.47), (0.3, 0), (-0.3, 0)], fixed=True)
    level.hinge(stand, plank, *pivot)
    block(level, 3.45, 5.0, GROUND, 0.82)
    level.ball(4.65, 1.07, 0.25, role=BLUE, fixed=True)
    return level.scene()


def bridge() -> Scene:
    """A car before a hanging bridge of three planks over a red floor; it crosses to the ball."""
    level = Builder("L")
    level.floor(RED)
    car(level, 0.65, 1.3, radius=0.18, length=0.95, grip=3.0)
    left, right = block(level, 0.0, 1.35, GROUND, 1.3), block(level, 3.65, 5.0, GROUND, 1.3)
    points = [(1.3, 1.25), (2.06, 0.98), (2.94, 0.98), (3.7, 1.25)]
    planks = [bar(level, start, end, 0.1, density=2.0) for start, end in pairwise(points)]
    for a, b, (x, y) in zip([left, *planks], [*planks, right], points, strict=True):
        level.hinge(a, b, x, y)
    level.ball(4.6, 1.55, 0.25, role=BLUE, fixed=True)
    return level.scene()


LEVELS: dict[str, Callable[[], Scene]] = {
    "car": drive,
    "unicycle": unicycle,
    "cart_pole": cart_pole,
    "swing_up": swing_up,
    "hopper": hopper,
    "walker": walker,
    "half_cheetah": half_cheetah,
    "swimmer": swimmer,
    "stairs": stairs,
    "seesaw": seesaw,
    "bridge": bridge,
    **MACHINES,
}
"""Name of a level: what builds it."""


def write_all(folder: Path = Path(__file__).parent / FOLDER) -> None:
    """Writes a file for each level."""
    for name, build in LEVELS.items():
        write_level(build(), folder / f"{name}.json")
    print(f"wrote {len(LEVELS)} levels to {folder}")


if __name__ == "__main__":
    write_all()

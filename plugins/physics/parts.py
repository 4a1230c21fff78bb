"""Parts of which hand-made levels are put together: bars between two points, cars."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from .builder import Builder
from .scene import GREEN, GROUND

Point = tuple[float, float]
FLOOR = GROUND + 0.01
"""Where things stand: a hair above the ground."""


def bar(level: Builder, start: Point, end: Point, thick: float, **more: Any) -> int:
    """A box from one point to another, and half its thickness beyond both, so that hinges lie inside."""
    (x0, y0), (x1, y1) = start, end
    length, angle = math.hypot(x1 - x0, y1 - y0) + thick, math.atan2(y1 - y0, x1 - x0)
    return level.box((x0 + x1) / 2, (y0 + y1) / 2, length, thick, rotation=angle, **more)


def block(level: Builder, left: float, right: float, bottom: float, top: float, **more: Any) -> int:
    """A fixed box between four edges."""
    return level.box((left + right) / 2, (bottom + top) / 2, right - left, top - bottom, fixed=True, **more)


def limb(level: Builder, body: int, points: list[Point], thick: float, bindings: list[int], **motor: Any) -> list[int]:
    """A chain of bars through points, the first hinged to a body; one motor channel for each joint."""
    parts, before = [], body
    for (start, end), binding in zip(pairwise(points), bindings, strict=True):
        part = bar(level, start, end, thick, friction=2.0)
        level.hinge(before, part, *start, motor=True, binding=binding, **motor)
        parts.append(part)
        before = part
    return parts


def car(level: Builder, x: float, ground: float, radius: float = 0.2, length: float = 1.1, grip: float = 1.0) -> int:
    """A green body on two wheels that one motor channel drives; gives the body's number."""
    axle = ground + radius
    body = level.box(x, axle + 0.12, length, 0.2, role=GREEN)
    for at in (x - 0.3 * length, x + 0.3 * length):  # it touches with its body first
        level.hinge(body, level.ball(at, axle, radius, friction=grip), at, axle, motor=True)
    return body

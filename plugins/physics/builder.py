"""Scenes put together by hand, in Python: shapes where they stand, joints and thrusters where they are."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from alife.errors import BadOption

from .scene import NEUTRAL, Scene, box, centred, empty_scene
from .sizes import CORNERS, SIZES, WALLS, Room


class Builder:
    """An arena that is filled piece by piece; all places are in the world, metres and radians, y up.

    >>> level = Builder("S")
    >>> body, wheel = level.box(1, 0.8, 0.6, 0.2, role=1), level.ball(1, 0.6, 0.2)
    >>> _ = level.hinge(body, wheel, 1, 0.6, motor=True)
    >>> level.scene().joints.active.tolist()
    [True]
    """

    def __init__(self, size: str | Room = "L", gravity: float = -9.81) -> None:
        self.room = SIZES[size] if isinstance(size, str) else size
        blank = empty_scene(self.room)
        self._shapes, self._joints, self._thrusters = (
            {name: np.array(value) for name, value in table._asdict().items()} for table in blank[:3]
        )
        self._blank, self._gravity = blank, gravity
        self._used = {"polygons": WALLS, "circles": 0, "joints": 0, "thrusters": 0}

    def floor(self, role: int) -> None:
        """Gives the floor a role."""
        self._shapes["role"][0] = role

    def box(self, x: float, y: float, width: float, height: float, **more: Any) -> int:
        """A rectangle around a point; see `polygon`."""
        return self.polygon(x, y, box(width, height), **more)

    def polygon(self, x: float, y: float, corners: Any, **more: Any) -> int:
        """A convex shape of 3 or 4 corners around a point, clockwise; gives its number.

        Args:
            more: rotation, role, fixed, density, friction, restitution, velocity.
        """
        i = self._next("polygons", self.room.polygons)
        corners = np.asarray(corners, np.float32)
        self._shapes["vertices"][i, : len(corners)] = corners
        self._shapes["vertices"][i, len(corners) : CORNERS] = 0
        self._shapes["n_vertices"][i] = len(corners)
        return self._placed(i, x, y, **more)

    def ball(self, x: float, y: float, radius: float, **more: Any) -> int:
        """A circle around a point; gives its number."""
        c = self._next("circles", self.room.circles)
        self._shapes["radius"][c] = radius
        return self._placed(self.room.polygons + c, x, y, **more)

    def hinge(
        self,
        a: int,
        b: int,
        x: float,
        y: float,
        *,
        motor: bool = False,
        speed: float = 1.0,
        power: float = 1.0,
        limits: tuple[float, float] | None = None,
        binding: int = 0,
        auto: bool = False,
    ) -> int:
        """Two shapes that turn around a common point."""
        low, high = limits or (-math.pi, math.pi)
        return self._join(
            a, b, x, y, motor_on=motor, motor_speed=speed, motor_power=power, limited=limits is not None,
            min_rotation=low, max_rotation=high, binding=binding, auto=auto,
        )  # fmt: skip

    def weld(self, a: int, b: int, x: float, y: float) -> int:
        """Two shapes that are held together at a point and do not turn against each other."""
        return self._join(a, b, x, y, fixed=True)

    def thruster(self, shape: int, x: float, y: float, angle: float, *, power: float, binding: int = 0) -> int:
        """Pushes a shape at a point, in the direction of an angle: 0 to the right, pi/2 up."""
        t = self._next("thrusters", self.room.thrusters)
        self._thrusters["anchor"][t] = self._local(shape, x, y)
        turned = angle - self._shapes["rotation"][shape]
        for name, value in {"shape": shape, "rotation": turned, "power": power, "active": True}.items():
            self._thrusters[name][t] = value
        self._thrusters["binding"][t] = binding
        return t

    def scene(self) -> Scene:
        """What was put together."""
        tables = (self._shapes, self._joints, self._thrusters)
        copies = [{name: jnp.array(value) for name, value in table.items()} for table in tables]
        made: list[Any] = [type(old)(**table) for old, table in zip(self._blank[:3], copies, strict=True)]
        shapes, joints, thrusters = made
        return centred(Scene(shapes, joints, thrusters, jnp.array([0.0, self._gravity])))

    def _placed(
        self,
        i: int,
        x: float,
        y: float,
        *,
        rotation: float = 0.0,
        role: int = NEUTRAL,
        fixed: bool = False,
        **more: Any,
    ) -> int:
        said = {"position": (x, y), "rotation": rotation, "role": role, "moves": not fixed, "turns": not fixed}
        for name, value in {**said, "active": True, **more}.items():
            if name not in self._shapes:
                raise BadOption(f"a shape has no {name!r}; expected density, friction, restitution or velocity")
            self._shapes[name][i] = value
        return i

    def _join(self, a: int, b: int, x: float, y: float, **more: Any) -> int:
        j = self._next("joints", self.room.joints)
        said = {"a": a, "b": b, "a_anchor": self._local(a, x, y), "b_anchor": self._local(b, x, y), "active": True}
        turned = self._shapes["rotation"][b] - self._shapes["rotation"][a]
        for name, value in {**said, "rotation": turned, **more}.items():
            self._joints[name][j] = value
        return j

    def _local(self, i: int, x: float, y: float) -> np.ndarray:
        """A point in the frame of a shape."""
        right, up = np.array([x, y]) - self._shapes["position"][i]
        cos, sin = math.cos(self._shapes["rotation"][i]), math.sin(self._shapes["rotation"][i])
        return np.array([cos * right + sin * up, cos * up - sin * right])

    def _next(self, what: str, room: int) -> int:
        i = self._used[what]
        if i >= room:
            raise BadOption(f"there is room for {room} {what}; choose a larger size")
        self._used[what] = i + 1
        return i

"""The worlds that are watched now."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .live import Living

MOST_WORLDS = 32
"""Worlds that are kept; the one that was not looked at for longest makes room."""
SIDES = (32, 512)
"""Least and greatest edge of their pictures, pixels."""


class Theatre:
    """The worlds that are watched now, each by a name that cannot be guessed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._worlds: OrderedDict[str, Living] = OrderedDict()

    def admit(self, world: Living) -> str:
        """Takes a world in, and gives its name."""
        name = secrets.token_urlsafe(9)
        with self._lock:
            self._worlds[name] = world
            while len(self._worlds) > MOST_WORLDS:
                self._worlds.popitem(last=False)
        return name

    def named(self, name: str) -> Living | None:
        """The world of this name; None where it has made room for others."""
        with self._lock:
            if name in self._worlds:
                self._worlds.move_to_end(name)
            return self._worlds.get(name)

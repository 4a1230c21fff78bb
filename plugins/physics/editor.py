"""`alife level`: levels built and played by hand, on a page that reads and writes level files."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from functools import cache
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from alife.browser import HANDLERS, Guard, Host, Refusal, pages, read_wish
from alife.errors import BadOption
from alife.options import real, whole

from .chosen_level import chosen_level
from .colours import BINDINGS, CORE, DARK, FLAME, LOOSE, NOZZLES, ROLES, SKY
from .command import NEW
from .control import Hand
from .level_file import contents, scene_of, scene_of_text, write_level
from .life import Level, Life, Rules, begin, decide_and_step, level_of
from .padding import padded
from .scene import CHANNELS, MOTOR_CHANNELS, Scene, empty_scene
from .shipped import level_names
from .sizes import SIZES, Pairs, Room

MEMORY = ("collision_matrix", "acc_rr_manifolds", "acc_cr_manifolds", "acc_cc_manifolds")
"""What a solver would remember: most of a level file, and of no use to a page."""
MOST_DECISIONS = 8
"""From one picture to the next, at most."""


def open_editor(
    level: str, target: Path | None, size: str | None, port: int, *, show: bool, tell: Callable[[str], object]
) -> None:
    """Serves the page until it is interrupted; raises as `Workshop` does.

    Args:
        level, target, size: see `Workshop`.
        port: 0 = any that is free.
        show: whether to open the page in the browser of this machine.
        tell: is given the address.
    """
    host = Host(Workshop(level, target, size).app, port)
    tell(host.address)
    if show:
        host.show()
    host.run()


class Workshop:
    """A level that is being built, the file that it goes to, and a play of it.

    Args:
        level: what to begin with, see `alife level --help`.
        target: file to save it as; None: the one that was opened, or one of its name in the working directory.
        size: "S", "M", "L", or None for as much room as the level has.

    Raises:
        UnknownName, BadWorld: there is no such level, it is none, or it does not fit.
        BadOption: the file is there already, and another than the one that was opened.
    """

    def __init__(self, level: str = NEW, target: Path | None = None, size: str | None = None) -> None:
        opened = Path(level) if level.endswith(".json") else None
        self.target = (target or opened or Path(f"{level.replace(':', '_')}.json")).resolve()
        if self.target.suffix != ".json":
            raise BadOption(f"--to is {self.target.name}; expected a name that ends in .json")
        if self.target.exists() and (opened is None or opened.resolve() != self.target):
            raise BadOption(
                f"{self.target} is there already; choose another with --to, or open it: alife level {self.target.name}"
            )
        if level == NEW or (opened and not opened.exists()):
            scene = empty_scene(SIZES[size or "L"])
        else:
            scene = chosen_level(level, size or "")
            if size:
                scene = padded(scene, SIZES[size])
        self.begins_with = _told(scene)
        self._lock = Lock()
        self._seen = _changed(self.target)
        self._play: tuple[Any, Level, Life] | None = None
        self._number = 0

    def app(self, hosts: Collection[str]) -> Guard:
        """The whole server."""
        shared = files("alife.browser") / "page"
        routes = [
            *pages(files(__package__) / "editor_page", shared),
            Route("/api/level", self._answer(lambda _: self.about()), methods=["POST"]),
            Route("/api/open", self._answer(self.open), methods=["POST"]),
            Route("/api/size", self._answer(self.resize), methods=["POST"]),
            Route("/api/play", self._answer(self.play), methods=["POST"]),
            Route("/api/step", self._answer(self.step), methods=["POST"]),
            Route("/api/save", self._answer(self.save), methods=["POST"]),
            Route("/api/file", self._answer(lambda wish: contents(_scene(wish))), methods=["POST"]),
        ]
        return Guard(Starlette(routes=routes, exception_handlers=HANDLERS), hosts)

    def _answer(self, act: Any) -> Any:
        async def respond(request: Request) -> Response:
            return JSONResponse(await run_in_threadpool(act, await read_wish(request)))

        return respond

    def about(self) -> dict[str, Any]:
        """What the page begins with."""
        return {
            "file": self.target.name,
            "levels": level_names(),
            "sizes": {name: room._asdict() for name, room in SIZES.items()},
            "colours": _colours(),
            "state": self.begins_with,
        }

    def open(self, wish: dict[str, Any]) -> dict[str, Any]:
        """A level by its name, or the contents of a level file."""
        if isinstance(wish.get("text"), str):
            return {"state": _told(scene_of_text(wish["text"]))}
        if wish.get("level") not in level_names():  # no name becomes a path
            raise Refusal(404, f"no level is called {str(wish.get('level'))[:40]!r}")
        return {"state": _told(chosen_level(wish["level"]))}

    def resize(self, wish: dict[str, Any]) -> dict[str, Any]:
        """The same level with more room."""
        if wish.get("size") not in SIZES:
            raise BadOption(f"size is {wish.get('size')!r:.40}; expected {', '.join(SIZES)}")
        return {"state": _told(padded(_scene(wish), SIZES[wish["size"]]))}

    def save(self, wish: dict[str, Any]) -> dict[str, Any]:
        """Writes the level file, all of it or nothing."""
        scene = _scene(wish)
        with self._lock:
            if _changed(self.target) != self._seen:
                raise Refusal(409, f"{self.target.name} was changed by another program; download yours instead")
            beside = self.target.with_suffix(".json.new")
            try:
                write_level(scene, beside)
                os.replace(beside, self.target)
            except OSError as cause:
                beside.unlink(missing_ok=True)
                raise BadOption(f"{self.target} cannot be written: {cause.strerror}; download it instead") from None
            self._seen = _changed(self.target)
        return {"file": self.target.name}

    def play(self, wish: dict[str, Any]) -> dict[str, Any]:
        """Begins to play a level; the play before it ends."""
        scene = _scene(wish)
        level = jax.jit(lambda scene: level_of(scene, Pairs(scene.room)))(scene)
        step, life = _stepper(scene.room), begin(level, _rules(scene.room))
        step(life, level, jnp.zeros(CHANNELS))  # compiled before anybody sees it move
        with self._lock:
            self._number += 1
            self._play = step, level, life
            return {"play": self._number, "state": _told(scene), **_moment(life)}

    def step(self, wish: dict[str, Any]) -> dict[str, Any]:
        """Goes on by some decisions, at all of which the channels are told the same."""
        told = wish.get("told")
        if not isinstance(told, list) or len(told) != CHANNELS:
            raise BadOption(f"told is {told!r:.60}; expected {CHANNELS} numbers")
        said = [real("told", one, 0 if i >= MOTOR_CHANNELS else -1, 1, f"channel {i}") for i, one in enumerate(told)]
        with self._lock:
            if self._play is None or wish.get("play") != self._number:
                raise Refusal(404, "another play has begun; play it again")
            step, level, life = self._play
            for _ in range(whole("decisions", wish.get("decisions", 1), 1, MOST_DECISIONS)):
                life = step(life, level, jnp.asarray(said, jnp.float32))
            self._play = step, level, life
            return _moment(life)


def _rules(room: Room) -> Rules:
    """Of a play: it goes on until green touches blue or red."""
    return Rules(Pairs(room), Hand(), 0, 0.0)


@cache
def _stepper(room: Room) -> Callable[[Life, Level, Any], Life]:
    """One decision in scenes of a size."""
    rules = _rules(room)
    return jax.jit(lambda life, level, told: decide_and_step(life, level, told, rules))


def _scene(wish: dict[str, Any]) -> Scene:
    """The level that a page has."""
    return scene_of({"env_state": wish.get("state")})


def _told(scene: Scene) -> dict[str, Any]:
    """The level as a page has it."""
    return {name: part for name, part in contents(scene)["env_state"].items() if name not in MEMORY}


def _moment(life: Life) -> dict[str, Any]:
    """What there is to see of a play."""
    motion = np.concatenate([np.asarray(life.motion.x), np.asarray(life.motion.rotation)[None]])
    return {
        "poses": np.where(np.isfinite(motion), motion, 0).T.tolist(),
        "told": np.asarray(life.told).tolist(),
        "decisions": int(life.time),
        "done": bool(life.done),
        "won": bool(life.won),
    }


def _changed(path: Path) -> float | None:
    """When a file was written last; None where there is none."""
    return path.stat().st_mtime if path.exists() else None


def _colours() -> dict[str, Any]:
    """Those of pictures, as a page names them."""

    def named(colour: np.ndarray) -> str:
        return "#" + bytes(np.rint(255 * colour).astype(np.uint8).tolist()).hex()

    many = {"roles": ROLES, "fixed": DARK, "bindings": BINDINGS, "nozzles": NOZZLES}
    one = {"sky": SKY, "loose": LOOSE, "flame": FLAME, "core": CORE}
    return {name: named(colour) for name, colour in one.items()} | {
        name: [named(colour) for colour in colours] for name, colours in many.items()
    }

"""The ASGI app: a page, its modules, and what they ask for about each run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..errors import AlifeError, ArchiveDamaged
from .bundle import pack
from .gallery import LARGEST_SIDE, MOST_PICTURED, Gallery, requested_ids
from .safety import Guard

KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


def create_app(runs: Sequence[Path], hosts: Collection[str]) -> Guard:
    """The whole server, which only reads.

    Args:
        runs: directories of runs.
        hosts: names with ports that people may come by.

    Raises:
        ArchiveError: one of the runs cannot be read.
    """
    api = Api([Gallery(run) for run in runs])
    routes = [Route(path, respond) for path, respond in _pages().items()]
    routes += [
        Route("/api/runs", api.runs),
        Route("/api/runs/{run}/table", api.table),
        Route("/api/runs/{run}/pictures", api.pictures),
        Route("/api/runs/{run}/lifeforms/{id}", api.lifeform),
        Route("/api/runs/{run}/lifeforms/{id}/frames", api.frames),
        Route("/api/runs/{run}/lifeforms/{id}/replay", api.replay, methods=["POST"]),
    ]
    return Guard(Starlette(routes=routes, exception_handlers={Refusal: _refused}), hosts)


class Refusal(Exception):
    """An answer that is no answer: a status, and a sentence for people."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return JSONResponse({"error": str(error)}, error.status)


def _pages() -> dict[str, Callable[..., Any]]:
    """Address -> answer, for each file of the page; no address ever becomes a path."""
    found = {}
    for file in (files(__package__) / "page").iterdir():
        suffix = Path(file.name).suffix
        if suffix in KINDS:
            found["/" if file.name == "index.html" else f"/{file.name}"] = _constant(file.read_bytes(), KINDS[suffix])
    return found


def _constant(body: bytes, kind: str) -> Callable[..., Any]:
    async def respond(request: Request) -> Response:
        return Response(body, media_type=kind)

    return respond


class Api:
    """Answers about runs, by their place in the list."""

    def __init__(self, galleries: Sequence[Gallery]) -> None:
        self._galleries = galleries

    async def runs(self, request: Request) -> Response:
        return JSONResponse([gallery.about() for gallery in self._galleries])

    async def table(self, request: Request) -> Response:
        gallery = self._gallery(request)
        return _bundle(await run_in_threadpool(gallery.table))

    async def pictures(self, request: Request) -> Response:
        gallery = self._gallery(request)
        ids = requested_ids(request.query_params.get("ids", ""), len(gallery.archive))
        if ids is None:
            last = len(gallery.archive) - 1
            raise Refusal(400, f"expected ids=3,1,4 with 1 to {MOST_PICTURED} numbers from 0 to {last}")
        side = _whole(request.query_params.get("side", "96"), 8, LARGEST_SIDE)
        return _bundle(await run_in_threadpool(gallery.pictures, ids, side))

    async def lifeform(self, request: Request) -> Response:
        gallery, i = self._named(request)
        return JSONResponse(await _asked(gallery.lifeform, i))

    async def frames(self, request: Request) -> Response:
        gallery, i = self._named(request)
        return _bundle({"frames": await _asked(gallery.frames, i)})

    async def replay(self, request: Request) -> Response:
        gallery, i = self._named(request)
        return JSONResponse(await _asked(gallery.replay, i))

    def _gallery(self, request: Request) -> Gallery:
        return self._galleries[_whole(request.path_params["run"], 0, len(self._galleries) - 1, 404)]

    def _named(self, request: Request) -> tuple[Gallery, int]:
        gallery = self._gallery(request)
        return gallery, _whole(request.path_params["id"], 0, len(gallery.archive) - 1, 404)


def _whole(text: str, low: int, high: int, status: int = 400) -> int:
    if not (text.isascii() and text.isdigit() and low <= int(text[:18]) <= high):
        raise Refusal(status, f"{text[:40]!r} is not one of the whole numbers {low} to {high}")
    return int(text)


async def _asked(work: Callable[..., Any], i: int) -> Any:
    try:
        return await run_in_threadpool(work, i)
    except ArchiveDamaged as error:
        raise Refusal(410, str(error)) from error
    except AlifeError as error:
        raise Refusal(409, str(error)) from error


def _bundle(arrays: dict[str, np.ndarray]) -> Response:
    return Response(pack(arrays), media_type="application/octet-stream")

"""The ASGI app: a page, its modules, and what they ask for about each run."""

from __future__ import annotations

from collections.abc import Callable, Collection
from importlib.resources import files
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..storage import open_archive
from .answers import HANDLERS, Refusal, pages, read_body, read_wish
from .bundle import pack
from .gallery import LARGEST_SIDE, MAPS, MOST_PICTURED, Gallery, requested_ids
from .runs import Runs
from .safety import Guard
from .sharing import written
from .theatre import SIDES, Theatre

LARGEST_PICTURE = 32 << 20
"""Bytes of a picture that is dropped on the page, at most."""


def create_app(runs: Runs, hosts: Collection[str], *, edit: bool = False, framed: bool = False) -> Guard:
    """The whole server.

    Args:
        runs: what there is to look at.
        hosts: names with ports that people may come by.
        edit: whether people may keep, mark and search from what they see; else it only reads.
        framed: whether other pages of this machine, such as a notebook, may show it in a frame.
    """
    api = Api(runs, edit)
    routes = [
        *pages(files(__package__) / "page"),
        Route("/api/runs", api.runs),
        Route("/api/runs/{run}", api.run),
        Route("/api/runs/{run}/table", api.table),
        Route("/api/runs/{run}/pictures", api.pictures),
        Route("/api/runs/{run}/pictures", api.drop, methods=["POST"]),
        Route("/api/runs/{run}/find", api.find),
        Route("/api/runs/{run}/share/{ending}", api.share),
        Route("/api/runs/{run}/lifeforms/{id}/share/{ending}", api.share),
        Route("/api/runs/{run}/lifeforms/{id}", api.of_one(Gallery.lifeform)),
        Route("/api/runs/{run}/lifeforms/{id}/frames", api.frames),
        Route("/api/runs/{run}/lifeforms/{id}/replay", api.of_one(Gallery.replay), methods=["POST"]),
        Route("/api/runs/{run}/lifeforms/{id}/live", api.live, methods=["POST"]),
        Route("/api/runs/{run}/lifeforms/{id}/moments", api.of_one(Gallery.moments)),
        Route("/api/runs/{run}/lifeforms/{id}/genes", api.of_one(Gallery.genes)),
        Route("/api/runs/{run}/lifeforms/{id}/family", api.of_one(Gallery.family)),
        Route("/api/runs/{run}/lifeforms/{id}/breed", api.breed, methods=["POST"]),
        Route("/api/runs/{run}/lifeforms/{id}/keep", api.keep, methods=["POST"]),
        Route("/api/runs/{run}/lifeforms/{id}/mark", api.mark, methods=["POST"]),
        Route("/api/runs/{run}/lifeforms/{id}/branch", api.branch, methods=["POST"]),
        Route("/api/live/{world}", api.act, methods=["POST"]),
    ]
    return Guard(Starlette(routes=routes, exception_handlers=HANDLERS), hosts, framed=framed)


class Api:
    """Answers about runs, by their place in the list."""

    def __init__(self, runs: Runs, edit: bool) -> None:
        self._runs, self._edit, self._theatre = runs, edit, Theatre()

    async def runs(self, request: Request) -> Response:
        about = [await run_in_threadpool(gallery.about) for gallery in self._runs.galleries]
        return JSONResponse([{**run, "edit": self._edit} for run in about])

    async def run(self, request: Request) -> Response:
        return JSONResponse({**await run_in_threadpool(self._gallery(request).about), "edit": self._edit})

    async def table(self, request: Request) -> Response:
        by = request.query_params.get("map") or next(iter(MAPS))
        if by not in MAPS:
            raise Refusal(400, f"a map by {by[:40]!r} is not known; expected {' or '.join(MAPS)}")
        return _bundle(await run_in_threadpool(self._gallery(request).table, by))

    async def pictures(self, request: Request) -> Response:
        gallery = self._gallery(request)
        ids = requested_ids(request.query_params.get("ids", ""), len(gallery.archive))
        if ids is None:
            last = len(gallery.archive) - 1
            raise Refusal(400, f"expected ids=3,1,4 with 1 to {MOST_PICTURED} numbers from 0 to {last}")
        side = _whole(request.query_params.get("side", "96"), 8, LARGEST_SIDE)
        return _bundle(await run_in_threadpool(gallery.pictures, ids, side))

    async def find(self, request: Request) -> Response:
        finder = await run_in_threadpool(self._runs.finder, self._place(request))
        return JSONResponse(await run_in_threadpool(finder.find, request.query_params.get("q", "")))

    async def drop(self, request: Request) -> Response:
        finder = await run_in_threadpool(self._runs.finder, self._place(request))
        return JSONResponse(
            {"name": await run_in_threadpool(finder.remember, await read_body(request, LARGEST_PICTURE))}
        )

    async def share(self, request: Request) -> Response:
        gallery, ending = self._gallery(request), request.path_params["ending"]
        i = self._named(request)[1] if "id" in request.path_params else None
        # with a reader of its own: it may take long, and the page goes on
        body = await run_in_threadpool(lambda: written(open_archive(gallery.archive.path), i, ending))
        return Response(body, media_type="application/octet-stream")

    def of_one(self, tell: Callable[[Gallery, int], Any]) -> Callable[..., Any]:
        """Answers with what a gallery tells of one lifeform."""

        async def respond(request: Request) -> Response:
            return JSONResponse(await run_in_threadpool(tell, *self._named(request)))

        return respond

    async def frames(self, request: Request) -> Response:
        gallery, i = self._named(request)
        return _bundle({"frames": await run_in_threadpool(gallery.frames, i)})

    async def live(self, request: Request) -> Response:
        gallery, i = self._named(request)
        living = await run_in_threadpool(gallery.living, i, _side(await read_wish(request)))
        return JSONResponse({**living.about, "world": self._theatre.admit(living)})

    async def act(self, request: Request) -> Response:
        living = self._theatre.named(request.path_params["world"])
        if living is None:
            raise Refusal(404, "this world was put away; open it again")
        return _bundle(await run_in_threadpool(living.act, await read_wish(request)))

    async def breed(self, request: Request) -> Response:
        (gallery, i), wish = self._named(request), await read_wish(request)
        young = await run_in_threadpool(gallery.litter, i, wish, _side(wish))
        return JSONResponse(
            [{"world": self._theatre.admit(one), "genotype": one.about["genotype"], "of": of} for one, of in young]
        )

    async def keep(self, request: Request) -> Response:
        (gallery, i), wish = self._named(request), await self._may_edit(request)
        place, new = await run_in_threadpool(gallery.keep, i, wish)
        return JSONResponse({"run": await run_in_threadpool(self._runs.add, place), "name": place.name, "id": new})

    async def mark(self, request: Request) -> Response:
        (gallery, i), wish = self._named(request), await self._may_edit(request)
        await run_in_threadpool(gallery.mark, i, wish)
        return JSONResponse({})

    async def branch(self, request: Request) -> Response:
        (gallery, i), wish = self._named(request), await self._may_edit(request)
        place = await run_in_threadpool(self._runs.branch, gallery, i, wish.get("minutes", 2))
        return JSONResponse({"run": await run_in_threadpool(self._runs.add, place)})

    async def _may_edit(self, request: Request) -> dict[str, Any]:
        if not self._edit:
            raise Refusal(403, "this page only reads; start it with `alife browse --edit` to keep what you make")
        return await read_wish(request)

    def _place(self, request: Request) -> int:
        return _whole(request.path_params["run"], 0, len(self._runs.galleries) - 1, 404)

    def _gallery(self, request: Request) -> Gallery:
        return self._runs.galleries[self._place(request)]

    def _named(self, request: Request) -> tuple[Gallery, int]:
        gallery = self._gallery(request)
        return gallery, _whole(request.path_params["id"], 0, len(gallery.archive) - 1, 404)


def _side(wish: dict[str, Any]) -> int:
    side = wish.get("side")
    if not isinstance(side, int) or not SIDES[0] <= side <= SIDES[1]:
        raise Refusal(400, f"side is {side!r:.40}; expected a whole number from {SIDES[0]} to {SIDES[1]}")
    return side


def _whole(text: str, low: int, high: int, status: int = 400) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and low <= int(text) <= high):
        raise Refusal(status, f"{text[:40]!r} is not one of the whole numbers {low} to {high}")
    return int(text)


def _bundle(arrays: dict[str, np.ndarray]) -> Response:
    return Response(pack(arrays), media_type="application/octet-stream")

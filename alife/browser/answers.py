"""What every page of ours answers with: its files, refusals in words; and what it reads of a request."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..errors import AlifeError, ArchiveDamaged

LARGEST_WISH = 4 << 20
"""Bytes of what is wished of a world, at most."""
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


class Refusal(Exception):
    """An answer that is no answer: a status, and a sentence for people."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


async def _refused(request: Request, error: Exception) -> Response:
    status = 410 if isinstance(error, ArchiveDamaged) else 409
    return JSONResponse({"error": str(error)}, error.status if isinstance(error, Refusal) else status)


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=400)  # who asked has left, and nobody reads this


HANDLERS: dict[Any, Any] = {Refusal: _refused, AlifeError: _refused, ClientDisconnect: _gone}


def pages(*folders: Traversable) -> list[Route]:
    """A route for each file of some folders, those of the first before others of their name; `/` is index.html.

    No address ever becomes a path.
    """
    found: dict[str, Route] = {}
    for folder in folders:
        for file in folder.iterdir():
            suffix = Path(file.name).suffix
            address = "/" if file.name == "index.html" else f"/{file.name}"
            if suffix in KINDS and address not in found:
                found[address] = Route(address, _constant(file.read_bytes(), KINDS[suffix]))
    return list(found.values())


def _constant(body: bytes, kind: str) -> Callable[..., Any]:
    async def respond(request: Request) -> Response:
        return Response(body, media_type=kind)

    return respond


async def read_body(request: Request, most: int) -> bytes:
    """What came with a request.

    Raises:
        Refusal: more bytes than `most`.
    """
    found = bytearray()
    async for piece in request.stream():
        found += piece
        if len(found) > most:
            raise Refusal(413, f"that is too large; expected at most {most >> 20} MB")
    return bytes(found)


async def read_wish(request: Request) -> dict[str, Any]:
    """A JSON object that came with a request.

    Raises:
        Refusal: it is none.
    """
    try:
        said = json.loads(await read_body(request, LARGEST_WISH))
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise Refusal(400, "expected a JSON object")
    return said

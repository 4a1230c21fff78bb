"""Who may ask, and what a page may load: the server is for the person at this machine."""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; frame-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors "
)
"""Nothing from another host, no script but our files; in the frame of those who follow."""
OWN, THIS_MACHINE = "'self'", "http://localhost:* http://127.0.0.1:*"
"""Who may show the page in a frame: the server's own pages, or all pages of this machine such as a notebook."""

LONGEST_URL = 8192
"""Characters of path and query together."""


class Guard:
    """Answers only those who came by one of the server's own names, and refuses pages of other sites.

    A page of another site can send a browser here, but cannot choose the header `Origin`; a name of somebody else's
    that is pointed at this machine shows in `Host`.

    Args:
        app: what is guarded.
        hosts: names with ports that people may come by, such as "127.0.0.1:8000".
        framed: whether other pages of this machine may show it in a frame.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str], *, framed: bool = False) -> None:
        self._app, self._hosts = app, frozenset(hosts)
        self._policy = POLICY + (THIS_MACHINE if framed else OWN)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        refusal = self._refusal(scope)
        if refusal is None:
            return await self._app(scope, receive, self._with_policy(send))
        if scope["type"] == "websocket":
            await receive()
            return await send({"type": "websocket.close", "code": 1008, "reason": refusal[1][:120]})
        return await PlainTextResponse(refusal[1] + "\n", refusal[0])(scope, receive, self._with_policy(send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if host not in self._hosts:
            return 421, f"this server is not {host[:80]!r}; open http://{min(self._hosts)}"
        if len(scope["path"]) + len(scope["query_string"]) > LONGEST_URL:
            return 414, f"the address is too long; expected at most {LONGEST_URL} characters"
        if scope["path"].startswith("/api/") and headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            return 403, "a page of another site may not ask this server"
        must_be_ours = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")
        if (origin is not None or must_be_ours) and origin != f"http://{host}":
            return 403, f"a page of {origin or 'nowhere'} may not ask this server; open http://{host}"
        return None

    def _with_policy(self, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = self._policy
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        return sending

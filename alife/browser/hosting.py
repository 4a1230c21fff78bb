"""A page as a process: served on this machine's own address, until it is stopped."""

from __future__ import annotations

import socket
import threading
import webbrowser
from collections.abc import Callable, Collection

import uvicorn
from starlette.types import ASGIApp

from ..errors import BadOption

LOOPBACK = "127.0.0.1"
CONNECTIONS = 128
"""Answered at the same time; more are told to come again."""


class Host:
    """An ASGI app on an address of this machine, ready to be served.

    Args:
        make_app: is given the names with ports that people may come by, and makes what answers.
        port: 0 = any that is free.

    Raises:
        BadOption: the port is taken.
    """

    def __init__(self, make_app: Callable[[Collection[str]], ASGIApp], port: int = 0) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((LOOPBACK, port))
            self._socket.listen(CONNECTIONS)  # from here on whoever comes waits in its queue
        except OSError as error:
            self._socket.close()
            raise BadOption(f"port {port} cannot be used ({error.strerror}); choose another, or none") from error
        port = self._socket.getsockname()[1]
        self.address = f"http://{LOOPBACK}:{port}"
        app = make_app([f"{LOOPBACK}:{port}", f"localhost:{port}"])
        # no log_config: it would rearrange the logging of the whole process, a notebook's for instance
        config = uvicorn.Config(app, log_config=None, access_log=False, limit_concurrency=CONNECTIONS)
        self._server = uvicorn.Server(config)

    def run(self) -> None:
        """Answers until it is stopped, by Ctrl-C too."""
        with self._socket:
            self._server.run(sockets=[self._socket])

    def show(self, page: str = "") -> None:
        """Opens one of its pages in the browser of this machine, soon."""
        threading.Thread(target=webbrowser.open, args=(self.address + page,), daemon=True).start()

    def stop(self) -> None:
        """Ends `run`, from another thread."""
        self._server.should_exit = True

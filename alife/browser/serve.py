"""The server as a process: on this machine's own address, until it is stopped."""

from __future__ import annotations

import socket
import threading
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path

import uvicorn

from ..errors import BadOption
from .app import create_app
from .runs import Runs

LOOPBACK = "127.0.0.1"
ABREAST = 4
"""Runs that are opened side by side, at most; of more, one is chosen on the page."""
CONNECTIONS = 128
"""Answered at the same time; more are told to come again."""


class Server:
    """The page of some runs, ready to be served.

    Args:
        runs: directories of runs.
        port: 0 = any that is free.
        edit: whether people may keep, mark and search from what they see; else it only reads.
        framed: whether other pages of this machine, such as a notebook, may show it in a frame.

    Raises:
        ArchiveError: one of the runs cannot be read.
        BadOption: the port is taken.
    """

    def __init__(self, runs: Sequence[Path], port: int = 0, *, edit: bool = False, framed: bool = False) -> None:
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
        known = Runs(runs)
        threading.Thread(target=known.prepare, daemon=True).start()
        app = create_app(known, [f"{LOOPBACK}:{port}", f"localhost:{port}"], edit=edit, framed=framed)
        # no log_config: it would rearrange the logging of the whole process, a notebook's for instance
        config = uvicorn.Config(app, log_config=None, access_log=False, limit_concurrency=CONNECTIONS)
        self._server = uvicorn.Server(config)

    def run(self) -> None:
        """Answers until it is stopped, by Ctrl-C too."""
        with self._socket:
            self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Ends `run`, from another thread."""
        self._server.should_exit = True


def serve(
    runs: Sequence[Path],
    *,
    port: int = 0,
    show: bool = True,
    edit: bool = False,
    tell: Callable[[str], object] = print,
) -> None:
    """Serves the page of some runs until it is interrupted; raises as `Server` does.

    Args:
        runs: directories of runs.
        port: 0 = any that is free.
        show: whether to open the page in the browser of this machine.
        edit: whether people may keep, mark and search from what they see; else it only reads.
        tell: is given the address.
    """
    server = Server(runs, port, edit=edit)
    tell(server.address)
    if show:
        page = f"{server.address}/beside.html" if 1 < len(runs) <= ABREAST else server.address
        threading.Thread(target=webbrowser.open, args=(page,), daemon=True).start()
    server.run()

"""The page of some runs as a process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial

from ..storage.remote import Place
from .app import create_app
from .hosting import Host
from .runs import Runs

ABREAST = 4
"""Runs that are opened side by side, at most; of more, one is chosen on the page."""


class Server(Host):
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

    def __init__(self, runs: Sequence[Place], port: int = 0, *, edit: bool = False, framed: bool = False) -> None:
        known = Runs(runs)
        super().__init__(partial(create_app, known, edit=edit, framed=framed), port)
        threading.Thread(target=known.prepare, daemon=True).start()


def serve(
    runs: Sequence[Place],
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
        server.show("/beside.html" if 1 < len(runs) <= ABREAST else "")
    server.run()

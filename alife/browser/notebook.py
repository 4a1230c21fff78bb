"""The page in a cell of a notebook."""

from __future__ import annotations

import os
import threading
from html import escape

from ..storage.remote import RemotePath, place_of
from .serve import Server


class NotebookPage:
    """The page of some runs, served from this process as long as it is there; a notebook shows it below the cell.

    The notebook has to run on the machine that it is looked at on.

    Args:
        runs: directories of runs.
        edit: whether people may keep, mark and search from what they see; else it only reads.
        height: of the page, pixels.

    Raises:
        ArchiveError: one of the runs cannot be read.

    >>> NotebookPage("runs/mine")  # doctest: +SKIP
    """

    def __init__(self, *runs: str | os.PathLike[str] | RemotePath, edit: bool = False, height: int = 720) -> None:
        self._server = Server([place_of(run) for run in runs], edit=edit, framed=True)
        self._height = int(height)
        threading.Thread(target=self._server.run, daemon=True).start()

    @property
    def address(self) -> str:
        """Where the page is."""
        return self._server.address

    def close(self) -> None:
        """Ends the server."""
        self._server.stop()

    def _repr_html_(self) -> str:
        return f'<iframe src="{escape(self.address)}" width="100%" height="{self._height}" style="border:0"></iframe>'

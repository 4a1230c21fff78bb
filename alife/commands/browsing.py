"""`alife browse`: runs as a page of living pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import ArchiveError
from .options import PLACE
from .searching import RUNS

if TYPE_CHECKING:
    from ..storage.remote import Place


@click.command("browse")
@click.argument("runs", nargs=-1, type=PLACE, metavar="[RUN]...")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of the page's address [default: any free].")
@click.option("--open/--no-open", "show", default=True, help="Open it in the browser of this machine.")
@click.option("--edit", is_flag=True, help="Let the page keep worlds, mark lifeforms and begin searches.")
def browse_command(runs: tuple[Place, ...], port: int, show: bool, edit: bool) -> int:
    """Look at RUN in a browser: a field of its lifeforms, moving, alike near alike; Ctrl-C ends it.

    Without RUN, the newest one below runs/.  Several stand side by side.  The server answers this machine
    only, and changes nothing without --edit.
    """
    from ..browser import serve

    def tell(address: str) -> None:
        click.echo(f"{address}   Ctrl-C ends")

    serve(runs or [newest_run()], port=port, show=show, edit=edit, tell=tell)
    return 0


def newest_run(place: Path = RUNS) -> Path:
    """The run in a directory that was written last.

    Raises:
        ArchiveError: there is none.
    """
    found = {document.parent: document.stat().st_mtime for document in place.glob("*/zarr.json")}
    if not found:
        raise ArchiveError(f"there is no run in {place}/ here; name one, or make one: alife search")
    return max(found, key=lambda run: found[run])

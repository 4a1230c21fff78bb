"""`alife level`: levels built and played by hand."""

from __future__ import annotations

from pathlib import Path

import click

from .sizes import SIZES

NEW = "new"
"""Name of a level that begins empty."""


@click.command("level")
@click.argument("level", default=NEW)
@click.option("--to", "target", type=click.Path(path_type=Path, dir_okay=False), help="File to save it as, .json.")
@click.option("--size", type=click.Choice(list(SIZES)), help="Room to build in [default: as the level has; new: L].")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of the page's address [default: any free].")
@click.option("--open/--no-open", "show", default=True, help="Open it in the browser of this machine.")
def level_command(level: str, target: Path | None, size: str | None, port: int, show: bool) -> int:
    """Build LEVEL in a browser, and play it with keys; Ctrl-C ends it.

    LEVEL is a level file as Kinetix writes them (.json, begun where there is none), the name of a level that ships,
    "random:SEED", "walker:SEED", or nothing for an empty one.  It is saved as a level file, which
    `alife search physics_level --set options.level=FILE.json` then solves.
    """
    from .editor import open_editor

    def tell(address: str) -> None:
        click.echo(f"{address}   Ctrl-C ends")

    open_editor(level, target, size, port, show=show, tell=tell)
    return 0

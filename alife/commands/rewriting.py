"""`alife merge` and `alife compact`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import PLACE

if TYPE_CHECKING:
    from ..storage.remote import Place


@click.command("merge")
@click.argument("runs", nargs=-1, required=True, type=PLACE, metavar="RUN RUN...")
@click.option("--out", required=True, type=PLACE, help="Directory of the new archive.")
def merge_command(runs: tuple[Place, ...], out: Place) -> int:
    """One archive of all lifeforms of several runs; these stay as they are.

    Lifeforms get new numbers, run after run. What one archive is good for, the merged one is too, but it cannot be
    resumed: `alife search --from OUT` begins a search with its best.
    """
    from ..storage import open_archive
    from ..storage.lifeform import name_lifeforms
    from ..storage.merge import merge_archives

    left_out = merge_archives(runs, out)
    archive = open_archive(out)
    click.echo(f"merged {len(runs)} runs into {out}: {len(archive)} lifeforms of {', '.join(archive.substrates)}")
    for island in archive.islands:
        first, end = island["lifeforms"]
        click.echo(f"  {island['run']}: now {name_lifeforms(range(first, end)) if end > first else 'no lifeform'}")
    for run, numbers in left_out.items():
        click.echo(f"note: {run}: {name_lifeforms(numbers)} of it damaged, and left out", err=True)
    scores = dict.fromkeys(str(origin["config"].get("score")) for origin in archive.origins)
    if len(scores) > 1:
        click.echo(f"note: scores of different kinds cannot be compared: {', '.join(scores)}", err=True)
    return 0


@click.command("compact")
@click.argument("run", type=PLACE)
@click.option(
    "--level",
    type=click.IntRange(1, 22),
    help="How hard pictures are compressed: 19 is up to a third smaller, ten times slower [default: 9].",
)
def compact_command(run: Place, level: int | None) -> int:
    """Write RUN anew, smaller, in fewer files and in today's format; lifeforms keep their numbers.

    Everything is read back and compared before the old files go. Stopped at any moment, nothing is lost: give the
    command again.
    """
    from ..storage.compact import LEVEL, compact_archive

    done = compact_archive(run, level=level or LEVEL)
    before, after = (f"{count} files, {size / 1e6:.1f} MB" for count, size in zip(done.files, done.bytes, strict=True))
    click.echo(f"{run}: {before}; now {after}")
    if done.kept is not None:
        click.echo(f"note: what is damaged could not be taken over: the old archive stays, as {done.kept}", err=True)
    return 0

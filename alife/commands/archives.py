"""`alife replay`, `alife export` and `alife check-archive`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import BadOption
from .options import PLACE, devices_option, plugin_option, registry_for

if TYPE_CHECKING:
    from ..storage.remote import Place

FILMS = (".gif", ".mp4", ".webm", ".webp", ".png")

run_argument = click.argument("run", type=PLACE)


@click.command("replay")
@run_argument
@click.argument("id", type=int, required=False)
@click.option("--all", "everything", is_flag=True, help="Every lifeform; those that are not the same are named.")
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 255),
    default=2.0,
    show_default=True,
    help="Mean difference up to which pictures count as the same, in steps of 255.",
)
@devices_option
@plugin_option
def replay_command(run: Place, id: int | None, everything: bool, tolerance: float, plugins: tuple[str, ...]) -> int:
    """Run lifeform ID of RUN (or --all) again from its record and compare: exit code 0 = same, 1 = differs."""
    from ..replay import replay
    from ..storage import open_archive

    archive = open_archive(run)
    if (id is None) == (not everything):
        raise BadOption(f"give either a lifeform's ID (0 to {len(archive) - 1}) or --all")
    if id is not None:
        archive[id].frames  # noqa: B018  damage is told at once
    counts: Counter[str] = Counter()
    for result in replay(
        archive, range(len(archive)) if id is None else [id], registry_for(archive, plugins), tolerance=tolerance
    ):
        counts[result.verdict] += 1
        if id is not None or result.verdict != "same bytes":
            click.echo(str(result))
    if everything:
        click.echo(f"{counts.total()} lifeforms: " + ", ".join(f"{n} {verdict}" for verdict, n in counts.most_common()))
    return 0 if all(verdict.startswith("same") for verdict in counts) else 1


@click.command("export")
@run_argument
@click.argument("id", type=int, required=False)
@click.option(
    "--to", "target", required=True, type=click.Path(path_type=Path), help="File to write; its ending says what."
)
@click.option("--size", type=click.IntRange(8, 4096), help="Edge of a picture of a film, pixels [default: 256].")
@click.option(
    "--frames", type=click.IntRange(1, 100_000), help="Pictures of a film [default: one per step, at most 300]."
)
@click.option(
    "--tiles", type=click.IntRange(1, 400), help="Lifeforms on a page [default: 48, with ID 24] or sheet [24]."
)
@click.option(
    "--table",
    type=click.Choice(["individuals", "moments"]),
    help="Of a chronicle, as .csv or .parquet: everyone who lived in its world, or the numbers of every step.",
)
@click.option("--stored", is_flag=True, help="A film of the pictures that RUN holds: nothing is run again.")
@click.option("--fps", type=click.FloatRange(0.1, 240), default=30.0, show_default=True, help="Pictures per second.")
@plugin_option
def export_command(
    run: Place,
    id: int | None,
    target: Path,
    size: int | None,
    frames: int | None,
    tiles: int | None,
    table: str | None,
    stored: bool,
    fps: float,
    plugins: tuple[str, ...],
) -> int:
    """Write what RUN holds.

    With ID: .gif .mp4 .webm .webp (its whole life), .png (its last moment), .npz (its record), .html (a page of it, its
    ancestors and its like).
    Without: .csv .parquet (the table, a phylogeny in the ALife standard), or a contact sheet of the most different
    lifeforms (.png; .gif .webp .mp4 .webm: moving), or one page of them with recipes and family tree (.html).
    Of a chronicle: its epochs in their order (.png), or the whole life (.gif .webp .mp4 .webm).
    """
    from ..chronicle import is_chronicle
    from ..chronicle_tables import write_chronicle_table
    from ..export import SHEET_TILES, export_film, write_life, write_record, write_sheet
    from ..export_table import WRITERS, write_table
    from ..page import write_page
    from ..storage import open_archive

    archive, ending = open_archive(run), target.suffix.lower()
    if table:
        if id is not None or ending not in WRITERS:
            given = f"ID {id}" if id is not None else str(target)
            raise BadOption(f"--table {table} is of a whole chronicle, as {' or '.join(WRITERS)}; got {given}")
        write_chronicle_table(archive, table, target)
        click.echo(f"wrote {target}")
        return 0
    known = (*FILMS, ".html", *WRITERS) if id is None else (*FILMS, ".html", ".npz")
    if ending not in known:
        of = "all lifeforms" if id is None else f"lifeform {id}"
        other = f"{' '.join(WRITERS)} without an ID, .npz with one"
        raise BadOption(f"{target}: {of} can be written as {' '.join(known)} ({other})")
    if stored and (id is None or ending not in FILMS or size or frames):
        raise BadOption(
            "--stored is for a film of one lifeform, pictures as they are: expected an ID, no --size or --frames"
        )
    if ending in WRITERS:
        for remark in write_table(archive, target):
            click.echo(f"note: {remark}", err=True)
    elif ending == ".html":
        write_page(archive, target, title=run.resolve().name, tiles=tiles, lifeform=id)
    elif ending == ".npz":
        write_record(archive, int(id or 0), target)
    elif id is None and is_chronicle(archive):
        write_life(archive, target, tiles=tiles or SHEET_TILES, fps=fps)
    elif id is None:
        count = tiles or SHEET_TILES
        write_sheet(archive, target, title=run.name, tiles=count, registry=registry_for(archive, plugins))
    else:
        registry = None if stored else registry_for(archive, plugins)
        export_film(archive, id, target, frames=frames, img_size=size, fps=fps, stored=stored, registry=registry)
    click.echo(f"wrote {target}")
    return 0


@click.command("check-archive")
@run_argument
@click.option("--full", is_flag=True, help="Read every stored byte, also of genotypes, embeddings and pictures.")
@click.option("--repair", is_flag=True, help="Put right what can be, and the rest aside; reads every byte too.")
def check_archive_command(run: Place, full: bool, repair: bool) -> int:
    """Look whether RUN is as it was written, and name what is damaged: exit code 0 = sound, 1 = damaged.

    A repair removes nothing: all that it changes is kept in RUN/id/quarantine.
    """
    from ..storage import check_archive, repair_archive

    if repair:
        done = repair_archive(run)
        click.echo(str(done))
        return 0 if done.report.ok else 1
    report = check_archive(run, full=full)
    click.echo(str(report))
    return 0 if report.ok else 1

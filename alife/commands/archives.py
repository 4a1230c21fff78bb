"""`alife replay`, `alife export` and `alife check-archive`."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import BadOption
from .options import plugin_option, registry_for

FILMS = (".gif", ".mp4", ".webm", ".webp", ".png")

run_argument = click.argument("run", type=click.Path(path_type=Path))


@click.command("replay")
@run_argument
@click.argument("id", type=int)
@plugin_option
def replay_command(run: Path, id: int, plugins: tuple[str, ...]) -> int:
    """Run lifeform ID of RUN again from its record and compare: exit code 0 = same, 1 = differs."""
    from ..replay import replay
    from ..storage import open_archive

    archive = open_archive(run)
    (result,) = replay(archive, [id], registry_for(archive, plugins))
    click.echo(str(result))
    return 0 if result.same else 1


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
@click.option("--fps", type=click.FloatRange(0.1, 240), default=30.0, show_default=True, help="Pictures per second.")
@plugin_option
def export_command(
    run: Path,
    id: int | None,
    target: Path,
    size: int | None,
    frames: int | None,
    fps: float,
    plugins: tuple[str, ...],
) -> int:
    """Write what RUN holds.

    With ID: .gif .mp4 .webm .webp (its whole life), .png (its last moment), .npz (its record).
    Without: .csv (the table), or a contact sheet of the most different lifeforms (.png; .gif .webp .mp4 .webm: moving).
    """
    from ..export import export_film, write_record, write_sheet, write_table
    from ..storage import open_archive

    archive, ending = open_archive(run), target.suffix.lower()
    known = (*FILMS, ".csv") if id is None else (*FILMS, ".npz")
    if ending not in known:
        of = "all lifeforms" if id is None else f"lifeform {id}"
        raise BadOption(f"{target}: {of} can be written as {' '.join(known)} (.csv without an ID, .npz with one)")
    if ending == ".csv":
        write_table(archive, target)
    elif ending == ".npz":
        write_record(archive, int(id or 0), target)
    elif id is None:
        write_sheet(archive, target, title=run.name, registry=registry_for(archive, plugins))
    else:
        export_film(archive, id, target, frames=frames, img_size=size, fps=fps, registry=registry_for(archive, plugins))
    click.echo(f"wrote {target}")
    return 0


@click.command("check-archive")
@run_argument
def check_archive_command(run: Path) -> int:
    """Read every stored byte of RUN and name what is damaged: exit code 0 = sound, 1 = damaged."""
    from ..storage import check_archive

    report = check_archive(run)
    click.echo(str(report))
    return 0 if report.ok else 1

"""`alife replay`, `alife export` and `alife check-archive`."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import BadOption

run_argument = click.argument("run", type=click.Path(path_type=Path))


@click.command("replay")
@run_argument
@click.argument("id", type=int)
def replay_command(run: Path, id: int) -> int:
    """Run lifeform ID of RUN again from its record and compare: exit code 0 = same, 1 = differs."""
    from ..replay import replay
    from ..storage import open_archive

    (result,) = replay(open_archive(run), [id])
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
def export_command(run: Path, id: int | None, target: Path, size: int | None, frames: int | None, fps: float) -> int:
    """Write what RUN holds.

    With ID: .gif .mp4 .webm .webp (its whole life), .png (its last moment), .npz (its record).
    Without: .csv (the table), or a contact sheet of the most different lifeforms (.png; .gif .webp .mp4 .webm: moving).
    """
    from ..export import export_film, write_record, write_sheet, write_table
    from ..storage import open_archive

    archive = open_archive(run)
    ending = target.suffix.lower()
    if id is None:
        if ending == ".csv":
            write_table(archive, target)
        elif ending == ".npz":
            raise BadOption(f"{target}: an .npz holds one lifeform; give its ID before --to")
        else:
            write_sheet(archive, target, title=run.name)
    elif ending == ".npz":
        write_record(archive, id, target)
    else:
        export_film(archive, id, target, frames=frames, img_size=size, fps=fps)
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

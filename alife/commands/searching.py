"""`alife search` and `alife resume`."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import budget_options, configure, plugin_option, registry_with, seed_option, set_option

if TYPE_CHECKING:
    from ..storage import Archive

RUNS = Path("runs")


@click.command("search")
@click.argument("world", required=False)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Directory of the new archive [default: runs/WORLD-1 ...]."
)
@click.option("--score", metavar="EXPR", help="What counts as better, such as 'open_ended + 0.2*speed'.")
@click.option("--search", "search", metavar="NAME", help="How to look for it, see `alife list searches`.")
@click.option("--model", metavar="NAME", help="Who looks at the worlds, see `alife list models`.")
@click.option(
    "--prompt",
    "prompts",
    multiple=True,
    metavar="TEXT",
    help="What the world should look like; several = in time order.",
)
@budget_options
@click.option("--population", type=int, help="Worlds in one generation [default: 16].")
@click.option("--frames", type=int, help="Pictures taken of each world [default: 8].")
@seed_option
@set_option
@plugin_option
def search_command(
    world: str | None,
    out: Path | None,
    search: str | None,
    model: str | None,
    settings: tuple[str, ...],
    plugins: tuple[str, ...],
    **changes: Any,
) -> int:
    """Search WORLD for life and keep what is found.

    WORLD is a substrate, a world of the catalog, or a .toml file; without one it is two minutes of Lenia.
    """
    from ..config import DEFAULT_WORLD
    from ..run import run_search

    registry = registry_with(plugins)
    named = {"search": {"name": search} if search else None, "model": {"name": model} if model else None}
    config = configure(world or DEFAULT_WORLD, registry, settings, **named, **changes)
    place = out or _free_place(config.name)
    click.echo(f"searching {config.name}: score {config.score}, archive {place}", err=True)
    with _watched(registry) as stop:
        archive = run_search(config, out=place, registry=registry, stop=stop)
    return _finish(archive, place, stop())


@click.command("resume")
@click.argument("run", type=click.Path(path_type=Path))
@budget_options
def resume_command(run: Path, **budget: Any) -> int:
    """Go on with RUN exactly where its last archived generation ended.

    A budget given here takes the place of the run's own and counts from the start of the run.
    """
    from ..replay import registry_of
    from ..run import resume_search
    from ..storage import open_archive

    registry = registry_of(open_archive(run))
    given = {key: value for key, value in budget.items() if value is not None}
    with _watched(registry) as stop:
        archive = resume_search(run, registry=registry, stop=stop, budget=given)
    return _finish(archive, run, stop())


@contextmanager
def _watched(registry: Any) -> Iterator[Any]:
    """Progress is shown; the first Ctrl-C asks the run to end after its generation, a second one ends it at once."""
    from ..progress import Progress

    asked: list[int] = []

    def ask(number: int, _: object) -> None:
        asked.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        click.echo("\nfinishing this generation; Ctrl-C again to stop at once", err=True)

    before = signal.signal(signal.SIGINT, ask)
    progress = Progress()
    registry.hooks.register(progress)
    try:
        with progress:
            yield lambda: bool(asked)
    finally:
        registry.hooks.unregister(progress)
        signal.signal(signal.SIGINT, before)


def _finish(archive: Archive, place: Path, interrupted: bool) -> int:
    """Write the contact sheet, say where everything is and what to try next."""
    if interrupted:
        click.echo(f"stopped after generation {archive.generation + 1}; go on with: alife resume {place}")
        return 130
    if not len(archive):
        click.echo(f"{place} holds no lifeform: every world was invalid or none was kept; try another --seed or world")
        return 0
    from ..export import write_sheet

    sheet = place.with_name(place.name + ".png")
    write_sheet(archive, sheet, title=place.name)
    best = archive.best(1)[0].id
    click.echo(f"{len(archive)} lifeforms in {place}; the most different ones are on {sheet}")
    click.echo("next:")
    click.echo(f"  alife export {place} {best} --to best.gif      # watch the highest score")
    click.echo(f"  alife replay {place} {best}                    # run it again and compare")
    click.echo(f"  alife resume {place} --minutes {_more_minutes(archive)}           # go on searching")
    return 0


def _more_minutes(archive: Archive) -> int:
    return int(archive.progress.get("seconds", 0) / 60) + 5


def _free_place(name: str) -> Path:
    number = 1
    while (RUNS / f"{name}-{number}").exists():
        number += 1
    return RUNS / f"{name}-{number}"

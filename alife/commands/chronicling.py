"""`alife chronicle`: one world's long life."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from .options import PLACE, configure, named_worlds, plugin_option, remarks, seed_option, set_option
from .searching import free_place, interruptible, say_next, sheet_of

if TYPE_CHECKING:
    from ..chronicle import Report
    from ..storage import Archive
    from ..storage.remote import Place

SAID = 5
"""Measures in a line of progress."""


@click.command("chronicle")
@click.argument("world")
@click.option(
    "--epochs", type=click.IntRange(1), help="Epochs that it lives for, each as long as the world's horizon [8]."
)
@click.option("--minutes", type=float, help="Or: until so many minutes have passed.")
@click.option("--out", type=PLACE, help="Directory of the new archive [default: runs/WORLD-1 ...].")
@click.option("--frames", type=int, help="Pictures of each epoch [default: 8].")
@click.option("--score", metavar="EXPR", help="What is noted of every epoch [default: open_ended].")
@click.option("--model", metavar="NAME[:WHICH]", help="Who looks at the world, see `alife list models`.")
@seed_option
@set_option
@plugin_option
def chronicle_command(
    world: str,
    epochs: int | None,
    minutes: float | None,
    out: Place | None,
    settings: tuple[str, ...],
    plugins: tuple[str, ...],
    model: str | None,
    **changes: Any,
) -> int:
    """Let WORLD live on and on, and keep its life: pictures, measures, and the numbers of every step.

    A chronicle that is stopped goes on in the middle of the life: `alife resume`.
    """
    from ..chronicle import chronicle
    from ..config import model_table

    (name,), registry = named_worlds([world], plugins)
    budget = {"minutes": minutes} if minutes is not None else {"generations": epochs or 8}
    named = {"model": model_table(model) if model else None, "score": changes.pop("score") or "open_ended"}
    config = configure(name, registry, settings, None, **named, **budget, **changes)
    place = out or free_place(config.name)
    click.echo(f"living {config.name}, epochs of {config.steps} steps, into {place}", err=True)
    with remarks(), interruptible("epoch") as stop:
        archive = chronicle(config, out=place, registry=registry, stop=stop, tell=tell)
    return finish_chronicle(archive, place, stop())


def tell(report: Report) -> None:
    """One epoch in one line."""
    from ..progress import duration

    said = ", ".join(f"{name} {value:.4g}" for name, value in list(report.measures.items())[:SAID])
    left = f", {duration(report.seconds_left)} left" if report.seconds_left > 0 else ""
    click.echo(f"epoch {report.epoch + 1}: step {report.steps}, {report.rate:.0f} steps/s, {said}{left}", err=True)


def finish_chronicle(archive: Archive, place: Place, interrupted: bool) -> int:
    """Write the contact sheet of the epochs in time order, say where everything is and what to try next."""
    run = shlex.quote(str(place))
    if interrupted:
        click.echo(f"stopped after epoch {archive.generation + 1}; go on with: alife resume {run}")
        return 130
    from ..export import SHEET_TILES, write_life

    sheet = sheet_of(place)
    write_life(archive, sheet, tiles=SHEET_TILES)
    steps = len(archive) * archive.config["steps"]
    click.echo(f"{len(archive)} epochs, {steps} steps in {place}; they are on {sheet} in their order")
    tries = {
        f"alife resume {run} --generations {2 * len(archive)}": "live on, as long again",
        f"alife export {run} --to {run}.mp4": "a film of the whole life",
        f"alife browse {run}": "the epochs on a page",
    }
    kept = archive[0].states or {}
    if any(name.startswith("moments/") for name in kept):
        tries[f"alife export {run} --table moments --to moments.csv"] = "the numbers of every step"
    if "individuals/id" in kept:
        tries[f"alife export {run} --table individuals --to family.csv"] = "who descended from whom in it"
    say_next(tries)
    return 0

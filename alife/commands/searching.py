"""`alife search` and `alife resume`."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ArchiveExists
from ..loading import split
from .options import (
    PLACE,
    asked_for,
    budget_options,
    devices_option,
    plugin_option,
    registry_for,
    remarks,
    seed_option,
    set_option,
    workers_options,
)

if TYPE_CHECKING:
    from ..config import RunConfig
    from ..registry import Registry
    from ..storage import Archive
    from ..storage.remote import Place

RUNS = Path("runs")


@click.command("search")
@click.argument("world", required=False)
@click.option("--out", type=PLACE, help="Directory of the new archive [default: runs/WORLD-1 ...].")
@click.option("--score", metavar="EXPR", help="What counts as better, such as 'open_ended + 0.2*speed'.")
@click.option(
    "--search",
    "search",
    metavar="NAME",
    help="How to look for it [illuminate; for scores but illumination Sep_CMA_ES, or random for integers].",
)
@click.option("--model", metavar="NAME[:WHICH]", help="Who looks at the worlds, see `alife list models`.")
@click.option(
    "--prompt",
    "prompts",
    multiple=True,
    metavar="TEXT",
    help="What the world should look like; several = in time order.",
)
@click.option(
    "--image",
    "images",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="A picture that it should look like; several = in time order, after the prompts.",
)
@click.option(
    "--negative", "negatives", multiple=True, metavar="TEXT", help="What it should never look like (repeatable)."
)
@click.option(
    "--like",
    "liked",
    multiple=True,
    metavar="RUN[:ID]",
    help="Lifeforms that it should end like: the favourites of a run, or those named (repeatable).",
)
@click.option(
    "--from",
    "origin",
    metavar="RUN[:ID]",
    help="Begin with a lifeform of another run, or with its best ones; without WORLD its world, score and search.",
)
@click.option("--clip", type=int, metavar="N", help="Keep a clip of each world's whole life too, in N pictures.")
@click.option("--keep-states", is_flag=True, default=None, help="Keep the states at the moments of the frames too.")
@click.option("--peak", metavar="MEASURE", help="Keep the moment too in which this measure is highest.")
@click.option(
    "--sample", type=float, metavar="SHARE", help="Keep this share of all worlds besides, 0 to 1: an unbiased sample."
)
@click.option(
    "--repeat", type=click.IntRange(1, 1000), default=1, help="Search so often, with the next seed each time."
)
@workers_options
@click.option("--steady", is_flag=True, default=None, help="One search for all workers; each world counts as it ends.")
@budget_options
@click.option("--population", type=int, help="Worlds in one generation [default: 16].")
@click.option("--frames", type=int, help="Pictures taken of each world [default: 8].")
@click.option("--anyway", is_flag=True, help="Begin although the run needs more memory or disk than there is.")
@seed_option
@set_option
@devices_option
@plugin_option
def search_command(
    world: str | None,
    out: Place | None,
    repeat: int,
    workers: int | None,
    ray: str | None,
    anyway: bool,
    **asked: Any,
) -> int:
    """Search WORLD for life and keep what is found.

    WORLD is a substrate, a world of the catalog, a .toml file, or FILE.py:Class; without one, two minutes of Lenia.
    """
    from ..config import replace

    config, registry = asked_for(world, **asked)
    if repeat == 1:
        return search_into(config, out or free_place(config.name), registry, workers, ray, anyway)
    places = []
    for seed in range(config.seed, config.seed + repeat):
        places.append(free_place(config.name) if out is None else out.with_name(f"{out.name}-{seed}"))
        status = search_into(replace(config, seed=seed), places[-1], registry, workers, ray, anyway)
        if status:
            return status
    click.echo(f"  alife compare {shlex.join(map(str, places))}  # all {repeat} of them together")
    return 0


def search_into(
    config: RunConfig,
    place: Place,
    registry: Registry,
    workers: int | None = None,
    ray: str | None = None,
    anyway: bool = False,
) -> int:
    """Run a search before the user's eyes, into a new archive with a contact sheet beside it.

    Raises:
        DoesNotFit: it needs more memory or disk than there is, and there is no terminal on which to ask.
    """
    from ..errors import DoesNotFit
    from ..fit import require_fit
    from ..run import run_search
    from ..storage.begin import require_free

    require_free(place)
    if sheet_of(place).exists():
        raise ArchiveExists(f"{sheet_of(place)} exists, and the contact sheet would go there; give another --out")

    def announce(config: RunConfig) -> None:
        by, size = config.search["name"], f"{config.population} worlds of {config.steps} steps a generation"
        if workers:
            size += f", {workers} workers" if config.steady else f" on each of {workers} islands"
        click.echo(f"searching {config.name} for {_aim(config)} by {by}, {size}, into {place}", err=True)

    on: dict[str, Any] = {"registry": registry, "workers": workers, "ray": ray}
    checks: dict[str, Any] = {} if anyway else {"before": require_fit(place, 1 if ray else workers or 1)}
    try:
        with remarks(), _watched(registry) as stop:
            archive = run_search(config, out=place, stop=stop, begun=announce, **on, **checks)
    except DoesNotFit as error:
        if not sys.stdin.isatty():
            raise
        click.confirm(f"{error}\ngo on?", abort=True, err=True)
        return search_into(config, place, registry, workers, ray, anyway=True)
    return _finish(archive, place, stop(), {})


def _aim(config: RunConfig) -> str:
    """The score and what it compares with, in words."""
    wanted = [*map(repr, config.prompts), *(image["file"] for image in config.images)]  # type: ignore[index]
    unwanted = [repr(text) for text in config.negatives]
    seen = f" ({' then '.join(wanted)}{' without ' if unwanted else ''}{', '.join(unwanted)})" if wanted else ""
    seen += f" ({len(config.liked)} liked)" if config.liked else ""
    return f"{config.score}{seen}"


@click.command("resume")
@click.argument("run", type=PLACE)
@workers_options
@budget_options
@click.option("--anyway", is_flag=True, help="Go on although the code of the world or the model has changed.")
@devices_option
@plugin_option
def resume_command(
    run: Place, anyway: bool, plugins: tuple[str, ...], workers: int | None, ray: str | None, **budget: Any
) -> int:
    """Go on with RUN, a search or a chronicle, exactly where its last archived generation ended.

    A budget given here takes the place of the run's own and counts from the start of the run.
    """
    from ..budget import START, why_stop
    from ..chronicle import is_chronicle, resume_chronicle
    from ..config import from_json, replace
    from ..run import resume_search
    from ..storage import open_archive
    from .chronicling import finish_chronicle, tell

    before = open_archive(run)
    registry = registry_for(before, plugins)
    given = {key: value for key, value in budget.items() if value is not None}
    lives = is_chronicle(before)
    if lives:
        with remarks(), interruptible("epoch") as stop:
            archive = resume_chronicle(run, registry=registry, stop=stop, tell=tell, budget=given, anyway=anyway)
    else:
        with remarks(), _watched(registry) as stop:
            on: dict[str, Any] = {"workers": workers, "ray": ray}
            archive = resume_search(run, registry=registry, stop=stop, budget=given, anyway=anyway, **on)
    ran = [one.progress.get("evaluations", one.generation) for one in (before, archive)]
    if ran[0] == ran[1] and not stop():
        config = replace(from_json(archive.config), **given)
        reason = why_stop(config, archive.generation + 1, {**START, **archive.progress})
        click.echo(f"nothing to do in {run}: {reason}; give more with --generations, --minutes, --patience or --target")
        return 0
    return finish_chronicle(archive, run, stop()) if lives else _finish(archive, run, stop(), given)


@contextmanager
def interruptible(what: str) -> Iterator[Callable[[], bool]]:
    """Says whether Ctrl-C was pressed, which asks for an end after this generation; a second one ends all at once."""
    asked: list[int] = []

    def ask(number: int, _: object) -> None:
        asked.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        click.echo(f"\nfinishing this {what}; Ctrl-C again to stop at once", err=True)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _watched(registry: Any) -> Iterator[Callable[[], bool]]:
    """Progress is shown, and Ctrl-C asks for an end."""
    from ..progress import Progress

    progress = Progress()
    registry.hooks.register(progress)
    try:
        with progress, interruptible("generation") as stop:
            yield stop
    finally:
        registry.hooks.unregister(progress)


def _finish(archive: Archive, place: Place, interrupted: bool, budget: dict[str, Any]) -> int:
    """Write the contact sheet, say where everything is and what to try next."""
    if interrupted:
        more = "".join(f" --{name} {value}" for name, value in budget.items())
        again = f"alife resume {shlex.quote(str(place))}{more}"
        click.echo(f"stopped after generation {archive.generation + 1}; go on with: {again}")
        return 130
    kept = archive.column("elite")
    besides = f" and {(~kept).sum()} more in the sample" if not kept.all() else ""
    if not kept.any():
        invalid = archive.progress.get("invalid", 0)
        click.echo(f"{place} holds no lifeform: {invalid} worlds gave NaN or infinite pictures, measures or scores")
        score, substrate, plugins = (archive.config[key] for key in ("score", "substrate", "plugins"))
        own = next((plugin for plugin in plugins if split(plugin)[1] == substrate), substrate)
        click.echo(f"either the world breaks, `alife check {own}`, or the score {score!r} divides by 0")
        return 0
    from ..budget import START, why_early
    from ..config import from_json, replace
    from ..export import write_sheet

    reason = why_early(replace(from_json(archive.config), **budget), {**START, **archive.progress})
    if reason:
        click.echo(f"ended early: {reason}")
    if "busy" in archive.progress:
        click.echo(f"workers were busy {archive.progress['busy']:.0%} of the time")
    sheet = sheet_of(place)
    best = write_sheet(archive, sheet, title=place.name)[0]
    run = shlex.quote(str(place))
    click.echo(f"{kept.sum()} lifeforms{besides} in {place}; the most different ones are on {sheet}")
    tries = {
        f"alife browse {run}": "all of them, alive, on a page",
        f"alife export {run} {best} --to {best}.gif": "a film of the first one",
        f"alife replay {run} {best}": "run it again and compare",
    }
    if not archive.progress.get("finished"):
        minutes = _more_minutes(archive)
        tries[f"alife resume {run} --minutes {minutes}"] = f"go on, to {minutes} minutes in all"
    say_next(tries)
    return 0


def say_next(tries: Mapping[str, str]) -> None:
    """Commands to try, and what each is for."""
    click.echo("next:")
    width = max(map(len, tries))
    for command, meaning in tries.items():
        click.echo(f"  {command:{width}}  # {meaning}")


def sheet_of(place: Place) -> Path:
    """The contact sheet of a run: beside it, or here where the run is on object storage."""
    return place.with_name(place.name + ".png") if isinstance(place, Path) else Path(place.name + ".png")


def _more_minutes(archive: Archive) -> int:
    return int(archive.progress.get("seconds", 0) / 60) + 5


def free_place(name: str) -> Path:
    number = 1
    while (RUNS / f"{name}-{number}").exists() or sheet_of(RUNS / f"{name}-{number}").exists():
        number += 1
    return RUNS / f"{name}-{number}"

"""Options that several commands share, each described once."""

from __future__ import annotations

import tomllib
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click

from ..errors import BadOption, PluginError, suggest
from ..loading import is_spec, refuse_bare_file, split
from ..registry import registry_with

if TYPE_CHECKING:
    from ..config import RunConfig
    from ..registry import Registry
    from ..storage import Archive


class _Place(click.Path):
    """A path, or an address on object storage such as s3://bucket/run."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from ..storage.remote import place_of

        return place_of(value)


PLACE = _Place()
"""Where a run lies, or is to be made."""
plugin_option = click.option(
    "--plugin", "plugins", multiple=True, metavar="FILE", help="Load a plugin file (repeatable)."
)


def _use(context: click.Context, option: click.Parameter, count: int | None) -> None:
    if count is not None:
        from ..devices import use_devices

        use_devices(count)


devices_option = click.option(
    "--devices",
    type=click.IntRange(1),
    metavar="N",
    callback=_use,
    expose_value=False,
    help="Run worlds on the first N devices [default: all]; a CPU is taken as N virtual ones, with the same results.",
)
seed_option = click.option("--seed", type=int, help="Decides every random number [default: 0].")
set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any key of a world file: steps=512, options.world_size=64, search.sigma=0.2 (repeatable).",
)


def workers_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--workers and --ray."""
    address = click.option("--ray", metavar="HOST:PORT", help="A Ray cluster for the workers [this machine alone].")
    count = click.option(
        "--workers", type=click.IntRange(1, 10_000), help="So many processes search, each an island [this one alone]."
    )
    return count(address(command))


def budget_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--generations, --evaluations and --minutes, of which at most one may be given; --patience and --target."""
    command = click.option("--target", type=float, help="Stop early when a world scores so high.")(command)
    patience = click.option("--patience", type=int, help="Stop early after so many generations without a better one.")
    command = patience(command)
    command = click.option("--minutes", type=float, help="Stop after so many minutes [a new search: 2].")(command)
    command = click.option("--evaluations", type=int, help="Stop when so many worlds have been run.")(command)
    return click.option("--generations", type=int, help="Stop after so many generations.")(command)


def registry_for(archive: Archive, plugins: tuple[str, ...]) -> Registry:
    """What a run needs: the plugin files given, else those that the run itself names.

    Raises:
        PluginError: a file the run names is no longer there; give its new place with --plugin.
    """
    from ..replay import registry_of

    if plugins:
        return registry_with(plugins)
    try:
        return registry_of(archive)
    except PluginError as error:
        raise PluginError(f"{error}; if it has moved, say --plugin FILE") from error


def configure(
    world: str | None, registry: Registry, settings: tuple[str, ...], origin: str | None = None, **changes: Any
) -> RunConfig:
    """The configuration that a command line asks for; named options win over --set."""
    from ..branch import branch
    from ..config import DEFAULT_WORLD, load_world

    said = parse_settings(settings)
    for key, value in changes.items():
        if value is None or value == ():
            continue
        said[key] = {**said.get(key, {}), **value} if isinstance(value, dict) else value
    if origin is not None:
        return branch(origin, world, registry, **said, plugins=registry.files)
    return load_world(DEFAULT_WORLD if world is None else world, registry.horizons, **said, plugins=registry.files)


def asked_for(
    world: str | None,
    *,
    search: str | None,
    model: str | None,
    settings: tuple[str, ...],
    plugins: tuple[str, ...],
    origin: str | None,
    **changes: Any,
) -> tuple[RunConfig, Registry]:
    """The configuration of the search that a command line asks for, and what it may name."""
    from ..config import model_table

    names, registry = named_worlds([world] if world else [], plugins)
    named = {"search": {"name": search} if search else None, "model": model_table(model) if model else None}
    return configure(names[0] if names else None, registry, settings, origin, **named, **changes), registry


def named_worlds(worlds: Sequence[str], plugins: tuple[str, ...]) -> tuple[list[str], Registry]:
    """Worlds by name, and a registry that knows them: FILE.py:Class becomes the name of the class."""
    for world in worlds:
        refuse_bare_file(world)
    own = [world for world in worlds if is_spec(world)]
    names = [split(world)[1] if world in own else world for world in worlds]
    return names, registry_with([*plugins, *own])


@contextmanager
def remarks() -> Iterator[None]:
    """What a model has to say of a text, such as words that it ignores, comes as a line, not as a Python warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        usual = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any) -> None:
            if category is UserWarning:
                click.echo(f"note: {message}", err=True)
            else:
                usual(message, category, *where)

        warnings.showwarning = show  # type: ignore[assignment]
        yield


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """`key=value` settings as nested changes; values are read as TOML, bare words as text.

    >>> parse_settings(["steps=512", "options.world_size=64", "search.sigma=0.2", "model.name=pixels"])
    {'steps': 512, 'options': {'world_size': 64}, 'search': {'sigma': 0.2}, 'model': {'name': 'pixels'}}

    Raises:
        BadOption: not of the form key=value, or a key that does not exist.
    """
    from ..config import TABLES, RunConfig

    changes: dict[str, Any] = {}
    keys = [f.name for f in fields(RunConfig) if f.name not in ("name", "origin", "plugins", *TABLES)]
    for setting in settings:
        key, equals, text = setting.partition("=")
        key = key.strip()
        if not equals or not key:
            raise BadOption(f"--set {setting!r}: expected key=value, such as steps=512 or options.world_size=64")
        table, dot, inner = key.partition(".")
        if dot and table in TABLES and inner:
            changes.setdefault(table, {})[inner] = _value(text)
        elif not dot and key in keys:
            changes[key] = _value(text)
        else:
            known = [*keys, *(f"{t}.{key.rpartition('.')[2]}" for t in TABLES)]
            raise BadOption(f"--set {setting!r}: there is no key {key!r}; {suggest(key, known)}")
    return changes


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()

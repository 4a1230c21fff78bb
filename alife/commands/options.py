"""Options that several commands share, each described once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..errors import PluginError
from ..registry import registry_with

if TYPE_CHECKING:
    from ..config import RunConfig
    from ..registry import Registry
    from ..storage import Archive

plugin_option = click.option(
    "--plugin", "plugins", multiple=True, metavar="FILE", help="Load a plugin file (repeatable)."
)
seed_option = click.option("--seed", type=int, help="Decides every random number [default: 0].")
set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any key of a world file: steps=512, options.world_size=64, search.sigma=0.2 (repeatable).",
)


def budget_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--generations, --evaluations and --minutes, of which at most one may be given."""
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


def configure(world: str, registry: Registry, settings: tuple[str, ...], **changes: Any) -> RunConfig:
    """The configuration that a command line asks for; named options win over --set."""
    from ..config import load_world, parse_settings

    said = parse_settings(settings)
    for key, value in changes.items():
        if value is None or value == ():
            continue
        said[key] = {**said.get(key, {}), **value} if isinstance(value, dict) else value
    return load_world(world, registry.horizons, **said, plugins=registry.files)

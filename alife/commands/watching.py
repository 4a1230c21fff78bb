"""`alife run` and `alife import`: one world at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ..errors import ArchiveExists, BadOption, UnknownName
from ..registry import registry_with
from .options import configure, plugin_option, seed_option, set_option


@click.command("run")
@click.argument("world")
@click.option(
    "--to", "target", required=True, type=click.Path(path_type=Path), help="File: .gif .mp4 .webm .webp or .png."
)
@click.option("--size", type=click.IntRange(8, 4096), default=256, show_default=True, help="Edge of a picture, pixels.")
@click.option("--frames", type=click.IntRange(1, 100_000), help="Pictures [default: one per step, at most 300].")
@click.option("--fps", type=click.FloatRange(0.1, 240), default=30.0, show_default=True, help="Pictures per second.")
@seed_option
@set_option
@plugin_option
def run_command(
    world: str,
    target: Path,
    size: int,
    frames: int | None,
    fps: float,
    seed: int | None,
    settings: tuple[str, ...],
    plugins: tuple[str, ...],
) -> int:
    """Watch one WORLD: its own genotype where it names one, else one drawn from the substrate's prior by the seed."""
    from ..export import write_film
    from ..replay import film_world_of

    registry = registry_with(plugins)
    config = configure(world, registry, settings, seed=seed)
    write_film(target, lambda: film_world_of(config, registry, frames, size), fps)
    click.echo(f"wrote {target}")
    return 0


@click.command("import")
@click.argument("kind")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for the world files [default: FILE without its ending]."
)
@plugin_option
def import_command(kind: str, file: Path, out: Path | None, plugins: tuple[str, ...]) -> int:
    """Turn the patterns of FILE into world files that `alife run` and `alife search` take.

    KIND is a substrate that reads files: lenia_classic (species catalogue, .json) or life (pattern, .rle).
    """
    registry = registry_with(plugins)
    readers = {name for name, entry in registry.substrates.items() if hasattr(entry.resolve(), "from_file")}
    if kind not in readers:
        raise UnknownName("importer", kind, readers)
    worlds = registry.substrates[kind].resolve().from_file(file)  # type: ignore[attr-defined]
    folder = out or file.with_suffix("")
    if folder.exists():
        raise ArchiveExists(f"{folder} exists; give another folder with --out")
    folder.mkdir(parents=True)
    names: set[str] = set()
    for name, options, genotype in worlds:
        path = folder / f"{_file_name(name, names)}.toml"
        path.write_text(_toml({"summary": name, "substrate": kind, "genotype": genotype, "options": options}), "utf-8")
    click.echo(f"wrote {len(names)} world(s) to {folder}; try: alife run {path} --to world.gif")
    return 0


def _file_name(name: str, taken: set[str]) -> str:
    """A file name from a species name, unlike those taken.

    >>> _file_name("Orbium (smaller)", {"orbium-smaller"})
    'orbium-smaller-2'
    """
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "world"
    choice, number = plain, 2
    while choice in taken:
        choice, number = f"{plain}-{number}", number + 1
    taken.add(choice)
    return choice


def _toml(values: Mapping[str, Any]) -> str:
    """TOML of a world: plain keys first, then tables.

    >>> print(_toml({"substrate": "life", "options": {"size": 64}}))
    substrate = "life"
    <BLANKLINE>
    [options]
    size = 64
    <BLANKLINE>
    """
    plain = [f"{key} = {_toml_value(value)}" for key, value in values.items() if not isinstance(value, Mapping)]
    tables = [
        f"\n[{name}]\n" + "\n".join(f"{key} = {_toml_value(value)}" for key, value in table.items())
        for name, table in values.items()
        if isinstance(table, Mapping)
    ]
    return "\n".join([*plain, *tables]) + "\n"


def _toml_value(value: Any) -> str:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if value is None or isinstance(value, Mapping):
        raise BadOption(f"{value!r} cannot be written to a world file")
    return json.dumps(value, ensure_ascii=False)

"""`alife import`: what was made elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ArchiveExists, BadOption, UnknownName
from ..registry import registry_with
from .options import PLACE, configure, devices_option, plugin_option, set_option
from .searching import search_into

if TYPE_CHECKING:
    from ..registry import Registry
    from ..storage.remote import Place


@click.command("import")
@click.argument("kind")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", type=PLACE, help="Where to: a new directory [default: as FILE is named].")
@click.option("--world", metavar="WORLD", help="asal: what the genotypes belong to [default: told by their length].")
@click.option("--first", type=click.IntRange(1), help="asal: take only so many genotypes [default: all].")
@set_option
@devices_option
@plugin_option
def import_command(
    kind: str,
    file: Path,
    out: Place | None,
    world: str | None,
    first: int | None,
    settings: tuple[str, ...],
    plugins: tuple[str, ...],
) -> int:
    """Take over what FILE holds.

    KIND is `asal` (genotypes found with ASAL, .npz: run, drawn, embedded and kept in an archive) or a substrate that
    reads files, whose patterns become world files: lenia_classic (species catalogue, .json), life (pattern, .rle) or
    physics_level (Kinetix level, .json).
    """
    registry = registry_with(plugins)
    place = out or file.with_suffix("")
    if kind == "asal":
        return _import_genotypes(file, place, registry, world, first, settings)
    if world is not None or first is not None or settings:
        raise BadOption(f"--world, --first and --set belong to `alife import asal`; KIND is {kind!r}")
    readers = {name for name, entry in registry.substrates.items() if hasattr(entry.resolve(), "from_file")}
    if kind not in readers:
        raise UnknownName("importer", kind, readers | {"asal"})
    return _import_worlds(kind, file, place, registry)


def _import_genotypes(
    file: Path, place: Place, registry: Registry, world: str | None, first: int | None, settings: tuple[str, ...]
) -> int:
    """An archive of every genotype in an ASAL file."""
    from ..asal import world_of
    from ..search.given import read_genotypes

    rows = read_genotypes(file)
    name, options = (world, {}) if world is not None else world_of(rows, file, registry)
    count = min(first or len(rows), len(rows))
    given = {"name": "given", "file": str(file.resolve()), **({"first": first} if first else {})}
    population = min(16, count)
    config = configure(
        name, registry, settings, options=options, search=given, evaluations=count, population=population
    )
    return search_into(config, place, registry)


def _import_worlds(kind: str, file: Path, folder: Place, registry: Registry) -> int:
    """A folder of world files, one for each pattern of a file that a substrate reads."""
    worlds = registry.substrates[kind].resolve().from_file(file)  # type: ignore[attr-defined]
    from ..storage.remote import require_local

    folder = require_local(folder, "filled with world files")
    if folder.exists():
        raise ArchiveExists(f"{folder} exists; give another folder with --out")
    folder.mkdir(parents=True)
    names: set[str] = set()
    for name, options, genotype in worlds:
        path = folder / f"{_file_name(name, names)}.toml"
        own = {} if genotype is None else {"genotype": genotype}
        path.write_text(_toml({"summary": name, "substrate": kind, **own, "options": options}), "utf-8")
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

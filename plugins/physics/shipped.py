"""Levels that ship: one file each in `levels/`, as Kinetix would read them."""

from __future__ import annotations

from importlib.resources import as_file, files

from alife.errors import UnknownName

from .level_file import read_level
from .scene import Scene

FOLDER = "levels"


def level_names() -> list[str]:
    """Names of all levels that ship."""
    there = files(__package__).joinpath(FOLDER).iterdir()
    return sorted(file.name.removesuffix(".json") for file in there if file.name.endswith(".json"))


def named_level(name: str) -> Scene:
    """The scene of a level by its name, or of a level file by its path, which ends in .json.

    Raises:
        UnknownName: no level that ships is called so.
        BadWorld: the file is no level.
    """
    if name.endswith(".json"):
        return read_level(name)
    names = level_names()
    if name not in names:
        raise UnknownName("level", name, names, "Or give the path of a level file, .json")
    with as_file(files(__package__).joinpath(FOLDER, f"{name}.json")) as path:
        return read_level(path)

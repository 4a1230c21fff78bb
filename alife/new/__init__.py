"""`alife new plugin`: a whole package to begin with, whose tests pass as they are."""

from __future__ import annotations

import keyword
from importlib import resources
from pathlib import Path
from string import Template
from typing import NamedTuple

from ..errors import BadOption, UnknownName
from ..loading import KINDS


class Package(NamedTuple):
    """What was written."""

    place: Path
    module: Path
    command: str
    """Shows what it does, as its README says; to be run in its place."""
    picture: Path
    """What that command makes."""


SEARCH = "alife search gray_scott --plugin alife_{name}.py {use} --generations 4 --population 8 --out runs/{name}"
COMMANDS = {
    "substrate": "alife run {name} --plugin alife_{name}.py --to {name}.png",
    "model": SEARCH.format(name="{name}", use="--model {name}"),
    "score": SEARCH.format(name="{name}", use="--score {name}"),
    "search": SEARCH.format(name="{name}", use="--search {name} --score open_ended"),
}
PICTURES = {"substrate": "{name}.png"}
"""What the command makes, where it is no sheet beside a run."""


def write_package(name: str, kind: str, into: Path) -> Package:
    """Writes a package with one plugin: module, test, README, and what installs and tests it.

    Args:
        name: of the thing, and of the directory; a word in small letters.
        kind: "substrate", "model", "score" or "search".
        into: where the directory goes.

    Raises:
        BadOption: a name that is no such word, or a directory that is there already.
        UnknownName: there is no such kind.
    """
    if kind not in KINDS:
        raise UnknownName("kind of plugin", kind, KINDS)
    if not name.isidentifier() or name != name.lower() or keyword.iskeyword(name) or name.startswith("_"):
        near = "".join(c if c.isalnum() else "_" for c in name.lower()).strip("_0123456789") or "ripples"
        raise BadOption(f"{name!r} cannot be a plugin's name; expected a word of a-z, 0-9 and _, such as {near}")
    place = into / name
    if place.exists():
        raise BadOption(f"{place} exists; choose another name, or remove it first")
    title = "".join(part.capitalize() for part in name.split("_"))
    command = COMMANDS[kind].format(name=name)
    picture = PICTURES.get(kind, "runs/{name}.png").format(name=name)
    said = {
        "name": name,
        "Name": title,
        "dashed": name.replace("_", "-"),
        "kind": kind,
        "Kind": kind.capitalize(),
        "thing": name if kind == "score" else title,
        "options": '{"size": 16}' if kind == "substrate" else "{}",
        "command": command,
        "picture": picture,
    }
    files = {
        f"{kind}.py": f"alife_{name}.py",
        "test.py": f"test_alife_{name}.py",
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        "ci.yml": ".github/workflows/test.yml",
        "gitignore": ".gitignore",
    }
    for source, target in files.items():
        text = resources.files(__package__).joinpath(f"{source}.txt").read_text("utf-8")
        (place / target).parent.mkdir(parents=True, exist_ok=True)
        (place / target).write_text(Template(text).substitute(said), "utf-8")
    return Package(place, place / f"alife_{name}.py", command, place / picture)

"""What is said of a lifeform wherever it is shown: how it came about, and how to get at it again."""

from __future__ import annotations

import shlex
from typing import NamedTuple

from .storage import Archive, Lifeform

WAYS = {
    "sample": "drawn at random",
    "mutate": "changed from {}",
    "crossover": "mixed from {} and {}",
    "distribution": "drawn from a search distribution",
    "given": "given to the search",
    "line": "moved from {} along the line to {}",
    "sweep": "next in an enumeration",
    "migrant": "come from {}",
}
"""Operators, see `alife.types.OPERATORS`, for people."""


def way_of(life: Lifeform) -> str:
    """How a lifeform came about, such as "changed from 3"."""
    way = WAYS.get(life.operator, "")
    if way and way.count("{}") == len(life.parents):
        return way.format(*life.parents)
    return life.operator + (f" of {' and '.join(map(str, life.parents))}" if life.parents else "")


class Recipe(NamedTuple):
    """Lines to copy."""

    shell: str
    python: str


def recipe(archive: Archive, i: int) -> Recipe:
    """How to get at a lifeform again, in a shell and in Python."""
    run = shlex.quote(str(archive.path))
    shell = [f"alife replay {run} {i}", f"alife export {run} {i} --to {i}.gif", f"alife search --from {run}:{i}"]
    python = [
        "import alife",
        f"lifeform = alife.open_archive({str(archive.path)!r})[{i}]",
        "lifeform.frames, lifeform.genotype",
    ]
    return Recipe("\n".join(shell), "\n".join(python))

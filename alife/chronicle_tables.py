"""Tables of a chronicle: who descended from whom among those who live in its world, and the numbers of every step.

The table of individuals begins with the columns of the ALife data standard for phylogenies:

| column | holds |
|---|---|
| `id` | number of the individual, counted over the whole life of the world |
| `ancestor_list` | id of its parent: `[3]`, or `[none]` for a founder |
| `origin_time` | the step in which it was born, from 1; founders of the beginning: 0 |
| `destruction_time` | the step in which it was there no more, `inf` while it is alive |
| `generation` | ancestors that it has, 0 for a founder |

Source: github.com/alife-data-standards, phylogeny.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from .chronicle import individuals, moments
from .export_table import BLOCK, Block, check_table, write_blocks
from .storage import Archive

Columns = dict[str, np.ndarray]


def phylogeny(archive: Archive) -> Columns:
    """Everyone who ever lived in the world of a chronicle, in the order of birth, as columns of one length.

    `id`, `parent` (-1 = a founder), `origin_time`, `destruction_time` (infinite for those alive) and `generation`.
    Who did not live to see the end of the step of its birth is not in it.

    Raises:
        BadOption: no chronicle, or of a substrate that does not tell individuals apart.
    """
    who = individuals(archive)
    return lives(who["id"], who["parent"])


def lives(ids: Int[np.ndarray, "T N"], parents: Int[np.ndarray, "T N"]) -> Columns:
    """The lives of individuals, from who was in which slot after each step.

    >>> ids = np.array([[0, 1, -1], [0, -1, 2], [0, 3, 2]])
    >>> table = lives(ids, np.array([[-1, -1, -1], [-1, -1, 0], [-1, 2, 0]]))
    >>> {name: column.tolist() for name, column in table.items()}
    {'id': [0, 1, 2, 3], 'parent': [-1, -1, 0, 2], 'origin_time': [0, 0, 2, 3],
     'destruction_time': [inf, 2.0, inf, inf], 'generation': [0, 0, 1, 2]}
    """
    steps, slots = ids.shape
    flat, alive = ids.ravel(), np.flatnonzero(ids.ravel() >= 0)
    found, first = np.unique(flat[alive], return_index=True)
    _, last = np.unique(flat[alive][::-1], return_index=True)
    begin, end = alive[first] // slots, alive[len(alive) - 1 - last] // slots
    parent = parents.ravel()[alive[first]]
    generation = np.zeros(len(found), np.int64)
    places = np.searchsorted(found, parent)
    known = (parent >= 0) & (found[np.minimum(places, max(len(found) - 1, 0))] == parent) if len(found) else parent > 0
    for i in np.flatnonzero(known):  # parents come before their children
        generation[i] = generation[places[i]] + 1
    return {
        "id": found,
        "parent": np.where(known, parent, -1),
        "origin_time": np.where((begin == 0) & (parent < 0), 0, begin + 1),
        "destruction_time": np.where(end == steps - 1, np.inf, end + 2),
        "generation": generation,
    }


def _individuals(archive: Archive) -> Columns:
    table = phylogeny(archive)
    parent = table.pop("parent")
    lists = np.array([f"[{p}]" if p >= 0 else "[none]" for p in parent.tolist()], object)
    return {"id": table.pop("id"), "ancestor_list": lists, **table}


def _moments(archive: Archive) -> Columns:
    numbers = moments(archive)
    count = len(next(iter(numbers.values())))
    return {"step": np.arange(1, count + 1), **numbers}


TABLES: dict[str, Callable[[Archive], Columns]] = {"individuals": _individuals, "moments": _moments}
"""Tables that a chronicle has besides that of its epochs: everyone who lived in it, and the numbers of every step."""


def write_chronicle_table(archive: Archive, table: str, target: Path) -> None:
    """One of `TABLES` as .csv or .parquet.

    Raises:
        BadOption: no chronicle, one without such a table, another ending, or a file that cannot be written.
        PluginError: .parquet without pyarrow.
    """
    check_table(target)
    write_blocks(target, _blocks(TABLES[table](archive)))


def _blocks(columns: Columns) -> Iterator[Block]:
    count = len(next(iter(columns.values())))
    for start in range(0, max(1, count), BLOCK):
        rows: dict[str, Any] = {name: np.ma.asarray(values[start : start + BLOCK]) for name, values in columns.items()}
        yield rows

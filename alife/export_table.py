"""The table of an archive, .csv or .parquet: a phylogeny as the ALife data standards have it, and all other numbers.

The first four columns are the standard's:

| column | holds |
|---|---|
| `id` | number of the lifeform |
| `ancestor_list` | ids of its parents: `[3,7]`, `[3]`, `[none]` |
| `origin_time` | the generation in which it was found |
| `destruction_time` | the generation in which another took its place in the search, `inf` while none has |

Source: github.com/alife-data-standards, phylogeny.md.  It also allows `[]` and a space after each comma; phylotrackpy
refuses the one and alifedata-phyloinformatics-convert the other, and both read what is written here.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from .errors import ArchiveDamaged, PluginError
from .storage import Archive
from .storage.events import Event, favourites, notes, read_events, tags
from .storage.media import check_target, whole_file
from .types import OPERATORS

if TYPE_CHECKING:
    import pyarrow

BLOCK = 65_536
"""Rows turned into text at a time, and a row group of a .parquet: a table of a million needs no more memory."""

Block = Mapping[str, np.ma.MaskedArray]
"""Some rows of the table, column by column; masked = there is no such value."""


def write_table(archive: Archive, target: Path) -> list[str]:
    """Every lifeform's numbers, one row each, in a file whose ending (.csv or .parquet) says what it is.

    Besides the numbers of the archive: `rank` by score (1 = highest, equal for equal ones), `favourite`, `tags` with
    spaces between, and `note` in one line.  What a lifeform does not have is an empty cell, null in .parquet.

    Returns what is left out as damaged, one sentence each.  An ancestor that is left out is in no `ancestor_list`, and
    whom it replaced is not known.

    Raises:
        BadOption: another ending, or a file that cannot be written.
        PluginError: .parquet without pyarrow.
    """
    check_table(target)
    columns, left_out = _sound_columns(archive)
    events: list[Event] | None = None
    try:
        events = read_events(archive.path)
    except ArchiveDamaged as damage:
        left_out.append(f"favourite, tags and note are empty: {damage}")
    names = {"operator": OPERATORS, "substrate": archive.substrates}
    write_blocks(target, table_blocks(columns, names, events))
    return left_out


def check_table(target: Path) -> None:
    """Raises BadOption or PluginError unless a table can be written there."""
    check_target(target, WRITERS)
    if target.suffix.lower() == ".parquet" and find_spec("pyarrow") is None:
        raise PluginError(f"{target}: .parquet needs pyarrow; pip install 'alife[parquet]', or write a .csv")


def write_blocks(target: Path, blocks: Iterator[Block]) -> None:
    """A table from its blocks, as the ending of the file says; all of it or nothing."""
    with whole_file(target) as place:
        WRITERS[target.suffix.lower()](place, blocks)


def table_blocks(
    columns: Mapping[str, np.ndarray], names: Mapping[str, Sequence[str]], events: list[Event] | None
) -> Iterator[Block]:
    """The table, `BLOCK` rows at a time; one block without rows where there is no lifeform.

    Args:
        columns: of the archive, of all lifeforms that the table has, by id.
        names: what the numbers of a column stand for, where they stand for names.
        events: what people have said; None where that cannot be read.
    """
    destroyed, rank = destruction_times(columns), _ranks(columns)
    marks = _marks(events)
    for start in range(0, max(1, len(rank)), BLOCK):
        part = {name: column[start : start + BLOCK] for name, column in columns.items()}
        rows: dict[str, Any] = {
            "id": part["id"],
            "ancestor_list": _ancestor_lists(part["parent"], columns["id"]),
            "origin_time": part["generation"],
            "destruction_time": destroyed[start : start + BLOCK],
        }
        for name, column in part.items():
            for key, values in _plain_columns(name, column, names.get(name)):
                # a plugin may call a measure as a column that only the table has
                rows[f"measure_{key}" if key in {*rows, "rank", *marks} else key] = values
        rows["rank"] = rank[start : start + BLOCK]
        rows.update({name: mark(part["id"]) for name, mark in marks.items()})
        yield {name: _without_nan(values) for name, values in rows.items()}


def destruction_times(columns: Mapping[str, np.ndarray]) -> Float[np.ndarray, " n"]:
    """The generation in which each lifeform went out of the search's population, infinite while it is in it.

    One that never came into it, because it is only part of a sample, goes when it comes.
    """
    ids, generation, replaced = columns["id"], columns["generation"], columns["replaced"]
    times = np.where(columns.get("elite", np.ones(len(ids), bool)), np.inf, generation)
    places = np.searchsorted(ids, replaced)
    there = (replaced >= 0) & (ids[np.minimum(places, len(ids) - 1)] == replaced) if len(ids) else replaced >= 0
    np.minimum.at(times, places[there], generation[there])
    return times


def _sound_columns(archive: Archive) -> tuple[dict[str, np.ndarray], list[str]]:
    try:
        return archive.table(), []
    except ArchiveDamaged as damage:
        return archive.table(archive.sound), [f"left out: {damage}"]


def _ancestor_lists(parents: Int[np.ndarray, "n 2"], ids: Int[np.ndarray, " m"]) -> np.ndarray:
    """The parents that are in the table, each once, as text."""
    if len(ids) and len(ids) <= ids[-1]:  # some are missing
        parents = np.where(np.isin(parents, ids), parents, -1)
    lists = [
        f"[{a},{b}]" if a >= 0 and b >= 0 and a != b else f"[{max(a, b)}]" if max(a, b) >= 0 else "[none]"
        for a, b in parents.tolist()
    ]
    return np.array(lists, object)


def _ranks(columns: Mapping[str, np.ndarray]) -> Int[np.ndarray, " n"]:
    score = np.where(columns["valid"], columns["score"], -np.inf)
    return len(score) - np.searchsorted(np.sort(score), score, side="right") + 1


def _plain_columns(name: str, column: np.ndarray, names: Sequence[str] | None) -> Iterator[tuple[str, np.ndarray]]:
    """A column of the archive as the table has it: two-number columns as two."""
    if name in ("id", "parent"):
        return
    if names is not None:
        yield name, np.array(names, object)[column]
    elif column.ndim == 2:
        yield from ((f"{name}_{i + 1}", column[:, i]) for i in range(column.shape[1]))
    else:
        yield name, column


def _marks(events: list[Event] | None) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """What people have said, by column: ids -> values."""
    liked = np.array(favourites(events or []), np.int64)
    words = {i: " ".join(found) for i, found in tags(events or []).items()}
    texts = {i: " ".join(text.split()) for i, text in notes(events or []).items()}  # many readers go line by line
    unknown = events is None
    return {
        "favourite": lambda ids: np.ma.array(np.isin(ids, liked), mask=unknown),
        "tags": lambda ids: np.array([words.get(i) for i in ids.tolist()], object),
        "note": lambda ids: np.array([texts.get(i) for i in ids.tolist()], object),
    }


def _without_nan(values: np.ndarray) -> np.ma.MaskedArray:
    nothing = values.dtype.kind == "f" and np.isnan(values).any()
    return np.ma.array(values, mask=np.isnan(values)) if nothing else np.ma.asarray(values)


def _write_csv(place: Path, blocks: Iterator[Block]) -> None:
    with place.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        for number, block in enumerate(blocks):
            if number == 0:
                rows.writerow(block)
            # None is an empty cell to the csv module, which makes text of whole rows at a time
            rows.writerows(zip(*(values.tolist() for values in block.values()), strict=True))


def _write_parquet(place: Path, blocks: Iterator[Block]) -> None:
    import pyarrow.parquet

    writer = None
    try:
        for block in blocks:
            table = pyarrow.table({name: _arrow(values) for name, values in block.items()})
            writer = writer or pyarrow.parquet.ParquetWriter(place, table.schema, compression="zstd")
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def _arrow(values: np.ma.MaskedArray) -> pyarrow.Array:
    import pyarrow

    kind = pyarrow.string() if values.dtype == object else pyarrow.from_numpy_dtype(values.dtype)
    return pyarrow.array(values.data, type=kind, mask=np.ma.getmaskarray(values))


WRITERS: dict[str, Callable[[Path, Iterator[Block]], None]] = {".csv": _write_csv, ".parquet": _write_parquet}
"""What a table can be written as, by ending."""

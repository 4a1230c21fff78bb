"""Reading an archive: lifeforms, columns and neighbours, every byte checked before it is handed out."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np
from jaxtyping import Bool, Float, Int, Num, UInt8

from alife.errors import ArchiveDamaged, BadOption, NoSuchLifeform, UnknownName
from alife.storage.stored import Columns, Stored, read_document

_BLOCK = 4096
"""Embeddings read at a time, lifeforms."""


@dataclass(frozen=True, eq=False)
class Lifeform:
    """A world kept in an archive.  Its arrays are read, and checked, when they are asked for."""

    id: int
    score: float
    """Higher is better."""
    measures: dict[str, float]
    parents: tuple[int, ...]
    """Ids, fewer than two where it had fewer."""
    replaced: int | None
    """Id of the lifeform whose place in the search it took; None = none, or not recorded."""
    operator: str
    """How its genotype came about, one of `alife.types.OPERATORS`."""
    generation: int
    evaluation: int
    """Number of its evaluation over the whole run, from 0."""
    seed: tuple[int, int]
    """Words of the PRNG key it was run with."""
    valid: bool
    _archive: Archive = field(repr=False)

    @cached_property
    def genotype(self) -> Num[np.ndarray, " G"]:
        """The parameters of its world."""
        return self._archive._read_one("genotype", self.id)

    @cached_property
    def embedding(self) -> Float[np.ndarray, "K D"]:
        """Unit vectors of its frames."""
        return self._archive._read_one("embedding", self.id)

    @cached_property
    def frames(self) -> UInt8[np.ndarray, "K H W 3"]:
        """Its pictures in time order, 0..255."""
        return self._archive._read_one("frames", self.id)


def open_archive(path: str | os.PathLike[str]) -> Archive:
    """The archive of a run, finished or still being written; nothing on the disk is changed.

    Raises:
        ArchiveError: there is no archive, or one of a newer format.
        ArchiveDamaged: its root document is not as it was written.
    """
    return Archive(Path(path))


class Archive:
    """What had been committed when it was opened, or last refreshed; a run that goes on writing does not disturb it.

    `len(archive)` lifeforms, `archive[i]` by id, slices and iteration as in a list.  A lifeform whose stored bytes
    are damaged raises `ArchiveDamaged` by name; all others stay readable.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stored = Stored(path, read_document(path))
        # Both grow when there is more: what is committed never changes, so it is never read twice.
        self._table = self._stored.read("record", 0, 0)
        columns, none = self._stored.read("embedding", 0, 0)
        self._last = columns["embedding"][:, -1], none

    def refresh(self) -> None:
        """Takes in what has been committed since."""
        self._stored = Stored(self.path, read_document(self.path))

    def __len__(self) -> int:
        return self._stored.about["committed"]

    def __repr__(self) -> str:
        return f"<archive {self.path}: {len(self)} lifeforms of {self.substrate}, generation {self.generation}>"

    @property
    def substrate(self) -> str:
        """Name of the substrate that the genotypes belong to."""
        return self._stored.about["substrate"]

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the measures, each of which is a column."""
        return tuple(self._stored.about["measures"])

    @property
    def generation(self) -> int:
        """The last committed generation; -1 before the first."""
        return self._stored.about["generation"]

    @property
    def config(self) -> dict[str, Any]:
        """The run configuration, as it was given."""
        return self._stored.document["attributes"]["config"]

    @property
    def provenance(self) -> dict[str, Any]:
        """Where it comes from, as it was given: versions, machine, model."""
        return self._stored.document["attributes"]["provenance"]

    @property
    def progress(self) -> dict[str, Any]:
        """What the run said of itself at the last committed generation."""
        return self._stored.document["attributes"]["progress"]

    @property
    def created(self) -> str:
        """When the archive was made: ISO 8601, UTC."""
        return self._stored.document["attributes"]["created"]

    @overload
    def __getitem__(self, index: int | np.integer) -> Lifeform: ...
    @overload
    def __getitem__(self, index: slice) -> list[Lifeform]: ...
    def __getitem__(self, index: int | np.integer | slice) -> Lifeform | list[Lifeform]:
        if isinstance(index, slice):
            return [self._lifeform(i) for i in range(*index.indices(len(self)))]
        return self._lifeform(self._id(index))

    def __iter__(self) -> Iterator[Lifeform]:
        return (self._lifeform(i) for i in range(len(self)))

    @property
    def sound(self) -> Int[np.ndarray, " m"]:
        """Ids of the lifeforms whose record (all but genotype, embedding and frames) is as it was written."""
        return np.flatnonzero(self._records()[1])

    def column(self, name: str) -> np.ndarray:
        """One entry per lifeform, by id; of `parent` and `seed` two.

        Raises:
            UnknownName: there is no such column.
            ArchiveDamaged: part of it is not as it was written; `sound` has the ids that can be read one by one.
        """
        table = self.table()
        if name not in table:
            raise UnknownName("column", name, table)
        return table[name]

    def table(self) -> Columns:
        """All columns: name -> one entry per lifeform, by id.

        Raises:
            ArchiveDamaged: part of it is not as it was written; `sound` has the ids that can be read one by one.
        """
        columns, sound = self._records()
        if not sound.all():
            raise self._damaged("record", np.flatnonzero(~sound))
        return dict(columns)

    def best(self, n: int = 1) -> list[Lifeform]:
        """The n highest scores among valid lifeforms, highest first; of equal ones the older first."""
        columns, sound = self._records()
        return self._highest(np.where(sound & columns["valid"], columns["score"], np.nan), n)

    def nearest(self, query: int | np.integer | Float[np.ndarray, " D"], n: int = 9) -> list[Lifeform]:
        """The n valid lifeforms whose last frame looks most like the query, nearest first (by cosine).

        Args:
            query: the id of a lifeform, which is not its own neighbour; or a vector in the model's space.

        Raises:
            BadOption: a vector of another length than the embeddings, or one that has no direction.
            ArchiveDamaged: the lifeform asked for is damaged.
        """
        columns, sound = self._records()
        last, readable = self.last_embeddings()
        similar = last @ self._direction(query, last.shape[1])
        similar[~(sound & readable & columns["valid"])] = np.nan
        if np.ndim(query) == 0:
            similar[self._id(query)] = np.nan
        return self._highest(similar, n)

    def _records(self) -> tuple[Columns, Bool[np.ndarray, " n"]]:
        columns, sound = self._table
        if len(sound) < len(self):
            new, new_sound = self._stored.read("record", len(sound), len(self))
            columns = {name: np.concatenate([columns[name], new[name]]) for name in new}
            self._table = columns, np.concatenate([sound, new_sound])
        return self._table

    def last_embeddings(self) -> tuple[Float[np.ndarray, "n D"], Bool[np.ndarray, " n"]]:
        last, sound = self._last
        if len(sound) < len(self):
            lasts, sounds = [last], [sound]
            for start in range(len(sound), len(self), _BLOCK):
                columns, block_sound = self._stored.read("embedding", start, min(start + _BLOCK, len(self)))
                lasts.append(columns["embedding"][:, -1].copy())  # a view would keep the other frames in memory
                sounds.append(block_sound)
            self._last = np.concatenate(lasts), np.concatenate(sounds)
        return self._last

    def _direction(self, query: int | np.integer | np.ndarray, dim: int) -> Float[np.ndarray, " D"]:
        if np.ndim(query) == 0:
            return self._read_one("embedding", self._id(query))[-1]
        vector = np.asarray(query, dtype=np.float32)
        length = np.linalg.norm(vector)
        if vector.shape != (dim,) or not np.isfinite(length) or length == 0:
            raise BadOption(
                f"query has shape {vector.shape} and length {length:g}; expected a lifeform's id or a vector of "
                f"{dim} finite numbers, as the model of this archive gives them"
            )
        return vector / length

    def _highest(self, values: Float[np.ndarray, " n"], n: int) -> list[Lifeform]:
        if n < 1:
            raise BadOption(f"n is {n}; expected 1 or more")
        ids = np.flatnonzero(~np.isnan(values))
        if len(ids) > n:
            least = np.partition(values[ids], len(ids) - n)[len(ids) - n]
            above = ids[values[ids] > least]
            ids = np.concatenate([above, ids[values[ids] == least][: n - len(above)]])
        return [self._lifeform(int(i)) for i in ids[np.lexsort((ids, -values[ids]))]]

    def _id(self, index: Any) -> int:
        asked, count = operator.index(index), len(self)
        if not -count <= asked < count:
            held = f"ids 0..{count - 1}" if count else "none yet"
            raise NoSuchLifeform(f"there is no lifeform {asked}; this archive holds {count} ({held})")
        return asked % count

    def _lifeform(self, i: int) -> Lifeform:
        columns, sound = self._records()
        if not sound[i]:
            raise self._damaged("record", [i])
        row = {name: column[i].tolist() for name, column in columns.items()}
        return Lifeform(
            id=row["id"],
            score=row["score"],
            measures={name: row[name] for name in self.measures},
            parents=tuple(p for p in row["parent"] if p >= 0),
            replaced=row["replaced"] if row.get("replaced", -1) >= 0 else None,
            operator=self._stored.documents["operator"]["attributes"]["flag_meanings"].split()[row["operator"]],
            generation=row["generation"],
            evaluation=row["evaluation"],
            seed=tuple(row["seed"]),
            valid=row["valid"],
            _archive=self,
        )

    def _read_one(self, part: str, i: int) -> np.ndarray:
        columns, sound = self._stored.read(part, i, i + 1)
        if not sound[0]:
            raise self._damaged(part, [i])
        return next(iter(columns.values()))[0]

    def _damaged(self, part: str, ids: Any) -> ArchiveDamaged:
        return ArchiveDamaged(
            f"{name_lifeforms(ids)} of {self.path}: damaged {part}, not the bytes that were written; "
            f"`alife check-archive {self.path}` lists all damage"
        )


def name_lifeforms(ids: Any) -> str:
    """Lifeforms by number, runs of them together.

    >>> name_lifeforms([3]), name_lifeforms([0, 1, 2, 7])
    ('lifeform 3', 'lifeforms 0-2, 7')
    """
    ids = np.asarray(ids)
    runs = np.split(ids, np.flatnonzero(np.diff(ids) > 1) + 1)
    text = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)
    return f"lifeform{'s' if len(ids) > 1 else ''} {text}"

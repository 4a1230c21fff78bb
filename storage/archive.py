"""Reading an archive: lifeforms, columns and neighbours, every byte checked before it is handed out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, overload

import numpy as np
from jaxtyping import Bool, Float, Int

from alife.errors import ArchiveDamaged, BadOption, UnknownName
from alife.storage.events import favourites, held_id, notes, read_events, tags
from alife.storage.index import VectorIndex, highest
from alife.storage.lifeform import Lifeform, name_lifeforms
from alife.storage.remote import Place, RemotePath, place_of
from alife.storage.stored import Columns
from alife.storage.union import Union, read_stored

WORTH_AN_INDEX = 2048
"""From so many lifeforms on, the last embeddings are kept in a file besides, see `alife.storage.index`."""


def open_archive(path: str | os.PathLike[str] | RemotePath) -> Archive:
    """The archive of a run, finished or still being written; nothing on the disk is changed but a cache.

    Raises:
        ArchiveError: there is no archive, or one of a newer format.
        ArchiveDamaged: its root document is not as it was written.
    """
    return Archive(place_of(path))


class Archive:
    """What had been committed when it was opened, or last refreshed; a run that goes on writing does not disturb it.

    `len(archive)` lifeforms, `archive[i]` by id, slices and iteration as in a list.  A lifeform whose stored bytes
    are damaged raises `ArchiveDamaged` by name; all others stay readable.
    """

    def __init__(self, path: Place) -> None:
        self.path = path
        self._stored = read_stored(path)
        # It grows when there is more: what is committed never changes, so it is never read twice.
        self._table = self._stored.record(0, 0)

    def refresh(self) -> None:
        """Takes in what has been committed since, or what a repair has changed."""
        before = self._stored
        self._stored = read_stored(self.path, before)
        quarantines = [stored.about.get("quarantine") for stored in (before, self._stored)]
        if self._stored.committed < before.committed or quarantines[0] != quarantines[1]:
            self._table = self._stored.record(0, 0)
            self.__dict__.pop("_index", None)

    def __len__(self) -> int:
        return self._stored.committed

    def __repr__(self) -> str:
        held = f"{len(self)} lifeforms of {', '.join(self.substrates)}"
        return f"<archive {self.path}: {held}, generation {self.generation}>"

    @property
    def substrates(self) -> tuple[str, ...]:
        """Names of the substrates that the genotypes belong to."""
        return tuple(self._stored.about["substrates"])

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the measures, each of which is a column."""
        return tuple(self._stored.about["measures"])

    @property
    def frames_shape(self) -> tuple[int, int, int, int]:
        """Of the frames of each lifeform: how many, height, width, colours."""
        count, height, width, colours = self._stored.documents["frames"]["shape"][1:]
        return count, height, width, colours

    @property
    def steps(self) -> list[int] | None:
        """Steps after which each frame was taken; None where that differs from lifeform to lifeform."""
        return self._stored.about.get("steps")

    @property
    def generation(self) -> int:
        """The last committed generation; -1 before the first."""
        return self._stored.about["generation"]

    @property
    def origins(self) -> list[dict[str, Any]]:
        """What made the lifeforms, each with its `config` and `provenance`; one, unless runs were merged or moved."""
        return self._stored.document["attributes"]["origins"]

    @property
    def islands(self) -> list[dict[str, Any]]:
        """The runs that were merged into it, see `alife.storage.merge`; [] = it is one run."""
        return self._stored.document["attributes"].get("islands", [])

    @property
    def on_islands(self) -> bool:
        """Whether several searches write it, each into a store of its own, see `alife.storage.union`."""
        return isinstance(self._stored, Union)

    @property
    def island(self) -> Int[np.ndarray, " n"]:
        """Which island of the run found each lifeform; 0 where it has but one."""
        return self._stored.island

    @property
    def island_count(self) -> int:
        """How many islands search in it."""
        return self._stored.island_count

    @property
    def config(self) -> dict[str, Any]:
        """The run configuration, as it was given: that of the first lifeform."""
        return self.origins[0]["config"]

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the first lifeform comes from, as it was given: versions, machine, model."""
        return self.origins[0]["provenance"]

    @property
    def progress(self) -> dict[str, Any]:
        """What the run said of itself at the last committed generation."""
        return self._stored.document["attributes"]["progress"]

    @property
    def created(self) -> str:
        """When the archive was made: ISO 8601, UTC."""
        return self._stored.document["attributes"]["created"]

    @property
    def events(self) -> list[dict[str, Any]]:
        """What people have said of its lifeforms, oldest first, read anew each time; raises as `read_events` does."""
        return read_events(self.path)

    @property
    def favourites(self) -> list[int]:
        """Ids of the lifeforms that are favourites now."""
        return favourites(self.events)

    @property
    def tags(self) -> dict[int, tuple[str, ...]]:
        """The tags of each lifeform that has any."""
        return tags(self.events)

    @property
    def notes(self) -> dict[int, str]:
        """The newest note of each lifeform that has one."""
        return notes(self.events)

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
        return np.flatnonzero(self.records()[1])

    def put_aside(self, part: str) -> Bool[np.ndarray, " n"]:
        """Of which lifeforms a repair has put a part aside, such as "record" or "frames": it is no longer here."""
        return self._stored.quarantined(part, 0, len(self))

    @property
    def alive(self) -> Int[np.ndarray, " m"]:
        """Ids of the valid lifeforms that the search keeps and whose record is sound: what people want to look at."""
        return np.flatnonzero(self._alive())

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

    def table(self, ids: Int[np.ndarray, " m"] | None = None) -> Columns:
        """All columns, name -> one entry per lifeform: of all of them by id, or of some.

        Raises:
            ArchiveDamaged: part of it is not as it was written; `sound` has the ids that can be read.
        """
        columns, sound = self.records()
        ids = np.arange(len(self)) if ids is None else ids
        if not sound[ids].all():
            raise self._damaged("record", ids[~sound[ids]])
        return {name: column[ids] for name, column in columns.items()}

    def readable(self, ids: Iterable[int | np.integer]) -> list[Lifeform]:
        """Those of some lifeforms whose record, genotype and pictures are as they were written."""
        sound = self.records()[1]
        return [lifeform for lifeform in (self[int(i)] for i in ids if sound[int(i)]) if lifeform.readable]

    def best(self, n: int = 1, substrate: str | None = None) -> list[Lifeform]:
        """The n highest scores among the valid lifeforms that the search keeps, highest first; of equals the older.

        Args:
            n: how many, >= 1.
            substrate: only those of this one; None = of all.
        """
        columns, chosen = self.records()[0], self._alive()
        if substrate is not None:
            chosen &= np.array(self.substrates)[columns["substrate"]] == substrate
        return self._highest(np.where(chosen, columns["score"], np.nan), n)

    def nearest(self, query: int | np.integer | Float[np.ndarray, " D"], n: int = 9) -> list[Lifeform]:
        """The n lifeforms, of the valid ones that the search keeps, whose last frame looks most like the query.

        The nearest (by cosine) comes first.

        Args:
            query: the id of a lifeform, which is not its own neighbour; or a vector in the model's space.

        Raises:
            BadOption: a vector of another length than the embeddings, or one that has no direction.
            ArchiveDamaged: the lifeform asked for is damaged.
        """
        similar = self.index.cosines(self._direction(query, self.index.dim))
        similar[~self._alive()] = np.nan
        if np.ndim(query) == 0:
            similar[self._id(query)] = np.nan
        return self._highest(similar, n)

    def _alive(self) -> Bool[np.ndarray, " n"]:
        """Of which lifeforms the record is sound, the world valid, and kept by the search."""
        columns, sound = self.records()
        return sound & columns["valid"] & columns["elite"]

    def records(self) -> tuple[Columns, Bool[np.ndarray, " n"]]:
        """All columns by id, and which lifeforms' entries are as they were written; the others are without meaning."""
        columns, sound = self._table
        if len(sound) < len(self):
            new, new_sound = self._stored.record(len(sound), len(self))
            columns = {name: np.concatenate([columns[name], new[name]]) for name in new}
            self._table = columns, np.concatenate([sound, new_sound])
        return self._table

    @property
    def index(self) -> VectorIndex:
        """The unit vector of each lifeform's last picture, as the run's own model saw it."""
        self._index.extend(len(self))
        return self._index

    @cached_property
    def _index(self) -> VectorIndex:
        model = self.provenance.get("model", {})
        dim = self._stored.documents["embedding"]["shape"][2]
        return VectorIndex(
            self.path,
            model.get("identity", "") if isinstance(model, dict) else "",
            dim,
            stamp=self.created,
            read=self._last_vectors,
            least=WORTH_AN_INDEX,
        )

    def _last_vectors(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        z, sound = self._stored.part("embedding", start, stop)
        return np.asarray(z)[:, -1], sound

    def last_embeddings(self) -> tuple[Float[np.ndarray, "n D"], Bool[np.ndarray, " n"]]:
        """All vectors of `index` in memory, and which of them can be trusted."""
        z = self.index.take(np.arange(len(self)))
        return z, ~np.isnan(z[:, 0])

    def select(self, text: str = "") -> Int[np.ndarray, " m"]:
        """Ids of the lifeforms that meet all conditions of a text, such as "mass<2 tag=ring", see `storage.where`.

        Only worlds that are valid and that the search keeps, unless the text itself says `valid`, `elite` or `sampled`.

        Raises:
            BadOption: a text that is not made of conditions, or one that no column can meet.
        """
        from alife.storage.query import matching

        return np.flatnonzero(matching(self, text))

    def diverse(self, n: int, ids: Int[np.ndarray, " m"] | None = None) -> list[Lifeform]:
        """Up to n lifeforms that look unlike each other, of `ids` or of all that the search keeps.

        The one with the best score comes first; each next one is the farthest from all before it.
        """
        from alife.storage.query import most_unlike

        return [self[int(i)] for i in most_unlike(self, self.alive if ids is None else ids, n)[0]]

    def ancestors(self, i: int) -> Int[np.ndarray, " m"]:
        """Ids of all that lifeform i comes from, oldest first, without itself."""
        from alife.storage.query import ancestors

        return ancestors(self, i)

    def descendants(self, i: int) -> Int[np.ndarray, " m"]:
        """Ids of all that come from lifeform i, oldest first, without itself."""
        from alife.storage.query import descendants

        return descendants(self, i)

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
        return [self._lifeform(int(i)) for i in highest(values, n)]

    def _id(self, index: Any) -> int:
        return held_id(index, len(self))

    def _lifeform(self, i: int) -> Lifeform:
        columns, sound = self.records()
        if not sound[i]:
            raise self._damaged("record", [i])
        row = {name: column[i].tolist() for name, column in columns.items()}
        return Lifeform(
            id=row["id"],
            score=row["score"],
            measures={name: row[name] for name in self.measures if row[name] == row[name]},  # NaN = it has none
            parents=tuple(p for p in row["parent"] if p >= 0),
            replaced=row["replaced"] if row["replaced"] >= 0 else None,
            operator=self._stored.documents["operator"]["attributes"]["flag_meanings"].split()[row["operator"]],
            generation=row["generation"],
            evaluation=row["evaluation"],
            seed=tuple(row["seed"]),
            valid=row["valid"],
            substrate=self.substrates[row["substrate"]],
            origin=row["origin"],
            elite=row["elite"],
            sampled=row["sampled"],
            _archive=self,
        )

    def _read_one(self, part: str, i: int) -> Any:
        values, sound = self._stored.part(part, i, i + 1)
        if not sound[0]:
            raise self._damaged(part, [i])
        return values[0]

    def _read_if_kept(self, part: str, i: int) -> Any:
        return self._read_one(part, i) if part in self._stored.parts else None

    def _damaged(self, part: str, ids: Any) -> ArchiveDamaged:
        return ArchiveDamaged(
            f"{name_lifeforms(ids)} of {self.path}: damaged {part}, not the bytes that were written; "
            f"`alife check-archive {self.path}` lists all damage"
        )

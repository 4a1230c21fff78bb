"""Several stores as one archive: a run whose islands each write a store of their own.

```
RUN/zarr.json              what the run is, and the list of its stores
RUN/id store               one row per lifeform, as they were heard of: number, and place in that list
RUN/islands/0.0  0.1  1.0  plain archives: island 0, its first and second attempt; island 1
```

Every store has one writer, which dies with its worker: who takes its island over begins a store of its own, so that
nobody can harm what somebody else has committed.  The rows of a store are in their order in the union, too, so that the
column `store` alone says where each lifeform lies.  A union is read as any other archive is, and `alife compact` makes
one out of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from alife.errors import ArchiveDamaged
from alife.storage.chunks import read_rows
from alife.storage.documents import array_document, arrays_of_rows
from alife.storage.remote import Place
from alife.storage.root import read_document
from alife.storage.schema import ROWS, parts_of, record_columns
from alife.storage.stored import Columns, Stored, Values

ISLANDS = "islands"
"""The directory of the stores."""

STORE = "store"
"""The column that says in which store a lifeform lies."""

PLACES = 1 << 40
"""More lifeforms than an island can have."""


class Store(NamedTuple):
    """One store of a union."""

    island: int
    attempt: int
    """0 for the first writer of the island, 1 for who took it over from that one."""

    @property
    def key(self) -> str:
        """Its place below the run directory."""
        return f"{ISLANDS}/{self.island}.{self.attempt}"


def elsewhere(island: Any, place: Any) -> Any:
    """The parent that a store names for a lifeform that is not in it.

    Args:
        island: where it lives.
        place: how many lifeforms came before it on that island, whoever wrote them.

    >>> elsewhere(0, 0), elsewhere(2, 5) == -2 - 2 * PLACES - 5
    (-2, True)
    """
    return -2 - (island * PLACES + place)


def order_columns() -> dict[str, Any]:
    """The documents of the arrays that a union has itself."""
    number = {"long_name": "number of the lifeform"}
    where = {"long_name": "where it lies: a place in `archive.stores`"}
    return {
        name: array_document((0,), dtype, chunks=(ROWS,), dimensions=["lifeform"], attributes=said)
        for name, dtype, said in (("id", "int64", number), (STORE, "uint16", where))
    }


def read_stored(root: Place, before: Stored | None = None) -> Stored:
    """What is committed at a place: of one store or of several.

    Args:
        before: what was found there earlier; stores that have not grown since are not read again.

    Raises: as `alife.storage.root.read_document` does.
    """
    document = read_document(root)
    if "stores" not in document["attributes"]["archive"]:
        return Stored(root, document)
    return Union(root, document, before if isinstance(before, Union) else None)


class Union(Stored):
    """What the root document of a union says is committed; it is read as a `Stored` is."""

    def __init__(self, root: Place, document: dict[str, Any], before: Union | None = None) -> None:
        self.root, self.document = root, document
        self.about: dict[str, Any] = document["attributes"]["archive"]
        self.committed: int = self.about["committed"]
        self.stores = [Store(*store) for store in self.about["stores"]]
        store, readable = read_rows(root, STORE, arrays_of_rows(document)[STORE], 0, self.committed)
        if not readable.all() or (store >= len(self.stores)).any():
            raise ArchiveDamaged(
                f"{root}: the column {STORE!r} is damaged, which says where the lifeforms of its islands lie; each "
                f"island can be read alone, such as {root / self.stores[0].key}"
            )
        self.store: Int[np.ndarray, " n"] = store
        order = np.argsort(store, kind="stable")
        ends = np.cumsum(np.bincount(store, minlength=len(self.stores)))
        self.places = [order[end - count : end] for end, count in zip(ends, np.diff(ends, prepend=0), strict=True)]
        """Of each store the numbers of its lifeforms, in its order."""
        self.row: Int[np.ndarray, " n"] = np.empty(self.committed, np.int64)
        """Of each lifeform its number in its store."""
        for ids in self.places:
            self.row[ids] = np.arange(len(ids))
        self._members = self._opened(before)
        self.parts = parts_of(self.about["arrays"])
        self._origins()
        self.documents = self.row_arrays = self._all_arrays()

    @property
    def island_count(self) -> int:  # type: ignore[override]
        """How many islands there are."""
        return 1 + max((store.island for store in self.stores), default=0)

    @property
    def island(self) -> Int[np.ndarray, " n"]:
        """Which of them found each lifeform."""
        return np.array([store.island for store in self.stores], np.int64)[self.store]

    def _opened(self, before: Union | None) -> dict[int, Stored]:
        """The stores that have lifeforms, by their place in the list."""
        found: dict[int, Stored] = {}
        for number, (store, ids) in enumerate(zip(self.stores, self.places, strict=True)):
            known = before._members.get(number) if before else None
            if known is not None and known.committed >= len(ids):
                found[number] = known
            elif len(ids):
                found[number] = Stored(self.root / store.key, read_document(self.root / store.key))
                if found[number].committed < len(ids):
                    raise ArchiveDamaged(
                        f"{self.root / store.key} holds {found[number].committed} lifeforms, and {self.root} knows of "
                        f"{len(ids)}: it is not as it was written"
                    )
        return found

    def _origins(self) -> None:
        """Every origin of every store once, in `document`; of each store where they have come to lie."""
        attributes = self.document["attributes"]
        self._moved_origin: dict[int, Int[np.ndarray, " o"]] = {}
        for number, member in self._members.items():
            theirs = member.document["attributes"]["origins"]
            attributes["origins"] += [one for one in theirs if one not in attributes["origins"]]
            self._moved_origin[number] = np.array([attributes["origins"].index(one) for one in theirs])

    def _all_arrays(self) -> dict[str, Any]:
        """The documents that one store of all lifeforms would have."""
        lengths = {
            path: sum(member.documents[path]["shape"][0] for member in self._members.values())
            for path in self.about["arrays"]
        }
        return {
            path: {**node, "shape": [lengths[path], *node["shape"][1:]]} for path, node in self.about["arrays"].items()
        }

    def record(self, start: int, stop: int) -> tuple[Columns, Bool[np.ndarray, " n"]]:
        """The columns of lifeforms start..stop-1, and which lifeforms are as they were written."""
        columns: Columns = {}
        sound = np.zeros(stop - start, bool)
        for number, here, low, high in self._by_store(start, stop):
            found, known = self._members[number].record(low, high)
            found = self._moved(number, found, known)
            sound[here] = known
            for name, values in found.items():
                if name not in columns:
                    columns[name] = np.zeros((stop - start, *values.shape[1:]), values.dtype)
                columns[name][here] = values
        return columns or self._no_columns(), sound

    def _moved(self, number: int, columns: Columns, sound: Bool[np.ndarray, " n"]) -> Columns:
        """What a store says of its lifeforms, with numbers that hold in the union."""
        origins = self._moved_origin[number]
        return {
            **columns,
            "id": self._here(number, columns["id"], sound),
            "parent": self._here(number, columns["parent"], sound),
            "replaced": self._here(number, columns["replaced"], sound),
            "evaluation": columns["evaluation"] * self.island_count + self.stores[number].island,
            "origin": origins[np.minimum(columns["origin"], len(origins) - 1)].astype(columns["origin"].dtype),
        }

    def _here(
        self, number: int, ids: Int[np.ndarray, "n *slots"], sound: Bool[np.ndarray, " n"]
    ) -> Int[np.ndarray, "n *slots"]:
        """Numbers in the union of the lifeforms that a store names; -1 = none, or one that nobody knows."""
        moved = np.full(ids.shape, -1, np.int64)
        sound = sound.reshape(-1, *[1] * (ids.ndim - 1))
        own = sound & (ids >= 0)
        moved[own] = _taken(self.places[number], ids[own])
        away = sound & (ids < -1)
        island, place = np.divmod(-2 - ids, PLACES)
        for other in np.unique(island[away]):
            chosen = away & (island == other)
            moved[chosen] = _taken(self.of_island(int(other)), place[chosen])
        return moved

    def of_island(self, island: int) -> Int[np.ndarray, " m"]:
        """Numbers of the lifeforms of one island, in the order in which they came about there."""
        mine = [ids for store, ids in zip(self.stores, self.places, strict=True) if store.island == island]
        return np.concatenate([np.zeros(0, np.int64), *mine])

    def part(self, part: str, start: int, stop: int) -> tuple[Values, Bool[np.ndarray, " n"]]:
        """What one part holds of lifeforms start..stop-1, and which of them are as they were written."""
        pieces = [
            (here, *self._members[number].part(part, low, high))
            for number, here, low, high in self._by_store(start, stop)
        ]
        if len(pieces) == 1:
            return pieces[0][1:]
        sound = np.zeros(stop - start, bool)
        whole = all(isinstance(values, np.ndarray) for _, values, _ in pieces) and pieces
        result: Any = [None] * (stop - start)
        if whole:
            first = pieces[0][1]
            result = np.zeros((stop - start, *first.shape[1:]), first.dtype)
        for here, values, known in pieces:
            sound[here] = known
            for place, value in zip(here, values, strict=True):
                result[place] = value
        return result, sound

    def quarantined(self, part: str, start: int, stop: int) -> Bool[np.ndarray, " n"]:
        """Of which lifeforms a repair has put this part aside."""
        aside = np.zeros(stop - start, bool)
        for number, here, low, high in self._by_store(start, stop):
            aside[here] = self._members[number].quarantined(part, low, high)
        return aside

    def owners(self, substrate: str) -> tuple[Int[np.ndarray, " r"], Bool[np.ndarray, " r"]]:
        """Ids of the lifeforms of a substrate, and which of them can be read: islands have one substrate."""
        return np.arange(self.committed), np.ones(self.committed, bool)

    def _by_store(self, start: int, stop: int) -> Iterator[tuple[int, Int[np.ndarray, " m"], int, int]]:
        """Of each store that has some of these lifeforms: its place, theirs, and its own first and last but one."""
        store = self.store[start:stop]
        for number in np.unique(store):
            here = np.flatnonzero(store == number)
            first = int(self.row[start + here[0]])
            yield int(number), here, first, first + len(here)

    def _no_columns(self) -> Columns:
        nodes: Mapping[str, Any] = self.about["arrays"]
        return {
            name: np.zeros((0, *nodes[name]["shape"][1:]), nodes[name]["data_type"]) for name in record_columns(nodes)
        }

    @property
    def members(self) -> list[Place]:
        """The directories of the stores that have lifeforms."""
        return [self.root / self.stores[number].key for number in self._members]


def _taken(ids: Int[np.ndarray, " m"], places: Int[np.ndarray, "*n"]) -> Int[np.ndarray, "*n"]:
    """ids[places], -1 where there is none."""
    if not len(ids):
        return np.full(places.shape, -1)
    return np.where(places < len(ids), ids[np.minimum(places, len(ids) - 1)], -1)

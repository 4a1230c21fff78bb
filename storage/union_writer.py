"""Writing the list of stores of a union, and the order of their lifeforms: one process does, whoever runs the islands.

The commit is that of any archive, one atomic replacement of the root document.  It may come long after a store has
committed lifeforms of its own: those are safe there, and `UnionWriter.outstanding` finds them when a run is taken up.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from alife.errors import ArchiveDamaged, ArchiveError
from alife.storage.begin import build_root, origin_of, require_free
from alife.storage.documents import DOCUMENT, GROUP, arrays_of_rows, encode, own_documents, root_document, seal
from alife.storage.event_log import LOCK as EVENTS_LOCK
from alife.storage.files import LOCK, Files, Held, Lock, place
from alife.storage.objects import claimed, files_of
from alife.storage.remote import Place, RemotePath, place_of
from alife.storage.root import COPY, read_root
from alife.storage.rows import plain_json
from alife.storage.schema import FORMAT, Layout
from alife.storage.stored import Stored
from alife.storage.tails import Tails
from alife.storage.union import ISLANDS, STORE, Store, Union, order_columns


class Taken(NamedTuple):
    """Where an island goes on: what its last writers have committed."""

    generation: int
    """Its last committed generation; -1 = none."""
    progress: dict[str, Any]
    checkpoint: dict[str, np.ndarray]
    lifeforms: int
    """On the island, of all attempts."""


class UnionWriter(Held):
    """The right to write the root of a union, held until `close` or the end of the process."""

    def __init__(self, path: Place, lock: Lock, files: Files, document: dict[str, Any], tails: Tails) -> None:
        self.path = path
        self._lock, self._files, self._document, self._tails = lock, files, document, tails
        about = document["attributes"]["archive"]
        self.stores = [Store(*store) for store in about["stores"]]
        self.counts = [0] * len(self.stores)
        """Of each store how many lifeforms the root knows of."""
        self._new: list[int] = []

    @property
    def attributes(self) -> dict[str, Any]:
        """Those of the root document: `origins`, `progress` and the like."""
        return self._document["attributes"]

    @property
    def islands(self) -> int:
        """How many islands there are."""
        return 1 + max((store.island for store in self.stores), default=-1)

    def open_store(self, island: int) -> Store:
        """A store of an island, for its next writer; the list of stores tells of it with the next commit."""
        store = Store(island, sum(one.island == island for one in self.stores))
        self.stores.append(store)
        self.counts.append(0)
        return store

    def taken(self, island: int) -> Taken:
        """Where an island goes on, whatever its last writer is doing by now; nothing later of it will count.

        Raises:
            ArchiveDamaged: the state of its search is damaged.
        """
        mine = [number for number, store in enumerate(self.stores) if store.island == island]
        for number in reversed(mine):
            found = self._last_of(number)
            if found is not None:
                stored, checkpoint = found
                # nobody else will: what its writer may have left out when it was lost
                place(self._files, stored.root, own_documents(stored.document), durable=False)
                self._catch_up(number, stored.committed)
                self.commit()
                about = stored.about
                progress = stored.document["attributes"]["progress"]
                total = sum(self.counts[one] for one in mine)
                return Taken(about["generation"], progress, checkpoint, total)
        return Taken(-1, {}, {}, 0)

    def _last_of(self, number: int) -> tuple[Stored, dict[str, np.ndarray]] | None:
        """What a store holds, and the state of the search then; None where it has no generation of its own."""
        root = self.path / self.stores[number].key
        if not (root / DOCUMENT).is_file():
            return None
        while True:
            stored = Stored(root, read_root(root).document)
            if not stored.about["checkpoints"]:
                return None
            try:
                return stored, stored.checkpoint(stored.about["checkpoints"][0])
            except ArchiveDamaged:  # or overwritten, if its writer is alive after all
                if read_root(root).document["attributes"]["archive"]["generation"] == stored.about["generation"]:
                    raise

    def outstanding(self) -> None:
        """Takes in what stores have committed and the root does not know of: what a killed process leaves.

        Only of the last store of each island: nothing that comes later into one that was taken over counts.
        """
        for number in {store.island: number for number, store in enumerate(self.stores)}.values():
            root = self.path / self.stores[number].key
            if (root / DOCUMENT).is_file():
                self._catch_up(number, Stored(root, read_root(root).document).committed)

    def _catch_up(self, number: int, committed: int) -> None:
        self.add(self.stores[number], committed - self.counts[number])

    def add(self, store: Store, count: int) -> None:
        """Says that a store has so many lifeforms more; the next commit writes it down."""
        number = self.stores.index(store)
        self.counts[number] += count
        self._new.extend([number] * count)

    def commit(self, progress: Mapping[str, Any] | None = None, generation: int | None = None) -> None:
        """Writes down what has been added; when this returns it is on the disk.

        Args:
            progress: what the run says of itself, as plain JSON; None = as before.
            generation: the highest of an island; None = as before.

        Raises:
            ArchiveError: the disk is full or cannot be written; what the stores hold is safe.
        """
        attributes, rows = self.attributes, arrays_of_rows(self._document)
        about, new = attributes["archive"], np.array(self._new, np.uint16)
        first = about["committed"]
        about = {**about, "committed": first + len(new), "stores": [list(store) for store in self.stores]}
        if generation is not None:
            about["generation"] = generation
        attributes = {**attributes, "archive": about}
        if progress is not None:
            attributes["progress"] = plain_json("progress", progress)
        contents: dict[str, bytes] = {}
        values = {"id": first + np.arange(len(new)), STORE: new}
        for path, added in values.items():
            contents.update(self._tails.add(path, rows[path], first, added))
            rows[path] = {**rows[path], "shape": [first + len(new)]}
        document = root_document(attributes, rows)
        sealed = seal(document)
        try:
            place(self._files, self.path, {**contents, COPY: sealed})
            place(self._files, self.path, {DOCUMENT: sealed})
            place(self._files, self.path, own_documents(document), durable=False)
        except OSError as cause:
            raise ArchiveError(
                f"cannot write {self.path}: {cause.strerror or cause}. What its islands have committed is safe; put "
                f"that right, then `alife resume {self.path}`"
            ) from cause
        self._document, self._new = document, []


def create_union(
    path: str | os.PathLike[str] | RemotePath,
    layout: Layout,
    *,
    config: Mapping[str, Any],
    provenance: Mapping[str, Any],
    files: Files | None = None,
) -> UnionWriter:
    """A new union without stores, and the right to write its root.

    Args, Raises: as those of `alife.storage.create_archive`.
    """
    root = place_of(path)
    files = files or files_of(root)
    require_free(root)
    order = order_columns()
    about = {
        "format": FORMAT,
        "committed": 0,
        "generation": -1,
        "substrates": list(layout.substrates),
        "measures": list(layout.measures),
        "checkpoints": [],
        "stores": [],
        "arrays": layout.documents(),
        **({} if layout.steps is None else {"steps": list(map(int, layout.steps))}),
    }
    attributes = {
        "archive": about,
        "origins": [origin_of(config, provenance)],
        "progress": {},
        "coordinates": "id",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    document = root_document(attributes, order)
    contents = {LOCK: b"", EVENTS_LOCK: b"", f"{ISLANDS}/{DOCUMENT}": encode(GROUP), **own_documents(document)}
    return UnionWriter(root, build_root(root, contents, seal(document), files), files, document, Tails())


def resume_union(path: str | os.PathLike[str] | RemotePath, *, files: Files | None = None) -> UnionWriter:
    """The right to go on with a union, with all that its stores have committed.

    Raises:
        ArchiveError: there is none, or it cannot be written.
        ArchiveLocked: another process writes it.
        ArchiveDamaged: its root document or its order is damaged.
    """
    root = place_of(path)
    files = files or files_of(root)
    try:
        lock = files.lock(root)
    except OSError as cause:
        raise ArchiveError(f"cannot write {root}: {cause.strerror}; nothing is lost, make it writable first") from cause
    try:
        document = read_root(root).document
        union, tails = Union(root, document), Tails()
        if isinstance(root, RemotePath):
            document = claimed(document, arrays_of_rows(document), files.token)
        rows, unfinished = arrays_of_rows(document), dict[str, bytes]()
        for name, values in {"id": np.arange(union.committed), STORE: union.store}.items():
            unfinished |= tails.add(name, rows[name], 0, values.astype(rows[name]["data_type"]))
        if isinstance(root, RemotePath):
            place(files, root, {key: data for key, data in unfinished.items() if key.endswith(files.token)})
        writer = UnionWriter(root, lock, files, document, tails)
        writer.counts = [len(ids) for ids in union.places]
        writer.outstanding()
        writer.commit()
        return writer
    except BaseException:
        lock.release()
        raise

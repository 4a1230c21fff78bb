"""Committed rows and checkpoints as they lie on the disk, with a verdict on each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Bool, Int, UInt32

from alife.errors import ArchiveDamaged
from alife.storage.chunks import read_rows, read_whole
from alife.storage.documents import arrays_of_rows, file_rows
from alife.storage.remote import Place
from alife.storage.schema import (
    ABSENT,
    checkpoint_checksum,
    checksum_of,
    part_checksums,
    parts_of,
    record_columns,
    substrate_home,
)

Columns = dict[str, np.ndarray]
Values: TypeAlias = Any
"""A sequence: of each lifeform of a range what one part of its row holds: an array, or for states leaf -> array."""


_BLOCK_BYTES = 64 << 20
"""What lifeforms that are read together hold on average, where they differ in length."""


def nbytes(document: Mapping[str, Any]) -> int:
    """Size of an array before compression."""
    return int(np.prod(document["shape"], dtype=int)) * np.dtype(document["data_type"]).itemsize


def ranges(ids: Any) -> list[list[int]]:
    """Numbers in ascending order, as the first and the last of each run of them.

    >>> ranges([3, 4, 5, 9]), ranges([])
    ([[3, 5], [9, 9]], [])
    """
    ids = np.asarray(ids, np.int64)
    runs = np.split(ids, np.flatnonzero(np.diff(ids) > 1) + 1)
    return [[int(run[0]), int(run[-1])] for run in runs if len(run)]


class Stored:
    """What one root document says is committed, whatever else lies in the directory by now.

    What readings hold where they are not sound is without meaning.
    """

    def __init__(self, root: Place, document: dict[str, Any]) -> None:
        self.root, self.document = root, document
        self.about: dict[str, Any] = document["attributes"]["archive"]
        self.documents: dict[str, Any] = document["consolidated_metadata"]["metadata"]
        self.row_arrays = arrays_of_rows(document)
        self.committed: int = self.about["committed"]
        self.parts = parts_of(self.documents)

    island_count = 1
    """Searches that write here; more in a union, see `alife.storage.union`."""

    @property
    def island(self) -> Int[np.ndarray, " n"]:
        """Which of them found each lifeform."""
        return np.zeros(self.committed, np.int64)

    def rows(self, path: str, start: int, stop: int) -> tuple[np.ndarray, Bool[np.ndarray, " n"]]:
        """Rows start..stop-1 of one array, and which of them can be decoded."""
        return read_rows(self.root, path, self.documents[path], start, stop)

    def record(self, start: int, stop: int) -> tuple[Columns, Bool[np.ndarray, " n"]]:
        """The columns of lifeforms start..stop-1, and which lifeforms are as they were written."""
        columns, readable, found = self.found("record", start, stop)
        for name, value in ABSENT.items():
            columns.setdefault(name, np.full(stop - start, value))
        return columns, self._sound("record", start, readable, found)

    def read(self, part: str, start: int, stop: int) -> tuple[Columns | Values, Bool[np.ndarray, " n"]]:
        """Any part of lifeforms start..stop-1, and which of them are as they were written."""
        return self.record(start, stop) if part == "record" else self.part(part, start, stop)

    def part(self, part: str, start: int, stop: int) -> tuple[Values, Bool[np.ndarray, " n"]]:
        """What one part holds of lifeforms start..stop-1, and which of them are as they were written."""
        values, readable, found = self.found(part, start, stop)
        return values, self._sound(part, start, readable, found)

    def found(self, part: str, start: int, stop: int) -> tuple[Any, Bool[np.ndarray, " n"], UInt32[np.ndarray, " n"]]:
        """What lies there of any part of lifeforms start..stop-1, what can be decoded, and the checksums of it."""
        if part == "record":
            columns, readable = self._columns(record_columns(self.documents), start, stop)
            return columns, readable, part_checksums(columns.values())
        read = {"genotype": self._genotypes, "clip": self._clips, "states": self._states}
        values, readable = read[part](start, stop) if part in read else self.rows(part, start, stop)
        if isinstance(values, np.ndarray):
            return values, readable, part_checksums([values])
        sums = [checksum_of(v.values() if isinstance(v, dict) else [v]) for v in values]
        return values, readable, np.array(sums, np.uint32)

    def quarantined(self, part: str, start: int, stop: int) -> Bool[np.ndarray, " n"]:
        """Of which lifeforms a repair has put this part aside: nothing is left of it here."""
        aside = np.zeros(stop - start, bool)
        for first, last in self.about.get("quarantine", {}).get(part, ()):
            aside[max(0, first - start) : max(0, last + 1 - start)] = True
        return aside

    def _sound(
        self, part: str, start: int, readable: Bool[np.ndarray, " n"], found: UInt32[np.ndarray, " n"]
    ) -> Bool[np.ndarray, " n"]:
        stop = start + len(found)
        written, known = self._checksums(part, start, stop)
        return readable & known & (found == written) & ~self.quarantined(part, start, stop)

    def owners(self, substrate: str) -> tuple[Int[np.ndarray, " r"], Bool[np.ndarray, " r"]]:
        """Ids of the lifeforms that the rows of a substrate belong to, and which of them can be read."""
        path = f"{substrate_home(substrate)}/lifeform"
        return self.rows(path, 0, self.documents[path]["shape"][0])

    def _checksums(self, part: str, start: int, stop: int) -> tuple[np.ndarray, Bool[np.ndarray, " n"]]:
        written, readable = self.rows("row_crc", start, stop)
        return written[:, self.parts.index(part)], readable

    def _columns(self, names: Sequence[str], start: int, stop: int) -> tuple[Columns, Bool[np.ndarray, " n"]]:
        readings = {name: self.rows(name, start, stop) for name in names}
        readable = np.logical_and.reduce([found for _, found in readings.values()])
        return {name: values for name, (values, _) in readings.items()}, readable

    @cached_property
    def rows_of(self) -> dict[str, tuple[Int[np.ndarray, " r"], Int[np.ndarray, " r"]]]:
        """Of each substrate the ids of its lifeforms, ascending, and the rows that they have in its arrays."""
        places = {}
        for name in self.about["substrates"]:
            count = self.documents[f"{substrate_home(name)}/lifeform"]["shape"][0]
            if count == self.committed:  # all are of this substrate
                places[name] = np.arange(count), np.arange(count)
            else:
                ids, readable = self.owners(name)
                places[name] = ids[readable], np.flatnonzero(readable)
        return places

    def _genotypes(self, start: int, stop: int) -> tuple[Values, Bool[np.ndarray, " n"]]:
        values: list[Any] = [np.zeros(0)] * (stop - start)
        sound = np.zeros(stop - start, bool)
        for name, (ids, rows) in self.rows_of.items():
            low, high = np.searchsorted(ids, [start, stop])
            if low < high:
                path, first = f"{substrate_home(name)}/genotype", int(rows[low])
                found, readable = self._genotype_rows(path, first, int(rows[high - 1]) + 1)
                if high - low == stop - start and isinstance(found, np.ndarray):
                    return found, readable
                for i, row in zip(ids[low:high] - start, rows[low:high] - first, strict=True):
                    values[i], sound[i] = found[row], readable[row]
        return values, sound

    def _genotype_rows(self, path: str, low: int, high: int) -> tuple[Values, Bool[np.ndarray, " n"]]:
        if len(self.documents[path]["shape"]) == 2:
            return self.rows(path, low, high)
        ends, readable = self.rows(f"{path}_end", max(0, low - 1), high)
        if low == 0:
            ends, readable = np.concatenate([[0], ends]), np.concatenate([[True], readable])
        return self._pieces(path, ends[:-1], np.diff(ends), readable[:-1] & readable[1:])

    def _clips(self, start: int, stop: int) -> tuple[Values, Bool[np.ndarray, " n"]]:
        columns, readable = self._columns(["clip_start", "clip_length"], start, stop)
        return self._pieces("clip", columns["clip_start"], columns["clip_length"], readable)

    def _states(self, start: int, stop: int) -> tuple[Values, Bool[np.ndarray, " n"]]:
        columns, readable = self._columns(["states_start", "states_length"], start, stop)
        values: list[dict[str, np.ndarray]] = [{} for _ in range(stop - start)]
        for name, (ids, _) in self.rows_of.items():
            home = f"{substrate_home(name)}/state/"
            here = ids[slice(*np.searchsorted(ids, [start, stop]))] - start
            mine = np.zeros(stop - start, bool)
            mine[here] = columns["states_length"][here] > 0
            for path in sorted(path for path in self.row_arrays if path.startswith(home)):
                starts, lengths = columns["states_start"][mine], columns["states_length"][mine]
                pieces, whole = self._pieces(path, starts, lengths, readable[mine])
                for i, piece in zip(np.flatnonzero(mine), pieces, strict=True):
                    values[i][path.removeprefix(home)] = piece
                readable[mine] &= whole
        return values, readable

    def _pieces(
        self, path: str, starts: np.ndarray, lengths: np.ndarray, readable: Bool[np.ndarray, " n"]
    ) -> tuple[Values, Bool[np.ndarray, " n"]]:
        """Parts of a flat array; one that is said to lie where nothing is committed is not readable."""
        total = self.documents[path]["shape"][0]
        sound = readable & (starts >= 0) & (lengths >= 0) & (lengths <= total) & (starts <= total - lengths)
        if not sound.any():
            return [np.zeros((0, *self.documents[path]["shape"][1:]))] * len(starts), sound
        low, high = int(starts[sound].min()), int((starts + lengths)[sound].max())
        flat, known = self.rows(path, low, high)
        pieces = []
        for i, (start, length) in enumerate(zip(starts, lengths, strict=True)):
            here = slice(start - low, start - low + length) if sound[i] else slice(0, 0)
            pieces.append(flat[here])
            sound[i] &= bool(known[here].all())
        return pieces, sound

    def block(self, part: str) -> int:
        """Lifeforms that are well read together: those of one file, or some megabytes of what differs in length."""
        homes = [substrate_home(name) for name in self.about["substrates"]]
        ragged = part == "genotype" and any(f"{home}/genotype_end" in self.documents for home in homes)
        if ragged or part in ("clip", "states"):
            paths = [p for p in self.row_arrays if p == "clip" or p.startswith(tuple(f"{home}/" for home in homes))]
            held = sum(nbytes(self.documents[path]) for path in paths)
            return max(1, min(file_rows(self.documents["frames"]), _BLOCK_BYTES * self.committed // max(1, held)))
        paths = {"record": ["row_crc"], "genotype": [f"{home}/genotype" for home in homes]}.get(part, [part])
        return min(file_rows(self.documents[path]) for path in paths)

    def checkpoint(self, entry: dict[str, Any]) -> dict[str, np.ndarray]:
        """The arrays of a checkpoint by name, from its entry in the document.

        Raises:
            ArchiveDamaged: they are not as they were written.
        """
        home = entry["group"] + "/"
        paths = [p for p, node in self.documents.items() if p.startswith(home) and node["node_type"] == "array"]
        found = {path.removeprefix(home): read_whole(self.root, path, self.documents[path]) for path in paths}
        state = {name: value for name, value in found.items() if value is not None}
        if len(state) < len(found) or checkpoint_checksum(state) != entry["crc"]:
            raise ArchiveDamaged(
                f"the checkpoint of generation {entry['generation']} ({home}) in {self.root} is damaged, so this run "
                "cannot be resumed; its lifeforms can still be read: see `alife check-archive`"
            )
        return state

"""What an archive holds once all that can be told from the rest of it is put back, and the files that say so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, UInt32

from alife.storage.chunks import file_damage
from alife.storage.documents import file_keys, file_rows
from alife.storage.schema import record_columns, substrate_home
from alife.storage.soundness import is_flat, kind_of, spans
from alife.storage.stored import Stored
from alife.storage.tails import Tails

TELLING = ("record", "genotype", "embedding")
"""Parts that no two lifeforms share."""

BLANK = {"parent": -1, "replaced": -1}
"""What stands in these columns of a record that is put aside; in the others 0."""

Lost = Mapping[str, Bool[np.ndarray, " n"]]
"""Of each part the lifeforms that have lost it."""


class Mended(Stored):
    """Reads an archive as it will be after a repair.  Nothing is believed that its checksum does not vouch for.

    Ids are the numbers of the rows; who owns a genotype is told by the records; what cannot be read is taken as zeros,
    which is often right, as with black pictures.  Checksums that are lost are made again from what can be read: it
    has come through the checksums of its codec.
    """

    def __init__(self, root: Path, document: dict[str, Any]) -> None:
        super().__init__(root, document)
        self.plain = Stored(root, document)
        # Of files of checksums, by number: whether they are of other lifeforms, and what takes their place.
        self._misplaced: dict[int, bool] = {}
        self._made: dict[int, np.ndarray] = {}

    def rows(self, path: str, start: int, stop: int) -> tuple[np.ndarray, Bool[np.ndarray, " n"]]:
        known = np.ones(stop - start, bool)
        if path == "id":
            return np.arange(start, stop), known
        if path == "row_crc":
            return self._checksums_of(start, stop)[0], known
        if path in self._owned:
            return self._owned[path][start:stop], known
        return self.plain.rows(path, start, stop)

    def _sound(
        self, part: str, start: int, readable: Bool[np.ndarray, " n"], found: UInt32[np.ndarray, " n"]
    ) -> Bool[np.ndarray, " n"]:
        stop = start + len(found)
        written, known = self._checksums_of(start, stop)
        fits = np.where(known, written[:, self.parts.index(part)] == found, readable)
        return fits & ~self.quarantined(part, start, stop)

    def _checksums_of(self, start: int, stop: int) -> tuple[UInt32[np.ndarray, "n part"], Bool[np.ndarray, " n"]]:
        """The checksums of some lifeforms, and where they are those that were written."""
        sums, known = self.plain.rows("row_crc", start, stop)
        known = known.copy()
        rows = file_rows(self.documents["row_crc"])
        for number in range(start // rows, -(-stop // rows)):
            here = slice(max(start, number * rows) - start, min(stop, (number + 1) * rows) - start)
            if not known[here].all() or self._is_misplaced(number):
                low = start + here.start - number * rows
                sums[here] = self._new_sums(number)[low : low + here.stop - here.start]
                known[here] = False
        return sums, known

    def _is_misplaced(self, number: int) -> bool:
        """Whether a file of checksums is of other lifeforms: all here can be read, and none of them fits."""
        if number not in self._misplaced:
            self._misplaced[number] = self._fits_nobody(number)
        return self._misplaced[number]

    def _fits_nobody(self, number: int) -> bool:
        low, high = self._range(number)
        written, _ = self.plain.rows("row_crc", low, high)
        for part in TELLING:
            _, readable, found = self.found(part, low, high)
            fits = found == written[:, self.parts.index(part)]
            # What a repair has put aside fits nothing either.
            there = ~self.quarantined(part, low, high)
            if not there.any() or not readable[there].all() or fits[there].any():
                return False
        return True

    def _new_sums(self, number: int) -> UInt32[np.ndarray, "n part"]:
        if number not in self._made:
            readings = [self.found(part, *self._range(number)) for part in self.parts]
            self._made[number] = np.stack([np.where(readable, found, 0) for _, readable, found in readings], axis=1)
        return self._made[number]

    def _range(self, number: int) -> tuple[int, int]:
        rows = file_rows(self.documents["row_crc"])
        return number * rows, min((number + 1) * rows, self.committed)

    @cached_property
    def _owned(self) -> dict[str, Int[np.ndarray, " r"]]:
        """Owners of the genotypes of every substrate; empty where the records cannot tell."""
        names = self.about["substrates"]
        codes = self._codes(names)
        owned = {f"{substrate_home(name)}/lifeform": np.flatnonzero(codes == code) for code, name in enumerate(names)}
        fits = all(len(ids) == self.documents[path]["shape"][0] for path, ids in owned.items())
        return owned if fits else {}

    def _codes(self, names: list[str]) -> Int[np.ndarray, " n"]:
        """The substrate of each lifeform; -1 = not known."""
        codes = np.full(self.committed, -1)
        if len(names) == 1:
            return codes + 1
        for code, name in enumerate(names):
            ids, readable = self.plain.owners(name)
            codes[ids[readable & (ids >= 0) & (ids < self.committed)]] = code
        step = self.block("record")
        for low in range(0, self.committed, step):
            columns, sound = self.plain.record(low, min(low + step, self.committed))
            codes[low : low + step][sound] = columns["substrate"][sound]
        return codes


def files_to_write(mended: Mended, lost: Lost) -> Iterator[tuple[str, bytes]]:
    """Every file that does not hold what it should, as it should be."""
    for path, node in mended.row_arrays.items():
        blank, ends = _blank_rows(mended, path, lost), None
        if kind_of(path) == "genotype_end":
            ends = _mended_ends(mended, path, lost["genotype"])
        rows, length = file_rows(node), node["shape"][0]
        for number, key in enumerate(file_keys(path, node, 0, length)):
            low, high = number * rows, min((number + 1) * rows, length)
            found, readable = mended.plain.rows(path, low, high)
            values = mended.rows(path, low, high)[0].copy() if ends is None else ends[low:high]
            values[blank[low:high]] = BLANK.get(path, 0)
            whole = readable.all() and not file_damage(mended.root / key, node, high - low)
            if not whole or found.tobytes() != values.astype(found.dtype).tobytes():
                yield from Tails().add(path, node, low, values).items()


def _blank_rows(mended: Mended, path: str, lost: Lost) -> Bool[np.ndarray, " r"]:
    """Which rows of an array hold what is put aside."""
    blank, kind = np.zeros(mended.documents[path]["shape"][0], bool), kind_of(path)
    if is_flat(mended, path):
        gone = lost["states" if kind == "state" else kind]
        ids, starts, ends = spans(mended, path)
        if kind == "genotype":
            bounds = np.append(0, _mended_ends(mended, f"{path}_end", gone))
            _, rows = mended.rows_of[path.split("/")[1]]
            starts, ends = bounds[:-1][rows], bounds[1:][rows]
        else:
            gone = gone & ~lost["record"]  # which says where it lies
        for i in np.flatnonzero(gone[ids]):
            blank[starts[i] : ends[i]] = True
    elif kind == "genotype":
        ids, rows = mended.rows_of[path.split("/")[1]]
        blank[rows] = lost["genotype"][ids]
    elif kind in lost:
        blank |= lost[kind]
    elif kind in record_columns(mended.documents) and kind != "id":
        blank |= lost["record"]
    return blank


def _mended_ends(mended: Mended, path: str, lost: Bool[np.ndarray, " n"]) -> Int[np.ndarray, " r"]:
    """Where genotypes of several lengths end; what is put aside has no length where it is not known."""
    ids, rows = mended.rows_of[path.split("/")[1]]
    ends, readable = mended.plain.rows(path, 0, mended.documents[path]["shape"][0])
    total = mended.documents[path.removesuffix("_end")]["shape"][0]
    sound = np.ones(len(ends), bool)
    sound[rows] = ~lost[ids]
    trusted = readable & (sound | np.append(sound[1:], False))  # a sound one vouches for where it begins
    ends = np.where(trusted, ends, 0)
    if len(ends):
        ends[-1] = total
    return np.maximum.accumulate(ends)

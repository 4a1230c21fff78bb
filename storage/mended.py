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

PLACED = ("clip", "states")
"""Parts of which the record says where they lie: they are lost with it."""

BLANK = {"parent": -1, "replaced": -1}
"""What stands in these columns of a record that is put aside; in the others 0."""

Lost = Mapping[str, Bool[np.ndarray, " n"]]
"""Of each part the lifeforms that have lost it."""


class Mended(Stored):
    """Reads an archive as it will be after a repair.  Nothing is believed that its checksum does not vouch for.

    Ids are the numbers of the rows; who owns a genotype is told by the records; what cannot be read is taken as zeros,
    which is often right, as with black pictures.  Checksums that are lost are made again from what can be read, as it
    has come through the checksums of its codec; but not if files of that part have been exchanged elsewhere.
    """

    def __init__(self, root: Path, document: dict[str, Any]) -> None:
        super().__init__(root, document)
        self.plain = Stored(root, document)
        # Of files of checksums, by number: whether they are to be believed, and else what takes their place.
        self._known: dict[int, bool] = {}
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
        fits = known & (written[:, self.parts.index(part)] == found)
        if not known.all() and part in self._in_place:
            fits |= ~known & readable
        return fits & ~self.quarantined(part, start, stop)

    @property
    def vouched_anew(self) -> Int[np.ndarray, " m"]:
        """Ids of the lifeforms whose checksums are made again."""
        numbers = range(-(-self.committed // file_rows(self.documents["row_crc"])))
        again = [np.arange(*self._range(number)) for number in numbers if not self._is_known(number)]
        return np.concatenate([np.zeros(0, np.int64), *again])

    def _checksums_of(self, start: int, stop: int) -> tuple[UInt32[np.ndarray, "n part"], Bool[np.ndarray, " n"]]:
        """The checksums of some lifeforms, and where they are those that were written."""
        sums, known = self.plain.rows("row_crc", start, stop)
        rows = file_rows(self.documents["row_crc"])
        for number in range(start // rows, -(-stop // rows)):
            low, high = max(start, number * rows), min(stop, (number + 1) * rows)
            if not self._is_known(number):
                sums[low - start : high - start] = self._new_sums(number)[low - number * rows : high - number * rows]
                known[low - start : high - start] = False
        return sums, known

    def _is_known(self, number: int) -> bool:
        """Whether a file of checksums is there, and is not one of other lifeforms, none of which would fit."""
        if number not in self._known:
            low, high = self._range(number)
            readable = self.plain.rows("row_crc", low, high)[1].all()
            self._known[number] = bool(readable) and not self._fits_nobody(number)
        return self._known[number]

    def _fits_nobody(self, number: int) -> bool:
        for part in TELLING:
            for low, high in self._blocks(part, number):
                readable, fits = self._compared(part, low, high)
                if not readable.all() or fits.any():
                    return False
        low, high = self._range(number)
        return not all(self.quarantined(part, low, high).any() for part in TELLING)

    def _compared(self, part: str, low: int, high: int) -> tuple[Bool[np.ndarray, " m"], Bool[np.ndarray, " m"]]:
        """Of the lifeforms of which no repair has put this part aside: what can be read, and what fits its checksum."""
        there = ~self.quarantined(part, low, high)
        written = self.plain.rows("row_crc", low, high)[0][:, self.parts.index(part)]
        _, readable, found = self.found(part, low, high)
        return readable[there], (found == written)[there]

    @cached_property
    def _in_place(self) -> set[str]:
        """Parts of which nothing that can be read is out of place, as far as checksums are left to tell."""
        parts = set(self.parts)
        for number in range(-(-self.committed // file_rows(self.documents["row_crc"]))):
            for part in sorted(parts) if self._is_known(number) else ():
                for low, high in self._blocks(part, number):
                    readable, fits = self._compared(part, low, high)
                    if (readable & ~fits).any():
                        parts.discard(part)
        return parts

    def _new_sums(self, number: int) -> UInt32[np.ndarray, "n part"]:
        """Checksums of what can be read, and 0 for what cannot, or has been put aside."""
        if number not in self._made:
            start, stop = self._range(number)
            made, placed = np.zeros((stop - start, len(self.parts)), np.uint32), np.ones(stop - start, bool)
            for column, part in enumerate(self.parts):
                for low, high in self._blocks(part, number):
                    _, readable, found = self.found(part, low, high)
                    here = slice(low - start, high - start)
                    there = readable & ~self.quarantined(part, low, high) & (part in self._in_place)
                    if part == "record":
                        placed[here] = there
                    made[here, column] = np.where(there & (placed[here] | (part not in PLACED)), found, 0)
            self._made[number] = made
        return self._made[number]

    def _blocks(self, part: str, number: int) -> Iterator[tuple[int, int]]:
        """The lifeforms of a file of checksums, as many at a time as are well read together."""
        start, stop = self._range(number)
        step = self.block(part)
        for low in range(start, stop, step):
            yield low, min(low + step, stop)

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

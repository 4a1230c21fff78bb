"""What an archive holds once all that can be told from the rest of it is put back."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, UInt32

from alife.storage.documents import file_rows
from alife.storage.schema import substrate_home
from alife.storage.stored import Stored

TELLING = ("record", "genotype", "embedding")
"""Parts that no two lifeforms share."""


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

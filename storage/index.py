"""One vector per lifeform in a plain file, so that a million can be compared without decoding or holding them all.

```
RUN/id/index/<model>.f32     float32, row after row
RUN/id/index/<model>.json    whose vectors they are, how many rows count, and a checksum of every block of them
```

It can always be made again: whatever is missing, or not as it was written, is asked for anew.  Rows are appended first
and the small file is replaced after them, so what a killed process leaves behind does not count.  Blocks are read and
checked every time they are looked at: nothing in the file is trusted in between, a file cut short or a bad disk can be
dealt with (in a mapped file it would end the process), and memory stays small.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO

import google_crc32c
import numpy as np
from jaxtyping import Float, Int

from alife.storage.remote import Place

HOME = "id/index"
"""Below a run; inside an array because Zarr lists what lies in a group, and would warn of it."""

NOWHERE = Path(os.devnull)
"""Home of the index of an archive on object storage: nothing can lie there, so it is kept in memory."""

FORMAT = 1

BLOCK = 128
"""Rows that share a checksum: few enough that they are still in the cache of a core when they are multiplied."""

STEP = 4096
"""Rows asked for at a time where nothing else is said."""

Read = Callable[[int, int], tuple[np.ndarray, np.ndarray]]
"""(start, stop) -> the vectors of rows start..stop-1 [b, D], and which of them can be trusted [b]."""


class VectorIndex:
    """The vectors of the lifeforms of one archive, in the space of one model.

    One that `read` does not vouch for is NaN all through, so that it is like nothing.  What cannot be written, on a
    full disk, in a directory of somebody else or while another process writes, is kept in memory.

    Args:
        root: the run directory.
        identity: of the model.
        dim: length of a vector.
        stamp: tells this archive from another that took its place, such as the date when it was made.
        read: where vectors come from.
        step: rows asked of `read` at a time, after each of which they are safe.
        least: rows from which on they are worth a file.
    """

    def __init__(
        self, root: Place, identity: str, dim: int, *, stamp: str, read: Read, step: int = STEP, least: int = 1
    ) -> None:
        self.dim = dim
        self.rows = 0
        """Lifeforms that have a vector: as many as were asked for."""
        self._read, self._step, self._least = read, step, least
        self._mark = {"format": FORMAT, "identity": identity, "dim": dim, "stamp": stamp, "block": BLOCK}
        name = hashlib.sha256(identity.encode()).hexdigest()[:16]
        home = root / HOME if isinstance(root, Path) else NOWHERE
        self._data, self._about = home / f"{name}.f32", home / f"{name}.json"
        self._filed, self._sums = 0, list[int]()  # rows in the file that count, and a checksum for each block of them
        self._kept = dict[int, np.ndarray]()  # blocks in memory by number; they win over the file

    def extend(self, upto: int) -> None:
        """Takes in the lifeforms that are new, until there are so many."""
        if self.rows >= upto:
            return
        self._load()
        if self._filed < upto >= self._least:
            with suppress(OSError), self._alone() as file:
                while self._filed < upto:
                    self._append(file, self._ask(self._filed, min(self._filed + self._step, upto)))
        if self._filed > self.rows:
            self.rows = min(self._filed, upto)
            self._kept.clear()
        while self.rows < upto:
            self._keep(self._ask(self.rows, min(self.rows + self._step, upto)))

    def cosines(self, q: Float[np.ndarray, "D *m"]) -> Float[np.ndarray, "n *m"]:
        """How alike each lifeform is to a unit vector, or to each column of several: in [-1, 1].

        NaN where its vector cannot be trusted.
        """
        found, q = np.empty((self.rows, *q.shape[1:]), np.float32), q.astype(np.float32)
        with np.errstate(invalid="ignore"):
            for start, block in self._blocks(range(-(-self.rows // BLOCK))):
                found[start : start + len(block)] = block @ q
        return found

    def take(self, ids: Int[np.ndarray, " m"]) -> Float[np.ndarray, "m D"]:
        """Vectors by id, each of which must be one of the rows; NaN where a vector cannot be trusted."""
        found = np.empty((len(ids), self.dim), np.float32)
        order = np.argsort(ids, kind="stable")
        for start, block in self._blocks(np.unique(ids // BLOCK).tolist()):
            first, last = np.searchsorted(ids, [start, start + BLOCK], sorter=order)
            found[order[first:last]] = block[ids[order[first:last]] - start]
        return found

    def _blocks(self, numbers: Iterable[int]) -> Iterator[tuple[int, Float[np.ndarray, "b D"]]]:
        """Blocks and the first row of each; a block is good until the next one is asked for."""
        buffer = np.empty((BLOCK, self.dim), "<f4")
        with _open_if_there(self._data) as file:
            for k in numbers:
                start, block = k * BLOCK, self._kept.get(k)
                if block is None:
                    block = buffer[: max(0, min(BLOCK, self._filed - start))]
                    if start + len(block) < min(start + BLOCK, self.rows) or not self._fetch(file, k, block):
                        block = self._mend(k)
                yield start, block[: self.rows - start]

    def _fetch(self, file: FileIO | None, k: int, block: Float[np.ndarray, "b D"]) -> bool:
        """Fills a block from the file; False where it is not what was written."""
        if file is None:
            return False
        try:
            file.seek(k * BLOCK * self.dim * 4)
            return file.readinto(block.data) == block.nbytes and _checksum(block) == self._sums[k]
        except OSError:
            return False

    def _mend(self, k: int) -> Float[np.ndarray, "b D"]:
        """A block that the file does not have, or not as it was written."""
        start, stop = k * BLOCK, min(k * BLOCK + BLOCK, self.rows)
        block = self._kept[k] = self._ask(start, stop)
        with suppress(OSError), self._alone() as file:
            if min(start + BLOCK, self._filed) == stop:
                # Readers that have the old checksum take these bytes for damage, and ask as this one did.
                self._write(file, start, block)
                self._sums[k] = _checksum(block)
                self._save()
                del self._kept[k]
        return block

    def _ask(self, start: int, stop: int) -> Float[np.ndarray, "b D"]:
        vectors, sound = self._read(start, stop)
        block = np.array(vectors, "<f4")
        block[~sound] = np.nan
        return block

    def _keep(self, vectors: Float[np.ndarray, "b D"]) -> None:
        """Adds rows in memory, of which a block that has begun in the file becomes whole."""
        first = self.rows // BLOCK
        if self.rows % BLOCK:
            ((_, begun),) = self._blocks([first])
            vectors = np.concatenate([begun, vectors])
        for offset in range(0, len(vectors), BLOCK):
            self._kept[first + offset // BLOCK] = vectors[offset : offset + BLOCK]
        self.rows = first * BLOCK + len(vectors)

    def _append(self, file: BinaryIO, vectors: Float[np.ndarray, "b D"]) -> None:
        self._write(file, self._filed, vectors)
        begun = self._filed % BLOCK
        for offset in range(-begun, len(vectors), BLOCK):
            k = (self._filed + offset) // BLOCK
            before = self._sums[k] if offset < 0 else 0
            self._sums[k:] = [_checksum(vectors[max(0, offset) : offset + BLOCK], before)]
        self._filed += len(vectors)
        self._save()

    def _write(self, file: BinaryIO, start: int, vectors: Float[np.ndarray, "b D"]) -> None:
        file.seek(start * self.dim * 4)
        file.write(vectors.data)
        file.flush()

    def _load(self) -> None:
        """What is in the file by now, as far as it is ours; nothing where it is not."""
        rows, sums = 0, list[int]()
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            said = json.loads(self._about.read_bytes())
            claimed, found = said.pop("rows"), said.pop("crc32c")
            there = self._data.stat().st_size // (self.dim * 4)
            blocks = -(-claimed // BLOCK)
            if said == self._mark and len(found) == blocks and all(type(n) is int for n in (claimed, *found)):
                rows = max(0, claimed if there >= claimed else there // BLOCK * BLOCK)
                sums = found[: -(-rows // BLOCK)]
        self._sums, self._filed = sums, rows

    def _save(self) -> None:
        text = json.dumps({**self._mark, "rows": self._filed, "crc32c": self._sums})
        partial = self._about.with_suffix(".partial")
        partial.write_text(text)
        os.replace(partial, self._about)

    @contextmanager
    def _alone(self) -> Iterator[BinaryIO]:
        """The file to write to, with what is in it by now; OSError where it cannot be had, or somebody else has it."""
        self._data.parent.mkdir(exist_ok=True)
        with open(os.open(self._data, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as file:
            try:
                import fcntl  # not on every system
            except ImportError as cause:
                raise OSError("files cannot be locked here") from cause
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._load()
            yield file


def highest(values: Float[np.ndarray, " n"], n: int) -> Int[np.ndarray, " m"]:
    """Places of the n highest values, highest first, of equal ones the first; NaN is never among them.

    >>> highest(np.array([1.0, np.nan, 3.0, 3.0]), 3).tolist()
    [2, 3, 0]
    """
    ids = np.flatnonzero(~np.isnan(values))
    if len(ids) > n:
        least = np.partition(values[ids], len(ids) - n)[len(ids) - n]
        above = ids[values[ids] > least]
        ids = np.concatenate([above, ids[values[ids] == least][: n - len(above)]])
    return ids[np.lexsort((ids, -values[ids]))]


def _checksum(rows: np.ndarray, before: int = 0) -> int:
    return google_crc32c.extend(before, rows)


@contextmanager
def _open_if_there(path: Path) -> Iterator[FileIO | None]:
    try:
        file = open(path, "rb", buffering=0)  # noqa: SIM115
    except OSError:
        yield None
        return
    with file:
        yield file

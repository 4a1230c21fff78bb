"""An archive in the making: lifeforms streamed into files, and nothing to be seen of it before it is whole.

It is built under a name that ends in `.partial`, and gets its own name when all of it is on the disk: killed at any
moment, what was there before is still there.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from jaxtyping import Bool

from alife.errors import ArchiveError
from alife.storage.begin import coordinates, empty_arrays, moments_of
from alife.storage.documents import DOCUMENT, file_rows, own_documents, root_document, seal
from alife.storage.files import LOCK, Files, WriterLock, place
from alife.storage.root import COPY
from alife.storage.rows import Rows, row_values
from alife.storage.schema import Layout, parts_of
from alife.storage.tails import Tails, encode_checkpoint


class Building:
    """An archive in the making.  Leaving the `with` block by an error removes it, unless it is `settled`.

    Args:
        root: where it is built.
        layout: what it has room for.
        attributes: of its root document; `archive` without the number of lifeforms.
        files: the file operations to use.
        level: how hard Zstandard tries, 1 to 22.

    Raises:
        ArchiveLocked: another process builds there.
    """

    def __init__(
        self, root: Path, layout: Layout, attributes: Mapping[str, Any], *, files: Files, level: int | None = None
    ) -> None:
        self.root, self.settled = root, False
        self._files, self._tails = files, Tails(level)
        self._arrays, contents = empty_arrays(layout)
        self.attributes: dict[str, Any] = {**attributes, "coordinates": coordinates(layout)}
        about = {key: value for key, value in attributes["archive"].items() if key != "steps"}
        self.attributes["archive"] = {**about, "committed": 0, **moments_of(layout)}
        self._unwritten: dict[str, bytes] = {}
        remove_leftover(root, files)
        root.parent.mkdir(parents=True, exist_ok=True)
        try:
            files.make_directory(root)
            place(files, root, contents)
            self._lock = WriterLock(root)
        except BaseException:
            shutil.rmtree(root, ignore_errors=True)
            raise

    def __enter__(self) -> Building:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()
        if error is not None and not self.settled:
            shutil.rmtree(self.root, ignore_errors=True)

    @property
    def lifeforms(self) -> int:
        """How many there are by now."""
        return self.attributes["archive"]["committed"]

    @property
    def lengths(self) -> dict[str, int]:
        """Rows of each array by now."""
        return {path: node["shape"][0] for path, node in self._arrays.items() if path != "step"}

    def add(self, rows: Rows, sound: Mapping[str, Bool[np.ndarray, " n"]] | None = None) -> None:
        """Adds lifeforms.

        Args:
            rows: with generation, elite, sampled, substrate and origin.
            sound: of each part which are as they were written; the others get checksums that do not fit, so that
                nothing ever takes them for more than that.
        """
        values = row_values(rows, self.attributes, self._arrays, 0)
        for part, known in (sound or {}).items():
            values["row_crc"][~known, parts_of(self._arrays).index(part)] ^= 0xFFFFFFFF
        for path, added in values.items():
            self._add(path, added)
        self.attributes["archive"]["committed"] += len(values["id"])

    def _add(self, path: str, added: np.ndarray) -> None:
        node = self._arrays[path]
        length = node["shape"][0] + len(added)
        self._unwritten |= (touched := self._tails.add(path, node, node["shape"][0], added))
        self._arrays[path] = {**node, "shape": [length, *node["shape"][1:]]}
        full = list(touched)[: -1 if length % file_rows(node) else None]  # the last one may still grow
        place(self._files, self.root, {key: self._unwritten.pop(key) for key in full})

    def finish(self, checkpoints: Mapping[str, Mapping[str, np.ndarray]]) -> None:
        """Writes all that is missing; on return everything is on the disk.

        Args:
            checkpoints: group -> arrays by name.
        """
        arrays, contents = dict(self._arrays), self._unwritten
        for group, state in checkpoints.items():
            documents, chunks = encode_checkpoint(group, state)
            arrays, contents = {**arrays, **documents}, {**contents, **chunks}
        document = root_document(self.attributes, arrays)
        sealed = seal(document)
        place(self._files, self.root, {**contents, **own_documents(document), COPY: sealed, DOCUMENT: sealed})


def remove_leftover(root: Path, files: Files) -> None:
    """Removes what a killed process has left unfinished.

    Raises:
        ArchiveLocked: the process is not dead.
    """
    if (root / LOCK).exists():
        WriterLock(root).release()
    if root.exists():
        files.remove_tree(root)


@contextmanager
def system_errors(what: str) -> Iterator[None]:
    """What the system refuses inside the block is one clear ArchiveError."""
    try:
        yield
    except OSError as cause:
        where = f", {cause.filename}" if cause.filename else ""
        raise ArchiveError(f"{what} ({cause.strerror or cause}{where}); put that right, then try again") from cause

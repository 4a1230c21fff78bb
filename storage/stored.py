"""Committed rows and checkpoints as they lie on the disk, with a verdict on each of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from jaxtyping import Bool, Int
from zarr.storage import LocalStore

from alife.errors import ArchiveDamaged, ArchiveError
from alife.storage.documents import DOCUMENT, arrays_of_rows, chunk_rows, is_sealed, open_array
from alife.storage.files import LOCK
from alife.storage.schema import FORMAT, PARTS, checkpoint_checksum, part_checksums, record_columns

Columns = dict[str, np.ndarray]


def read_document(root: Path) -> dict[str, Any]:
    """The root document of an archive.

    Raises:
        ArchiveError: there is none, it belongs to something else or to a newer format, or it cannot be read.
        ArchiveDamaged: it is not what was written.
    """
    raw = _read_root(root)
    try:
        document = json.loads(raw)
        version = document["attributes"]["archive"]["format"] if document["zarr_format"] == 3 else None
    except (ValueError, KeyError, TypeError):
        version = None
    if version is None and not (root / LOCK).exists():
        raise ArchiveError(f"{root / DOCUMENT} is not that of an archive; a run directory is made by `alife search`")
    if isinstance(version, int) and version > FORMAT:
        raise ArchiveError(f"{root} has format {version}, this alife reads up to {FORMAT}; update alife to read it")
    if version is None or not _is_whole(raw, document):
        raise ArchiveDamaged(
            f"{root / DOCUMENT} is damaged, and it says where everything in this archive lies and how far it goes; "
            "restore that one file from a copy of the run"
        )
    return document


def _read_root(root: Path) -> bytes:
    try:
        return (root / DOCUMENT).read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        found = f"no {DOCUMENT} in {root}" if root.is_dir() else f"{root} is not a directory"
        raise ArchiveError(f"{found}; expected a run directory, as `alife search` makes one") from None
    except OSError as cause:
        raise ArchiveError(f"cannot read {root}: {cause.strerror}") from cause


def _is_whole(raw: bytes, document: dict[str, Any]) -> bool:
    try:
        return is_sealed(raw, document)
    except (ValueError, KeyError, TypeError):
        return False


class Stored:
    """What one root document says is committed, whatever else lies in the directory by now."""

    def __init__(self, root: Path, document: dict[str, Any]) -> None:
        self.root, self.document = root, document
        self.about: dict[str, Any] = document["attributes"]["archive"]
        self.documents: dict[str, Any] = document["consolidated_metadata"]["metadata"]
        self.row_arrays = arrays_of_rows(document)
        self._store = LocalStore(root, read_only=True)
        self._arrays: dict[str, zarr.Array] = {}
        self.columns = {
            "record": record_columns(self.documents),
            "genotype": (f"substrates/{self.about['substrate']}/genotype",),
            "embedding": ("embedding",),
            "frames": ("frames",),
        }

    def array(self, path: str) -> zarr.Array:
        """One array, as long as the document says."""
        if path not in self._arrays:
            self._arrays[path] = open_array(self._store, path, self.documents[path])
        return self._arrays[path]

    def read(self, part: str, start: int, stop: int) -> tuple[Columns, Bool[np.ndarray, " n"]]:
        """Rows start..stop-1 of one part by column, and which of them are as they were written.

        What the columns hold where they are not is without meaning.

        Args:
            part: one of `PARTS`.
        """
        names = self.columns[part]
        step = max(chunk_rows(self.documents[name]) for name in names)
        found = self._read([*names, "row_crc"], slice(start, stop))
        if found is not None:
            written = found.pop("row_crc")[:, PARTS.index(part)]
            return found, part_checksums(found.values()) == written
        if stop <= (start // step + 1) * step:
            arrays = {name: self.array(name) for name in names}
            blank = {name: np.zeros((stop - start, *a.shape[1:]), a.dtype) for name, a in arrays.items()}
            return blank, np.zeros(stop - start, dtype=bool)
        edges = [start, *range((start // step + 1) * step, stop, step), stop]
        pieces = [self.read(part, low, high) for low, high in pairwise(edges)]
        columns = {name: np.concatenate([piece[name] for piece, _ in pieces]) for name in names}
        return columns, np.concatenate([sound for _, sound in pieces])

    def owners(self, start: int, stop: int) -> Int[np.ndarray, " n"]:
        """Ids of the lifeforms that rows start..stop-1 of the genotypes belong to; -1 where that cannot be read."""
        path = f"substrates/{self.about['substrate']}/lifeform"
        found = self._read([path], slice(start, stop))
        return np.full(stop - start, -1) if found is None else found[path]

    def _read(self, paths: Iterable[str], selection: Any) -> Columns | None:
        """What is selected of some arrays, or None where bytes are so damaged that they cannot be decoded."""
        arrays = {path: self.array(path) for path in paths}
        try:
            return {path: np.asarray(array[selection]) for path, array in arrays.items()}
        except MemoryError:
            raise
        except OSError as cause:
            raise ArchiveError(f"cannot read {self.root}: {cause.strerror or cause}") from cause
        except Exception:  # what a codec raises depends on the codec and on the damage
            return None

    def checkpoint(self, entry: dict[str, Any]) -> dict[str, np.ndarray]:
        """The arrays of a checkpoint by name, from its entry in the document.

        Raises:
            ArchiveDamaged: they are not as they were written.
        """
        home = entry["group"] + "/"
        paths = [p for p, node in self.documents.items() if p.startswith(home) and node["node_type"] == "array"]
        found = self._read(paths, ...)
        state = {path.removeprefix(home): value for path, value in (found or {}).items()}
        if found is None or checkpoint_checksum(state) != entry["crc"]:
            raise ArchiveDamaged(
                f"the checkpoint of generation {entry['generation']} ({home}) in {self.root} is damaged, so this run "
                "cannot be resumed; its lifeforms can still be read: see `alife check-archive`"
            )
        return state

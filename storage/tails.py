"""Rows on their way into files, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from zarr.storage import MemoryStore

from alife.storage.documents import file_keys, file_rows, open_array
from alife.storage.schema import checkpoint_array


class Tails:
    """The unfinished last file of every array, encoded.

    New rows join the rows that share their file without anything being read back.  What a killed writer left behind
    the committed rows is not in here, so it does not get into the next file either.
    """

    def __init__(self) -> None:
        self._held: dict[str, Any] = {}
        self._store = MemoryStore(self._held)

    def add(self, path: str, document: Mapping[str, Any], start: int, values: np.ndarray) -> dict[str, bytes]:
        """Rows from `start` on; returns all files they touch, key -> bytes.

        Args:
            document: of the array as it is afterwards.
        """
        stop = start + len(values)
        if stop == start:
            return {}
        open_array(self._store, path, document)[start:stop] = values
        keys = file_keys(path, document, start, stop)
        files = {key: self._held[key].to_bytes() for key in keys}
        for key in keys if stop % file_rows(document) == 0 else keys[:-1]:
            del self._held[key]
        return files


def encode_checkpoint(group: str, checkpoint: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The documents of a checkpoint's arrays, and the files that hold them."""
    held: dict[str, Any] = {}
    documents: dict[str, Any] = {}
    for name, value in checkpoint.items():
        document = documents[f"{group}/{name}"] = checkpoint_array(name, value.shape, value.dtype)
        open_array(MemoryStore(held), f"{group}/{name}", document)[...] = value
    return documents, {key: buffer.to_bytes() for key, buffer in held.items()}

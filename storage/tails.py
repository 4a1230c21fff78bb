"""Rows on their way into files, in memory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from alife.storage.chunks import encode_chunk, encode_whole, pack_shard, whole_key
from alife.storage.documents import chunk_rows, file_keys, file_rows
from alife.storage.schema import checkpoint_array

_MANY_BYTES = 1 << 20
"""From so many bytes on, chunks are compressed by several threads."""


class Tails:
    """The unfinished last file of every array.

    New rows join the rows that share their file without anything being read back.  What a killed writer left behind
    the committed rows is not in here, so it does not get into the next file either.

    Args:
        level: how hard Zstandard tries, see `encode_chunk`.
    """

    def __init__(self, level: int | None = None) -> None:
        self._level = level
        self._finished: dict[str, list[bytes]] = {}
        """Of each array the chunks of its last file that hold all their rows, encoded."""
        self._open: dict[str, np.ndarray] = {}
        """Of each array the rows of the chunk that has room for more."""

    def add(self, path: str, document: Mapping[str, Any], start: int, values: np.ndarray) -> dict[str, bytes]:
        """Rows from `start` on; returns all files they touch, key -> bytes.

        Args:
            document: of the array.
        """
        if not len(values):
            return {}
        per_chunk, per_file = chunk_rows(document), file_rows(document)
        held = self._open.get(path, values[:0])
        rows = np.concatenate([held, values]) if len(held) else values
        chunks = self._finished.get(path, []) + _encoded(rows, document, self._level)
        per_shard = per_file // per_chunk
        shards = [chunks[at : at + per_shard] for at in range(0, len(chunks), per_shard)]
        keys = file_keys(path, document, start, start + len(values))
        left = len(rows) % per_chunk
        self._open[path] = rows[len(rows) - left :].copy()
        self._finished[path] = (shards[-1][:-1] if left else shards[-1]) if (start + len(values)) % per_file else []
        sharded = per_chunk < per_file
        return {
            key: pack_shard(shard, document) if sharded else shard[0] for key, shard in zip(keys, shards, strict=True)
        }


def _encoded(rows: np.ndarray, document: Mapping[str, Any], level: int | None) -> list[bytes]:
    """Some rows, from the first of a chunk on, as chunks."""
    step = chunk_rows(document)
    pieces = [rows[low : low + step] for low in range(0, len(rows), step)]
    if len(pieces) == 1 or rows.nbytes < _MANY_BYTES:
        return [encode_chunk(piece, document, level) for piece in pieces]
    with ThreadPoolExecutor(min(len(pieces), os.cpu_count() or 1)) as pool:
        return list(pool.map(lambda piece: encode_chunk(piece, document, level), pieces))


def encode_checkpoint(group: str, checkpoint: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The documents of a checkpoint's arrays, and the files that hold them."""
    documents: dict[str, Any] = {}
    contents: dict[str, bytes] = {}
    for name, value in checkpoint.items():
        path = f"{group}/{name}"
        document = documents[path] = checkpoint_array(name, value.shape, value.dtype)
        if value.size:
            contents[whole_key(path, document)] = encode_whole(value, document)
    return documents, contents

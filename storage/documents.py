"""Zarr documents as plain values: the one place that knows how zarr-python keeps its metadata.

The root `zarr.json` of an archive carries the documents of all arrays below it (zarr calls that consolidated
metadata).  Here it is a dict: a longer archive is the same dict with longer shapes in it, and writing it is the
commit.  Rows are read by what these documents say, never by the ones on the disk, so a writer can fill rows that no
reader can see yet, and a reader keeps the length it opened with.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

DOCUMENT = "zarr.json"

WRITERS = "alife_writers"
"""Of an array on object storage that several writers have taken up in turn: the first file that each of them holds, and
the ending of its files' names.  Zarr refuses a key that it does not know, so nobody reads such an array as if all of it
lay under the usual names."""

GROUP: dict[str, Any] = {"zarr_format": 3, "node_type": "group", "attributes": {}}


def array_document(
    shape: tuple[int, ...],
    dtype: Any,
    *,
    chunks: tuple[int, ...],
    shards: tuple[int, ...] | None = None,
    codec: str = "zstd",
    dimensions: Iterable[str] | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The document of one array, as zarr itself would write it.

    Args:
        chunks: what is compressed together.
        shards: what lies in one file, where that is more than one chunk.
        codec: "zstd" or "bitshuffle".  Both notice a changed byte; neither notices a missing file, hence the checksums
            per row.
        dimensions: name of each axis.
    """
    import zarr  # takes a third of a second, which those who only read do without
    from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec
    from zarr.storage import MemoryStore

    bitshuffle = [BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle"), Crc32cCodec()]
    compressors: Any = {"zstd": ZstdCodec(level=3, checksum=True), "bitshuffle": bitshuffle}[codec]
    held: dict[str, Any] = {}
    zarr.create_array(
        MemoryStore(held),
        shape=shape,
        dtype=dtype,
        chunks=chunks,
        shards=shards,
        compressors=compressors,
        fill_value=0,
        dimension_names=None if dimensions is None else list(dimensions),
        attributes=dict(attributes or {}),
        chunk_key_encoding={"name": "default", "separator": "."},  # one directory per array
    )
    return json.loads(held[DOCUMENT].to_bytes())


def file_rows(document: Mapping[str, Any]) -> int:
    """Rows that share one file.

    >>> file_rows(array_document((0, 3), "uint8", chunks=(1, 3), shards=(64, 3)))
    64
    """
    return document["chunk_grid"]["configuration"]["chunk_shape"][0]


def chunk_rows(document: Mapping[str, Any]) -> int:
    """Rows that are compressed together.

    >>> chunk_rows(array_document((0, 3), "uint8", chunks=(1, 3), shards=(64, 3)))
    1
    """
    first = document["codecs"][0]
    return first["configuration"]["chunk_shape"][0] if first["name"] == "sharding_indexed" else file_rows(document)


def file_keys(path: str, document: Mapping[str, Any], start: int, stop: int) -> list[str]:
    """The files that hold rows start..stop-1, in order; every array is cut along its rows only.

    >>> file_keys("score", array_document((0,), "float32", chunks=(8,)), 7, 9)
    ['score/c.0', 'score/c.1']
    """
    rows, rest = file_rows(document), ".0" * (len(document["shape"]) - 1)
    return [f"{path}/c.{i}{rest}{_ending(document, i)}" for i in range(start // rows, -(-stop // rows))]


def _ending(document: Mapping[str, Any], file: int) -> str:
    return next((f"-{token}" for first, token in reversed(document.get(WRITERS, ())) if first <= file), "")


def owned(document: Mapping[str, Any], token: str) -> dict[str, Any]:
    """The document of an array whose unfinished file, and all after it, are those of one writer.

    >>> array = owned(array_document((12,), "float32", chunks=(8,)), "f3a9")
    >>> file_keys("score", array, 0, 17)
    ['score/c.0', 'score/c.1-f3a9', 'score/c.2-f3a9']
    """
    first = document["shape"][0] // file_rows(document)
    before = [entry for entry in document.get(WRITERS, ()) if entry[0] < first]
    return {**document, WRITERS: [*before, [first, token]]}


def groups_above(paths: Iterable[str]) -> set[str]:
    """All groups that lie between the root and these arrays.

    >>> sorted(groups_above(["a/b/c", "d"]))
    ['a', 'a/b']
    """
    return {path[:at] for path in paths for at, letter in enumerate(path) if letter == "/"}


def root_document(attributes: Mapping[str, Any], arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The document of the whole archive: its attributes, and every array and group below it."""
    nodes = {**dict.fromkeys(groups_above(arrays), GROUP), **arrays}
    return {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": dict(attributes),
        "consolidated_metadata": {
            "kind": "inline",
            "must_understand": False,
            "metadata": {path: nodes[path] for path in sorted(nodes)},
        },
    }


def arrays_of_rows(document: Mapping[str, Any]) -> dict[str, Any]:
    """The documents of the arrays that grow with the lifeforms, by path."""
    nodes = document["consolidated_metadata"]["metadata"]
    arrays = {path: node for path, node in nodes.items() if node["node_type"] == "array" and path != "step"}
    return {path: node for path, node in arrays.items() if not path.startswith("search/")}


def own_documents(document: Mapping[str, Any]) -> dict[str, bytes]:
    """The files that each array and group has to itself, key -> bytes."""
    nodes = document["consolidated_metadata"]["metadata"]
    return {f"{path}/{DOCUMENT}": encode(node) for path, node in nodes.items()}


def encode(document: Mapping[str, Any]) -> bytes:
    """The bytes of a document: the same for equal documents."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


def seal(document: dict[str, Any]) -> bytes:
    """The bytes of a root document, with a checksum of all of it among its attributes."""
    document["attributes"]["archive"]["crc"] = _seal_of(document)
    return encode(document)


def is_sealed(raw: bytes, document: Mapping[str, Any]) -> bool:
    """True if `raw`, which reads as `document`, is exactly what `seal` made."""
    return raw == encode(document) and document["attributes"]["archive"]["crc"] == _seal_of(document)


def _seal_of(document: Mapping[str, Any]) -> int:
    attributes = document["attributes"]
    blank = {**attributes, "archive": {**attributes["archive"], "crc": 0}}
    return zlib.crc32(encode({**document, "attributes": blank}))

"""Rows of arrays as the bytes of files, both ways: chunks that are compressed together, and shards of several chunks.

Zarr could do both, through an event loop that costs a millisecond per array; a generation touches thirty of them.  The
bytes are the same, as the tests show.  Every array is cut along its rows only, which keeps this short.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import google_crc32c
import numpy as np
from jaxtyping import Bool
from numcodecs.blosc import Blosc
from numcodecs.zstd import Zstd

from alife.errors import ArchiveError
from alife.storage.bucket import Replaced
from alife.storage.documents import chunk_rows, file_keys, file_rows
from alife.storage.remote import Place, RemoteFile

Document = Mapping[str, Any]

_ABSENT = 2**64 - 1
"""Place and size of a chunk that a shard does not hold."""


def encode_chunk(rows: np.ndarray, document: Document, level: int | None = None) -> bytes:
    """The bytes of one chunk; rows that are still to come are zeros, as Zarr has it.

    Args:
        rows: up to as many as a chunk holds.
        document: of the array.
        level: how hard Zstandard tries, 1 to 22; None = as the document says.  Readers need not know it.
    """
    missing = chunk_rows(document) - len(rows)
    if missing:
        rows = np.concatenate([rows, np.zeros((missing, *rows.shape[1:]), rows.dtype)])
    return encode_whole(rows, document, level)


def encode_whole(values: np.ndarray, document: Document, level: int | None = None) -> bytes:
    """The bytes of a chunk that is filled."""
    data: Any = np.ascontiguousarray(values, np.dtype(document["data_type"]).newbyteorder("<"))
    for codec in _chunk_codecs(document):
        said = codec.get("configuration", {})
        data = _CODERS[codec["name"]][0](data, said if level is None else {**said, "level": level})
    return data


def decode_chunk(data: bytes, document: Document) -> np.ndarray:
    """The values of one chunk.

    Raises:
        Exception: of whatever type the codec raises on bytes that it did not write.
    """
    for codec in reversed(_chunk_codecs(document)):
        data = _CODERS[codec["name"]][1](data)
    values = np.frombuffer(data, np.dtype(document["data_type"]).newbyteorder("<"))
    return values.reshape(_chunk_shape(document))


def pack_shard(chunks: Sequence[bytes], document: Document) -> bytes:
    """A file of several chunks: one after the other, then where each of them lies."""
    index = np.full((file_rows(document) // chunk_rows(document), 2), _ABSENT, "<u8")
    sizes = np.array([len(chunk) for chunk in chunks], "<u8")
    index[: len(chunks), 0] = np.cumsum(sizes) - sizes
    index[: len(chunks), 1] = sizes
    return b"".join([*chunks, _with_crc(index.tobytes())])


def read_rows(root: Place, path: str, document: Document, start: int, stop: int) -> tuple[np.ndarray, Bool[Any, " n"]]:
    """Rows start..stop-1 of an array, and which of them could be decoded; the others are zeros.

    Raises:
        ArchiveError: the system refuses to read.
    """
    values = np.zeros((stop - start, *document["shape"][1:]), np.dtype(document["data_type"]))
    readable = np.zeros(stop - start, bool)
    per_file, per_chunk = file_rows(document), chunk_rows(document)
    first = start // per_file
    for number, key in enumerate(file_keys(path, document, start, stop), first):
        low, high = max(start, number * per_file), min(stop, (number + 1) * per_file)
        chunks = range((low - number * per_file) // per_chunk, -(-(high - number * per_file) // per_chunk))
        for chunk, found in _read_chunks(root / key, document, chunks):
            begin = number * per_file + chunk * per_chunk
            here = slice(max(low, begin), min(high, begin + per_chunk))
            values[here.start - start : here.stop - start] = found[here.start - begin : here.stop - begin]
            readable[here.start - start : here.stop - start] = True
    return values, readable


def file_damage(file: Place, document: Document, rows: int) -> str:
    """What is wrong with a file of so many rows, as far as its length tells; empty = nothing.

    Raises:
        ArchiveError: the system refuses to read.
    """
    try:
        with file.open("rb") as opened:
            if not (length := opened.seek(0, 2)):
                return "is empty"
            if not _is_sharded(document):
                return ""
            index = _shard_index(opened, document)
    except Replaced:
        return file_damage(file, document, rows)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return "is missing"
    except OSError as cause:
        raise ArchiveError(f"cannot read {file}: {cause.strerror or cause}") from cause
    places, sizes = index[index[:, 0] != _ABSENT].T
    ends = np.cumsum(sizes)
    whole = len(ends) >= -(-rows // chunk_rows(document)) and (places == ends - sizes).all()
    return "" if whole and ends[-1] + index.nbytes + 4 == length else "is cut short, or not what was written"


def whole_key(path: str, document: Document) -> str:
    """The file of an array that is one chunk.

    >>> whole_key("a/b", {"shape": [2, 3]})
    'a/b/c.0.0'
    """
    return f"{path}/c{'.0' * len(document['shape'])}"


def read_whole(root: Place, path: str, document: Document) -> np.ndarray | None:
    """All of an array that is one chunk; None where it is missing or cannot be decoded."""
    if 0 in document["shape"]:  # has no file
        return np.zeros(document["shape"], document["data_type"])
    for _, values in _read_chunks(root / whole_key(path, document), document, range(1)):
        return values.astype(document["data_type"])
    return None


def _read_chunks(file: Place, document: Document, chunks: range) -> Iterator[tuple[int, np.ndarray]]:
    """Those of some chunks of a file that can be decoded."""
    try:
        with file.open("rb") as opened:
            fetch = _in_shard(opened, document) if _is_sharded(document) else lambda chunk: opened.read()
            for chunk in chunks:
                with contextlib.suppress(*_DAMAGE):
                    yield chunk, decode_chunk(fetch(chunk), document)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return
    except OSError as cause:
        raise ArchiveError(f"cannot read {file}: {cause.strerror or cause}") from cause


_DAMAGE = (ValueError, RuntimeError, TypeError, IndexError, OverflowError, MemoryError)
"""What codecs raise on bytes that they did not write."""


def _in_shard(opened: BinaryIO | RemoteFile, document: Document) -> Callable[[int], bytes]:
    known: tuple[np.ndarray, int] | None = None

    def fetch(chunk: int) -> bytes:
        nonlocal known
        while True:
            with contextlib.suppress(Replaced):  # by a writer, with these rows and more
                index, length = known = known or (_shard_index(opened, document), opened.seek(0, 2))
                place, size = index[chunk].tolist()
                if place + size > length:
                    raise ValueError("the shard does not hold this chunk")
                opened.seek(place)
                return opened.read(size)
            known = None

    return fetch


def _shard_index(opened: BinaryIO | RemoteFile, document: Document) -> np.ndarray:
    """Place and size of every chunk of a shard; none where that cannot be read."""
    entry = 16 * (file_rows(document) // chunk_rows(document))
    length = opened.seek(0, 2)
    if length >= entry + 4:
        opened.seek(length - entry - 4)
        with contextlib.suppress(ValueError):
            return np.frombuffer(_without_crc(opened.read()), "<u8").reshape(-1, 2)
    return np.empty((0, 2), "<u8")


def _is_sharded(document: Document) -> bool:
    return document["codecs"][0]["name"] == "sharding_indexed"


def _chunk_codecs(document: Document) -> list[dict[str, Any]]:
    """All codecs of a chunk but the first, which says that numbers are little-endian."""
    codecs = document["codecs"]
    return (codecs[0]["configuration"]["codecs"] if _is_sharded(document) else codecs)[1:]


def _chunk_shape(document: Document) -> list[int]:
    if _is_sharded(document):
        return document["codecs"][0]["configuration"]["chunk_shape"]
    return document["chunk_grid"]["configuration"]["chunk_shape"]


def _unzstd(data: bytes) -> bytes:
    # A decoder passes over one bit of this byte, and over a missing size: neither is ever written.
    if len(data) < 5 or data[4] & 0x10 or not data[4] & 0xE0:
        raise ValueError("not a header that is written here")
    return Zstd().decode(data)


def _with_crc(data: bytes) -> bytes:
    return data + google_crc32c.value(data).to_bytes(4, "little")


def _without_crc(data: bytes) -> bytes:
    if int.from_bytes(data[-4:], "little") != google_crc32c.value(data[:-4]):
        raise ValueError("the checksum does not fit")
    return data[:-4]


_CODERS: dict[str, tuple[Callable[[Any, Mapping[str, Any]], bytes], Callable[[bytes], bytes]]] = {
    "zstd": (
        lambda data, said: Zstd(level=said["level"], checksum=said["checksum"]).encode(data),
        _unzstd,
    ),
    "blosc": (
        lambda data, said: Blosc(said["cname"], said["clevel"], Blosc.BITSHUFFLE).encode(data),
        lambda data: Blosc().decode(data),
    ),
    "crc32c": (lambda data, said: _with_crc(data), lambda data: _without_crc(data)),
}
"""How each codec that a document can name writes and reads."""

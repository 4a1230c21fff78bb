"""What an archive holds: its arrays, their dimensions, chunks and codecs, and the checksums of every row.

```
RUN/zarr.json                            root document: every shape, how much is committed, configuration, dates
RUN/id parent generation operator evaluation seed score valid <measure> ...     one row per lifeform
RUN/embedding  frames  row_crc
RUN/substrates/<name>/genotype lifeform  genotypes, and the lifeform that each row belongs to
RUN/search/<slot>/...                    checkpoints of the search, in turn in one of three slots
```
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import UInt32

from alife.errors import BadOption, PluginError
from alife.storage.documents import array_document

FORMAT = 1
"""Version of all that this file describes; readers refuse a larger one."""

PARTS = ("record", "genotype", "embedding", "frames")
"""What a row is made of, and what has a checksum of its own, so that each can be read and trusted alone."""

RECORD = ("id", "parent", "replaced", "generation", "operator", "evaluation", "seed", "score", "valid")
"""The columns of a new archive; with the measures they make up the part called record.  An older archive may have
fewer: its own list is an attribute of `row_crc`."""

SLOTS = 3
"""Checkpoints kept: two that the root document names, and the one being written."""

ROWS = 8192
"""Rows of a column that share a chunk, and a file."""

SHARD = 64
"""Lifeforms whose frames share a file; each can still be read alone."""

CHUNK_BYTES = 2 << 20
"""Size of a chunk of embeddings or genotypes before compression, at most (but a row at least)."""


def row_arrays(
    *,
    substrate: str,
    genotype_size: int,
    genotype_dtype: Any,
    frames: tuple[int, int, int],
    dim: int,
    measures: Sequence[str],
) -> dict[str, dict[str, Any]]:
    """The documents of all arrays that have a row per lifeform, still without rows: path -> document.

    Args:
        substrate: name of the substrate; its genotypes get a group of that name.
        frames: number of pictures of a lifeform, their height and width in pixels.
        dim: length of an embedding.
        measures: a column each.

    Raises:
        BadOption: a size below 1.
        PluginError: a measure or substrate whose name cannot be the name of an array.
    """
    _require_sizes({"genotype_size": genotype_size, "dim": dim, **dict(zip(("K", "H", "W"), frames, strict=True))})
    _require_names(substrate, measures)
    pictures, height, width = frames
    arrays = {**_record_arrays(), **{name: _column("float32", "measure of the last state") for name in measures}}
    arrays["embedding"] = _big(
        "float32", (pictures, dim), ("lifeform", "frame", "embed"), "unit embedding of each frame"
    )
    arrays["frames"] = array_document(
        (0, pictures, height, width, 3),
        "uint8",
        chunks=(1, pictures, height, width, 3),
        shards=(SHARD, pictures, height, width, 3),
        dimensions=("lifeform", "frame", "y", "x", "rgb"),
        attributes={"long_name": "pictures in time order, red green blue"},
    )
    arrays["row_crc"] = _column(
        "uint32",
        "CRC-32 (as in zlib) of the little-endian bytes of each part of the row",
        {"part": len(PARTS)},
        parts=list(PARTS),
        record=[*RECORD, *measures],
    )
    home = f"substrates/{substrate}"
    arrays[f"{home}/genotype"] = _big(genotype_dtype, (genotype_size,), ("row", "gene"), "parameters of the world")
    arrays[f"{home}/lifeform"] = array_document(
        (0,),
        "int64",
        chunks=(ROWS,),
        dimensions=("row",),  # not every lifeform need be of this substrate
        attributes={"long_name": "id of the lifeform with this genotype"},
    )
    return arrays


def _record_arrays() -> dict[str, dict[str, Any]]:
    from alife.types import OPERATORS  # brings jax, which a reader does without

    return {
        "id": _column("int64", "number of the lifeform"),
        "parent": _column("int64", "ids of the parents, -1 = none", {"slot": 2}),
        "replaced": _column("int64", "id of the lifeform whose place in the search it took, -1 = none"),
        "generation": _column("int64", "generation in which it was found"),
        "operator": _column(
            "uint8",
            "how its genotype came about",
            flag_values=list(range(len(OPERATORS))),
            flag_meanings=" ".join(OPERATORS),
        ),
        "evaluation": _column("int64", "number of the evaluation over the whole run"),
        "seed": _column("uint32", "words of the PRNG key it was run with", {"word": 2}),
        "score": _column("float32", "higher is better"),
        "valid": _column("bool", "no NaN or infinity in frames, measures, embedding or score"),
    }


def _column(dtype: str, meaning: str, second: Mapping[str, int] | None = None, **attributes: Any) -> dict[str, Any]:
    second = second or {}
    return array_document(
        (0, *second.values()),
        dtype,
        chunks=(ROWS, *second.values()),
        dimensions=("lifeform", *second),
        attributes={"long_name": meaning, **attributes},
    )


def _big(dtype: Any, sizes: tuple[int, ...], dimensions: tuple[str, ...], meaning: str) -> dict[str, Any]:
    row_bytes = int(np.prod(sizes)) * np.dtype(dtype).itemsize
    rows = max(1, min(ROWS, CHUNK_BYTES // row_bytes))
    return array_document(
        (0, *sizes),
        np.dtype(dtype),
        chunks=(rows, *sizes),
        codec="bitshuffle",
        dimensions=dimensions,
        attributes={"long_name": meaning},
    )


@lru_cache(maxsize=256)
def checkpoint_array(name: str, shape: tuple[int, ...], dtype: np.dtype) -> Mapping[str, Any]:
    """The document of one array of a checkpoint: all of it in one chunk."""
    dimensions = [f"{name.rpartition('/')[2]}_{axis}" for axis in range(len(shape))]
    return array_document(shape, dtype, chunks=tuple(max(1, size) for size in shape), dimensions=dimensions)


def record_columns(documents: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the columns of a record of one archive, in the order in which its checksum takes them."""
    return tuple(documents["row_crc"]["attributes"]["record"])


def part_checksums(columns: Iterable[np.ndarray]) -> UInt32[np.ndarray, " n"]:
    """One checksum per row, over the little-endian bytes that the given columns have in it."""
    flat = [np.ascontiguousarray(c.astype(c.dtype.newbyteorder("<"), copy=False)) for c in columns]
    if not len(flat[0]):
        return np.empty(0, np.uint32)
    rows = np.concatenate([c.reshape(len(c), -1).view(np.uint8) for c in flat], axis=1)
    return np.array([zlib.crc32(row) for row in rows], dtype=np.uint32)


def checkpoint_checksum(checkpoint: Mapping[str, np.ndarray]) -> int:
    """One checksum over the names, types, shapes and bytes of a checkpoint."""
    crc = 0
    for name in sorted(checkpoint):
        value = np.ascontiguousarray(checkpoint[name])
        crc = zlib.crc32(f"{name} {value.dtype.name} {value.shape}".encode(), crc)
        crc = zlib.crc32(value.astype(value.dtype.newbyteorder("<"), copy=False).tobytes(), crc)
    return crc


def _require_sizes(sizes: Mapping[str, int]) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise BadOption(f"{name} is {size}; an archive needs at least 1")


def _require_names(substrate: str, measures: Sequence[str]) -> None:
    taken = {*RECORD, "embedding", "frames", "row_crc", "search", "substrates"}
    for name in measures:
        if name in taken or list(measures).count(name) > 1:
            raise PluginError(
                f"substrate {substrate!r} names a measure {name!r}, which is already a name in every archive or given "
                f"twice; expected one of its own, none of {', '.join(sorted(taken))}"
            )
        if not name.isidentifier():
            raise PluginError(f"substrate {substrate!r} names a measure {name!r}; expected letters, digits and _")
    if not substrate or substrate.startswith((".", "__")) or set(substrate) & set("/\\"):
        raise PluginError(f"a substrate is called {substrate!r}; expected a name that can be a directory's")

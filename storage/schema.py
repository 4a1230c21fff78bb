"""What an archive holds: its arrays, their dimensions, chunks and codecs, and the checksums of every row.

```
RUN/zarr.json                            root document: every shape, how much is committed, origins, dates
RUN/id parent generation operator evaluation seed score valid <measure> ...     one row per lifeform
RUN/embedding  frames  row_crc           the same
RUN/step                                 steps after which each of the K frames was taken
RUN/clip                                 whole lives in pictures, one lifeform after the other
RUN/peak_frame                           the moment at which a measure was greatest
RUN/substrates/<name>/genotype lifeform  genotypes, and the lifeform that each row belongs to
RUN/substrates/<name>/state/<leaf>       moments of states, one lifeform after the other
RUN/search/<slot>/...                    checkpoints of the search, in turn in one of three slots
RUN/events                               what people say of lifeforms, see events
RUN/store islands/...                    of a run with several writers: where each lifeform lies, see union
RUN/id/writer root index quarantine      files of ours that are not Zarr: lock, copy of the root document, ...
```

What differs in length from lifeform to lifeform (clips, states, genotypes where the archive was made so) lies one after
the other in a flat array; columns say where each one's begins and how long it is.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import UInt32

from alife.errors import BadOption, PluginError
from alife.storage.documents import array_document

FORMAT = 2
"""Version of all that this file describes; readers refuse a larger one, and read all smaller ones (see migrate)."""

SLOTS = 3
"""Checkpoints kept: two that the root document names, and the one being written."""

ROWS = 8192
"""Rows of a column that share a chunk, and a file."""

SHARD = 64
"""Lifeforms whose frames share a file; each can still be read alone."""

CLIP_CHUNK = 8
"""Pictures of clips that are compressed together."""

CHUNK_BYTES = 512 << 10
"""Size of a chunk of embeddings, genotypes or states before compression, at most (but a row at least)."""

FILE_BYTES = 8 << 20
"""Size of a file of them, at most (but a chunk at least); of clips eight times as much."""

OTHER_NAMES = ("embedding", "frames", "peak_frame", "clip", "step", "row_crc", "search", "substrates", "events")
"""What lies in an archive besides the columns of its record."""

ABSENT: Mapping[str, Any] = {"replaced": -1, "substrate": 0, "origin": 0, "elite": True, "sampled": False}
"""What these columns hold in archives that were made before there were such columns."""


@dataclass(frozen=True)
class Genes:
    """What one substrate's lifeforms have to themselves."""

    size: int | None
    """Numbers in a genotype; None = it differs from lifeform to lifeform."""
    dtype: Any
    states: Mapping[str, tuple[tuple[int, ...], Any]] = field(default_factory=dict)
    """Where states are kept: leaf -> shape and type of one moment of it."""


@dataclass(frozen=True)
class Layout:
    """What an archive has room for."""

    substrates: Mapping[str, Genes]
    frames: tuple[int, int, int]
    """Number of pictures of a lifeform, their height and width in pixels."""
    dim: int
    """Length of an embedding."""
    measures: Mapping[str, str] = field(default_factory=dict)
    """A column each: name -> what it means."""
    steps: Sequence[int] | None = None
    """Steps after which each of the pictures is taken; None = it differs from lifeform to lifeform."""
    clip: bool = False
    """Whether whole lives in pictures are kept."""
    peak: str | None = None
    """Whether the moment is kept at which this measure was greatest."""
    together: int | None = None
    """Lifeforms whose frames share a file; None = `SHARD`."""

    def __post_init__(self) -> None:
        sizes = {"dim": self.dim, **dict(zip(("K", "H", "W"), self.frames, strict=True))}
        sizes |= {f"genotype size of {name}": genes.size for name, genes in self.substrates.items() if genes.size}
        for name, size in sizes.items():
            if size < 1:
                raise BadOption(f"{name} is {size}; an archive needs at least 1")
        _require_names(self.substrates, self.measures, {*self._fixed_columns(), *OTHER_NAMES})

    @property
    def parts(self) -> list[str]:
        """What a row is made of, and what has a checksum of its own, so that each can be read and trusted alone."""
        states = any(genes.states for genes in self.substrates.values())
        optional = {"clip": self.clip, "states": states, "peak_frame": self.peak is not None}
        return ["record", "genotype", "embedding", "frames", *(part for part, kept in optional.items() if kept)]

    def documents(self) -> dict[str, dict[str, Any]]:
        """The documents of all arrays that have rows, still without any: path -> document."""
        record = self._fixed_columns()
        record |= {name: _column("float32", meaning or name) for name, meaning in self.measures.items()}
        arrays = {**record, **self._pictures()}
        arrays["embedding"] = _big(
            "float32", (self.frames[0], self.dim), ("lifeform", "frame", "embed"), "unit embedding of each frame"
        )
        arrays["row_crc"] = _column(
            "uint32",
            "CRC-32 (as in zlib) of the little-endian bytes of each part of the row",
            {"part": len(self.parts)},
            parts=self.parts,
            record=list(record),
        )
        for name, genes in self.substrates.items():
            arrays.update({f"{substrate_home(name)}/{key}": node for key, node in _genes(genes).items()})
        return arrays

    def _fixed_columns(self) -> dict[str, dict[str, Any]]:
        """The columns of a record, but for the measures."""
        from alife.types import OPERATORS  # brings jax, which a reader does without

        columns = {
            "id": _column("int64", "number of the lifeform"),
            "parent": _column("int64", "ids of the parents, -1 = none", {"slot": 2}),
            "replaced": _column("int64", "id of the lifeform whose place in the search it took, -1 = none"),
            "generation": _column("int64", "generation in which it was found"),
            "operator": _flags("how its genotype came about", OPERATORS),
            "evaluation": _column("int64", "number of the evaluation over the whole run"),
            "seed": _column("uint32", "words of the PRNG key it was run with", {"word": 2}),
            "score": _column("float32", "higher is better", units="1"),
            "valid": _column("bool", "no NaN or infinity in frames, measures, embedding or score"),
            "substrate": _flags("the family of dynamics that its genotype belongs to", list(self.substrates)),
            "origin": _column("uint32", "what made it: a place in the attribute `origins` of the archive"),
            "elite": _column("bool", "kept by the search"),
            "sampled": _column("bool", "drawn into the unbiased sample of all worlds that were run"),
        }
        for part in ("clip", "states"):
            if part in self.parts:
                columns[f"{part}_start"] = _column("int64", f"place of its first moment in {part}")
                columns[f"{part}_length"] = _column("int64", f"moments of it in {part}, 0 = none")
        if self.peak is not None:
            meaning = f"greatest {self.peak} over all its steps, NaN = none"
            columns["peak"] = _column("float32", meaning, measure=self.peak)
            columns["peak_step"] = _column("int64", "step after which it was greatest", units="steps")
        return columns

    def _pictures(self) -> dict[str, dict[str, Any]]:
        pictures, *size = self.frames
        colour, together = (*size, 3), self.together or SHARD
        arrays = {
            "frames": array_document(
                (0, pictures, *colour),
                "uint8",
                chunks=(1, pictures, *colour),
                shards=(together, pictures, *colour),
                dimensions=("lifeform", "frame", "y", "x", "rgb"),
                attributes={"long_name": "pictures in time order, red green blue", "valid_range": [0, 255]},
            )
        }
        if self.clip:
            rows = max(1, 8 * FILE_BYTES // (CLIP_CHUNK * int(np.prod(colour)))) * CLIP_CHUNK
            arrays["clip"] = array_document(
                (0, *colour),
                "uint8",
                chunks=(CLIP_CHUNK, *colour),
                shards=(rows, *colour),
                dimensions=("picture", "y", "x", "rgb"),
                attributes={"long_name": "whole lives in pictures, one lifeform after the other"},
            )
        if self.peak is not None:
            arrays["peak_frame"] = array_document(
                (0, *colour),
                "uint8",
                chunks=(1, *colour),
                shards=(together, *colour),
                dimensions=("lifeform", "y", "x", "rgb"),
                attributes={"long_name": f"picture of the moment at which {self.peak} was greatest"},
            )
        return arrays


def substrate_home(name: str) -> str:
    """The group of a substrate.

    >>> substrate_home("lenia")
    'substrates/lenia'
    """
    return f"substrates/{name}"


def _genes(genes: Genes) -> dict[str, dict[str, Any]]:
    owner = array_document(
        (0,),
        "int64",
        chunks=(ROWS,),
        dimensions=("row",),  # not every lifeform need be of this substrate
        attributes={"long_name": "id of the lifeform with this genotype"},
    )
    if genes.size is None:
        end = {"long_name": "place in `genotype` after the last number of this row"}
        arrays = {
            "genotype": _big(genes.dtype, (), ("gene",), "parameters of worlds, one row after the other"),
            "genotype_end": array_document((0,), "int64", chunks=(ROWS,), dimensions=("row",), attributes=end),
        }
    else:
        arrays = {"genotype": _big(genes.dtype, (genes.size,), ("row", "gene"), "parameters of the world")}
    for leaf, (shape, dtype) in genes.states.items():
        axes = [f"{leaf.replace('/', '_')}_{axis}" for axis in range(len(shape))]
        arrays[f"state/{leaf}"] = _big(dtype, shape, ("moment", *axes), "moments of states, one lifeform after another")
    return {**arrays, "lifeform": owner}


def _column(dtype: str, meaning: str, second: Mapping[str, int] | None = None, **attributes: Any) -> dict[str, Any]:
    second = second or {}
    return array_document(
        (0, *second.values()),
        dtype,
        chunks=(ROWS, *second.values()),
        dimensions=("lifeform", *second),
        attributes={"long_name": meaning, **attributes},
    )


def _flags(meaning: str, names: Sequence[str]) -> dict[str, Any]:
    return _column("uint8", meaning, flag_values=list(range(len(names))), flag_meanings=" ".join(names))


def _big(dtype: Any, sizes: tuple[int, ...], dimensions: tuple[str, ...], meaning: str) -> dict[str, Any]:
    row_bytes = int(np.prod(sizes, dtype=int)) * np.dtype(dtype).itemsize
    rows = max(1, min(ROWS, CHUNK_BYTES // row_bytes))
    per_file = rows * max(1, FILE_BYTES // (rows * row_bytes))
    return array_document(
        (0, *sizes),
        np.dtype(dtype),
        chunks=(rows, *sizes),
        shards=(per_file, *sizes) if per_file > rows else None,
        codec="bitshuffle",
        dimensions=dimensions,
        attributes={"long_name": meaning},
    )


@lru_cache(maxsize=256)
def checkpoint_array(name: str, shape: tuple[int, ...], dtype: np.dtype) -> Mapping[str, Any]:
    """The document of one array of a checkpoint: all of it in one chunk."""
    dimensions = [f"{name.rpartition('/')[2]}_{axis}" for axis in range(len(shape))]
    return array_document(shape, dtype, chunks=tuple(max(1, size) for size in shape), dimensions=dimensions)


def step_array(steps: Sequence[int]) -> tuple[dict[str, Any], np.ndarray]:
    """The document and the values of the moments at which frames are taken."""
    attributes = {"long_name": "steps after which a frame is taken", "units": "steps"}
    values = np.asarray(steps, np.int64)
    document = array_document(values.shape, "int64", chunks=values.shape, dimensions=("frame",), attributes=attributes)
    return document, values


def record_columns(documents: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the columns of a record of one archive, in the order in which its checksum takes them."""
    return tuple(documents["row_crc"]["attributes"]["record"])


def parts_of(documents: Mapping[str, Any]) -> tuple[str, ...]:
    """The parts that a row of one archive is made of, in the order of its checksums."""
    return tuple(documents["row_crc"]["attributes"]["parts"])


def part_checksums(columns: Iterable[np.ndarray]) -> UInt32[np.ndarray, " n"]:
    """One checksum per row, over the little-endian bytes that the given columns have in it."""
    flat = [_bytes_of_rows(c) for c in columns]
    rows = np.concatenate(flat, axis=1) if len(flat) > 1 else flat[0]
    return np.array([zlib.crc32(row) for row in rows], dtype=np.uint32)


def checksum_of(values: Iterable[np.ndarray]) -> int:
    """One checksum over the little-endian bytes of some arrays, one after the other."""
    crc = 0
    for value in values:
        crc = zlib.crc32(_little(value).tobytes(), crc)
    return crc


def _bytes_of_rows(column: np.ndarray) -> np.ndarray:
    return _little(column).reshape(len(column), -1).view(np.uint8) if len(column) else np.empty((0, 1), np.uint8)


def _little(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"), copy=False))


def checkpoint_checksum(checkpoint: Mapping[str, np.ndarray]) -> int:
    """One checksum over the names, types, shapes and bytes of a checkpoint."""
    crc = 0
    for name in sorted(checkpoint):
        value = np.ascontiguousarray(checkpoint[name])
        crc = zlib.crc32(f"{name} {value.dtype.name} {value.shape}".encode(), crc)
        crc = zlib.crc32(value.astype(value.dtype.newbyteorder("<"), copy=False).tobytes(), crc)
    return crc


def _require_names(substrates: Iterable[str], measures: Iterable[str], taken: set[str]) -> None:
    for name in measures:
        if name in taken:
            raise PluginError(
                f"a substrate names a measure {name!r}, which is already a name in every archive; expected one of its "
                f"own, none of {', '.join(sorted(taken))}"
            )
        if not name.isidentifier():
            raise PluginError(f"a substrate names a measure {name!r}; expected letters, digits and _")
    for name in substrates:
        if not name or name.startswith((".", "__")) or set(name) & set("/\\ "):
            raise PluginError(f"a substrate is called {name!r}; expected a name that can be a directory's")

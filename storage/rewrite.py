"""An archive read from end to end, to be written anew: by `merge` with others, by `compact` alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from alife.errors import UnknownName
from alife.storage.layouts import layout_of
from alife.storage.mended import BLANK
from alife.storage.remote import Place
from alife.storage.rows import Peak, Rows
from alife.storage.schema import Genes, substrate_home
from alife.storage.stored import Stored
from alife.storage.union import read_stored

BATCH_BYTES = 64 << 20
"""What lifeforms that are read together hold, before compression (but one lifeform at least)."""


class Batch(NamedTuple):
    """Some lifeforms of one substrate and one origin, with all they hold; zeros where that is damaged."""

    ids: Int[np.ndarray, " n"]
    """Their numbers in the archive that they are read from."""
    rows: Rows
    sound: dict[str, Bool[np.ndarray, " n"]]
    """Of each part which ones are as they were written."""


class Source:
    """An archive that is read from end to end.

    Raises:
        ArchiveError: there is none.
        ArchiveDamaged: its root document is damaged, or the moments at which frames were taken are.
    """

    def __init__(self, root: Place) -> None:
        self.stored = stored = read_stored(root)
        self.layout = layout_of(stored)
        self.columns, self.sound = stored.record(0, stored.committed)
        self.columns["operator"] = _todays_operators(self.columns["operator"], stored)
        for name, column in self.columns.items():
            column[~self.sound] = BLANK.get(name, 0)
        for code, name in enumerate(stored.about["substrates"]):
            ids, readable = stored.owners(name)
            ids = ids[readable & (ids >= 0) & (ids < stored.committed)]
            self.columns["substrate"][ids[~self.sound[ids]]] = code

    @property
    def attributes(self) -> dict[str, Any]:
        """Those of the root document, in today's form."""
        return self.stored.document["attributes"]

    def batches(self, at: Iterable[int] = ()) -> Iterator[Batch]:
        """All lifeforms, in order; at these numbers another batch begins."""
        before = np.searchsorted(sorted(at), np.arange(self.stored.committed), side="right")
        which = np.stack([self.columns["substrate"], self.columns["origin"], self._share, before], axis=1)
        starts = np.flatnonzero((np.diff(which, axis=0, prepend=-1) != 0).any(axis=1)).tolist()
        for start, stop in zip(starts, [*starts[1:], self.stored.committed], strict=False):
            yield self._batch(start, stop)

    @property
    def _share(self) -> Int[np.ndarray, " n"]:
        """Number of the batch that each lifeform would be in for its size alone."""
        documents, total = self.stored.row_arrays, self.stored.committed
        flat = {path for path in documents if path == "clip" or "/state/" in path}
        even = sum(_row_bytes(node) * node["shape"][0] for path, node in documents.items() if path not in flat)
        sizes: Float[np.ndarray, " n"] = np.full(total, even / max(1, total))
        if "clip" in flat:
            sizes += self.columns["clip_length"] * _row_bytes(documents["clip"])
        for code, name in enumerate(self.layout.substrates):
            moment = sum(_row_bytes(documents[path]) for path in flat if path.startswith(f"{substrate_home(name)}/"))
            if moment:
                sizes += (self.columns["substrate"] == code) * self.columns["states_length"] * moment
        return ((np.cumsum(sizes) - sizes) // BATCH_BYTES).astype(np.int64)

    def _batch(self, start: int, stop: int) -> Batch:
        stored, columns = self.stored, {name: column[start:stop] for name, column in self.columns.items()}
        substrate = stored.about["substrates"][columns["substrate"][0]]
        genes = self.layout.substrates[substrate]
        read = {part: stored.part(part, start, stop) for part in stored.parts if part != "record"}
        sound = {"record": self.sound[start:stop], **{part: known for part, (_, known) in read.items()}}
        genotype, sound["genotype"] = _genotypes(*read["genotype"], genes)
        for part in {"embedding", "frames", "peak_frame"} & read.keys():
            read[part][0][~sound[part]] = 0
        peak, clip, states = None, None, {}
        if "peak_frame" in read:
            peak = Peak(columns["peak"], columns["peak_step"], read["peak_frame"][0])
        if "clip" in read:
            colour = stored.documents["clip"]["shape"][1:]
            clip = _moments(*read["clip"], columns["clip_length"], (colour, "uint8"))
        if "states" in read:
            moments, lengths = read["states"][0], columns["states_length"]
            states = {
                leaf: _moments([of.get(leaf) for of in moments], sound["states"], lengths, what)
                for leaf, what in genes.states.items()
            }
        rows = Rows(
            genotype=genotype,
            **{name: columns[name] for name in ("parent", "replaced", "operator", "evaluation", "seed", "score")},
            measures={name: columns[name] for name in self.layout.measures},
            valid=columns["valid"],
            embedding=read["embedding"][0],
            frames=read["frames"][0],
            **{name: columns[name] for name in ("elite", "sampled", "generation")},
            clip=clip,
            states=states or None,
            peak=peak,
            substrate=substrate,
            origin=int(columns["origin"][0]),
        )
        return Batch(np.arange(start, stop), rows, sound)


def _todays_operators(codes: np.ndarray, stored: Stored) -> np.ndarray:
    from alife.types import OPERATORS  # brings jax, which a reader does without

    names = stored.documents["operator"]["attributes"]["flag_meanings"].split()
    for name in set(names) - set(OPERATORS):
        raise UnknownName("operator", name, OPERATORS)
    return np.array([*map(OPERATORS.index, names), 0], np.uint8)[np.minimum(codes, len(names))]


def _row_bytes(document: Mapping[str, Any]) -> int:
    return int(np.prod(document["shape"][1:], dtype=int)) * np.dtype(document["data_type"]).itemsize


def _genotypes(
    values: Any, sound: Bool[np.ndarray, " n"], genes: Genes
) -> tuple[np.ndarray | list[np.ndarray], Bool[np.ndarray, " n"]]:
    size = genes.size
    fits = np.array([ok and size in (None, len(one)) for one, ok in zip(values, sound, strict=True)], bool)
    blank = np.zeros(size or 0, genes.dtype)
    mended = [one if ok else blank for one, ok in zip(values, fits, strict=True)]
    return (mended if size is None else np.stack(mended)), fits


def _moments(
    values: Sequence[Any],
    sound: Bool[np.ndarray, " n"],
    lengths: Int[np.ndarray, " n"],
    what: tuple[Sequence[int], Any],
) -> list[np.ndarray]:
    """Of each lifeform its moments of one array; zeros where they are damaged, as many as its record says."""
    shape, dtype = what
    return [
        np.zeros((0 if ok and one is None else length, *shape), dtype) if one is None or not ok else one
        for one, ok, length in zip(values, sound, lengths, strict=True)
    ]

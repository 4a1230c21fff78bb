"""One lifeform, as a reader of an archive holds it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Num, Shaped, UInt8

from alife.errors import ArchiveDamaged
from alife.storage.rows import Peak


@dataclass(frozen=True, eq=False)
class Lifeform:
    """A world kept in an archive.  Its arrays are read, and checked, when they are asked for."""

    id: int
    score: float
    """Higher is better."""
    measures: dict[str, float]
    parents: tuple[int, ...]
    """Ids, fewer than two where it had fewer."""
    replaced: int | None
    """Id of the lifeform whose place in the search it took; None = none, or not recorded."""
    operator: str
    """How its genotype came about, one of `alife.types.OPERATORS`."""
    generation: int
    evaluation: int
    """Number of its evaluation over the whole run, from 0."""
    seed: tuple[int, int]
    """Words of the PRNG key it was run with."""
    valid: bool
    substrate: str
    """The family of dynamics that its genotype belongs to."""
    origin: int
    """Place in the archive's `origins`."""
    elite: bool
    """Whether the search keeps it; those it does not are part of a sample."""
    sampled: bool
    """Whether it was drawn into the unbiased sample of all worlds that were run."""
    _archive: Any = field(repr=False)

    @property
    def config(self) -> dict[str, Any]:
        """The configuration that it was run with."""
        return self._archive.origins[self.origin]["config"]

    @property
    def provenance(self) -> dict[str, Any]:
        """What it was run by: versions, sources, machine, model identity."""
        return self._archive.origins[self.origin]["provenance"]

    @cached_property
    def genotype(self) -> Num[np.ndarray, " G"]:
        """The parameters of its world."""
        return self._archive._read_one("genotype", self.id)

    @cached_property
    def embedding(self) -> Float[np.ndarray, "K D"]:
        """Unit vectors of its frames."""
        return self._archive._read_one("embedding", self.id)

    @cached_property
    def frames(self) -> UInt8[np.ndarray, "K H W 3"]:
        """Its pictures in time order, 0..255."""
        return self._archive._read_one("frames", self.id)

    @property
    def readable(self) -> bool:
        """Whether genotype and pictures are as they were written."""
        try:
            return self.frames.size > 0 and self.genotype is not None
        except ArchiveDamaged:
            return False

    @cached_property
    def clip(self) -> UInt8[np.ndarray, "T H W 3"] | None:
        """Its whole life in pictures, where that was kept."""
        pictures = self._archive._read_if_kept("clip", self.id)
        return None if pictures is None or not len(pictures) else pictures

    @cached_property
    def states(self) -> dict[str, Shaped[np.ndarray, "M *leaf"]] | None:
        """Moments of its state, leaf -> one row per moment, where they were kept."""
        return self._archive._read_if_kept("states", self.id) or None

    @cached_property
    def peak(self) -> Peak | None:
        """The moment at which a measure was greatest, where that was kept."""
        columns = self._archive.records()[0]
        if "peak" not in columns or np.isnan(columns["peak"][self.id]):
            return None
        frame = self._archive._read_one("peak_frame", self.id)
        return Peak(columns["peak"][self.id], columns["peak_step"][self.id], frame)


def name_lifeforms(ids: Any) -> str:
    """Lifeforms by number, runs of them together.

    >>> name_lifeforms([3]), name_lifeforms([0, 1, 2, 7])
    ('lifeform 3', 'lifeforms 0-2, 7')
    """
    ids = np.asarray(ids)
    runs = np.split(ids, np.flatnonzero(np.diff(ids) > 1) + 1)
    text = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)
    return f"lifeform{'s' if len(ids) > 1 else ''} {text}"

"""What a run remembers of its archive while it goes on, so that nothing is read twice."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from .errors import ArchiveDamaged
from .storage import Archive, Rows
from .storage.lifeform import name_lifeforms

COVERED = 4096
"""Coverage looks at so many of the latest elites."""


class Memory:
    """What the run knows of its archive without reading it again: last embeddings, numbers, coverage.

    Only elites are looked back at: that other worlds are kept in the archive must make no difference to the search.
    """

    def __init__(self, archive: Archive, dim: int) -> None:
        self.count, self.numbers = 0, list[int]()
        """How many elites there are; evaluation numbers of all lifeforms, by id."""
        self.rows = np.zeros((1024, dim), np.float32)
        self._nearest = np.zeros(0, np.float32)
        if len(archive):
            (z, readable), (columns, sound) = archive.last_embeddings(), archive.records()
            elite = sound & columns["elite"]
            lost = (~sound & ~archive.put_aside("record")) | (elite & ~readable & ~archive.put_aside("embedding"))
            if lost.any():
                raise ArchiveDamaged(
                    f"{name_lifeforms(np.flatnonzero(lost))} of {archive.path}: not as they were written, and scores "
                    f"compare with them; `alife check-archive {archive.path} --repair` puts them aside"
                )
            # one that is put aside gets the number before it, so that they stay in order
            self.numbers = np.maximum.accumulate(np.where(sound, columns["evaluation"], -1)).tolist()
            z = z[elite & readable]
            for start in range(0, len(z), COVERED):
                self._take(z[start : start + COVERED])

    def add(self, rows: Rows) -> None:
        """Remember the lifeforms of one generation."""
        self.numbers += [int(number) for number in rows.evaluation]
        elite = slice(None) if rows.elite is None else rows.elite
        if len(z := rows.embedding[elite, -1]):
            self._take(z)

    def _take(self, z: Float[np.ndarray, "n D"]) -> None:
        while self.count + len(z) > len(self.rows):  # doubled, so that few shapes are ever compiled
            self.rows = np.concatenate([self.rows, np.zeros_like(self.rows)])
        recent = self.rows[max(0, self.count - COVERED) : self.count]
        across = z @ recent.T
        among = np.where(np.eye(len(z), dtype=bool), -1, z @ z.T)
        nearest = np.maximum(self._nearest[-COVERED:], across.max(0, initial=-1))
        self._nearest = np.concatenate([nearest, np.maximum(across.max(1, initial=-1), among.max(1, initial=-1))])
        self.rows[self.count : self.count + len(z)] = z
        self.count += len(z)

    @property
    def coverage(self) -> float:
        """Mean distance (1 - cosine) from one of the latest elites to its nearest: in [0, 2]; 0 of fewer than 2."""
        return float(1 - self._nearest[-COVERED:].mean()) if self.count > 1 else 0.0

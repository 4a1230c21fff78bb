"""What a run remembers of its archive while it goes on, so that nothing is read twice."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from .errors import ArchiveDamaged
from .storage import Archive, Rows
from .storage.archive import name_lifeforms

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
            (z, readable), elite = archive.last_embeddings(), archive.column("elite")
            if not readable[elite].all():
                damaged = name_lifeforms(np.flatnonzero(elite & ~readable))
                raise ArchiveDamaged(
                    f"{damaged} of {archive.path}: the embedding is not as it was written, and scores compare with it; "
                    "`alife check-archive` lists all damage"
                )
            self.numbers = archive.column("evaluation").tolist()
            z = z[elite]
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

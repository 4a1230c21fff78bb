"""What a run remembers of its archive while it goes on, so that nothing is read twice."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from .errors import ArchiveDamaged
from .storage import Archive, Rows, elsewhere
from .storage.lifeform import name_lifeforms

COVERED = 4096
"""Coverage looks at so many of the latest elites."""


class Memory:
    """What the run knows of its archive without reading it again: last embeddings, numbers, coverage.

    Only elites are looked back at: that other worlds are kept in the archive must make no difference to the search.

    Args:
        archive: what has been found: by this run, or by all islands of one.
        dim: length of an embedding.
        island: the one that remembers, whose next lifeforms go into a new store; None = the archive itself grows.
    """

    def __init__(self, archive: Archive, dim: int, island: int | None = None) -> None:
        self.count, self.remembered = 0, 0
        """Elites of the run, or of the island; rows that are not empty: elites of all islands."""
        self.numbers = list[int]()
        """Evaluation number of every lifeform that the run or the island has kept, ascending."""
        self.rows = np.zeros((1024, dim), np.float32)
        self.island = island
        self._nearest = np.zeros(0, np.float32)
        if len(archive):
            self._recall(archive)
        self.before = 0 if island is None else len(self.numbers)
        """How many of them are in earlier stores of the island."""

    def _recall(self, archive: Archive) -> None:
        (z, readable), (columns, sound) = archive.last_embeddings(), archive.records()
        elite = sound & columns["elite"]
        lost = (~sound & ~archive.put_aside("record")) | (elite & ~readable & ~archive.put_aside("embedding"))
        if lost.any():
            raise ArchiveDamaged(
                f"{name_lifeforms(np.flatnonzero(lost))} of {archive.path}: not as they were written, and scores "
                f"compare with them; `alife check-archive {archive.path} --repair` puts them aside"
            )
        mine, numbers = np.ones(len(z), bool), columns["evaluation"]
        if self.island is not None:
            mine, numbers = archive.island == self.island, columns["evaluation"] // archive.island_count
        # one that is put aside gets the number before it, so that they stay in order
        self.numbers = np.maximum.accumulate(np.where(sound, numbers, -1)[mine]).tolist()
        kept = elite & readable
        for chosen, take in ((kept & mine, self._take), (kept & ~mine, self.hear)):
            found = z[chosen]
            for start in range(0, len(found), COVERED):
                take(found[start : start + COVERED])

    def add(self, rows: Rows) -> Float[np.ndarray, " e"]:
        """Remember the lifeforms of one generation; of each elite the distance (1 - cosine) from its nearest."""
        self.numbers += [int(number) for number in rows.evaluation]
        elite = slice(None) if rows.elite is None else rows.elite
        z = rows.embedding[elite, -1]
        return 1 - self._take(z) if len(z) else np.zeros(0, np.float32)

    def hear(self, z: Float[np.ndarray, "n D"]) -> None:
        """Remember what others have found: it is compared with, and is nothing of one's own."""
        self._store(z)

    def ids(self, places: Int[np.ndarray, "*n"]) -> Int[np.ndarray, "*n"]:
        """What an archive calls the lifeforms that stand at some places of `numbers`; -1 stays what it is."""
        if self.island is None:
            return places
        earlier = (places >= 0) & (places < self.before)
        return np.where(earlier, elsewhere(self.island, places), np.where(places < 0, -1, places - self.before))

    def _take(self, z: Float[np.ndarray, "n D"]) -> Float[np.ndarray, " n"]:
        """Remember elites; cosine of each to its nearest among the latest, and among each other."""
        recent = self.rows[max(0, self.remembered - COVERED) : self.remembered]
        across = z @ recent.T
        among = np.where(np.eye(len(z), dtype=bool), -1, z @ z.T)
        mine = np.maximum(across.max(1, initial=-1), among.max(1, initial=-1))
        if self.remembered == self.count:  # nobody else has been heard of
            nearest = np.maximum(self._nearest[-COVERED:], across.max(0, initial=-1))
        else:
            nearest = self._nearest[-COVERED:]
        self._nearest = np.concatenate([nearest, mine])
        self.count += len(z)
        self._store(z)
        return mine

    def _store(self, z: Float[np.ndarray, "n D"]) -> None:
        while self.remembered + len(z) > len(self.rows):  # doubled, so that few shapes are ever compiled
            self.rows = np.concatenate([self.rows, np.zeros_like(self.rows)])
        self.rows[self.remembered : self.remembered + len(z)] = z
        self.remembered += len(z)

    @property
    def coverage(self) -> float:
        """Mean distance (1 - cosine) from one of the latest elites to its nearest: in [0, 2]; 0 of fewer than 2."""
        return float(1 - self._nearest[-COVERED:].mean()) if self.count > 1 else 0.0

"""Lifeforms that go from one search to another: from island to island."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, Num

from .storage import Rows
from .types import OPERATORS

MANY = 2
"""At most so many leave an island at a time: the best and the most novel of what it has found since the last time."""


class Migrants(NamedTuple):
    """Lifeforms on their way to another search, M of them."""

    genotypes: Num[np.ndarray, "M G"]
    parent: Int[np.ndarray, " M"]
    """Where each lives that it is a copy of, see `alife.storage.elsewhere`."""

    def among(self, asked: Num[np.ndarray, "N G"], search: Any) -> Num[np.ndarray, "N G"]:
        """The genotypes asked for, the last of which have made room."""
        found = self.genotypes
        if hasattr(search, "welcome"):
            found = np.asarray(search.welcome(asked, found), asked.dtype)
        return np.concatenate([asked[: len(asked) - len(found)], found])

    def told_of(self, rows: Rows, end: int) -> Rows:
        """The rows of a generation, with what has come from elsewhere told from what the search made.

        Args:
            rows: what is kept of it.
            end: evaluation number after its last.
        """
        here = rows.evaluation - (end - len(self.parent))
        came, place = here >= 0, np.maximum(here, 0)
        copied = np.stack([self.parent, np.full_like(self.parent, -1)], axis=1)
        return rows._replace(
            parent=np.where(came[:, None], copied[place], rows.parent),
            operator=np.where(came, OPERATORS.index("migrant"), rows.operator).astype(np.uint8),
        )


def may_migrate(search: Any) -> bool:
    """Whether a search can learn from genotypes that it has not asked for.

    One that keeps genotypes can (it names fields of its state in `in_flight`), and one that has the method `welcome`.
    """
    return bool(getattr(search, "in_flight", ())) or hasattr(search, "welcome")


class Leaving(NamedTuple):
    """A lifeform that may leave."""

    genotype: Num[np.ndarray, " G"]
    score: float
    novelty: float
    """Distance (1 - cosine) from its nearest when it was found, in [0, 2]."""
    place: int
    """How many lifeforms came before it on its island."""


class Emigrants:
    """Those who leave an island next: the best and the most novel since some left."""

    def __init__(self) -> None:
        self._best: Leaving | None = None
        self._novel: Leaving | None = None

    def consider(self, rows: Rows, novelty: Float[np.ndarray, " e"], first: int) -> None:
        """Look at the lifeforms of one generation.

        Args:
            rows: what was kept of it.
            novelty: of each elite among them.
            first: how many lifeforms came before these on the island.
        """
        elites = np.flatnonzero(np.ones(len(rows.evaluation), bool) if rows.elite is None else rows.elite)
        for i, new in zip(elites.tolist(), novelty.tolist(), strict=True):
            one = Leaving(np.asarray(rows.genotype[i]), float(rows.score[i]), new, first + i)
            if self._best is None or one.score > self._best.score:
                self._best = one
            if self._novel is None or one.novelty > self._novel.novelty:
                self._novel = one

    def leave(self) -> list[Leaving]:
        """Whoever leaves now, at most `MANY`."""
        found = {one.place: one for one in (self._best, self._novel) if one is not None}
        self._best = self._novel = None
        return list(found.values())[:MANY]

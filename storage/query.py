"""Which lifeforms of an archive: those that meet conditions, and relatives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int

from alife.storage import lineage
from alife.storage.archive import Archive
from alife.storage.events import favourites, read_events, tags
from alife.storage.index import VectorIndex
from alife.storage.sheet import most_different
from alife.storage.where import conditions, select

MANY, DIRECTIONS = 20_000, 32
"""From so many lifeforms on, the most different ones are looked for in so many random directions."""


def matching(archive: Archive, text: str = "") -> Bool[np.ndarray, " n"]:
    """Which lifeforms meet all conditions of a text, see `alife.storage.where`.

    Only worlds that are valid and that the search keeps, unless the text itself says `valid`, and `elite` or `sampled`.

    Raises:
        BadOption: a text that is not made of conditions, or one that no column can meet.
    """
    columns, sound = archive.records()
    said = {condition.name for condition in conditions(text)}
    events = read_events(archive.path) if said & {"favourite", "tag"} else []
    tagged: dict[str, set[int]] = {}
    for i, words in tags(events).items():
        for word in words:
            tagged.setdefault(word, set()).add(i)
    operators = archive._stored.documents["operator"]["attributes"]["flag_meanings"].split()
    names = {"operator": operators, "substrate": archive.substrates}
    chosen = sound & select(text, columns, names=names, marks={"favourite": favourites(events)}, tags=tagged)
    if "valid" not in said:
        chosen &= columns["valid"]
    return chosen if said & {"elite", "sampled"} else chosen & columns["elite"]


def ancestors(archive: Archive, i: int) -> Int[np.ndarray, " m"]:
    """Ids of all that lifeform i comes from, oldest first, without itself; a damaged record has no parents.

    Raises:
        NoSuchLifeform: there is none; says which there are.
    """
    return _related(archive, i, lineage.ancestors)


def descendants(archive: Archive, i: int) -> Int[np.ndarray, " m"]:
    """Ids of all that come from lifeform i, oldest first, without itself; raises as `ancestors` does."""
    return _related(archive, i, lineage.descendants)


def _related(
    archive: Archive, i: int, walk: Callable[[Int[np.ndarray, "n 2"], int], Int[np.ndarray, " m"]]
) -> Int[np.ndarray, " m"]:
    columns, sound = archive.records()
    return walk(np.where(sound[:, None], columns["parent"], -1), archive[i].id)


def most_unlike(
    archive: Archive, ids: Int[np.ndarray, " m"], n: int, index: VectorIndex | None = None
) -> tuple[Int[np.ndarray, " k"], int]:
    """Up to n of some lifeforms that look unlike each other, the one with the best score first; how many can be seen.

    Of more than 20,000 lifeforms distances are those seen from 32 random directions: about an eighth off.

    Args:
        archive: of the lifeforms.
        ids: which of them, their records sound.
        n: how many, >= 1.
        index: how they look to a model; None = to the run's own.
    """
    index = index or archive.index
    z = index.cosines(_directions(index.dim))[ids] if len(ids) > MANY else index.take(ids)
    seen = ~np.isnan(z).any(axis=1)
    ids, z = ids[seen], z[seen]
    if not len(ids):
        return ids, 0
    best = int(np.argmax(archive.table(ids)["score"]))
    return ids[most_different(z, min(n, len(ids)), first=best)], len(ids)


def _directions(dim: int) -> Float[np.ndarray, "dim m"]:
    return np.linalg.qr(np.random.default_rng(0).standard_normal((dim, min(dim, DIRECTIONS))))[0]

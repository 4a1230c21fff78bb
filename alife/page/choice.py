"""Which lifeforms a page shows, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from ..errors import ArchiveError
from ..export import most_different_lifeforms
from ..storage import Archive, Lifeform

Records = Mapping[int, Lifeform]


def readable_records(archive: Archive) -> dict[int, Lifeform]:
    """Every lifeform whose record is as it was written, by id.

    Raises:
        ArchiveError: there is none.
    """
    if not len(archive):
        raise ArchiveError(f"{archive.path} holds no lifeform yet; search longer: alife resume {archive.path}")
    return {int(i): archive[i] for i in archive.sound}


def different_ones(archive: Archive, n: int) -> list[Lifeform]:
    """Up to n lifeforms that look unlike each other, in an order in which alike lie side by side.

    Only valid ones that the search keeps and whose bytes are as they were written; empty pictures make way first.

    Raises:
        ArchiveError: there is none of these.
    """
    found = most_different_lifeforms(archive, n)
    return side_by_side(found, archive.index.take(np.array([life.id for life in found])))


def kin_and_alike(archive: Archive, records: Records, i: int, n: int) -> list[Lifeform]:
    """Lifeform i, its ancestors (the nearest, at most half of n), and those that look most like it: up to n.

    Raises:
        NoSuchLifeform: the archive holds no lifeform of that number.
        ArchiveDamaged: it cannot be read.
    """
    lifeform = archive[i]
    lifeform.frames, lifeform.genotype  # noqa: B018  damage is named here, before anything is drawn
    line = [lifeform]
    while len(line) <= n // 2 and line[-1].parents and line[-1].parents[0] in records:
        line.append(records[line[-1].parents[0]])
    known = {life.id for life in line}
    alike = [life for life in archive.nearest(lifeform.id, n) if life.id not in known and _is_shown(life)]
    found = [life for life in (*line, *alike) if life.readable][:n]
    return [found[0], *side_by_side(found[1:], archive.last_embeddings()[0][[life.id for life in found[1:]]])]


def _is_shown(lifeform: Lifeform) -> bool:
    return lifeform.valid and lifeform.elite


def side_by_side(lifeforms: Sequence[Lifeform], z: Float[np.ndarray, "n D"]) -> list[Lifeform]:
    """The lifeforms along a short way through their embeddings.

    Each in turn is put where it makes the way least longer; best when the ones given first are far apart.
    """
    far = 1 - z @ z.T
    way: list[int] = []
    for i in range(len(z)):
        between = [far[a, i] + far[i, b] - far[a, b] for a, b in pairwise(way)]
        longer = [far[i, way[0]], *between, far[i, way[-1]]] if way else [0.0]
        way.insert(int(np.argmin(longer)), i)
    return [lifeforms[i] for i in way]

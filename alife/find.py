"""Lifeforms by what they look like, by their numbers, by their relatives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from .embedding import Embedder
from .errors import ArchiveDamaged, ArchiveError, BadOption, UnknownName
from .seen import seen_by
from .storage import Archive
from .storage.index import VectorIndex, highest
from .storage.media import write_picture
from .storage.query import ancestors, descendants, matching, most_unlike
from .storage.sheet import contact_sheet
from .targets import embed_targets, read_picture

SHOWN = 12
"""Lifeforms found where no number is asked for."""
CANCELLED = 1e-3
"""Length of the sum of what is asked for, in unit vectors, below which nothing of it is left."""


class Likeness(NamedTuple):
    """What lifeforms should look like, and what not: the direction that remains when all is added up."""

    texts: Sequence[str] = ()
    minus: Sequence[str] = ()
    """Texts that they should not be like."""
    like: Sequence[int] = ()
    """Ids of lifeforms, which are not found themselves."""
    unlike: Sequence[int] = ()
    images: Sequence[str | Path | Float[np.ndarray, "S S 3"]] = ()
    """Files of pictures, or pictures as `alife.targets.read_picture` gives them."""


class Found(NamedTuple):
    """Lifeforms, the first in rank first."""

    ids: Int[np.ndarray, " m"]
    similarity: Float[np.ndarray, " m"] | None
    """Cosine with what was asked for, in [-1, 1]; None where no likeness was asked for."""
    total: int
    """How many there are to choose from."""
    damaged: int
    """How many could not be read, and are left out."""


def find_lifeforms(
    archive: Archive,
    likeness: Likeness | None = None,
    *,
    where: str = "",
    sort: str = "",
    different: bool = False,
    ancestors_of: int | None = None,
    descendants_of: int | None = None,
    n: int = SHOWN,
    embedder: Embedder | None = None,
) -> Found:
    """The lifeforms of a run that meet conditions, in order: by likeness, by a number, or as unlike as can be.

    At most one of `likeness`, `sort` and `different` says how they are chosen; without any, the highest score is first.

    Args:
        archive: of a run.
        likeness: what they should look like.
        where: conditions such as "mass<2 score>=0.4 not favourite", see `alife.storage.where`.
        sort: a column with one number per lifeform, lowest first; with a minus in front, highest first.
        different: each next one is the farthest from all before it, beginning with the highest score.
        ancestors_of: only what this lifeform comes from.
        descendants_of: only what comes from this lifeform.
        n: how many, >= 1.
        embedder: who looks; None = the run's own model, which sees lifeforms only: texts and files need one.

    Raises:
        ArchiveError: there is no lifeform, or not the one named.
        BadOption: conditions that cannot be read, two orders at once, a text or picture that the model refuses.
        UnknownName: there is no such column.
    """
    if not len(archive):
        raise ArchiveError(f"{archive.path} holds no lifeform yet; search longer: alife resume {archive.path}")
    asked = likeness is not None and any(likeness)
    if asked + bool(sort) + different > 1:
        raise BadOption("likeness, sort and different each say in which order; expected one of them")
    if n < 1:
        raise BadOption(f"n is {n}; expected 1 or more")
    chosen = matching(archive, where)
    for walk, i in ((ancestors, ancestors_of), (descendants, descendants_of)):
        if i is not None:
            chosen &= np.isin(np.arange(len(chosen)), walk(archive, i))
    if different:
        ids = np.flatnonzero(chosen)
        unlike, seen = most_unlike(archive, ids, n, seen_by(archive, embedder))
        found = Found(unlike, None, seen, len(ids) - seen)
    elif likeness is not None and asked:
        found = _most_alike(archive, chosen, n, seen_by(archive, embedder), likeness, embedder)
    else:
        values = np.where(chosen, _key(archive, sort or "-score"), np.nan)
        found = Found(highest(values, n), None, int((~np.isnan(values)).sum()), 0)
    return found._replace(damaged=found.damaged + len(archive) - len(archive.sound))


def _key(archive: Archive, sort: str) -> Float[np.ndarray, " n"]:
    """A column turned so that the highest comes first."""
    columns, name = archive.records()[0], sort.removeprefix("-").strip()
    numbers = [key for key, column in columns.items() if column.ndim == 1]
    if name not in numbers:
        raise UnknownName("column", name, numbers, "expected a measure to sort by, such as -score")
    column = columns[name].astype(np.float64)
    return column if sort.startswith("-") else -column


def _most_alike(
    archive: Archive,
    chosen: Bool[np.ndarray, " n"],
    n: int,
    index: VectorIndex,
    likeness: Likeness,
    embedder: Embedder | None,
) -> Found:
    cosines = index.cosines(_direction(archive, likeness, index, embedder))
    chosen[[archive[i].id for i in likeness.like]] = False
    values = np.where(chosen, cosines, np.nan)
    ids = highest(values, n)
    return Found(ids, cosines[ids], int((~np.isnan(values)).sum()), int(np.isnan(cosines[chosen]).sum()))


def _direction(
    archive: Archive, likeness: Likeness, index: VectorIndex, embedder: Embedder | None
) -> Float[np.ndarray, " D"]:
    """The unit vector of all that is asked for."""
    z = np.zeros((1, index.dim), np.float32)
    wanted, unwanted = [z, _own(archive, likeness.like, index)], [z, _own(archive, likeness.unlike, index)]
    if likeness.texts or likeness.minus or likeness.images:
        if embedder is None:
            raise BadOption("texts and pictures need somebody who looks at them; expected an embedder")
        words = embed_targets(embedder, prompts=likeness.texts, negatives=likeness.minus)
        wanted += [] if words.wanted is None else [words.wanted]
        unwanted += [] if words.unwanted is None else [words.unwanted]
    if likeness.images and embedder is not None:
        size = archive[int(archive.sound[0])].frames.shape[1]  # as large as the pictures it is compared with
        pictures = [image if isinstance(image, np.ndarray) else read_picture(image, size) for image in likeness.images]
        wanted.append(embedder.pictures(np.stack(pictures)))
    q = np.concatenate(wanted).sum(0) - np.concatenate(unwanted).sum(0)
    length = np.linalg.norm(q)
    if length < CANCELLED:
        raise BadOption("what lifeforms should look like and what not are the same; nothing is left to compare with")
    return q / length


def _own(archive: Archive, ids: Sequence[int], index: VectorIndex) -> Float[np.ndarray, "m D"]:
    z = index.take(np.array([archive[i].id for i in ids], np.int64))
    for i in np.array(ids, np.int64)[np.isnan(z[:, 0])]:
        raise ArchiveDamaged(
            f"lifeform {i} of {archive.path} cannot be seen; `alife check-archive {archive.path}` says why"
        )
    return z


def write_found(archive: Archive, found: Found, target: Path, *, title: str = "") -> None:
    """A contact sheet (.png) of what was found, each with its id and its similarity, else its score.

    Raises:
        BadOption: nothing was found, or a place that cannot be written to.
        ArchiveDamaged: no picture that can be read; those that cannot are left out.
    """
    if not len(found.ids):
        raise BadOption(f"there is nothing to draw on {target}: no lifeform meets the conditions")
    shown = archive.readable(found.ids)
    if not shown:
        raise ArchiveDamaged(f"none of these lifeforms can be drawn; `alife check-archive {archive.path}` says why")
    alike = {} if found.similarity is None else dict(zip(found.ids.tolist(), found.similarity.tolist(), strict=True))
    labels = [f"{lifeform.id}   {alike.get(lifeform.id, lifeform.score):.2f}" for lifeform in shown]
    write_picture(target, contact_sheet(np.stack([life.frames[-1] for life in shown]), labels, title=title))

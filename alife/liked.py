"""Lifeforms that people like, as something to search for: which they are, and what the run's model sees in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from .embedding import Embedder
from .errors import BadOption
from .storage import Archive, open_archive
from .storage.events import favourites, read_events
from .storage.remote import Place, place_of


def with_liking(liked: Sequence[str | Mapping[str, str]], embedder: Embedder) -> list[dict[str, str]]:
    """Lifeforms with what the model sees in their last pictures: stored with a run, so that it goes on without theirs.

    Args:
        liked: RUN for its favourites, RUN:ID or RUN:3,7 for these, or what this function gave before: then nothing is
            read, unless another model saw them.
        embedder: the model of the run.

    Raises:
        BadOption: a run without favourites.
        NoSuchLifeform, ArchiveError, ArchiveDamaged: they cannot be had.
    """
    identity = embedder.model.identity
    seen: dict[str, dict[str, str]] = {}
    for one in liked:
        if not isinstance(one, str) and one.get("model") == identity:
            seen[one["file"]] = dict(one)
            continue
        path, ids = place_and_ids(one if isinstance(one, str) else one["file"], "--like")
        archive = open_archive(path)
        for i in ids or _favourites(archive):
            file = f"{archive.path.resolve()}:{archive[i].id}"
            z = _seen(archive, i, embedder).astype("<f4")
            seen.setdefault(file, {"file": file, "model": identity, "z": z.tobytes().hex()})
    return list(seen.values())


def place_and_ids(text: str, option: str) -> tuple[Place, list[int]]:
    """The archive, and the numbers after a colon, if there are any.

    >>> place_and_ids("runs/a", "--from"), place_and_ids("runs/a:3,7", "--from")
    ((PosixPath('runs/a'), []), (PosixPath('runs/a'), [3, 7]))
    >>> [str(place_and_ids(text, "--from")[0]) for text in ("s3://bucket/a", "s3://bucket/a:3")]
    ['s3://bucket/a', 's3://bucket/a']
    """
    path, colon, said = text.rpartition(":")
    if not colon or "/" in said or Path(text).exists():
        return place_of(text), []
    try:
        return place_of(path), [int(number) for number in said.split(",")]
    except ValueError:
        raise BadOption(f"{option} {text!r}: {said!r} is no lifeform's number; expected RUN, or RUN:ID") from None


def _favourites(archive: Archive) -> list[int]:
    found = favourites(read_events(archive.path))
    if not found:
        path = archive.path
        raise BadOption(
            f"{path} has no favourites; mark some, `alife mark {path} ID --favourite`, or name them: --like {path}:ID"
        )
    return found


def _seen(archive: Archive, i: int, embedder: Embedder) -> Float[np.ndarray, " D"]:
    """The unit vector of a lifeform's last picture: stored, or seen now where another model made the archive."""
    if archive.provenance.get("model", {}).get("identity") == embedder.model.identity:
        return archive[i].embedding[-1]
    return embedder.pictures(archive[i].frames[-1:].astype(np.float32) / 255)[0]

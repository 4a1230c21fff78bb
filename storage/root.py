"""The root document of an archive as it lies on the disk, and the copy that stands in for it."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from alife.errors import ArchiveDamaged, ArchiveError
from alife.storage.documents import DOCUMENT, is_sealed
from alife.storage.files import LOCK
from alife.storage.migrate import upgraded
from alife.storage.remote import Place, RemotePath
from alife.storage.schema import FORMAT

COPY = "id/root"
"""A copy of the root document.  It is written right before the document itself, when all that it speaks of is on the
disk: so it never knows less."""

BEFORE = ".before-compact"
"""Ending of the old archive's name while `alife compact` puts the new one in its place."""


class _Newer(ArchiveError):
    """A format that is not known yet."""


class Root(NamedTuple):
    """What the root document says, and whether it is the document that says so or its copy."""

    document: dict[str, Any]
    """In today's form."""
    raw: bytes
    """The document as it was written."""
    damage: str
    """What is wrong with the document where the copy stands in for it; empty = nothing."""


def read_document(root: Place) -> dict[str, Any]:
    """What the root document of an archive says, or else its copy.

    Raises: as `read_root` does.
    """
    return read_root(root).document


def read_root(root: Place) -> Root:
    """The root document of an archive, or else its copy.

    Raises:
        ArchiveError: there is none, it belongs to something else or to a newer format, or it cannot be read.
        ArchiveDamaged: neither of the two is what was written.
    """
    try:
        raw = _read(root / DOCUMENT)
        found = Root(_parsed(root, raw), raw, "")
    except (ArchiveDamaged, _Newer, FileNotFoundError) as damage:
        return _stand_in(root, damage)
    others = whole_documents(root, known=raw).values() if isinstance(root, Path) else ()
    if not all(same_archive(found, other) for other in others):
        raise ArchiveDamaged(
            f"{root / DOCUMENT} and its copy {root / COPY} are of two archives; `alife check-archive {root} --repair` "
            "finds out which of them belongs here"
        )
    return found


def _stand_in(root: Place, damage: Exception) -> Root:
    """The copy, where the document itself is of no use."""
    if isinstance(damage, FileNotFoundError) and (isinstance(root, RemotePath) or not (root / LOCK).exists()):
        if isinstance(root, Path) and not root.exists() and Path(os.path.realpath(root) + BEFORE).is_dir():
            raise ArchiveError(
                f"`alife compact {root}` was stopped while it put the new archive in the place of the old one; "
                "nothing is lost: give that command again to finish it"
            ) from None
        found = f"no {DOCUMENT} in {root}" if root.is_dir() else f"{root} is not a directory"
        raise ArchiveError(f"{found}; expected a run directory, as `alife search` makes one") from None
    said = f"{root / DOCUMENT} is missing" if isinstance(damage, FileNotFoundError) else f"{root / DOCUMENT} is damaged"
    try:
        raw = _read(root / COPY)
        return Root(_parsed(root, raw), raw, said)
    except (ArchiveDamaged, FileNotFoundError):
        if isinstance(damage, _Newer):
            raise damage from None
        raise ArchiveDamaged(
            f"{said}, and so is its copy {root / COPY}; they say where everything in this archive lies and how far "
            "it goes: restore one of the two from a copy of the run"
        ) from None


def whole_documents(root: Place, known: bytes | None = None) -> dict[str, Root]:
    """Whichever of the root document and its copy is as it was written: file -> what it says.

    Args:
        known: bytes of a document of which nothing more needs to be known: files that hold them are left out.
    """
    found = {}
    for key in (DOCUMENT, COPY):
        with suppress(ArchiveError, FileNotFoundError):
            raw = _read(root / key)
            if raw != known:
                found[key] = Root(_parsed(root, raw), raw, "")
    return found


def same_archive(one: Root, other: Root) -> bool:
    """Whether two documents are of one archive, at whatever time."""
    first, second = one.document["attributes"], other.document["attributes"]
    return first["created"] == second["created"] and first["origins"][0] == second["origins"][0]


def _read(file: Place) -> bytes:
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise FileNotFoundError(str(file)) from None
    except OSError as cause:
        raise ArchiveError(f"cannot read {file}: {cause.strerror}") from cause


def _parsed(root: Place, raw: bytes) -> dict[str, Any]:
    try:
        document = json.loads(raw)
        version = document["attributes"]["archive"]["format"] if document["zarr_format"] == 3 else None
    except (ValueError, KeyError, TypeError):
        version = None
    if version is None and not (root / LOCK).exists():
        raise ArchiveError(f"{root / DOCUMENT} is not that of an archive; a run directory is made by `alife search`")
    if isinstance(version, int) and version > FORMAT:
        raise _Newer(f"{root} has format {version}, this alife reads up to {FORMAT}; update alife to read it")
    if version is None or not _is_whole(raw, document):
        raise ArchiveDamaged(f"{root / DOCUMENT} is damaged")
    return upgraded(document)


def _is_whole(raw: bytes, document: dict[str, Any]) -> bool:
    try:
        return is_sealed(raw, document)
    except (ValueError, KeyError, TypeError):
        return False

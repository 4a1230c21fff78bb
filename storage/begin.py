"""Making an archive, and taking up one that a run has left."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from alife.errors import ArchiveDamaged, ArchiveError, ArchiveExists
from alife.storage.archive import name_lifeforms
from alife.storage.documents import DOCUMENT, file_rows, own_documents, root_document, seal
from alife.storage.files import LOCK, PARTIAL, Files, WriterLock, place
from alife.storage.rows import plain_json
from alife.storage.schema import FORMAT, PARTS, row_arrays
from alife.storage.stored import Stored, read_document
from alife.storage.tails import Tails
from alife.storage.writer import ArchiveWriter


def create_archive(
    path: str | os.PathLike[str],
    *,
    config: Mapping[str, Any],
    substrate: str,
    genotype_size: int,
    genotype_dtype: Any,
    frames: tuple[int, int, int],
    dim: int,
    measures: Sequence[str] = (),
    provenance: Mapping[str, Any] | None = None,
    files: Files | None = None,
) -> ArchiveWriter:
    """A new archive, without lifeforms, and the right to write it.  It appears complete or not at all.

    Args:
        path: of the run directory; must not exist, directories above it are made.
        config: the whole run configuration, as plain JSON.
        substrate: name of the substrate that genotypes belong to.
        frames: number of pictures of a lifeform, their height and width in pixels.
        dim: length of an embedding.
        measures: names of the substrate's measures, a column each.
        provenance: versions, machine, model identity: what it takes to run a lifeform again, as plain JSON.
        files: the file operations to use.

    Raises:
        ArchiveExists: there is something at `path`.
        ArchiveError: nothing can be written there.
        BadOption: a size below 1, or something that is not JSON.
        PluginError: a measure with the name of another column.
    """
    root, files = Path(path), files or Files()
    if os.path.lexists(root):
        raise ArchiveExists(f"{root} exists; give another place, or `alife resume {root}` to go on with a run")
    arrays = row_arrays(
        substrate=substrate,
        genotype_size=genotype_size,
        genotype_dtype=genotype_dtype,
        frames=frames,
        dim=dim,
        measures=measures,
    )
    about = {"format": FORMAT, "committed": 0, "generation": -1, "substrate": substrate, "measures": list(measures)}
    attributes = {
        "archive": {**about, "checkpoints": []},
        "config": plain_json("config", config),
        "provenance": plain_json("provenance", provenance or {}),
        "progress": {},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    document = root_document(attributes, arrays)
    return ArchiveWriter(root, _build(root, document, files), files, document, Tails(), {})


def _build(root: Path, document: dict[str, Any], files: Files) -> WriterLock:
    building = root.with_name(f"{root.name}.{os.getpid()}{PARTIAL}")
    lock = None
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        files.make_directory(building)
        place(files, building, {LOCK: b"", **own_documents(document), DOCUMENT: seal(document)})
        lock = WriterLock(building)
        files.replace(building, root)
        files.sync(root.parent)
        return lock
    except BaseException as cause:
        if lock is not None:
            lock.release()
        shutil.rmtree(building, ignore_errors=True)
        if isinstance(cause, OSError):
            reason = f"{cause.strerror}, {cause.filename}" if cause.filename else str(cause)
            raise ArchiveError(f"cannot make an archive at {root} ({reason}); give a writable place") from cause
        raise


def resume_archive(path: str | os.PathLike[str], *, files: Files | None = None) -> ArchiveWriter:
    """The right to go on writing an archive, from its last committed generation.

    Raises:
        ArchiveError: there is no archive, or it cannot be written.
        ArchiveLocked: another process writes it.
        ArchiveDamaged: the root document, the checkpoint or rows that the next ones share a file with are damaged.
    """
    root, files = Path(path), files or Files()
    read_document(root)  # says what is wrong before anything is touched
    try:
        lock = WriterLock(root)
    except OSError as cause:
        raise ArchiveError(f"cannot write {root}: {cause.strerror}; nothing is lost, make it writable first") from cause
    try:
        stored = Stored(root, read_document(root))
        newest = stored.about["checkpoints"][:1]
        checkpoint = stored.checkpoint(newest[0]) if newest else {}
        writer = ArchiveWriter(root, lock, files, stored.document, _tails_of(stored), checkpoint)
        for leftover in list(root.rglob(f"*{PARTIAL}")):
            files.remove(leftover)
        writer.refresh_documents()
        return writer
    except OSError as cause:
        lock.release()
        raise ArchiveError(f"cannot write {root}: {cause.strerror}; nothing is lost, make it writable first") from cause
    except BaseException:
        lock.release()
        raise


def _tails_of(stored: Stored) -> Tails:
    """The unfinished files, with the committed rows only."""
    tails, committed = Tails(), stored.about["committed"]
    starts = {path: committed - committed % file_rows(node) for path, node in stored.row_arrays.items()}
    for part in PARTS:
        start = starts[stored.columns[part][0]]
        columns, sound = stored.read(part, start, committed)
        _require_sound(stored, part, start, sound)
        for path, values in columns.items():
            tails.add(path, stored.documents[path], start, values)
    start = starts["row_crc"]
    owners = stored.owners(start, committed)
    _require_sound(stored, "owner of the genotype", start, owners == np.arange(start, committed))
    path = f"substrates/{stored.about['substrate']}/lifeform"
    tails.add(path, stored.documents[path], start, owners)
    # That these can be read, and are right, is what made the parts sound.
    tails.add("row_crc", stored.documents["row_crc"], start, np.asarray(stored.array("row_crc")[start:committed]))
    return tails


def _require_sound(stored: Stored, part: str, start: int, sound: Bool[np.ndarray, " n"]) -> None:
    if not sound.all():
        raise ArchiveDamaged(
            f"{name_lifeforms(start + np.flatnonzero(~sound))} of {stored.root}: damaged {part}, and new rows would go "
            f"into the same file; `alife check-archive {stored.root}` lists all damage"
        )

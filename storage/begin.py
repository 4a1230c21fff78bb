"""Making an archive, and taking up one that a run has left."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from alife.errors import ArchiveDamaged, ArchiveError, ArchiveExists
from alife.storage.chunks import encode_whole, whole_key
from alife.storage.documents import DOCUMENT, arrays_of_rows, file_rows, own_documents, root_document, seal
from alife.storage.event_log import LOCK as EVENTS_LOCK
from alife.storage.event_log import adding
from alife.storage.files import LOCK, PARTIAL, Files, Lock, WriterLock, place
from alife.storage.lifeform import name_lifeforms
from alife.storage.objects import RemoteFiles, claimed, files_of, require_nothing
from alife.storage.remote import Place, RemotePath, place_of
from alife.storage.root import BEFORE, COPY, read_root, whole_documents
from alife.storage.rows import plain_json
from alife.storage.schema import FORMAT, Layout, step_array
from alife.storage.stored import Stored
from alife.storage.tails import Tails
from alife.storage.writer import ArchiveWriter


def create_archive(
    path: str | os.PathLike[str] | RemotePath,
    layout: Layout,
    *,
    config: Mapping[str, Any],
    provenance: Mapping[str, Any] | None = None,
    generation: int = -1,
    island: int | None = None,
    files: Files | None = None,
) -> ArchiveWriter:
    """A new archive, without lifeforms, and the right to write it.  It appears complete or not at all.

    Args:
        path: of the run directory; must not exist, directories above it are made.
        layout: what it has room for.
        config: the whole run configuration, as plain JSON.
        provenance: versions, machine, model identity: what it takes to run a lifeform again, as plain JSON.
        generation: the last one before those that it will hold, where it goes on from another store.
        island: which one of a union it belongs to, see `alife.storage.union`; None = it stands alone.
        files: the file operations to use.

    Raises:
        ArchiveExists: there is something at `path`.
        ArchiveError: nothing can be written there.
        BadOption: something that is not JSON.
    """
    root = place_of(path)
    files = files or files_of(root)
    require_free(root)
    arrays, contents = empty_arrays(layout)
    about = {"format": FORMAT, "committed": 0, "generation": generation, "substrates": list(layout.substrates)}
    about |= {} if island is None else {"island": island}
    attributes = {
        "archive": {**about, "measures": list(layout.measures), "checkpoints": [], **moments_of(layout)},
        "origins": [origin_of(config, provenance or {})],
        "progress": {},
        "coordinates": coordinates(layout),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    document = root_document(attributes, arrays)
    contents.update(own_documents(document))
    return ArchiveWriter(root, build_root(root, contents, seal(document), files), files, document, Tails(), {})


def require_free(root: Place) -> None:
    """Raises ArchiveExists where no new archive can be made."""
    if isinstance(root, RemotePath):
        require_nothing(root)
    elif os.path.lexists(root):
        raise ArchiveExists(f"{root} exists; give another place, or `alife resume {root}` to go on with a run")
    elif os.path.lexists(os.path.realpath(root) + BEFORE):
        raise ArchiveExists(f"{root} is being compacted; `alife compact {root}` finishes that if it was stopped")


def empty_arrays(layout: Layout) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The documents of all arrays of a new archive, and the files that it begins with."""
    arrays, contents = layout.documents(), {LOCK: b"", EVENTS_LOCK: b""}
    if layout.steps is not None:
        arrays["step"], moments = step_array(layout.steps)
        contents[whole_key("step", arrays["step"])] = encode_whole(moments, arrays["step"])
    return arrays, contents


def moments_of(layout: Layout) -> dict[str, list[int]]:
    """The values of the array `step` once more, as no checksum of a row covers them."""
    return {} if layout.steps is None else {"steps": list(map(int, layout.steps))}


def coordinates(layout: Layout) -> str:
    """Names of the arrays that tell where in an archive something is, for xarray."""
    return " ".join(["id", "generation", *([] if layout.steps is None else ["step"])])


def origin_of(config: Mapping[str, Any], provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What made lifeforms, as an archive keeps it.

    Raises:
        BadOption: part of it is not plain JSON.
    """
    return {"config": plain_json("config", config), "provenance": plain_json("provenance", provenance)}


def build_root(root: Place, contents: dict[str, bytes], document: bytes, files: Files) -> Lock:
    """Puts a new run directory in its place, whole or not at all, and gives the right to write it.

    Raises:
        ArchiveError: nothing can be written there.
    """
    try:
        if isinstance(root, RemotePath):
            assert isinstance(files, RemoteFiles)
            return files.build(root, {**contents, DOCUMENT: document})
        return _build_directory(root, {**contents, COPY: document, DOCUMENT: document}, files)
    except OSError as cause:
        reason = f"{cause.strerror}, {cause.filename}" if cause.filename else str(cause)
        raise ArchiveError(f"cannot make an archive at {root} ({reason}); give a writable place") from cause


def _build_directory(root: Path, contents: dict[str, bytes], files: Files) -> Lock:
    building = root.with_name(f"{root.name}.{os.getpid()}{PARTIAL}")
    lock = None
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        files.make_directory(building)
        place(files, building, contents)
        lock = WriterLock(building)
        files.replace(building, root)
        files.sync(root.parent)
        return lock
    except BaseException:
        if lock is not None:
            lock.release()
        shutil.rmtree(building, ignore_errors=True)
        raise


def resume_archive(
    path: str | os.PathLike[str] | RemotePath, *, origin: Mapping[str, Any] | None = None, files: Files | None = None
) -> ArchiveWriter:
    """The right to go on writing an archive, from its last committed generation.

    Args:
        path: of the run directory.
        origin: what makes the lifeforms from now on, see `origin_of`; None = what made the first ones.
        files: the file operations to use.

    Raises:
        ArchiveError: there is no archive, it cannot be written, or it has an older format.
        ArchiveLocked: another process writes it.
        ArchiveDamaged: the root document, the checkpoint or rows that the next ones share a file with are damaged.
    """
    root = place_of(path)
    files = files or files_of(root)
    _require_whole(root)  # says what is wrong before anything is touched
    try:
        lock = files.lock(root)
    except OSError as cause:
        raise ArchiveError(f"cannot write {root}: {cause.strerror}; nothing is lost, make it writable first") from cause
    try:
        stored = Stored(root, _require_whole(root))
        newest = stored.about["checkpoints"][:1]
        if not newest and stored.about["generation"] >= 0:
            raise _without_checkpoint(root)
        checkpoint = stored.checkpoint(newest[0]) if newest else {}
        document = stored.document
        if isinstance(root, RemotePath):
            document = claimed(document, stored.row_arrays, files.token)
        tails, unfinished = _tails_of(stored, arrays_of_rows(document))
        writer = ArchiveWriter(root, lock, files, document, tails, checkpoint)
        sealed = seal(document)
        if isinstance(root, RemotePath):
            place(files, root, unfinished)
            place(files, root, {DOCUMENT: sealed})
        else:
            _tidy(root, sealed, files)
        if origin is not None:
            writer.begin_origin(origin)
        writer.refresh_documents()
        return writer
    except OSError as cause:
        lock.release()
        raise ArchiveError(f"cannot write {root}: {cause.strerror}; nothing is lost, make it writable first") from cause
    except BaseException:
        lock.release()
        raise


def _tidy(root: Path, sealed: bytes, files: Files) -> None:
    """Puts right what a writer leaves that dies."""
    if not (root / COPY).is_file() or (root / COPY).read_bytes() != sealed:
        place(files, root, {COPY: sealed})  # it may know of a generation that was never acknowledged
    with adding(root):  # nobody is half way through marking a lifeform
        for leftover in list(root.rglob(f"*{PARTIAL}")):
            files.remove(leftover)


def _require_whole(root: Place) -> dict[str, Any]:
    """The root document of an archive that can be written."""
    found = read_root(root)
    if found.damage:
        raise ArchiveDamaged(f"{found.damage}; its copy is whole: `alife check-archive {root} --repair` puts it back")
    copy, generation = whole_documents(root).get(COPY), found.document["attributes"]["archive"]["generation"]
    if copy is not None and copy.document["attributes"]["archive"]["generation"] > generation + 1:
        raise ArchiveDamaged(
            f"{root / DOCUMENT} is older than its copy {COPY}; `alife check-archive {root} --repair` puts it back"
        )
    if "islands" in found.document["attributes"]:
        raise ArchiveError(f"{root} was merged from several runs; go on from it with `alife search --from {root}`")
    if "stores" in found.document["attributes"]["archive"]:
        raise ArchiveError(f"{root} has a store for each of its islands; `alife resume {root}` goes on with them")
    version = found.document["attributes"]["archive"]["format"]
    if version < FORMAT:
        raise ArchiveError(
            f"{root} has format {version} and can be read; to go on writing it, `alife compact {root}` first brings it "
            f"to format {FORMAT} (lifeforms keep their numbers)"
        )
    return found.document


def _tails_of(stored: Stored, documents: Mapping[str, Any]) -> tuple[Tails, dict[str, bytes]]:
    """The unfinished files, with the committed rows only, on their way and as files.

    Args:
        documents: of the arrays of rows, which say how the files are called.
    """
    for part in stored.parts:
        start = stored.committed - stored.committed % stored.block(part)
        sound = stored.read(part, start, stored.committed)[1]
        _require_sound(stored, part, start, sound | stored.quarantined(part, start, stored.committed))
    for name in stored.about["substrates"]:
        ids, readable = stored.owners(name)
        ids = ids[readable]
        if not readable.all() or (np.diff(ids, prepend=-1) < 1).any() or (ids >= stored.committed).any():
            raise _damaged(stored, "the list of genotypes of " + name)
    tails, contents = Tails(), dict[str, bytes]()
    for path, node in stored.row_arrays.items():
        length = node["shape"][0]
        start = length - length % file_rows(node)
        values, readable = stored.rows(path, start, length)
        if not readable.all():
            raise _damaged(stored, path)
        contents |= tails.add(path, documents[path], start, values)
    return tails, contents


def _require_sound(stored: Stored, part: str, start: int, sound: Bool[np.ndarray, " n"]) -> None:
    if not sound.all():
        raise _damaged(stored, f"{part} of {name_lifeforms(start + np.flatnonzero(~sound))}")


def _without_checkpoint(root: Place) -> ArchiveError:
    return ArchiveError(
        f"{root} cannot go on: the state of its search was damaged, and a repair has put it aside; its lifeforms can "
        f"be read, and another search can begin with them: `alife search --from {root}`"
    )


def _damaged(stored: Stored, what: str) -> ArchiveDamaged:
    return ArchiveDamaged(
        f"{stored.root}: {what} damaged, and new rows would go into the same file; `alife check-archive {stored.root}` "
        "lists all damage, with --repair it puts it aside so that the run can go on"
    )

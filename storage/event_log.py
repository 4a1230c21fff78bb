"""The file that keeps what people say of lifeforms, its copy, and the lock of those who add to it.

A search writes the archive in another process meanwhile, so this is no part of its commit: the log lies in a Zarr
group of its own, replaced as a whole under a short lock of its own.

```
RUN/events/zarr.json     attributes: format, events, crc
RUN/id/events.copy       the same bytes once more, for a repair
RUN/id/events.lock       whoever adds events holds it
```

A log begins without events.  So a copy without a log, or events without a copy, is never what a kill leaves.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from alife.errors import ArchiveDamaged, ArchiveError, ArchiveLocked
from alife.storage.bucket import Refused, Version
from alife.storage.documents import DOCUMENT, GROUP, encode
from alife.storage.files import Files, place
from alife.storage.objects import RemoteFiles
from alife.storage.remote import Place, RemotePath, place_of
from alife.storage.root import read_document

FORMAT = 1
"""Version of the log; readers refuse a larger one."""

EVENTS = f"events/{DOCUMENT}"
COPY = "id/events.copy"
LOCK = "id/events.lock"

PATIENCE = 10.0
"""Seconds to wait for somebody else who adds events; each takes milliseconds."""

Event = dict[str, Any]
"""number (0, 1, 2 ... in the order of the log), time (ISO 8601, UTC), kind, lifeform (its id, or None), value."""


def read_events(path: str | os.PathLike[str] | RemotePath) -> list[Event]:
    """All events, oldest first; [] where nobody has said anything yet.

    Raises:
        ArchiveError: there is no archive, its log cannot be read, or was written by a newer alife.
        ArchiveDamaged: the log is not as it was written; everything else in the archive stays readable.
    """
    root = place_of(path)
    raw = _read_log(root)
    if raw is None:
        return []
    events = _unsealed(raw)
    if events is None:
        raise ArchiveDamaged(
            f"{root / EVENTS} is damaged, and it holds the favourites, notes and tags of this archive; the lifeforms "
            f"can still be read, and `alife check-archive --repair {root}` brings back what it can"
        )
    return events


def write_log(root: Path, events: Sequence[Event], files: Files) -> None:
    """Replaces the log and its copy."""
    data = _sealed({"format": FORMAT, "events": list(events)})
    place(files, root, {EVENTS: data, COPY: data})


def check_events(root: Place) -> list[str]:
    """What is wrong with the log and its copy, one sentence each; changes nothing, and works while events are added."""
    raw = _read_log(root)
    if raw is None:
        return []
    # In this order: whatever is added in between, the copy then holds all of these events but for the newest ones.
    events, copy = _unsealed(raw), _unsealed(_read_or_none(root / COPY) or b"")
    if events is None:
        rest = "none of its events can be read" if copy is None else f"its {len(copy)} events are also in {COPY}"
        return [f"{EVENTS} is not as it was written: {rest}"]
    if copy is None and events and isinstance(root, Path):
        return [f"{COPY} is not as it was written; nothing is lost, as {EVENTS} holds the same"]
    shared = min(len(events), len(copy or []))
    if events[:shared] != (copy or [])[:shared]:
        return [f"{COPY} and {EVENTS} hold different events, and each looks as if it had been written so"]
    return []


def repair_events(root: Path, quarantine: Path, *, files: Files | None = None) -> list[str]:
    """Puts the log and its copy right from each other; what is damaged is moved to `quarantine`, never removed.

    Returns what was done, one sentence each; [] where nothing was wrong.

    Raises:
        ArchiveLocked: somebody else has been adding events for 10 seconds.
        ArchiveError: the archive cannot be written.
    """
    files = files or Files()
    with adding(root), writing(root):
        if not check_events(root):
            return []
        raw = {key: _read_or_none(root / key) for key in (EVENTS, COPY)}
        found = {key: _unsealed(data or b"") for key, data in raw.items()}
        kept = next((events for events in found.values() if events is not None), [])
        done = [
            f"{key} was moved to {_move(root / key, quarantine, files)}"
            for key, data in raw.items()
            if data is not None and found[key] != kept
        ]
        write_log(root, kept, files)
        return [*done, f"{EVENTS} and {COPY} now hold the {len(kept)} events that could be read"]


def extend_log(root: Place, new: Callable[[list[Event]], list[Event]], files: Files) -> list[Event]:
    """Adds events, all of them or none, and returns them when they are safe.

    Args:
        new: what to add, from what is known; asked again where somebody else was faster.

    Raises:
        ArchiveLocked: somebody else has been adding events for 10 seconds.
        ArchiveDamaged: the log is damaged, so nothing can be added to it.
        ArchiveError: it cannot be written.
    """
    if isinstance(root, RemotePath):
        with writing(root):
            return _extend_object(root, new, files)
    with adding(root):
        known = read_events(root)
        added = new(known)
        with writing(root):
            if not known:
                write_log(root, [], files)
            write_log(root, [*known, *added], files)
    return added


def _extend_object(root: RemotePath, new: Callable[[list[Event]], list[Event]], files: Files) -> list[Event]:
    """On object storage the log is one object, and put only in place of the one that was read."""
    assert isinstance(files, RemoteFiles)
    end, log = time.monotonic() + PATIENCE, root / EVENTS
    while True:
        before: Version | None = None
        with suppress(FileNotFoundError):
            before = log.bucket.about(log.key)[1]
        known = read_events(root)
        added = new(known)
        try:
            files.put_only(log, _sealed({"format": FORMAT, "events": [*known, *added]}), before)
            return added
        except Refused:
            if time.monotonic() > end:
                raise _busy(root) from None


def _busy(root: Place) -> ArchiveLocked:
    return ArchiveLocked(f"somebody else has been marking lifeforms of {root} for {PATIENCE:g} s; try again")


@contextmanager
def adding(root: Path) -> Iterator[None]:
    """The right to add events, for as long as the block lasts: until then no file of the log is half written.

    Raises:
        ArchiveLocked: somebody else has had it for 10 seconds.
        ArchiveError: the lock file cannot be opened for writing, or files cannot be locked there.
    """
    with writing(root):
        descriptor = os.open(root / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _wait_for(descriptor, root)
        if not os.path.samestat(os.fstat(descriptor), os.stat(root / LOCK)):  # compacted meanwhile
            raise ArchiveLocked(f"{root} has just been compacted by another process; say this again")
        yield
    finally:
        os.close(descriptor)  # gives the lock back


@contextmanager
def writing(root: Place) -> Iterator[None]:
    """What the system refuses inside the block is one clear ArchiveError."""
    try:
        yield
    except OSError as cause:
        raise ArchiveError(
            f"cannot write {root}: {cause.strerror or cause}; what was said of its lifeforms before is safe: put that "
            "right, then say this again"
        ) from cause


def _wait_for(descriptor: int, root: Path) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            import fcntl  # not on every system

            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise _busy(root) from None
            time.sleep(0.005)
        except (OSError, ImportError) as cause:
            raise ArchiveError(
                f"{root} lies where files cannot be locked ({cause}), so what two people say of its lifeforms would "
                "get lost; use a local disk"
            ) from cause


def _sealed(attributes: Mapping[str, Any]) -> bytes:
    return encode({**GROUP, "attributes": {**attributes, "crc": zlib.crc32(encode(attributes))}})


def _unsealed(raw: bytes) -> list[Event] | None:
    """The events of a log, or None where it is not as it was written."""
    try:
        attributes = json.loads(raw)["attributes"]
        del attributes["crc"]
        if raw != _sealed(attributes):
            return None
    except (ValueError, KeyError, TypeError):
        return None
    if attributes["format"] > FORMAT:
        raise ArchiveError(
            f"its events have format {attributes['format']}, this alife reads up to {FORMAT}; update alife to read them"
        )
    return attributes["events"]


def _read_log(root: Place) -> bytes | None:
    """The bytes of the log, damaged or not (b"" where it has gone); None where there never was one."""
    begun = isinstance(root, Path) and (root / COPY).exists()  # asked first, as the first event makes the log first
    try:
        raw = _read_or_none(root / EVENTS)
    except OSError as cause:
        raise ArchiveError(f"cannot read {root / EVENTS}: {cause.strerror}") from cause
    if raw is None and not begun and not (root / DOCUMENT).is_file():
        read_document(root)  # says what is missing
    return b"" if raw is None and begun else raw


def _read_or_none(path: Place) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _move(source: Path, quarantine: Path, files: Files) -> Path:
    """Moves a file to a place that is still free."""
    for directory in (quarantine.parent, quarantine):
        files.make_directory(directory)
    name = "-".join(source.parts[-2:])
    target = next(place for i in range(10**6) if not (place := quarantine / (f"{name}.{i}" if i else name)).exists())
    files.replace(source, target)
    return target

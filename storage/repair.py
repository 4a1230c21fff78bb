"""`alife check-archive --repair`: puts right what can be told from the rest, and the rest aside.

1. every file that is about to change is copied to `RUN/id/quarantine/<n>/` before; nothing is ever removed;
2. the root document says what is put aside, so that no reader is served it from here on, and how far the archive goes:
   to the last generation whose checkpoint is sound;
3. damaged files are written anew, with all that is sound or can be told, and zeros for what is put aside;
4. the documents of single arrays and the events follow.

Killed anywhere, it leaves an archive that is no worse, and the next repair finishes.  In any other order it might
leave zeros for which nothing but their own checksum, made again, would vouch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from alife.errors import ArchiveError
from alife.storage.check import Report, check_archive, damaged_checkpoints, damaged_step, is_copy
from alife.storage.chunks import encode_whole, whole_key
from alife.storage.documents import DOCUMENT, arrays_of_rows, own_documents, root_document, seal
from alife.storage.events import repair_events
from alife.storage.files import Files, WriterLock, place
from alife.storage.index import HOME as INDEX
from alife.storage.lifeform import name_lifeforms
from alife.storage.mended import PLACED, Mended, files_to_write
from alife.storage.remote import RemotePath, place_of, require_local
from alife.storage.root import COPY, Root, read_root, same_archive, whole_documents
from alife.storage.schema import FORMAT
from alife.storage.soundness import impossible
from alife.storage.stored import Stored, ranges
from alife.storage.union import Union

QUARANTINE = "id/quarantine"


@dataclass
class Repair:
    """What a repair has done, and what a check finds after it."""

    report: Report
    done: list[str] = field(default_factory=list)
    """One sentence each, for people; empty = nothing was done."""
    quarantine: Path | None = None
    """Where the files that have changed lie as they were, and `report.txt`; None = there was nothing to repair."""

    def __str__(self) -> str:
        kept = [] if self.quarantine is None else [f"{self.quarantine} holds what was there before"]
        return "\n".join([*(self.done or ["nothing was repaired"]), *kept, str(self.report)])


def repair_archive(path: str | os.PathLike[str] | RemotePath, *, files: Files | None = None) -> Repair:
    """Makes an archive whole again, but for what is lost, and says what that is.

    Raises:
        ArchiveError: there is no archive, it cannot be written, or it has an older format.
        ArchiveLocked: another process writes it.
        ArchiveDamaged: neither the root document nor its copy is left, or nothing tells which of them belongs here.
    """
    root, files = require_local(place_of(path), "repaired"), files or Files()
    _require_today(root, _root_of(root))
    try:
        lock = WriterLock(root)
        try:
            before = check_archive(root)
            if before.ok:
                return Repair(before)
            if "stores" in _root_of(root).document["attributes"]["archive"]:
                return _repair_stores(root, files)
            return _Work(root, files).all(before)
        finally:
            lock.release()
    except OSError as cause:
        raise ArchiveError(
            f"cannot repair {root}: {cause.strerror or cause}; nothing is lost, put that right and try again"
        ) from cause


def _repair_stores(root: Path, files: Files) -> Repair:
    """Every store of a union by itself, then what the union has besides."""
    done: list[str] = []
    home = root / QUARANTINE / _next_number(root / QUARANTINE)
    for member in Union(root, _root_of(root).document).members:
        done += [f"{str(member).removeprefix(f'{root}/')}: {what}" for what in repair_archive(member, files=files).done]
    done += repair_events(root, home, files=files)
    found = _root_of(root)
    if found.damage or not is_copy(found, whole_documents(root).get(COPY)):
        place(files, root, {DOCUMENT: found.raw})
        place(files, root, {COPY: found.raw})
        done.append(f"{DOCUMENT} and its copy are the same again")
    return Repair(check_archive(root), done)


def _root_of(root: Path) -> Root:
    """The root document that belongs to what lies in the directory."""
    found = list(whole_documents(root).values())
    if len(found) < 2:
        return read_root(root)
    first, copy = found
    if not same_archive(first, copy):
        fits = [_fit(root, one) for one in found]
        if fits[0] == fits[1]:
            return read_root(root)  # says that they differ
        return found[int(np.argmax(fits))]
    # A copy that is far ahead of the document is right: it is never written before what it speaks of.
    ahead = _generation(copy) - _generation(first)
    return copy if ahead > 1 else first


def _fit(root: Path, found: Root) -> int:
    stored = Stored(root, found.document)
    sound = len(stored.about["checkpoints"]) - len(damaged_checkpoints(stored))
    own = own_documents(found.document).items()
    return 10**6 * sound + sum(_read_or_none(root / key) == data for key, data in own)


def _generation(found: Root) -> int:
    return found.document["attributes"]["archive"]["generation"]


def _require_today(root: Path, found: Root) -> None:
    version = found.document["attributes"]["archive"]["format"]
    if version < FORMAT:
        raise ArchiveError(
            f"{root} has format {version}, which is not repaired; `alife compact {root}` brings all that is sound in "
            f"it to format {FORMAT}, and leaves the rest aside"
        )


class _Work:
    """One repair, by whoever may write the archive."""

    def __init__(self, root: Path, files: Files) -> None:
        self.root, self.files = root, files
        self.home = root / QUARANTINE / _next_number(root / QUARANTINE)
        self.done: list[str] = []
        self.written: list[str] = []

    def all(self, before: Report) -> Repair:
        self._report(before)
        found = _root_of(self.root)
        stepped = self._without_damaged_checkpoints(Stored(self.root, found.document))
        mended = Mended(self.root, stepped)
        lost = self._lost(mended)
        document = _with_quarantine(stepped, lost)
        self._write_root(found, document)
        for key, data in files_to_write(mended, lost):
            self._replace({key: data})
        self._replace(_step(mended))
        self._replace({key: data for key, data in own_documents(document).items() if self._differs(key, data)})
        self.done += repair_events(self.root, self.home, files=self.files)
        self.done += [f"{len(self.written)} files written anew"] if self.written else []
        self._report(before)
        return Repair(check_archive(self.root), self.done, self.home)

    def _without_damaged_checkpoints(self, stored: Stored) -> dict[str, Any]:
        """The root document with sound checkpoints only, of the generation of the newest of them."""
        about, damaged = stored.about, damaged_checkpoints(stored)
        for number in damaged:
            group = self.root / about["checkpoints"][number]["group"]
            self._keep(path.relative_to(self.root).as_posix() for path in group.rglob("*") if path.is_file())
        kept = [entry for number, entry in enumerate(about["checkpoints"]) if number not in damaged]
        self.done += damaged.values()
        if not damaged or 0 not in damaged:
            return _cut(stored.document, {**about, "checkpoints": kept})
        if not kept or "lengths" not in kept[0]:
            self.done.append(
                f"no checkpoint is sound, so this run cannot go on, but all its lifeforms can be read: another search "
                f"can begin with them, `alife search --from {self.root}`"
            )
            return _cut(stored.document, {**about, "checkpoints": []})
        self._move_index()
        newest = kept[0]
        again = np.arange(newest["committed"], about["committed"])
        these = name_lifeforms(again) if len(again) else "it had no lifeform"
        self.done.append(
            f"back to generation {newest['generation']}, as its checkpoint is sound; `alife resume {self.root}` makes "
            f"what came after it once more, byte for byte ({these})"
        )
        back = {key: newest[key] for key in ("committed", "generation")}
        return _cut(stored.document, {**about, **back, "checkpoints": kept}, newest)

    def _move_index(self) -> None:
        """It may hold vectors of lifeforms that are made once more; it makes itself again when it is asked for."""
        if (self.root / INDEX).is_dir():
            self.files.replace(self.root / INDEX, self.home / Path(INDEX).name)

    def _lost(self, mended: Mended) -> dict[str, Bool[np.ndarray, " n"]]:
        """Of each part the lifeforms that have lost it, those included that a repair put aside before."""
        if len(again := mended.vouched_anew):
            self.done.append(f"{name_lifeforms(again)}: checksums made again from what can be read")
        lost = {part: _lost_of(mended, part) for part in mended.parts}
        for part in lost.keys() & PLACED:
            lost[part] |= lost["record"]
        for part, gone in lost.items():
            if len(ids := np.flatnonzero(gone & ~mended.quarantined(part, 0, mended.committed))):
                self.done.append(f"{name_lifeforms(ids)}: {part} put aside")
        return lost

    def _write_root(self, found: Root, document: dict[str, Any]) -> None:
        sealed, copy = seal(document), whole_documents(self.root).get(COPY)
        if sealed == found.raw and is_copy(found, copy) and not self._differs(DOCUMENT, sealed):
            return
        for key in (COPY, DOCUMENT):
            if self._differs(key, sealed):
                self._replace({key: sealed})

    def _differs(self, key: str, data: bytes) -> bool:
        return _read_or_none(self.root / key) != data

    def _keep(self, keys: Iterator[str]) -> None:
        found = {key: _read_or_none(self.root / key) for key in keys}
        place(self.files, self.home, {key: data for key, data in found.items() if data is not None})

    def _replace(self, contents: Mapping[str, bytes]) -> None:
        self._keep(iter(contents))
        place(self.files, self.root, contents)
        self.written += contents

    def _report(self, before: Report) -> None:
        lines = [datetime.now(UTC).isoformat(timespec="seconds"), "", "found:", *before.problems]
        lines += ["", "done:", *(self.done or ["not finished"]), "", "written anew:", *self.written, ""]
        place(self.files, self.home, {"report.txt": "\n".join(lines).encode()})


def _next_number(home: Path) -> str:
    taken = [int(path.name) for path in home.glob("*") if path.name.isdigit()]
    return str(max(taken, default=-1) + 1)


def _cut(
    document: Mapping[str, Any], about: Mapping[str, Any], newest: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A root document with other attributes, of as many rows as there were at a checkpoint."""
    attributes = {**document["attributes"], "archive": dict(about)}
    nodes = document["consolidated_metadata"]["metadata"]
    groups = tuple(f"{entry['group']}/" for entry in about["checkpoints"])
    arrays = {path: node for path, node in nodes.items() if node["node_type"] == "array"}
    arrays = {path: node for path, node in arrays.items() if not path.startswith("search/") or path.startswith(groups)}
    if newest is not None:
        attributes["progress"] = newest["progress"]
        for path, node in arrays_of_rows(document).items():
            length = newest["lengths"].get(path, newest["committed"])
            arrays[path] = {**node, "shape": [length, *node["shape"][1:]]}
    return root_document(attributes, arrays)


def _lost_of(mended: Mended, part: str) -> Bool[np.ndarray, " n"]:
    step, lost = mended.block(part), np.zeros(mended.committed, bool)
    for low in range(0, mended.committed, step):
        high = min(low + step, mended.committed)
        values, sound = mended.read(part, low, high)
        if part == "record":
            sound &= ~np.logical_or.reduce(list(impossible(mended, values, np.arange(low, high)).values()))
        lost[low:high] = ~sound
    return lost


def _with_quarantine(document: dict[str, Any], lost: Mapping[str, Bool[np.ndarray, " n"]]) -> dict[str, Any]:
    attributes = document["attributes"]
    about = {key: value for key, value in attributes["archive"].items() if key != "quarantine"}
    if any(gone.any() for gone in lost.values()):
        about["quarantine"] = {part: ranges(np.flatnonzero(gone)) for part, gone in lost.items() if gone.any()}
    return {**document, "attributes": {**attributes, "archive": about}}


def _step(mended: Mended) -> dict[str, bytes]:
    node, values = mended.documents.get("step"), mended.about.get("steps")
    if node is None or values is None or not damaged_step(mended):
        return {}
    return {whole_key("step", node): encode_whole(np.array(values), node)}


def _read_or_none(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None

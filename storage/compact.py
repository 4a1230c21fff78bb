"""`alife compact`: one archive written anew, as today's format has it, in fewer and smaller files.

1. the new archive is built beside the old one, as `RUN.compact.partial`; damage in the old one stops it;
2. both are read from end to end, and compared number by number;
3. RUN becomes `RUN.before-compact`, and the new archive becomes RUN.  Killed between the two, giving the command again
   finishes it, and every other command says so (see `root.read_root`);
4. the old archive goes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from alife.errors import ArchiveDamaged, ArchiveError, ArchiveExists
from alife.storage.building import Building, remove_leftover, system_errors
from alife.storage.documents import DOCUMENT
from alife.storage.event_log import COPY as EVENTS_COPY
from alife.storage.event_log import EVENTS, adding
from alife.storage.event_log import LOCK as EVENTS_LOCK
from alife.storage.files import LOCK, PARTIAL, Files, WriterLock, place
from alife.storage.index import HOME as INDEX
from alife.storage.lifeform import name_lifeforms
from alife.storage.remote import RemotePath, place_of, require_local
from alife.storage.rewrite import Batch, Source
from alife.storage.root import BEFORE, COPY, read_root, same_archive
from alife.storage.schema import FORMAT, OTHER_NAMES, SHARD
from alife.storage.stored import Stored, ranges

LEVEL = 9
"""How hard Zstandard tries: a tenth smaller than what a run writes while it searches, which takes 3."""

TOGETHER = 256
"""Lifeforms whose frames share a file, at most ..."""

TOGETHER_BYTES = 64 << 20
"""... and what these frames hold before compression (but `SHARD` lifeforms at least), as a run that goes on writes the
last file anew in every generation until it is full."""

OLD = ".format-{}"
"""Ending of the name of an old archive that stays, because what is damaged in it could not be taken over."""

OURS = (LOCK, COPY, EVENTS_COPY, EVENTS_LOCK, INDEX)
"""What lies in the array directory `id` and is made anew; an index makes itself when it is asked for."""


class Compaction(NamedTuple):
    """What became of an archive."""

    files: tuple[int, int]
    """Before and after."""
    bytes: tuple[int, int]
    kept: Path | None
    """Where the old archive is now, if part of it could not be taken over; None = it is gone."""


def compact_archive(
    path: str | os.PathLike[str] | RemotePath, *, level: int = LEVEL, files: Files | None = None
) -> Compaction:
    """Writes an archive anew, with the same lifeforms under the same numbers, and puts it in the place of the old one.

    Args:
        path: of the run directory.
        level: how hard Zstandard tries, 1 to 22.
        files: the file operations to use.

    Raises:
        ArchiveError: there is no archive, it cannot be written, or is not read as it was: nothing of it has changed.
        ArchiveLocked: another process writes it.
        ArchiveDamaged: something in it is damaged that has not been put aside.
    """
    root, files = Path(os.path.realpath(require_local(place_of(path), "compacted"))), files or Files()
    built, before = (root.with_name(root.name + ending) for ending in (f".compact{PARTIAL}", BEFORE))
    with system_errors(f"cannot compact {root}, nothing of it is lost"), ExitStack() as held:
        if not root.exists() and built.is_dir() and before.is_dir():
            held.callback(WriterLock(before).release)
            old = _size(before)
            _rename(built, root, files)
        else:
            _require_readable(root, str(path))
            held.callback(WriterLock(root).release)
            if before.exists():  # stopped after the new one got its name
                _put_away(root, before, files)
            old = _size(root)
            source = Source(root)
            building = held.enter_context(_begin(source, built, level, files))
            _fill(building, source)
            _copy_others(root, built, source.stored.documents, files)
            _require_same(source, Source(built))
            held.enter_context(adding(root))
            _copy_events(root, built, files)
            building.settled = True
            _rename(root, before, files)
            _rename(built, root, files)
        kept, new = _put_away(root, before, files), _size(root)
    return Compaction((old[0], new[0]), (old[1], new[1]), kept)


def _require_readable(root: Path, said: str) -> None:
    found = read_root(root)
    if "stores" in found.document["attributes"]["archive"]:
        raise ArchiveError(
            f"{said} has a store for each of its islands, which a run that goes on needs; "
            f"`alife merge {said} --out NEW` makes one archive of them, and leaves them as they are"
        )
    if found.damage:
        raise ArchiveDamaged(f"{found.damage}; its copy is whole: `alife check-archive {root} --repair` puts it back")


def _begin(source: Source, built: Path, level: int, files: Files) -> Building:
    layout = source.layout
    taken = int(np.prod(layout.frames)) * 3
    together = min(TOGETHER, max(SHARD, TOGETHER_BYTES // taken))
    about = {**source.attributes["archive"], "format": FORMAT}
    attributes = {**source.attributes, "archive": about}
    return Building(built, replace(layout, together=together), attributes, files=files, level=level)


def _fill(building: Building, source: Source) -> None:
    stored, about = source.stored, source.attributes["archive"]
    damaged: dict[str, list[int]] = {}
    lengths = {0: building.lengths}
    for batch in source.batches(entry["committed"] for entry in about["checkpoints"] if "committed" in entry):
        _require_put_aside(stored, batch)
        for part, sound in batch.sound.items():
            damaged.setdefault(part, []).extend(batch.ids[~sound].tolist())
        building.add(batch.rows, batch.sound)
        lengths[building.lifeforms] = building.lengths
    if any(damaged.values()):
        quarantine = {part: ranges(np.array(ids)) for part, ids in damaged.items() if ids}
        building.attributes["archive"]["quarantine"] = quarantine
    checkpoints = _checkpoints(source)
    entries = about["checkpoints"][: len(checkpoints)]
    building.attributes["archive"]["checkpoints"] = [_with_lengths(entry, lengths) for entry in entries]
    building.finish(checkpoints)


def _require_put_aside(stored: Stored, batch: Batch) -> None:
    """Old formats know of nothing that is put aside."""
    first, last = int(batch.ids[0]), int(batch.ids[-1])
    for part, sound in batch.sound.items():
        new = batch.ids[~sound & ~stored.quarantined(part, first, last + 1)]
        if len(new) and stored.about["format"] == FORMAT:
            raise ArchiveDamaged(
                f"{name_lifeforms(new)} of {stored.root}: damaged {part}; nothing is thrown away here, so put that "
                f"aside first: `alife check-archive {stored.root} --repair`"
            )


def _with_lengths(entry: dict[str, Any], lengths: Mapping[int, Mapping[str, int]]) -> dict[str, Any]:
    if "lengths" not in entry:
        return entry
    count = entry["committed"]
    return {**entry, "lengths": {path: length for path, length in lengths[count].items() if length != count}}


def _checkpoints(source: Source) -> dict[str, dict[str, np.ndarray]]:
    """Group -> arrays, the newest first; an old archive that is damaged has those only that come before the damage."""
    stored, found = source.stored, dict[str, dict[str, np.ndarray]]()
    for entry in stored.about["checkpoints"]:
        try:
            found[entry["group"]] = stored.checkpoint(entry)
        except ArchiveDamaged:
            if stored.about["format"] == FORMAT:
                raise
            break
    return found


def _require_same(old: Source, new: Source) -> None:
    """Reads both from end to end.

    Raises:
        ArchiveError: they differ in anything.
    """
    for one, other in zip(old.batches(), new.batches(), strict=True):
        for was, has in zip(_arrays(one), _arrays(other), strict=True):
            if was.dtype != has.dtype or was.shape != has.shape or was.tobytes() != has.tobytes():
                raise ArchiveError(
                    f"{name_lifeforms(one.ids)} of {old.stored.root} did not come back as they were; the old archive "
                    "stays as it is: look for a failing disk or memory"
                )
    for entry in new.stored.about["checkpoints"]:
        new.stored.checkpoint(entry)


def _arrays(value: Any) -> Iterator[np.ndarray]:
    if isinstance(value, Mapping):
        value = [value[key] for key in sorted(value)]
    if isinstance(value, tuple | list):
        for item in value:
            yield from _arrays(item)
    elif value is not None:
        yield np.asarray(value)


def _copy_others(root: Path, built: Path, documents: Mapping[str, Any], files: Files) -> None:
    """Copies what is no part of what was read: what a repair has put aside, and whatever people keep in there."""
    known = {*OTHER_NAMES, DOCUMENT, "id", *(path.partition("/")[0] for path in documents)}
    found = [path for path in root.iterdir() if path.name not in known]
    ours = {root / key for key in (*OURS, f"id/{DOCUMENT}")}
    found += [path for path in (root / "id").iterdir() if path not in ours and not path.name.startswith("c.")]
    for path in found:
        if path.suffix != PARTIAL:
            files.copy(path, built / path.relative_to(root))
    shutil.copymode(root, built)


def _copy_events(root: Path, built: Path, files: Files) -> None:
    keys = [key for key in (EVENTS, EVENTS_COPY) if (root / key).is_file()]
    place(files, built, {key: (root / key).read_bytes() for key in keys})


def _rename(source: Path, target: Path, files: Files) -> None:
    files.replace(source, target)
    files.sync(target.parent)


def _put_away(root: Path, before: Path, files: Files) -> Path | None:
    """Removes the old archive, or gives it a name to keep if part of it could not be taken over.

    Raises:
        ArchiveExists: it is another archive.
    """
    found = read_root(before), read_root(root)
    old, new = (one.document["attributes"]["archive"] for one in found)
    if not same_archive(*found) or new["committed"] < old["committed"]:
        raise ArchiveExists(f"{before} exists and is another archive than {root}; rename it, then try again")
    version = old["format"]
    if version < FORMAT and (new.get("quarantine") or len(new["checkpoints"]) < len(old["checkpoints"])):
        kept = root.with_name(root.name + OLD.format(version))
        if kept.exists():
            raise ArchiveExists(f"{kept} exists; rename it, then give the command again")
        _rename(before, kept, files)
        return kept
    leaving = before.with_name(before.name + PARTIAL)
    remove_leftover(leaving, files)
    _rename(before, leaving, files)
    files.remove_tree(leaving)
    return None


def _size(root: Path) -> tuple[int, int]:
    """Number of files, and their bytes."""
    sizes = [path.lstat().st_size for path in root.rglob("*") if not path.is_dir()]
    return len(sizes), sum(sizes)

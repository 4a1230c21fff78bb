"""What archives hold, as plain values to compare, and stops between any two file operations."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any

import numpy as np

from alife.storage import Archive, check_archive, open_archive, resume_archive
from alife.storage.files import Files
from alife.storage.objects import RemoteFiles
from alife.storage.remote import RemotePath

COPIES = itertools.count()

PLACES = {"id", "parent", "replaced", "origin", "substrate", "clip_start", "states_start"}
"""Columns whose numbers depend on which other lifeforms are in the archive."""


def content(archive: Archive) -> list[dict[str, Any]]:
    """Everything of each lifeform but for `PLACES`; a part that is damaged is None."""
    columns, sound = archive._stored.record(0, len(archive))
    rows = []
    for i, known in enumerate(sound):
        row: dict[str, Any] = {n: c[i].tobytes() for n, c in columns.items() if known and n not in PLACES}
        if known:
            row |= {"substrate": archive[i].substrate, "config": archive[i].config}
        for part in archive._stored.parts:
            if part != "record":
                values, whole = archive._stored.part(part, i, i + 1)
                row[part] = _plain(values[0]) if whole[0] else None
        rows.append(row)
    return rows


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {leaf: _plain(moments) for leaf, moments in value.items() if len(moments)}
    return (value.dtype.str, value.shape, value.tobytes())


def lineage(archive: Archive) -> list[list[int]]:
    """Parents of each lifeform and what it replaced."""
    columns, _ = archive._stored.record(0, len(archive))
    return np.column_stack([columns["parent"], columns["replaced"]]).tolist()


class Leaving(Files):
    """Keeps copies of a directory: what a process killed at that moment would leave.

    All that happens to whole directories is kept, before, half way and after; of all else every so many-th operation.

    Args:
        place: what to copy.
        every: see above.
    """

    def __init__(self, place: Path, every: int) -> None:
        self.place, self.every = place, every
        self.done, self.copies = 0, list[Path]()

    def keep(self) -> None:
        copy = self.place.with_name(f"{self.place.name}-left-{len(self.copies)}")
        self.copies.append(Path(shutil.copytree(self.place, copy)))

    def _count(self) -> None:
        self.done += 1
        if self.done % self.every == 0:
            self.keep()

    def write(self, path: Path, data: bytes) -> None:
        self._count()
        super().write(path, data)

    def replace(self, source: Path, target: Path) -> None:
        if source.is_dir():
            self.keep()
        else:
            self._count()
        super().replace(source, target)

    def remove_tree(self, path: Path) -> None:
        self.keep()
        for file in _every_other(path):
            file.unlink()
        self.keep()
        super().remove_tree(path)


def _every_other(path: Path) -> Iterator[Path]:
    return iter(sorted(file for file in path.rglob("*") if file.is_file())[::2])


class Quick(Files):
    """Does not wait for the disk."""

    def sync(self, path: Path) -> None:
        pass


class Failing(Files):
    """A disk that is full after so many bytes."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, path: Path, data: bytes) -> None:
        self.room -= len(data)
        if self.room < 0:
            raise OSError(28, os.strerror(28), str(path))
        super().write(path, data)


def damage(file: Path) -> None:
    """Cuts the end off a file."""
    file.write_bytes(file.read_bytes()[:-9])


def is_damaged(row: dict[str, Any]) -> bool:
    """Whether a part of one entry of `content` is missing."""
    return "score" not in row or None in row.values()


class Stop(BaseException):
    """The writer is gone."""


class Dying(RemoteFiles):
    """A writer that is gone after so many puts.

    Args:
        after: puts that still happen.
        how: what is raised then.
    """

    def __init__(self, after: int, how: Callable[[], BaseException] = Stop) -> None:
        super().__init__()
        self.after, self.left, self.how, self._counting = after, after, how, Lock()
        self.roots = list[int]()
        """Before which puts the root document was put."""

    def put(self, path: RemotePath, data: bytes, when: Any = "overwrite") -> Any:
        with self._counting:
            if self.left <= 0:
                raise self.how()
            self.left -= 1
            if isinstance(when, dict) and path.name == "zarr.json":
                self.roots.append(self.after - self.left)
        return super().put(path, data, when)


class Overtaken(RemoteFiles):
    """A writer that sleeps before one of its puts, while something else happens, and then goes on."""

    def __init__(self, after: int, meanwhile: Callable[[], None]) -> None:
        super().__init__()
        self.left, self.meanwhile = after, meanwhile

    def put(self, path: RemotePath, data: bytes, when: Any = "overwrite") -> Any:
        self.left -= 1
        if self.left == -1:
            self.meanwhile()
        return super().put(path, data, when)


def copy_of(place: RemotePath) -> RemotePath:
    target = place.with_name(f"copy-{next(COPIES)}")
    for key in place.bucket.keys(place.key):
        place.bucket.put(key.replace(place.key, target.key, 1), place.bucket.read(key)[0])
    return target


def one_more(toy: ModuleType, place: RemotePath, generations: int, files: RemoteFiles | None = None) -> None:
    with resume_archive(place, files=files) as writer:
        toy.go_on(writer, generations)


def assert_sound(toy: ModuleType, place: RemotePath, whole: Any) -> None:
    toy.assert_prefix(open_archive(place), whole)
    assert (report := check_archive(place)).ok, report

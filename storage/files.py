"""The file operations an archive is written with, and the lock that keeps a second writer out.

Everything that reaches the disk goes through a `Files` object, one small operation at a time and always in the same
order.  That is what lets the tests stop a writer after every single one of them.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Protocol, TypeVar, runtime_checkable

from alife.errors import ArchiveError, ArchiveLocked
from alife.storage.remote import Place

PARTIAL = ".partial"
"""Ending of whatever is not finished; a resumed run removes such files unread."""

LOCK = "id/writer"
"""The file a writer locks.  It lies inside an array because Zarr lists what lies in a group, and would warn of it."""

SYNCS = 8
"""Files that are flushed at the same time."""


@runtime_checkable
class Lock(Protocol):
    """The right to write one archive."""

    def release(self) -> None:
        """Lets others write."""


class Files:
    """Plain file operations, each of which happens or does not."""

    token = ""
    """Ending of the names of this writer's files; empty where a lock keeps all others out."""

    def lock(self, root: Place) -> Lock:
        """The right to write an archive; raises as `WriterLock` does."""
        return WriterLock(_on_disk(root))

    def held(self, path: Place) -> bytes | None:
        """What is in a file, or None where there is none."""
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None

    def below(self, root: Place, group: str) -> set[str]:
        """The files below a group, by their paths below `root`."""
        place = _on_disk(root)
        return {path.relative_to(place).as_posix() for path in (place / group).rglob("*") if path.is_file()}

    def make_directory(self, path: Path) -> None:
        path.mkdir(exist_ok=True)

    def write(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)

    def sync(self, path: Path) -> None:
        """Returns when the file's bytes, or the directory's names, are on the disk."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def sync_all(self, paths: Iterable[Path]) -> None:
        """The same for many; the system flushes together what is waited for at the same time."""
        for _ in _waiting().map(self.sync, paths):
            pass

    def replace(self, source: Path, target: Path) -> None:
        """Gives a file its final name; a reader sees the old file or the new one, never anything else."""
        os.replace(source, target)

    def copy(self, source: Path, target: Path) -> None:
        """A file, or a directory with all that is in it."""
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copy2(source, target, follow_symlinks=False)

    def remove(self, path: Path) -> None:
        path.unlink()

    def remove_tree(self, path: Place) -> None:
        shutil.rmtree(_on_disk(path))

    def put_all(self, root: Place, contents: Mapping[str, bytes], durable: bool = True) -> None:
        """Does what the function `place` says."""
        _place(self, _on_disk(root), contents, durable)


def _on_disk(place: Place) -> Path:
    assert isinstance(place, Path)
    return place


@cache
def _waiting() -> ThreadPoolExecutor:
    """Threads that wait for the disk; kept, as starting them takes longer than what they wait for."""
    return ThreadPoolExecutor(SYNCS, "sync")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_waiting.cache_clear)  # a child has none of its parent's threads


def place(files: Files, root: Place, contents: Mapping[str, bytes], *, durable: bool = True) -> None:
    """Puts files into the tree under `root`, each of them whole or not at all.

    All are written before any is renamed, so a full disk is met while nothing has changed yet, and a journaling file
    system can flush them together.  On return names and bytes are on the disk, unless `durable` is False.

    Args:
        contents: path below `root` -> bytes.
        durable: False for files that can be made again from others; they are not waited for.
    """
    files.put_all(root, contents, durable)


def _place(files: Files, root: Path, contents: Mapping[str, bytes], durable: bool) -> None:
    changed: set[Path] = set()
    places = {root / key: data for key, data in contents.items()}
    partial = {target: target.with_name(target.name + PARTIAL) for target in places}
    for target, data in places.items():
        _make_directories(files, target.parent, changed)
        files.write(partial[target], data)
    if durable:
        files.sync_all(partial.values())
    for target in places:
        files.replace(partial[target], target)
        changed.add(target.parent)
    if durable:
        files.sync_all(sorted(changed))


def _make_directories(files: Files, directory: Path, changed: set[Path]) -> None:
    if directory not in changed and not directory.is_dir():
        _make_directories(files, directory.parent, changed)
        files.make_directory(directory)
        changed.add(directory.parent)


Holder = TypeVar("Holder", bound="Held")


class Held:
    """The right to write something, held until `close` (or the end of a `with` block, or of the process)."""

    _lock: Lock

    def __enter__(self: Holder) -> Holder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets others write; closing twice does nothing."""
        self._lock.release()


class WriterLock:
    """The right to write one archive.  The operating system takes it back when the process dies, however it dies.

    Args:
        root: of the archive, or of the directory in which one is being built.

    Raises:
        ArchiveLocked: somebody else holds it; names the process and machine where they are known.
        ArchiveError: this system or file system cannot lock files.
        OSError: the lock file cannot be opened for writing.
    """

    def __init__(self, root: Path) -> None:
        descriptor = os.open(root / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        # Closing it gives the lock back; unbuffered, as closing must not fail because a disk is full.
        self._file: FileIO = os.fdopen(descriptor, "r+b", buffering=0)
        try:
            _lock(self._file)
            if not os.path.samestat(os.fstat(descriptor), os.stat(root / LOCK)):  # compacted meanwhile
                raise BlockingIOError
        except BlockingIOError:
            holder = _holder(self._file.readall())
            self._file.close()
            raise ArchiveLocked(f"{root} is being written by {holder}; stop that one first, or wait for it") from None
        except (OSError, ImportError) as cause:
            self._file.close()
            raise ArchiveError(
                f"{root} lies where files cannot be locked ({cause}); "
                "two writers would destroy it, so expected a file system with flock: use a local disk"
            ) from cause
        self._write(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode())

    def release(self) -> None:
        """Gives the lock back; releasing twice does nothing."""
        if not self._file.closed:
            self._write(b"")
            self._file.close()

    def _write(self, text: bytes) -> None:
        # Only a courtesy to whoever is refused: a full disk must not stop a writer from letting go.
        try:
            self._file.seek(0)
            self._file.truncate()
            self._file.write(text)
        except OSError:
            pass


def is_written(root: Place) -> bool:
    """Whether a process writes the archive now, as far as can be told without touching its lock."""
    try:
        holder = json.loads((root / LOCK).read_bytes())
        if holder["host"] != socket.gethostname():
            return False  # killed there and copied here, or beyond our sight
        os.kill(holder["pid"], 0)  # only asks whether there is such a process
    except PermissionError:
        return True  # there is, and it is somebody else's
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return False
    return True


def _lock(file: FileIO) -> None:
    import fcntl  # not on every system

    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _holder(text: bytes) -> str:
    try:
        holder = json.loads(text)
        return f"process {holder['pid']} on {holder['host']}"
    except (ValueError, KeyError, TypeError):
        return "another process"

"""Writing an archive on object storage: every object appears whole, and the commit is one conditional put.

There is no lock that dies with its process, so whoever takes up an archive *claims* it:

1. the unfinished files are put anew, with the same committed rows, under names that end with this writer's own token;
2. the root document is put in place of the one that was read, and of no other.  It says whose files hold which rows.

From then on every commit of an earlier writer is refused, as the root document is not the one that it knows.  Until it
finds out it may go on putting objects: under its own names, of which the root document knows only rows that had been
committed before.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Literal

from alife.errors import ArchiveExists, ArchiveLocked
from alife.storage.bucket import Refused, StoreError, Version
from alife.storage.documents import DOCUMENT, owned
from alife.storage.files import LOCK, Files, Lock
from alife.storage.remote import Place, RemotePath
from alife.storage.root import COPY

PUTS = 16
"""Objects that are on their way at the same time."""


class RemoteFiles(Files):
    """What one writer does to one archive on object storage."""

    def __init__(self) -> None:
        self._root: Version | None = None
        """The root document that this writer knows, the only one that it replaces."""
        self._documents = dict[Place, bytes]()

    def put(
        self, path: RemotePath, data: bytes, when: Version | Literal["create", "overwrite"] = "overwrite"
    ) -> Version:
        """One object, as `Bucket.put` does it."""
        return path.bucket.put(path.key, data, when)

    def put_only(self, path: RemotePath, data: bytes, when: Version | None) -> Version:
        """Puts an object in place of one version only, or where there is none.

        Raises:
            Refused: there is another.
        """
        try:
            return self.put(path, data, when or "create")
        except Refused:
            found, version = path.bucket.read(path.key)
            if found == data:  # it was put, and the answer got lost
                return version
            raise

    def put_all(self, root: Place, contents: Mapping[str, bytes], durable: bool = True) -> None:
        """Puts objects below a place; the root document is the last, and conditional.

        Raises:
            ArchiveLocked: another writer has claimed the archive.
            StoreError: the store refuses, or cannot be reached.
        """
        assert isinstance(root, RemotePath)
        # Without the copy of the root document: a store keeps every object in several copies, and replaces it whole.
        others = {key: data for key, data in contents.items() if key not in (DOCUMENT, COPY)}
        pool = ThreadPoolExecutor(PUTS)
        try:
            for _ in pool.map(lambda key: self.put(root / key, others[key]), others):
                pass
        finally:
            pool.shutdown(cancel_futures=True)
        self._documents |= {root / key: data for key, data in others.items() if key.endswith(DOCUMENT)}
        if DOCUMENT in contents:
            try:
                self._root = self.put_only(root / DOCUMENT, contents[DOCUMENT], self._root)
            except Refused:
                raise ArchiveLocked(
                    f"{root} is written by somebody else now, who took it up after this writer did; nothing that was "
                    "committed is lost: stop one of the two"
                ) from None

    def held(self, path: Place) -> bytes | None:
        """What this writer has put there, or None."""
        return self._documents.get(path)

    def below(self, root: Place, group: str) -> set[str]:
        assert isinstance(root, RemotePath)
        return {key.removeprefix(f"{root.key}/") for key in root.bucket.keys((root / group).key)}

    def remove_tree(self, path: Place) -> None:
        assert isinstance(path, RemotePath)
        path.bucket.remove(list(path.bucket.keys(path.key)))

    def lock(self, root: Place) -> Lock:
        """Notes which root document is there, for `claim` to take the place of."""
        assert isinstance(root, RemotePath)
        self._root, self.token = root.bucket.about((root / DOCUMENT).key)[1], secrets.token_hex(4)
        return _Nothing()

    def build(self, root: Place, contents: Mapping[str, bytes]) -> Lock:
        """A new archive from all its files; it is there once its root document is.

        Raises:
            ArchiveExists: another writer has begun one there.
            StoreError: the store refuses, or cannot be reached.
        """
        assert isinstance(root, RemotePath)
        mark = f'{{"pid":{os.getpid()},"host":"{socket.gethostname()}","once":"{secrets.token_hex(8)}"}}'.encode()
        try:
            self.put_only(root / LOCK, mark, None)
        except Refused:
            raise ArchiveExists(f"{root} is being made by somebody else; give another place") from None
        try:
            self.put_all(root, {key: data for key, data in contents.items() if key != LOCK})
        except ArchiveLocked:  # somebody has put a whole archive there meanwhile
            raise
        except BaseException:
            with suppress(StoreError, FileNotFoundError):
                root.bucket.remove([(root / key).key for key in contents])
            raise
        return _Nothing()


class _Nothing:
    """A claim ends when somebody else makes one, so there is nothing to give back."""

    def release(self) -> None:
        pass


def files_of(place: Place) -> Files:
    """The operations that a place is written with."""
    return RemoteFiles() if isinstance(place, RemotePath) else Files()


def require_nothing(root: RemotePath) -> None:
    """Raises ArchiveExists where something lies at a place on object storage."""
    if (root / DOCUMENT).is_file():
        raise ArchiveExists(f"{root} exists; give another place, or `alife resume {root}` to go on with a run")
    if root.exists():
        raise ArchiveExists(
            f"there are objects below {root}, and no archive: something else, or what a writer left that died while it "
            "made one; remove them, or give another place"
        )


def claimed(document: Mapping[str, Any], arrays: Mapping[str, Any], token: str) -> dict[str, Any]:
    """A root document of the same rows, from which on files of a writer hold what is new.

    Args:
        arrays: the documents of arrays of rows, by path.
        token: of the writer.
    """
    about = {**document["attributes"]["archive"], "claim": token}
    held = document["consolidated_metadata"]
    nodes = {**held["metadata"], **{path: owned(node, token) for path, node in arrays.items()}}
    return {
        **document,
        "attributes": {**document["attributes"], "archive": about},
        "consolidated_metadata": {**held, "metadata": nodes},
    }

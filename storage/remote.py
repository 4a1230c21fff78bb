"""Places on object storage, such as s3://bucket/runs/a, read as directories on a disk are.

`place_of` is where what a user writes becomes a place.  A `RemotePath` has the few methods of `pathlib.Path` that
readers use; what the store refuses, or a network that is down, is a `StoreError`: never a file that is missing.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from alife.errors import ArchiveError, suggest
from alife.storage.bucket import Bucket, Replaced, Version, bucket_of

SCHEMES = ("s3", "s3a", "gs", "az", "azure", "adl", "abfs", "abfss", "http", "https", "memory")
"""What a place may begin with; memory:// lasts as long as the process."""


@dataclass(frozen=True)
class RemotePath:
    """A place on object storage: an object, or the common beginning of the keys of several."""

    base: str
    """Scheme and bucket, such as s3://bucket."""
    key: str
    """The rest, without a slash at either end."""

    def __str__(self) -> str:
        return f"{self.base}{'' if self.base.endswith('/') or not self.key else '/'}{self.key}"

    def __truediv__(self, name: str) -> RemotePath:
        return RemotePath(self.base, f"{self.key}/{name}".strip("/"))

    @property
    def bucket(self) -> Bucket:
        """Where it lies."""
        return bucket_of(self.base)

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The ending of the name, with its dot."""
        return Path(self.name).suffix

    @property
    def parent(self) -> RemotePath:
        """The place above."""
        return RemotePath(self.base, self.key.rpartition("/")[0])

    def with_name(self, name: str) -> RemotePath:
        """The place of another name beside it."""
        return self.parent / name

    def resolve(self) -> RemotePath:
        """Itself: there are no links, and no current directory."""
        return self

    def exists(self) -> bool:
        """Whether there is anything."""
        return self.is_file() or self.is_dir()

    def is_file(self) -> bool:
        """Whether it is an object."""
        try:
            self.bucket.about(self.key)
        except FileNotFoundError:
            return False
        return True

    def is_dir(self) -> bool:
        """Whether anything lies below."""
        return any(True for _ in self.bucket.keys(self.key))

    def iterdir(self) -> Iterator[RemotePath]:
        """What lies right below, objects and places with more below them."""
        return (RemotePath(self.base, key) for key in self.bucket.names(self.key))

    def read_bytes(self) -> bytes:
        """All of an object; raises FileNotFoundError where there is none."""
        return self.bucket.read(self.key)[0]

    def open(self, mode: str = "rb") -> RemoteFile:
        """An object to read piece by piece; nothing is asked of the store yet."""
        return RemoteFile(self)


Place: TypeAlias = Path | RemotePath
"""Where an archive lies."""


class RemoteFile(io.RawIOBase):
    """Pieces of one content of an object, each fetched when it is read."""

    def __init__(self, path: RemotePath) -> None:
        self._path, self._at = path, 0
        self._about: tuple[int, Version] | None = None

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._known()[0] if whence == 2 else 0)[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        bucket, key = self._path.bucket, self._path.key
        if size < 0 and not self._at and self._about is None:
            return bucket.read(key)[0]
        length, version = self._known()
        stop = length if size < 0 else min(length, self._at + size)
        if stop <= self._at:
            return b""
        try:
            data, _ = bucket.read(key, (self._at, stop), version)
        except Replaced:
            self._about = None
            raise
        self._at = stop
        return data

    def _known(self) -> tuple[int, Version]:
        if self._about is None:
            self._about = self._path.bucket.about(self._path.key)
        return self._about


def place_of(text: str | os.PathLike[str] | RemotePath) -> Place:
    """The place that somebody means: a path, or an address on object storage such as s3://bucket/run.

    Raises:
        ArchiveError: an address of a kind that is not known, or without a bucket.

    >>> place_of("runs/a"), str(place_of("s3://bucket/runs/a/"))
    (PosixPath('runs/a'), 's3://bucket/runs/a')
    """
    if isinstance(text, RemotePath):
        return text
    scheme, slashes, rest = str(text).partition("://")
    if not slashes or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        return Path(text)
    scheme = scheme.lower()
    if scheme not in SCHEMES:
        raise ArchiveError(f"{text}: no store is addressed by {scheme}://; {suggest(scheme, SCHEMES)}")
    bucket, _, key = ("", "", rest) if scheme == "memory" else rest.partition("/")
    if not key.strip("/") or (not bucket and scheme != "memory"):
        raise ArchiveError(f"{text}: expected a bucket and a name in it, such as {scheme}://bucket/run")
    return RemotePath(f"{scheme}://{bucket}", re.sub("/+", "/", key).strip("/"))


def require_local(place: Place, done: str) -> Path:
    """Raises ArchiveError for a place on object storage.

    Args:
        done: what cannot be done with archives there, such as "repaired".
    """
    if isinstance(place, RemotePath):
        raise ArchiveError(
            f"{place} lies on object storage, where archives are not {done}; copy it to a disk first, "
            f"as by `aws s3 cp --recursive {place} DIRECTORY`, then give that"
        )
    return place

"""Requests to object storage, each of which ends in an answer or in one error that says why."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from typing import Any, Literal, TypeAlias, cast

from alife.errors import ArchiveError, first_line

RETRIES, SECONDS = 5, 60
"""How often a request is sent again, and after how long no more."""

Version: TypeAlias = dict[str, Any]
"""What tells one content of an object from all others that it ever had."""


class StoreError(ArchiveError, OSError):
    """A store that refuses, or cannot be reached; readers and writers treat it as they treat a broken disk."""

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


class Replaced(OSError):
    """What is being read piece by piece is no longer what it was: somebody has put another content in its place."""


class Refused(Exception):
    """A conditional put whose condition does not hold."""


class Bucket:
    """The objects of one bucket, by key; every request that fails is one error that says why.

    Raises:
        ArchiveError: the extra `objects` is not installed, or there can be no such bucket.
    """

    def __init__(self, base: str) -> None:
        try:
            import obstore
        except ImportError:
            raise ArchiveError(
                f"{base} lies on object storage, which needs one package more: pip install 'alife[objects]'"
            ) from None
        from obstore.store import from_url

        self._base, self._api = base, obstore
        with self._errors(""):
            self._store = from_url(
                "memory:///" if base == "memory://" else base,
                retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=SECONDS)},
            )

    def read(self, key: str, span: tuple[int, int] | None = None, same: Version | None = None) -> tuple[bytes, Version]:
        """The bytes of an object, or those from span[0] to span[1] - 1, and the version that they are of.

        Raises:
            FileNotFoundError: there is no such object.
            Replaced: its version is no longer the `same`.
        """
        options: dict[str, Any] = {} if span is None else {"range": span}
        if same is not None and "e_tag" in same:
            options["if_match"] = same["e_tag"]
        with self._errors(key):
            try:
                got = self._api.get(self._store, key, options=cast("Any", options))
                return got.bytes().to_bytes(), _version(got.meta)
            except self._api.exceptions.PreconditionError:
                raise Replaced(f"{self._base}/{key} has been replaced") from None

    def about(self, key: str) -> tuple[int, Version]:
        """Size of an object in bytes, and its version; raises FileNotFoundError where there is none."""
        with self._errors(key):
            meta = self._api.head(self._store, key)
            return meta["size"], _version(meta)

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys that begin with a prefix and a slash."""
        with self._errors(prefix):
            for some in self._api.list(self._store, prefix or None):
                yield from (one["path"] for one in some)

    def names(self, prefix: str) -> list[str]:
        """The keys right below a prefix: those of objects, and what those of others have in common up to a slash."""
        with self._errors(prefix):
            found = self._api.list_with_delimiter(self._store, prefix or None)
            return [*(one["path"] for one in found["objects"]), *found["common_prefixes"]]

    def put(self, key: str, data: bytes, when: Version | Literal["create", "overwrite"] = "overwrite") -> Version:
        """Puts an object, whole or not at all, and returns its version.

        Args:
            when: "create" = only where there is none; a version = only in place of that one.

        Raises:
            Refused: the condition does not hold.
        """
        failed = self._api.exceptions
        with self._errors(key):
            try:
                return _version(self._api.put(self._store, key, data, mode=cast("Any", when)))
            except (failed.AlreadyExistsError, failed.PreconditionError):
                raise Refused from None
            except FileNotFoundError as cause:
                raise self._error(key, errno.ENOENT, cause) from cause

    def remove(self, keys: Sequence[str]) -> None:
        """Removes objects; raises FileNotFoundError where one is not there, if the store tells."""
        if keys:
            with self._errors(keys[0]):
                self._api.delete(self._store, list(keys))

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        failed = self._api.exceptions
        try:
            yield
        except FileNotFoundError as cause:
            if "NoSuchBucket" in str(cause):
                raise self._error(key, errno.ENOENT, cause) from cause
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"{self._base}/{key}") from None
        except (failed.PermissionDeniedError, failed.UnauthenticatedError) as cause:
            raise self._error(key, errno.EACCES, cause) from cause
        except failed.BaseError as cause:
            raise self._error(key, errno.ENOENT if "NoSuchBucket" in str(cause) else errno.EIO, cause) from cause

    def _error(self, key: str, code: int, cause: BaseException) -> StoreError:
        said = "there is no such bucket" if code == errno.ENOENT else re.sub(r"[: ]*<.*", "", first_line(cause))
        todo = "see to the network, the bucket and the credentials (such as AWS_*)"
        return StoreError(code, f"{said} ({todo})", f"{self._base}/{key}".rstrip("/"))


def _version(meta: Any) -> Version:
    return {name: meta[name] for name in ("e_tag", "version") if meta[name] is not None}


bucket_of = lru_cache(maxsize=None)(Bucket)
"""The bucket of a place, once for each process."""

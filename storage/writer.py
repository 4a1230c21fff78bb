"""Writing an archive: one generation at a time, all of it or nothing.

The commit is one atomic replacement of the root `zarr.json`, which says how many rows there are:

1. the new rows are encoded in memory, together with the unfinished files they belong to;
2. these files, the search's checkpoint and a copy of the new root document are written, flushed, given their names, and
   the names are flushed.  Readers still know the old length, and up to there the new files hold what the old ones held;
3. the root document is replaced in the same way.  From here on the generation exists, and is acknowledged;
4. the documents of the single arrays follow, for those who open the archive without the root document.

A writer killed anywhere leaves the last committed generation, and files that nobody looks into.  On object storage an
object appears whole and is safe at once, and step 3 is a conditional put, see `alife.storage.objects`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from alife.errors import ArchiveError, BadOption
from alife.storage.archive import Archive
from alife.storage.documents import DOCUMENT, arrays_of_rows, own_documents, root_document, seal
from alife.storage.files import Files, Held, Lock, place
from alife.storage.remote import Place
from alife.storage.root import COPY
from alife.storage.rows import Rows, plain_array, plain_json, row_values
from alife.storage.schema import SLOTS, checkpoint_checksum
from alife.storage.tails import Tails, encode_checkpoint


class ArchiveWriter(Held):
    """The right to write one archive, held until `close` (or the end of a `with` block, or of the process)."""

    def __init__(
        self,
        path: Place,
        lock: Lock,
        files: Files,
        document: dict[str, Any],
        tails: Tails,
        checkpoint: dict[str, np.ndarray],
    ) -> None:
        self.path = path
        self.checkpoint = checkpoint
        """The search's state at the last committed generation; empty before the first."""
        self._lock, self._files, self._document, self._tails = lock, files, document, tails
        self._archive: Archive | None = None
        self._origin, self._stopped = 0, ""

    def close(self) -> None:
        """Lets others write; closing twice does nothing."""
        self._stopped = self._stopped or "it was closed"
        super().close()

    @property
    def generation(self) -> int:
        """The last committed generation; -1 before the first."""
        return self._document["attributes"]["archive"]["generation"]

    @property
    def progress(self) -> dict[str, Any]:
        """What the run said of itself at the last committed generation."""
        return self._document["attributes"]["progress"]

    def begin_origin(self, origin: Mapping[str, Any]) -> None:
        """Says what makes the lifeforms from now on: told with the next generation, unless it is known already."""
        attributes = self._document["attributes"]
        known = attributes["origins"]
        if origin not in known:
            attributes = {**attributes, "origins": [*known, dict(origin)]}
            self._document = {**self._document, "attributes": attributes}
        self._origin = attributes["origins"].index(origin)

    @property
    def archive(self) -> Archive:
        """All that is committed, to read."""
        if self._archive is None:
            self._archive = Archive(self.path)
        elif self._archive.generation != self.generation:
            self._archive.refresh()
        return self._archive

    def append(
        self,
        rows: Rows,
        *,
        generation: int,
        checkpoint: Mapping[str, np.ndarray],
        progress: Mapping[str, Any],
    ) -> None:
        """Adds one generation; when this returns it is on the disk, whatever happens next.

        Args:
            rows: its new lifeforms, or none.
            generation: its number, one more than the last.
            checkpoint: what it takes to go on from here, name -> array; a slash in a name makes a group.
            progress: what the run says of itself, as plain JSON.

        Raises:
            BadOption: something that does not fit this archive; nothing has been written.
            ArchiveError: the disk is full or cannot be written.  The writer is of no more use: close it, and resume.
        """
        if self._stopped:
            raise ArchiveError(f"this writer of {self.path} cannot append, {self._stopped}; resume the archive first")
        if generation != self.generation + 1:
            raise BadOption(f"generation is {generation}; expected {self.generation + 1}, the one after the last")
        attributes = self._document["attributes"]
        documents = arrays_of_rows(self._document)
        rows = rows._replace(origin=self._origin if rows.origin < 0 else rows.origin)
        values = row_values(rows, attributes, documents, generation)
        state = {name: plain_array(name, value) for name, value in checkpoint.items()}
        said = plain_json("progress", progress)
        lengths = {path: node["shape"][0] + len(values.get(path, ())) for path, node in documents.items()}
        about = _next_commit(attributes["archive"], generation, state, lengths, said, self._files.token)
        attributes = {**attributes, "archive": about, "progress": said}
        with self._all_or_nothing():
            self._commit(attributes, values, state)

    def _commit(self, attributes: dict[str, Any], values: dict[str, np.ndarray], state: dict[str, np.ndarray]) -> None:
        about = attributes["archive"]
        group, *kept = (entry["group"] for entry in about["checkpoints"])
        rows, longer = arrays_of_rows(self._document), dict[str, Any]()
        arrays, contents = encode_checkpoint(group, state)
        for path, added in values.items():
            node, before = rows[path], rows[path]["shape"][0]
            longer[path] = {**node, "shape": [before + len(added), *node["shape"][1:]]}
            contents.update(self._tails.add(path, node, before, added))
        document = root_document(attributes, {**self._fixed(kept), **rows, **longer, **arrays})
        own = own_documents(document)
        self._clear(group, {*contents, *own})
        contents.update(self._outdated(own, group))
        sealed = seal(document)
        place(self._files, self.path, {**contents, COPY: sealed})
        place(self._files, self.path, {DOCUMENT: sealed})
        before, self._document, self.checkpoint = self._document, document, state
        place(self._files, self.path, self._outdated(own), durable=False)
        self._forget({entry["group"] for entry in before["attributes"]["archive"]["checkpoints"]}.difference(kept))

    def refresh_documents(self) -> None:
        """Brings the documents of single arrays up to date with the root document, which is the one that counts."""
        place(self._files, self.path, self._outdated(own_documents(self._document)), durable=False)

    def _fixed(self, groups: list[str]) -> dict[str, Any]:
        """Nodes that a commit leaves as they are: arrays without rows, and the checkpoints in these groups."""
        nodes = self._document["consolidated_metadata"]["metadata"]
        below = tuple(f"{group}/" for group in groups)
        return {path: node for path, node in nodes.items() if path == "step" or path.startswith(below)}

    def _outdated(self, own: Mapping[str, bytes], group: str = "") -> dict[str, bytes]:
        wanted = {key: data for key, data in own.items() if key.startswith(group)}
        return {key: data for key, data in wanted.items() if self._files.held(self.path / key) != data}

    def _clear(self, group: str, keys: set[str]) -> None:
        # The oldest checkpoint makes room.  Its files are overwritten, unless the search now has other arrays.
        if not self._files.below(self.path, group) <= keys:
            self._files.remove_tree(self.path / group)

    def _forget(self, groups: set[str]) -> None:
        # Those of this writer are overwritten in turn.
        for group in groups:
            if not group.endswith(self._files.token):
                self._files.remove_tree(self.path / group)

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        try:
            yield
        except BaseException as cause:
            self._stopped = "an earlier one failed"
            if not isinstance(cause, OSError):
                raise
            count = self._document["attributes"]["archive"]["committed"]
            raise ArchiveError(
                f"cannot write {self.path}: {cause.strerror or cause}. Everything up to generation {self.generation} "
                f"is safe ({count} lifeforms); put that right, then `alife resume {self.path}`"
            ) from cause


def _next_commit(
    about: dict[str, Any],
    generation: int,
    state: dict[str, np.ndarray],
    lengths: dict[str, int],
    progress: dict[str, Any],
    token: str,
) -> dict[str, Any]:
    committed = lengths["id"]
    newest = {
        "group": f"search/{generation % SLOTS}{token and '-'}{token}",
        "generation": generation,
        "crc": checkpoint_checksum(state),
        # All it takes to step back to it, should a later one be damaged.
        "committed": committed,
        "lengths": {path: length for path, length in lengths.items() if length != committed},
        "progress": progress,
    }
    checkpoints = [newest, *about["checkpoints"]][: SLOTS - 1]
    return {**about, "committed": committed, "generation": generation, "checkpoints": checkpoints}

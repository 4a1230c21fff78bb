"""Is every byte of an archive as it was written?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from alife.errors import ArchiveDamaged
from alife.storage.archive import name_lifeforms
from alife.storage.documents import DOCUMENT, encode, file_keys, file_rows
from alife.storage.schema import PARTS
from alife.storage.stored import Stored, read_document

Finding = tuple[str, np.ndarray]
"""A sentence for people, and the ids concerned."""


@dataclass
class Report:
    """What a check of an archive has found."""

    path: Path
    lifeforms: int = 0
    generation: int = -1
    problems: list[str] = field(default_factory=list)
    """One sentence each, for people."""
    damaged: list[int] = field(default_factory=list)
    """Ids of the lifeforms that are not wholly as they were written; all others are."""

    @property
    def ok(self) -> bool:
        """True if nothing is wrong."""
        return not self.problems

    def __str__(self) -> str:
        held = f"{self.path}: {self.lifeforms} lifeforms, up to generation {self.generation}"
        if self.ok:
            return f"{held}: every byte is as it was written"
        sound = self.lifeforms - len(self.damaged)
        return "\n".join([f"{held}: {len(self.problems)} problems, {sound} lifeforms sound", *self.problems])


def check_archive(path: str | os.PathLike[str]) -> Report:
    """Reads all of an archive and compares it with its checksums; changes nothing, and works while a run writes.

    Raises:
        ArchiveError: there is no archive, or it cannot be read.  Damage does not raise, it is reported.
    """
    root = Path(path)
    try:
        stored = Stored(root, read_document(root))
    except ArchiveDamaged as damage:
        return Report(root, problems=[str(damage)])
    report = Report(root, stored.about["committed"], stored.about["generation"])
    report.problems += _passing_problems(root)
    findings = [*_missing_files(stored), *_damaged_rows(stored), *_wrong_lineage(stored)]
    report.problems += [problem for problem, _ in findings]
    report.damaged = sorted({int(i) for _, ids in findings for i in ids})
    return report


def _missing_files(stored: Stored) -> Iterator[Finding]:
    committed = stored.about["committed"]
    for path in stored.row_arrays:
        document = stored.documents[path]
        for place, key in enumerate(file_keys(path, document, 0, committed)):
            file, rows = stored.root / key, file_rows(document)
            if not file.is_file() or file.stat().st_size == 0:
                ids = np.arange(place * rows, min((place + 1) * rows, committed))
                yield f"{key} is {'empty' if file.is_file() else 'missing'}: {name_lifeforms(ids)}", ids


def _damaged_rows(stored: Stored) -> Iterator[Finding]:
    committed = stored.about["committed"]
    for part in PARTS:
        step = file_rows(stored.documents[stored.columns[part][0]])
        blocks = [stored.read(part, low, min(low + step, committed))[1] for low in range(0, committed, step)]
        ids = np.flatnonzero(~np.concatenate([np.empty(0, bool), *blocks]))
        if len(ids):
            yield f"{name_lifeforms(ids)}: damaged {part}", ids


def _wrong_lineage(stored: Stored) -> Iterator[Finding]:
    """What no run writes, although every checksum is right."""
    columns, sound = stored.read("record", 0, stored.about["committed"])
    ids = np.arange(len(sound))
    parents, generation = columns["parent"], columns["generation"]
    replaced = columns.get("replaced", np.full(len(ids), -1))  # an older archive has none
    owners = stored.owners(0, len(ids))
    for wrong, problem in (
        (columns["id"] != ids, "the id is not the number of the row"),
        (((parents < -1) | (parents >= ids[:, None])).any(axis=1), "a parent is not an earlier lifeform"),
        ((replaced < -1) | (replaced >= ids), "what it replaced is not an earlier lifeform"),
        ((generation < 0) | (generation > stored.about["generation"]), "the generation was never committed"),
        (owners != ids, "the genotype belongs to another lifeform"),
    ):
        found = np.flatnonzero(wrong & sound)
        if len(found):
            yield f"{name_lifeforms(found)}: {problem}", found


def _passing_problems(root: Path) -> list[str]:
    """What is wrong with files that a run replaces as it goes on: it counts if the run has not gone on meanwhile."""
    while True:
        stored = Stored(root, read_document(root))
        problems = [*_checkpoint_problems(stored), *_document_problems(stored)]
        if not problems or read_document(root)["attributes"]["archive"]["generation"] == stored.about["generation"]:
            return problems


def _checkpoint_problems(stored: Stored) -> Iterator[str]:
    for entry in stored.about["checkpoints"]:
        try:
            for name, value in stored.checkpoint(entry).items():
                key = f"{entry['group']}/{name}/c{'.0' * value.ndim}"
                if value.size and not (stored.root / key).is_file():
                    yield f"{key} is missing"
        except ArchiveDamaged as damage:
            yield str(damage)


def _document_problems(stored: Stored) -> Iterator[str]:
    """The documents of single arrays; one that is a generation behind is what a kill leaves, and is no damage."""
    generation = stored.read("record", 0, stored.about["committed"])[0]["generation"]
    before = int(np.count_nonzero(generation < stored.about["generation"]))
    for path, node in stored.documents.items():
        behind = {**node, "shape": [before, *node["shape"][1:]]} if path in stored.row_arrays else node
        yield from _compare(stored.root, path, {encode(node), encode(behind)})


def _compare(root: Path, path: str, expected: set[bytes]) -> Iterator[str]:
    file = root / path / DOCUMENT
    if not file.is_file():
        yield f"{path}/{DOCUMENT} is missing; `alife resume` writes it again"
    elif file.read_bytes() not in expected:
        yield f"{path}/{DOCUMENT} is not as it was written; `alife resume` writes it again"

"""Is every byte of an archive as it was written?"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from alife.errors import ArchiveDamaged
from alife.storage.chunks import read_whole
from alife.storage.documents import DOCUMENT, WRITERS, encode
from alife.storage.events import check_events
from alife.storage.lifeform import name_lifeforms
from alife.storage.remote import Place, RemotePath, place_of
from alife.storage.root import COPY, Root, read_document, read_root, whole_documents
from alife.storage.soundness import findings
from alife.storage.stored import Stored
from alife.storage.union import Union, read_stored


@dataclass
class Report:
    """What a check of an archive has found."""

    path: Place
    full: bool
    """Whether every byte was read, or only what says where everything lies, and the records."""
    lifeforms: int = 0
    generation: int = -1
    problems: list[str] = field(default_factory=list)
    """One sentence each, for people."""
    damaged: list[int] = field(default_factory=list)
    """Ids of the lifeforms that are not wholly as they were written."""
    quarantined: list[int] = field(default_factory=list)
    """Ids of those of which a repair has put something aside; all others are as they were written."""
    opened: bool = True
    """False if nothing in it can be found, by a repair neither: the one problem says what helps."""

    @property
    def ok(self) -> bool:
        """True if nothing is wrong."""
        return not self.problems

    def __str__(self) -> str:
        if not self.opened:
            return "\n".join(self.problems)
        held = f"{self.path}: {self.lifeforms} lifeforms, up to generation {self.generation}"
        aside = [f"in quarantine since a repair: {name_lifeforms(self.quarantined)}"] if self.quarantined else []
        if self.ok and self.full:
            rest = "every other byte" if aside else "every byte"
            return "\n".join([f"{held}: {rest} is as it was written", *aside])
        if self.ok:
            return "\n".join([f"{held}: all files are there, and the records sound; --full reads every byte", *aside])
        sound = self.lifeforms - len({*self.damaged, *self.quarantined})
        rest = "" if self.full else "; --full first shows what else is damaged, as only records were read"
        todo = f"`alife check-archive {self.path} --repair` puts right what it can, and the rest aside{rest}"
        count = f"{len(self.problems)} problem{'s' if len(self.problems) > 1 else ''}"
        return "\n".join([f"{held}: {count}, {sound} lifeforms sound", *self.problems, *aside, todo])


def check_archive(path: str | os.PathLike[str] | RemotePath, *, full: bool = True) -> Report:
    """Compares an archive with its checksums; changes nothing, and works while a run writes.

    Args:
        path: of the run directory.
        full: False = all but the bytes of genotypes, embeddings, pictures and states: documents, files and their
            lengths, records, lineage, places, checkpoints and events.

    Raises:
        ArchiveError: there is no archive, or it cannot be read.  Damage does not raise, it is reported.
    """
    root = place_of(path)
    try:
        stored = read_stored(root)
    except ArchiveDamaged as damage:
        return Report(root, full, problems=[str(damage)], opened=False)
    if isinstance(stored, Union):
        return _check_union(stored, full)
    report = Report(root, full, stored.committed, stored.about["generation"])
    report.problems += _passing_problems(root)
    found = list(findings(stored, full=full))
    report.problems += [problem for problem, _ in found]
    report.damaged = sorted({int(i) for _, ids in found for i in ids})
    aside = [stored.quarantined(part, 0, stored.committed) for part in stored.parts]
    report.quarantined = np.flatnonzero(np.logical_or.reduce(aside)).tolist()
    return report


def _check_union(union: Union, full: bool) -> Report:
    """All stores of a union, and what it has besides; numbers are those of the union."""
    report = Report(union.root, full, union.committed, union.about["generation"])
    report.problems += [*_root_problems(union.root, read_root(union.root)), *check_events(union.root)]
    damaged, aside = [], []
    for store, ids in zip(union.stores, union.places, strict=True):
        if not len(ids):
            continue
        found = check_archive(union.root / store.key, full=full)
        report.problems += [f"{store.key}: {problem}" for problem in found.problems]
        damaged += [ids[i] for i in found.damaged if i < len(ids)]
        aside += [ids[i] for i in found.quarantined if i < len(ids)]
    report.damaged, report.quarantined = sorted(map(int, damaged)), sorted(map(int, aside))
    return report


def is_copy(found: Root, copy: Root | None) -> bool:
    """Whether a copy of the root document is what a writer leaves, which may have died before the document itself."""
    if copy is None or copy.raw == found.raw:
        return copy is not None
    before, after = (one.document["attributes"]["archive"]["generation"] for one in (found, copy))
    return after == before + 1


def damaged_checkpoints(stored: Stored) -> dict[int, str]:
    """What is wrong with each checkpoint that is not as it was written, by its place among those that are kept."""
    found = {}
    for number, entry in enumerate(stored.about["checkpoints"]):
        try:
            stored.checkpoint(entry)
        except ArchiveDamaged:
            found[number] = f"the checkpoint of generation {entry['generation']} ({entry['group']}) is damaged"
    return found


def damaged_step(stored: Stored) -> str:
    """What is wrong with the moments at which frames are taken; empty = nothing."""
    if "step" not in stored.documents:
        return ""
    values, written = read_whole(stored.root, "step", stored.documents["step"]), stored.about.get("steps")
    if values is None or values.tolist() != (written or values.tolist()):
        return "step is not as it was written, the moments at which frames are taken"
    return ""


def _passing_problems(root: Place) -> list[str]:
    """What is wrong with files that a run replaces as it goes on: it counts if the run has not gone on meanwhile."""
    while True:
        found = read_root(root)
        stored = Stored(root, found.document)
        problems = [
            *_root_problems(root, found),
            *damaged_checkpoints(stored).values(),
            *_document_problems(stored),
            *filter(None, [damaged_step(stored)]),
            *check_events(root),
        ]
        if not problems or read_document(root)["attributes"]["archive"]["generation"] == stored.about["generation"]:
            return problems


def _root_problems(root: Place, found: Root) -> Iterator[str]:
    before_copies = found.document["attributes"]["archive"]["format"] == 1
    if found.damage:
        yield f"{found.damage}; its copy {COPY} is whole"
    elif not before_copies and isinstance(root, Path) and not is_copy(found, whole_documents(root).get(COPY)):
        yield f"{COPY} is not as it was written; nothing is lost, as it is a copy of {DOCUMENT}"


def _document_problems(stored: Stored) -> Iterator[str]:
    """The documents of single arrays; one that is a generation behind is what a kill leaves, and is no damage."""
    before = _lengths_before(stored)
    for path, node in stored.documents.items():
        file = stored.root / path / DOCUMENT
        if not file.is_file():
            yield f"{path}/{DOCUMENT} is missing; nothing is lost, `alife resume` writes it again"
        elif (found := _as_claimed(file.read_bytes(), node)) != encode(node):
            behind = {**node, "shape": [before.get(path, 0), *node["shape"][1:]]} if path in stored.row_arrays else node
            if found != encode(behind):
                yield f"{path}/{DOCUMENT} is not as it was written; nothing is lost, `alife resume` writes it again"


def _as_claimed(found: bytes, node: Mapping[str, Any]) -> bytes:
    """A document of an array as if its writer had already said in it that the array is now his."""
    if WRITERS in node:
        with suppress(ValueError, TypeError):
            return encode({**json.loads(found), WRITERS: node[WRITERS]})
    return found


def _lengths_before(stored: Stored) -> dict[str, int]:
    """Lengths of the arrays of rows before the last generation."""
    earlier = stored.about["checkpoints"][1:]
    if earlier and "lengths" in earlier[0]:
        return dict.fromkeys(stored.row_arrays, earlier[0]["committed"]) | earlier[0]["lengths"]
    generation = stored.record(0, stored.committed)[0]["generation"]  # enough where every array has a row per lifeform
    return dict.fromkeys(stored.row_arrays, int(np.count_nonzero(generation < stored.about["generation"])))

"""Damage to the files of an archive, and what is left of it for a reader."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import numpy as np

from alife.errors import ArchiveDamaged
from alife.storage import Archive
from alife.storage.documents import arrays_of_rows, file_keys
from alife.storage.files import Files
from alife.storage.root import read_document

PARTS = ("genotype", "embedding", "frames", "clip", "states", "peak")

Held = dict[tuple[int, str], Any]
"""(id, part of a lifeform) -> what it is."""


class Swift(Files):
    """Does not wait for the disk."""

    def sync(self, path: Path) -> None:
        pass


def undecodable(data: bytes, random: Random) -> Iterator[tuple[str, bytes | None]]:
    """One file in all the ways in which nothing can be made of it, or not of all of it."""
    for place in (0, len(data) // 2, len(data) - 1, random.randrange(len(data))):
        changed = bytearray(data)
        changed[place] ^= 0xFF
        yield f"byte {place} turned round", bytes(changed)
    yield "truncated by half", data[: len(data) // 2]
    yield "truncated by a byte", data[:-1]
    yield "lengthened", data + b"\0"
    yield "emptied", b""
    yield "zeroed", bytes(len(data))
    yield "deleted", None


def put(file: Path, data: bytes | None) -> None:
    if data is None:
        file.unlink()
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def files_of(path: Path) -> dict[str, list[str]]:
    """The files of every array that has rows, and of the moments of the frames."""
    document = read_document(path)
    found = {array: file_keys(array, node, 0, node["shape"][0]) for array, node in arrays_of_rows(document).items()}
    return {**found, "step": ["step/c.0"]}


def swap(path: Path, one: str, two: str) -> None:
    first = (path / one).read_bytes()
    (path / one).write_bytes((path / two).read_bytes())
    (path / two).write_bytes(first)


def held(archive: Archive) -> Held:
    """All that an archive serves; what is damaged is left out, and says so by name."""
    found: Held = {}
    for i in range(len(archive)):
        try:
            lifeform = archive[i]
        except ArchiveDamaged as damage:
            assert f"lifeform {i} " in str(damage)
            continue
        numbers = {name: value for name, value in vars(lifeform).items() if name != "_archive"}
        found[i, "record"] = repr((numbers, lifeform.config))
        for part in PARTS:
            try:
                found[i, part] = _plain(getattr(lifeform, part))
            except ArchiveDamaged as damage:
                assert f"lifeform {i} " in str(damage)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value if value is None else [np.asarray(one).tobytes() for one in value]


def another(toy: ModuleType, path: Path, generations: int) -> Path:
    """An archive with as many lifeforms, all of which differ."""
    with toy.create(path, files=Swift(), config={"world": "toy", "seed": 2}) as writer:
        writer.checkpoint = {**toy.start_state(), "key": np.array([1, 2], np.uint32)}
        toy.go_on(writer, generations)
    return path


def without_quarantine(tree: dict[str, str]) -> dict[str, str]:
    ours = ("id/quarantine/", "id/events.lock")
    return {name: crc for name, crc in tree.items() if not name.startswith(ours)}


def fresh_copy(source: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(source, target))

"""Corruption is noticed, named and kept out of what readers see."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from alife.errors import ArchiveDamaged, ArchiveError
from alife.storage import Archive, check_archive, open_archive, resume_archive
from alife.storage.stored import Stored

PARTS = ("genotype", "embedding", "frames")
ARRAYS = ("parent", "valid", "embedding", "frames", "row_crc", "substrates/toy/genotype", "substrates/toy/lifeform")


def flip(data: bytes) -> Iterator[bytes]:
    """One bit wrong, in the first, the middle and the last byte (a few bits of a Zstandard header have no meaning)."""
    for place in (0, len(data) // 2, len(data) - 1):
        changed = bytearray(data)
        changed[place] ^= 1 << (place % 5 + 1)
        yield bytes(changed)


DAMAGES: dict[str, Callable[[bytes], Iterator[bytes | None]]] = {
    "flipped": flip,
    "truncated": lambda data: iter([data[: len(data) // 2], data[:-1]]),
    "lengthened": lambda data: iter([data + b"\0"]),
    "emptied": lambda data: iter([b""]),
    "zeroed": lambda data: iter([bytes(len(data))]),
    "deleted": lambda data: iter([None]),
}


def rows_of(archive: Archive) -> dict[int, list[object]]:
    """Every lifeform with all it holds; those that are damaged are left out."""
    found: dict[int, list[object]] = {}
    for i in range(len(archive)):
        try:
            lifeform = archive[i]
            parts = [getattr(lifeform, part).tobytes() for part in PARTS]
        except ArchiveDamaged as damage:
            assert f"lifeform {i} " in str(damage)
            continue
        numbers = (lifeform.score, lifeform.measures, lifeform.parents, lifeform.operator, lifeform.seed)
        found[i] = [*parts, *numbers, lifeform.generation, lifeform.evaluation, lifeform.valid]
    return found


@pytest.fixture(scope="module")
def truth(_finished: Path) -> dict[int, list[object]]:
    return rows_of(open_archive(_finished))


def assert_noticed(path: Path, truth: dict[int, list[object]]) -> None:
    """The check names what is wrong, and readers are served the truth or nothing."""
    report = check_archive(path)
    assert report.damaged and not report.ok and report.problems[0] in str(report)
    seen = rows_of(open_archive(path))
    assert all(truth[i] == row for i, row in seen.items())
    assert set(truth) - set(seen) <= set(report.damaged)
    assert all(i in seen for i in truth if i not in report.damaged)


def test_a_sound_archive(finished: Path) -> None:
    report = check_archive(finished)
    assert report.ok and not report.damaged
    assert (
        str(report) == f"{finished}: {report.lifeforms} lifeforms, up to generation 3: every byte is as it was written"
    )


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("array", ARRAYS)
def test_damaged_chunks(copy: Path, truth: dict[int, list[object]], array: str, damage: str) -> None:
    file = sorted((copy / array).glob("c.1*"))[0]
    data = file.read_bytes()
    for changed in DAMAGES[damage](data):
        if changed is None:
            file.unlink()
        else:
            file.write_bytes(changed)
        if damage == "lengthened" and array != "frames":
            # Codecs may pass over what follows: then nothing is lost, and nothing but the truth is read.
            assert rows_of(open_archive(copy)) == truth or not check_archive(copy).ok
        else:
            assert_noticed(copy, truth)


@pytest.mark.parametrize("array", ARRAYS)
def test_swapped_chunks(copy: Path, truth: dict[int, list[object]], array: str) -> None:
    one, two = sorted((copy / array).glob("c.[01]*"))[:2]
    first = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(first)
    assert_noticed(copy, truth)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_checkpoints_and_documents_of_arrays(copy: Path, damage: str) -> None:
    # Generation 3 was the last: its checkpoint is in slot 0, that before in slot 2, and slot 1 is nobody's.
    for name in ("search/0/es/mean/c.0", "search/2/key/c.0", "search/0/done/c", "score/zarr.json", "search/zarr.json"):
        data = (copy / name).read_bytes()
        for changed in DAMAGES[damage](data):
            if changed is None:
                (copy / name).unlink()
            else:
                (copy / name).write_bytes(changed)
            if damage != "lengthened" or name.endswith(".json"):
                assert (report := check_archive(copy)).problems and not report.damaged
        (copy / name).write_bytes(data)
    assert check_archive(copy).ok


def test_damage_anywhere_in_the_root_document_is_noticed(copy: Path) -> None:
    file, moments = copy / "zarr.json", random.Random(3)
    data = file.read_bytes()
    damaged = [data[: len(data) // 2], b"", data + b" ", bytes(len(data))]
    for _ in range(30):
        changed = bytearray(data)
        changed[moments.randrange(len(data))] ^= 1 << moments.randrange(8)
        damaged.append(bytes(changed))
    numbers = [b'"committed":', b'"generation":', b'"seed":', b'"engine":']
    damaged += [data.replace(name, name + b"1", 1) for name in numbers]
    for changed in damaged:
        file.write_bytes(changed)
        for act in (open_archive, resume_archive):
            with pytest.raises(ArchiveError):
                act(copy)
        try:
            assert not check_archive(copy).ok
        except ArchiveError as error:  # the one number that is believed before it is checked
            assert "has format" in str(error)
    file.write_bytes(data)
    assert check_archive(copy).ok


def test_rows_that_no_run_writes_are_noticed_although_their_checksums_are_right(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, state = toy.next_generation(toy.start_state(), 0, 0)
    monkeypatch.setattr("alife.storage.rows._require_earlier", lambda column, others, ids: None)
    with toy.create(tmp_path / "run") as writer:
        rows = rows._replace(parent=np.array([[-1, -1], [0, -1], [1, 2], [0, 1], [7, -1]]))
        rows = rows._replace(replaced=np.array([-1, 1, 1, 0, 2]))
        writer.append(rows, generation=0, checkpoint=state, progress={})
    report = check_archive(tmp_path / "run")
    assert report.problems == [
        "lifeforms 2, 4: a parent is not an earlier lifeform",
        "lifeform 1: what it replaced is not an earlier lifeform",
    ]
    assert report.damaged == [1, 2, 4]


@pytest.mark.parametrize("array", ARRAYS)
def test_damage_in_the_last_rows_stops_a_resume_by_name(toy: ModuleType, copy: Path, array: str) -> None:
    last = max((copy / array).glob("c.*"), key=lambda file: int(file.name.split(".")[1]))
    data = last.read_bytes()
    for damage in (data[:-20], b"", bytes(len(data))):
        last.write_bytes(damage)
        before = toy.tree(copy)
        with pytest.raises(ArchiveDamaged, match=r"lifeforms? [\d, -]+ of .*: damaged .*, and new rows"):
            resume_archive(copy)
        assert toy.tree(copy) == before
    last.write_bytes(data)
    resume_archive(copy).close()


def test_a_damaged_checkpoint_stops_a_resume(copy: Path) -> None:
    (copy / "search/0/key/c.0").unlink()
    with pytest.raises(ArchiveDamaged, match="the checkpoint of generation 3"):
        resume_archive(copy)


def test_a_check_while_a_run_writes_finds_nothing_wrong(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading the document and reading what it speaks of, the run replaces both checkpoints it names."""
    toy.run(tmp_path / "run", 3)
    ask, turns = Stored.checkpoint, iter([True])
    with resume_archive(tmp_path / "run") as writer:

        def late(stored: Stored, entry: dict[str, Any]) -> Any:
            if next(turns, False):
                toy.go_on(writer, 6)
            return ask(stored, entry)

        monkeypatch.setattr(Stored, "checkpoint", late)
        assert check_archive(tmp_path / "run").ok
    assert open_archive(tmp_path / "run").generation == 5


def test_a_document_behind_by_one_generation_is_no_damage_but_by_two_is(toy: ModuleType, tmp_path: Path) -> None:
    path, lengths = tmp_path / "run", []
    for generations in (4, 5, 6):
        toy.run(path, generations)
        lengths.append(len(open_archive(path)))
    document = path / "score/zarr.json"
    text = document.read_text()
    document.write_text(text.replace(f'"shape":[{lengths[2]}]', f'"shape":[{lengths[1]}]'))
    assert check_archive(path).ok
    document.write_text(text.replace(f'"shape":[{lengths[2]}]', f'"shape":[{lengths[0]}]'))
    assert check_archive(path).problems == ["score/zarr.json is not as it was written; `alife resume` writes it again"]
    resume_archive(path).close()
    assert document.read_text() == text

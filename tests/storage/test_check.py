"""Corruption is noticed, named and kept out of what readers see."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from alife.errors import ArchiveDamaged
from alife.storage import check_archive, open_archive, resume_archive
from alife.storage.chunks import read_rows
from alife.storage.documents import file_rows
from alife.storage.lifeform import name_lifeforms
from alife.storage.root import read_document
from alife.storage.stored import Stored

from .conftest import GENERATIONS, _toy
from .damage import Held, Swift, another, files_of, held, put, swap, undecodable

ROWS = sorted(_toy.LAYOUT.documents())
"""Every array that has rows."""

TAILS = ("parent", "valid", "embedding", "frames", "row_crc", "substrates/toy/genotype", "substrates/toy/lifeform")


@pytest.fixture(scope="module")
def truth(_finished: Path) -> Held:
    return held(open_archive(_finished))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An archive that differs in every row."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("ROWS", "SHARD", "CLIP_CHUNK", "CHUNK_BYTES", "FILE_BYTES"):
            patch.setattr(_toy.schema, name, getattr(_toy.schema, name))
        _toy.small_chunks()
        yield another(_toy, tmp_path_factory.mktemp("other") / "run", GENERATIONS)


def assert_noticed(path: Path, truth: Held, case: str) -> None:
    """The check names what is wrong, and readers are served the truth or nothing."""
    report = check_archive(path)
    assert report.damaged and not report.ok and report.problems[0] in str(report), case
    seen = held(open_archive(path))
    assert all(truth[key] == value for key, value in seen.items()), case
    assert {i for i, _ in truth.keys() - seen.keys()} <= set(report.damaged), case


def test_a_sound_archive(finished: Path) -> None:
    report, quick = check_archive(finished), check_archive(finished, full=False)
    assert report.ok and quick.ok and not report.damaged
    whole = f"{finished}: {report.lifeforms} lifeforms, up to generation 3: "
    assert str(report) == f"{whole}every byte is as it was written"
    assert str(quick) == f"{whole}all files are there, and the records sound; --full reads every byte"


def test_no_bit_of_any_file_can_change_what_is_read(copy: Path) -> None:
    """Every bit of small files, some of the others: noticed, but for very few that have no meaning to Zstandard."""
    moments = random.Random(1)
    nodes, unnoticed, tried = read_document(copy)["consolidated_metadata"]["metadata"], 0, 0
    for array, keys in files_of(copy).items():
        node, size = nodes[array], file_rows(nodes[array])
        for number, key in enumerate(keys):
            data, low = (copy / key).read_bytes(), number * size
            high = min(low + size, node["shape"][0])
            before = read_rows(copy, array, node, low, high)[0]
            bits = range(8 * len(data)) if len(data) < 40 else moments.sample(range(8 * len(data)), 20)
            flipped = [bytes(b ^ (1 << bit % 8) * (i == bit // 8) for i, b in enumerate(data)) for bit in bits]
            others = [changed for _, changed in undecodable(data, moments) if changed is not None]
            for changed in flipped + others:
                (copy / key).write_bytes(changed)
                values, readable = read_rows(copy, array, node, low, high)
                assert values[readable].tobytes() == before[readable].tobytes(), key
                assert not readable.all() or changed in flipped, key
                unnoticed, tried = unnoticed + readable.all(), tried + 1
            (copy / key).write_bytes(data)
    assert unnoticed < tried / 500 and tried > 3000


@pytest.mark.parametrize("array", ROWS)
def test_damaged_files_are_named_and_never_served(copy: Path, other: Path, truth: Held, array: str) -> None:
    keys, moments = files_of(copy)[array], random.Random(array)
    kinds = list(undecodable((copy / keys[-1]).read_bytes(), moments))
    kind, changed = kinds[ROWS.index(array) % len(kinds)]
    foreign, data = (other / keys[-1]).read_bytes(), (copy / keys[-1]).read_bytes()
    put(copy / keys[-1], changed)
    assert_noticed(copy, truth, kind)
    if ROWS.index(array) % 2 and foreign != data:  # numbers of rows are the same in all archives
        put(copy / keys[-1], foreign)
        assert_noticed(copy, truth, "of another archive")
    put(copy / keys[-1], data)
    if len({(copy / key).read_bytes() for key in keys[:2]}) == 2:
        swap(copy, *keys[:2])
        assert_noticed(copy, truth, "swapped")


def test_the_quick_check_misses_only_what_takes_reading_everything(copy: Path) -> None:
    file = copy / files_of(copy)["embedding"][0]
    data = file.read_bytes()
    put(file, bytes([data[0] ^ 1]) + data[1:])
    assert check_archive(copy, full=False).ok and check_archive(copy).damaged == [0, 1]
    for changed, said in ((data[:-1], "is cut short"), (b"", "is empty"), (None, "is missing")):
        put(file, changed)
        report = check_archive(copy, full=False)
        assert report.problems[0].startswith(f"embedding/{file.name} {said}") and report.damaged == [0, 1, 2, 3]
        assert "--repair` puts right what it can" in str(report) and "--full first shows what else" in str(report)
    put(file, data)
    table, rows = (
        open_archive(copy).table(),
        file_rows(read_document(copy)["consolidated_metadata"]["metadata"]["clip"]),
    )
    starts, ends = table["clip_start"], table["clip_start"] + table["clip_length"]
    whose = np.flatnonzero((starts < 2 * rows) & (ends > rows))
    (copy / files_of(copy)["clip"][1]).unlink()
    report = check_archive(copy, full=False)
    assert report.problems == [f"clip/c.1.0.0.0 is missing: {name_lifeforms(whose)}"]
    assert report.damaged == whose.tolist() and 0 < len(whose) < len(starts)


def test_damaged_moments_of_the_frames(copy: Path, other: Path) -> None:
    data = (copy / "step/c.0").read_bytes()
    for _, changed in undecodable(data, random.Random(0)):
        put(copy / "step/c.0", changed)
        for full in (False, True):
            assert check_archive(copy, full=full).problems == [
                "step is not as it was written, the moments at which frames are taken"
            ]


def test_damaged_checkpoints(copy: Path) -> None:
    # Generation 3 was the last: its checkpoint is in slot 0, that before in slot 2, and slot 1 is nobody's.
    for name in ("search/0/es/mean/c.0", "search/2/key/c.0", "search/0/done/c"):
        data = (copy / name).read_bytes()
        for kind, changed in undecodable(data, random.Random(name)):
            put(copy / name, changed)
            report = check_archive(copy, full=False)
            generation = 3 if "/0/" in name else 2
            said = f"the checkpoint of generation {generation} ({name[:8]}) is damaged"
            assert report.problems == [said] and not report.damaged, kind
        put(copy / name, data)
    assert check_archive(copy).ok


def test_damaged_documents_of_arrays(copy: Path) -> None:
    documents = [copy / node / "zarr.json" for node in read_document(copy)["consolidated_metadata"]["metadata"]]
    whole, moments = {path: path.read_bytes() for path in documents}, random.Random(2)
    for damaged in zip(*(undecodable(data, moments) for data in whole.values()), strict=True):
        for path, (_, changed) in zip(documents, damaged, strict=True):
            put(path, changed)
        problems = check_archive(copy, full=False).problems
        named = {problem.split()[0] for problem in problems}
        assert named == {path.relative_to(copy).as_posix() for path in documents}
        assert len(open_archive(copy)[0].genotype) == 3  # readers do not need them
    assert problems[0].endswith("zarr.json is missing; nothing is lost, `alife resume` writes it again")
    resume_archive(copy, files=Swift()).close()
    assert check_archive(copy).ok and all(path.read_bytes() == data for path, data in whole.items())


def test_damage_anywhere_in_the_root_document_is_noticed(copy: Path, truth: Held) -> None:
    """Its copy stands in for it, for readers; whoever writes wants it whole."""
    file, moments = copy / "zarr.json", random.Random(3)
    data = file.read_bytes()
    damaged = [data[: len(data) // 2], b"", data + b" ", bytes(len(data)), None]
    for _ in range(6):
        changed = bytearray(data)
        changed[moments.randrange(len(data))] ^= 1 << moments.randrange(8)
        damaged.append(bytes(changed))
    numbers = [b'"format":', b'"committed":', b'"generation":', b'"seed":', b'"engine":']
    damaged += [data.replace(name, name + b"1", 1) for name in numbers]
    for changed in damaged:
        put(file, changed)
        assert len(open_archive(copy)) == 15
        problems = check_archive(copy, full=False).problems
        said = "missing" if changed is None else "damaged"
        assert problems == [f"{file} is {said}; its copy id/root is whole"]
        with pytest.raises(ArchiveDamaged, match="--repair` puts it back"):
            resume_archive(copy)
    assert held(open_archive(copy)) == truth
    put(file, data)
    assert check_archive(copy).ok


def test_a_damaged_copy_of_the_root_document(copy: Path, other: Path) -> None:
    data = (copy / "id/root").read_bytes()
    for _, changed in undecodable(data, random.Random(4)):
        put(copy / "id/root", changed)
        problems = check_archive(copy, full=False).problems
        assert problems == ["id/root is not as it was written; nothing is lost, as it is a copy of zarr.json"]
    put(copy / "zarr.json", b"{}")
    for act in (open_archive, resume_archive):
        with pytest.raises(ArchiveDamaged, match="and so is its copy"):
            act(copy)
    report = check_archive(copy)
    assert not report.ok
    assert "restore one of the two from a copy of the run" in str(report) and "--repair" not in str(report)


@pytest.mark.parametrize("key", ["zarr.json", "id/root"])
def test_a_root_document_of_another_archive_is_not_believed(copy: Path, other: Path, key: str) -> None:
    put(copy / key, (other / key).read_bytes())
    for act in (open_archive, resume_archive):
        with pytest.raises(ArchiveDamaged, match="are of two archives"):
            act(copy)
    assert "are of two archives" in check_archive(copy).problems[0]


def test_rows_that_no_run_writes_are_noticed_although_their_checksums_are_right(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, state = toy.next_generation(toy.start_state(), 0, 0)
    monkeypatch.setattr("alife.storage.rows._require_earlier", lambda *given, **how: None)
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


@pytest.mark.parametrize("array", TAILS)
def test_damage_in_the_last_rows_stops_a_resume_by_name(toy: ModuleType, copy: Path, array: str) -> None:
    last = max((copy / array).glob("c.*"), key=lambda file: int(file.name.split(".")[1]))
    data = last.read_bytes()
    for damage in (data[:-20], b"", bytes(len(data))):
        last.write_bytes(damage)
        before = toy.tree(copy)
        with pytest.raises(ArchiveDamaged, match=r"(lifeforms? [\d, -]+|of toy) damaged, and new rows .* --repair"):
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
    said = "score/zarr.json is not as it was written; nothing is lost, `alife resume` writes it again"
    assert check_archive(path).problems == [said]
    resume_archive(path).close()
    assert document.read_text() == text

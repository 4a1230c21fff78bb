"""The index of vectors: as good as the vectors themselves, whatever happens to its file."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alife.storage.index import BLOCK, VectorIndex, highest

DIM = 3
COUNT = 3 * BLOCK + 17
UNSOUND = (5, BLOCK, COUNT - 1)


def truth(start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """What the archive would say: unit vectors, of which a few cannot be trusted."""
    ids = np.arange(start, stop)
    z = np.stack([np.sin(ids), np.cos(ids * 1.7), np.sin(ids * 0.3) + 2], axis=1).astype(np.float32)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    sound = ~np.isin(ids, UNSOUND)
    z[~sound] = 9e9
    return z, sound


class Source:
    """Says the truth, and counts for how many rows it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        self.asked += stop - start
        return truth(start, stop)


Q = np.array([0.6, 0.0, 0.8], np.float32)


def assert_true(index: VectorIndex, count: int = COUNT) -> None:
    """The index answers as brute force over the truth does."""
    z, sound = truth(0, count)
    z[~sound] = np.nan
    assert index.rows == count
    np.testing.assert_allclose(index.cosines(Q), z @ Q, rtol=1e-6)
    some = np.random.default_rng(1).permutation(count)[: count // 2]
    np.testing.assert_array_equal(index.take(some), z[some])
    assert not set(highest(index.cosines(Q), count).tolist()) & set(UNSOUND)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A place for a run's index."""
    (tmp_path / "id").mkdir()
    return tmp_path


@pytest.fixture
def made(root: Path) -> Path:
    """A place with an index that is complete."""
    opened(root, Source())
    return root


def opened(root: Path, source: Source, upto: int = COUNT, **changed: object) -> VectorIndex:
    settings = {"identity": "model-1", "dim": DIM, "stamp": "2024", "step": 100, **changed}
    index = VectorIndex(root, settings.pop("identity"), settings.pop("dim"), read=source, **settings)
    index.extend(upto)
    return index


def data(root: Path) -> Path:
    return next((root / "id" / "index").glob("*.f32"))


def about(root: Path) -> Path:
    return next((root / "id" / "index").glob("*.json"))


def test_what_has_been_indexed_is_not_asked_again(root: Path) -> None:
    first, second = Source(), Source()
    assert_true(opened(root, first))
    assert_true(opened(root, second))
    assert (first.asked, second.asked) == (COUNT, 0)
    assert data(root).stat().st_size == COUNT * DIM * 4


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 2 * BLOCK), min_size=1, max_size=6), st.integers(20, 2 * BLOCK))
def test_it_grows_in_any_steps(tmp_path_factory: pytest.TempPathFactory, steps: list[int], step: int) -> None:
    root = tmp_path_factory.mktemp("grown")
    (root / "id").mkdir()
    writer = opened(root, Source(), 0, step=step)
    reader, source = opened(root, Source(), 0), Source()
    for count in np.cumsum(steps).tolist():
        writer.extend(count)
        assert_true(writer, count)
        reader._read = source
        reader.extend(count)
        assert_true(reader, count)
    assert source.asked == 0


def test_a_reader_of_an_earlier_moment_sees_that_moment(made: Path) -> None:
    source = Source()
    assert_true(opened(made, source, 2 * BLOCK + 3), 2 * BLOCK + 3)
    assert source.asked == 0


@pytest.mark.parametrize("file", [data, about])
@pytest.mark.parametrize("seed", range(40))
def test_a_flipped_bit_changes_no_answer_and_is_put_right(made: Path, file: Callable, seed: int) -> None:
    random, path = np.random.default_rng(seed), file(made)
    content = bytearray(path.read_bytes())
    content[random.integers(len(content))] ^= 1 << random.integers(8)
    path.write_bytes(content)
    assert_true(opened(made, Source()))
    healed = Source()
    assert_true(opened(made, healed))
    assert file is about or healed.asked == 0


@pytest.mark.parametrize("left", [0, 1, DIM * 4 * BLOCK, DIM * 4 * BLOCK + 5, DIM * 4 * COUNT - 1])
def test_a_file_cut_short_is_completed(made: Path, left: int) -> None:
    os.truncate(data(made), left)
    source, again = Source(), Source()
    assert_true(opened(made, source))
    assert source.asked == COUNT - left // (DIM * 4) // BLOCK * BLOCK
    assert_true(opened(made, again))
    assert again.asked == 0


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"rows": 3}', '{"rows": -1, "crc32c": []}', "\0\0"])
def test_a_damaged_document_counts_for_nothing(made: Path, text: str) -> None:
    about(made).write_text(text)
    source = Source()
    assert_true(opened(made, source))
    assert source.asked == COUNT


def test_blocks_that_have_changed_places_are_noticed(made: Path) -> None:
    size, content = DIM * 4 * BLOCK, data(made).read_bytes()
    data(made).write_bytes(content[size : 2 * size] + content[:size] + content[2 * size :])
    source = Source()
    assert_true(opened(made, source))
    assert source.asked == 2 * BLOCK


@pytest.mark.parametrize("changed", [{"stamp": "2025"}, {"dim": DIM + 1}, {"identity": "model-2"}])
def test_the_index_of_another_archive_or_model_is_not_taken(made: Path, changed: dict[str, object]) -> None:
    def other(start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        return np.ones((stop - start, changed.get("dim", DIM)), np.float32), np.ones(stop - start, bool)

    index = opened(made, other, **changed)
    assert (index.take(np.arange(COUNT)) == 1).all()


def test_an_index_that_names_another_model_is_not_taken(made: Path) -> None:
    said = json.loads(about(made).read_text())
    about(made).write_text(json.dumps({**said, "identity": "model-2"}))
    source = Source()
    assert_true(opened(made, source))
    assert source.asked == COUNT


def test_damage_while_it_is_open_is_noticed(made: Path) -> None:
    index = opened(made, Source())
    assert_true(index)
    data(made).write_bytes(bytes(COUNT * DIM * 4))
    assert_true(index)
    os.truncate(data(made), 7)
    assert_true(index)
    for file in (data(made), about(made)):
        file.unlink()
    assert_true(index)
    index.extend(COUNT + 200)
    assert_true(index, COUNT + 200)


def test_what_cannot_be_written_is_kept_in_memory(root: Path) -> None:
    (root / "id" / "index").write_text("a file where the directory should be")
    index = opened(root, Source(), BLOCK + 3)
    assert_true(index, BLOCK + 3)
    index.extend(COUNT)
    assert_true(index)


def test_few_rows_are_not_worth_a_file(root: Path) -> None:
    index = opened(root, Source(), BLOCK, least=COUNT)
    assert_true(index, BLOCK)
    assert not (root / "id" / "index").exists()
    index.extend(COUNT)
    assert_true(index)
    assert data(root).stat().st_size == COUNT * DIM * 4


def test_while_another_process_writes_the_rest_is_kept_in_memory(root: Path) -> None:
    opened(root, Source(), BLOCK + 3)
    with data(root).open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        index = opened(root, Source())
        assert_true(index)
    assert data(root).stat().st_size == (BLOCK + 3) * DIM * 4
    index.extend(COUNT + 1)
    assert_true(index, COUNT + 1)
    assert data(root).stat().st_size == (COUNT + 1) * DIM * 4


def test_a_full_disk_is_no_error(root: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((BLOCK + 150) * DIM * 4, hard))
    try:
        assert_true(opened(root, Source()))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    source = Source()
    assert_true(opened(root, source))
    assert source.asked == COUNT - 200


class Killed(BaseException):
    """Stands for the end of the process: nobody handles it."""


class Dying(VectorIndex):
    """Dies before, in the middle of, or after one of the things that it does to files."""

    left = 0

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed

    def _write(self, file: BinaryIO, start: int, vectors: np.ndarray) -> None:
        self._count()
        super()._write(file, start, vectors[: len(vectors) // 2])
        self._count()
        super()._write(file, start, vectors)

    def _save(self) -> None:
        self._count()
        self._about.with_suffix(".partial").write_text("half a docu")
        self._count()
        super()._save()


@pytest.mark.parametrize("after", range(4 * (COUNT // 100 + 1)))
def test_death_at_any_moment_costs_time_only(root: Path, after: int) -> None:
    writer = Dying(root, "model-1", DIM, stamp="2024", read=Source(), step=100)
    writer.left = after
    with pytest.raises(Killed):
        writer.extend(COUNT)
    source, again = Source(), Source()
    assert_true(opened(root, source))
    assert source.asked == COUNT - 100 * (after // 4)
    assert_true(opened(root, again))
    assert again.asked == 0


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_index import COUNT, Source, assert_true, opened
index = opened(Path(sys.argv[2]), Source(), 0)
print("ready", flush=True)
for count in range(1, COUNT + 1, 7):
    index.extend(count)
    assert_true(index, count)
index.extend(COUNT)
assert_true(index)
"""


def test_processes_that_write_at_once_or_are_killed(root: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, Path(__file__).parent, root]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert children[0].stdout.readline() == "ready\n"
    children[0].kill()
    for child in children[1:]:
        assert child.wait() == 0, child.stderr.read()
    for child in children:
        child.communicate()
    source, again = Source(), Source()
    assert_true(opened(root, source))
    assert_true(opened(root, again))
    assert source.asked < COUNT and again.asked == 0


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, float("nan"), float("-inf")]), max_size=12), st.integers(1, 15))
def test_the_highest_are_those_of_a_sorted_list(values: list[float], n: int) -> None:
    expected = sorted((i for i, value in enumerate(values) if value == value), key=lambda i: (-values[i], i))[:n]
    assert highest(np.array(values), n).tolist() == expected

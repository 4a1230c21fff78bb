"""A writer may die anywhere: nothing acknowledged is lost, nothing half-written is seen, a resumed run ends equal."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from alife.storage import check_archive, open_archive, resume_archive
from alife.storage.files import Files

Start = Callable[..., "subprocess.Popen[str]"]
KILLS = Path(__file__).with_name("kills.py")


class Stop(BaseException):
    """The writer is gone."""


def stop() -> None:
    raise Stop


def operations(toy: ModuleType, work: Callable[[Files], None]) -> int:
    """How many file operations some work takes."""
    files = toy.Stopping(10**9, stop)
    work(files)
    return 10**9 - files.left


@pytest.fixture
def base(toy: ModuleType, tmp_path: Path) -> Path:
    """Three generations; the next starts within a file of every array, fills another and ends within a third."""
    toy.run(tmp_path / "base", 3)
    return tmp_path / "base"


class Keeping(Files):
    """Keeps a copy of an archive as it is right before a finished file appears or goes.

    What a process killed between two operations leaves is what lies on the disk then.  All other operations touch
    unfinished files only, which nobody reads: of the moments between two copies the last stands for all.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.copies = path, list[Path]()

    def keep(self) -> None:
        copy = self.path.with_name(f"left-{len(self.copies)}")
        self.copies.append(Path(shutil.copytree(self.path, copy)))

    def replace(self, source: Path, target: Path) -> None:
        self.keep()
        super().replace(source, target)

    def remove_tree(self, path: Path) -> None:
        self.keep()
        super().remove_tree(path)


def test_dying_after_every_file_operation_of_an_append(toy: ModuleType, base: Path) -> None:
    files = Keeping(base)
    with resume_archive(base, files=files) as writer:
        toy.go_on(writer, 4)
    files.keep()
    whole, reached = open_archive(base), []
    for path in files.copies:
        archive = open_archive(path)
        toy.assert_prefix(archive, whole)
        assert (report := check_archive(path)).ok, report
        reached.append(archive.generation)
        with resume_archive(path) as writer:
            assert writer.generation == archive.generation and not list(path.rglob("*.partial"))
            toy.go_on(writer, 4)
        assert toy.tree(path) == toy.tree(base), path
    assert reached == sorted(reached) and set(reached) == {2, 3} and len(reached) > 40


def test_processes_that_die_and_errors_that_stop_a_writer(
    toy: ModuleType, base: Path, tmp_path: Path, process: Start
) -> None:
    def one_more(path: Path, files: Files) -> None:
        with resume_archive(path, files=files) as writer:
            toy.go_on(writer, 4)

    whole = Path(shutil.copytree(base, tmp_path / "whole"))
    count = operations(toy, lambda files: one_more(whole, files))
    for after in range(3, count, count // 8):
        target = Path(shutil.copytree(base, tmp_path / f"stopped-{after}"))
        if after % 2:
            assert process("die", target, 4, after).wait() == 9
        else:
            with pytest.raises(Stop):
                one_more(target, toy.Stopping(after, stop))
        one_more(target, Files())
        assert toy.tree(target) == toy.tree(whole), f"after {after}"


def test_dying_while_resuming_leaves_what_can_be_resumed(toy: ModuleType, base: Path) -> None:
    with pytest.raises(Stop), resume_archive(base, files=toy.Stopping(30, stop)) as writer:
        toy.go_on(writer, 4)
    assert list(base.rglob("*.partial"))
    (base / "score/zarr.json").write_bytes(b"behind")
    for after in itertools.count():
        files = toy.Stopping(after, stop)
        try:
            resume_archive(base, files=files).close()
            break
        except Stop:
            assert check_archive(base).problems[0].startswith("score/zarr.json is not as it was written")
    assert after > 3 and not list(base.rglob("*.partial"))
    toy.run(base, 4)
    assert check_archive(base).ok


def test_creating_shows_all_or_nothing(toy: ModuleType, tmp_path: Path) -> None:
    count = operations(toy, lambda files: toy.create(tmp_path / "whole", files=files).close())
    for after in range(count):
        path = tmp_path / f"made-{after}"
        with pytest.raises(Stop):
            toy.create(path, files=toy.Stopping(after, stop))
        assert [p for p in tmp_path.iterdir() if p.name.startswith(path.name)] == ([path] if path.exists() else [])
        assert not path.exists() or check_archive(path).ok
        assert path.exists() == (after == count - 1)


def test_a_search_whose_state_changes_its_arrays(toy: ModuleType, base: Path, tmp_path: Path) -> None:
    def extend(path: Path, files: Files) -> None:
        with resume_archive(path, files=files) as writer:
            for generation in range(writer.generation + 1, 7):
                rows, _ = toy.next_generation(toy.start_state(), 1, len(writer.archive))
                state = {f"{'es/' if generation % 2 else ''}g{generation}": np.arange(generation)}
                writer.append(rows, generation=generation, checkpoint=state, progress={})

    whole = Path(shutil.copytree(base, tmp_path / "whole"))
    count = operations(toy, lambda files: extend(whole, files))
    kept = {name for name in toy.tree(whole) if name.startswith("search/") and name.endswith("/c.0")}
    assert kept == {"search/1/g4/c.0", "search/2/es/g5/c.0", "search/0/g6/c.0"}
    for after in range(3, count, count // 12):
        target = Path(shutil.copytree(base, tmp_path / f"stopped-{after}"))
        with pytest.raises(Stop):
            extend(target, toy.Stopping(after, stop))
        extend(target, Files())
        assert toy.tree(target) == toy.tree(whole)
    with resume_archive(whole) as writer:
        assert list(writer.checkpoint) == ["g6"]
        np.testing.assert_array_equal(writer.checkpoint["g6"], np.arange(6))


def test_random_kills_lose_nothing_acknowledged_while_a_reader_looks_on(tmp_path: Path) -> None:
    found = subprocess.run([sys.executable, KILLS, tmp_path, "25"], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    told = json.loads(found.stdout)
    assert told.pop("kills") == 25 and told.pop("generations") >= 25 and told.pop("views") > 25
    assert set(told.values()) == {0}, told

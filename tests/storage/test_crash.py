"""A writer may die anywhere: nothing acknowledged is lost, nothing half-written is seen, and resuming comes out equal."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import zarr

from alife.errors import ArchiveError, ArchiveLocked
from alife.storage import Archive, check_archive, open_archive, resume_archive
from alife.storage.files import Files

from .conftest import GENERATIONS

Start = Callable[..., "subprocess.Popen[str]"]


class Stop(BaseException):
    """The writer is gone."""


def stop() -> None:
    raise Stop


def assert_prefix(archive: Archive, whole: Archive) -> None:
    """The archive holds the first generations of the whole one, and nothing else."""
    expected = whole.column("generation") <= archive.generation
    assert len(archive) == expected.sum()
    for name, column in archive.table().items():
        np.testing.assert_array_equal(column, whole.column(name)[expected], err_msg=name)
    for lifeform in archive:
        for part in ("genotype", "embedding", "frames"):
            np.testing.assert_array_equal(getattr(lifeform, part), getattr(whole[lifeform.id], part))


def count_operations(toy: ModuleType, base: Path, generations: int) -> int:
    """File operations of resuming and of so many appends."""
    files = toy.Stopping(10**9, stop)
    with resume_archive(base, files=files) as writer:
        toy.go_on(writer, writer.generation + 1 + generations)
    return 10**9 - files.left


@pytest.fixture
def base(toy: ModuleType, tmp_path: Path) -> Path:
    """Two generations, the next of which starts inside a chunk of every array and ends behind it."""
    path = tmp_path / "base"
    toy.run(path, 2)
    return path


def test_dying_after_every_file_operation_of_an_append(
    toy: ModuleType, base: Path, finished: Path, tmp_path: Path, process: Start
) -> None:
    whole, stops = open_archive(finished), count_operations(toy, Path(shutil.copytree(base, tmp_path / "count")), 2)
    targets = tmp_path / "dead"
    targets.mkdir()
    assert process("deaths", base, targets, stops).wait() == 0
    expected = toy.tree(finished)
    reached = set()
    for after in range(stops):
        archive = open_archive(targets / str(after))
        assert_prefix(archive, whole)
        reached.add(archive.generation)
        report = check_archive(archive.path)
        assert report.ok, f"after {after}: {report}"
        with resume_archive(archive.path) as writer:
            assert writer.generation == archive.generation
            if after % 5 == 0:
                toy.go_on(writer, GENERATIONS)
        if after % 5 == 0:
            assert toy.tree(archive.path) == expected, f"after {after}"
        assert not list(archive.path.rglob("*.partial"))
    assert reached == {1, 2, 3}


def test_an_error_after_every_file_operation_of_an_append(toy: ModuleType, base: Path, tmp_path: Path) -> None:
    once = Path(shutil.copytree(base, tmp_path / "once"))
    stops = count_operations(toy, once, 1)
    expected = toy.tree(once)
    for after in range(stops):
        target = Path(shutil.copytree(base, tmp_path / f"stopped-{after}"))
        with pytest.raises(Stop), resume_archive(target, files=toy.Stopping(after, stop)) as writer:
            toy.go_on(writer, 3)
        toy.run(target, 3)
        assert toy.tree(target) == expected, f"after {after}"


def test_dying_while_resuming_leaves_what_can_be_resumed(toy: ModuleType, base: Path, tmp_path: Path) -> None:
    with pytest.raises(Stop), resume_archive(base, files=toy.Stopping(30, stop)) as writer:
        toy.go_on(writer, 3)
    assert list(base.rglob("*.partial"))
    stops = count_operations(toy, Path(shutil.copytree(base, tmp_path / "count")), 0)
    assert stops > 0
    for after in range(stops):
        with pytest.raises(Stop):
            resume_archive(base if after == 0 else target, files=toy.Stopping(0, stop))
        target = base
    toy.run(base, 3)
    assert check_archive(base).ok


def test_creating_shows_all_or_nothing(toy: ModuleType, tmp_path: Path) -> None:
    files = toy.Stopping(10**9, stop)
    toy.create(tmp_path / "whole", files=files).close()
    for after in range(10**9 - files.left):
        path = tmp_path / f"made-{after}"
        with pytest.raises(Stop):
            toy.create(path, files=toy.Stopping(after, stop))
        assert sorted(p.name for p in tmp_path.iterdir()) in (["whole"], [path.name, "whole"])
        if path.exists():
            assert len(open_archive(path)) == 0 and check_archive(path).ok
            toy.run(path, 1)


def test_a_search_whose_state_changes_its_arrays(toy: ModuleType, base: Path, tmp_path: Path) -> None:
    def extend(path: Path, files: Files) -> None:
        with resume_archive(path, files=files) as writer:
            for generation in range(writer.generation + 1, 7):
                rows, _ = toy.next_generation(toy.start_state(), 1, len(writer.archive))
                state = {f"{'es/' if generation % 2 else ''}g{generation}": np.arange(generation)}
                writer.append(rows, generation=generation, checkpoint=state, progress={})

    extend(whole := Path(shutil.copytree(base, tmp_path / "whole")), Files())
    expected = toy.tree(whole)
    assert {name.split("/")[1] for name in expected if name.startswith("search/") and name.count("/") > 1} == set("012")
    for after in range(0, 200, 7):
        target = Path(shutil.copytree(base, tmp_path / f"stopped-{after}"))
        with pytest.raises(Stop):
            extend(target, toy.Stopping(after, stop))
        extend(target, Files())
        assert toy.tree(target) == expected
    with resume_archive(whole) as writer:
        assert list(writer.checkpoint) == ["g6"]
        np.testing.assert_array_equal(writer.checkpoint["g6"], np.arange(6))


def test_random_kills_lose_nothing_acknowledged(
    toy: ModuleType, tmp_path: Path, process: Start
) -> None:
    generations, moments = 60, random.Random(4)
    toy.run(tmp_path / "whole", generations)
    whole, path, log = open_archive(tmp_path / "whole"), tmp_path / "run", tmp_path / "log"
    log.touch()
    for _ in range(6):
        acknowledged = log.read_text()
        writer = process("run", path, generations, "--log", log)
        while log.read_text() == acknowledged and writer.poll() is None:
            time.sleep(0.002)
        time.sleep(moments.random() * 0.15)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        told = [int(line) for line in log.read_text().splitlines()]
        assert told == list(range(len(told)))  # no generation twice, none left out
        archive = open_archive(path)
        assert archive.generation in (told[-1], told[-1] + 1)
        assert_prefix(archive, whole)
        assert check_archive(path).ok
    assert process("run", path, generations).wait() == 0
    assert toy.tree(path) == toy.tree(tmp_path / "whole")

"""A disk that is full, read-only or broken: one clear error, nothing acknowledged lost, and the run goes on later."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from alife.errors import ArchiveError
from alife.storage import check_archive, open_archive, resume_archive

from .conftest import GENERATIONS

Start = Callable[..., "subprocess.Popen[str]"]


def fail(code: int) -> Callable[[], None]:
    def stop() -> None:
        raise OSError(code, os.strerror(code))

    return stop


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for a few generations; only root may make one."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(path)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this user cannot mount a small disk")
    yield path
    subprocess.run(["umount", path], check=True)


def test_a_full_disk(toy: ModuleType, finished: Path, small_disk: Path) -> None:
    path = small_disk / "run"
    toy.run(path, 3)
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space"):
        ballast.write_bytes(bytes(8 << 20))
    with pytest.raises(ArchiveError) as error:
        toy.run(path, GENERATIONS)
    assert f"cannot write {path}: No space left on device. Everything up to generation 2 is safe (6" in str(error.value)
    assert f"`alife resume {path}`" in str(error.value)
    assert check_archive(path).ok and open_archive(path).generation == 2
    ballast.unlink()
    toy.run(path, GENERATIONS)
    assert toy.tree(path) == toy.tree(finished)


def test_a_limit_on_the_size_of_files(toy: ModuleType, finished: Path, tmp_path: Path, process: Start) -> None:
    path, log = tmp_path / "run", tmp_path / "log"
    toy.run(path, 1)
    largest = (path / "zarr.json").stat().st_size
    limited = process("run", path, GENERATIONS, "--log", log, "--file-size", largest + 100)
    _, message = limited.communicate()
    told = len(log.read_text().split())
    assert limited.returncode == 1
    assert f"error: cannot write {path}: File too large. Everything up to generation {told} is safe" in message
    assert check_archive(path).ok and open_archive(path).generation == told
    toy.run(path, GENERATIONS)
    assert toy.tree(path) == toy.tree(finished)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_an_error_of_the_disk_says_what_is_safe(toy: ModuleType, tmp_path: Path, code: int) -> None:
    toy.run(tmp_path / "base", 3)
    count = shutil.copytree(tmp_path / "base", tmp_path / "count")
    files = toy.Stopping(10**9, fail(code))
    with resume_archive(count, files=files) as writer:
        toy.go_on(writer, 4)
    last = 10**9 - files.left - 1
    for after, safe in ((0, 2), (60, 2), (last, 3)):  # the last comes after the commit
        path = Path(shutil.copytree(tmp_path / "base", tmp_path / f"after-{after}"))
        with resume_archive(path, files=toy.Stopping(after, fail(code))) as writer:
            expected = f"cannot write .*: {os.strerror(code)}. Everything up to generation {safe} is safe"
            with pytest.raises(ArchiveError, match=expected):
                toy.go_on(writer, 4)
            assert open_archive(path).generation == writer.generation == safe
            with pytest.raises(ArchiveError, match="cannot append, an earlier one failed; resume the archive first"):
                toy.go_on(writer, safe + 2)
        toy.run(path, 4)
        assert toy.tree(path) == toy.tree(count)


def test_a_place_that_cannot_be_written(toy: ModuleType, tmp_path: Path, copy: Path) -> None:
    with pytest.raises(ArchiveError, match=r"cannot make an archive at .*Read-only"):
        toy.create(tmp_path / "run", files=toy.Stopping(20, fail(errno.EROFS)))
    assert not (tmp_path / "run").exists() and [p.name for p in tmp_path.iterdir()] == ["copy"]
    (copy / "left.partial").write_bytes(b"")
    with pytest.raises(ArchiveError, match=r"cannot write .*Read-only file system; nothing is lost"):
        resume_archive(copy, files=toy.Stopping(0, fail(errno.EROFS)))
    resume_archive(copy).close()  # it has let go of the lock


def test_a_directory_without_permission(toy: ModuleType, copy: Path) -> None:
    for place in (copy, *copy.rglob("*")):
        place.chmod(0o555 if place.is_dir() else 0o444)
    if os.access(copy, os.W_OK):
        pytest.skip("this user writes wherever it likes")
    assert len(open_archive(copy)) > 0 and check_archive(copy).ok
    with pytest.raises(ArchiveError, match=r"cannot write .*Permission denied"):
        resume_archive(copy)
    with pytest.raises(ArchiveError, match=r"cannot make an archive at .*Permission denied"):
        toy.create(copy / "run")
    for place in (copy, *copy.rglob("*")):
        place.chmod(0o755)

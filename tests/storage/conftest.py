"""The toy run that the storage tests write archives with, and one finished archive of it."""

from __future__ import annotations

import importlib.util
import itertools
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from alife.storage import open_archive
from alife.storage.remote import RemotePath, place_of

collect_ignore = ["kills.py", "make_archive_asset.py"]
"""Scripts, which find `toy_run` beside them."""

SCRIPT = Path(__file__).with_name("toy_run.py")
GENERATIONS = 4
PLACES = itertools.count()


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("toy_run", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_toy = _load()


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The toy run, writing small chunks."""
    for name in ("ROWS", "SHARD", "CLIP_CHUNK", "CHUNK_BYTES", "FILE_BYTES"):
        monkeypatch.setattr(_toy.schema, name, getattr(_toy.schema, name))  # put back what small_chunks changes
    _toy.small_chunks()
    return _toy


@pytest.fixture(scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("finished") / "run"
    subprocess.run([sys.executable, SCRIPT, "run", path, str(GENERATIONS)], check=True)
    return path


@pytest.fixture
def finished(_finished: Path) -> Path:
    """An archive of `GENERATIONS` generations that nothing interrupted; not to be changed."""
    return _finished


@pytest.fixture
def copy(_finished: Path, tmp_path: Path) -> Path:
    """The same, to be changed at will."""
    return Path(shutil.copytree(_finished, tmp_path / "copy"))


@pytest.fixture
def process() -> Callable[..., subprocess.Popen[str]]:
    """Starts `toy_run.py` with the given arguments."""

    def start(*arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, str(SCRIPT), *map(str, arguments)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    return start


@pytest.fixture
def place() -> RemotePath:
    """A free place in memory, with what S3 promises."""
    found = place_of(f"memory:///runs/{next(PLACES)}")
    assert isinstance(found, RemotePath)
    return found


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects are put in a row, so that it is known which ones a dead writer has put."""
    monkeypatch.setattr("alife.storage.objects.PUTS", 1)


@pytest.fixture
def whole(toy: ModuleType, tmp_path: Path) -> Any:
    """What an uninterrupted run has found, on a disk."""
    toy.run(tmp_path / "whole", 6)
    return open_archive(tmp_path / "whole")

"""The toy run that the storage tests write archives with, and one finished archive of it."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

collect_ignore = ["kills.py", "make_archive_asset.py"]
"""Scripts, which find `toy_run` beside them."""

SCRIPT = Path(__file__).with_name("toy_run.py")
GENERATIONS = 4


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

"""A served run."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from alife.browser import Server
from alife.cli import run_command

from ..flow.test_page import HOSTILE, make
from ..flow.worlds import WORLD


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A search of life, and an archive whose every text is hostile; not to be changed."""
    place = tmp_path_factory.mktemp("runs")
    assert run_command(["search", "life", "--generations", "3", *WORLD, "--out", str(place / "life")]) == 0
    return [place / "life", make(place / HOSTILE.replace("/", "|"), summary=HOSTILE)]


@contextmanager
def serving(runs: list[Path], *, edit: bool = False) -> Iterator[str]:
    """The address of a server of these runs."""
    server = Server(runs, edit=edit)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server.address
    finally:
        server.stop()
        thread.join()


@pytest.fixture(scope="module")
def served(runs: list[Path]) -> Iterator[str]:
    with serving(runs) as address:
        yield address


@pytest.fixture
def mine(runs: list[Path], tmp_path: Path) -> Path:
    """A copy of the search of life that may be changed."""
    return Path(shutil.copytree(runs[0], tmp_path / "mine"))

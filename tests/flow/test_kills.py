"""`kill -9` at any moment: nothing acknowledged is lost, and the resumed run ends byte-equal to one never stopped."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from alife.cli import run_command
from alife.storage import check_archive, open_archive

from .worlds import ACKNOWLEDGE, TINY, write

KILLS, STEP = 8, 3  # twenty-five, beside a reader, are in tests/storage/test_crash.py
GENERATIONS = KILLS * STEP + 8


def chunks(run: Path) -> dict[str, bytes]:
    """Every stored byte except the documents, which hold dates, and the copy of one of them."""
    files = (path for path in run.rglob("*") if path.is_file() and path.name not in ("zarr.json", "root"))
    return {str(path.relative_to(run)): path.read_bytes() for path in files}


def acknowledged(log: Path) -> int:
    """The last generation that the run said is safe."""
    lines = log.read_text().splitlines() if log.exists() else []
    return int(lines[-1].split()[0]) if lines else -1


def test_random_kills_lose_nothing_and_change_nothing(tmp_path, monkeypatch):
    plugin = write(tmp_path / "acknowledge.py", ACKNOWLEDGE)
    log = tmp_path / "log"
    how = [
        "--score",
        "open_ended + novelty",
        "--search",
        "illuminate",
        "--set",
        "search.size=8",
        "--plugin",
        str(plugin),
        *TINY,
    ]
    search = ["search", "life", "--generations", str(GENERATIONS), *how]
    monkeypatch.setenv("ACKNOWLEDGED", str(log))
    assert run_command([*search, "--out", str(tmp_path / "straight")]) == 0
    log.unlink()

    run, dice = tmp_path / "killed", random.Random(0)
    for kill in range(KILLS):
        command = ["resume", str(run)] if run.exists() else [*search, "--out", str(run)]
        process = subprocess.Popen([sys.executable, "-m", "alife", *command], stderr=subprocess.DEVNULL)
        target = kill * STEP + dice.randrange(STEP)
        while acknowledged(log) < target:
            assert process.poll() is None, f"the run ended by itself with {process.returncode}"
            time.sleep(0.002)
        time.sleep(dice.uniform(0, 0.04))
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept = open_archive(run)
        assert kept.generation >= acknowledged(log), "an acknowledged generation is lost"
        assert check_archive(run).ok
        assert process.returncode == -signal.SIGKILL
    assert run_command(["resume", str(run)]) == 0
    assert open_archive(run).generation == GENERATIONS - 1
    assert chunks(run) == chunks(tmp_path / "straight")

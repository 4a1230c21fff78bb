"""Several devices: virtual ones of a CPU, in processes of their own, since a process has as many as it began with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import pytest
import zarr

from alife import devices, spread
from alife.cli import run_command
from alife.errors import BadOption
from alife.registry import default_registry
from alife.spread import Spread

from .flow.worlds import TINY

ROOT = Path(__file__).parents[1]
SLOW = {"physics_design", "physics_level"}
"""Traced and compiled for ten seconds each; another kind of the same physics stands for them."""
SUBSTRATES = [name for name in default_registry().substrates if name not in SLOW]


def of_process(*arguments: str, **env: str) -> str:
    """What another Python prints."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env}, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def held():
    """What held on eight devices, substrate by substrate, and of a search under no name."""
    said = of_process("-m", "tests.on_devices", *SUBSTRATES, JAX_NUM_CPU_DEVICES="8")
    return dict(json.loads(line) for line in said.splitlines() if line.startswith("["))


@pytest.mark.parametrize("name", SUBSTRATES)
def test_a_world_is_the_same_on_every_device(name, held):
    assert len(held[name]) > 1 and all(held[name].values()), held[name]


def test_a_search_on_devices_that_share_a_program_finds_the_same_and_compiles_once(held):
    assert held[""] == {"same lifeforms": True, "compiled once": True}


def test_devices_of_a_cpu_change_no_byte_of_an_archive(tmp_path):
    said = ["search", "life", "--generations", "3", "--seed", "3", *TINY, "--population", "37", "--peak", "population"]
    for count in ("1", "8"):
        of_process("-m", "alife", *said, "--devices", count, "--out", str(tmp_path / count), "--clip", "4")
    one, eight = (dict(zarr.open(tmp_path / count, mode="r").arrays()) for count in ("1", "8"))
    assert one.keys() == eight.keys() and one["score"].size > 37
    for name, array in one.items():
        assert array[:].tobytes() == eight[name][:].tobytes(), name


def test_more_devices_than_there_are_is_told(tmp_path, capsys):
    jax.devices()  # JAX has started
    with pytest.raises(BadOption, match=r"devices is 99, and JAX sees 1 .* before JAX starts; ask for fewer"):
        devices.use_devices(99)
    assert run_command(["search", "life", "--devices", "99", "--out", str(tmp_path / "run")]) == 2
    assert "JAX sees 1" in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_the_memory_of_a_gpu_is_not_taken_at_once_unless_the_user_says_so(monkeypatch):
    say = "import alife.worlds.cache, os; print(os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'])"
    monkeypatch.delenv("XLA_PYTHON_CLIENT_PREALLOCATE", raising=False)
    assert of_process("-c", say) == "false\n"
    assert of_process("-c", say, XLA_PYTHON_CLIENT_PREALLOCATE="true") == "true\n"


def test_free_memory_is_that_of_the_fullest_device():
    def device(limit, used):
        return SimpleNamespace(memory_stats=lambda: {"bytes_limit": limit, "bytes_in_use": used})

    assert devices.free_bytes([device(100, 10), device(100, 70), device(50, 0)]) == 30
    assert devices.free_bytes([device(100, 10), SimpleNamespace(memory_stats=lambda: None)]) is None


@pytest.mark.parametrize(
    "free, memory_mb, count, lanes, size",
    [
        (None, 100, 20, 100, 20),  # all at once
        (None, 4, 20, 4, 20),  # as memory_mb allows: five rounds
        (None, 8, 20, 8, 21),  # three rounds of seven
        (32 * 2**20, 100, 20, 16, 20),  # half of what is free: two rounds of ten
        (32 * 2**20, 100, 1000, 16, 64),  # what is seen of more worlds would take more than a quarter
        (0, 100, 3, 1, 1),
    ],
)
def test_a_call_is_as_wide_as_budget_and_free_memory_allow(free, memory_mb, count, lanes, size, monkeypatch):
    monkeypatch.setattr(spread, "is_cpu", lambda devices: False)
    monkeypatch.setattr(spread, "free_bytes", lambda devices: free)
    found = spread.spread(1000, 2**20, 2**17, memory_mb, jax.devices()[:1])
    assert (found.lanes, found.size(count)) == (lanes, size)


def test_devices_get_equal_shares():
    eight = Spread(4, 10, (tuple(jax.devices() * 8),), 1, False)
    assert [eight.size(count) for count in (1, 8, 9, 33, 64, 1000)] == [8, 8, 16, 48, 64, 320]

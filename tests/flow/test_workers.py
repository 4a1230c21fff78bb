"""`alife search --workers` with real processes: killed, left and taken up again, and what is said of bad input."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from alife.cli import run_command
from alife.errors import AlifeError
from alife.replay import replay
from alife.storage import Archive, check_archive, open_archive
from alife.workers import crew as crews
from alife.workers.crew import Crew

from ..storage.contents import content

SEARCH = ["search", "life", "--set", "steps=16", "--set", "img_size=32", "--model", "pixels", "--search", "map_elites"]


def alife(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "alife", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def below(pid: int) -> dict[int, str]:
    """Processes that come from another: number -> name."""
    parents: dict[int, list[int]] = {}
    names: dict[int, str] = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            text = (place / "stat").read_text()
            names[int(place.name)] = (place / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
        parents.setdefault(int(text.rpartition(")")[2].split()[1]), []).append(int(place.name))
    found, new = dict[int, str](), parents.get(pid, [])
    while new:
        found |= {one: names[one] for one in new}
        new = [child for one in new for child in parents.get(one, [])]
    return found


def until(path: Path, count: int, process: subprocess.Popen[str]) -> Archive:
    """The archive, as soon as it holds so many lifeforms."""
    for _ in range(600):
        if (path / "zarr.json").exists() and len(archive := open_archive(path)) >= count:
            return archive
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    raise AssertionError(f"nothing happens at {path}")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_workers_and_who_leads_them_are_killed_and_nothing_is_lost(tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = alife(*SEARCH, "--workers", 2, "--generations", 400, "--out", run)
    begun = until(run, 8, process)
    kept = content(begun)
    worker = next(pid for pid, name in below(process.pid).items() if name.startswith("ray::Islander.work"))
    os.kill(worker, signal.SIGKILL)
    while len(list((run / "islands").glob("?.1"))) < 1:  # its island goes on with another
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    now = until(run, len(kept) + 8, process)
    assert content(now)[: len(kept)] == kept, "read while it is written, what is there stays"
    told = len(now)
    others = below(process.pid)
    process.kill()
    process.wait()
    for _ in range(300):
        if not any(os.path.exists(f"/proc/{pid}") and "ray::Islander" in name for pid, name in others.items()):
            break
        time.sleep(0.1)
    else:
        raise AssertionError("workers outlive who leads them")
    kept = content(open_archive(run))
    assert len(kept) >= told
    again = alife("resume", run, "--generations", 40)
    said = again.communicate()[0]
    assert again.returncode == 0 and "workers were busy" in said, said
    whole = open_archive(run)
    assert content(whole)[: len(kept)] == kept and check_archive(run).ok
    assert all(whole.table()["generation"][whole.island == island].max() >= 30 for island in range(2))
    assert next(iter(replay(whole, [whole.best(1)[0].id]))).verdict == "same bytes"


def test_one_search_for_all_workers(tmp_path: Path) -> None:
    process = alife(*SEARCH, "--workers", 2, "--steady", "--generations", 4, "--out", tmp_path / "run")
    said = process.communicate()[0]
    assert process.returncode == 0 and "2 workers" in said, said
    archive = open_archive(tmp_path / "run")
    assert not archive.on_islands and archive.progress["evaluations"] == 64
    assert next(iter(replay(archive, [0]))).verdict == "same bytes"


class Stub(SimpleNamespace):
    """A Ray that starts nothing."""

    def init(self, **where: Any) -> None:
        self.where = where

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 4.0}

    def wait(self, calls: list[Any], num_returns: int, timeout: float) -> tuple[list[Any], list[Any]]:
        return [], calls

    def shutdown(self) -> None:
        pass


def refused(capsys: pytest.CaptureFixture[str], tmp_path: Path, *options: str) -> str:
    out = tmp_path / "run"
    assert run_command([*SEARCH, "--generations", "1", "--out", str(out), *options]) == 2
    assert not out.exists()
    return capsys.readouterr().err


def test_without_ray_the_extra_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "pip install 'alife[ray]'" in refused(capsys, tmp_path, "--workers", "2")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "nobody answers at 127.0.0.1:1"),
        ("nonsense", "expected HOST:PORT"),
        ("auto", "Ray cannot be used"),
    ],
)
def test_an_address_where_nobody_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))  # nobody else's cluster counts
    error = refused(capsys, tmp_path, "--workers", "2", "--ray", address)
    assert said in error and "Traceback" not in error


def test_options_that_need_workers(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "--workers 2" in refused(capsys, tmp_path, "--steady")
    assert "--workers 2" in refused(capsys, tmp_path, "--ray", "127.0.0.1:1")


@pytest.mark.parametrize(("address", "said"), [(None, "this machine has 3"), ("auto", "the cluster at auto has now 4")])
def test_more_workers_than_cores_are_told_of(monkeypatch: pytest.MonkeyPatch, address: str | None, said: str) -> None:
    monkeypatch.setattr(crews, "core_count", lambda: 3)
    monkeypatch.setattr(crews, "_ray", Stub)
    with pytest.warns(UserWarning, match=f"5 workers, and {said} cores"):
        assert Crew(5, address).cores == 1
    crew = Crew(2, address)
    assert crew.cores == (1 if address is None else 2)


def test_a_search_alone_is_not_taken_up_by_workers(tmp_path: Path) -> None:
    from alife.run import resume_search, run_search

    run_search("life", out=tmp_path / "run", steps=4, generations=1, img_size=32, model="pixels")
    with pytest.raises(AlifeError, match=r"alife search --from .* --workers 2"):
        resume_search(tmp_path / "run", workers=2)


STUBS = {
    "scontrol": "echo 127.0.0.1; echo localhost",
    "hostname": "echo 127.0.0.1",
    "srun": 'while [[ "$1" == --* ]]; do shift; done; exec "$@"',
}
"""What a job of two machines sees of SLURM, where both are this one."""


@pytest.mark.skipif(sys.platform != "linux", reason="SLURM is on Linux")
def test_the_script_for_slurm_searches_and_goes_on(tmp_path: Path) -> None:
    for name, text in STUBS.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{text}\n")
        (tmp_path / name).chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"HOME": str(tmp_path), "TMPDIR": "/tmp", "PORT": str(port), "RUN": str(tmp_path / "run")}
    job = {"SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "2", "SLURM_CPUS_PER_TASK": "1", "SLURM_JOB_NODELIST": "x[1-2]"}
    path = f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    home = os.environ.get("ALIFE_CACHE") or str(Path.home() / ".cache" / "alife")
    environment = {**os.environ, **own, **job, "PATH": path, "ALIFE_CACHE": home}
    script = Path(__file__).resolve().parents[2] / "docs" / "slurm.sh"
    tiny = ["--set", "steps=8", "--set", "img_size=32"]
    for words in (["life", *tiny, "--model", "pixels", "--generations", "3"], ["life", "--generations", "5"]):
        done = subprocess.run(["bash", script, *words], env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
    archive = open_archive(tmp_path / "run")
    assert archive.island_count == 2 and archive.generation == 4
    assert len(archive._stored.stores) == 4  # type: ignore[attr-defined]


def test_it_is_said_when_no_worker_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crews, "_ray", Stub)
    monkeypatch.setattr(crews, "STARTING", 0.0)
    crew = Crew(1)
    with pytest.warns(UserWarning, match="no worker has begun.*ray status"):
        assert crew.done([crews.Call(object(), "future")], 0.1) == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        crew.done([crews.Call(object(), "future")], 0.1)  # once

"""`alife mark`: people say what they think of lifeforms."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alife.cli import run_command
from alife.storage import open_archive
from alife.storage.events import read_events

from .worlds import TINY


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> Path:
    """A small finished run; tests mark a copy of it."""
    place = tmp_path_factory.mktemp("found") / "run"
    assert run_command(["search", "life", "--out", str(place), "--generations", "2", "--search", "random", *TINY]) == 0
    return place


@pytest.fixture
def run(found, tmp_path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(found, tmp_path / "run"))


def mark(capsys, run, *arguments) -> list[str]:
    """The lines that the command prints."""
    capsys.readouterr()
    assert run_command(["mark", str(run), *map(str, arguments)]) == 0
    return capsys.readouterr().out.splitlines()


def test_marks_are_said_shown_and_taken_back(run, capsys):
    assert mark(capsys, run) == ["no lifeform is marked yet"]
    said = mark(capsys, run, 3, 0, "--favourite", "--tag", "glider", "--tag", "small", "--note", "it moves")
    assert said == [f"lifeform {i}: favourite; tags glider small; note: it moves" for i in (3, 0)]
    assert mark(capsys, run, 3, "--no-favourite", "--untag", "small") == ["lifeform 3: tags glider; note: it moves"]
    assert mark(capsys, run, 3, 1) == ["lifeform 3: tags glider; note: it moves", "lifeform 1: nothing yet"]
    assert mark(capsys, run) == [
        "lifeform 0: favourite; tags glider small; note: it moves",
        "lifeform 3: tags glider; note: it moves",
    ]
    assert len(read_events(run)) == 10


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["99", "--favourite"], "there is no lifeform 99; this archive holds 8 (ids 0..7)"),
        (["0", "99", "--tag", "x"], "there is no lifeform 99"),
        (["0", "--note", " "], "note is ' '; expected a text"),
        (["0", "--tag", "two words"], "tag is 'two words'; expected one word"),
        (["0", "--untag", "glidr"], "no tag of lifeform 0 is called 'glidr'; did you mean glider?"),
        (["--favourite"], "no lifeform is named"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input(run, capsys, arguments, said):
    mark(capsys, run, 0, "--tag", "glider")
    assert run_command(["mark", str(run), *arguments]) == 2
    assert said in capsys.readouterr().err
    assert len(read_events(run)) == 1


def test_a_place_that_is_no_run(tmp_path, capsys):
    assert run_command(["mark", str(tmp_path), "0", "--favourite"]) == 2
    assert "expected a run directory" in capsys.readouterr().err


def test_a_damaged_log(run, capsys):
    mark(capsys, run, 0, "--favourite")
    (run / "events/zarr.json").write_text("{}")
    assert run_command(["mark", str(run), "1", "--favourite"]) == 2
    assert f"{run}/events/zarr.json is damaged" in capsys.readouterr().err
    assert len(open_archive(run)[0].frames) and (run / "events/zarr.json").read_text() == "{}"


def test_marks_while_the_search_runs(tmp_path, capsys):
    place = tmp_path / "run"
    command = [sys.executable, "-m", "alife", "search", "life", "--out", str(place), "--generations", "30", *TINY]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not place.exists() or not len(open_archive(place)):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    marks = 0
    while process.poll() is None:
        mark(capsys, place, 0, "--tag", f"t{marks}")
        marks += 1
        time.sleep(0.02)
    assert process.returncode == 0, process.communicate()
    assert marks and [event["value"] for event in read_events(place)] == [f"t{i}" for i in range(marks)]
    assert open_archive(place).generation == 29
    assert run_command(["check-archive", str(place)]) == 0

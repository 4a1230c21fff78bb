"""Runs on object storage through the command line, as on a disk."""

from __future__ import annotations

import pytest

pytest.importorskip("obstore")

from alife.browser.runs import Runs
from alife.cli import run_command
from alife.storage import open_archive
from alife.storage.remote import place_of

SMALL = ["--population", "4", "--frames", "2", "--set", "img_size=32", "--set", "steps=12", "--model", "texture"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_run_from_its_beginning_to_a_film(bucket, tmp_path, capsys):
    run = f"{bucket}/runs/life"
    for command, said in {
        ("search", "life", "--generations", "2", "--out", run, *SMALL): f"8 lifeforms in {run}; the most different",
        ("resume", run, "--generations", "3"): f"alife browse {run} ",
        ("replay", run, "--all"): "12 lifeforms: 12 same bytes",
        ("export", run, "3", "--to", "x.gif", "--size", "32", "--frames", "2"): "wrote x.gif",
        ("export", run, "--to", "sheet.png"): "wrote sheet.png",
        ("export", run, "--to", "page.html"): "wrote page.html",
        ("export", run, "--to", "table.csv"): "wrote table.csv",
        ("check-archive", run, "--full"): f"{run}: 12 lifeforms, up to generation 2: every byte is as it was written",
        ("mark", run, "3", "--favourite"): "lifeform 3: favourite",
        ("find", run, "--like", "3"): "alife export",
        ("search", "--from", f"{run}:3", "--generations", "1", "--out", f"{run}-2", *SMALL): f"4 lifeforms in {run}-2",
        ("search", "life", "--like", run, "--score", "liked", "--generations", "1", "--out", f"{run}-3", *SMALL): "-3",
        ("compare", run, f"{run}-2"): "best score",
        ("merge", run, f"{run}-2", "--out", "both"): "16 lifeforms of life",
    }.items():
        assert run_command(list(command)) == 0, (command, capsys.readouterr())
        assert said in capsys.readouterr().out, command
    assert {"life.png", "life-2.png", "x.gif"} <= {file.name for file in tmp_path.iterdir()}
    assert not (tmp_path / "s3:").exists()
    page = Runs([place_of(run)])
    assert page.galleries[0].about()["path"] == run and page.finder(0) is not None
    assert page.add(place_of(f"{run}-2")) == 1


def test_what_cannot_be_done_there_is_one_line(bucket, capsys):
    run = f"{bucket}/life"
    assert run_command(["search", "life", "--generations", "1", "--out", run, *SMALL]) == 0
    for command, said in {
        ("search", "life", "--out", run): f"{run} exists; give another place",
        ("compact", run): "aws s3 cp --recursive",
        ("check-archive", run, "--repair"): "aws s3 cp --recursive",
        ("browse", f"{run}-2"): "is not a directory",
        ("resume", "s3://no-such-bucket/run"): "there is no such bucket",
        ("search", "life", "--out", "ftp://host/run"): "no store is addressed by ftp://",
    }.items():
        capsys.readouterr()
        assert run_command(list(command)) == 2, command
        error = capsys.readouterr().err.strip()
        assert said in error and error.startswith("error: ") and "\n" not in error, command
    assert open_archive(run).generation == 0

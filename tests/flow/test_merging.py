"""Runs merged into one archive, and archives written anew, from the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from alife.cli import run_command
from alife.storage import open_archive

from .worlds import TINY


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A directory with runs of two seeds, one of another world, and all of them merged."""
    place = tmp_path_factory.mktemp("runs")
    begin = ["search", "life", "--generations", "2", "--search", "random", *TINY]
    for seed in ("1", "2"):
        assert run_command([*begin, "--seed", seed, "--out", str(place / seed)]) == 0
    boids = ["--set", "options.n_boids=24", "--set", "steps=8", "--frames", "2", "--set", "img_size=32"]
    boids += ["--model", "pixels"]
    begin = ["search", "boids", "--generations", "1", "--search", "random", "--population", "4", *boids]
    assert run_command([*begin, "--score", "spacing", "--out", str(place / "boids")]) == 0
    assert (
        run_command(["merge", *(str(place / name) for name in ("1", "2", "boids")), "--out", str(place / "all")]) == 0
    )
    return place


def test_it_says_which_lifeforms_are_whose(place, tmp_path, capsys):
    runs = [str(place / name) for name in ("1", "boids")]
    assert run_command(["merge", *runs, "--out", str(tmp_path / "two")]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        f"merged 2 runs into {tmp_path / 'two'}: 12 lifeforms of life, boids",
        f"  {runs[0]}: now lifeforms 0-7",
        f"  {runs[1]}: now lifeforms 8-11",
    ]
    assert said.err == "note: scores of different kinds cannot be compared: illumination, spacing\n"


def test_a_merged_archive_is_looked_at_like_any_other(place, tmp_path, capsys):
    path, second = str(place / "all"), open_archive(place / "2")
    assert run_command(["replay", path, "9"]) == 0 and "same bytes" in capsys.readouterr().out
    assert run_command(["replay", path, "17"]) == 0 and "same bytes" in capsys.readouterr().out
    for number, target in (
        (["9"], "nine.npz"),
        (["17"], "live.gif"),
        ([], "sheet.png"),
        ([], "table.csv"),
        ([], "page.html"),
    ):
        assert run_command(["export", path, *number, "--to", str(tmp_path / target)]) == 0
    assert run_command(["find", path, "--where", "substrate = life and score > -9"]) == 0
    assert (open_archive(path)[9].genotype == second[1].genotype).all()


def test_a_search_begins_with_a_lifeform_of_it_in_the_world_it_comes_from(place, tmp_path):
    path = place / "all"
    assert run_command(["search", "--from", f"{path}:18", "--generations", "1", "--out", str(tmp_path / "new")]) == 0
    new = open_archive(tmp_path / "new")
    assert new.config["substrate"] == "boids" and (new[0].genotype == open_archive(path)[18].genotype).all()


@pytest.mark.parametrize(
    "command, said",
    [
        (["resume", "PLACE/all"], "was merged from several runs; go on from it with `alife search --from"),
        (["merge", "PLACE/1", "--out", "PLACE/new"], "1 run is given; expected two or more to merge"),
        (["merge", "PLACE/1", "PLACE/2", "--out", "PLACE/all"], "all exists"),
        (["merge", "PLACE/1", "PLACE/3", "--out", "PLACE/new"], "3 is not a directory; expected a run directory"),
        (["compact", "PLACE"], "expected a run directory"),
        (["compact", "PLACE/1", "--level", "40"], "40 is not in the range 1<=x<=22"),
    ],
)
def test_what_cannot_be_done_is_said(place, capsys, command, said):
    assert run_command([part.replace("PLACE", str(place)) for part in command]) == 2
    assert said in capsys.readouterr().err and not (place / "new").exists()


def test_a_compacted_run_goes_on(place, tmp_path, capsys):
    paths = [Path(shutil.copytree(place / "1", tmp_path / name)) for name in ("one", "two")]
    capsys.readouterr()
    assert run_command(["compact", str(paths[0])]) == 0
    assert capsys.readouterr().out.startswith(f"{paths[0]}: ")
    for path in paths:
        assert run_command(["resume", str(path), "--generations", "4"]) == 0
        assert run_command(["check-archive", str(path)]) == 0
    one, two = map(open_archive, paths)
    assert (one.column("score") == two.column("score")).all() and len(one) == 16
    assert all((a.frames == b.frames).all() for a, b in zip(one, two, strict=True))

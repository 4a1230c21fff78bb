"""Whole runs through the command line and the Python API, as a user has them."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time

import imageio.v3 as iio
import numpy as np
import pytest
import zarr

import alife
from alife.cli import run_command
from alife.config import catalog_names
from alife.registry import default_registry
from alife.storage import open_archive

from .worlds import TINY, broken, write


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small search of life rules by illumination."""
    place = tmp_path_factory.mktemp("runs") / "run"
    code = run_command(["search", "life", "--out", str(place), "--generations", "5", "--set", "search.size=8", *TINY])
    assert code == 0
    return place


def test_search_ends_with_a_sheet_and_commands_that_work(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run_command(["search", "life", "--generations", "3", *TINY]) == 0
    said = capsys.readouterr().out
    assert "runs/life-1.png" in said and iio.imread("runs/life-1.png").shape[2] == 3
    suggested = [line.split("#")[0].split() for line in said.splitlines() if line.startswith("  alife ")]
    assert [command[1] for command in suggested] == ["browse", "export", "replay", "resume"]
    for command in suggested[1:3]:
        assert run_command(command[1:]) == 0
    assert (tmp_path / suggested[1][-1]).exists() and suggested[1][-1].endswith(".gif")


def test_the_archive_opens_with_zarr_and_xarray(run):
    xarray = pytest.importorskip("xarray")
    ours = open_archive(run)
    plain = zarr.open(run, mode="r")
    assert np.array_equal(plain["score"][:], ours.column("score"))
    assert plain["frames"].shape == (len(ours), 2, 32, 32, 3)
    labelled = xarray.open_zarr(run)
    assert labelled.frames.dims == ("lifeform", "frame", "y", "x", "rgb")
    assert np.array_equal(labelled.population.values, ours.column("population"))


def test_lineage_points_to_older_lifeforms(run):
    archive = open_archive(run)
    parents = {lifeform.id: [p for p in lifeform.parents if p >= 0] for lifeform in archive}
    assert any(parents.values())
    assert all(p < i for i, known in parents.items() for p in known)
    assert {lifeform.operator for lifeform in archive} == {"sample", "mutate"}


@pytest.mark.parametrize("ending", ["gif", "mp4", "webm", "webp", "png", "npz"])
def test_export_of_one(run, tmp_path, ending):
    target = tmp_path / f"one.{ending}"
    assert run_command(["export", str(run), "0", "--to", str(target), "--size", "64"]) == 0
    if ending == "npz":
        record = np.load(target)
        assert np.array_equal(record["frames"], open_archive(run)[0].frames)
    else:
        assert iio.improps(target, index=... if ending == "webp" else None).shape[-3:-1] == (64, 64)
        pictures = sum(1 for _ in iio.imiter(target))
        assert pictures == (1 if ending == "png" else 8)


def test_export_of_all(run, tmp_path):
    assert run_command(["export", str(run), "--to", str(tmp_path / "sheet.png")]) == 0
    assert run_command(["export", str(run), "--to", str(tmp_path / "table.csv")]) == 0
    rows = list(csv.DictReader((tmp_path / "table.csv").open()))
    archive = open_archive(run)
    assert len(rows) == len(archive)
    assert float(rows[0]["score"]) == pytest.approx(archive[0].score)


def test_resume_with_more_budget_equals_one_long_run(tmp_path):
    how = ["search", "life", "--set", "search.size=8", *TINY]
    assert run_command([*how, "--out", str(tmp_path / "long"), "--generations", "6"]) == 0
    assert run_command([*how, "--out", str(tmp_path / "short"), "--generations", "2"]) == 0
    assert run_command(["resume", str(tmp_path / "short"), "--generations", "6"]) == 0
    long, short = open_archive(tmp_path / "long"), open_archive(tmp_path / "short")
    assert len(long) == len(short)
    assert all(np.array_equal(long.column(n), short.column(n)) for n in long.table())
    assert np.array_equal(zarr.open(tmp_path / "long")["frames"][:], zarr.open(tmp_path / "short")["frames"][:])


def test_interrupt_finishes_the_generation_and_resumes(tmp_path):
    place = tmp_path / "run"
    command = [sys.executable, "-m", "alife", "search", "life", "--out", str(place), "--minutes", "5", *TINY]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not place.exists() or open_archive(place).generation < 1:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 130
    assert f"alife resume {place}" in said
    reached = open_archive(place).generation
    assert run_command(["resume", str(place), "--generations", str(reached + 2)]) == 0
    assert open_archive(place).generation == reached + 1


def test_python_api(tmp_path):
    archive = alife.run_search(
        "life", out=tmp_path / "run", generations=3, population=4, steps=8, frames=2, img_size=32, options={"size": 32}
    )
    assert len(archive) == len(alife.open_archive(tmp_path / "run")) > 4
    best = archive.best(2)
    assert best[0].score >= best[1].score
    one = archive[0]
    assert one.genotype.shape == (1,) and one.frames.shape == (2, 32, 32, 3)
    assert set(one.measures) == set(archive.measures)
    assert [lifeform.id for lifeform in archive.nearest(0, n=3)]


def test_evaluate_genotypes_scores_a_population():
    import jax

    substrate, model = alife.make_substrate("life", size=32), alife.make_model("texture")
    rules = np.array([[6152], [0]], np.int32)
    evaluation = alife.evaluate_genotypes(
        substrate, rules, jax.random.key(0), model=model, score="population", steps=16, frames=2, img_size=32
    )
    assert evaluation.scores[1] == 0 < evaluation.scores[0]
    assert evaluation.frames.shape == (2, 2, 32, 32, 3) and evaluation.valid.all()


@pytest.mark.parametrize("name", catalog_names())
def test_every_world_of_the_catalog_runs(name, tmp_path):
    target = tmp_path / "world.gif"
    assert run_command(["run", name, "--to", str(target), "--set", "steps=6", "--set", "frames=2"]) == 0
    assert np.ptp(iio.imread(target)) > 50, "there is nothing to see"
    assert name not in default_registry().substrates


def test_import_makes_worlds_that_run(tmp_path):
    glider = write(tmp_path / "glider.rle", "#N Glider\nx = 3, y = 3, rule = B3/S23\nbob$2bo$3o!\n")
    assert run_command(["import", "life", str(glider)]) == 0
    (world,) = (tmp_path / "glider").glob("*.toml")
    assert (
        run_command(
            ["run", str(world), "--to", str(tmp_path / "g.gif"), "--frames", "4", "--set", "steps=4", "--size", "32"]
        )
        == 0
    )


def test_list_is_complete_and_machine_readable(capsys):
    assert run_command(["list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    registry = default_registry()
    for kind in ("substrates", "models", "scores", "searches"):
        assert [row["name"] for row in listed[kind]] == list(getattr(registry, kind))
        assert all(row["summary"] for row in listed[kind])
    assert [row["name"] for row in listed["worlds"]] == catalog_names()
    assert not [row for row in listed["plugins"] if row["error"]]


def test_progress_without_a_terminal_is_quiet(tmp_path):
    command = [
        sys.executable,
        "-m",
        "alife",
        "search",
        "life",
        "--out",
        str(tmp_path / "run"),
        "--generations",
        "30",
        *TINY,
    ]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) < 8 and "generation 30" in done.stderr and "\x1b" not in done.stderr


def test_a_run_goes_on_only_with_the_world_it_began_with(tmp_path, capsys):
    plugin = broken(tmp_path / "mine.py", "render_state", "return jnp.full((img_size, img_size, 3), state.mean() / 99)")
    run = str(tmp_path / "run")
    arguments = [
        "--plugin",
        str(plugin),
        "--out",
        run,
        "--generations",
        "1",
        "--population",
        "2",
        "--set",
        "img_size=32",
    ]
    assert run_command(["search", "broken", "--search", "random", *arguments]) == 0

    moved = plugin.rename(tmp_path / "elsewhere.py")
    assert run_command(["resume", run, "--generations", "2"]) == 2
    assert "--plugin FILE" in capsys.readouterr().err
    assert run_command(["resume", run, "--generations", "2", "--plugin", str(moved)]) == 0
    assert run_command(["replay", run, "0", "--plugin", str(moved)]) == 0
    assert run_command(["export", run, "0", "--to", str(tmp_path / "o.gif"), "--plugin", str(moved)]) == 0

    moved.write_text(moved.read_text().replace("/ 99", "/ 50"))
    assert run_command(["resume", run, "--generations", "3", "--plugin", str(moved)]) == 2
    assert "other code" in capsys.readouterr().err
    assert run_command(["replay", run, "0", "--plugin", str(moved)]) == 1
    assert "substrate source" in capsys.readouterr().out
    assert open_archive(run).generation == 1
    assert run_command(["resume", run, "--generations", "3", "--plugin", str(moved), "--anyway"]) == 0


def test_a_spent_budget_is_said(run, capsys):
    assert run_command(["resume", str(run)]) == 0
    assert "nothing to do" in capsys.readouterr().out

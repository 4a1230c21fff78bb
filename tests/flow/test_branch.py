"""A search that begins with lifeforms of another run, and the same search with several seeds."""

from __future__ import annotations

import numpy as np
import pytest

from alife.cli import run_command
from alife.storage import open_archive

TINY = ["--population", "4", "--set", "steps=8", "--frames", "2", "--set", "options.n_boids=24", "--model", "pixels"]
TINY += ["--set", "img_size=32"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("branch") / "run"
    command = ["search", "boids", "--search", "random", "--score", "spacing", "--generations", "3", *TINY]
    assert run_command([*command, "--out", str(place)]) == 0
    return place


def test_from_one_lifeform_in_the_world_it_comes_from(run, tmp_path):
    assert run_command(["search", "--from", f"{run}:5", "--search", "Sep_CMA_ES", "--out", str(tmp_path / "new")]) == 0
    origin, new = open_archive(run), open_archive(tmp_path / "new")
    assert np.array_equal(new[0].genotype, origin[5].genotype)
    assert new.config["origin"] == f"{run}:5" and new.config["steps"] == 8 and new.config["score"] == "spacing"
    assert new.generation == origin.generation, "its budget goes with it"
    assert new[0].operator == "given" and new[1].operator == "distribution"


def test_from_the_best_of_a_run(run, tmp_path):
    assert (
        run_command(["search", "boids", "--from", str(run), "--generations", "1", *TINY, "--out", str(tmp_path / "n")])
        == 0
    )
    origin, new = open_archive(run), open_archive(tmp_path / "n")
    assert np.array_equal([x.genotype for x in new], [x.genotype for x in origin.best(4)])
    assert run_command(["resume", str(tmp_path / "n"), "--generations", "2"]) == 0


@pytest.mark.parametrize(
    "command, said",
    [
        (["--from", "RUN:99"], "there is no lifeform 99"),
        (["--from", "RUN:0,1,2,3,4"], "at most the 4 of a generation"),
        (["--from", "RUN:five"], "'five' is no lifeform's number"),
        (["--from", "nowhere"], "nowhere"),
        (["life", "--from", "RUN"], "expected the same substrate"),
        (["boids", "--from", "RUN", "--set", "options.n_boids=8"], "expected"),
    ],
)
def test_what_cannot_be_begun_with_is_refused(run, tmp_path, capsys, command, said):
    command = [part.replace("RUN", str(run)) for part in command]
    assert run_command(["search", *command, "--out", str(tmp_path / "no")]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "no").exists()


def test_repeat_takes_the_next_seed_each_time(run, tmp_path, capsys):
    command = ["search", "boids", "--repeat", "2", "--seed", "7", "--generations", "1", *TINY]
    assert run_command([*command, "--out", str(tmp_path / "mine")]) == 0
    one, two = open_archive(tmp_path / "mine-7"), open_archive(tmp_path / "mine-8")
    assert (one.config["seed"], two.config["seed"]) == (7, 8)
    assert not np.array_equal(one[0].genotype, two[0].genotype)
    assert f"alife compare {tmp_path}/mine-7 {tmp_path}/mine-8" in capsys.readouterr().out

"""`alife plan`, searches that would not fit, and `alife bench --breakdown`."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from alife import breakdown, fit
from alife.breakdown import Parts, measure
from alife.cli import run_command
from alife.config import load_world
from alife.fit import require_fit
from alife.lesser import Empty, Unseen, blinded
from alife.registry import default_registry
from alife.run import Setup
from alife.storage import open_archive

from .test_bad_input import refused
from .test_readme import ROOT, commands
from .worlds import TINY

REFUSAL = r"needs .* if all worlds are kept \(12 times .*\), and 1.0 kB are free for .*--out, or say --anyway"


@pytest.fixture
def hurry(monkeypatch):
    """Plans are made in a blink."""
    original = measure
    monkeypatch.setattr("alife.plan.measure", lambda setup, seconds: original(setup, 0.2))
    monkeypatch.setattr(breakdown, "measure", lambda setup: original(setup, 0.2))


def setup(**changes) -> Setup:
    registry = default_registry()
    small = {"steps": 8, "frames": 2, "img_size": 32, "options": {"size": 32}, "model": "pixels", "population": 4}
    return Setup(load_world("life", registry.horizons, **{**small, **changes}), registry)


def test_a_plan_for_people(hurry, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_command(["plan", "life", "--generations", "50", *TINY]) == 0
    said = capsys.readouterr().out
    for word in ("compiling", "50 generations", "memory", "disk", "200 lifeforms at most", "efficiency", "measured:"):
        assert word in said
    for part in ("simulate", "render", "embed", "score", "search", "archive", "overhead"):
        assert re.search(rf"{part} [\d.]+ %", said)
    assert not list(tmp_path.iterdir()), "nothing is left behind"


def test_a_plan_for_programs_adds_up(hurry, capsys):
    options = ["--evaluations", "10", "--sample", "1", "--devices", "6", "--json"]
    assert run_command(["plan", "life", *options, *TINY]) == 0
    found = json.loads(capsys.readouterr().out)
    time, memory, disk = found["time"], found["memory"], found["disk"]
    assert time["generations"] == 3 and sum(time["shares"].values()) == pytest.approx(1)
    assert time["run_s"] == pytest.approx(time["compile_s"] + 3 * time["generation_s"])
    parts = ("process", "worlds", "generation", "embeddings")
    assert memory["expected_bytes"] == sum(memory[f"{part}_bytes"] for part in parts)
    assert disk["lifeforms_at_most"] == 12 and disk["kept_share"] == 1
    assert disk["expected_bytes"] > 12 * disk["lifeform_bytes"] > 0
    assert [row["number"] for row in found["shared"]] == [1, 2, 4, 6]
    alone, *more = (row["devices_s"] for row in found["shared"])
    assert all(alone / row["number"] <= row["devices_s"] for row in found["shared"]) and max(more) <= alone
    assert found["shared"][-1]["workers_s"] <= found["shared"][-1]["devices_s"]


def test_a_slow_world_is_measured_in_part():
    """What is left out counts as much as what is run: here far more than the time to be spent."""
    found = measure(setup(population=64, steps=2**20), 0.2)
    assert found.worlds < 64 and found.steps < 2**20
    assert found.parts.simulate > 1 and found.parts.shares["simulate"] > 0.9


def test_a_fast_world_is_measured_whole():
    found = measure(setup(sample=1.0), 1.0)
    assert (found.worlds, found.steps) == (4, 8) and found.generations >= 3
    assert found.disk.kept == 1 and found.disk.lifeform > 100


def test_clips_have_a_time_of_their_own():
    assert measure(setup(clip=4, sample=1.0), 0.2).parts.clips > 0
    assert measure(setup(), 0.2).parts.clips == 0


def test_a_search_that_soon_ends_is_measured_by_what_it_did():
    ends = setup()
    ends.finished = lambda state: True
    assert measure(ends, 0.1).generations == 1


def test_shares_and_what_devices_divide():
    parts = Parts(simulate=4, render=2, embed=1, score=1, ask=0, tell=0, archive=1, clips=1, overhead=0)
    assert parts.total == 10 and parts.worlds == 8 and parts.shares["render"] == 0.2


def test_lesser_programs_lack_what_they_should():
    whole = setup().pipeline.evaluator
    genotypes = np.array([[6152]], np.int32)  # the rule of Life
    keys = setup().generation_key[None]
    seen = whole.observe(genotypes, keys)
    blind, unseen, empty = blinded(whole), blinded(whole, Unseen), blinded(whole, Empty)
    assert np.array_equal(blind.observe(genotypes, keys).frames, seen.frames) and seen.frames.any()
    assert not unseen.observe(genotypes, keys).frames.any()
    assert unseen.observe(genotypes, keys).measures == blind.observe(genotypes, keys).measures
    assert not empty.observe(genotypes, keys).measures
    assert {program.lanes for program in (blind, unseen, empty)} == {whole.lanes}


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["plan", "lena"], "did you mean lenia"),
        (["plan", "life", "--population", "0"], "population is 0; expected"),
        (["plan", "life", "--devices", "0"], "0 is not in the range"),
        (["plan", "life", "--search", "illuminat"], "did you mean illuminate"),
        (["bench", "--breakdown", "orbum"], "did you mean orbium"),
        (["bench", "--breakdown", "--scale", "life"], "at most one"),
    ],
    ids=" ".join,
)
def test_wrong_words(arguments, said, capsys):
    assert said in refused(capsys, *arguments)


def search(place, *more) -> int:
    return run_command(["search", "life", "--out", str(place), "--generations", "3", *more, *TINY])


def test_an_ordinary_search_is_not_asked_about(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("click.confirm", lambda *args, **kwargs: asked.append(args))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    assert search(tmp_path / "run") == 0 and not asked


def test_without_a_terminal_it_is_refused_and_nothing_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fit, "free_disk", lambda place: 1000)
    place = tmp_path / "run"
    arguments = ["search", "life", "--out", str(place), "--generations", "3", *TINY]
    assert re.search(REFUSAL, refused(capsys, *arguments))
    assert not list(tmp_path.iterdir())
    assert search(place, "--anyway") == 0 and open_archive(place).generation == 2


@pytest.mark.parametrize("answer", [True, False])
def test_on_a_terminal_it_asks(answer, tmp_path, monkeypatch):
    import click

    questions = []

    def confirm(text: str, abort: bool, err: bool) -> None:
        questions.append(text)
        if not answer:
            raise click.Abort

    monkeypatch.setattr(fit, "free_memory", lambda: 1000)
    monkeypatch.setattr(click, "confirm", confirm)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    place = tmp_path / "run"
    assert search(place) == (0 if answer else 130)
    (question,) = questions
    assert "1.0 kB are" in question and question.endswith("go on?")
    assert place.exists() == answer


def test_the_check_is_made_of_shapes_alone(monkeypatch):
    made = setup()
    made.pipeline.evaluator.shapes  # noqa: B018
    monkeypatch.setattr("alife.evaluate.Evaluator.observe", lambda *_, **__: pytest.fail("worlds were run"))
    require_fit(Path("runs/one"))(made)


def test_bench_says_where_a_generation_goes(hurry, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("os.sched_setaffinity", lambda *_: None, raising=False)
    monkeypatch.setattr("alife.bench.calibration", lambda: [("matmul 2048", 70.0)])
    world = tmp_path / "small.toml"
    world.write_text(
        'substrate = "life"\nsteps = 8\nframes = 2\nimg_size = 32\nmodel = "pixels"\npopulation = 4\n'
        "[options]\nsize = 32\n"
    )
    assert run_command(["bench", "--breakdown", str(world)]) == 0
    said = capsys.readouterr().out
    assert "small: a generation of 4 worlds of 8 steps" in said
    for part in ("simulate", "render", "embed"):
        assert re.search(rf"{part} +[\d.]+ ms +[\d.]+ % +floor +[\d.]+ ms \(.* GFLOP, .* GB\): +[\d.]+ times", said)


def test_commands_of_the_page_run(hurry, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.sched_setaffinity", lambda *_: None, raising=False)
    monkeypatch.setattr("alife.bench.calibration", lambda: [("matmul 2048", 70.0)])
    found = commands((ROOT / "docs/planning.md").read_text("utf-8"))
    assert [command[0] for command in found] == ["plan", "search", "bench"]
    for command in found:
        less = [] if command[0] == "bench" else ["--population", "4", "--frames", "2", "--set", "steps=8"]
        assert run_command([*command, *less]) == 0, (command, capsys.readouterr())

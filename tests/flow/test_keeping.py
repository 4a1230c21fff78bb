"""Searches that keep more than their elites' frames: states, clips, peaks, and a share of everything."""

from __future__ import annotations

import numpy as np
import pytest

from alife.cli import run_command
from alife.config import RunConfig, from_json
from alife.memory import Memory
from alife.storage import open_archive

from .worlds import TINY, broken

SEARCH = ["search", "life", "--set", "search.size=8", *TINY]
ALL = ["--keep-states", "--clip", "4", "--peak", "activity", "--sample", "0.4"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs that differ only in what they keep."""
    place = tmp_path_factory.mktemp("runs")
    for name, kept in (("few", []), ("all", ALL)):
        assert run_command([*SEARCH, "--out", str(place / name), "--generations", "5", *kept]) == 0
    return open_archive(place / "few"), open_archive(place / "all")


def test_the_search_does_not_notice_the_sample(runs):
    few, everything = runs
    elite = everything.column("elite")
    assert few.column("elite").all() and not elite.all()
    for name in ("score", "evaluation", "seed", "generation", "operator", *few.measures):
        assert np.array_equal(few.column(name), everything.column(name)[elite])
    for one, other in zip(few, (everything[int(i)] for i in np.flatnonzero(elite)), strict=True):
        assert np.array_equal(one.genotype, other.genotype) and np.array_equal(one.frames, other.frames)
    dim = few[0].embedding.shape[1]
    for name in ("coverage", "count"):
        assert getattr(Memory(few, dim), name) == getattr(Memory(everything, dim), name)


def test_the_sample_holds_its_share_of_everything(runs):
    everything = runs[1]
    drawn, evaluations = everything.column("sampled").sum(), everything.progress["evaluations"]
    assert abs(drawn / evaluations - 0.4) < 4 * np.sqrt(0.4 * 0.6 / evaluations)
    assert (everything.column("elite") | everything.column("sampled")).all()


def test_states_clip_and_peak_of_a_lifeform_agree_with_its_frames(runs):
    for lifeform in runs[1]:
        assert np.array_equal(lifeform.clip[1::2], lifeform.frames)  # 4 of 8 steps, and 2
        assert np.array_equal(255 * lifeform.states["state"], lifeform.frames[..., 0])  # size 32 in 32 pixels
        assert lifeform.peak.value >= lifeform.measures["activity"] and 1 <= lifeform.peak.step <= 8
        if lifeform.peak.step in (2, 4, 6, 8):
            assert np.array_equal(lifeform.peak.frame, lifeform.clip[lifeform.peak.step // 2 - 1])


def test_a_resumed_run_keeps_the_same(runs, tmp_path):
    assert run_command([*SEARCH, "--out", str(tmp_path / "run"), "--generations", "2", *ALL]) == 0
    assert run_command(["resume", str(tmp_path / "run"), "--generations", "5"]) == 0
    resumed, whole = open_archive(tmp_path / "run"), runs[1]
    assert all(np.array_equal(resumed.column(name), whole.column(name)) for name in whole.table())
    for one, other in zip(resumed, whole, strict=True):
        assert np.array_equal(one.clip, other.clip) and np.array_equal(one.states["state"], other.states["state"])
        assert np.array_equal(one.peak.frame, other.peak.frame)


def test_code_that_does_not_decide_may_change_and_is_recorded(tmp_path, monkeypatch):
    run = str(tmp_path / "run")
    assert run_command([*SEARCH, "--out", run, "--generations", "2"]) == 0
    monkeypatch.setattr("alife.provenance.platform.python_version", lambda: "4.0")
    assert run_command(["resume", run, "--generations", "4"]) == 0
    archive = open_archive(run)
    assert [origin["provenance"]["versions"]["python"] for origin in archive.origins][1:] == ["4.0"]
    assert np.array_equal(archive.column("origin"), archive.column("generation") >= 2)


def test_dead_worlds_are_in_the_sample_and_nowhere_else(tmp_path, capsys):
    """NaN from the start, everywhere: the run says so, and a sample of it is kept."""
    plugin = broken(tmp_path / "dead.py", "render_state", "return jnp.full((img_size, img_size, 3), jnp.nan)")
    arguments = ["--plugin", str(plugin), "--generations", "2", "--population", "4", "--set", "img_size=32"]
    run = tmp_path / "run"
    assert run_command(["search", "broken", "--search", "random", "--sample", "1", "--out", str(run), *arguments]) == 0
    assert "holds no lifeform: 8 worlds gave NaN" in capsys.readouterr().out
    archive = open_archive(run)
    assert len(archive) == 8 and archive.best(3) == [] and not archive.column("valid").any()
    assert (archive.column("score") == -np.inf).all() and archive.column("sampled").all()


def test_what_a_line_says_is_kept_is_what_the_search_keeps(tmp_path, capsys):
    assert run_command([*SEARCH, "--out", str(tmp_path / "run"), "--generations", "3", "--sample", "0.5"]) == 0
    said = capsys.readouterr()
    elite = open_archive(tmp_path / "run").column("elite")
    assert f"{elite.sum()} kept" in said.err
    assert f"{elite.sum()} lifeforms and {(~elite).sum()} more in the sample" in said.out


def test_a_configuration_from_before_keeps_what_it_kept():
    known = RunConfig("life", 8).as_json()
    older = {key: value for key, value in known.items() if key not in ("clip", "keep_states", "peak", "sample")}
    assert from_json(older).as_json() == known


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--clip", "9"], "clip is 9, more than the 8 steps"),
        (["--clip", "-1"], "clip is -1; expected a whole number from 0"),
        (["--peak", "activty"], "no measure is called 'activty'; did you mean activity?"),
        (["--sample", "1.5"], "sample is 1.5; expected a share of the worlds, from 0 to 1"),
        (["--sample", "nan"], "sample is nan; expected"),
        (["--set", "keep_states=3"], "keep_states is 3; expected true or false"),
    ],
)
def test_wrong_wishes_are_refused_before_anything_runs(capsys, tmp_path, arguments, said):
    assert run_command([*SEARCH, "--out", str(tmp_path / "run"), "--generations", "1", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()

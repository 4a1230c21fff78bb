"""When a run stops: by its budget, because nothing better comes, or because it is good enough."""

from __future__ import annotations

import numpy as np
import pytest

from alife.budget import START, advance, left, why_stop
from alife.config import RunConfig
from alife.errors import BadOption
from alife.run import resume_search, run_search
from alife.testing.spaces import evaluation

TINY = {
    "steps": 8,
    "frames": 2,
    "model": "pixels",
    "population": 4,
    "options": {"size": 32},
    "search": {"name": "random"},
}


def after(*generations, finished=False):
    progress = dict(START)
    for scores in generations:
        scores = np.array(scores, np.float32)
        progress = advance(progress, evaluation(scores, valid=np.isfinite(scores)), 1.5, finished)
    return progress


def test_counters():
    progress = after([1.0, np.nan], [0.5, 0.5], [2.0, 1.0], [2.0, 0.0])
    assert progress == {"seconds": 6.0, "evaluations": 8, "invalid": 1, "best": 2.0, "stale": 1, "finished": False}
    assert after([np.nan])["best"] is None


@pytest.mark.parametrize(
    "limits, progress, reason",
    [
        ({"generations": 4}, after([1.0]), ""),
        ({"generations": 1}, after([1.0]), "the budget is spent: 1 generations, 1 worlds"),
        ({"evaluations": 2}, after([1.0, 1.0]), "the budget is spent"),
        ({"minutes": 0.02}, after([1.0]), "the budget is spent"),
        ({"generations": 9, "target": 1.5}, after([1.0]), ""),
        ({"generations": 9, "target": 1.5}, after([1.5]), "has reached the target 1.5"),
        ({"generations": 9, "patience": 2}, after([1.0], [1.0]), ""),
        ({"generations": 9, "patience": 2}, after([1.0], [0.0], [1.0]), "has not risen for 2 generations"),
        ({"generations": 9}, after([1.0], finished=True), "nothing more to try"),
    ],
)
def test_why_a_run_stops(limits, progress, reason):
    said = why_stop(RunConfig("life", 10, **limits), 1, progress)
    assert reason in said and bool(said) == bool(reason)


def test_share_of_the_budget_that_is_left():
    assert left(RunConfig("life", 10, evaluations=8), 1, after([1.0, 1.0])) == 0.75


@pytest.mark.parametrize(
    "key, value", [("patience", 0), ("patience", 1.5), ("target", float("nan")), ("target", "high")]
)
def test_bad_limits_are_refused(key, value):
    with pytest.raises(BadOption, match=key):
        RunConfig("life", 10, **{key: value})


def test_a_run_that_does_not_get_better_stops_and_can_be_given_more_patience(tmp_path):
    archive = run_search("life", out=tmp_path / "run", score="0*population", generations=50, patience=3, **TINY)
    assert archive.generation == 3  # the first is better than nothing, then three are not
    assert resume_search(tmp_path / "run").generation == 3
    assert resume_search(tmp_path / "run", budget={"patience": 5}).generation == 5
    assert (
        run_search("life", out=tmp_path / "aim", score="1+0*population", generations=9, target=1, **TINY).generation
        == 0
    )

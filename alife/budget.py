"""How long a run goes on: counters, budgets and reasons to stop early."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .config import BUDGETS, RunConfig, replace
from .errors import BadOption
from .types import Evaluation

START: Mapping[str, Any] = {"seconds": 0.0, "evaluations": 0, "invalid": 0, "best": None, "stale": 0, "finished": False}
"""The counters of a run before its first generation."""

ENDLESS = 2**31 - 1
"""More generations than any run has: whoever leads it ends it by other means."""


def without_end(config: RunConfig, generations: int) -> RunConfig:
    """The same run, which only this number of generations ends.

    >>> without_end(RunConfig("life", 10, minutes=1, patience=3), 5).patience
    """
    return replace(config, generations=generations, patience=None, target=None)


def advance(progress: Mapping[str, Any], evaluation: Evaluation, seconds: float, finished: bool) -> dict[str, Any]:
    """The run's counters after one more generation.

    Args:
        progress: the counters before it.
        evaluation: of the generation.
        seconds: that it took.
        finished: whether the search has nothing more to try.
    """
    scores = np.asarray(evaluation.scores)[np.asarray(evaluation.valid)]
    before, best = progress["best"], float(scores.max()) if scores.size else None
    rose = best is not None and (before is None or best > before)
    return {
        "seconds": progress["seconds"] + seconds,
        "evaluations": progress["evaluations"] + len(evaluation.scores),
        "invalid": progress["invalid"] + int(np.sum(~np.asarray(evaluation.valid))),
        "best": best if rose else before,
        "stale": 0 if rose else progress["stale"] + 1,
        "finished": finished,
    }


def why_stop(config: RunConfig, generations: int, progress: Mapping[str, Any]) -> str:
    """Why a run should go no further, in words; empty = it should.

    >>> why_stop(RunConfig("life", 10, generations=5), 5, {**START, "evaluations": 80})
    'the budget is spent: 5 generations, 80 worlds, 0.0 minutes'
    """
    early = why_early(config, progress)
    if not early and left(config, generations, progress) == 0:
        minutes = progress["seconds"] / 60
        return (
            f"the budget is spent: {generations} generations, {progress['evaluations']} worlds, {minutes:.1f} minutes"
        )
    return early


def why_early(config: RunConfig, progress: Mapping[str, Any]) -> str:
    """Why a run should stop although its budget may not be spent; empty = it should not.

    >>> why_early(RunConfig("life", 10, generations=5, patience=3), {**START, "stale": 3})
    'the best score has not risen for 3 generations (patience)'
    """
    best = progress["best"]
    if progress["finished"]:
        return "the search has nothing more to try"
    if config.target is not None and best is not None and best >= config.target:
        return f"the best score, {best:.4g}, has reached the target {config.target:g}"
    if config.patience is not None and progress["stale"] >= config.patience:
        return f"the best score has not risen for {progress['stale']} generations (patience)"
    return ""


def left(config: RunConfig, generations: int, progress: Mapping[str, Any]) -> float:
    """Share of the budget that is left, in [0, 1]."""
    spent = {"generations": generations, "evaluations": progress["evaluations"], "minutes": progress["seconds"] / 60}
    for name in BUDGETS:
        budget = getattr(config, name)
        if budget is not None:
            return max(0.0, 1 - spent[name] / budget)
    raise BadOption("the run has no budget; expected generations, evaluations or minutes")


def seconds_left(config: RunConfig, generations: int, progress: Mapping[str, Any]) -> float:
    """How long the rest of the budget takes when it goes on as before; 0 for a run that goes no further.

    >>> seconds_left(RunConfig("life", 10, generations=4), 1, {**START, "seconds": 10.0})
    30.0
    """
    if why_stop(config, generations, progress):
        return 0.0
    share = left(config, generations, progress)
    return progress["seconds"] * share / (1 - share) if share < 1 else 0.0

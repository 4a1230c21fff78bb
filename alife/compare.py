"""Runs side by side: best score, coverage, QD-score and novelty over the worlds evaluated, seeds put together.

```
compare_read:    paths -> runs and their lifeforms
compare_groups:  -> groups of runs that differ in nothing but the seed, labels, notes
compare_figures: -> cells common to all runs -> curves of every run
here:            -> median and quartiles of every group -> table, file; compare_plot: picture
```

Only lifeforms count: an archive holds what its search kept, and nothing is known of the worlds that it did not keep.
"""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from .compare_figures import FIGURES, cells_of, run_curves
from .compare_groups import group_runs, remarks
from .compare_read import Found, find_runs, read_run
from .storage.media import check_target, whole_file
from .storage.remote import RemotePath

POINTS = 200
"""Evaluation numbers at which curves are drawn."""
EXACT = 200_000
"""Ways of dealing runs out to two groups, up to which all of them are tried."""


class Group(NamedTuple):
    """Runs that differ in nothing but the seed and the budget."""

    label: str
    runs: tuple[Found, ...]
    curves: Mapping[str, Float[np.ndarray, "S E"]]
    """Each of `FIGURES` for every run at every point; NaN before anything is found and after the run's end."""

    @property
    def end(self) -> int:
        """How many worlds all of its runs have evaluated."""
        return min(run.evaluations for run in self.runs)

    def quartiles(self, figure: str) -> Float[np.ndarray, "3 E"]:
        """Lower quartile, median and upper quartile over the runs; NaN where one of them has no value."""
        return np.quantile(self.curves[figure], [0.25, 0.5, 0.75], axis=0)


class Comparison(NamedTuple):
    """Groups of runs, all measured with the same cells at the same evaluation numbers."""

    groups: list[Group]
    points: Int[np.ndarray, " E"]
    """Worlds evaluated."""
    stages: tuple[int, ...]
    """Points to be told of: one third, two thirds and all of what every run has evaluated."""
    cells: str
    """The cells, in words."""
    comparable: frozenset[str]
    """Those of `FIGURES` in which one group can be said to be better than another."""
    notes: tuple[str, ...]
    """What a reader of the numbers must know."""

    def at(self, stage: int) -> int:
        """The place of an evaluation number among the points."""
        return int(np.searchsorted(self.points, stage))


def compare_runs(
    paths: Sequence[str | Path | RemotePath], *, axes: Sequence[str] = (), cells: int | None = None
) -> Comparison:
    """Measure runs against each other.

    Args:
        paths: of run directories, or patterns such as `runs/lenia-*`.
        axes: one or two measures that all runs have; cells are then boxes between their least and greatest values, 32
            along each axis.  None = cells of looks: a tessellation of all runs' last-frame embeddings.
        cells: of that tessellation; None = 256, or one for every four lifeforms where these are fewer.

    Raises:
        ArchiveError: a path that holds no archive, or an archive without lifeforms.
        BadOption: no runs, cells below 1, more than two axes, or models that differ where looks are to be compared.
        UnknownName: an axis that is not a measure of every run.
    """
    runs = [read_run(path) for path in find_runs(paths)]
    indices, count, words = cells_of(runs, axes, cells)
    stages, points = _points([run.evaluations for run in runs])
    lowest = min(float(run.score.min()) for run in runs)
    named = group_runs(runs)
    spoiled, notes = remarks([members for _, members in named])
    curves = {
        run.path: run_curves(run, index, count, lowest, points, looks="novelty" not in spoiled)
        for run, index in zip(runs, indices, strict=True)
    }
    groups = [
        Group(label, tuple(own), {name: np.stack([curves[run.path][name] for run in own]) for name in FIGURES})
        for label, own in named
    ]
    comparable = frozenset(FIGURES) - spoiled if len(groups) > 1 else frozenset[str]()
    return Comparison(groups, points, stages, words, comparable, tuple(notes))


def _points(evaluations: Sequence[int]) -> tuple[tuple[int, ...], Int[np.ndarray, " E"]]:
    """Evaluation numbers to tell of, and all those at which curves have a value."""
    common = min(evaluations)
    stages = tuple(sorted({max(1, common * part // 3) for part in (1, 2, 3)}))
    even = np.linspace(1, max(evaluations), POINTS).round().astype(int)
    return stages, np.unique(np.concatenate([even, evaluations, stages]))


def mann_whitney(a: Float[np.ndarray, " m"], b: Float[np.ndarray, " n"]) -> float:
    """How often two groups that do not differ would have ranks at least as unequal as these: p, two-sided, in [0, 1].

    Exact, ties included, up to 200,000 ways of dealing the runs out; by the normal approximation beyond.

    Source: Mann and Whitney 1947 (doi:10.1214/aoms/1177730491).

    >>> mann_whitney(np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0]))  # 2 of 20 ways are as unequal
    0.1
    """
    from scipy.stats import mannwhitneyu, rankdata

    ranks = rankdata(np.concatenate([a, b]))
    if math.comb(len(ranks), len(a)) > EXACT:
        return float(mannwhitneyu(a, b).pvalue)
    middle = len(a) * (len(ranks) + 1) / 2
    sums = np.array([sum(dealt) for dealt in itertools.combinations(ranks.tolist(), len(a))])
    return float(np.mean(np.abs(sums - middle) >= abs(ranks[: len(a)].sum() - middle) - 1e-9))


def significance(comparison: Comparison) -> dict[str, float]:
    """p of best and coverage where every run got to, for two groups of three runs and more; else empty."""
    groups, end = comparison.groups, comparison.at(comparison.stages[-1])
    if len(groups) != 2 or min(len(group.runs) for group in groups) < 3:
        return {}
    told: dict[str, float] = {}
    for figure in [name for name in ("best", "coverage") if name in comparison.comparable]:
        a, b = (group.curves[figure][:, end] for group in groups)
        told[figure] = mann_whitney(a, b) if np.isfinite([*a, *b]).all() else math.nan
    return told


def write_curves(comparison: Comparison, target: Path) -> None:
    """All curves as a .csv file: a row for every group and point that its runs have all got to.

    Raises:
        BadOption: another ending, or a place that cannot be written to.
    """
    check_target(target, (".csv",))
    names = [f"{figure}{suffix}" for figure in FIGURES for suffix in ("_q1", "", "_q3")]
    with whole_file(target) as place, place.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["group", "runs", "evaluations", *names])
        for group in comparison.groups:
            rows = np.concatenate([group.quartiles(figure) for figure in FIGURES]).T
            for point, row in zip(comparison.points.tolist(), rows.tolist(), strict=True):
                if point <= group.end:
                    values = ["" if math.isnan(value) else f"{value:.7g}" for value in row]
                    table.writerow([group.label, len(group.runs), point, *values])

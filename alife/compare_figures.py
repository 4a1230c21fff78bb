"""What runs have reached after so many worlds, and the cells, the same for all runs, that it is counted in.

After e evaluations a run has found the lifeforms with evaluation numbers below e, and has

- best: the highest score among them;
- coverage: the share of cells, the same for all runs compared, that at least one of them lies in;
- QD-score: the sum over those cells of the best score in the cell, less the lowest score of any run compared;
- novelty: the mean, over all of them, of 1 - cosine to the nearest other one, by their last frames.

More is better in all four.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from .compare_read import Found
from .errors import BadOption, UnknownName

FIGURES = {"best": "best score", "coverage": "coverage", "qd_score": "QD-score", "novelty": "novelty"}
"""What is compared, and what people call it."""
CELLS, LIFEFORMS_PER_CELL, SAMPLES_PER_CELL = 256, 4, 16
"""Of the tessellation: cells; lifeforms that there should be for each, else there are fewer cells; lifeforms for each
that it is made from."""
BINS = 32
"""Cells along one axis of a grid."""
QUERIES = 2048
"""Lifeforms of a run whose nearest others are looked for; more would change their mean by a percent or two."""
BLOCK = 4096
"""Lifeforms compared at a time."""


def run_curves(
    run: Found, cell: Int[np.ndarray, " n"], count: int, lowest: float, points: Int[np.ndarray, " E"], *, looks: bool
) -> dict[str, Float[np.ndarray, " E"]]:
    """The figures of one run at every point; NaN where it has none.

    Args:
        run: its lifeforms.
        cell: that each of them lies in.
        count: of all cells.
        lowest: score of any run compared, from which scores in cells are counted.
        points: numbers of worlds evaluated.
        looks: whether novelty compares with that of the other runs; else it is not worked out.
    """
    found = np.searchsorted(run.evaluation, points)  # lifeforms with lower evaluation numbers
    first = np.zeros(len(cell))
    first[np.unique(cell, return_index=True)[1]] = 1
    curves = {
        "best": np.append(np.nan, np.maximum.accumulate(run.score))[found],
        "coverage": np.append(0, np.cumsum(first))[found] / count,
        "qd_score": np.append(0, np.cumsum(qd_gains(cell, run.score, lowest)))[found],
        "novelty": novelty(run.z, found) if looks else np.full(len(points), np.nan),
    }
    return {name: np.where(points <= run.evaluations, curve, np.nan) for name, curve in curves.items()}


def qd_gains(cell: Int[np.ndarray, " n"], score: Float[np.ndarray, " n"], lowest: float) -> Float[np.ndarray, " n"]:
    """By how much each lifeform in turn raises the QD-score.

    >>> qd_gains(np.array([0, 1, 0, 0]), np.array([2.0, 1.0, 1.0, 5.0]), lowest=1.0).tolist()
    [1.0, 0.0, 0.0, 3.0]
    """
    best: dict[int, float] = {}
    gains = np.zeros(len(cell))
    for i, (place, value) in enumerate(zip(cell.tolist(), score.tolist(), strict=True)):
        before = best.get(place, lowest)
        if value > before:
            best[place], gains[i] = value, value - before
    return gains


def novelty(z: Float[np.ndarray, "n D"], found: Int[np.ndarray, " E"]) -> Float[np.ndarray, " E"]:
    """Mean of 1 - cosine to the nearest other one, over the first so many lifeforms: in [0, 2], higher is better.

    NaN below two lifeforms.  Of a run with more than 2,048 the mean is over so many, spread evenly through it, each
    compared with all that had been found by then.

    Args:
        z: unit vectors in the order in which they were found.
        found: how many there were, for every point; ascending.

    >>> novelty(np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]), np.array([1, 2, 3])).round(2).tolist()
    [nan, 1.0, 0.27]
    """
    asked = _spread(len(z), QUERIES)
    nearest = np.full(len(asked), -np.inf)  # cosine to the nearest other, so far
    ends = np.unique(np.append(found, np.arange(0, len(z), BLOCK)))
    means = {}
    for start, end in zip(np.append(0, ends), ends, strict=False):
        old, now = np.searchsorted(asked, [start, end])
        if end > start and old > 0:
            np.maximum(nearest[:old], _nearest(z, asked[:old], start, end), out=nearest[:old])
        if end > start and now > old:
            nearest[old:now] = _nearest(z, asked[old:now], 0, end)
        means[end] = 1 - np.mean(np.minimum(nearest[:now], 1)) if end > 1 else np.nan
    return np.array([means[count] for count in found])


def _nearest(z: Float[np.ndarray, "n D"], asked: Int[np.ndarray, " q"], start: int, end: int) -> np.ndarray:
    """The greatest cosine of each one asked for with others from `start` to before `end`."""
    greatest = np.full(len(asked), -np.inf)
    for low in range(start, end, BLOCK):
        cosines = z[asked] @ z[low : min(low + BLOCK, end)].T
        own = np.flatnonzero((asked >= low) & (asked < low + cosines.shape[1]))
        cosines[own, asked[own] - low] = -np.inf
        np.maximum(greatest, cosines.max(axis=1), out=greatest)
    return greatest


def _spread(count: int, most: int) -> Int[np.ndarray, " m"]:
    """Places spread evenly over so many, first to last: all of them, or as many as there may be."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(int)


def cells_of(runs: Sequence[Found], axes: Sequence[str], cells: int | None) -> tuple[list[np.ndarray], int, str]:
    """The cell of every lifeform of each run, how many cells there are, and what they are.  As in `compare_runs`."""
    if axes:
        if cells is not None:
            raise BadOption(
                f"cells is {cells} but axes are given; their grid has {BINS} cells along each axis: leave one out"
            )
        return _grid(runs, axes)
    if cells is not None and cells < 1:
        raise BadOption(f"cells is {cells}; expected 1 or more")
    return _tessellation(runs, cells)


def _grid(runs: Sequence[Found], axes: Sequence[str]) -> tuple[list[np.ndarray], int, str]:
    from .search.cells import Grid

    if len(axes) > 2 or len(set(axes)) < len(axes):
        raise BadOption(f"axes are {', '.join(axes)}; expected one measure, or two different ones")
    for run in runs:
        for axis in axes:
            if axis not in run.measures:
                hint = f"{run.path} has not got it; an axis is one that all have"
                raise UnknownName("measure", axis, _shared_measures(runs), hint)
    places = [np.stack([run.measures[axis] for axis in axes], axis=1) for run in runs]
    low, high = np.min([p.min(0) for p in places], axis=0), np.max([p.max(0) for p in places], axis=0)
    high = np.where(high > low, high, low + 1)
    grid = Grid([BINS] * len(axes))
    ranges = [f"{axis} {a:.3g} to {b:.3g}" for axis, a, b in zip(axes, low, high, strict=True)]
    words = f"{' x '.join([str(BINS)] * len(axes))} cells of {', '.join(ranges)}"
    return [np.asarray(grid.index(place, low, high)) for place in places], grid.count, words


def _tessellation(runs: Sequence[Found], cells: int | None) -> tuple[list[np.ndarray], int, str]:
    """Cells of looks: nearest centres of lifeforms of all runs, as many of each."""
    from .search.cells import cvt_centroids

    _require_one_model(runs)
    wanted = cells or max(1, min(CELLS, sum(len(run.z) for run in runs) // LIFEFORMS_PER_CELL))
    share = -(-wanted * SAMPLES_PER_CELL // len(runs))
    samples = [run.z[_spread(len(run.z), share)] for run in runs]
    pooled = np.unique(np.concatenate(samples), axis=0)  # sorted: the order of runs changes nothing
    centres = cvt_centroids(pooled, min(wanted, len(pooled)), seed=0)
    indices = [_in_blocks(centres, run.z) for run in runs]
    return indices, len(centres), f"{len(centres)} cells of looks, by {runs[0].identity or 'one model'}"


def _require_one_model(runs: Sequence[Found]) -> None:
    """Numbers of one model mean nothing to another."""
    by_model: dict[tuple[str, int], Found] = {}
    for run in runs:
        by_model.setdefault((run.identity, run.z.shape[1]), run)
    if len(by_model) > 1:
        said = "; ".join(f"{run.path} by {identity or 'one unknown'}" for (identity, _), run in by_model.items())
        shared = sorted(_shared_measures(runs))
        how = f"say --axes {','.join(shared[:2])}" if shared else "compare runs of one model at a time"
        raise BadOption(f"the runs were seen by different models, whose looks do not compare ({said}); {how}")


def _in_blocks(centres: Float[np.ndarray, "S D"], z: Float[np.ndarray, "n D"]) -> Int[np.ndarray, " n"]:
    """The nearest centre of every vector; all blocks are of one shape, so that one program serves them."""
    from .search.cells import nearest_point

    index = np.empty(len(z), np.int64)
    block = np.zeros((BLOCK, z.shape[1]), np.float32)
    for start in range(0, len(z), BLOCK):
        part = z[start : start + BLOCK]
        block[: len(part)] = part
        index[start : start + len(part)] = np.asarray(nearest_point(block, centres))[: len(part)]
    return index


def _shared_measures(runs: Sequence[Found]) -> set[str]:
    return set.intersection(*(set(run.measures) for run in runs))

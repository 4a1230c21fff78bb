"""CMA-ME and CMA-MAE beside pyribs, on its sphere benchmark: QD-score, coverage and evaluations per second.

python tests/benchmarks/bench_emitters.py [--numbers 20] [--generations 1000] [--seeds 5]

The reference is the package `ribs`, for this file alone: pip install ribs.  Both sides run in this process on one core,
with the same functions, budget and settings: 100 x 100 cells, 15 emitters of 36, first step size 0.5, from the origin.
Pairs of seeds take turns, so that a busy machine disturbs both alike.  QD-score is the sum of the scores of all elites,
which the task puts into [0, 100], divided by the number of cells; the reference's own archive counts it for both.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time

import jax
import numpy as np

from alife.search.cma_mae import CmaMae
from alife.search.cma_me import CmaMe
from alife.types import Evaluation

try:
    from ribs.archives import GridArchive
    from ribs.emitters import EvolutionStrategyEmitter
    from ribs.schedulers import Scheduler
except ImportError:
    raise SystemExit("this benchmark compares with pyribs, which is not installed: pip install ribs") from None

BINS, EMITTERS, SHARE, SIGMA, REACH = 100, 15, 36, 0.5, 5.12
N = EMITTERS * SHARE


class Reals:
    """Unbounded real vectors around the origin, scale 1."""

    name, dtype, starts, scale = "sphere", np.dtype(np.float32), None, 1.0

    def __init__(self, size: int) -> None:
        self.size, self.centre, self.layout, self.shapes = size, np.zeros(size, np.float32), f"{size}", ((size,),)
        self.bounds = np.full(size, -np.inf, np.float32), np.full(size, np.inf, np.float32)


def sphere(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores, 100 at the shifted middle and 0 in the farthest corner; places, the sums of both clipped halves."""
    middle = 0.4 * REACH
    farthest = x.shape[1] * (REACH + middle) ** 2
    scores = 100 * (1 - ((x - middle) ** 2).sum(1) / farthest)
    with np.errstate(divide="ignore"):
        clipped = np.where(np.abs(x) > REACH, REACH / x, x)
    return scores, clipped.reshape(len(x), 2, -1).sum(2)


def ranges(numbers: int) -> list[tuple[float, float]]:
    """As far as the sums of halves can reach."""
    return [(-numbers / 2 * REACH, numbers / 2 * REACH)] * 2


def ours(kind: str, numbers: int, generations: int, seed: int) -> tuple[float, float, float]:
    """QD-score, coverage in percent, evaluations per second (compiling left out)."""
    options = {"axes": ["first half", "second half"], "bins": BINS, "ranges": ranges(numbers), "sigma": SIGMA}
    search = (
        CmaMe(**options, emitters=EMITTERS)
        if kind == "CMA-ME"
        else CmaMae(**options, emitters=EMITTERS, learning_rate=0.01, threshold_min=0)
    )
    key = jax.random.key(seed)
    state = search.init(key, Reals(numbers), N)
    z, valid = np.zeros((N, 1, 1), np.float32), np.ones(N, bool)

    def generation(state, g):
        genotypes, state = search.ask(jax.random.fold_in(key, g), state)
        genotypes = np.asarray(genotypes)
        scores, places = (part.astype(np.float32) for part in sphere(genotypes))
        return search.tell(state, genotypes, Evaluation(scores, z, {}, valid, None, None, places))[0]

    jax.block_until_ready(generation(state, 0))
    start = time.perf_counter()
    for g in range(generations):
        state = generation(state, g)
    held = np.asarray(state.elites.number) >= 0
    seconds = time.perf_counter() - start
    elites = np.asarray(state.elites.genotypes, np.float64)[held]
    archive = GridArchive(solution_dim=numbers, dims=(BINS, BINS), ranges=ranges(numbers))
    archive.add(elites, *sphere(elites))
    return *figures(archive), N * generations / seconds


def figures(archive: GridArchive) -> tuple[float, float]:
    """QD-score, and coverage in percent, as the reference counts them."""
    return float(archive.stats.norm_qd_score), 100 * float(archive.stats.coverage)


def theirs(kind: str, numbers: int, generations: int, seed: int) -> tuple[float, float, float]:
    """The same of pyribs, with the settings that its documentation gives for the two algorithms."""
    grid = {"solution_dim": numbers, "dims": (BINS, BINS), "ranges": ranges(numbers), "seed": seed}
    if kind == "CMA-ME":
        archive, result = GridArchive(**grid), None
        how = {"ranker": "2imp", "selection_rule": "filter", "restart_rule": "no_improvement"}
    else:
        archive, result = GridArchive(**grid, learning_rate=0.01, threshold_min=0), GridArchive(**grid)
        how = {"ranker": "imp", "selection_rule": "mu", "restart_rule": "basic"}
    seeds = np.random.SeedSequence(seed).generate_state(EMITTERS).tolist()
    emitters = [
        EvolutionStrategyEmitter(archive, x0=np.zeros(numbers), sigma0=SIGMA, batch_size=SHARE, seed=one, **how)
        for one in seeds
    ]
    scheduler = Scheduler(archive, emitters, result_archive=result)
    start = time.perf_counter()
    for _ in range(generations):
        scheduler.tell(*sphere(scheduler.ask()))
    seconds = time.perf_counter() - start
    return *figures(archive if result is None else result), N * generations / seconds


def show(kind: str, pairs: list[tuple[tuple[float, ...], tuple[float, ...]]]) -> None:
    """One line for each figure: median and range of both sides, and the ratio of the medians."""
    for place, (figure, digits) in enumerate([("QD-score", 2), ("coverage, %", 2), ("evaluations/s", 0)]):
        us, them = ([one[place] for one in side] for side in zip(*pairs, strict=True))
        sides = [
            f"{statistics.median(side):.{digits}f} ({min(side):.{digits}f} to {max(side):.{digits}f})"
            for side in (us, them)
        ]
        ratio = statistics.median(us) / statistics.median(them)
        print(f"{kind:8} {figure:14} alife {sides[0]:32} pyribs {sides[1]:32} ratio {ratio:.3f}", flush=True)


def stay_on_one_core() -> None:
    """Begin again on one core where there are several: libraries have made their threads by now."""
    if hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        os.execv(sys.executable, [sys.executable, *sys.argv])


def main() -> None:
    """Print every figure with its reference."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--numbers", type=int, default=20, help="of a genotype, an even count")
    parser.add_argument("--generations", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    stay_on_one_core()
    print(
        f"sphere, {given.numbers} numbers, {given.generations} generations of {N}, {given.seeds} seeds: median (range)"
    )
    for kind in ("CMA-ME", "CMA-MAE"):
        size = given.numbers, given.generations
        show(kind, [(ours(kind, *size, seed), theirs(kind, *size, seed)) for seed in range(1, given.seeds + 1)])


if __name__ == "__main__":
    main()

"""Quality-diversity searches against QDax: what they find, how fast they are, and what ask and tell cost.

python tests/benchmarks/bench_quality_diversity.py [--quick]

Same task, same cells, same first samples' distribution, same strengths of variation, same batch; one process on one
core.  QDax 0.5.0 (`pip install qdax`) has MAP-Elites and CVT-MAP-Elites; Dominated Novelty Search is compared with the
published rule written plainly over all pairs, in QDax's own loop.
"""

from __future__ import annotations

import os

if hasattr(os, "sched_setaffinity"):  # one core, before any thread is started
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alife.search.cells import Grid
from alife.search.cvt_map_elites import CvtMapElites
from alife.search.dominated_novelty import DominatedNovelty
from alife.search.map_elites import MapElites
from alife.search.unstructured import Unstructured
from alife.types import Evaluation

try:
    from qdax.core.containers.ga_repertoire import GARepertoire
    from qdax.core.containers.mapelites_repertoire import MapElitesRepertoire, compute_euclidean_centroids
    from qdax.core.emitters.mutation_operators import isoline_variation
    from qdax.core.emitters.repertoire_selectors.uniform_selector import UniformSelector
    from qdax.core.emitters.standard_emitters import MixingEmitter
    from qdax.core.map_elites import MAPElites
    from qdax.tasks.arm import arm_scoring_function
    from qdax.tasks.standard_functions import rastrigin_proj_scoring_function
except ImportError as cause:
    raise SystemExit(
        f"error: this benchmark compares with QDax, which is missing ({cause}); pip install qdax"
    ) from None

AXES, NEIGHBOURS = ("x", "y"), 3
FEW, MANY = 32, 100
"""Cells along an axis for what is found after many generations, and for speed."""
CELLS = MANY * MANY
ISO, LINE = 0.01, 0.1
CHUNK = 50
"""Generations in one compiled loop, on both sides."""


class Task(NamedTuple):
    """A function to illuminate, on a box of real numbers; it serves as the searches' space too."""

    name: str
    size: int
    low: float
    high: float
    worst: float
    """Score that counts as nothing in the QD-score."""
    score: Callable[..., Any]
    dtype = np.dtype(np.float32)
    starts = None

    @property
    def scale(self) -> float:
        return self.high - self.low

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        return np.full(self.size, self.low, np.float32), np.full(self.size, self.high, np.float32)

    @property
    def ranges(self) -> list[list[float]]:
        return [[self.low, self.high]] * 2

    def sample(self, key: Any, n: int) -> Any:
        return jax.random.uniform(key, (n, self.size), minval=self.low, maxval=self.high)

    def mutate(self, key: Any, genotypes: Any, sigma: float) -> Any:
        return genotypes + sigma * self.scale * jax.random.normal(key, genotypes.shape)


TASKS = (
    Task("arm", 100, 0.0, 1.0, -0.5, arm_scoring_function),
    Task("rastrigin", 20, -5.12, 5.12, -1800.0, rastrigin_proj_scoring_function),
)


class Ours:
    """A search of this package in a compiled loop over its pure `ask` and `tell`."""

    def __init__(self, task: Task, search: Any, batch: int) -> None:
        self.task, self.search, self.batch = task, search, batch
        self.state = search.init(jax.random.key(0), task, batch)
        self.loop = jax.jit(lambda state, keys: jax.lax.scan(self.generation, state, keys)[0])

    def generation(self, state: Any, key: Any) -> tuple[Any, None]:
        genotypes, state = self.search.ask(key, state)
        scores, places, _ = self.task.score(genotypes, key)
        n = len(scores)
        told = Evaluation(scores, jnp.zeros((n, 1, 1)), {}, jnp.ones(n, bool), None, None, places)
        return self.search.tell(state, genotypes, told)[0], None

    def start(self, key: Any) -> Any:
        return self.generation(self.state, key)[0]

    def scores(self, state: Any) -> Any:
        return state.elites.scores if hasattr(state, "elites") else state.scores

    def places(self, state: Any) -> Any:
        return state.places


class Theirs:
    """QDax's loop with one of its repertoires, or with one that has its interface."""

    def __init__(self, task: Task, centroids: Any, batch: int, repertoire: Any = MapElitesRepertoire) -> None:
        self.task, self.centroids, self.batch = task, centroids, batch
        variation = partial(
            isoline_variation, iso_sigma=ISO * task.scale, line_sigma=LINE, minval=task.low, maxval=task.high
        )
        emitter = MixingEmitter(None, variation, 1.0, batch, selector=UniformSelector(select_with_replacement=True))
        plain = lambda genotypes, key: (*task.score(genotypes, key)[:2], {})  # noqa: E731
        self.search = MAPElites(plain, emitter, lambda repertoire: {}, repertoire_init=repertoire.init)
        self.loop = jax.jit(self.generations)

    def generations(self, state: Any, keys: Any) -> Any:
        update = lambda state, key: (self.search.update(*state, key)[:2], None)  # noqa: E731
        return jax.lax.scan(update, state, keys)[0]

    def start(self, key: Any) -> Any:
        return self.search.init(self.task.sample(key, self.batch), self.centroids, key)[:2]

    def scores(self, state: Any) -> Any:
        return state[0].fitnesses.reshape(-1)

    def places(self, state: Any) -> Any:
        return state[0].descriptors


class Dominated(GARepertoire):
    """The published rule of Dominated Novelty Search: all distances, the k nearest fitter, the best survive."""

    descriptors: Any

    def add(self, genotypes: Any, descriptors: Any, fitnesses: Any, extra: Any = None) -> Any:
        genotypes = jnp.concatenate([self.genotypes, genotypes])
        descriptors = jnp.concatenate([self.descriptors, descriptors])
        fitnesses = jnp.concatenate([self.fitnesses, fitnesses.reshape(-1, 1)])
        fitness = fitnesses[:, 0]
        there = jnp.isfinite(fitness)
        apart = jnp.linalg.norm(descriptors[:, None] - descriptors[None], axis=-1)
        fitter = (fitness[None, :] >= fitness[:, None]) & there[None, :] & ~jnp.eye(len(fitness), dtype=bool)
        near = -jax.lax.top_k(jnp.where(fitter, -apart, -jnp.inf), NEIGHBOURS)[0]
        mean = jnp.mean(near, axis=1, where=jnp.isfinite(near))
        worth = jnp.where(there, jnp.where(jnp.isnan(mean), jnp.inf, mean), -jnp.inf)
        best = jnp.argsort(-worth)[: len(self.fitnesses)]
        return self.replace(genotypes=genotypes[best], descriptors=descriptors[best], fitnesses=fitnesses[best])

    @classmethod
    def init(cls, genotypes: Any, fitnesses: Any, descriptors: Any, centroids: Any, extra: Any = None) -> Any:
        """`centroids` only says how many members there are."""
        size = len(centroids)
        empty = jnp.zeros((size, genotypes.shape[1])), jnp.full((size, 1), -jnp.inf)
        repertoire = cls(*empty, extra_scores={}, keys_extra_scores=(), descriptors=jnp.zeros((size, 2)))
        return repertoire.add(genotypes, descriptors, fitnesses)


def contestants(task: Task, algorithm: str, batch: int, side: int) -> tuple[Ours, Theirs]:
    """Both sides of one comparison, with `side` x `side` cells, or as many members."""
    strengths = {"ranges": task.ranges, "sigma": ISO, "line": LINE}
    if algorithm == "map_elites":
        ours = Ours(task, MapElites(AXES, bins=side, **strengths), batch)
        return ours, Theirs(task, compute_euclidean_centroids((side, side), task.low, task.high), batch)
    if algorithm == "cvt_map_elites":
        ours = Ours(task, CvtMapElites(AXES, cells=side * side, **strengths), batch)
        return ours, Theirs(task, ours.search.voronoi.centroids * task.scale + task.low, batch)
    ours = Ours(task, DominatedNovelty(AXES, size=side * side, k=NEIGHBOURS, **strengths), batch)
    return ours, Theirs(task, jnp.zeros((side * side, 2)), batch, Dominated)


def run(side: Ours | Theirs, seed: int, generations: int) -> tuple[Any, float]:
    """Where a run ends, and its greatest number of evaluations per second over a chunk of generations."""
    keys = jax.random.split(jax.random.key(seed), 1 + generations)
    state, best = side.start(keys[0]), float("inf")
    for at in range(1, 1 + generations, CHUNK):
        now = time.perf_counter()
        state = jax.block_until_ready(side.loop(state, keys[at : at + CHUNK]))
        best = min(best, time.perf_counter() - now)
    return state, CHUNK * side.batch / best


def quality(side: Ours | Theirs, state: Any, tessellated: bool) -> tuple[float, float]:
    """QD-score (sum of scores above the worst) and coverage; a population without cells is put on a grid."""
    scores = np.asarray(side.scores(state), np.float64)
    if not tessellated:
        ends = np.full(2, side.task.low), np.full(2, side.task.high)
        cell, best = np.asarray(Grid([FEW, FEW]).index(side.places(state), *ends)), np.full(FEW * FEW, -np.inf)
        np.maximum.at(best, cell, scores)
        scores = best
    found = scores[np.isfinite(scores)]
    return float(np.sum(found - side.task.worst)), len(found) / len(scores)


def spread(values: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):10.4g} [{min(values):.4g} .. {max(values):.4g}]"


def compare(generations: int, seeds: int, batch: int) -> None:
    """Quality and speed of both sides over whole runs."""
    for task in TASKS:
        for algorithm in ("map_elites", "cvt_map_elites", "dominated_novelty"):
            tessellated = algorithm != "dominated_novelty"
            found: list[list[tuple[float, float]]] = [[], []]
            rates = [0.0, 0.0]
            sides = contestants(task, algorithm, batch, FEW)
            for seed in range(seeds):
                for i, side in enumerate(sides):
                    state, rate = run(side, seed, generations)
                    found[i].append(quality(side, state, tessellated))
                    rates[i] = max(rates[i], rate)
            where = f"{FEW * FEW} {'cells' if tessellated else 'members'}"
            print(f"\n{task.name}, {algorithm}, {where}, batch {batch}, {generations} generations, {seeds} seeds")
            for j, what in enumerate(("QD-score", "coverage")):
                mine, reference = ([pair[j] for pair in side] for side in found)
                ratio = statistics.median(mine) / statistics.median(reference)
                print(f"  {what}: ours {spread(mine)}   reference {spread(reference)}   ratio {ratio:.4f}")
            print_rates(rates)


def print_rates(rates: list[float]) -> None:
    """Evaluations per second of both, and how many times ours are theirs."""
    print(
        f"  evaluations/s: ours {rates[0]:,.0f}   reference {rates[1]:,.0f}   ratio {rates[0] / rates[1]:.1f}",
        flush=True,
    )


def speed(batch: int, rounds: int) -> None:
    """Evaluations per second at 10,000 cells or members: compiled loops of both, and our plain Python loop."""
    for algorithm in ("map_elites", "cvt_map_elites", "dominated_novelty"):
        sides = contestants(TASKS[0], algorithm, batch, MANY)
        generations = 1 if algorithm == "dominated_novelty" else 10
        best = [float("inf"), float("inf")]
        states = [side.start(jax.random.key(0)) for side in sides]
        for turn in range(1 + rounds):
            for i, side in enumerate(sides):
                keys = jax.random.split(jax.random.key(turn), generations)
                now = time.perf_counter()
                states[i] = jax.block_until_ready(side.loop(states[i], keys))
                best[i] = min(best[i], time.perf_counter() - now)
        print(f"\narm, {algorithm}, {CELLS} cells or members, batch {batch}")
        print_rates([generations * batch / seconds for seconds in best])
        rate = batch / python_loop(sides[0], states[0], rounds * generations)
        print(f"  our plain Python loop: {rate:,.0f} evaluations/s", flush=True)


def python_loop(side: Ours, state: Any, generations: int) -> float:
    """Least seconds of one generation of ask, evaluate, tell, each called from Python."""
    score, best = jax.jit(side.task.score), float("inf")
    z, valid = np.zeros((side.batch, 1, 1), np.float32), np.ones(side.batch, bool)
    for key in jax.random.split(jax.random.key(1), 2 + generations):
        now = time.perf_counter()
        genotypes, state = side.search.ask(key, state)
        scores, places, _ = score(genotypes, key)
        state = jax.block_until_ready(
            side.search.tell(state, genotypes, Evaluation(scores, z, {}, valid, None, None, places))
        )[0]
        best = min(best, time.perf_counter() - now)
    return best


def cost(population: int = 1024, dim: int = 512, size: int = 64) -> None:
    """Milliseconds of ask and tell, where the embeddings are a fixed random function of the genotypes."""
    task = Task("box", size, -1.0, 1.0, 0.0, rastrigin_proj_scoring_function)
    lens = np.random.default_rng(0).normal(size=(size, dim)).astype(np.float32)
    strengths = {"sigma": ISO, "line": LINE}
    searches = {
        "map_elites": MapElites(AXES, bins=MANY, **strengths),
        "cvt_map_elites on 2 axes": CvtMapElites(AXES, cells=CELLS, **strengths),
        "cvt_map_elites of embeddings": CvtMapElites(cells=CELLS, **strengths),
        "unstructured": Unstructured(CELLS, **strengths),
        "dominated_novelty on 2 axes": DominatedNovelty(AXES, size=CELLS, **strengths),
        "dominated_novelty of embeddings": DominatedNovelty(size=CELLS, **strengths),
        "dominated_novelty of embeddings, 256 members": DominatedNovelty(**strengths),
    }
    print(f"\nask + tell, population {population}, {dim}-number embeddings, {CELLS} cells or members, {size} numbers")
    for name, search in searches.items():
        print(f"  {name:46} {sum(_cost(search, task, population, lens)):9.2f} ms", flush=True)


def _cost(search: Any, task: Task, population: int, lens: np.ndarray) -> tuple[float, float]:
    state = search.init(jax.random.key(0), task, population)
    asked, told, until = [], [], time.perf_counter() + 10
    while len(told) < 4 or (time.perf_counter() < until and len(told) < 60):
        key = jax.random.key(len(asked))
        now = time.perf_counter()
        genotypes = np.asarray((asking := search.ask(key, state))[0])
        asked.append(time.perf_counter() - now)
        z = np.tanh(genotypes @ lens) + 0.5
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        scores, valid = -np.square(genotypes).sum(1), np.ones(population, bool)
        told_of = Evaluation(scores, z[:, None], {}, valid, None, None, np.ascontiguousarray(genotypes[:, :2]))
        now = time.perf_counter()
        state, _ = jax.block_until_ready(search.tell(asking[1], genotypes, told_of))
        told.append(time.perf_counter() - now)
    return 1000 * min(asked[2:]), 1000 * min(told[2:])


def main() -> None:
    """Print every figure with its reference; `--quick` = 100 generations and 2 seeds."""
    quick = "--quick" in sys.argv
    cost()
    speed(batch=1024, rounds=3 if quick else 10)
    compare(generations=100 if quick else 1000, seeds=2 if quick else 5, batch=128)


if __name__ == "__main__":
    main()

"""What the search itself costs: ask, tell and the archive's commit, as a share of a generation; on one core.

taskset -c 0 python tests/benchmarks/bench_search_cost.py
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from alife import make_search, run
from alife.storage.writer import ArchiveWriter
from alife.types import Evaluation

POPULATION, CELLS, DIM, GENES = 1024, 10_000, 512, 64
BIG = {
    "map_elites": {"bins": 100},
    "cvt_map_elites": {"cells": CELLS, "axes": ["a", "b"]},
    "cvt_map_elites of looks": {"cells": CELLS},
    "cma_me": {"bins": 100},
    "cma_mae": {"bins": 100},
    "dominated_novelty": {"axes": ["a", "b"]},
    "novelty_search": {},
    "unstructured": {},
    "illuminate": {},
    "Sep_CMA_ES": {},
}


class Space:
    """Real vectors of 64 numbers."""

    size, dtype, name, layout, shapes, starts, scale = (
        GENES,
        np.dtype(np.float32),
        "numbers",
        "",
        ((GENES,),),
        None,
        1.0,
    )
    bounds = np.full(GENES, -np.inf, np.float32), np.full(GENES, np.inf, np.float32)
    centre = np.zeros(GENES, np.float32)

    def sample(self, key: Any, n: int) -> jax.Array:
        return jax.random.normal(key, (n, GENES))

    def mutate(self, key: Any, genotypes: jax.Array, sigma: float) -> jax.Array:
        return genotypes + sigma * jax.random.normal(key, genotypes.shape)


def timed(spent: dict[str, list[float]], name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, which notes how long it takes until its arrays are there."""

    def call(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        result = jax.block_until_ready(work(*args, **kwargs))
        spent[name].append(1e3 * (time.perf_counter() - start))
        return result

    return call


def in_a_run(search: str) -> None:
    """Shares of a generation of Lenia, population 16."""
    spent: dict[str, list[float]] = defaultdict(list)
    call, evaluate, append = run.Setup.call, run.evaluate, ArchiveWriter.append
    run.Setup.call = lambda self, method, *args: timed(spent, method, call)(self, method, *args)  # type: ignore[method-assign]
    run.evaluate = timed(spent, "evaluate", evaluate)
    ArchiveWriter.append = timed(spent, "append", append)  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        run.run_search("lenia", out=Path(folder) / "run", search={"name": search}, generations=12)
    run.Setup.call, run.evaluate, ArchiveWriter.append = call, evaluate, append  # type: ignore[method-assign]
    parts = {name: statistics.median(times[-10:]) for name, times in spent.items()}
    share = sum(parts[name] for name in ("ask", "tell", "append")) / sum(
        parts[name] for name in ("ask", "tell", "append", "evaluate")
    )
    figures = "  ".join(f"{name} {parts[name]:.1f} ms" for name in ("evaluate", "ask", "tell", "append"))
    print(f"lenia, population 16, {search:16} {figures}  search and archive {share:.1%} of a generation")


def alone(label: str, options: dict[str, Any]) -> None:
    """Milliseconds of one ask and one tell of a large population."""
    name = label.split()[0]
    axes = {"axes": ["a", "b"]} if name in ("map_elites", "cma_me", "cma_mae") else {}
    search = make_search(name, **axes, **options)
    state = search.init(jax.random.key(0), Space(), POPULATION)
    draw, spent = np.random.default_rng(0), defaultdict(list)
    for turn in range(23):
        genotypes, state = timed(spent, "ask", search.ask)(jax.random.key(turn), state)
        z = draw.normal(size=(POPULATION, 1, DIM)).astype(np.float32)
        z /= np.linalg.norm(z, axis=-1, keepdims=True)
        genotypes, keys = np.asarray(genotypes), jax.random.split(jax.random.key(turn), 1)
        valid, places = np.ones(POPULATION, bool), genotypes[:, :2]
        told = Evaluation(-(genotypes**2).sum(1), z, {}, valid, np.zeros((1, 1, 1, 1, 3), np.uint8), keys, places)
        state, _ = timed(spent, "tell", search.tell)(state, genotypes, told)
    ask, tell = (statistics.median(spent[part][3:]) for part in ("ask", "tell"))
    print(f"{label:26} ask {ask:7.2f} ms  tell {tell:7.2f} ms  together {ask + tell:7.2f} ms")


def main() -> None:
    """Print every figure."""
    for search in ("map_elites", "illuminate", "Sep_CMA_ES"):
        in_a_run(search)
    print(f"population {POPULATION}, embeddings of {DIM} numbers, genotypes of {GENES}, 10,000 cells or the defaults:")
    for label, options in BIG.items():
        alone(label, options)


if __name__ == "__main__":
    main()

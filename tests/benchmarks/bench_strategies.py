"""Every algorithm of evosax on a sphere of 100 numbers, ours against evosax called bare with its own defaults.

For each: how many times closer to the middle the best world comes, which lies two scales away in every number; and
what one ask and tell cost.

python tests/benchmarks/bench_strategies.py [NAME ...]
"""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from alife.search.evolution_strategies import make
from alife.search.strategies import STRATEGIES
from alife.testing.spaces import Box, evaluation

N, G, GENERATIONS, MIDDLE = 64, 100, 300, 2.0
TEMPLATE = evaluation(np.zeros(N))


def followed(step: Callable[[int], np.ndarray]) -> tuple[float, float]:
    """How many times closer the best came, and the milliseconds of a generation: the median of all after the first."""
    best, seconds = [], []
    for g in range(GENERATIONS):
        start = time.perf_counter()
        cost = step(g)
        seconds.append(time.perf_counter() - start)
        best.append(np.sqrt(np.min(cost, initial=np.inf, where=np.isfinite(cost))))
    return float(best[0] / np.min(best)), 1e3 * float(np.median(seconds[2:]))


def sphere(genotypes: np.ndarray) -> np.ndarray:
    return ((genotypes - MIDDLE) ** 2).sum(1)


def ours(name: str) -> tuple[float, float]:
    """Our search, with its defaults."""
    search = make(name)
    state = search.init(jax.random.key(0), Box(G), N)

    def step(g: int) -> np.ndarray:
        nonlocal state
        genotypes, state = search.ask(jax.random.key(g), state)
        cost = sphere(np.asarray(genotypes))
        state, _ = search.tell(state, genotypes, TEMPLATE._replace(scores=-cost))
        jax.block_until_ready(state)
        return cost

    return followed(step)


def bare(name: str) -> tuple[float, float]:
    """evosax as its own documentation calls it."""
    import evosax.algorithms as algorithms

    made = getattr(algorithms, name)
    takes, given = inspect.signature(made).parameters, {}
    if "sampling_fn" in takes:
        given["sampling_fn"] = lambda key: jax.random.normal(key, (G,))
    if "num_populations" in takes:
        given["num_populations"] = 2
    algorithm = made(population_size=N // given.get("num_populations", 1), solution=jnp.zeros(G), **given)
    params, samples = algorithm.default_params, jax.random.normal(jax.random.key(0), (N, G))
    if STRATEGIES[name].from_population:
        start: Any = (samples, jnp.asarray(sphere(np.asarray(samples))))
    else:
        start = (samples[:2] if "num_populations" in takes else jnp.zeros(G),)
    state = algorithm.init(jax.random.key(0), *start, params)

    def step(g: int) -> np.ndarray:
        nonlocal state
        genotypes, state = algorithm.ask(jax.random.key(g), state, params)
        cost = sphere(np.asarray(genotypes))
        state, _ = algorithm.tell(jax.random.key(g), genotypes, jnp.asarray(cost), state, params)
        jax.block_until_ready(state)
        return cost

    return followed(step)


def main() -> None:
    """Print one line for each algorithm."""
    print(f"{N} worlds, {G} numbers, {GENERATIONS} generations")
    print(f"{'':22} {'closer, ours':>12} {'bare':>8} {'ms, ours':>10} {'bare':>7} {'ratio':>7}")
    for name in sys.argv[1:] or sorted(STRATEGIES):
        (near, ms), (near_bare, ms_bare) = ours(name), bare(name)
        said = " experimental" if STRATEGIES[name].experimental else ""
        print(
            f"{name:22} {near:12.1f} {near_bare:8.1f} {ms:10.2f} {ms_bare:7.2f} {ms / ms_bare:7.2f}{said}", flush=True
        )


if __name__ == "__main__":
    main()

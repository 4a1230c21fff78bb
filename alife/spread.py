"""Worlds in chunks over the cores or devices: how many run together, and who takes the next ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Key, Num

from .types import Tree

LANE_BYTES = 8192
"""States smaller than this are stepped several to a chunk on a CPU: a loop turn costs more than a tiny world."""
MAX_LANES = 16


class Spread(NamedTuple):
    """How populations are cut into chunks.

    On a CPU a chunk has a fixed size that depends only on the substrate, and one worker per core takes the next chunk
    when it is free: so all cores work, and no byte depends on the size of the population.  On accelerators a chunk is
    as wide as the memory budget allows, and the devices take turns.
    """

    lanes: int
    """Worlds in one chunk."""
    workers: int
    """Chunks that run at the same time."""
    fixed: bool
    """Whether a chunk keeps its size however few the worlds are."""

    def over(
        self,
        genotypes: Num[np.ndarray, "N G"],
        keys: Key[Any, " N"],
        run: Callable[[Num[np.ndarray, "C G"], Key[Any, " C"], int], Tree],
    ) -> Tree:
        """What `run(genotypes, keys, worker)` gives for every chunk, put together in the order of the worlds."""
        lanes = self.lanes if self.fixed else min(self.lanes, -(-len(genotypes) // self.workers))

        def chunk(job: tuple[int, int]) -> Tree:
            number, start = job
            rows = np.minimum(np.arange(start, start + lanes), len(genotypes) - 1)  # a short last chunk is filled up
            return run(genotypes[rows], keys[rows], number % self.workers)

        first = chunk((0, 0))  # compiles once, before the workers start
        with ThreadPoolExecutor(self.workers) as pool:
            chunks = [first, *pool.map(chunk, enumerate(range(lanes, len(genotypes), lanes), 1))]
        return jax.tree.map(lambda *parts: np.concatenate(parts)[: len(genotypes)], *chunks)


def spread(state_bytes: int, bytes_per_world: int, memory_mb: int) -> Spread:
    """As many worlds at the same time as the cores or devices and a memory budget allow.

    Args:
        state_bytes: size of one state.
        bytes_per_world: all that a world needs while it runs.
        memory_mb: for the worlds that run at the same time, megabytes.
    """
    affordable = max(1, memory_mb * 2**20 // bytes_per_world)
    if jax.default_backend() != "cpu":
        devices = len(jax.devices())
        return Spread(max(1, affordable // devices), devices, False)
    lanes = int(np.clip(LANE_BYTES // max(1, state_bytes), 1, MAX_LANES))
    return Spread(lanes, int(np.clip(affordable // lanes, 1, core_count())), True)


def core_count() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

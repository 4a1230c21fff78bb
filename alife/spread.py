"""Worlds over the cores or devices: how many run together, and who takes the next ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec
from jaxtyping import Array, Key, Num

from .devices import AXIS, free_bytes, is_cpu, mesh_of
from .types import ArrayLike, Tree

LANE_BYTES = 8192
"""States smaller than this are stepped several to a chunk on a CPU: a loop turn costs more than a tiny world."""
MAX_LANES = 16
RUNNING, RESULTS = 0.5, 0.25
"""Shares of an accelerator's free memory for the worlds that run and for what is seen of them; models need the rest."""


class Spread(NamedTuple):
    """How populations are cut into calls of one program, and a call into chunks of worlds that run side by side.

    On a CPU a call is one chunk, of a fixed size that depends only on the substrate, and one worker per core takes the
    next call when it is free: so all cores work, and no byte depends on the size of the population.  Where there are
    several virtual devices, they take turns, for in a program cut for many devices last bits differ.

    On accelerators all devices share a call, a chunk is as wide as their memory allows, and the program itself goes
    from chunk to chunk: nothing returns to the host in between.
    """

    lanes: int
    """Worlds in one chunk, at most."""
    rounds: int
    """Chunks that a device runs one after the other in one call, at most."""
    turns: tuple[tuple[jax.Device, ...], ...]
    """Groups of devices, all of one size, that take the calls in turn; the devices of a group share a call."""
    workers: int
    """Calls that run at the same time."""
    fixed: bool
    """Whether a chunk keeps its size however few the worlds are."""

    def over(
        self,
        genotypes: Num[np.ndarray, "N G"],
        keys: Key[Any, " N"],
        run: Callable[[Num[np.ndarray, "C G"], Key[Any, " C"], int], Tree],
    ) -> Tree:
        """What `run(genotypes, keys, turn)` gives for every call, put together in the order of the worlds."""
        size, count = self.size(len(genotypes)), len(genotypes)

        def call(job: tuple[int, int]) -> Tree:
            number, start = job
            rows = np.minimum(np.arange(start, start + size), count - 1)  # a short last call is filled up
            return run(genotypes[rows], keys[rows], number % len(self.turns))

        first = call((0, 0))  # compiles once, before the workers start
        with ThreadPoolExecutor(self.workers) as pool:
            calls = [first, *pool.map(call, enumerate(range(size, count, size), 1))]
        return jax.tree.map(lambda *parts: _joined(parts)[:count], *calls)

    def size(self, count: int) -> int:
        """Worlds in one call, for a population of `count`."""
        if self.fixed:
            return self.lanes
        devices = len(self.turns[0])
        share = min(_few_digits(-(-count // devices)), self.rounds * self.lanes)
        rounds = -(-share // self.lanes)
        return devices * rounds * -(-share // rounds)

    def program(self, chunk: Callable[..., Tree]) -> Callable[..., Tree]:
        """`chunk(genotypes, keys, *rest)` for all worlds of a call; can be traced.  Every device has the whole `rest`.

        Args:
            chunk: of any number of worlds.
        """
        share, group = partial(self._share, chunk), self.turns[0]
        if len(group) == 1:
            return share

        def shared(genotypes: Num[Array, "C G"], keys: Key[Array, " C"], *rest: Tree) -> Tree:
            split, whole = PartitionSpec(AXIS), PartitionSpec()
            places = (split, split, *(whole for _ in rest))
            # worlds know nothing of each other, so there is nothing to check of what varies over the mesh
            run = jax.shard_map(share, mesh=mesh_of(group), in_specs=places, out_specs=split, check_vma=False)
            return run(genotypes, keys, *rest)

        return shared

    def _share(
        self, chunk: Callable[..., Tree], genotypes: Num[Array, "S G"], keys: Key[Array, " S"], *rest: Tree
    ) -> Tree:
        """One device's share of a call, chunk after chunk."""
        rounds = -(-len(genotypes) // self.lanes)
        if rounds == 1:
            return chunk(genotypes, keys, *rest)
        chunks = jax.tree.map(lambda x: x.reshape(rounds, -1, *x.shape[1:]), (genotypes, keys))
        seen = jax.lax.map(lambda some: chunk(*some, *rest), chunks)
        return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), seen)


def spread(state_bytes: int, running: int, seen: int, memory_mb: int, devices: Sequence[jax.Device]) -> Spread:
    """As many worlds at the same time as the cores or devices and a memory budget allow.

    Args:
        state_bytes: size of one state.
        running: all that a world needs while it runs, bytes.
        seen: what is seen of a world in the end, bytes.
        memory_mb: for the worlds that run at the same time, megabytes; on each accelerator.
        devices: to run on.
    """
    affordable = max(1, memory_mb * 2**20 // running)
    if is_cpu(devices):
        lanes = int(np.clip(LANE_BYTES // max(1, state_bytes), 1, MAX_LANES))
        workers = int(np.clip(affordable // lanes, 1, core_count()))
        return Spread(lanes, 1, tuple((device,) for device in devices), workers, True)
    free = free_bytes(devices)
    if free is None:
        return Spread(affordable, 2**31, (tuple(devices),), 1, False)
    lanes = max(1, min(affordable, int(RUNNING * free) // running))
    rounds = max(1, int(RESULTS * free) // (seen * lanes))
    return Spread(lanes, rounds, (tuple(devices),), 1, False)


def core_count() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _few_digits(count: int) -> int:
    """The number itself or a little more, at most a quarter, so that few sizes are ever compiled: 8, 10, 12, 14, 16 ...

    >>> [_few_digits(count) for count in (1, 7, 9, 33, 64, 100)]
    [1, 7, 10, 40, 64, 112]
    """
    step = 1 << max(0, (count - 1).bit_length() - 3)
    return -(-count // step) * step


def _joined(parts: Sequence[ArrayLike]) -> ArrayLike:
    """One after the other, where they are: as NumPy arrays or on the devices."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    return parts[0] if len(parts) == 1 else jnp.concatenate(parts)

"""What a search will take on this machine, before it runs: time, memory, disk, and what more devices would change."""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax

from .breakdown import Breakdown, measure
from .fit import Needs, free_disk, free_memory, free_on_devices, needs_of, remembered_bytes
from .setup import Setup
from .storage.remote import Place


class Shared(NamedTuple):
    """The same run on several devices, or by several workers."""

    number: int
    """How many."""
    devices: float
    """Seconds of the run on so many devices: worlds and model divide among them, the search and its archive do not."""
    workers: float
    """Seconds of the run by so many workers: whole generations divide among them, and each compiles for itself."""


@dataclass(frozen=True)
class Plan:
    """What a search is expected to take.

    Times are those of this machine as it was while it was measured; memory and disk are bytes.
    """

    breakdown: Breakdown
    needs: Needs
    generations: float
    """In the whole run."""
    lifeforms: int
    """Worlds that are run, and so the lifeforms that are kept at most."""
    lifeform: float
    """Disk for each of them, as measured; where none was kept, what pictures that compress best would take."""
    process: int
    """Memory that this process holds after the measurement: Python, JAX, compiled programs, the model's weights."""
    weights: int
    """Of this, the model's weights; on accelerators they lie there, once on each."""
    remembered: int
    """Memory of the embeddings of all lifeforms at the end."""
    free_memory: int | None
    free_on_devices: int | None
    free_disk: int | None

    @property
    def seconds(self) -> float:
        """Of the whole run."""
        return self.breakdown.compiling + self.generations * self.breakdown.parts.total

    @property
    def memory(self) -> int:
        """Most that the process is expected to hold, but for the memory of accelerators."""
        worlds = 0 if self.needs.accelerated else self.needs.worlds
        return self.process + worlds + self.needs.generation + self.remembered

    @property
    def disk(self) -> int:
        """All lifeforms and the state of the search."""
        return int(self.lifeforms * self.lifeform) + self.breakdown.disk.fixed

    def shared(self, most: int) -> list[Shared]:
        """The run on 1, 2, 4, 8 ... devices or workers, `most` at the end."""
        counts = [2**power for power in range(most.bit_length()) if 2**power < most]
        once, parts = self.breakdown.compiling, self.breakdown.parts
        alone = parts.total - parts.worlds
        return [
            Shared(
                count,
                once + self.generations * (alone + parts.worlds / count),
                once + self.generations * parts.total / count,
            )
            for count in [*counts, most]
        ]

    def as_json(self, most: int) -> dict[str, Any]:
        """Plain values: seconds, bytes and shares."""
        found = self.breakdown
        return {
            "time": {
                "compile_s": found.compiling,
                "generation_s": found.parts.total,
                "generations": self.generations,
                "run_s": self.seconds,
                "shares": found.parts.shares,
            },
            "memory": {
                "expected_bytes": self.memory,
                "free_bytes": self.free_memory,
                "process_bytes": self.process,
                "weights_bytes": self.weights,
                "worlds_bytes": self.needs.worlds,
                "generation_bytes": self.needs.generation,
                "embeddings_bytes": self.remembered,
                "devices_free_bytes": self.free_on_devices,
            },
            "disk": {
                "lifeform_bytes": self.lifeform,
                "lifeforms_at_most": self.lifeforms,
                "kept_share": found.disk.kept,
                "expected_bytes": self.disk,
                "free_bytes": self.free_disk,
            },
            "shared": [
                {"number": row.number, "devices_s": row.devices, "workers_s": row.workers} for row in self.shared(most)
            ],
            "measured": {"generations": found.generations, "worlds": found.worlds, "steps": found.steps},
        }


def plan(setup: Setup, place: Place, seconds: float = 10.0) -> Plan:
    """Measure a search and say what the whole of it will take.

    Args:
        setup: of the search; not to be used for another one afterwards.
        place: where its archive would lie; nothing is written there.
        seconds: to spend on the measurement, about.
    """
    config, needs, found = setup.config, needs_of(setup), measure(setup, seconds)
    if config.minutes is not None:
        generations = max(1.0, (config.minutes * 60 - found.compiling) / found.parts.total)
        lifeforms = int(generations * config.population)
    else:
        lifeforms = needs.lifeforms or 0
        generations = lifeforms / config.population
    evaluator = setup.pipeline.evaluator
    return Plan(
        breakdown=found,
        needs=needs,
        generations=generations,
        lifeforms=lifeforms,
        lifeform=needs.lifeform if found.disk.lifeform is None else found.disk.lifeform,
        process=process_bytes(),
        weights=sum(leaf.nbytes for leaf in jax.tree.leaves(evaluator.embedder.weights)),
        remembered=remembered_bytes(lifeforms, evaluator.model.dim),
        free_memory=free_memory(),
        free_on_devices=free_on_devices(),
        free_disk=free_disk(place),
    )


def process_bytes() -> int:
    """Memory that this process holds now; where the system does not say, the most that it has held."""
    try:
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))
    except (OSError, ValueError, StopIteration):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024

"""What the loop costs besides the worlds: search, archive and dispatch of a generation against `Evaluator.observe`.

taskset -c 0 python tests/benchmarks/bench_overhead.py
"""

from __future__ import annotations

import sys

from alife.breakdown import measure
from alife.config import load_world
from alife.registry import default_registry
from alife.run import Setup

WORLDS = ("lenia", "boids", "life", "particle_lenia")
POPULATIONS = (16, 256)


def show(world: str, population: int) -> None:
    """One line: what observing the worlds takes, and everything else."""
    registry = default_registry()
    parts = measure(Setup(load_world(world, registry.horizons, population=population), registry)).parts
    besides = {name: getattr(parts, name) for name in ("score", "ask", "tell", "archive", "overhead")}
    seen, rest = parts.total - sum(besides.values()), sum(besides.values())
    figures = "  ".join(f"{name} {1e3 * seconds:8.2f}" for name, seconds in besides.items())
    print(
        f"{world:15} {population:4} worlds  observe {1e3 * seen:10.1f} ms  besides {1e3 * rest:8.1f} ms "
        f"({rest / seen:6.1%}): {figures}",
        flush=True,
    )


def main() -> None:
    """Print every figure; worlds may be named."""
    print("milliseconds of a generation at the defaults of each world")
    for world in sys.argv[1:] or WORLDS:
        for population in POPULATIONS:
            show(world, population)


if __name__ == "__main__":
    main()

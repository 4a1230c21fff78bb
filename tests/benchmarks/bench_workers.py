"""What workers bring and cost: evaluations a second alone, of one worker and of two, each on a core of its own.

    python tests/benchmarks/bench_workers.py [WORLD] [SECONDS]

The last line is of a steady run in which one world of forty takes fifty times as long as the others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
WARM = 4.0
"""Seconds after the first generation that do not count: the rest is compiled, workers come one after the other."""


def measured(world: str, seconds: float, workers: int, steady: bool, out: str) -> dict[str, Any]:
    """Evaluations a second of a search, once all that works works."""
    from alife.hookspecs import hookimpl
    from alife.registry import registry_with
    from alife.run import run_search

    told: list[tuple[float, int]] = []

    class Watch:
        @hookimpl
        def generation_finished(self, report: Any) -> None:
            told.append((time.monotonic(), report.evaluations))

    registry = registry_with([world] if ":" in world else [])
    registry.hooks.register(Watch())
    changes: dict[str, Any] = {"workers": workers, "steady": True} if steady else {"workers": workers or None}

    def stop() -> bool:
        return bool(told) and time.monotonic() - told[0][0] > WARM + seconds

    name = world.rpartition(":")[2]
    changes |= {"minutes": 60, "population": 16, "score": "open_ended", "search": {"name": "illuminate"}}
    archive = run_search(name, out=out, registry=registry, stop=stop, **changes)
    counted = [(at, count) for at, count in told if at - told[0][0] >= WARM]
    (first, few), (last, many) = counted[0], counted[-1]
    return {"rate": (many - few) / (last - first), "busy": archive.progress.get("busy")}


def run(world: str, seconds: float, workers: int, cores: int, steady: bool = False) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        said = subprocess.run(
            [
                sys.executable,
                __file__,
                "--measure",
                world,
                str(seconds),
                str(workers),
                str(int(steady)),
                f"{place}/run",
            ],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            preexec_fn=lambda: os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores]),
        )
    return json.loads(said.stdout.splitlines()[-1])


def main(world: str = "lenia", seconds: float = 40.0) -> None:
    print(f"{world}, 16 worlds a generation, {seconds:g} s each")
    alone = run(world, seconds, 0, 1)["rate"]
    one = run(world, seconds, 1, 1)["rate"]
    two = run(world, seconds, 2, 2)
    threads = run(world, seconds, 0, 2)["rate"]
    again = run(world, seconds, 0, 1)["rate"]
    alone_best = max(alone, again)
    print(f"  alone, one core    {alone:8.2f} and {again:.2f} evaluations/s (before and after)")
    print(f"  alone, two cores   {threads:8.2f}   {threads / alone_best:.2f} times one core")
    print(f"  one worker         {one:8.2f}   {1 - one / alone_best:+.1%} overhead")
    print(f"  two workers        {two['rate']:8.2f}   {two['rate'] / one:.2f} times one worker, busy {two['busy']:.0%}")
    uneven = run(f"{HERE / 'uneven.py'}:Uneven", seconds, 2, 2, steady=True)
    print(f"  steady, uneven worlds: {uneven['rate']:.1f} evaluations/s, workers busy {uneven['busy']:.0%} of the time")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        world, seconds, workers, steady, out = sys.argv[2:]
        print(json.dumps(measured(world, float(seconds), int(workers), bool(int(steady)), out)))
    else:
        given: list[Any] = [*sys.argv[1:2], *map(float, sys.argv[2:3])]
        main(*given)

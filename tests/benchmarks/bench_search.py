"""Whole searches from outside: peak memory against the number of steps, time to the first picture, time to list.

python tests/benchmarks/bench_search.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PYTHON = [sys.executable, "-m", "alife"]


def run(command: list[str]) -> tuple[float, float]:
    """(seconds, peak megabytes) of one process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed with status {status}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def median(command: list[str], repeats: int = 5) -> float:
    """Median seconds of a command, after one run that fills the caches."""
    run(command)
    return statistics.median(run(command)[0] for _ in range(repeats))


def main() -> None:
    """Print every figure with its reference."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        peaks = {}
        for steps in (256, 10_000):
            search = ["search", "lenia", "--generations", "1", "--population", "2", "--set", f"steps={steps}"]
            peaks[steps] = run([*PYTHON, *search, "--out", str(place / str(steps))])[1]
            print(f"search lenia, K=8, {steps:6} steps: peak {peaks[steps]:7.0f} MB")
        print(f"ratio of peaks: {peaks[10_000] / peaks[256]:.3f}")
        first = median([*PYTHON, "run", "orbium", "--to", str(place / "o.gif")], 3)
        print(f"alife run orbium --to o.gif, warm: {first:.2f} s")
        listing, bare = median([*PYTHON, "list"]), median([sys.executable, "-c", "import jax"])
        print(f"alife list: {listing:.2f} s; import jax: {bare:.2f} s; ratio {listing / bare:.2f}")


if __name__ == "__main__":
    main()

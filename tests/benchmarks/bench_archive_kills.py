"""Kills a writer again and again and counts what is lost; times appends and reads.

    python tests/benchmarks/bench_archive_kills.py [KILLS] [--in DIRECTORY]

KILLS is 200 unless given.  Every kill is a SIGKILL at a random moment of a process that appends generations and writes
each acknowledgement to a file outside the archive.  After each, the archive must hold all that was acknowledged, equal
to what an uninterrupted run holds, and pass its own check.  Prints the counts, exits with 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from alife.storage import Rows, check_archive, create_archive, open_archive, resume_archive

SCRIPT = Path(__file__).parents[1] / "storage" / "toy_run.py"
PICTURES, SIDE, DIM, GENES = 8, 128, 256, 45


def load_toy() -> ModuleType:
    spec = importlib.util.spec_from_file_location("toy_run", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def kill_writers(kills: int, place: Path) -> bool:
    """True if nothing was lost."""
    moments, path, log = random.Random(0), place / "killed", place / "log"
    log.touch()
    lost = bad = 0
    for _ in range(kills):
        before = log.stat().st_size
        writer = subprocess.Popen([sys.executable, SCRIPT, "run", path, "1000000", "--log", log])
        while log.stat().st_size == before and writer.poll() is None:
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.2))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        told = [int(line) for line in log.read_text().splitlines()]
        lost += open_archive(path).generation < told[-1]
        bad += not check_archive(path).ok
    generations = open_archive(path).generation + 1
    toy = load_toy()
    toy.small_chunks()
    toy.run(place / "whole", generations)
    resume_archive(path).close()  # brings the documents of single arrays up to date after the last kill
    equal = toy.tree(path) == toy.tree(place / "whole")
    print(f"{kills} kills, {generations} generations: {lost} lost, {bad} failed their check, equal at the end: {equal}")
    return not lost and not bad and equal


def pictures(random: np.random.Generator, n: int) -> np.ndarray:
    """Smooth discs of waves on black, much as a lattice world draws them."""
    y, x = np.mgrid[:SIDE, :SIDE]
    phase = random.normal(size=(n, PICTURES, 1, 1, 3))
    waves = 127 + 127 * np.sin((x / 9 + y / 7)[None, None, :, :, None] + phase)
    return (waves * (np.hypot(x - 64, y - 64) < 40)[None, None, :, :, None]).astype(np.uint8)


def rows(random: np.random.Generator, n: int, start: int, drawn: np.ndarray) -> Rows:
    z = random.normal(size=(n, PICTURES, DIM)).astype(np.float32)
    return Rows(
        genotype=random.normal(size=(n, GENES)).astype(np.float32),
        parent=np.full((n, 2), -1),
        replaced=np.full(n, -1),
        operator=np.zeros(n, np.uint8),
        evaluation=np.arange(start, start + n),
        seed=random.integers(0, 2**32, (n, 2), dtype=np.uint32),
        score=random.normal(size=n).astype(np.float32),
        measures={name: random.normal(size=n).astype(np.float32) for name in ("mass", "speed")},
        valid=np.ones(n, bool),
        embedding=z / np.linalg.norm(z, axis=-1, keepdims=True),
        frames=drawn,
    )


def middle(work: Callable[[int], Any], times: int) -> float:
    """Median milliseconds of one call."""
    spent = []
    for turn in range(times):
        begin = time.perf_counter()
        work(turn)
        spent.append(time.perf_counter() - begin)
    return 1e3 * statistics.median(spent)


def time_archive(place: Path, lifeforms: int) -> None:
    random, path = np.random.default_rng(0), place / "timed"
    shape: dict[str, Any] = {"frames": (PICTURES, SIDE, SIDE), "dim": DIM, "genotype_size": GENES}
    state = {f"es/{i}": random.normal(size=(64, GENES)).astype(np.float32) for i in range(12)}
    with create_archive(
        path, config={}, substrate="toy", genotype_dtype=np.float32, measures=["mass", "speed"], **shape
    ) as writer:
        batches = [rows(random, 16, 16 * turn, pictures(random, 16)) for turn in range(16)]

        def append(batch: Rows) -> None:
            writer.append(batch, generation=writer.generation + 1, checkpoint=state, progress={})

        took = middle(lambda turn: append(batches[turn]), 16)
        print(f"append of 16 lifeforms, {PICTURES} x {SIDE} x {SIDE} x 3: {took:.1f} ms")
        append(rows(random, n := lifeforms - 256, 256, np.repeat(batches[0].frames[:1], n, axis=0)))
    print(f"then, of {lifeforms} lifeforms:")
    print(f"open_archive        {middle(lambda _: open_archive(path), 9):8.1f} ms")
    print(f"... and all columns {middle(lambda _: open_archive(path).table(), 5):8.1f} ms")
    archive = open_archive(path)
    archive.table()
    print(f"frames of one       {middle(lambda i: archive[37 * i].frames, 9):8.1f} ms")
    print(f"best(9)             {middle(lambda _: archive.best(9), 9):8.1f} ms")
    print(f"nearest, first time {middle(lambda _: archive.nearest(5), 1):8.1f} ms")
    print(f"nearest             {middle(lambda _: archive.nearest(5), 9):8.1f} ms")
    print(f"resume_archive      {middle(lambda _: resume_archive(path).close(), 3):8.1f} ms")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kills", nargs="?", type=int, default=200)
    parser.add_argument("--in", dest="place", help="directory on the disk to measure")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.place) as place:
        time_archive(Path(place), 10_000)
        return 0 if kill_writers(given.kills, Path(place)) else 1


if __name__ == "__main__":
    sys.exit(main())

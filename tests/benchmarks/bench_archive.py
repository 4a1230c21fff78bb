"""What the archive costs and what it survives; every figure beside the bar it has to reach.

    taskset -c 0 python tests/benchmarks/bench_archive.py [--kills 1000] [--only NAME ...] [--in DIRECTORY]

kills         random SIGKILLs of a writer while a reader looks on: all counts must be 0
append        64 lifeforms with 8 frames of 224 px
generations   1,000 generations of 64: time to open, files
query         100,000 lifeforms with embeddings of 512 numbers: best, nearest, ranges, lineage, most different
search        the archive's share of a Lenia search, population 16

Exits with 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from alife.storage import ArchiveWriter, Genes, Layout, Rows, create_archive, open_archive

KILLS = Path(__file__).parents[1] / "storage" / "kills.py"
ROUND = 50
"""Kills of one archive."""
GENES = 45


def layout(frames: tuple[int, int, int], dim: int) -> Layout:
    return Layout({"toy": Genes(GENES, np.float32)}, frames=frames, dim=dim, measures={"mass": "", "speed": ""})


def pictures(random: np.random.Generator, n: int, frames: int, side: int) -> np.ndarray:
    """Smooth discs of waves on black, much as a lattice world draws them."""
    y, x = np.mgrid[:side, :side] * (128 / side)
    phase = random.normal(size=(n, frames, 1, 1, 3))
    waves = 127 + 127 * np.sin((x / 9 + y / 7)[None, None, :, :, None] + phase)
    return (waves * (np.hypot(x - 64, y - 64) < 40)[None, None, :, :, None]).astype(np.uint8)


def rows(random: np.random.Generator, start: int, frames: np.ndarray, dim: int) -> Rows:
    """Lifeforms that look as given, each with a parent among the earlier ones."""
    n, count = frames.shape[:2]
    z = random.standard_normal((n, count, dim), np.float32)
    parent = np.stack([random.integers(-1, max(start, 1), n), np.full(n, -1)], axis=1)
    return Rows(
        genotype=random.standard_normal((n, GENES), np.float32),
        parent=parent if start else np.full((n, 2), -1),
        replaced=np.full(n, -1),
        operator=np.zeros(n, np.uint8),
        evaluation=np.arange(start, start + n),
        seed=random.integers(0, 2**32, (n, 2), dtype=np.uint32),
        score=random.standard_normal(n, np.float32),
        measures={name: random.standard_normal(n, np.float32) for name in ("mass", "speed")},
        valid=np.ones(n, bool),
        embedding=z / np.linalg.norm(z, axis=-1, keepdims=True),
        frames=frames,
    )


def middle(work: Callable[[int], Any], times: int) -> float:
    """Median milliseconds of one call."""
    spent = []
    for turn in range(times):
        begin = time.perf_counter()
        work(turn)
        spent.append(time.perf_counter() - begin)
    return 1e3 * statistics.median(spent)


class Board:
    """Prints figures beside their bars, and remembers whether all were reached."""

    def __init__(self) -> None:
        self.missed = 0

    def tell(self, what: str, figure: float, unit: str, bar: float | None = None) -> None:
        verdict = "" if bar is None else f"   bar {bar:g} {unit}: {'reached' if figure <= bar else 'MISSED'}"
        self.missed += bar is not None and figure > bar
        print(f"{what:58} {figure:10.4g} {unit}{verdict}", flush=True)


def kills(board: Board, place: Path, count: int) -> None:
    """Random kills of a writer, with a reader beside it; a new archive after each `ROUND` of them.

    Every kill is followed by a check of every byte, so that the time of one long round grows with its square.
    """
    found = Counter[str]()
    for seed, done in enumerate(range(0, count, ROUND)):
        (folder := place / f"kills_{seed}").mkdir()
        command = [sys.executable, KILLS, folder, str(min(ROUND, count - done)), str(seed)]
        found.update(json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))
        shutil.rmtree(folder)
        print(f"\r{found['kills']} of {count} kills", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    times = {name: found.pop(name) for name in ("kills", "generations", "views")}
    print(f"{times['kills']} kills, {times['generations']} generations, {times['views']} views of a looping reader")
    for name, number in found.items():
        board.tell(f"  {name.replace('_', ' ')}", number, "", 0)


def append(board: Board, place: Path, _: int) -> None:
    """One commit of a large generation."""
    random, state = np.random.default_rng(0), {"mean": np.zeros(GENES, np.float32)}
    drawn = pictures(random, 64, 8, 224)
    with create_archive(place / "append", layout((8, 224, 224), 512), config={}) as writer:
        batches = [rows(random, 64 * turn, drawn, 512) for turn in range(5)]
        took = middle(lambda t: writer.append(batches[t], generation=t, checkpoint=state, progress={}), 5)
    board.tell("append of 64 lifeforms, 8 frames of 224 px", took, "ms", 600)


def generations(board: Board, place: Path, _: int) -> None:
    """A thousand generations of 64; pictures are small, as their size changes neither figure."""
    random, path = np.random.default_rng(0), place / "generations"
    state = {f"state.{i}": random.standard_normal((64, GENES), np.float32) for i in range(6)}
    drawn = pictures(random, 64, 8, 16)
    with create_archive(path, layout((8, 16, 16), 512), config={}) as writer:
        start = time.perf_counter()
        for turn in range(1000):
            batch = rows(random, 64 * turn, drawn, 512)
            writer.append(batch, generation=turn, checkpoint=state, progress={})
        took = 1e3 * (time.perf_counter() - start)
    board.tell("a generation of 64 (16 px), embeddings drawn", took / 1000, "ms")
    board.tell("open at 1,000 generations", middle(lambda _: open_archive(path), 9), "ms", 50)
    files = sum(len(names) for _, _, names in os.walk(path))
    board.tell("files after 1,000 generations of 64", files, "", 1500)
    archive = open_archive(path)
    board.tell("one lifeform: record, genotype, embedding, frames", middle(lambda t: whole(archive[61 * t]), 99), "ms")


def whole(lifeform: Any) -> None:
    """Reads all of a lifeform."""
    assert lifeform.genotype.size and lifeform.embedding.size and lifeform.frames.size


QUERIES: Mapping[str, Callable[[Any], Any]] = {
    "best(12)": lambda archive: archive.best(12),
    "nearest(ID, 12)": lambda archive: archive.nearest(5, 12),
    "nearest(vector, 12)": lambda archive: archive.nearest(np.ones(512), 12),
    "ranges on two measures": lambda archive: archive.select("mass<0.5 speed>-1"),
    "ancestors and descendants": lambda archive: (archive.ancestors(len(archive) - 1), archive.descendants(0)),
    "the 12 most different": lambda archive: archive.diverse(12),
}


def query(board: Board, place: Path, _: int, count: int = 100_000) -> None:
    """Questions to a large archive, each to one that has just been opened, in a process of its own and then again."""
    random, path = np.random.default_rng(0), place / "query"
    with create_archive(path, layout((1, 8, 8), 512), config={}) as writer:
        for turn in range(count // 5000):
            frames = np.zeros((5000, 1, 8, 8, 3), np.uint8)
            writer.append(rows(random, 5000 * turn, frames, 512), generation=turn, checkpoint={}, progress={})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.perf_counter()
    open_archive(path).nearest(5)
    board.tell("index of embeddings, made once", 1e3 * (time.perf_counter() - begin), "ms")
    for name, ask in QUERIES.items():
        first = middle(lambda _, ask=ask: ask(open_archive(path)), 5)
        board.tell(f"{name}, archive just opened", first, "ms", 300)
        archive = open_archive(path)
        ask(archive)
        board.tell(f"{name}, again", middle(lambda _, ask=ask, archive=archive: ask(archive), 5), "ms", 300)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    board.tell("memory that all of this takes at most", grown, "MB")


def search(board: Board, place: Path, _: int) -> None:
    """The archive's share of a generation of Lenia."""
    import jax

    from alife import run

    spent: dict[str, list[float]] = defaultdict(list)

    def timed(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            begin = time.perf_counter()
            result = jax.block_until_ready(work(*args, **kwargs))
            spent[name].append(1e3 * (time.perf_counter() - begin))
            return result

        return call

    run.evaluate = timed("evaluate", run.evaluate)
    ArchiveWriter.append = timed("append", ArchiveWriter.append)  # type: ignore[method-assign]
    run.run_search("lenia", out=place / "lenia", generations=12, population=16)
    parts = {name: statistics.median(times[-10:]) for name, times in spent.items()}
    board.tell("lenia, population 16: evaluation of a generation", parts["evaluate"], "ms")
    board.tell("lenia, population 16: archive work of a generation", parts["append"], "ms")
    board.tell("archive work", 100 * parts["append"] / sum(parts.values()), "%", 3)


PARTS = {work.__name__: work for work in (append, generations, query, search, kills)}


def main() -> int:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--in", dest="place", help="directory on the disk to measure")
    given = parser.parse_args()
    board = Board()
    for name in given.only:
        with tempfile.TemporaryDirectory(dir=given.place) as place:
            PARTS[name](board, Path(place), given.kills)
    return 1 if board.missed else 0


if __name__ == "__main__":
    sys.exit(main())

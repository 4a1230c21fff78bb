"""A tiny run that writes an archive, for the storage tests: as a module, and as a process that can be killed.

Every generation is made from the checkpoint of the one before and nothing else, so a resumed run can only come out
equal if the checkpoint, the rows and the order of both survived.

    python toy_run.py run PATH GENERATIONS [--log FILE] [--file-size BYTES]
    python toy_run.py die PATH GENERATIONS AFTER      the same, dies after so many file operations
    python toy_run.py hold PATH                       holds the archive until its standard input ends
"""

from __future__ import annotations

import os
import re
import sys
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from alife.errors import ArchiveError
from alife.storage import (
    Archive,
    ArchiveWriter,
    Genes,
    Layout,
    Peak,
    Rows,
    create_archive,
    resume_archive,
    schema,
)
from alife.storage.files import Files

LAYOUT = Layout(
    {"toy": Genes(3, np.float32, {"cells": ((4,), "float16"), "mind/age": ((), "int32")})},
    frames=(2, 6, 5),
    dim=4,
    measures={"mass": "how much there is", "x": ""},
    steps=(5, 10),
    clip=True,
    peak="mass",
)
COUNTS = (5, 0, 1, 9, 1, 4)
"""New lifeforms of each generation, in turn: some end a chunk, some span several, one has none."""


def small_chunks() -> None:
    """Chunks of a few rows, so that a few generations meet every boundary there is."""
    schema.ROWS, schema.SHARD, schema.CLIP_CHUNK, schema.CHUNK_BYTES, schema.FILE_BYTES = 8, 4, 2, 64, 160


def create(path: Path, files: Files | None = None, layout: Layout = LAYOUT, **changed: Any) -> ArchiveWriter:
    given = {"config": {"world": "toy", "seed": 1}, "provenance": {"engine": "0"}, **changed}
    return create_archive(path, layout, **given, files=files)


def start_state() -> dict[str, np.ndarray]:
    return {
        "es/mean": np.zeros(3, np.float32),
        "es/none": np.zeros((0, 2), np.float32),
        "key": np.array([7, 9], np.uint32),
        "evaluations": np.array(0, np.int64),
        "done": np.array(False),
    }


def next_generation(state: dict[str, np.ndarray], generation: int, known: int) -> tuple[Rows, dict[str, np.ndarray]]:
    """The rows of a generation and the state after it; `known` lifeforms exist already."""
    random = np.random.default_rng([*state["key"].tolist(), int(state["evaluations"])])
    n, (pictures, height, width), dim = COUNTS[generation % len(COUNTS)], LAYOUT.frames, LAYOUT.dim
    genotype = (state["es/mean"] + random.normal(size=(n, 3))).astype(np.float32)
    z = random.normal(size=(n, pictures, dim)).astype(np.float32)
    parent = random.integers(-1, known, (n, 2)) if known else np.full((n, 2), -1)
    rows = Rows(
        genotype=genotype,
        parent=parent,
        replaced=random.integers(-1, known, n) if known else np.full(n, -1),
        operator=random.integers(0, 3, n).astype(np.uint8),
        evaluation=np.arange(n) + int(state["evaluations"]),
        seed=random.integers(0, 2**32, (n, 2), dtype=np.uint32),
        score=genotype.sum(axis=1),
        measures={"mass": genotype.std(axis=1), "x": genotype[:, 0]},
        valid=random.random(n) < 0.9,
        embedding=z / np.linalg.norm(z, axis=-1, keepdims=True),
        # Every fourth is black: its chunk would not be written by default.
        frames=random.integers(0, 256, (n, pictures, height, width, 3), dtype=np.uint8)
        * (np.arange(n) % 4 > 0)[:, None, None, None, None].astype(np.uint8),
        elite=random.random(n) < 0.8,
        sampled=random.random(n) < 0.3,
        clip=[random.integers(0, 256, (t, height, width, 3), dtype=np.uint8) for t in random.integers(0, 6, n)],
        states=states(random, n),
        peak=Peak(
            np.where(random.random(n) < 0.2, np.nan, random.random(n)).astype(np.float32),
            random.integers(1, 10, n),
            random.integers(0, 256, (n, height, width, 3), dtype=np.uint8),
        ),
    )
    state = {
        **state,
        "es/mean": (state["es/mean"] * 0.5 + random.normal(size=3)).astype(np.float32),
        "key": random.integers(0, 2**32, 2, dtype=np.uint32),
        "evaluations": np.array(state["evaluations"] + n + 1),
    }
    return rows, state


def states(random: np.random.Generator, n: int) -> dict[str, list[np.ndarray]]:
    """Up to three moments of each lifeform's state."""
    moments = random.integers(0, 4, n)
    cells = [random.normal(size=(m, 4)).astype(np.float16) for m in moments]
    return {"cells": cells, "mind/age": [random.integers(0, 99, m).astype(np.int32) for m in moments]}


def go_on(writer: ArchiveWriter, generations: int, told: Callable[[int], None] = lambda generation: None) -> None:
    """Appends generations until there are so many; `told` hears of each once it is safe."""
    state = writer.checkpoint or start_state()
    known = len(writer.archive)
    for generation in range(writer.generation + 1, generations):
        rows, state = next_generation(state, generation, known)
        writer.append(
            rows, generation=generation, checkpoint=state, progress={"evaluations": int(state["evaluations"])}
        )
        known += len(rows.genotype)
        told(generation)


def run(path: Path, generations: int, told: Callable[[int], None] = lambda generation: None) -> None:
    """Creates or resumes, and goes on."""
    with resume_archive(path) if path.exists() else create(path) as writer:
        go_on(writer, generations, told)


def tree(path: Path) -> dict[str, str]:
    """Every file of an archive and a checksum of it; the root document and its copy, which is equal, without date."""
    found = {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    assert found["zarr.json"] == found["id/root"]
    found["zarr.json"] = found["id/root"] = re.sub(rb'"(created":"[^"]*"|crc":\d+)', b"", found["id/root"])
    return {name: f"{zlib.crc32(data):08x}" for name, data in found.items()}


class Stopping(Files):
    """Calls `stop` before every file operation after so many; a write counts twice, as it can end half way.

    Args:
        after: operations that still happen undisturbed.
        stop: what happens then.
    """

    def __init__(self, after: int, stop: Callable[[], None]) -> None:
        self.left, self.stop = after, stop

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            self.stop()

    def write(self, path: Path, data: bytes) -> None:
        self._count()
        super().write(path, data[: len(data) // 2])
        self._count()
        super().write(path, data)

    def make_directory(self, path: Path) -> None:
        self._count()
        super().make_directory(path)

    def sync(self, path: Path) -> None:
        self._count()
        super().sync(path)

    def replace(self, source: Path, target: Path) -> None:
        self._count()
        super().replace(source, target)

    def remove(self, path: Path) -> None:
        self._count()
        super().remove(path)

    def remove_tree(self, path: Path) -> None:
        self._count()
        super().remove_tree(path)


def assert_prefix(archive: Archive, whole: Archive) -> None:
    """The archive holds the first generations of the whole one, and nothing else."""
    expected = whole.column("generation") <= archive.generation
    assert len(archive) == expected.sum()
    for name, column in archive.table().items():
        np.testing.assert_array_equal(column, whole.column(name)[expected], err_msg=name)
    for lifeform in archive[-3:]:
        for part in ("genotype", "embedding", "frames", "clip"):
            np.testing.assert_array_equal(getattr(lifeform, part), getattr(whole[lifeform.id], part))
        np.testing.assert_equal(lifeform.states, whole[lifeform.id].states)
        np.testing.assert_equal(lifeform.peak, whole[lifeform.id].peak)


def main(command: str, path: str, *rest: str) -> None:
    small_chunks()
    options = dict(pairwise(rest))
    if "--file-size" in options:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (int(options["--file-size"]),) * 2)
    if command == "die":
        files = Stopping(int(rest[1]), lambda: os._exit(9))
        go_on(resume_archive(path, files=files), int(rest[0]))
    elif command == "hold":
        with resume_archive(path):
            print("held", flush=True)
            sys.stdin.read()
    else:
        log = os.open(options.get("--log", os.devnull), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        run(Path(path), int(rest[0]), lambda generation: os.write(log, f"{generation}\n".encode()) and None)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except ArchiveError as error:
        sys.exit(f"error: {error}")

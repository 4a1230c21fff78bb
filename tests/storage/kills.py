"""Kills a writer again and again, at random moments, while a reader looks on; counts what is lost.

    python kills.py FOLDER KILLS [SEED]

Every kill is a SIGKILL of a process that appends generations to an archive and writes each acknowledgement to a file
outside.  Prints one line of JSON; everything in it but `kills`, `generations` and `views` has to be 0.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import toy_run as toy

from alife.storage import Archive, check_archive, open_archive

LONGEST = 0.15
"""Seconds that a writer lives after its first acknowledgement, at most."""


def fork(work: Callable[[], None]) -> int:
    """Runs something in a process of its own, which ends with it; returns its number."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


def write(path: Path, log: Path, generations: int = 10**9) -> None:
    told = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    toy.run(path, generations, lambda generation: os.write(told, f"{generation}\n".encode()) and None)


def fingerprint(archive: Archive, length: int) -> int:
    """Of the first lifeforms: all columns, and every part of the last one of them."""
    crc = 0
    for _, column in sorted(archive.table().items()):
        crc = zlib.crc32(np.ascontiguousarray(column[:length]).tobytes(), crc)
    last = archive[length - 1]
    parts = [last.genotype, last.embedding, last.frames, last.clip, *(last.states or {}).values(), *(last.peak or ())]
    return zlib.crc32(b"".join(np.asarray(part).tobytes() for part in parts if part is not None), crc)


def read(path: Path, views: Path) -> None:
    """Looks at the archive for ever; a line for each view: generation, lifeforms, fingerprint."""
    told = os.open(views, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    while True:
        if path.exists() and len(archive := open_archive(path)):
            length = len(archive)
            line = f"{archive.generation} {length} {fingerprint(archive, length)}\n"
            os.write(told, line.encode())


def main(folder: str, kills: str, seed: str = "0") -> None:
    toy.small_chunks()
    place, moments = Path(folder), random.Random(int(seed))
    path, log, views = place / "killed", place / "log", place / "views"
    log.touch()
    reader = fork(lambda: read(path, views))
    found = dict.fromkeys(("lost", "invented", "damaged", "reader_failed", "inconsistent_views", "differs"), 0)
    for _ in range(int(kills)):
        before = log.stat().st_size
        writer = fork(lambda: write(path, log))
        while log.stat().st_size == before and os.waitpid(writer, os.WNOHANG) == (0, 0):
            time.sleep(0.001)
        time.sleep(moments.uniform(0, LONGEST))
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
        last = int(log.read_text().split()[-1])
        # One that was committed but not yet told of when the kill came is no loss.
        found["lost"] += open_archive(path).generation < last
        found["invented"] += open_archive(path).generation > last + 1
        found["damaged"] += not check_archive(path, full=True).ok
    generations = open_archive(path).generation + 2
    found["reader_failed"] += os.waitpid(reader, os.WNOHANG) != (0, 0)
    os.kill(reader, signal.SIGKILL)
    toy.run(path, generations)  # one more takes the place of what the last kill left behind the committed rows
    toy.run(place / "whole", generations)
    found["differs"] += toy.tree(path) != toy.tree(place / "whole")
    whole = open_archive(place / "whole")
    lengths = np.searchsorted(whole.column("generation"), np.arange(generations), side="right")
    seen = {tuple(map(int, line.split())) for line in views.read_text().splitlines()}
    found["inconsistent_views"] += sum(
        length != lengths[generation] or crc != fingerprint(whole, length) for generation, length, crc in seen
    )
    told = {"kills": int(kills), "generations": generations, "views": len(views.read_text().splitlines())}
    print(json.dumps({**told, **{name: int(count) for name, count in found.items()}}))


if __name__ == "__main__":
    main(*sys.argv[1:])

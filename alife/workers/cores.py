"""Cores of this machine, each taken by one worker."""

from __future__ import annotations

import os
import tempfile
from io import FileIO
from pathlib import Path

_held: list[FileIO] = []
"""Locks that this process holds until it ends."""


def take_cores(count: int) -> list[int]:
    """Takes cores that no other worker of this machine has, and keeps this process on them until it ends.

    Two programs on the same core slow each other down by half; the operating system does not always see to it.  A core
    is taken by a lock that ends with the process, however it ends.  To be called before JAX starts its threads.

    Args:
        count: how many, 1 or more.

    Returns:
        their numbers; [] where there are not so many left, or the system cannot say: the process stays as it is.
    """
    if not hasattr(os, "sched_setaffinity"):
        return []
    import fcntl

    taken: list[int] = []
    for core in sorted(os.sched_getaffinity(0)):
        if len(taken) == count:
            break
        lock = _lock_file(core)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        _held.append(lock)
        taken.append(core)
    if len(taken) < count:
        while taken:
            taken.pop()
            _held.pop().close()
        return []
    os.sched_setaffinity(0, set(taken))
    return taken


def _lock_file(core: int) -> FileIO:
    """One for each core, and for each user, as others may not be allowed to open it."""
    folder = Path(tempfile.gettempdir()) / f"alife-cores-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    return (folder / str(core)).open("ab", buffering=0)

"""Whether a run fits this machine: the memory and the disk that it needs, from shapes alone, and what is free."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import jax
import numpy as np

from .config import RunConfig
from .devices import devices_in_use, free_bytes, is_cpu
from .errors import DoesNotFit
from .evaluate import COPIES, PICTURES, Evaluator
from .setup import Setup
from .storage.remote import Place, RemotePath
from .worlds.engine import state_bytes

MARGIN = 2
"""A run is taken not to fit when so many times the memory that it needs would not be free."""
SHRUNK = 0.02
"""What is left of pictures on the disk where they compress best; from this to a half, by the kind of world."""
SHRUNK_NUMBERS = 0.5
"""What is left of embeddings, states and genotypes where they compress best; mostly nine tenths."""
RECORD = 150
"""Bytes of a lifeform's record, its id, seed, parents and scores."""
CGROUP = Path("/sys/fs/cgroup")
LIMITS = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))
"""Files that say what a container may use and does use: of both generations of control groups."""


@dataclass(frozen=True)
class Needs:
    """What a run takes, bytes."""

    worlds: int
    """Memory of the worlds that run at the same time, on the accelerators where there are any."""
    generation: int
    """Memory for what is seen of all worlds of a generation, and for the rows made of it."""
    remembered: int
    """Memory of the embeddings with which scores compare; grows with the lifeforms."""
    lifeforms: int | None
    """How many are kept at most: all worlds that are run; None where a run ends by the clock."""
    lifeform: int
    """Disk for each of them where its pictures compress best."""
    accelerated: bool
    """Whether worlds run on accelerators, which have a memory of their own."""

    def times(self, workers: int) -> Needs:
        """What so many of them take together."""
        if workers == 1:
            return self
        sizes = {name: workers * getattr(self, name) for name in ("worlds", "generation", "remembered")}
        return replace(self, **sizes, lifeforms=None if self.lifeforms is None else workers * self.lifeforms)

    @property
    def memory(self) -> int:
        """All of the memory, but that of accelerators."""
        return self.generation + self.remembered + (0 if self.accelerated else self.worlds)

    @property
    def disk(self) -> int:
        """Disk for all of them."""
        return (self.lifeforms or 0) * self.lifeform


def needs_of(setup: Setup) -> Needs:
    """What a run takes, from shapes alone: nothing is compiled, let alone run."""
    evaluator, lifeforms = setup.pipeline.evaluator, most_lifeforms(setup.config)
    seen = _bytes_seen(evaluator)
    clip = setup.config.clip * evaluator.img_size**2 * 3
    pictures = evaluator.schedule.count * evaluator.img_size**2 * 3
    params = jax.eval_shape(evaluator.space.substrate.default_params, jax.random.key(0))
    running = COPIES * state_bytes(evaluator.space.substrate, params) + PICTURES * pictures + seen
    at_once = min(setup.config.population, evaluator.spread.lanes * evaluator.spread.workers)
    genotype = evaluator.space.size * evaluator.space.dtype.itemsize
    return Needs(
        worlds=at_once * running,
        generation=setup.config.population * 3 * (seen + clip),
        remembered=remembered_bytes(lifeforms or 0, evaluator.model.dim),
        lifeforms=lifeforms,
        lifeform=int(SHRUNK * (pictures + clip) + SHRUNK_NUMBERS * (seen - pictures + genotype)) + RECORD,
        accelerated=not is_cpu(evaluator.devices),
    )


def most_lifeforms(config: RunConfig) -> int | None:
    """Lifeforms where every world is kept; None for a budget of minutes.

    >>> most_lifeforms(RunConfig("life", 10, population=16, evaluations=100))
    112
    """
    if config.generations is not None:
        return config.generations * config.population
    if config.evaluations is not None:
        return -(-config.evaluations // config.population) * config.population
    return None


def remembered_bytes(lifeforms: int, dim: int) -> int:
    """Memory for what a run remembers of so many lifeforms: embeddings in a table that doubles, and their numbers.

    >>> remembered_bytes(1000, 60)
    520000
    """
    return lifeforms * (2 * 4 * dim + 40)


def _bytes_seen(evaluator: Evaluator) -> int:
    """Bytes of all that is seen of one world."""
    leaves = [leaf for leaf in jax.tree.leaves(evaluator.shapes) if hasattr(leaf, "shape")]
    worlds = evaluator.shapes.frames.shape[0]
    embeddings = 0 if evaluator.embedder.traceable else 4 * evaluator.schedule.count * evaluator.model.dim
    return sum(int(np.prod(leaf.shape)) * leaf.dtype.itemsize for leaf in leaves) // worlds + embeddings


def free_memory() -> int | None:
    """Bytes that this process may still take: of the machine and of its container; None where nobody says."""
    found = [_free_of_machine(), *(_free_of_container(*names) for names in LIMITS)]
    return min((free for free in found if free is not None), default=None)


def _free_of_machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, StopIteration):
        return None


def _free_of_container(limit: str, used: str) -> int | None:
    try:
        return max(0, int((CGROUP / limit).read_text("ascii")) - int((CGROUP / used).read_text("ascii")))
    except (OSError, ValueError):  # no container, or one without a limit
        return None


def free_on_devices() -> int | None:
    """Bytes that are free on all accelerators together; None on a CPU, and where they do not say."""
    devices = devices_in_use()
    each = None if is_cpu(devices) else free_bytes(devices)
    return None if each is None else each * len(devices)


def free_disk(place: Place) -> int | None:
    """Bytes that are free where a new directory is to lie; None on object storage, where nobody says."""
    if isinstance(place, RemotePath):
        return None
    there = next(above for above in [place, *place.absolute().parents] if above.exists())
    return shutil.disk_usage(there).free


def require_fit(place: Place, workers: int = 1) -> Callable[[Setup], None]:
    """What asks, of a run that is about to begin, whether it fits: `alife.run.run_search(before=...)`.

    Args:
        place: where its archive is to lie.
        workers: processes on this machine that each take as much.

    Raises:
        DoesNotFit: (when called) it would certainly not; runs that end by the clock are not asked about the disk.
    """

    def check(setup: Setup) -> None:
        needs, free, room = needs_of(setup).times(workers), free_memory(), free_disk(place)
        if free is not None and MARGIN * needs.memory > free:
            raise DoesNotFit(
                f"this run needs about {in_words(needs.memory)} of memory ({in_words(needs.worlds)} for worlds run at "
                f"once, {in_words(needs.generation)} for a generation, {in_words(needs.remembered)} for "
                f"embeddings), twice of which is not free: {in_words(free)} are; lower --population, --frames, --set "
                "img_size=..., --set memory_mb=... or the budget, or say --anyway"
            )
        if room is not None and needs.disk > room:
            raise DoesNotFit(
                f"this run needs {in_words(needs.disk)} of disk or more if all worlds are kept ({needs.lifeforms:,} "
                f"times {in_words(needs.lifeform)}), and {in_words(room)} are free for {place}; lower the budget, "
                "--frames, --clip or --set img_size=..., give another --out, or say --anyway"
            )

    return check


def in_words(size: float) -> str:
    """Bytes in two digits and a unit that fits.

    >>> in_words(17241), in_words(340_123_456), in_words(2.5e12), in_words(0)
    ('17 kB', '340 MB', '2.5 TB', '0 B')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{two_digits(size)} {unit}"
        size /= 1000
    return f"{two_digits(size)} TB"


def two_digits(number: float) -> str:
    """A number as far as it is known: rounded to two digits.

    >>> two_digits(0.0123), two_digits(7.04), two_digits(96.3), two_digits(1234), two_digits(0)
    ('0.012', '7.0', '96', '1,200', '0')
    """
    if not number:
        return "0"
    places = 1 - int(np.floor(np.log10(abs(number))))
    rounded = round(number, places)
    places = max(0, 1 - int(np.floor(np.log10(abs(rounded)))))  # 9.96 has become 10
    return f"{rounded:,.{places}f}"

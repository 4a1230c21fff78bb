"""Where the time of a search's generation goes, measured: the worlds, the model, the search, the archive, all between.

A generation is one compiled program over the worlds and a loop around it.  The loop is run as it is, into an archive
that is thrown away, with clocks at its seams.  The program can only be timed as a whole, so three others are timed
beside it, each with less in it: without the model; without pictures, too; without the world, too.  What each of them
lacks is the difference to the one before.
"""

from __future__ import annotations

import copy
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import pluggy

from . import hookspecs
from .budget import ENDLESS, without_end
from .lesser import Sample
from .run import search_until
from .setup import Setup
from .storage import Archive, create_archive, open_archive

WARM_UP, FEWEST = 2, 3
"""Generations in which the loop still compiles, and those that are measured at least."""
LATE = 3
"""After so many times its time, a slow loop ends with its second generation."""


@dataclass(frozen=True)
class Parts:
    """Seconds of one generation, by what they are spent on."""

    simulate: float
    """Stepping the worlds; their starts and measures, too."""
    render: float
    """Drawing the frames."""
    embed: float
    """The model, looking at them."""
    score: float
    """Scores, and places on the axes of the search."""
    ask: float
    """The search, proposing genotypes."""
    tell: float
    """The search, learning how they did."""
    archive: float
    """Rows compressed, written and flushed."""
    clips: float
    """Lives run once more for their clips."""
    overhead: float
    """Everything between: dispatch, copies to and from the device, Python."""

    @property
    def total(self) -> float:
        """Seconds of a generation."""
        return sum(asdict(self).values())

    @property
    def worlds(self) -> float:
        """Seconds of what is done world by world, which more devices divide among them."""
        return self.simulate + self.render + self.embed + self.clips

    @property
    def shares(self) -> dict[str, float]:
        """Share of each part, in [0, 1]; they add up to 1.

        >>> Parts(3, 0, 0, 0, 0, 0, 0, 0, 1).shares["simulate"]
        0.75
        """
        return {name: seconds / self.total for name, seconds in asdict(self).items()}


@dataclass(frozen=True)
class Disk:
    """What the measured generations left on the disk."""

    lifeform: float | None
    """Bytes for each lifeform; None where none was kept."""
    fixed: int
    """Bytes for all that does not grow with them."""
    kept: float
    """Share of the worlds that were kept, in [0, 1]."""


@dataclass(frozen=True)
class Breakdown:
    """What was measured of a search, and how."""

    parts: Parts
    """Of one generation: all its worlds over the whole horizon."""
    compiling: float
    """Seconds before the first generation goes at full speed; few where the programs are in the cache on the disk."""
    generations: int
    """Generations measured."""
    worlds: int
    """Worlds that were run in each; of the rest of the population it is assumed that they take as long."""
    steps: int
    """Steps that they were run for; the others are assumed to take as long."""
    disk: Disk


def measure(setup: Setup, seconds: float = 10.0) -> Breakdown:
    """Run a few generations of a search and divide their time.

    Where whole generations would take too long, fewer worlds run for fewer steps, and their time is multiplied.

    Args:
        setup: of the search; not to be used for another search afterwards.
        seconds: to spend, about, apart from compiling; more where a few steps of a chunk of worlds take longer.
    """
    sample = Sample(setup, seconds)
    whole = sample.generation < seconds / 6
    clock = _Clock(seconds / 3)
    disk = _run(_timed(setup, clock, sample, whole), clock)
    spent = clock.medians()
    inside = sample.divided(spent["observe"] if whole else sample.generation)
    loop = {name: spent[name] for name in ("score", "ask", "tell", "archive")}
    between = spent["all"] - sum(loop.values()) - spent["observe"] - spent["clips"]
    clips = spent["clips"] if whole else spent["clips"] * setup.config.steps / sample.steps
    parts = Parts(**{**inside, "overhead": inside["overhead"] + max(0.0, between)}, **loop, clips=clips)
    return Breakdown(
        parts,
        sample.compiling + clock.warming_up,
        len(clock.measured),
        setup.config.population if whole else sample.worlds,
        setup.config.steps if whole else sample.steps,
        disk,
    )


class _Clock:
    """Seconds of every generation of a loop, by what they are spent on.

    Args:
        seconds: after which the loop is to stop, once it has gone through enough generations.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds, self._ends = seconds, list[float]()
        self._spent: list[dict[str, float]] = []
        self._seen = 0.0

    def stop(self) -> bool:
        """Asked before each generation; whether it should be none."""
        self._ends.append(time.perf_counter())
        self._spent.append(defaultdict(float))
        if len(self._ends) > 1:
            self._spent[-2]["all"] = self._ends[-1] - self._ends[-2]
        done, spent = len(self._ends) - 1, self._ends[-1] - self._ends[0]
        return (done >= WARM_UP + FEWEST and spent > self._seconds) or (done > 1 and spent > LATE * self._seconds)

    def timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, whose time counts until its arrays are there."""

        def call(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            if name == "tell":
                self._spent[-1]["score"] += start - self._seen
            result = jax.block_until_ready(work(*args, **kwargs))
            end = time.perf_counter()
            self._spent[-1][name] += end - start
            if name == "observe":
                self._seen = end
            return result

        return call

    @property
    def measured(self) -> list[dict[str, float]]:
        """The generations that count; where the search was soon finished, the last one."""
        done = self._spent[:-1]
        return done[min(WARM_UP, len(done) - 1) :]

    @property
    def warming_up(self) -> float:
        """Seconds by which the first generations took longer."""
        first = sum(spent["all"] for spent in self._spent[:WARM_UP])
        return max(0.0, first - WARM_UP * self.medians()["all"])

    def medians(self) -> dict[str, float]:
        """Median seconds of each part."""
        names = {name for spent in self.measured for name in spent}
        found = {name: statistics.median(spent[name] for spent in self.measured) for name in names}
        return defaultdict(float, found)


def _timed(setup: Setup, clock: _Clock, sample: Sample, whole: bool) -> Setup:
    """The same search without an end, with a clock at its seams; nobody else hears of its generations."""
    timed, pipeline, registry = copy.copy(setup), copy.copy(setup.pipeline), copy.copy(setup.registry)
    evaluator = copy.copy(pipeline.evaluator) if whole else pipeline.evaluator.shortened(sample.steps)
    registry.hooks = pluggy.PluginManager("alife")
    registry.hooks.add_hookspecs(hookspecs)
    calls = {name: clock.timed(name, setup.call) for name in ("ask", "tell")}
    seams = (
        (evaluator, "observe", clock.timed("observe", evaluator.observe if whole else sample.observe)),
        (evaluator, "film", clock.timed("clips", evaluator.film)),
        (pipeline, "evaluator", evaluator),
        (timed, "pipeline", pipeline),
        (timed, "registry", registry),
        (timed, "config", without_end(setup.config, ENDLESS)),
        (timed, "call", lambda method, *args: calls.get(method, setup.call)(method, *args)),
    )
    for thing, name, value in seams:
        setattr(thing, name, value)
    return timed


def _run(setup: Setup, clock: _Clock) -> Disk:
    """Go through a few generations, into an archive of no use to anybody."""
    config, layout = setup.config, setup.pipeline.layout()
    with tempfile.TemporaryDirectory(prefix="alife-") as folder:
        place = Path(folder) / "run"
        provenance = setup.pipeline.provenance()
        with create_archive(place, layout, config=config.as_json(), provenance=provenance) as writer:
            seam = "append"
            setattr(writer, seam, clock.timed("archive", writer.append))
            search_until(setup, writer, clock.stop)
        return disk_of(open_archive(place), place)


def disk_of(archive: Archive, place: Path) -> Disk:
    """What an archive takes on the disk, where it lies at this place."""
    sizes = {file.relative_to(place): file.stat().st_size for file in place.rglob("*") if file.is_file()}
    rows = sum(size for file, size in sizes.items() if file.name.startswith("c.") and file.parts[0] != "search")
    kept = len(archive)
    return Disk(rows / kept if kept else None, sum(sizes.values()) - rows, kept / archive.progress["evaluations"])

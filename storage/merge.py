"""`alife merge`: the lifeforms of several archives in a new one, one run after the other.

Ids are renumbered.  The root attribute `islands` says of each run its name as it was given, when it was made, the first
of its new ids and the one after its last, which numbers are left out, its last generation and its progress.  Where none
is left out, the number that a lifeform had before is its id minus the first.  The `origins` of all runs follow one
another, each with the name of its run.  Islands of an archive that was merged before stay what they are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from alife.errors import BadOption
from alife.storage.begin import require_free
from alife.storage.building import Building, system_errors
from alife.storage.event_log import Event, read_events, write_log
from alife.storage.files import PARTIAL, Files
from alife.storage.layouts import joined
from alife.storage.remote import RemotePath, place_of, require_local
from alife.storage.rewrite import Source
from alife.storage.rows import Peak, Rows
from alife.storage.schema import FORMAT, Layout
from alife.storage.union import ISLANDS

ADDED = ("evaluations", "invalid", "seconds")
"""What of the progress of runs adds up."""

Moved = Int[np.ndarray, " n"]
"""New id of each lifeform of a run; -1 = it is left out."""


def merge_archives(
    runs: Sequence[str | os.PathLike[str] | RemotePath],
    out: str | os.PathLike[str] | RemotePath,
    *,
    files: Files | None = None,
) -> dict[str, list[int]]:
    """One archive of all lifeforms of several, to look at and to branch searches from; none of them is changed.

    Where only some runs keep clips, states or peaks, the lifeforms of the others have none.  Damaged lifeforms are left
    out: run -> their numbers is returned.

    Args:
        runs: run directories, two or more; or one whose islands each have a store of their own.
        out: the new run directory; must not exist.
        files: the file operations to use.

    Raises:
        BadOption: fewer than two runs, one given twice, or runs that do not fit together; says what differs.
        ArchiveExists: there is something at `out`.
        ArchiveError: there is no archive, or nothing can be written there.
        ArchiveDamaged: the root document of a run is damaged, or what people said of its lifeforms.
    """
    target, files = require_local(place_of(out), "merged into"), files or Files()
    _require_several(runs)
    require_free(target)
    sources = {str(run): Source(place_of(run)) for run in runs}
    _require_once(sources)
    _require_one_model(sources)
    layout = joined({run: source.layout for run, source in sources.items()})
    said = {run: read_events(run) for run in sources}
    attributes, built = _attributes(sources, layout), target.with_name(target.name + PARTIAL)
    moved: dict[str, Moved] = {}
    with (
        system_errors(f"cannot make an archive at {target}"),
        Building(built, layout, attributes, files=files) as building,
    ):
        origins = 0
        for run, source in sources.items():
            moved[run] = _take_over(source, building, layout, origins)
            origins += len(source.attributes["origins"])
        building.attributes["islands"] = _islands(sources, moved)
        building.finish({})
        if any(said.values()):
            write_log(built, _events(said, moved), files)
        files.replace(built, target)
        files.sync(target.parent)
    return {run: np.flatnonzero(ids < 0).tolist() for run, ids in moved.items() if (ids < 0).any()}


def _take_over(source: Source, building: Building, layout: Layout, origins: int) -> Moved:
    """Adds all lifeforms of a run that are sound; `origins` come from runs before it."""
    moved = np.full(source.stored.committed + 1, -1)  # one more, so that the parent -1 stays what it is
    for batch in source.batches():
        sound = np.logical_and.reduce(list(batch.sound.values()))
        if not sound.any():
            continue
        moved[batch.ids[sound]] = building.lifeforms + np.arange(np.count_nonzero(sound))
        rows = batch.rows if sound.all() else _chosen(batch.rows, sound)
        dtype = layout.substrates[rows.substrate].dtype
        building.add(
            rows._replace(
                genotype=[one.astype(dtype, copy=False) for one in rows.genotype],
                parent=moved[rows.parent],
                replaced=moved[rows.replaced],
                origin=origins + rows.origin,
            )
        )
    return moved[:-1]


def _chosen(value: Any, which: Bool[np.ndarray, " n"]) -> Any:
    """Some lifeforms of rows, or of one field of them."""
    if isinstance(value, np.ndarray):
        return value[which]
    if isinstance(value, list):
        return [value[i] for i in np.flatnonzero(which)]
    if isinstance(value, Mapping):
        return {key: _chosen(one, which) for key, one in value.items()}
    if isinstance(value, Rows | Peak):
        return type(value)(*(_chosen(one, which) for one in value))
    return value


def _attributes(sources: Mapping[str, Source], layout: Layout) -> dict[str, Any]:
    known = [source.attributes for source in sources.values()]
    progress = [one["progress"] for one in known]
    told = [name for name in ADDED if all(name in one for one in progress)]
    about = {
        "format": FORMAT,
        "generation": max(one["archive"]["generation"] for one in known),
        "substrates": list(layout.substrates),
        "measures": list(layout.measures),
        "checkpoints": [],
    }
    return {
        "archive": about,
        "origins": [
            {**origin, "run": origin.get("run", run)}
            for run, source in sources.items()
            for origin in source.attributes["origins"]
        ],
        "progress": {name: sum(one[name] for one in progress) for name in told},
        "islands": [],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _islands(sources: Mapping[str, Source], moved: Mapping[str, Moved]) -> list[dict[str, Any]]:
    islands: list[dict[str, Any]] = []
    for run, source in sources.items():
        for island in _islands_of(run, source):
            first, end = island["lifeforms"]
            before = np.arange(end - first + len(island["left_out"]))
            kept = moved[run][first:end] >= 0
            left_out = np.setdiff1d(before, np.delete(before, island["left_out"])[kept]).tolist()
            start = islands[-1]["lifeforms"][1] if islands else 0
            islands.append({**island, "lifeforms": [start, start + int(kept.sum())], "left_out": left_out})
    return islands


def _islands_of(run: str, source: Source) -> list[dict[str, Any]]:
    attributes = source.attributes
    alone = {
        "run": run,
        "created": attributes["created"],
        "lifeforms": [0, source.stored.committed],
        "left_out": [],
        "generation": attributes["archive"]["generation"],
        "progress": attributes["progress"],
    }
    return attributes.get("islands", [alone])


def _events(said: Mapping[str, list[Event]], moved: Mapping[str, Moved]) -> list[Event]:
    """All that people said of the lifeforms that are here, by time."""
    found = []
    for run, events in said.items():
        for event in events:
            lifeform = event["lifeform"]
            now = None if lifeform is None else int(moved[run][lifeform])
            if now is None or now >= 0:
                found.append({**event, "lifeform": now})
    found.sort(key=lambda event: event["time"])  # of one time: as they came
    return [{**event, "number": number} for number, event in enumerate(found)]


def _require_several(runs: Sequence[str | os.PathLike[str] | RemotePath]) -> None:
    if len(runs) < 2 and not any((place_of(run) / ISLANDS).is_dir() for run in runs):
        raise BadOption(
            f"{len(runs)} {'run is' if len(runs) == 1 else 'runs are'} given; expected two or more to merge"
        )
    places = [place_of(run).resolve() for run in runs]
    for number, place in enumerate(places):
        if place in places[:number]:
            raise BadOption(f"{runs[number]} is given twice; its lifeforms would be there twice: name it once")


def _require_once(sources: Mapping[str, Source]) -> None:
    """No run is there twice because it was merged before."""
    found: dict[tuple[str, str], str] = {}
    for run, source in sources.items():
        for island in _islands_of(run, source):
            other = found.setdefault((os.path.realpath(island["run"]), island["created"]), run)
            if other != run:
                raise BadOption(f"{island['run']} is in {other} and in {run}; its lifeforms would be there twice")


def _require_one_model(sources: Mapping[str, Source]) -> None:
    found: dict[str, str] = {}
    for run, source in sources.items():
        for origin in source.attributes["origins"]:
            found.setdefault(origin["provenance"].get("model", {}).get("identity", ""), run)
    if len(found) > 1:
        (was, first), (has, run), *_ = found.items()
        raise BadOption(
            f"{first} has embeddings of the model {was or 'unknown'}, {run} of {has or 'unknown'}; they cannot be "
            "compared: merge only runs of one model"
        )

"""Runs to be compared, and the lifeforms of each, in the order in which they were found."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from .errors import ArchiveDamaged, ArchiveError, BadOption
from .storage import Archive, open_archive


class Found(NamedTuple):
    """What a comparison needs of one run: its lifeforms (n) in the order in which they were found."""

    path: Path
    config: Mapping[str, Any]
    identity: str
    """Of the model that embedded them; runs of different models do not compare by looks."""
    evaluations: int
    """Worlds run so far."""
    evaluation: Int[np.ndarray, " n"]
    """Number of each one's evaluation, from 0."""
    score: Float[np.ndarray, " n"]
    z: Float[np.ndarray, "n D"]
    """Unit embedding of the last frame."""
    measures: Mapping[str, Float[np.ndarray, " n"]]
    left_out: int
    """Lifeforms that cannot be read."""


def find_runs(paths: Sequence[str | Path]) -> list[Path]:
    """The run directories that paths and patterns name, each once; contact sheets beside their runs are passed over.

    Raises:
        BadOption: no path.
        ArchiveError: a pattern that nothing fits.
    """
    found: list[Path] = []
    for path in map(str, paths):
        fits = sorted(glob.glob(path)) if glob.has_magic(path) and not os.path.exists(path) else [path]
        if not fits:
            raise ArchiveError(f"nothing fits {path!r}; expected run directories, as `alife search` makes them")
        found += map(Path, fits)
    runs = {path.resolve(): path for path in found if not _is_sheet(path)}
    if not runs:
        raise BadOption("there is no run to compare; expected one or more run directories")
    return list(runs.values())


def _is_sheet(path: Path) -> bool:
    return path.suffix == ".png" and path.is_file() and path.with_suffix("").is_dir()


def read_run(path: Path) -> Found:
    """The lifeforms of a run; damaged ones are left out.

    Raises:
        ArchiveError: there is no archive, or no lifeform in it that can be read.
    """
    archive = open_archive(path)
    z, readable = archive.last_embeddings()
    names = ("evaluation", "score", "valid", *archive.measures)
    sound = np.intersect1d(np.flatnonzero(readable), archive.sound)
    columns = _columns(archive, sound, names)
    good = columns["valid"].astype(bool) & np.isfinite(columns["score"])
    if not good.any():
        reason = "none that can be read; see `alife check-archive`" if len(archive) else "no lifeform yet"
        raise ArchiveError(f"{path} holds {reason}: leave it out, or go on with it: alife resume {path}")
    columns = {name: column[good] for name, column in columns.items()}
    last = int(columns["evaluation"][-1])
    return Found(
        path=path,
        config=archive.config,
        identity=archive.provenance.get("model", {}).get("identity", ""),
        evaluations=max(last + 1, archive.progress.get("evaluations", 0)),
        evaluation=columns["evaluation"],
        score=columns["score"].astype(np.float64),
        z=z[sound[good]],
        measures={name: columns[name] for name in archive.measures},
        left_out=len(archive) - len(sound),
    )


def _columns(archive: Archive, ids: Int[np.ndarray, " n"], names: Sequence[str]) -> dict[str, np.ndarray]:
    try:
        table = archive.table()
        return {name: table[name][ids] for name in names}
    except ArchiveDamaged:  # a table is whole or not to be had; lifeforms can be read one by one
        rows = [archive[int(i)] for i in ids]
        return {name: np.array([row.measures.get(name, getattr(row, name, 0)) for row in rows]) for name in names}

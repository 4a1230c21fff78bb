"""Runs to be compared, and the lifeforms of each, in the order in which they were found."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from .errors import ArchiveError, BadOption
from .storage import open_archive
from .storage.remote import Place, RemotePath, place_of


class Found(NamedTuple):
    """What a comparison needs of one run: its lifeforms (n) in the order in which they were found."""

    path: Place
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


def find_runs(paths: Sequence[str | Path | RemotePath]) -> list[Place]:
    """The run directories that paths and patterns name, each once; contact sheets beside their runs are passed over.

    Raises:
        BadOption: no path.
        ArchiveError: a pattern that nothing fits.
    """
    found: list[Place] = []
    for path in map(str, paths):
        fits = sorted(glob.glob(path)) if glob.has_magic(path) and not os.path.exists(path) else [path]
        if not fits:
            raise ArchiveError(f"nothing fits {path!r}; expected run directories, as `alife search` makes them")
        found += map(place_of, fits)
    runs = {path.resolve(): path for path in found if not _is_sheet(path)}
    if not runs:
        raise BadOption("there is no run to compare; expected one or more run directories")
    return list(runs.values())


def _is_sheet(path: Place) -> bool:
    return isinstance(path, Path) and path.suffix == ".png" and path.is_file() and path.with_suffix("").is_dir()


def read_run(path: Place) -> Found:
    """The lifeforms of a run; damaged ones are left out.

    Raises:
        ArchiveError: there is no archive, or no lifeform in it that can be read.
    """
    archive = open_archive(path)
    z, readable = archive.last_embeddings()
    ids = archive.alive[readable[archive.alive]]
    columns = archive.table(ids)
    ids, columns = ids[good := np.isfinite(columns["score"])], {name: c[good] for name, c in columns.items()}
    if not len(ids):
        reason = "none that can be read; see `alife check-archive`" if len(archive) else "no lifeform yet"
        raise ArchiveError(f"{path} holds {reason}: leave it out, or go on with it: alife resume {path}")
    return Found(
        path=path,
        config=archive.config,
        identity=archive.provenance.get("model", {}).get("identity", ""),
        evaluations=max(int(columns["evaluation"].max()) + 1, archive.progress.get("evaluations", 0)),
        evaluation=columns["evaluation"],
        score=columns["score"].astype(np.float64),
        z=z[ids],
        measures={name: columns[name] for name in archive.measures},
        left_out=len(archive) - len(archive.sound),
    )

"""What a model sees in the last pictures of a run: stored by the run itself, or looked at again and then kept."""

from __future__ import annotations

import contextlib

import numpy as np
from jaxtyping import Bool, Float

from .embedding import Embedder
from .errors import ArchiveDamaged
from .storage import Archive
from .storage.index import VectorIndex

BATCH = 64
"""Pictures embedded at a time, so that one program serves a run of any size."""


def seen_by(archive: Archive, embedder: Embedder | None = None) -> VectorIndex:
    """The unit vector of each lifeform's last picture; NaN where that cannot be read.

    Args:
        archive: of a run.
        embedder: who looks; None = the run's own model.  What another model sees is kept beside the archive.
    """
    if embedder is None or embedder.model.identity == archive.provenance.get("model", {}).get("identity"):
        return archive.index
    index = VectorIndex(
        archive.path,
        embedder.model.identity,
        embedder.model.dim,
        stamp=archive.created,
        read=lambda start, stop: _look(archive, embedder, start, stop),
        step=BATCH,
    )
    index.extend(len(archive))
    return index


def _look(
    archive: Archive, embedder: Embedder, start: int, stop: int
) -> tuple[Float[np.ndarray, "b D"], Bool[np.ndarray, " b"]]:
    """Vectors of lifeforms start..stop-1, and which of them can be read; a short batch is filled with repetitions."""
    pictures = {}
    for i in range(start, stop):
        with contextlib.suppress(ArchiveDamaged):
            pictures[i - start] = archive[i].frames[-1]
    z, readable = np.zeros((stop - start, embedder.model.dim), np.float32), np.zeros(stop - start, bool)
    if pictures:
        size = max(len(pictures), min(BATCH, len(archive)))
        batch = np.stack(list(pictures.values()))[np.arange(size) % len(pictures)]
        readable[list(pictures)] = True
        z[readable] = embedder.pictures(batch.astype(np.float32) / 255)[: len(pictures)]
    return z, readable

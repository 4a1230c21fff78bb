"""What a model sees in the last pictures of a run: stored by the run itself, or looked at again and then kept."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from .config import DEFAULT_TEXT_MODEL, model_table
from .embedding import Embedder
from .errors import ArchiveDamaged
from .registry import Entry, Registry
from .storage import Archive
from .storage.index import VectorIndex
from .targets import require_text

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


def reader_of_texts(config: dict[str, Any], model: str | None, registry: Registry) -> tuple[Entry, Any]:
    """The model asked for; else the run's own if it knows text; else the one that always does."""
    if model is None and config.get("model", {}).get("name") in registry.models.able("embed_text"):
        entry, made = registry.models.make(config["model"])
        if Embedder(made).knows_text:
            return entry, made
    return registry.models.make(model_table(model or DEFAULT_TEXT_MODEL))


def who_looks(
    archive: Archive, words: bool, pictures: bool, registry: Callable[[], Registry], model: str | None = None
) -> tuple[str, Embedder | None]:
    """The name of the model that ranks lifeforms, and the model itself where it is needed: what a run saw is stored.

    Args:
        archive: of a run.
        words: whether it has to understand text.
        pictures: whether it has to look at pictures that are no lifeform's.
        registry: gives what may be named.
        model: asked for, see `alife.config.model_table`; None = the run's own, or one that knows text.

    Raises:
        BadOption: it has to understand text and the model asked for knows none.
    """
    config = archive.config
    if model is None and not words and not pictures:
        return config.get("model", {}).get("name", "its own model"), None
    known = registry()
    if words:
        entry, made = reader_of_texts(config, model, known)
        require_text(Embedder(made), entry.name, known)
    else:
        entry, made = known.models.make(config["model"] if model is None else model_table(model))
    return entry.name, Embedder(made)

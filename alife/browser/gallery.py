"""One run as the page sees it: columns, places on the map, pictures, and all about one lifeform."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from ..errors import ArchiveDamaged
from ..page.view import recipe
from ..storage import Archive, Lifeform, open_archive
from .projection import Projection

LARGEST_SIDE = 512
"""Edge of a picture that is asked for, pixels, at most."""
MOST_PICTURED = 64
"""Lifeforms whose pictures are asked for at once, at most."""
NEIGHBOURS = 8


class Gallery:
    """A run; everything is read under one lock, as answers come from several threads.

    Args:
        path: of the run directory.

    Raises:
        ArchiveError: there is no archive that can be read.
    """

    def __init__(self, path: Path) -> None:
        self.archive: Archive = open_archive(path)
        self.lock = Lock()

    def about(self) -> dict[str, Any]:
        """What is said above the map."""
        archive = self.archive
        return {
            "name": archive.path.name,
            "path": str(archive.path),
            "lifeforms": len(archive),
            "frames": archive.frames_shape[0],
        }

    def table(self) -> dict[str, np.ndarray]:
        """Place on the map and score of each lifeform committed by now; `shown` where there is one to look at."""
        with self.lock:
            self.archive.refresh()
            columns, sound = self.archive.records()
            z = self.archive.last_embeddings()[0]
        places = Projection(z)(z)
        return {
            "x": places[:, 0],
            "y": places[:, 1],
            "score": columns["score"].astype(np.float32),
            "shown": (sound & columns["valid"] & ~np.isnan(places[:, 0])).astype(np.uint8),
        }

    def pictures(self, ids: Sequence[int], side: int) -> dict[str, np.ndarray]:
        """Their frames, as large as asked for, and of which lifeforms these are: damaged ones are left out."""
        with self.lock:
            found = {i: frames for i in ids if (frames := _frames(self.archive, i)) is not None}
        frames = np.zeros((len(found), self.archive.frames_shape[0], side, side, 3), np.uint8)
        for place, pictures in enumerate(found.values()):
            frames[place] = _resized(pictures, side)
        return {"id": np.array(list(found), np.int32), "frames": frames}

    def lifeform(self, i: int) -> dict[str, Any]:
        """All about one.

        Raises:
            NoSuchLifeform: there is none of that number.
            ArchiveDamaged: its record is not as it was written.
        """
        with self.lock:
            life = self.archive[i]
            return {
                "id": life.id,
                "score": _number(life.score),
                "measures": {name: _number(value) for name, value in life.measures.items()},
                "substrate": life.substrate,
                "generation": life.generation,
                "operator": life.operator,
                "seed": list(life.seed),
                "parents": list(life.parents),
                "children": self._children(i),
                "alike": [other.id for other in self.archive.nearest(i, NEIGHBOURS)],
                "genotype": _genotype(life),
                "recipe": recipe(self.archive, i)._asdict(),
                "provenance": life.provenance,
            }

    def frames(self, i: int) -> UInt8[np.ndarray, "K H W 3"]:
        """Its whole life where that was kept, else the moments that the model saw; raises as `lifeform` does."""
        with self.lock:
            life = self.archive[i]
            return life.frames if life.clip is None else life.clip

    def replay(self, i: int) -> dict[str, Any]:
        """Runs it again from its record; raises as `alife.replay.replay` does."""
        from ..replay import replay  # brings JAX, which looking at pictures does without

        # A reader of its own: it takes seconds, and the page goes on asking for pictures.
        verdict = next(iter(replay(open_archive(self.archive.path), [i])))
        return {"verdict": verdict.verdict, "difference": _number(verdict.difference), "reasons": list(verdict.reasons)}

    def _children(self, i: int) -> list[int]:
        parents = self.archive.records()[0]["parent"]
        return np.flatnonzero((parents == i).any(1)).tolist()


def _genotype(life: Lifeform) -> list[float] | None:
    try:
        return [_number(value) for value in life.genotype.tolist()]
    except ArchiveDamaged:
        return None


def _number(value: float) -> Any:
    """JSON has no NaN and no infinity."""
    return value if np.isfinite(value) else None


def _frames(archive: Archive, i: int) -> UInt8[np.ndarray, "K H W 3"] | None:
    try:
        return archive[i].frames
    except ArchiveDamaged:
        return None


def _resized(frames: UInt8[np.ndarray, "K H W 3"], side: int) -> UInt8[np.ndarray, "K S S 3"]:
    """Smaller by averages, larger as crisp blocks, as `storage.sheet.fit` does, which takes eight times as long."""
    if frames.shape[1:3] == (side, side):
        return frames
    how = Image.Resampling.NEAREST if side >= frames.shape[1] else Image.Resampling.BOX
    return np.stack([np.asarray(Image.fromarray(frame).resize((side, side), how)) for frame in frames])


def requested_ids(text: str, known: int) -> list[int] | None:
    """Numbers of lifeforms from an address, or None if they are none of them.

    >>> requested_ids("3,1", 4), requested_ids("3,9", 4), requested_ids("../x", 4)
    ([3, 1], None, None)
    """
    words = text.split(",")
    if not 1 <= len(words) <= MOST_PICTURED or not all(word.isascii() and word.isdigit() for word in words):
        return None
    ids = [int(word[:12]) for word in words]
    return ids if max(ids) < known else None

"""Stored pictures as small WebP files inside the page: one still, and one loop that plays by itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from ..errors import ArchiveDamaged
from ..spread import core_count
from ..storage import Lifeform
from ..storage.sheet import fit

LARGEST, LARGEST_OF_MANY, SMALLEST = 224, 160, 96
"""Edge of a picture, pixels: at most, in a loop of more than `FEW` pictures, and at least (as crisp blocks)."""
FEW = 12
QUALITY = 78
LOOP_FRAMES = 32
"""Pictures in a loop, at most."""
LOOP_MS, SLOWEST_MS, HOLD_MS = 2400, 250, 900
"""A loop as a whole, one picture at most, and how much longer the last one stays, so that an end is seen."""


class Portrait(NamedTuple):
    """A lifeform and what the page shows of it."""

    lifeform: Lifeform
    still: str | None
    """Its last moment, a data URI; None where the stored pictures are damaged."""
    loop: str | None
    """Its life, a data URI; None for an ancestor that is there only to join others."""


def portraits(moving: Iterable[Lifeform], still: Iterable[Lifeform]) -> list[Portrait]:
    """Pictures of all, the moving ones first; in the order given."""
    jobs = [*((lifeform, True) for lifeform in moving), *((lifeform, False) for lifeform in still)]
    with ThreadPoolExecutor(core_count()) as pool:  # Pillow lets go of the interpreter while it encodes
        return list(pool.map(lambda job: _portrait(*job), jobs))


def _portrait(lifeform: Lifeform, moves: bool) -> Portrait:
    if not lifeform.readable:
        return Portrait(lifeform, None, None)
    last = _resized(lifeform.frames[-1:])
    return Portrait(lifeform, data_uri(last), data_uri(_resized(_moments(lifeform))) if moves else None)


def _moments(lifeform: Lifeform) -> UInt8[np.ndarray, "K H W 3"]:
    """The stored film, thinned out, or else the frames that the model saw."""
    try:
        clip = lifeform.clip
    except ArchiveDamaged:
        clip = None
    film = lifeform.frames if clip is None or not len(clip) else clip
    return film[np.linspace(0, len(film) - 1, min(len(film), LOOP_FRAMES)).round().astype(int)]


def _resized(frames: UInt8[np.ndarray, "K H W 3"]) -> UInt8[np.ndarray, "K S S 3"]:
    height, width = frames.shape[1:3]
    size = min(max(height, width), LARGEST if len(frames) <= FEW else LARGEST_OF_MANY)
    size *= -(-SMALLEST // size)
    return frames if (height, width) == (size, size) else np.stack([fit(frame, size) for frame in frames])


def data_uri(frames: UInt8[np.ndarray, "K H W 3"]) -> str:
    """One picture, or an animation for ever, as WebP."""
    from PIL import Image

    first, *rest = [Image.fromarray(frame) for frame in frames]
    file = io.BytesIO()
    if rest:
        each = min(SLOWEST_MS, LOOP_MS // len(frames))
        duration = [each] * len(rest) + [each + HOLD_MS]
        options = {"save_all": True, "append_images": rest, "duration": duration, "loop": 0}
    else:
        options = {}
    first.save(file, "webp", quality=QUALITY, method=4, **options)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()

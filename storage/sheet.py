"""Contact sheets: many lifeforms in one picture, and the choice of which ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int, UInt8

from alife.errors import BadOption

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

GROUND = (11, 12, 15)
EDGE = (30, 33, 40)
"""A hairline round each tile: without it a creature on black has no place to be in."""
QUIET = (126, 132, 146)
LOUD = (228, 231, 238)
GOLDEN = 1.6
"""Width to height that a sheet tries to have."""


def contact_sheet(
    frames: UInt8[np.ndarray, "N H W 3"],
    labels: Sequence[str],
    *,
    columns: int | None = None,
    tile: int = 192,
    title: str = "",
) -> UInt8[np.ndarray, "h w 3"]:
    """One dark picture with a tile for every lifeform, row by row, and a quiet label under each.

    Small pictures are enlarged into crisp blocks, large ones averaged down.

    Args:
        frames: one picture per lifeform, 0..255.
        labels: one text per picture, cut to the width of the tile; when all are empty no room is left for them.
        columns: tiles in a row; chosen for a pleasant, well filled sheet when not given.
        tile: edge of a tile, pixels, >= 16.
        title: one line at the top; empty = none.

    Raises:
        BadOption: no pictures, not as many labels as pictures, columns below 1 or tile below 16.

    >>> contact_sheet(np.zeros((6, 8, 8, 3), np.uint8), [""] * 6, tile=32).shape
    (92, 128, 3)
    """
    from PIL import Image, ImageDraw

    _check(frames, labels, columns, tile)
    per_row = columns or best_columns(len(frames))
    gap, margin = max(4, tile // 24), max(12, tile // 10)
    small, large = _font(max(10, tile // 15)), _font(max(14, tile // 8))
    under = round(2.0 * max(10, tile // 15)) if any(labels) else 0
    top = margin + (round(1.9 * max(14, tile // 8)) if title else 0)
    rows = -(-len(frames) // per_row)
    width = 2 * margin + per_row * tile + (per_row - 1) * gap
    height = top + rows * (tile + under) + (rows - 1) * gap + margin - under // 4
    sheet = Image.new("RGB", (width, height), GROUND)
    draw = ImageDraw.Draw(sheet)
    if title:
        draw.text((margin, margin), _shorten(draw, title, large, width - 2 * margin), LOUD, large)
    mask, outline = _corners(tile)
    for number, (frame, label) in enumerate(zip(frames, labels, strict=True)):
        row, column = divmod(number, per_row)
        x, y = margin + column * (tile + gap), top + row * (tile + under + gap)
        sheet.paste(Image.fromarray(fit(frame, tile)), (x, y), mask)
        sheet.paste(EDGE, (x, y), outline)
        draw.text((x + 2, y + tile + under // 5), _shorten(draw, label, small, tile - 4), QUIET, small)
    return np.asarray(sheet).copy()


def most_different(z: Float[np.ndarray, "N D"], n: int, first: int | None = None) -> Int[np.ndarray, " n"]:
    """The n rows that show the most of what there is: each next one is the farthest from all chosen before it.

    Farthest-point sampling by cosine distance: no choice of n points covers the others more than twice as closely.
    Takes time in proportion to N n; ties go to the lower index.

    Args:
        z: one embedding per lifeform, of any length above 0.
        n: how many, >= 1; all of them when there are fewer.
        first: the row to begin with, such as the best; else the one least like the average.

    Raises:
        BadOption: no rows, n below 1, or `first` is not a row.

    Source: Gonzalez 1985, "Clustering to minimize the maximum intercluster distance" (there with any metric).

    >>> most_different(np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]), 2, first=0).tolist()
    [0, 2]
    """
    if len(z) == 0 or n < 1:
        raise BadOption(f"asked for the {n} most different of {len(z)} lifeforms; expected at least 1 of each")
    if first is not None and not 0 <= first < len(z):
        raise BadOption(f"first is {first}; expected a row from 0 to {len(z) - 1}")
    unit = z.astype(np.float32)
    unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    chosen = [int((unit @ unit.mean(0)).argmin()) if first is None else first]
    nearest = np.full(len(z), -np.inf, np.float32)  # cosine to the most similar chosen row
    while len(chosen) < min(n, len(z)):
        np.maximum(nearest, unit @ unit[chosen[-1]], out=nearest)
        nearest[chosen[-1]] = np.inf
        chosen.append(int(nearest.argmin()))
    return np.array(chosen)


def best_columns(count: int) -> int:
    """Tiles in a row for a sheet about 1.6 times as wide as high, with few empty places in its last row.

    >>> [best_columns(n) for n in (1, 2, 3, 6, 15, 16, 24, 36)]
    [1, 2, 3, 3, 5, 4, 6, 9]
    """

    def ugliness(columns: int) -> float:
        rows = -(-count // columns)
        empty = rows * columns - count
        return abs(math.log(columns / rows / GOLDEN)) + 3 * empty / (rows * columns) + 0.2 * (empty > 0)

    return min(range(1, min(count, 24) + 1), key=ugliness)


def fit(frame: UInt8[np.ndarray, "H W 3"], edge: int) -> UInt8[np.ndarray, "edge edge 3"]:
    """A picture at another size: each pixel is the average over the area that it covers.

    So large pictures shrink without losing fine detail, and small ones become crisp blocks, all equally wide.

    >>> fit(np.array([[[0] * 3, [90] * 3]] * 2, np.uint8), 3)[0, :, 0].tolist()
    [0, 45, 90]
    """
    rows, columns = _overlap(frame.shape[0], edge), _overlap(frame.shape[1], edge)
    return np.round(np.einsum("yi,ijc,xj->yxc", rows, frame, columns, optimize=True)).astype(np.uint8)


def _overlap(source: int, target: int) -> Float[np.ndarray, "target source"]:
    """How much of each new pixel each old one covers; rows sum to 1."""
    ends, old = np.arange(target + 1) * source / target, np.arange(source)
    shared = np.minimum(ends[1:, None], old + 1) - np.maximum(ends[:-1, None], old)
    return np.maximum(shared, 0) * target / source


def _corners(tile: int) -> tuple[Image, Image]:
    """Masks of a tile with soft corners and of its hairline, drawn at four times the size to be smooth."""
    from PIL import Image, ImageDraw

    masks = []
    for filled in (True, False):
        big = Image.new("L", (4 * tile, 4 * tile), 0)
        box, radius = (0, 0, 4 * tile - 1, 4 * tile - 1), 4 * max(2, tile // 20)
        if filled:
            ImageDraw.Draw(big).rounded_rectangle(box, radius, fill=255)
        else:
            ImageDraw.Draw(big).rounded_rectangle(box, radius, outline=255, width=4)
        masks.append(big.resize((tile, tile), Image.Resampling.BOX))
    return masks[0], masks[1]


def _shorten(draw: ImageDraw, text: str, font: FreeTypeFont | ImageFont, width: int) -> str:
    """The text on one line, cut with dots where it is too wide."""
    text = " ".join(text.split())
    if draw.textlength(text, font) <= width:
        return text
    while text and draw.textlength(text + "...", font) > width:
        text = text[:-1]
    return text.rstrip() + "..."


def _font(size: int) -> FreeTypeFont | ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _check(frames: np.ndarray, labels: Sequence[str], columns: int | None, tile: int) -> None:
    if min(frames.shape) == 0:
        raise BadOption("a contact sheet needs at least one picture; there is none")
    if len(labels) != len(frames):
        raise BadOption(f"{len(frames)} pictures have {len(labels)} labels; expected one each")
    if columns is not None and columns < 1:
        raise BadOption(f"columns is {columns}; expected 1 or more")
    if tile < 16:
        raise BadOption(f"tile is {tile} pixels; expected 16 or more")

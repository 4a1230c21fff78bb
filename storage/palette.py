"""Colours for gif: at most 255 of them, chosen once for a whole animation.

One palette for all frames, and a dither that depends on the place alone: a pixel that does not change in the world
does not change in the file either, so nothing flickers and still ground costs no bytes.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int, UInt8

COLOURS = 255
"""One less than a gif holds: the last number is kept for "as in the frame before"."""

SAMPLE = 1 << 16
"""Pixels looked at to choose a palette."""

EXACT = 1 << 19
"""Most colours that are looked up one by one; beyond it their lowest bits, far below the palette's error, are cut."""

BAYER = np.array([[0, 2], [3, 1]])


def to_palette(
    frames: UInt8[np.ndarray, "K H W 3"],
) -> tuple[UInt8[np.ndarray, "C 3"], list[UInt8[np.ndarray, "H W"]]]:
    """An animation in at most 255 colours: the palette, and for each frame the number of each pixel's colour.

    An animation that has no more colours than that is kept exactly.

    >>> palette, (first,) = to_palette(np.array([[[[0, 0, 9], [7, 0, 0]]]], np.uint8))
    >>> palette[first].tolist()
    [[[0, 0, 9], [7, 0, 0]]]
    """
    codes = [_code(frame) for frame in frames]
    palette = _decode(_distinct(codes))
    if len(palette) > COLOURS:
        pixels = frames.reshape(-1, 3)
        # by chance: every so many pixels would be the same few columns of all frames
        sample = pixels[np.random.default_rng(0).integers(0, len(pixels), SAMPLE)] if len(pixels) > SAMPLE else pixels
        grounds = _grounds(sample)
        palette, error = _choose(sample, COLOURS - len(grounds))
        palette = np.concatenate([_decode(grounds), palette])
        noise = _dither(frames.shape[1], frames.shape[2], error)
        codes = [_disturb(frame, noise, grounds) for frame in frames]
    distinct, mask = _distinct(codes), (1 << 24) - 1
    for bits in range(1, 8):
        if len(distinct) <= EXACT:
            break
        mask = ((0xFF << bits) & 0xFF) * 0x010101
        distinct = np.unique(distinct & mask)
    numbers = np.zeros(1 << 24, np.uint8)
    numbers[distinct] = _nearest(_decode(distinct), palette)[0]
    return palette, [numbers[code & mask] for code in codes]


def _grounds(sample: UInt8[np.ndarray, "n 3"]) -> Int[np.ndarray, " g"]:
    """Colours of more than 2 pixels in 100, as `_code`: kept exactly, since a dither shows most on an even ground."""
    distinct, counts = np.unique(_code(sample), return_counts=True)
    return distinct[counts > 0.02 * len(sample)]


def _disturb(
    frame: UInt8[np.ndarray, "H W 3"], noise: Int[np.ndarray, "H W 3"], grounds: Int[np.ndarray, " g"]
) -> Int[np.ndarray, "H W"]:
    """The frame's colours with the dither added, grounds untouched, as `_code`."""
    code = _code(frame)
    return np.where(np.isin(code, grounds), code, _code(np.clip(frame + noise, 0, 255).astype(np.uint8)))


def _choose(sample: UInt8[np.ndarray, "n 3"], count: int) -> tuple[UInt8[np.ndarray, "C 3"], float]:
    """At most `count` colours for these pixels, and their root mean square error in one channel, 0..255.

    Median cut, improved by k-means.  A colour counts by the root of how often it is seen: the ground that fills most
    of a world must not take the colours that a small creature needs.
    """
    from PIL import Image

    distinct, counts = np.unique(_code(sample), return_counts=True)
    points, weights = _decode(distinct), np.sqrt(counts)
    start = Image.fromarray(points[None]).quantize(count, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    palette = np.array(start.getpalette(), np.uint8).reshape(-1, 3)[:count]
    for _ in range(6):
        nearest = _nearest(points, palette)[0]
        total = np.bincount(nearest, weights, len(palette))
        sums = np.stack([np.bincount(nearest, weights * points[:, c], len(palette)) for c in range(3)], axis=1)
        used = total > 0
        palette[used] = np.round(sums[used] / total[used, None])
    return palette, float(np.sqrt(np.average(_nearest(points, palette)[1], weights=weights) / 3))


def _dither(height: int, width: int, error: float) -> Int[np.ndarray, "H W 3"]:
    """A fixed 8 x 8 pattern as strong as the palette is wrong, shifted from channel to channel to stay grey."""
    tile = BAYER
    for _ in range(2):
        tile = np.block([[4 * tile + offset for offset in row] for row in BAYER])
    pattern = (tile + 0.5) / 64 - 0.5
    pattern = np.stack([pattern, np.roll(pattern, 4, axis=0), np.roll(pattern, 4, axis=1)], axis=-1)
    tiled = np.tile(pattern, (-(-height // 8), -(-width // 8), 1))[:height, :width]
    return np.round(tiled * error * 2.5).astype(int)


def _nearest(
    points: UInt8[np.ndarray, "n 3"], palette: UInt8[np.ndarray, "C 3"]
) -> tuple[UInt8[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """The palette's nearest colour to each point, and the squared distance to it."""
    centres = palette.astype(np.float32)
    half = (centres**2).sum(1) / 2
    numbers, distances = np.empty(len(points), np.uint8), np.empty(len(points), np.float32)
    for start in range(0, len(points), 8192):  # a block that stays in the cache
        block = points[start : start + 8192].astype(np.float32)
        score = half - block @ centres.T
        best = score.argmin(1)
        numbers[start : start + 8192] = best
        distances[start : start + 8192] = (block**2).sum(1) + 2 * score[np.arange(len(block)), best]
    return numbers, distances


def _code(colours: UInt8[np.ndarray, "*n 3"]) -> Int[np.ndarray, "*n"]:
    """Each colour as one number, 0xRRGGBB."""
    wide = colours.astype(np.int32)
    return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]


def _decode(codes: Int[np.ndarray, " n"]) -> UInt8[np.ndarray, "n 3"]:
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=-1).astype(np.uint8)


def _distinct(codes: list[Int[np.ndarray, "H W"]]) -> Int[np.ndarray, " n"]:
    """Every colour that occurs, ascending: marked in a table of all colours, which is far quicker than sorting."""
    seen = np.zeros(1 << 24, bool)
    for code in codes:
        seen[code] = True
    return np.flatnonzero(seen)

"""Frames as files that people can watch: gif, mp4, webm, webp and png.

These are previews to look at and to send; the exact pictures stay in the archive.  Which format when:

| suffix | made with | choose it because |
|---|---|---|
| .webm | VP9 | free of patents and licence fees; every browser plays it |
| .mp4  | H.264, or AV1 where the installed PyAV brings no H.264 encoder | plays everywhere, QuickTime and slides too |
| .gif  | one palette for the whole animation | plays inline in any document, loops for ever |
| .webp | lossless WebP | animated and exact: every pixel as given |
| .png  | the last frame | one picture |

H.264 is not free of patents, and the encoder (x264) is under the GPL, so nothing here writes it unless a file name
ends in `.mp4`: whoever must stay clear of it names the file `.webm`.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from alife.errors import AlifeError, BadOption

MP4_CODECS = {
    "libx264": {"crf": "15", "preset": "medium", "profile": "high"},
    "libsvtav1": {"crf": "22", "preset": "8"},
}
"""Encoders for .mp4, the first installed one is taken."""

WEBM_CODECS = {"libvpx-vp9": {"crf": "20", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"}}
"""Encoders for .webm; a bit rate of 0 means that the quality (crf) alone decides."""


def write_media(path: str | Path, frames: UInt8[np.ndarray, "K H W 3"], *, fps: float) -> None:
    """Write frames to a file whose suffix says the format; whole or not at all.

    Args:
        path: ends in .gif, .mp4, .webm, .webp or .png; a file that is there is replaced.
        frames: red green blue, 0..255, in time order; .png takes the last one.
        fps: frames per second, > 0.  A gif cannot go above 50: it then leaves frames out and keeps the speed.

    Raises:
        BadOption: unknown suffix, a folder that is not there, no frames, or fps not above 0.
        AlifeError: the system refuses to write (a full disk), or no encoder is installed.
    """
    target = Path(path)
    check_target(target)
    if not (math.isfinite(fps) and fps > 0):
        raise BadOption(f"fps is {fps!r}; expected frames per second, above 0")
    if min(frames.shape) == 0:
        raise BadOption(f"there is nothing to write to {target}: frames have shape {frames.shape}")
    with whole_file(target) as partial:
        WRITERS[target.suffix.lower()](partial, np.ascontiguousarray(frames), float(fps))


def write_picture(path: str | Path, picture: UInt8[np.ndarray, "H W 3"]) -> None:
    """Write one picture as .png; whole or not at all.  Raises as `write_media` does."""
    check_target(path, (".png",))
    write_media(path, picture[None], fps=1)


def check_target(path: str | Path, suffixes: Iterable[str] | None = None) -> None:
    """Find out before hours of work, not after, whether a file can be written there.

    Args:
        suffixes: what the name may end in; everything that `write_media` knows when not given.

    Raises:
        BadOption: another suffix, a folder that does not exist, or the name of a folder.
    """
    target, known = Path(path), sorted(WRITERS if suffixes is None else suffixes)
    if target.suffix.lower() not in known:
        given = f"ends in {target.suffix!r}" if target.suffix else "has no suffix"
        raise BadOption(f"the file name {str(target)!r} {given}; expected {' or '.join(known)}")
    if target.is_dir():
        raise BadOption(f"{str(target)!r} is a folder; expected the name of a file")
    if not target.parent.is_dir():
        raise BadOption(f"{str(target)!r} cannot be written: there is no folder {str(target.parent)!r}; make it first")


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A name to write to inside `with`; the file takes its real name only once all of it is there.

    Raises:
        AlifeError: the system refuses to write: a full disk, a folder of somebody else.
    """
    # A sibling, so that the rename stays on one disk; same suffix, as some writers go by it.
    partial = target.with_name(f".partial-{os.getpid()}-{target.name}")
    try:
        yield partial
        os.replace(partial, target)
    except OSError as cause:
        said = os.strerror(cause.errno) if cause.errno else str(cause)
        raise AlifeError(f"cannot write {str(target)!r}: {said}; free some space, or name another place") from cause
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _write_png(path: Path, frames: UInt8[np.ndarray, "K H W 3"], fps: float) -> None:
    import imageio.v3 as iio

    iio.imwrite(path, frames[-1], extension=".png")


def _write_gif(path: Path, frames: UInt8[np.ndarray, "K H W 3"], fps: float) -> None:
    from PIL import Image

    from .palette import to_palette

    if fps > 50:  # players slow a delay below 2/100 s down to 10/100 s
        frames, fps = frames[(np.arange(math.ceil(len(frames) * 50 / fps)) * fps / 50).astype(int)], 50.0
    ends = np.round(np.arange(len(frames) + 1) * 100 / fps).astype(int)  # 1/100 s; rounded so that the sum is right
    palette, indices = to_palette(frames)
    pictures = []
    for index in indices:
        pictures.append(Image.fromarray(index, "P"))
        pictures[-1].putpalette(palette.tobytes())
    pictures[0].save(
        path,
        "gif",
        save_all=True,
        append_images=pictures[1:],
        loop=0,
        duration=(np.diff(ends) * 10).tolist(),
        disposal=1,
        optimize=True,
        palette=palette.tobytes(),
    )


def _write_webp(path: Path, frames: UInt8[np.ndarray, "K H W 3"], fps: float) -> None:
    import imageio.v3 as iio

    ends = np.round(np.arange(len(frames) + 1) * 1000 / fps).astype(int)
    duration = np.diff(ends).tolist()
    iio.imwrite(path, frames, extension=".webp", plugin="pillow", lossless=True, method=2, loop=0, duration=duration)


def _write_mp4(path: Path, frames: UInt8[np.ndarray, "K H W 3"], fps: float) -> None:
    # the index in front of the pictures, so that a page can play before everything is loaded
    _write_video(path, frames, fps, "mp4", MP4_CODECS, {"movflags": "+faststart"})


def _write_webm(path: Path, frames: UInt8[np.ndarray, "K H W 3"], fps: float) -> None:
    _write_video(path, frames, fps, "webm", WEBM_CODECS, {})


def _write_video(
    path: Path,
    frames: UInt8[np.ndarray, "K H W 3"],
    fps: float,
    container: str,
    codecs: dict[str, dict[str, str]],
    flags: dict[str, str],
) -> None:
    import av
    from av.video.reformatter import ColorRange, Colorspace
    from av.video.stream import VideoStream

    codec = next((name for name in codecs if name in av.codecs_available), None)
    if codec is None:
        raise AlifeError(f"the installed PyAV has none of {', '.join(codecs)}; write a .gif, or reinstall av from PyPI")
    frames = _even(frames)
    with av.open(str(path), "w", format=container, options=flags) as file:
        stream = file.add_stream(codec, rate=Fraction(fps).limit_denominator(1000), options=codecs[codec])
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"  # the only one that every browser and QuickTime show
        context = stream.codec_context
        # Without these marks players guess the colour matrix from the picture's size, and small ones come out wrong.
        context.colorspace = context.color_primaries = context.color_trc = int(Colorspace.ITU709)
        context.color_range = int(ColorRange.MPEG)
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )
            picture.pts = number
            file.mux(stream.encode(picture))
        file.mux(stream.encode())


def _even(frames: UInt8[np.ndarray, "K h w 3"]) -> UInt8[np.ndarray, "K H W 3"]:
    """Odd edges repeat their last pixel: video stores one colour for every 2 x 2 pixels."""
    height, width = frames.shape[1:3]
    return np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")


WRITERS: dict[str, Callable[[Path, np.ndarray, float], None]] = {
    ".gif": _write_gif,
    ".mp4": _write_mp4,
    ".webm": _write_webm,
    ".webp": _write_webp,
    ".png": _write_png,
}
"""What `write_media` can write, by suffix."""

"""Films can be played, look like the frames, and are on the disk whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from alife.errors import AlifeError, BadOption
from alife.storage.media import WRITERS, check_target, whole_file, write_media, write_picture
from alife.storage.palette import to_palette


def glow(frames: int = 12, size: int = 64, bright: float = 1.0) -> np.ndarray:
    """Soft coloured lights that wander over a still dark ground: thousands of colours."""
    y, x = np.mgrid[:size, :size] / size
    film = np.zeros((frames, size, size, 3))
    for t in range(frames):
        for i, colour in enumerate([(1.0, 0.3, 0.1), (0.1, 0.6, 1.0), (0.3, 1.0, 0.4)]):
            turn = 2 * np.pi * (t / frames + i / 3)
            square = (x - 0.5 - 0.25 * np.cos(turn)) ** 2 + (y - 0.5 - 0.25 * np.sin(turn)) ** 2
            film[t] += np.maximum(np.exp(-square / 0.01) - 0.02, 0)[..., None] * np.array(colour)
    return np.round(np.clip(film * bright, 0, 1) * 255).astype(np.uint8)


def blinks(frames: int = 6, size: int = 8) -> np.ndarray:
    """Black and white noise, as from a lattice of live and dead cells."""
    cells = np.random.default_rng(0).integers(0, 2, (frames, size, size, 1), dtype=np.uint8)
    return (cells * 255).repeat(3, axis=-1)


def read(path: Path) -> tuple[np.ndarray, float]:
    """Frames and seconds of a gif, webp or video."""
    if path.suffix in (".mp4", ".webm"):
        with av.open(str(path)) as file:
            rate = float(file.streams.video[0].average_rate)
            frames = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
        return np.stack(frames), len(frames) / rate
    with Image.open(path) as image:
        frames, total = [], 0
        for number in range(image.n_frames):
            image.seek(number)
            image.load()
            frames.append(np.asarray(image.convert("RGB")))
            total += image.info["duration"]
    return np.stack(frames), total / 1000


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Root mean square difference of two films, 0..255."""
    return float(np.sqrt(np.mean((a.astype(float) - b.astype(float)) ** 2)))


@pytest.mark.parametrize(("suffix", "error"), [(".gif", 4.0), (".webp", 0.0), (".mp4", 4.0), (".webm", 4.0)])
def test_a_film_read_back_is_the_film(tmp_path: Path, suffix: str, error: float) -> None:
    film = glow()
    write_media(tmp_path / f"film{suffix}", film, fps=12)
    back, seconds = read(tmp_path / f"film{suffix}")
    assert back.shape == film.shape
    assert distance(back, film) <= error
    # error spread evenly, not a wrong colour matrix or a dark film
    assert np.abs(back.astype(float).mean((0, 1, 2)) - film.astype(float).mean((0, 1, 2))).max() < 1.5
    assert seconds == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_animations_loop_for_ever(tmp_path: Path, suffix: str) -> None:
    write_media(tmp_path / f"film{suffix}", glow(), fps=10)
    with Image.open(tmp_path / f"film{suffix}") as image:
        assert image.info["loop"] == 0


def test_png_is_the_last_frame(tmp_path: Path) -> None:
    film = glow()
    write_media(tmp_path / "film.PNG", film, fps=10)
    write_picture(tmp_path / "first.png", film[0])
    assert np.array_equal(Image.open(tmp_path / "film.PNG"), film[-1])
    assert np.array_equal(Image.open(tmp_path / "first.png"), film[0])


def test_mp4_is_what_browsers_and_quicktime_play(tmp_path: Path) -> None:
    write_media(tmp_path / "film.mp4", glow(), fps=30)
    with av.open(str(tmp_path / "film.mp4")) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert stream.codec_context.colorspace == 1  # BT.709, said in the file
    data = (tmp_path / "film.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # starts to play before it is loaded


def test_webm_is_free_of_licences(tmp_path: Path) -> None:
    write_media(tmp_path / "film.webm", glow(), fps=30)
    with av.open(str(tmp_path / "film.webm")) as file:
        assert file.streams.video[0].codec_context.name in ("vp9", "libdav1d", "av1")


def test_without_an_h264_encoder_mp4_becomes_av1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(av, "codecs_available", av.codecs_available - {"libx264"})
    write_media(tmp_path / "film.mp4", glow(), fps=30)
    assert distance(read(tmp_path / "film.mp4")[0], glow()) < 4
    monkeypatch.setattr(av, "codecs_available", set())
    with pytest.raises(AlifeError, match="libx264"):
        write_media(tmp_path / "none.mp4", glow(), fps=30)


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_odd_sizes_get_one_more_pixel(tmp_path: Path, suffix: str) -> None:
    film = glow(size=65)[:, :, :63] // 2 + np.uint8(90)
    write_media(tmp_path / f"film{suffix}", film, fps=30)
    back = read(tmp_path / f"film{suffix}")[0]
    assert back.shape == (12, 66, 64, 3)
    assert distance(back[:, :65, :63], film) < 4
    assert distance(back[:, 65, :63], film[:, 64]) < 4  # the same once more, no dark line


@pytest.mark.parametrize("suffix", sorted(WRITERS))
def test_one_tiny_frame_is_a_film_too(tmp_path: Path, suffix: str) -> None:
    write_media(tmp_path / f"one{suffix}", np.full((1, 8, 8, 3), 200, np.uint8), fps=7.5)
    assert (tmp_path / f"one{suffix}").stat().st_size > 0


# --- gif


def test_few_colours_are_kept_exactly(tmp_path: Path) -> None:
    write_media(tmp_path / "life.gif", blinks(), fps=10)
    assert np.array_equal(read(tmp_path / "life.gif")[0], blinks())


def test_a_still_ground_does_not_flicker(tmp_path: Path) -> None:
    film = glow()
    write_media(tmp_path / "film.gif", film, fps=10)
    back = read(tmp_path / "film.gif")[0]
    still = (film == film[0]).all(axis=(0, 3))
    assert 0.1 < still.mean() < 0.9
    assert (back[:, still] == back[0, still]).all()


def test_an_even_ground_is_not_dithered() -> None:
    """Though many colours near it are in the palette, and the rest of the film needs a strong dither."""
    film = np.random.default_rng(0).integers(0, 256, (4, 96, 96, 3), dtype=np.uint8)
    film[:, 32:64] = film[:, 32:64] // 20 + 94
    film[:, 64:] = 100
    palette, numbers = to_palette(film)
    assert len(palette) <= 255
    assert (palette[np.stack(numbers)][:, 64:] == 100).all()


def test_a_small_thing_in_a_long_film_keeps_its_colour() -> None:
    """Wherever it is: the pixels from which colours are chosen are not a few columns of every frame."""
    frames, side = 256, 128
    film = np.full((frames, side, side, 3), 255, np.uint8)
    film[:, 100:] = np.arange(frames, dtype=np.uint8)[:, None, None, None] // 4 + 60
    film[:, 70:80, 70:80] = np.stack([255 - np.arange(frames) // 4, np.arange(frames), np.arange(frames) // 2], 1)[
        :, None, None
    ]
    palette, numbers = to_palette(film)
    seen = palette[np.stack(numbers)][:, 70:80, 70:80].astype(int)
    assert np.abs(seen - film[:, 70:80, 70:80]).mean() < 12


def test_dark_films_keep_their_detail(tmp_path: Path) -> None:
    dark = glow(bright=0.12)
    write_media(tmp_path / "dark.gif", dark, fps=10)
    assert distance(read(tmp_path / "dark.gif")[0], dark) < 0.8


def test_noise_of_millions_of_colours_is_still_near() -> None:
    film = np.random.default_rng(0).integers(0, 256, (12, 224, 224, 3), dtype=np.uint8)
    palette, numbers = to_palette(film)
    assert distance(palette[np.stack(numbers)], film) < 30  # 6 x 6 x 7 levels would give 13, plus the dither


@pytest.mark.parametrize(("fps", "count"), [(50, 30), (60, 25), (120, 13), (0.5, 30), (24, 30)])
def test_a_gif_keeps_the_speed(tmp_path: Path, fps: float, count: int) -> None:
    write_media(tmp_path / "film.gif", blinks(30), fps=fps)
    frames, seconds = read(tmp_path / "film.gif")
    assert len(frames) == count
    assert seconds == pytest.approx(30 / fps, abs=0.02)


# --- what can go wrong


def test_an_unknown_suffix_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match=r"'\.avi'; expected \.gif or \.mp4 or \.png or \.webm or \.webp"):
        write_media(tmp_path / "film.avi", glow(1), fps=10)
    with pytest.raises(BadOption, match=r"no suffix; expected \.csv"):
        check_target(tmp_path / "table", (".csv",))


def test_impossible_places_are_named(tmp_path: Path) -> None:
    (tmp_path / "folder.gif").mkdir()
    with pytest.raises(BadOption, match="is a folder"):
        check_target(tmp_path / "folder.gif")
    with pytest.raises(BadOption, match=r"there is no folder .*nowhere"):
        check_target(tmp_path / "nowhere" / "film.gif")


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf")])
def test_a_speed_that_is_none(tmp_path: Path, fps: float) -> None:
    with pytest.raises(BadOption, match="fps is"):
        write_media(tmp_path / "film.gif", glow(1), fps=fps)


def test_no_frames(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match="nothing to write"):
        write_media(tmp_path / "film.gif", glow(1)[:0], fps=10)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "film.gif"
    target.write_bytes(b"old")
    with pytest.raises(RuntimeError), whole_file(target) as partial:
        partial.write_bytes(b"half")
        raise RuntimeError
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["film.gif"]


def test_what_the_system_refuses_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(AlifeError, match=r"cannot write .*: File name too long; .*another place"):
        write_media(tmp_path / f"{'x' * 240}.gif", glow(1), fps=10)


FULL = """
import resource, sys
import numpy as np
from alife.errors import AlifeError
from alife.storage.media import write_media
film = np.random.default_rng(0).integers(0, 256, (20, 64, 64, 3), dtype=np.uint8)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
for path in sys.argv[1:]:
    try:
        write_media(path, film, fps=10)
    except AlifeError as error:
        print(error)
"""


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk: writing fails half way in the same manner."""
    paths = [str(tmp_path / f"film{suffix}") for suffix in sorted(WRITERS)]
    done = subprocess.run([sys.executable, "-c", FULL, *paths], capture_output=True, text=True, check=True)
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [f"cannot write '{path}'" for path in paths]
    assert not os.listdir(tmp_path)

"""What people take away from an archive: sheets, films, records; tables are in `export_table`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from .config import RunConfig
from .errors import ArchiveError
from .registry import Registry
from .replay import film_world_of, films
from .spread import core_count
from .storage import Archive, Lifeform
from .storage.media import check_target, whole_file, write_media, write_picture
from .storage.query import most_unlike
from .storage.sheet import contact_sheet

SHEET_TILES = 24
SPARE = 8
"""Looked at besides, to take the places of empty pictures."""
MOVING_TILE, MOVING_FRAMES, MOVING_FPS = 128, 64, 20.0
"""Of a moving sheet: edge of a tile in pixels, pictures, pictures per second."""
FILM_SIZE = 256
STILL_SIZE = 512


def write_sheet(
    archive: Archive, target: Path, *, title: str, tiles: int = SHEET_TILES, registry: Registry | None = None
) -> list[int]:
    """A contact sheet of the most different lifeforms, whose ids it gives; moving unless the file is a .png.

    Raises:
        ArchiveError: the archive is empty.
        BadOption: a file that cannot be written, or not of that kind.
    """
    check_target(target)
    lifeforms = most_different_lifeforms(archive, tiles)
    labels = [f"{lifeform.id}   {lifeform.score:.2f}" for lifeform in lifeforms]
    ids = [lifeform.id for lifeform in lifeforms]
    if target.suffix.lower() == ".png":
        stills = np.stack([lifeform.frames[-1] for lifeform in lifeforms])
        write_picture(target, contact_sheet(stills, labels, title=title))
        return ids
    count = min(MOVING_FRAMES, archive.config["steps"])
    moving = np.stack(list(films(archive, ids, registry, frames=count, img_size=MOVING_TILE)))
    sheets = [contact_sheet(moment, labels, title=title, tile=MOVING_TILE) for moment in moving.swapaxes(0, 1)]
    write_media(target, np.stack(sheets), fps=MOVING_FPS)
    return ids


def most_different_lifeforms(archive: Archive, n: int) -> list[Lifeform]:
    """Up to n lifeforms that look unlike each other, the one with the best score first; empty pictures come last.

    Only valid ones that the search keeps and whose bytes are as they were written.

    Raises:
        ArchiveError: there is none of these.
    """
    if not len(archive):
        raise ArchiveError(f"{archive.path} holds no lifeform yet; search longer: alife resume {archive.path}")
    ids = archive.alive
    while len(chosen := most_unlike(archive, ids, n + SPARE)[0]):
        shown = archive.readable(chosen)
        if len(shown) == len(chosen):
            return sorted(shown, key=lambda lifeform: bool(np.ptp(lifeform.frames[-1]) == 0))[:n]
        ids = np.setdiff1d(ids, np.setdiff1d(chosen, [lifeform.id for lifeform in shown]))
    raise ArchiveError(f"no lifeform of {archive.path} can be shown; `alife check-archive {archive.path}` says why")


def export_film(
    archive: Archive,
    i: int,
    target: Path,
    *,
    frames: int | None = None,
    img_size: int | None = None,
    fps: float = 30.0,
    stored: bool = False,
    registry: Registry | None = None,
) -> None:
    """A lifeform's life as .gif .mp4 .webm .webp, or its last moment as .png, run again from its record.

    Args:
        archive: where the record is.
        i: the lifeform.
        target: file to write; its ending says what.
        frames: pictures; None = one per step, at most 300.
        img_size: edge of a picture, pixels.
        fps: pictures per second.
        stored: run nothing, but write the pictures that the archive holds: its clip, or else its frames.
        registry: what may be named; None = what is installed and the run's own plugin files.
    """
    if stored:
        lifeform = archive[i]
        write_film(target, lambda: lifeform.frames if lifeform.clip is None else lifeform.clip, fps)
        return
    still = target.suffix.lower() == ".png"
    size = img_size or (STILL_SIZE if still else FILM_SIZE)
    count = 1 if still else frames
    write_film(target, lambda: next(films(archive, [i], registry, frames=count, img_size=size)), fps)


def write_life(archive: Archive, target: Path, *, tiles: int, fps: float = 30.0) -> None:
    """A chronicle: its epochs in time order side by side (.png), or all its pictures one after the other, as a film.

    Args:
        archive: a chronicle.
        target: .png, or .gif .webp .mp4 .webm.
        tiles: epochs on a sheet, evenly spaced, the last one among them.
        fps: pictures per second of a film.
    """
    epochs = [archive[i] for i in archive.sound.tolist()]
    if target.suffix.lower() != ".png":
        write_film(target, lambda: np.concatenate([epoch.frames for epoch in epochs]), fps)
        return
    count = min(tiles, len(epochs))
    shown = [epochs[(i + 1) * len(epochs) // count - 1] for i in range(count)]
    labels = [f"step {(epoch.generation + 1) * archive.config['steps']:,}" for epoch in shown]
    pictures = np.stack([epoch.frames[-1] for epoch in shown])
    write_film(target, lambda: contact_sheet(pictures, labels, title=archive.path.name)[None], fps)


def write_worlds(
    target: Path,
    configs: Sequence[RunConfig],
    registry: Registry,
    *,
    frames: int | None = None,
    img_size: int | None = None,
    fps: float = 30.0,
) -> None:
    """The worlds that configurations name, from their start: a film of one, or a sheet of several side by side.

    Args:
        target: .gif .mp4 .webm .webp, or .png for the last moment.
        configs: worlds, one or more.
        registry: what they name.
        frames: pictures in the film; None = one per step, at most 300 for one world and 64 for several.
        img_size: edge of a picture, pixels; None = 256 for one world and 128 for several.
        fps: pictures per second.
    """
    still = target.suffix.lower() == ".png"
    if len(configs) == 1:
        count = 1 if still else frames
        write_film(target, lambda: film_world_of(configs[0], registry, count, img_size or FILM_SIZE), fps)
        return
    count = 1 if still else min(frames or MOVING_FRAMES, *(config.steps for config in configs))
    tile = img_size or MOVING_TILE

    def sheets() -> UInt8[np.ndarray, "K H W 3"]:
        with ThreadPoolExecutor(core_count()) as pool:
            lives = np.stack(list(pool.map(lambda config: film_world_of(config, registry, count, tile), configs)))
        labels = [config.name for config in configs]
        return np.stack([contact_sheet(moment, labels, tile=tile) for moment in lives.swapaxes(0, 1)])

    write_film(target, sheets, fps)


def write_film(target: Path, make: Callable[[], UInt8[np.ndarray, "K H W 3"]], fps: float) -> None:
    """Pictures that are made only when the place to write them is known to be good."""
    check_target(target)
    write_media(target, make(), fps=fps)


def write_record(archive: Archive, i: int, target: Path) -> None:
    """One lifeform's record as .npz: all that the archive holds of it, configuration and provenance as JSON."""
    check_target(target, (".npz",))
    lifeform = archive[i]
    optional = {
        "clip": lifeform.clip,
        **{f"state_{leaf}": moments for leaf, moments in (lifeform.states or {}).items()},
        **({} if lifeform.peak is None else {f"peak_{key}": value for key, value in lifeform.peak._asdict().items()}),
    }
    record = {
        "id": lifeform.id,
        "substrate": lifeform.substrate,
        "config": json.dumps(lifeform.config),
        "provenance": json.dumps(lifeform.provenance),
        "genotype": lifeform.genotype,
        "frames": lifeform.frames,
        "embedding": lifeform.embedding,
        "seed": lifeform.seed,
        "score": lifeform.score,
        "parents": lifeform.parents,
        "replaced": -1 if lifeform.replaced is None else lifeform.replaced,
        "generation": lifeform.generation,
        "evaluation": lifeform.evaluation,
        "operator": lifeform.operator,
        **{f"measure_{name}": value for name, value in lifeform.measures.items()},
        **{key.replace("/", "_"): value for key, value in optional.items() if value is not None},
    }
    arrays = {name: np.asarray(value) for name, value in record.items()}
    with whole_file(target) as place:
        np.savez_compressed(place, allow_pickle=False, **arrays)

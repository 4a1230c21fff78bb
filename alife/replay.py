"""Lifeforms again, from their records alone: replay with a verdict, films of any length and size."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt8

from .chronicle import CHRONICLE, lived_again
from .config import RunConfig, from_json
from .errors import ArchiveDamaged, PluginError, UnknownName
from .evaluate import Observation
from .pipeline import Pipeline
from .provenance import differences
from .registry import Registry, registry_with
from .storage import Archive, Lifeform
from .types import KEY_KIND, PRNGKey
from .worlds.engine import rollout

SAME_PICTURE = 2.0
"""Mean difference of frames, in steps of 255, up to which two pictures count as the same."""
FILM_FRAMES = 300
BATCH = 64
"""Lifeforms that are run again together."""


@dataclass(frozen=True)
class Replay:
    """One lifeform compared with its record."""

    id: int
    verdict: str
    """"same bytes" (frames, measures and embeddings), "same picture" (mean difference within the tolerance), "differs",
    or "damaged" where the record cannot be read."""
    difference: float
    """Mean absolute difference of the frames, in steps of 255; NaN where there is nothing to compare."""
    reasons: Sequence[str]
    """What changed since the record was made, when the bytes are not the same."""

    @property
    def same(self) -> bool:
        """True where the pictures are the same, to the byte or within the tolerance."""
        return self.verdict.startswith("same")

    def __str__(self) -> str:
        if self.verdict == "same bytes":
            return f"lifeform {self.id}: same bytes"
        why = "; ".join(self.reasons) or "nothing known changed since it was made; the machine may compute differently"
        if self.verdict == "damaged":
            return f"lifeform {self.id}: damaged: {why}"
        return f"lifeform {self.id}: {self.verdict} (mean difference {self.difference:.2f} of 255): {why}"


def registry_of(archive: Archive, registry: Registry | None = None) -> Registry:
    """The registry to read a run with: the given one, or what is installed and the run's own plugin files."""
    files = [file for origin in archive.origins for file in origin["config"].get("plugins", [])]
    return registry or registry_with(list(dict.fromkeys(files)))


def pipelines(archive: Archive, registry: Registry | None = None) -> Callable[[int], Pipeline]:
    """What it takes to run lifeforms again, by their origin; made when it is first asked for.

    The function that comes back raises PluginError where a plugin that made a lifeform is not installed; says which.
    """
    known = registry_of(archive, registry)

    @cache
    def pipeline(origin: int) -> Pipeline:
        made = archive.origins[origin]
        try:
            return Pipeline(from_json(made["config"]), known)
        except UnknownName as error:
            raise PluginError(_missing(error, made["provenance"])) from error

    return pipeline


def _missing(error: UnknownName, provenance: dict[str, Any]) -> str:
    """Which plugin to install, as far as the record knows it."""
    said = provenance.get(error.kind, {})
    package = said.get("package", "").split()
    what = f"{error.kind} {error.name!r} is not installed, and it takes that to run this again; "
    if package[:1] == ["package"]:
        return f"{what}package {package[1]} {package[2]} brought it: pip install {package[1]}"
    return f"{what}plugin {said.get('plugin', 'unknown')!r} brought it: give its file with --plugin"


def replay(
    archive: Archive, ids: Sequence[int], registry: Registry | None = None, *, tolerance: float = SAME_PICTURE
) -> Iterator[Replay]:
    """Run lifeforms again from their records alone, and compare frames, measures and embeddings with the stored ones.

    Args:
        archive: where the records are.
        ids: which lifeforms; the verdicts come in batches, those of one origin together.
        registry: what may be named; None = what is installed and the run's own plugin files.
        tolerance: mean difference of frames, in steps of 255, up to which pictures count as the same.

    Raises:
        AlifeError: an id that is not there, or a plugin that is no longer installed.
    """
    pipeline_of, groups = pipelines(archive, registry), dict[int, list[Lifeform]]()
    for i in ids:
        try:
            lifeform = archive[i]
        except ArchiveDamaged as damage:
            yield Replay(i, "damaged", float("nan"), (str(damage),))
        else:
            groups.setdefault(lifeform.origin, []).append(lifeform)
    for origin, lifeforms in groups.items():
        pipeline = pipeline_of(origin)
        changed = differences(archive.origins[origin]["provenance"], pipeline.provenance())
        if pipeline.config.search.get("name") == CHRONICLE:
            for lifeform, seen in lived_again(pipeline, lifeforms):
                yield _verdict(lifeform, seen, 0, changed, tolerance)
            continue
        for start in range(0, len(lifeforms), BATCH):
            yield from _replay_batch(pipeline, lifeforms[start : start + BATCH], changed, tolerance)


def _replay_batch(
    pipeline: Pipeline, lifeforms: Sequence[Lifeform], changed: Sequence[str], tolerance: float
) -> Iterator[Replay]:
    genotypes, known = [], []
    for lifeform in lifeforms:
        try:
            genotypes.append(lifeform.genotype)
            known.append(lifeform)
        except ArchiveDamaged as damage:
            yield Replay(lifeform.id, "damaged", float("nan"), (str(damage),))
    if not known:
        return
    keys = jnp.stack([key_of(lifeform) for lifeform in known])
    seen = pipeline.evaluator.observe(np.stack(genotypes), keys)
    for i, lifeform in enumerate(known):
        yield _verdict(lifeform, seen, i, changed, tolerance)


def _verdict(lifeform: Lifeform, seen: Observation, i: int, changed: Sequence[str], tolerance: float) -> Replay:
    """A lifeform compared with world i of what was seen."""
    again = {"frames": seen.frames[i], "embedding": seen.z[i]}
    numbers = {name: float(values[i]) for name, values in seen.measures.items()}
    try:
        return _compare(lifeform, again, numbers, changed, tolerance)
    except ArchiveDamaged as damage:
        return Replay(lifeform.id, "damaged", float("nan"), (str(damage),))


def key_of(lifeform: Lifeform) -> PRNGKey:
    """The PRNG key that a lifeform was run with."""
    return jax.random.wrap_key_data(jnp.array(lifeform.seed, jnp.uint32), impl=KEY_KIND)


def films(
    archive: Archive,
    ids: Sequence[int],
    registry: Registry | None = None,
    *,
    frames: int | None = None,
    img_size: int = 256,
) -> Iterator[UInt8[np.ndarray, "K H W 3"]]:
    """Whole lives of lifeforms in many pictures, run again from their records, one after the other.

    Args:
        archive: where the records are.
        ids: which lifeforms.
        registry: what may be named; None = what is installed and the run's own plugin files.
        frames: how many pictures, evenly spaced; None = one per step, at most 300.
        img_size: edge of a picture, pixels.
    """
    pipeline_of = pipelines(archive, registry)
    for i in ids:
        lifeform = archive[i]
        yield film_world(pipeline_of(lifeform.origin), key_of(lifeform), lifeform.genotype, frames, img_size)


def film_world(
    pipeline: Pipeline, key: jax.Array, genotype: np.ndarray, frames: int | None, img_size: int
) -> UInt8[np.ndarray, "K H W 3"]:
    """Many pictures of one world."""
    steps = pipeline.config.steps
    count = min(steps, FILM_FRAMES) if frames is None else frames
    params = pipeline.space.unflatten(genotype)
    run = rollout(pipeline.substrate, key, params, steps=steps, frames=count, img_size=img_size, as_bytes=True)
    if not run.finite:
        warnings.warn(
            f"this world of {pipeline.config.substrate} gives NaN or infinite numbers, which are drawn as black; "
            "`alife check` shows where",
            stacklevel=2,
        )
    return np.asarray(run.frames)


def _compare(
    lifeform: Lifeform, again: dict[str, np.ndarray], measures: dict[str, float], changed: Sequence[str], most: float
) -> Replay:
    stored, frames = lifeform.frames, again["frames"]
    if stored.shape != frames.shape:
        said = f"frames were {stored.shape} and are {frames.shape}"
        return Replay(lifeform.id, "differs", 255.0, (said, *changed))
    other = [name for name, value in lifeform.measures.items() if measures.get(name) != value]
    if not np.array_equal(lifeform.embedding, again["embedding"]):
        other.append("embedding")
    if np.array_equal(stored, frames) and not other:
        return Replay(lifeform.id, "same bytes", 0.0, ())
    difference = float(np.abs(stored.astype(np.int16) - frames).mean())
    reasons = [*changed, *([f"not the same: {', '.join(other)}"] if other else [])]
    return Replay(lifeform.id, "same picture" if difference <= most else "differs", difference, tuple(reasons))


def film_world_of(
    config: RunConfig, registry: Registry, frames: int | None, img_size: int
) -> UInt8[np.ndarray, "K H W 3"]:
    """Many pictures of the world that a configuration names, with its own genotype or one drawn by its seed."""
    pipeline = Pipeline(config, registry)
    return film_world(pipeline, *pipeline.own_world(), frames, img_size)

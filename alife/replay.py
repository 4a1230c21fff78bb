"""Lifeforms again, from their records alone: replay with a verdict, films of any length and size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt8

from .config import RunConfig, from_json
from .pipeline import Pipeline
from .provenance import differences
from .registry import Registry, registry_with
from .storage import Archive, Lifeform
from .types import KEY_KIND, PRNGKey
from .worlds.engine import rollout

SAME_PICTURE = 2.0
"""Mean difference of frames, in steps of 255, up to which two pictures count as the same."""
FILM_FRAMES = 300


@dataclass(frozen=True)
class Replay:
    """One lifeform compared with its record."""

    id: int
    verdict: str
    """"same bytes", "same picture" (mean difference at most 2 of 255) or "differs"."""
    difference: float
    """Mean absolute difference of the frames, in steps of 255."""
    reasons: Sequence[str]
    """What changed since the record was made, when the bytes are not the same."""

    @property
    def same(self) -> bool:
        """True unless the pictures differ."""
        return self.verdict != "differs"

    def __str__(self) -> str:
        if self.verdict == "same bytes":
            return f"lifeform {self.id}: same bytes"
        why = "; ".join(self.reasons) or "nothing known changed since it was made; the machine may compute differently"
        return f"lifeform {self.id}: {self.verdict} (mean difference {self.difference:.2f} of 255): {why}"


def registry_of(archive: Archive, registry: Registry | None = None) -> Registry:
    """The registry to read a run with: the given one, or what is installed and the run's own plugin files."""
    return registry or registry_with(archive.config.get("plugins", []))


def replay(archive: Archive, ids: Sequence[int], registry: Registry | None = None) -> list[Replay]:
    """Run lifeforms again from genotype, key and configuration, and compare the frames with the stored ones.

    Args:
        archive: where the records are.
        ids: which lifeforms.
        registry: what may be named; None = what is installed and the run's own plugin files.

    Raises:
        AlifeError: an id that is not there, a damaged record, or a plugin that is no longer installed.
    """
    pipeline = Pipeline(from_json(archive.config), registry_of(archive, registry))
    lifeforms = [archive[i] for i in ids]
    if not lifeforms:
        return []
    genotypes = np.stack([lifeform.genotype for lifeform in lifeforms])
    frames, *_ = pipeline.evaluator.observe(genotypes, jnp.stack([key_of(lifeform) for lifeform in lifeforms]))
    changed = differences(archive.provenance, pipeline.provenance())
    return [
        _compare(lifeform.id, lifeform.frames, again, changed)
        for lifeform, again in zip(lifeforms, frames, strict=True)
    ]


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
    pipeline = Pipeline(from_json(archive.config), registry_of(archive, registry))
    for i in ids:
        lifeform = archive[i]
        yield film_world(pipeline, key_of(lifeform), lifeform.genotype, frames, img_size)


def film_world(
    pipeline: Pipeline, key: jax.Array, genotype: np.ndarray, frames: int | None, img_size: int
) -> UInt8[np.ndarray, "K H W 3"]:
    """Many pictures of one world."""
    steps = pipeline.config.steps
    count = min(steps, FILM_FRAMES) if frames is None else frames
    params = pipeline.space.unflatten(genotype)
    run = rollout(pipeline.substrate, key, params, steps=steps, frames=count, img_size=img_size, as_bytes=True)
    return np.asarray(run.frames)


def _compare(i: int, stored: np.ndarray, again: np.ndarray, changed: Sequence[str]) -> Replay:
    if stored.shape == again.shape and np.array_equal(stored, again):
        return Replay(i, "same bytes", 0.0, ())
    if stored.shape != again.shape:
        return Replay(i, "differs", 255.0, (f"frames were {stored.shape} and are {again.shape}", *changed))
    difference = float(np.abs(stored.astype(np.int16) - again).mean())
    return Replay(i, "same picture" if difference <= SAME_PICTURE else "differs", difference, tuple(changed))


def film_world_of(
    config: RunConfig, registry: Registry, frames: int | None, img_size: int
) -> UInt8[np.ndarray, "K H W 3"]:
    """Many pictures of the world that a configuration names, with its own genotype or one drawn by its seed."""
    pipeline = Pipeline(config, registry)
    draw_key, key = jax.random.split(jax.random.key(config.seed, impl=KEY_KIND))
    space = pipeline.space
    genotype = space.sample(draw_key, 1)[0] if space.starts is None else space.starts[0]
    return film_world(pipeline, key, np.asarray(genotype), frames, img_size)

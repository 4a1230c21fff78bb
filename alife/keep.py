"""Worlds that a person has kept by hand: changed or bred from a lifeform, filed beside its run."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Num

from .budget import START, advance
from .config import RunConfig, from_json, replace
from .errors import ArchiveExists, BadOption
from .evaluate import bind_score, evaluate
from .lifeforms import kept_rows, layout_of, with_clips
from .pipeline import Pipeline
from .replay import key_of
from .storage import Archive, ArchiveWriter, Lifeform, create_archive, open_archive, resume_archive
from .storage.begin import origin_of
from .targets import embed_targets, with_vectors
from .types import OPERATORS, Evaluation, Verdict

KEPT = "-kept"
"""Ending of the name of a collection, which lies beside the run that its worlds come from."""
REMEMBERED = 4096
"""Latest lifeforms of the run that a score such as novelty compares with."""
BY_HAND = {"kept": True, "finished": True}
"""What the progress of a collection says: there is no search to go on with."""


def collection_of(archive: Archive) -> Path:
    """Where worlds that are kept from a run go; a collection takes its own."""
    if archive.progress.get("kept"):
        return archive.path
    return archive.path.with_name(archive.path.name + KEPT)


def keep_world(
    archive: Archive, parent: int, genotype: Num[np.ndarray, " G"], pipeline: Pipeline, *, operator: str = "mutate"
) -> tuple[Path, int]:
    """Runs a world with the key of its parent, and files it in the collection of a run, after its parent.

    Like every lifeform it is what its record says: its whole life, from the beginning, by the genotype given.  It is
    scored as the run would do it now, and what is there already is not filed again.

    Args:
        archive: of the run.
        parent: id of the lifeform that it was made from.
        genotype: its own.
        pipeline: what the parent was run with.
        operator: how the genotype came about, one of `alife.types.OPERATORS`.

    Returns:
        The collection, and the id of the world in it.

    Raises:
        NoSuchLifeform: there is no such parent.
        BadGenotype: no genotype of this substrate.
        BadOption: a world that gives NaN.
        ArchiveExists: a run that is no collection lies where it would be.
        ArchiveError: the collection cannot be written, or is written by somebody else.
    """
    life = archive[parent]
    genotype = pipeline.space.checked(np.asarray(genotype)[None], "genotype")[0]
    config = from_json(life.config)
    if not archive.progress.get("kept"):  # of what comes from a collection, the run that it came from first is said
        config = replace(config, origin=str(archive.path))
    whole = np.stack([np.asarray(life.genotype), genotype])
    evaluation = _evaluated(archive, config, pipeline, whole, life)
    if not evaluation.valid[-1]:
        raise BadOption("this world gives NaN or infinite numbers in its life; change it, then keep it")
    with _writer(collection_of(archive), config, pipeline) as writer:
        known = writer.archive
        first, place = (_filed(known, one, life, config) for one in whole)
        if place is not None:
            return writer.path, place
        numbers, before = known.records()[0]["evaluation"].tolist(), {**START, **writer.progress}
        new = slice(1 if first is not None else 0, 2)
        parents = np.full((2, 2), -1)
        parents[1, 0] = before["evaluations"] if first is None else numbers[first]
        ways = np.array([OPERATORS.index("given"), OPERATORS.index(operator)])
        verdict = Verdict(keep=np.ones(2, bool)[new], parents=parents[new], operator=ways[new])
        only = jax.tree.map(lambda leaf: leaf[new], evaluation)
        count = len(verdict.keep)
        rows = kept_rows(whole[new], only, verdict, np.zeros(count, bool), before["evaluations"], numbers)
        rows = with_clips(rows, pipeline.evaluator, config.clip)
        progress = {**advance(before, only, 0.0, True), **BY_HAND}
        writer.append(rows, generation=writer.generation + 1, checkpoint={}, progress=progress)
        return writer.path, len(writer.archive) - 1


def _writer(place: Path, config: RunConfig, pipeline: Pipeline) -> ArchiveWriter:
    known, provenance = config.as_json(), pipeline.provenance()
    if place.exists():
        if not open_archive(place).progress.get("kept"):
            raise ArchiveExists(f"{place} is a run of its own, and worlds kept by hand would go there; rename it first")
        return resume_archive(place, origin=origin_of(known, provenance))
    layout = layout_of(pipeline.evaluator, config.substrate, clip=config.clip > 0, peak=config.peak)
    return create_archive(place, layout, config=known, provenance=provenance)


def _filed(archive: Archive, genotype: Num[np.ndarray, " G"], life: Lifeform, config: RunConfig) -> int | None:
    """The lifeform of this genotype, key and configuration, if it is there."""
    if not len(archive):
        return None
    known = config.as_json()
    for i in np.flatnonzero((archive.records()[0]["seed"] == np.asarray(life.seed)).all(1)).tolist():
        if np.array_equal(archive[i].genotype, genotype) and archive[i].config == known:
            return i
    return None


def _evaluated(
    archive: Archive, config: RunConfig, pipeline: Pipeline, genotypes: Num[np.ndarray, "N G"], life: Lifeform
) -> Evaluation:
    evaluator = pipeline.evaluator
    images = with_vectors(config.images, evaluator.embedder, evaluator.img_size)
    targets = embed_targets(evaluator.embedder, prompts=config.prompts, images=images, negatives=config.negatives)
    expression = bind_score(config.score, pipeline.registry, evaluator, len(genotypes), targets)
    z = archive.last_embeddings()[0][archive.alive][-REMEMBERED:]
    keys = jnp.stack([key_of(life)] * len(genotypes))
    return evaluate(evaluator, expression, genotypes, keys, np.nan_to_num(z), len(z), targets)

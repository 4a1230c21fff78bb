"""Worlds that a person has kept by hand: changed or bred from a lifeform, filed beside its run."""

from __future__ import annotations

from collections.abc import Sequence

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
from .storage.remote import Place
from .targets import targets_of, with_seen
from .types import OPERATORS, Evaluation, Verdict

KEPT = "-kept"
"""Ending of the name of a collection, which lies beside the run that its worlds come from."""
REMEMBERED = 4096
"""Latest lifeforms of the run that a score such as novelty compares with."""
BY_HAND = {"kept": True, "finished": True}
"""What the progress of a collection says: there is no search to go on with."""


def collection_of(archive: Archive) -> Place:
    """Where worlds that are kept from a run go; a collection takes its own."""
    if archive.progress.get("kept"):
        return archive.path
    return archive.path.with_name(archive.path.name + KEPT)


def keep_world(
    archive: Archive, parents: Sequence[Lifeform], genotype: Num[np.ndarray, " G"], pipeline: Pipeline
) -> tuple[Place, int]:
    """Runs a world with the key of its first parent, and files it in the collection of a run, after its parents.

    Like every lifeform it is what its record says: its whole life, from the beginning, by the genotype given.  It is
    scored as the run would do it now, and what is there already is not filed again.

    Args:
        archive: of the run.
        parents: the one or two lifeforms of it that the world was made from.
        genotype: its own.
        pipeline: what the parents were run with.

    Returns:
        The collection, and the id of the world in it.

    Raises:
        BadGenotype: no genotype of this substrate.
        BadOption: a world that gives NaN.
        ArchiveExists: a run that is no collection lies where it would be.
        ArchiveError: the collection cannot be written, or is written by somebody else.
    """
    life, made = parents[0], len(parents)
    genotype = pipeline.space.checked(np.asarray(genotype)[None], "genotype")[0]
    config = from_json(life.config)
    if not archive.progress.get("kept"):  # of what comes from a collection, the run that it came from first is said
        config = replace(config, origin=str(archive.path))
    whole, seeds = np.stack([*(one.genotype for one in parents), genotype]), [*parents, life]
    evaluation = _evaluated(archive, config, pipeline, whole, seeds)
    if not evaluation.valid[-1]:
        raise BadOption("this world gives NaN or infinite numbers in its life; change it, then keep it")
    with _writer(collection_of(archive), config, pipeline) as writer:
        known = writer.archive
        *there, place = (_filed(known, one, like, config) for one, like in zip(whole, seeds, strict=True))
        if place is not None:
            return writer.path, place
        numbers, before = known.records()[0]["evaluation"].tolist(), {**START, **writer.progress}
        new = np.array([*(one is None for one in there), True])
        fresh = before["evaluations"] + np.cumsum(new) - 1
        of = np.full((made + 1, 2), -1)
        of[-1, :made] = [fresh[k] if one is None else numbers[one] for k, one in enumerate(there)]
        ways = np.array([*["given"] * made, "crossover" if made > 1 else "mutate"])
        operators = np.array([OPERATORS.index(way) for way in ways[new]])
        verdict = Verdict(keep=new[new], parents=of[new], operator=operators)
        only = jax.tree.map(lambda leaf: leaf[new], evaluation)
        count = len(verdict.keep)
        rows = kept_rows(whole[new], only, verdict, np.zeros(count, bool), before["evaluations"], numbers)
        rows = with_clips(rows, pipeline.evaluator, config.clip)
        progress = {**advance(before, only, 0.0, True), **BY_HAND}
        writer.append(rows, generation=writer.generation + 1, checkpoint={}, progress=progress)
        return writer.path, len(writer.archive) - 1


def _writer(place: Place, config: RunConfig, pipeline: Pipeline) -> ArchiveWriter:
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
    archive: Archive, config: RunConfig, pipeline: Pipeline, genotypes: Num[np.ndarray, "N G"], seeds: list[Lifeform]
) -> Evaluation:
    """Worlds with the keys of lifeforms."""
    evaluator = pipeline.evaluator
    targets = targets_of(with_seen(config, evaluator.embedder, evaluator.img_size), evaluator.embedder)
    expression = bind_score(config.score, pipeline.registry, evaluator, len(genotypes), targets)
    z = archive.last_embeddings()[0][archive.alive][-REMEMBERED:]
    keys = jnp.stack([key_of(one) for one in seeds])
    return evaluate(evaluator, expression, genotypes, keys, np.nan_to_num(z), len(z), targets)

"""From worlds that have been run to lifeforms: what of a generation goes into the archive, and as what."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from .evaluate import Evaluator
from .storage import Genes, Layout, Peak, Rows
from .substrate import measure_meanings
from .types import KEY_KIND, OPERATORS, Evaluation, PRNGKey, Verdict

SAMPLE_STREAM = 2**31
"""Folded into a generation's key for the sample; 0 and 1 are what the search's and the worlds' keys come from."""


def layout_of(evaluator: Evaluator, substrate: str, *, clip: bool, peak: str | None) -> Layout:
    """What an archive needs room for, to hold what an evaluator sees.

    Args:
        evaluator: of the run.
        substrate: name of its substrate.
        clip: whether a clip is kept with each world.
        peak: measure whose highest moment is kept.
    """
    space, size, count = evaluator.space, evaluator.img_size, evaluator.schedule.count
    meanings = measure_meanings(space.substrate)
    return Layout(
        substrates={substrate: Genes(space.size, space.dtype, evaluator.state_layout or {})},
        frames=(count, size, size),
        dim=evaluator.model.dim,
        measures={name: meanings.get(name, "") for name in evaluator.measure_names},
        steps=evaluator.schedule.ends.tolist(),
        clip=clip,
        peak=peak,
    )


def sampled_worlds(key: PRNGKey, generation: int | Array, n: int, share: float) -> Bool[np.ndarray, " n"]:
    """Which of n worlds are drawn into the sample, each by itself and whatever anybody thinks of it.

    The draw has random numbers of its own, so that nothing else in a run changes with it; a larger share draws the
    same worlds and more.

    Args:
        key: of all generations.
        generation: its number.
        n: worlds in it.
        share: chance of each, in [0, 1].
    """
    if not share:
        return np.zeros(n, bool)
    own = jax.random.fold_in(jax.random.fold_in(key, generation), SAMPLE_STREAM)
    return np.asarray(jax.random.uniform(own, (n,)) < share)


def kept_rows(
    genotypes: np.ndarray,
    evaluation: Evaluation,
    verdict: Verdict,
    sampled: Bool[np.ndarray, " N"],
    before: int,
    numbers: list[int],
) -> Rows:
    """The worlds that the search keeps or the sample has drawn, as rows of the archive.

    Worlds that are not valid are only ever there by the sample: their scores are -inf, their measures NaN.

    Args:
        genotypes: all of the generation.
        evaluation: of all of them.
        verdict: what the search said.
        sampled: which are in the sample.
        before: worlds run in earlier generations.
        numbers: evaluation number of every lifeform in the archive, ascending; its place is the lifeform's id.
    """
    valid = np.asarray(evaluation.valid)
    elite = np.asarray(verdict.keep) & valid
    rows = np.flatnonzero(elite | sampled)
    number = (before + rows).astype(np.int64)
    known = np.array([*numbers, *number], np.int64)
    replaced = np.full(len(genotypes), -1)
    if verdict.replaced is not None:
        replaced = np.where(elite, verdict.replaced, -1)

    def real(values: Any) -> np.ndarray:
        return np.where(valid, values, np.nan)[rows].astype(np.float32)

    return Rows(
        genotype=genotypes[rows],
        parent=_ids(known, np.asarray(verdict.parents)[rows]),
        replaced=_ids(known, replaced[rows]),
        operator=np.asarray(verdict.operator)[rows].astype(np.uint8),
        evaluation=number,
        seed=np.asarray(jax.random.key_data(evaluation.keys))[rows].astype(np.uint32),
        score=np.asarray(evaluation.scores)[rows].astype(np.float32),
        measures={name: real(values) for name, values in evaluation.measures.items()},
        valid=valid[rows],
        embedding=np.asarray(evaluation.z)[rows].astype(np.float32),
        frames=np.asarray(evaluation.frames)[rows],
        elite=elite[rows],
        sampled=sampled[rows],
        states={leaf: list(np.asarray(states)[rows]) for leaf, states in (evaluation.states or {}).items()},
        peak=evaluation.peak and Peak(*(np.asarray(part)[rows] for part in evaluation.peak)),
    )


def with_clips(rows: Rows, evaluator: Evaluator, count: int) -> Rows:
    """The rows with clips of `count` pictures, for which their worlds are run again."""
    if not count or not len(rows.evaluation):
        return rows
    keys = jax.random.wrap_key_data(jnp.asarray(rows.seed), impl=KEY_KIND)
    return rows._replace(clip=list(evaluator.film(np.asarray(rows.genotype), keys, count)))


def with_given(verdict: Verdict, genotypes: np.ndarray, starts: Any) -> Verdict:
    """The verdict on the first generation, with what the run was given to begin with told from what the search made."""
    operator = np.array(verdict.operator)
    if starts is not None:
        first = np.asarray(starts)[: len(genotypes)]
        same = np.all(genotypes[: len(first)] == first, axis=1)
        operator[: len(first)] = np.where(same, OPERATORS.index("given"), operator[: len(first)])
    return verdict._replace(operator=operator)


def _ids(known: Int[np.ndarray, " M"], numbers: Int[np.ndarray, "*n"]) -> Int[np.ndarray, "*n"]:
    """Ids of the lifeforms with these evaluation numbers; -1 = none, or one that was not kept."""
    if not len(known):
        return np.full(numbers.shape, -1)
    place = np.searchsorted(known, numbers)
    return np.where(known[np.minimum(place, len(known) - 1)] == numbers, place, -1).astype(np.int64)

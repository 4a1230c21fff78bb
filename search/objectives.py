"""Scores without a target: pure functions of embeddings; higher is better.  With one: `alife.search.resemblance`.

Each takes a `Population` and gives one number per world, so that scores of one world (`open_ended`) and scores of a
world among others (`novelty`, `illumination`) read alike.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from alife.errors import BadOption
from alife.hookspecs import hookimpl
from alife.types import Population


def open_endedness(z: Float[Array, "K D"]) -> Float[Array, ""]:
    """How new each frame is, seen from all the frames before it.

    Every frame is compared with each earlier one; the highest cosine it reaches is how far history already contained
    it.  The score is one minus the mean of those maxima over frames 1..K-1: in [0, 2], higher is better.

    Args:
        z: embeddings of K frames in time order, each of unit length.

    Raises:
        BadOption: fewer than two frames; one frame has no history.

    Source: Kumar et al. 2024 (arXiv:2412.17799), which minimises, and counts frame 0 as a maximum of 0.

    >>> still, turning = jnp.array([[1., 0.], [1., 0.]]), jnp.eye(2)
    >>> float(open_endedness(still)), float(open_endedness(turning))
    (0.0, 1.0)
    """
    if len(z) < 2:
        raise BadOption("score open_ended compares frames in time and was given 1; ask for 2 or more (--frames 8)")
    earlier = jnp.tril(jnp.ones((len(z), len(z)), bool), -1)
    cosines = jnp.where(earlier, z @ z.T, -jnp.inf)
    return 1 - jnp.mean(jnp.max(cosines[1:], axis=1))


def open_ended(population: Population, asal: bool = False) -> Float[Array, " N"]:
    """`open_endedness` of every world: in [0, 2], higher is better.

    Args:
        population: worlds of one generation.
        asal: the published number with its sign flipped, in [-1, 0]: minus the mean over all frames of the highest
            cosine to an earlier one, which counts as 0 for the first frame and where all are below 0.

    >>> turning = Population(jnp.array([[[1.0, 0.0], [0.6, 0.8]]]), {}, jnp.zeros((1, 2)), 0)
    >>> [round(float(score[0]), 6) for score in (open_ended(turning), open_ended(turning, asal=True))]
    [0.4, -0.3]
    """
    z = jnp.asarray(population.z)
    return -jnp.mean(jnp.max(jnp.tril(z @ z.mT, -1), axis=-1), axis=-1) if asal else jax.vmap(open_endedness)(z)


def motion(population: Population) -> Float[Array, " N"]:
    """How fast a world changes its looks: mean of 1 - cosine from each frame to the next.

    In [0, 2], higher is faster; 0 for a still picture.  Frames are K to a life, so it is a speed per T / K steps.

    Raises:
        BadOption: fewer than two frames.

    >>> z = jnp.array([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    >>> motion(Population(z, {}, jnp.zeros((1, 2)), 0)).tolist()
    [0.5]
    """
    z = jnp.asarray(population.z)
    if z.shape[1] < 2:
        raise BadOption("score motion compares frames in time and was given 1; ask for 2 or more (--frames 8)")
    return jnp.mean(1 - jnp.sum(z[:, 1:] * z[:, :-1], axis=-1), axis=1)


def novelty(population: Population, k: int = 5) -> Float[Array, " N"]:
    """How far a world's last frame is from the nearest lifeforms of the archive and the rest of its generation.

    Mean of (1 - cosine) to the k nearest: in [0, 2], higher is better; 1 where there is nothing to compare with.

    Args:
        population: worlds of one generation.
        k: neighbours looked at, >= 1; fewer where there are fewer.

    Source: Lehman and Stanley 2011 (doi:10.1162/EVCO_a_00025), with cosine distance between embeddings.

    >>> z = jnp.eye(2)[:, None, :]
    >>> novelty(Population(z, {}, jnp.zeros((1, 2)), 0)).tolist()
    [1.0, 1.0]
    """
    _require_neighbours("novelty", k)
    return _distance(jnp.asarray(population.z)[:, -1], jnp.asarray(population.memory), population.remembered, k)


def surprise(population: Population, k: int = 5) -> Float[Array, " N"]:
    """`novelty` as the member of an ensemble says that sees least of it: what is new to every model.

    A search for what is new to one model ends with what that model alone cannot make sense of; a second one that is
    asked as well is not fooled by the same pictures.  In [0, 2], higher is better.

    Args:
        population: worlds of one generation, seen by an ensemble such as `ensemble:texture+builtin`.
        k: neighbours looked at, >= 1; fewer where there are fewer.

    Raises:
        BadOption: the model is no ensemble.

    >>> half = jnp.array([[True, False, False], [False, True, True]])
    >>> z = jnp.array([[[0.6, 0.8, 0.0]], [[0.6, 0.0, 0.8]]])  # the same to the first model, unlike to the second
    >>> surprise(Population(z, {}, jnp.zeros((1, 3)), 0, members=half)).tolist()
    [0.0, 0.0]
    """
    _require_neighbours("surprise", k)
    if population.members is None:
        raise BadOption("score surprise asks two models or more; name them as in --model ensemble:texture+builtin")
    last, memory = jnp.asarray(population.z)[:, -1], jnp.asarray(population.memory)
    seen = [
        _distance(_unit(last * member), _unit(memory * member), population.remembered, k)
        for member in jnp.asarray(population.members)
    ]
    return jnp.min(jnp.stack(seen), axis=0)


def _require_neighbours(score: str, k: int) -> None:
    if type(k) is not int or k < 1:
        raise BadOption(f"score {score}: k is {k}; expected 1 or more neighbours")


def _distance(last: Float[Array, "N D"], memory: Float[Array, "M D"], remembered: int | Array, k: int) -> Array:
    """Mean of 1 - cosine to the k nearest of the archive and the generation; 1 where there is nothing."""
    among = cosines_to_others(last)
    known = jnp.arange(len(memory)) < remembered
    before = jnp.where(known, last @ memory.T, -jnp.inf)
    return distance_to_nearest(jnp.concatenate([before, among], axis=1), k, alone=1.0)


def distance_to_nearest(cosines: Float[Array, "N M"], k: int, alone: float) -> Float[Array, " N"]:
    """Mean of 1 - cosine to the k nearest of others, fewer where there are fewer.

    Args:
        cosines: to each other; -inf = not there.
        k: neighbours looked at, >= 1.
        alone: the distance where there is nobody.

    >>> distance_to_nearest(jnp.array([[0.5, 1.0, -jnp.inf], [-jnp.inf] * 3]), k=3, alone=1.0).tolist()
    [0.25, 1.0]
    """
    near = jax.lax.top_k(cosines, min(k, cosines.shape[1]))[0]
    present = jnp.isfinite(near)
    mean = jnp.sum(jnp.where(present, 1 - near, 0), axis=1) / jnp.maximum(1, jnp.sum(present, axis=1))
    return jnp.where(present.any(axis=1), mean, alone)


def _unit(z: Float[Array, "n D"]) -> Float[Array, "n D"]:
    return z / jnp.maximum(jnp.linalg.norm(z, axis=-1, keepdims=True), 1e-9)


def illumination(population: Population) -> Float[Array, " N"]:
    """What a world adds to the coverage of its generation: 1 - cosine of its last frame to the nearest other one.

    In [0, 2], higher is better; the mean over the generation is its coverage.  1 for a world alone.

    Source: Kumar et al. 2024 (arXiv:2412.17799), illumination objective, sign flipped.

    >>> illumination(Population(jnp.eye(3)[:, None, :], {}, jnp.zeros((1, 3)), 0)).tolist()
    [1.0, 1.0, 1.0]
    """
    nearest = jnp.max(cosines_to_others(jnp.asarray(population.z)[:, -1]), axis=1)
    return jnp.where(jnp.isfinite(nearest), 1 - nearest, 1.0)


def component(population: Population, i: int = 0) -> Float[Array, " N"]:
    """One number of the last frame's embedding: in [-1, 1]; an axis for searches rather than a score.

    Args:
        population: worlds of one generation.
        i: which number, 0 to D - 1.

    Raises:
        BadOption: the embedding has no such number.

    >>> component(Population(jnp.eye(2)[:, None, :], {}, jnp.zeros((1, 2)), 0), i=1).tolist()
    [0.0, 1.0]
    """
    dim = population.z.shape[-1]
    if not (isinstance(i, int) and 0 <= i < dim):
        raise BadOption(f"score component: i is {i!r}; expected a whole number from 0 to {dim - 1}, as this model sees")
    return jnp.asarray(population.z)[:, -1, i]


def cosines_to_others(last: Float[Array, "N D"]) -> Float[Array, "N N"]:
    """Cosine of every world (row) to every other one; -inf to itself and to worlds that are not valid, whose z is 0."""
    absent = jnp.eye(len(last), dtype=bool) | ~jnp.any(last != 0, axis=1)[None, :]
    return jnp.where(absent, -jnp.inf, last @ last.T)


@hookimpl
def register_scores(register: Callable[..., None]) -> None:
    asal = "Kumar et al. 2024, arXiv:2412.17799"
    register("open_ended", open_ended, summary="each frame is new to the frames before it", source=asal)
    register("motion", motion, summary="each frame is unlike the one before it: quick change")
    register("novelty", novelty, summary="far from its nearest in the archive", source="Lehman and Stanley 2011")
    register("surprise", surprise, summary="novelty, as the least surprised member of an ensemble sees it")
    register("component", component, summary="one number of the last frame's embedding: an axis")
    register("illumination", illumination, summary="far from its nearest in the generation", source=asal)

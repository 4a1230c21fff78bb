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


def open_ended(population: Population) -> Float[Array, " N"]:
    """`open_endedness` of every world: in [0, 2], higher is better."""
    return jax.vmap(open_endedness)(jnp.asarray(population.z))


def pace(population: Population) -> Float[Array, " N"]:
    """How fast a world changes its looks: mean of 1 - cosine from each frame to the next.

    In [0, 2], higher is faster; 0 for a still picture.  Frames are K to a life, so it is a speed per T / K steps.

    Raises:
        BadOption: fewer than two frames.

    >>> z = jnp.array([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    >>> pace(Population(z, {}, jnp.zeros((1, 2)), 0)).tolist()
    [0.5]
    """
    z = jnp.asarray(population.z)
    if z.shape[1] < 2:
        raise BadOption("score pace compares frames in time and was given 1; ask for 2 or more (--frames 8)")
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
    if k < 1:
        raise BadOption(f"score novelty: k is {k}; expected 1 or more neighbours")
    last = jnp.asarray(population.z)[:, -1]
    among = cosines_to_others(last)
    known = jnp.arange(len(population.memory)) < population.remembered
    before = jnp.where(known, last @ population.memory.T, -jnp.inf)
    near = jax.lax.top_k(jnp.concatenate([before, among], axis=1), min(k, before.shape[1] + among.shape[1]))[0]
    present = jnp.isfinite(near)
    mean = jnp.sum(jnp.where(present, 1 - near, 0), axis=1) / jnp.maximum(1, jnp.sum(present, axis=1))
    return jnp.where(present.any(axis=1), mean, 1.0)


def illumination(population: Population) -> Float[Array, " N"]:
    """What a world adds to the coverage of its generation: 1 - cosine of its last frame to the nearest other one.

    In [0, 2], higher is better; the mean over the generation is its coverage.  1 for a world alone.

    Source: Kumar et al. 2024 (arXiv:2412.17799), illumination objective, sign flipped.

    >>> illumination(Population(jnp.eye(3)[:, None, :], {}, jnp.zeros((1, 3)), 0)).tolist()
    [1.0, 1.0, 1.0]
    """
    nearest = jnp.max(cosines_to_others(jnp.asarray(population.z)[:, -1]), axis=1)
    return jnp.where(jnp.isfinite(nearest), 1 - nearest, 1.0)


def cosines_to_others(last: Float[Array, "N D"]) -> Float[Array, "N N"]:
    """Cosine of every world (row) to every other one; -inf to itself and to worlds that are not valid, whose z is 0."""
    absent = jnp.eye(len(last), dtype=bool) | ~jnp.any(last != 0, axis=1)[None, :]
    return jnp.where(absent, -jnp.inf, last @ last.T)


@hookimpl
def register_scores(register: Callable[..., None]) -> None:
    asal = "Kumar et al. 2024, arXiv:2412.17799"
    register("open_ended", open_ended, summary="each frame is new to the frames before it", source=asal)
    register("pace", pace, summary="each frame is unlike the one before it: quick change")
    register("novelty", novelty, summary="far from its nearest in the archive", source="Lehman and Stanley 2011")
    register("illumination", illumination, summary="far from its nearest in the generation", source=asal)

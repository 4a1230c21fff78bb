"""Scores with a target: how far worlds look like prompts and pictures, and unlike negatives; higher is better."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from alife.errors import BadOption
from alife.hookspecs import hookimpl
from alife.types import Population


def prompt(population: Population, negative: float = 1.0) -> Float[Array, " N"]:
    """How well the frames show the prompts: mean cosine of frames to targets, less what they show of the negatives.

    Several targets (the prompts, then the pictures) are a timeline: each owns an equal stretch of the frames, in
    order.  In [-1 - negative, 1], higher is better.  A frame's likeness to a negative is its highest cosine to any of
    them, and 0 where all are below 0: being unlike a negative is enough, and being its opposite earns nothing, so that
    it is the prompt that says where to go.

    Args:
        population: worlds of one generation.
        negative: weight of the negatives, 0 (they do not count) or more.

    Raises:
        BadOption: there is no target, or more targets than frames; a weight below 0.

    Source: Kumar et al. 2024 (arXiv:2412.17799), supervised target, sign flipped, without negatives.

    >>> turning = jnp.eye(2)[None]
    >>> prompt(Population(turning, {}, jnp.zeros((1, 2)), 0, targets=jnp.eye(2))).tolist()
    [1.0]
    >>> prompt(Population(turning, {}, jnp.zeros((1, 2)), 0, targets=jnp.eye(2), negatives=jnp.eye(2)[:1])).tolist()
    [0.5]
    """
    targets, z = _targets("prompt", population, negative), jnp.asarray(population.z)
    shown = jnp.sum(z * timeline(targets, z.shape[1]), axis=-1)
    if population.negatives is not None:
        shown -= negative * likeness(z @ jnp.asarray(population.negatives).T)
    return jnp.mean(shown, axis=-1)


def video(population: Population, negative: float = 1.0) -> Float[Array, " N"]:
    """How well a world's frames, taken together, show the prompts: for words of motion, such as "growing".

    Mean cosine of the targets to the world's one vector for all frames, less its likeness to the negatives as in
    `prompt`: in [-1 - negative, 1], higher is better.  Several targets are all wanted at once.  Only models with
    `embed_video` know the order of the frames; with others it is the mean of the frames' vectors.

    Args:
        population: worlds of one generation.
        negative: weight of the negatives, 0 (they do not count) or more.

    Raises:
        BadOption: there is no target; a weight below 0.

    >>> moving = Population(jnp.eye(2)[None], {}, jnp.zeros((1, 2)), 0, targets=jnp.eye(2), video=jnp.eye(2)[:1])
    >>> video(moving).tolist()
    [0.5]
    """
    targets, moving = _targets("video", population, negative), jnp.asarray(population.video)
    shown = jnp.mean(moving @ targets.T, axis=1)
    if population.negatives is not None:
        shown -= negative * likeness(moving @ jnp.asarray(population.negatives).T)
    return shown


def agreement(population: Population, negative: float = 1.0) -> Float[Array, " N"]:
    """`prompt` as the member of an ensemble says that is pleased least: high only where all of them see the prompts.

    Members that know no text are asked only when all targets are pictures.  In [-1 - negative, 1], higher is better;
    the same as `prompt` for a model that is no ensemble.  Models that spread their cosines widely decide more often
    than those, such as CLIP, that keep them close together.

    Args:
        population: worlds of one generation.
        negative: weight of the negatives, 0 (they do not count) or more.

    Raises:
        BadOption: there is no target, or more targets than frames; a weight below 0.

    >>> half = jnp.array([[True, False], [False, True]])
    >>> z, target = jnp.array([[[0.6, 0.8]]]), jnp.array([[0.8, -0.6]])
    >>> agreement(Population(z, {}, jnp.zeros((1, 2)), 0, target, members=half)).tolist()
    [-1.0]
    """
    targets = _targets("agreement", population, negative)
    if population.members is None:
        return prompt(population, negative)
    z, owners = jnp.asarray(population.z), timeline(targets, population.z.shape[1])
    pleased = []
    for member in population.members:
        shown = cosines(z * member, owners * member)
        if population.negatives is not None:
            unwanted = jnp.asarray(population.negatives) * member
            shown -= negative * likeness(cosines(z[:, :, None] * member, unwanted))
        asked = jnp.all(jnp.any(targets * member != 0, axis=1))
        pleased.append(jnp.where(asked, jnp.mean(shown, axis=-1), jnp.inf))
    return jnp.min(jnp.stack(pleased), axis=0)


def timeline(targets: Float[Array, "P D"], frames: int) -> Float[Array, "K D"]:
    """The target that owns each frame.

    >>> timeline(jnp.eye(2), 4)[:, 0].tolist()
    [1.0, 1.0, 0.0, 0.0]
    """
    return targets[jnp.arange(frames) * len(targets) // frames]


def likeness(to_negatives: Float[Array, "*N Q"]) -> Float[Array, "*N"]:
    """What is seen of the negatives, from the cosines to each: the highest, and 0 where all are below 0.

    >>> likeness(jnp.array([[0.2, 0.5], [-0.9, -0.1]])).tolist()
    [0.5, 0.0]
    """
    return jnp.maximum(jnp.max(to_negatives, axis=-1), 0)


def cosines(a: Float[Array, "*A D"], b: Float[Array, "*B D"]) -> Float[Array, "*AB"]:
    """Cosines along the last axis, 0 where either vector is 0."""
    lengths = jnp.linalg.norm(a, axis=-1) * jnp.linalg.norm(b, axis=-1)
    return jnp.sum(a * b, axis=-1) / jnp.maximum(lengths, 1e-9)


def _targets(score: str, population: Population, negative: float) -> Float[Array, "P D"]:
    """What the score compares with, after a look at whether it can."""
    if population.targets is None:
        raise BadOption(
            f"score {score} compares frames with prompts or pictures; give one or more --prompt TEXT or --image FILE"
        )
    if not negative >= 0:
        raise BadOption(f"score {score}: negative is {negative}; expected the weight of the negatives, 0 or more")
    wanted, frames = len(population.targets), population.z.shape[1]
    if score != "video" and wanted > frames:
        raise BadOption(
            f"{wanted} prompts and pictures need at least {wanted} frames and there are {frames}; raise --frames"
        )
    return jnp.asarray(population.targets)


@hookimpl
def register_scores(register: Callable[..., None]) -> None:
    asal = "Kumar et al. 2024, arXiv:2412.17799"
    register("prompt", prompt, summary="frames look like the prompts and pictures, unlike the negatives", source=asal)
    register("video", video, summary="all frames together show the prompts: words of motion")
    register("agreement", agreement, summary="prompt, as the least pleased member of an ensemble sees it")

"""Scores with a target: how far worlds look like prompts and pictures, and unlike negatives; higher is better."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

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


def softmax_prompt(population: Population, temperature: float = 0.01) -> Float[Array, " N"]:
    """How surely each frame shows its own prompt rather than the others, and each prompt its own frames.

    Half the mean log probability of a frame's own text among all texts, plus half that of a text's own frames among
    all frames, both by softmax of cosines: at most 0, which is certainty; higher is better.  It asks for frames that
    differ as their texts do, where `prompt` is content with one picture that shows a little of everything.

    Args:
        population: worlds of one generation.
        temperature: what cosines are divided by, > 0; CLIP was trained with 0.01.

    Raises:
        BadOption: there is no target, or more targets than frames; a temperature of 0 or less.

    Source: the published supervised target score with softmax (Kumar et al. 2024, code), sign flipped; the same
    number where there are as many frames as texts.

    >>> turning = Population(jnp.eye(2)[None], {}, jnp.zeros((1, 2)), 0, targets=jnp.eye(2))
    >>> round(float(softmax_prompt(turning, temperature=1.0)[0]), 3)  # -log(1 + 1/e)
    -0.313
    """
    if not temperature > 0:
        raise BadOption(f"score softmax_prompt: temperature is {temperature}; expected more than 0")
    targets, z = _targets("softmax_prompt", population), jnp.asarray(population.z)
    logits = z @ targets.T / temperature
    own = owners(len(targets), z.shape[1])[:, None] == jnp.arange(len(targets))
    of_frames = jnp.sum(jnp.where(own, jax.nn.log_softmax(logits, axis=2), 0), axis=2)
    of_texts = jax.nn.logsumexp(jnp.where(own, jax.nn.log_softmax(logits, axis=1), -jnp.inf), axis=1)
    return (jnp.mean(of_frames, axis=1) + jnp.mean(of_texts, axis=1)) / 2


def image(population: Population) -> Float[Array, " N"]:
    """`prompt` for the pictures alone: mean cosine of frames to the pictures of `--image`, as a timeline.

    In [-1, 1], higher is better.  With texts as well, `prompt` is the mean over both; this one allows weights.

    Raises:
        BadOption: there is no picture, or more pictures than frames.

    >>> turning = jnp.eye(2)[None]
    >>> image(Population(turning, {}, jnp.zeros((1, 2)), 0, pictures=jnp.eye(2)[:1])).tolist()
    [0.5]
    """
    if population.pictures is None:
        raise BadOption("score image compares frames with pictures; give one or more --image FILE")
    z, pictures = jnp.asarray(population.z), jnp.asarray(population.pictures)
    _require_frames(len(pictures), z.shape[1])
    return jnp.mean(jnp.sum(z * timeline(pictures, z.shape[1]), axis=-1), axis=-1)


def negative(population: Population) -> Float[Array, " N"]:
    """How much the frames show of the negatives, to be subtracted: `open_ended - 0.5*negative`.

    Mean over the frames of the highest cosine to a negative, or 0 where all are below 0: in [0, 1], higher shows more
    of them.  `prompt` subtracts its own; `prompt(negative=0)` does not.

    Raises:
        BadOption: there is no negative.

    >>> turning = jnp.eye(2)[None]
    >>> negative(Population(turning, {}, jnp.zeros((1, 2)), 0, negatives=jnp.eye(2)[:1])).tolist()
    [0.5]
    """
    if population.negatives is None:
        raise BadOption("score negative compares frames with negatives; give one or more --negative TEXT")
    return jnp.mean(likeness(jnp.asarray(population.z) @ jnp.asarray(population.negatives).T), axis=-1)


def liked(population: Population) -> Float[Array, " N"]:
    """How much a world ends like one of the lifeforms of `--like`: the highest cosine of its last frame to any of them.

    In [-1, 1], higher is better.  Alone it leads to copies of them; `liked + 0.5*novelty` asks for more of their kind.

    Raises:
        BadOption: there is no such lifeform.

    >>> turning = jnp.eye(2)[None]
    >>> liked(Population(turning, {}, jnp.zeros((1, 2)), 0, liked=jnp.eye(2))).tolist()
    [1.0]
    """
    if population.liked is None:
        raise BadOption("score liked compares worlds with lifeforms; name a run with favourites: --like RUN, or RUN:ID")
    return jnp.max(jnp.asarray(population.z)[:, -1] @ jnp.asarray(population.liked).T, axis=-1)


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
    return targets[owners(len(targets), frames)]


def owners(targets: int, frames: int) -> Int[Array, " K"]:
    """Number of the target that owns each frame: equal stretches, in order.

    >>> owners(2, 5).tolist()
    [0, 0, 0, 1, 1]
    """
    return jnp.arange(frames) * targets // frames


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


def _targets(score: str, population: Population, negative: float = 0.0) -> Float[Array, "P D"]:
    """What the score compares with, after a look at whether it can."""
    if population.targets is None:
        raise BadOption(
            f"score {score} compares frames with prompts or pictures; give one or more --prompt TEXT or --image FILE"
        )
    if not negative >= 0:
        raise BadOption(f"score {score}: negative is {negative}; expected the weight of the negatives, 0 or more")
    if score != "video":
        _require_frames(len(population.targets), population.z.shape[1])
    return jnp.asarray(population.targets)


def _require_frames(wanted: int, frames: int) -> None:
    if wanted > frames:
        raise BadOption(
            f"{wanted} prompts and pictures need at least {wanted} frames and there are {frames}; raise --frames"
        )


@hookimpl
def register_scores(register: Callable[..., None]) -> None:
    asal = "Kumar et al. 2024, arXiv:2412.17799"
    register("prompt", prompt, summary="frames look like the prompts and pictures, unlike the negatives", source=asal)
    register("softmax_prompt", softmax_prompt, summary="each frame shows its own prompt, not the others", source=asal)
    register("image", image, summary="frames look like the pictures alone")
    register("negative", negative, summary="frames look like the negatives: to be subtracted")
    register("liked", liked, summary="the last frame looks like one of the lifeforms of --like, such as favourites")
    register("video", video, summary="all frames together show the prompts: words of motion")
    register("agreement", agreement, summary="prompt, as the least pleased member of an ensemble sees it")

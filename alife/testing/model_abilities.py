"""What a model must keep if it can do more than see pictures: text, weights as an argument, motion."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .model_subject import CLOSE, ModelSubject, pictures
from .report import CheckFailed, first_line
from .tracing import constants, describe, plain


def check_text(subject: ModelSubject) -> None:
    """Where the model knows text: one unit vector for each text, different texts apart, in the pictures' space."""
    embed = getattr(subject.model, "embed_text", None)
    if embed is None:
        return
    try:
        vectors = np.asarray(embed(["a caterpillar", "an empty black square"]))
    except Exception as cause:
        raise CheckFailed(f"embed_text raised {first_line(cause)}", "vectors", "accept a list of texts") from cause
    if vectors.shape != (2, subject.model.dim) or not np.isfinite(vectors).all():
        raise CheckFailed(
            f"embed_text gives {describe(vectors)} for 2 texts",
            f"2 finite vectors of dim = {subject.model.dim}",
            "project texts and pictures into one space",
        )
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    if not np.abs(lengths - 1).max() < CLOSE or vectors[0] @ vectors[1] > 1 - 1e-6:
        raise CheckFailed(
            f"texts of lengths {lengths.round(3).tolist()} and cosine {vectors[0] @ vectors[1]:.6f}",
            "unit vectors, different for different texts",
            "divide by the length; check that the text reaches the model",
        )


def check_weights(subject: ModelSubject) -> None:
    """Where the model has weights: they are arrays, and what it is handed as `weights` is all that it computes with."""
    weights = getattr(subject.model, "weights", None)
    if weights is None or not subject.traceable:
        return
    leaves = jax.tree.leaves(weights)
    if not leaves or not all(isinstance(leaf, jax.Array | np.ndarray) for leaf in leaves):
        raise CheckFailed(f"weights = {describe(weights)}", "a tree of arrays", "leave out what is not an array")
    images, own = pictures(subject.sizes[1]), subject.vectors[subject.sizes[1]]
    _require_no_constant(subject, "embed_images", images, weights)
    _require_no_constant(subject, "embed_video", images[None], weights)
    as_given = jax.jit(subject.model.embed_images)
    gap = float(np.abs(np.asarray(as_given(images, weights)) - np.asarray(own)).max())
    changed = jax.tree.map(_shaken, weights)
    moved = float(np.abs(np.asarray(as_given(images, changed)) - np.asarray(own)).max())
    if not gap < CLOSE or not moved > 1e-6:
        raise CheckFailed(
            f"vectors differ by {gap:.3g} when the model is handed its own weights, by {moved:.3g} with others",
            "the same vectors with its own, other vectors with others",
            "let embed_images(images, weights=None) take self.weights for None, and compute with nothing else",
        )


def check_video(subject: ModelSubject) -> None:
    """Where the model knows motion: one unit vector for any number of frames, the same alone and in company."""
    embed = getattr(subject.model, "embed_video", None)
    if embed is None:
        return
    size = subject.sizes[1]
    frames = pictures(size)[np.array([[0, 3, 2], [3, 1, 2]])]
    program = jax.jit(embed) if subject.traceable else embed
    try:
        vectors, again, alone = (np.asarray(program(given)) for given in (frames, frames, frames[1:]))
        still = np.asarray(program(frames[:, :1]))
    except Exception as cause:
        raise CheckFailed(
            f"embed_video raised {first_line(cause)} for float32{list(frames.shape)}, or for one frame of each",
            "vectors for frames [B, K, H, W, 3] of any number and size",
            "write it in jax.numpy; resize inside",
        ) from cause
    for seen in (vectors, still):
        lengths = np.linalg.norm(seen.astype(np.float64), axis=-1)
        if seen.shape != (2, subject.model.dim) or not np.abs(lengths - 1).max() < CLOSE:
            raise CheckFailed(
                f"{describe(seen)} of lengths {lengths.round(3).tolist()} for 2 worlds",
                f"2 unit vectors of dim = {subject.model.dim}",
                "give one vector for all frames of a world and divide by its length",
            )
    gap = max(float(np.abs(vectors - again).max()), float(np.abs(vectors[1:] - alone).max()))
    if not gap < CLOSE:
        raise CheckFailed(
            f"the vector of one world changes by {gap:.3g} when it is asked for again, or alone",
            "the same vector",
            "take means over the frames of a world, never over the batch, and draw no random numbers",
        )


def _require_no_constant(subject: ModelSubject, method: str, given: Any, weights: Any) -> None:
    """Raise CheckFailed where a method cannot be handed weights, or still holds some of its own."""
    function = getattr(subject.model, method, None)
    if function is None:
        return
    try:
        held = constants(function, given, weights)
    except Exception as cause:
        raise CheckFailed(
            f"{method} raised {first_line(cause)} when JAX traced it with weights as its second argument",
            "vectors, computed with the weights given",
            f"write {method}(images, weights=None)",
        ) from cause
    for constant in held:
        if any(_is_one_of(constant, leaf) for leaf in jax.tree.leaves(weights)):
            raise CheckFailed(
                f"weights of shape {list(constant.shape)} are a constant of {method}",
                "every weight read from the argument",
                "use the argument `weights` wherever it is not None, and self.weights only where it is",
            )


def _shaken(leaf: Any) -> Any:
    """The array with every real number changed by a tenth or so; integers stay, as they may be places."""
    if not jnp.issubdtype(leaf.dtype, jnp.floating):
        return leaf
    noise = np.random.default_rng(0).normal(size=leaf.shape)
    return (leaf * (1 + 0.2 * noise) + 0.02 * noise).astype(leaf.dtype)


def _is_one_of(constant: Any, leaf: Any) -> bool:
    """True where a constant of a program holds the numbers of one array of weights; a few numbers prove nothing."""
    return constant.size > 8 and constant.shape == leaf.shape and np.array_equal(plain(constant), plain(leaf))

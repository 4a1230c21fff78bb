"""What every foundation model must keep, one check per promise.

Each check takes a `ModelSubject` and raises `CheckFailed`.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from .model_abilities import check_text, check_video, check_weights
from .model_subject import CLOSE, ModelSubject, pictures
from .report import CheckFailed
from .tracing import describe, fingerprint, holds_tracer


def check_attributes(subject: ModelSubject) -> None:
    """embed_images, image_size, dim and identity are there, of the right types."""
    model = subject.model
    if not callable(getattr(model, "embed_images", None)):
        raise CheckFailed("no method embed_images", "embed_images(images) -> vectors", "write embed_images")
    for name in ("image_size", "dim"):
        value = getattr(model, name, None)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise CheckFailed(f"{name} = {value!r}", "a whole number above 0", f"set self.{name} in the constructor")
    if not isinstance(getattr(model, "traceable", True), bool):
        raise CheckFailed(f"traceable = {model.traceable!r}", "True or False", "leave it out for a JAX model")


def check_vectors(subject: ModelSubject) -> None:
    """One real vector of `dim` numbers for each picture, at any size of picture."""
    for size, vectors in subject.vectors.items():
        expected = (len(pictures(8)), subject.model.dim)
        real = hasattr(vectors, "dtype") and jnp.issubdtype(vectors.dtype, jnp.floating)
        if not real or vectors.shape != expected:
            raise CheckFailed(
                f"{describe(vectors)} for {expected[0]} pictures of edge {size}",
                f"float32{list(expected)}, as dim = {expected[1]}",
                "resize pictures inside embed_images, and let dim be the length of a vector",
            )


def check_finite(subject: ModelSubject) -> None:
    """Black, white and noise have vectors without NaN."""
    names = ("black", "white", "noise", "light")
    for size, vectors in subject.vectors.items():
        bad = [name for name, vector in zip(names, np.asarray(vectors), strict=True) if not np.isfinite(vector).all()]
        if bad:
            raise CheckFailed(
                f"NaN or infinity for the picture {', '.join(bad)} of edge {size}",
                "finite numbers",
                "guard divisions by a spread or a length that is 0 for an even picture",
            )


def check_unit_length(subject: ModelSubject) -> None:
    """Every vector has length 1."""
    for size, vectors in subject.vectors.items():
        lengths = np.linalg.norm(np.asarray(vectors, np.float64), axis=-1)
        worst = lengths[np.abs(lengths - 1).argmax()]
        if not abs(worst - 1) < CLOSE:
            raise CheckFailed(
                f"a vector of length {worst:.4g} for pictures of edge {size}", "length 1", "divide by the length"
            )


def check_tells_pictures_apart(subject: ModelSubject) -> None:
    """Black, white, noise and a light do not get one vector."""
    vectors = np.asarray(subject.vectors[subject.sizes[0]])
    alike = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    if not alike.max() < 1 - 1e-6:
        raise CheckFailed(
            f"two of black, white, noise and light have cosine {alike.max():.6f}",
            "a vector for each",
            "let the vector keep brightness and texture",
        )


def check_batch_does_not_matter(subject: ModelSubject) -> None:
    """A picture has the same vector alone and in any company."""
    size = subject.sizes[1]
    among_all = np.asarray(subject.vectors[size])[2]
    among_black = np.asarray(subject.program(pictures(size)[[2, 0, 0, 0]]))[0]
    gap = float(np.abs(among_all - among_black).max())
    if not gap < CLOSE:
        raise CheckFailed(
            f"the vector of one picture changes by {gap:.3g} with the pictures beside it",
            "the same vector",
            "take means and spreads over the picture, never over the batch",
        )


def check_traceable_as_declared(subject: ModelSubject) -> None:
    """A JAX model is traced without side effects; one that is not JAX takes NumPy arrays and says so."""
    size = subject.sizes[1]
    if subject.traceable:
        shape = jax.ShapeDtypeStruct((2, size, size, 3), jnp.float32)
        jax.eval_shape(subject.embed, shape)
        held = [name for name, value in getattr(subject.model, "__dict__", {}).items() if holds_tracer(value)]
        if held:
            raise CheckFailed(
                f"self.{held[0]} holds a traced value after a call",
                "a model that is not written to by embed_images",
                "compute in the constructor what does not depend on the pictures",
            )
    else:
        given = subject.embed(pictures(size))
        if not isinstance(given, np.ndarray | jax.Array):
            raise CheckFailed(f"embed_images gives {type(given).__name__}", "an array", "end with .cpu().numpy()")


def check_identity(subject: ModelSubject) -> None:
    """identity is a text, equal for equal models, and equal identity means equal vectors."""
    model, twin = subject.model, subject.factory(**subject.options)
    name = getattr(model, "identity", None)
    if not (isinstance(name, str) and name.strip()):
        raise CheckFailed(f"identity = {name!r}", "a text", "hash the weights and the preprocessing")
    if twin.identity != name:
        raise CheckFailed(
            f"identity {name!r} and {twin.identity!r} for two models made alike",
            "the same text",
            "hash contents, never id(), time or random names",
        )
    size = subject.sizes[1]
    given = pictures(size)
    if subject.traceable and fingerprint(twin.embed_images, given) == fingerprint(model.embed_images, given):
        return  # the same program: the same vectors
    other = ModelSubject(lambda: twin, {}).program(given)
    gap = float(np.abs(np.asarray(other) - np.asarray(subject.vectors[size])).max())
    if not gap < CLOSE:
        raise CheckFailed(
            f"two models of identity {name!r} give vectors that differ by {gap:.3g}",
            "the same vectors",
            "seed random weights with a fixed number",
        )


MODEL_CHECKS: tuple[Callable[[ModelSubject], None], ...] = (
    check_attributes,
    check_vectors,
    check_finite,
    check_unit_length,
    check_tells_pictures_apart,
    check_batch_does_not_matter,
    check_traceable_as_declared,
    check_identity,
    check_text,
    check_weights,
    check_video,
)
"""All of them, in the order in which they run."""

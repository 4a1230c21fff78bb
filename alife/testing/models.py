"""What every foundation model must keep, one check per promise.

Each check takes a `ModelSubject` and raises `CheckFailed`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ..worlds.cache import use_compilation_cache
from .report import CheckFailed, Result, first_line, run_checks
from .tracing import describe, fingerprint, holds_tracer

OTHER_SIZE = 40
"""Edge of a second kind of picture, pixels: a model takes squares of any size."""

CLOSE = 1e-3
"""Two vectors of one picture may differ by this much in any number."""


class ModelSubject:
    """A model under test, with its vectors of the same few pictures at two sizes.

    Args:
        factory: makes it; called with options as keywords.
        options: for the factory.
    """

    def __init__(self, factory: Callable[..., Any], options: Mapping[str, Any]) -> None:
        use_compilation_cache()
        self.factory, self.options = factory, dict(options)

    @cached_property
    def model(self) -> Any:
        """The instance that most checks look at."""
        try:
            return self.factory(**self.options)
        except Exception as cause:
            raise CheckFailed(
                f"constructing it with {self.options} raised {first_line(cause)}",
                "a model",
                "give options that its constructor takes",
            ) from cause

    @property
    def traceable(self) -> bool:
        """False where the model says that JAX cannot trace it."""
        return bool(getattr(self.model, "traceable", True))

    @cached_property
    def sizes(self) -> tuple[int, int]:
        """Edges of the pictures: the one the model likes best, and another."""
        return int(getattr(self.model, "image_size", 64)), OTHER_SIZE

    @cached_property
    def vectors(self) -> dict[int, Any]:
        """For each size, what the model makes of `pictures`."""
        return {size: self.program(pictures(size)) for size in self.sizes}

    @cached_property
    def program(self) -> Callable[[Any], Any]:
        """`embed`, compiled where it can be."""
        return jax.jit(self.embed) if self.traceable else self.embed

    def embed(self, images: Any) -> Any:
        """The model's vectors; what it raises becomes a failed check."""
        try:
            return self.model.embed_images(images)
        except Exception as cause:
            how = "JAX traced" if self.traceable else "was given NumPy"
            raise CheckFailed(
                f"embed_images raised {first_line(cause)} when it {how} float32{list(np.shape(images))}",
                "vectors for square pictures of any size",
                "write it in jax.numpy, or set traceable = False if it is not JAX; resize inside",
            ) from cause


def check_model(factory: Callable[..., Any], options: Mapping[str, Any] | None = None) -> list[Result]:
    """Run every check on a model.

    Args:
        factory: makes it, such as its class; must accept `options` as keywords.
        options: for the factory.
    """
    return run_checks(MODEL_CHECKS, ModelSubject(factory, options or {}))


def pictures(size: int) -> Float[np.ndarray, "4 H W 3"]:
    """Black, white, noise and a soft light: the extremes that break embeddings, and something to see."""
    y, x = np.mgrid[:size, :size] / size
    light = np.exp(-((x - 0.4) ** 2 + (y - 0.6) ** 2) / 0.05)[..., None] * np.array([1.0, 0.6, 0.2])
    noise = np.random.default_rng(0).random((size, size, 3))
    return np.stack([np.zeros_like(noise), np.ones_like(noise), noise, light]).astype(np.float32)


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
)
"""All of them, in the order in which they run."""

"""A model under test, and the pictures that all checks show it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from ..loading import factory_of
from ..worlds.cache import use_compilation_cache
from .report import CheckFailed, first_line, made_by

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
        self.factory, self.options = factory_of(factory, options)

    @cached_property
    def model(self) -> Any:
        """The instance that most checks look at."""
        return made_by(self.factory, self.options, "model")

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


def pictures(size: int) -> Float[np.ndarray, "4 H W 3"]:
    """Black, white, noise and a soft light: the extremes that break embeddings, and something to see."""
    y, x = np.mgrid[:size, :size] / size
    light = np.exp(-((x - 0.4) ** 2 + (y - 0.6) ** 2) / 0.05)[..., None] * np.array([1.0, 0.6, 0.2])
    noise = np.random.default_rng(0).random((size, size, 3))
    return np.stack([np.zeros_like(noise), np.ones_like(noise), noise, light]).astype(np.float32)

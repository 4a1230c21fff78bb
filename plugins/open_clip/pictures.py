"""From pictures of any size in [0, 1] to what a tower takes, a few at a time."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from alife.errors import BadOption
from alife.types import Tree

from .towers import Pictures

CHUNK = {"cpu": 16}
"""Pictures embedded at once: on a CPU as many as stay near its caches, on accelerators enough to fill them."""
WIDE_CHUNK = 256


@dataclass(frozen=True)
class Preparation:
    """How a model wants its pictures: part of its identity, since the wrong one gives vectors that look right."""

    size: int
    """Edge, pixels."""
    mean: tuple[float, ...]
    """Subtracted from red, green and blue in [0, 1]."""
    std: tuple[float, ...]
    """Divides them after that."""
    interpolation: str
    """bicubic or bilinear; either way smoothed first where a picture is made smaller."""

    def __call__(self, images: Float[Array, "B H W 3"]) -> Float[Array, "B S S 3"]:
        if images.shape[1] != self.size:
            shape = (len(images), self.size, self.size, 3)
            method = "linear" if self.interpolation == "bilinear" else "cubic"
            images = jnp.clip(jax.image.resize(images, shape, method, antialias=True), 0, 1)
        return (images - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)


def embed(
    tower: Pictures, preparation: Preparation, weights: Tree, images: Float[Array, "B H W 3"]
) -> Float[Array, "B D"]:
    """Unit vectors of pictures, in chunks of equal size.

    Raises:
        BadOption: pictures that are not square.
    """
    count, height, width = images.shape[:3]
    if height != width:
        raise BadOption(f"pictures of {height} x {width} pixels; expected square ones, such as {preparation.size}")
    chunks = -(-count // CHUNK.get(jax.default_backend(), WIDE_CHUNK))
    each = -(-count // chunks)
    dtype = jax.tree.leaves(weights)[0].dtype

    def chunk(some: Float[Array, "C H W 3"]) -> Float[Array, "C D"]:
        return jnp.asarray(tower.apply({"params": weights}, preparation(some).astype(dtype)))

    images = jnp.asarray(images, jnp.float32)
    if chunks == 1:
        return chunk(images)
    filled = jnp.pad(images, ((0, chunks * each - count), (0, 0), (0, 0), (0, 0)))
    return jax.lax.map(chunk, filled.reshape(chunks, each, *images.shape[1:])).reshape(chunks * each, -1)[:count]

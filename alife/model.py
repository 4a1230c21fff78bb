"""The foundation-model contract: pictures and texts to unit vectors of one space."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

import jax.numpy as jnp
from jaxtyping import Array, Float


class Motions(NamedTuple):
    """Words of motion in a text."""

    words: list[str]
    only: bool
    """True where the text says nothing else."""


@runtime_checkable
class Model(Protocol):
    """Sees pictures.

    `embed_images` is traceable by JAX and becomes part of the compiled evaluation.  A model that is not JAX sets
    `traceable = False` and is called between programs, with NumPy arrays.

    Optional abilities, found by attribute (None = does not have it):

    - `embed_text(texts: list[str]) -> [P, D]`: unit vectors in the space of the pictures.
    - `weights`: a pytree of arrays.  The compiled evaluation then takes them as an argument, so that no program holds
      megabytes of constants: `embed_images(images, weights=None)` computes with the weights given, None = its own.
    - `embed_video(frames [B, K, H, W, 3]) -> [B, D]` (with `weights=None` where the model has weights): one unit vector
      for K frames in time order, in the space of `embed_text`, so that words of motion have a meaning.  A model
      without it is given `pooled` vectors.
    - `motions_in(text) -> Motions`: the words of motion in a text, which no single frame shows.
    - `phrases() -> list[str]`: what `alife caption` may call a picture.
    - `parts`: slices of an embedding, one for each model of an ensemble.
    """

    image_size: int
    """Edge of the pictures it likes best, pixels; frames are drawn at this size unless the run says otherwise."""
    dim: int
    """Length of an embedding (D)."""
    identity: str
    """Hash of the weights and the preprocessing; stored with every embedding."""

    def embed_images(self, images: Float[Array, "B H W 3"]) -> Float[Array, "B D"]:
        """Unit vectors; pictures are red green blue in [0, 1], square, of any size."""


def pooled(z: Float[Array, "*B K D"]) -> Float[Array, "*B D"]:
    """One unit vector for K frames: the mean of their vectors, made unit length; it knows no order in time.

    Args:
        z: unit embeddings of the frames.

    >>> [round(float(number), 2) for number in pooled(jnp.eye(2))]
    [0.71, 0.71]
    """
    mean = jnp.mean(z, axis=-2)
    return mean / jnp.maximum(jnp.linalg.norm(mean, axis=-1, keepdims=True), 1e-9)

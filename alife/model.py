"""The foundation-model contract: pictures and texts to unit vectors of one space."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from jaxtyping import Array, Float


@runtime_checkable
class Model(Protocol):
    """Sees pictures.  A model that also knows text has `embed_text(texts) -> [P, D]`, unit length.

    `embed_images` is traceable by JAX and becomes part of the compiled evaluation.  A model that is not JAX sets
    `traceable = False` and is called between programs, with NumPy arrays.
    """

    image_size: int
    """Edge of the pictures it likes best, pixels; frames are drawn at this size unless the run says otherwise."""
    dim: int
    """Length of an embedding (D)."""
    identity: str
    """Hash of the weights and the preprocessing; stored with every embedding."""

    def embed_images(self, images: Float[Array, "B H W 3"]) -> Float[Array, "B D"]:
        """Unit vectors; pictures are red green blue in [0, 1], square, of any size."""

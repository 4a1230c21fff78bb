"""`bfloat16`: another model with its weights and pictures in half precision; worlds are run and drawn as ever.

An accelerator multiplies such numbers several times faster than float32, and they take half the memory; a CPU gains
nothing.  They have three decimal digits: embeddings move by about a hundredth and have an identity of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from alife import hookimpl
from alife.config import model_table
from alife.errors import BadOption
from alife.model import Motions
from alife.registry import Registry, default_registry
from alife.types import ArrayLike, Tree

VERSION = "bfloat16-1"
"""Part of the identity of every embedding: to be raised by any change of what is cast."""


class Bfloat16:
    """A model in half precision; knows what that model knows.

    What a model works out in float32 whatever it is given, such as Fourier transforms, stays so.

    Args:
        which: the model: its name, `NAME:WHICH`, or a table with a name and options.
        registry: where it is registered; None = what is installed.

    Raises:
        BadOption: a model that JAX cannot trace, or options that it refuses.
        UnknownName: a model that is not registered.

    >>> z = Bfloat16("texture").embed_images(jnp.zeros((1, 32, 32, 3)))
    >>> z.dtype.name, round(float(jnp.linalg.norm(z)), 3)
    ('float32', 1.0)
    """

    def __init__(self, which: str | Mapping[str, Any] = "builtin", registry: Registry | None = None) -> None:
        models = (default_registry() if registry is None else registry).models
        entry, self.model = models.make(model_table(which))
        if not getattr(self.model, "traceable", True):
            raise BadOption(f"model {entry.name} is no JAX program, so its numbers are its own; leave out bfloat16:")
        self.image_size, self.dim = self.model.image_size, self.model.dim
        self.identity = f"{VERSION}({self.model.identity})"
        self.weights: Tree = _halved(getattr(self.model, "weights", None))

    @property
    def parts(self) -> tuple[slice, ...] | None:
        """Slices of an embedding, one for each member of an ensemble; None where it is no ensemble."""
        return getattr(self.model, "parts", None)

    @property
    def embed_text(self) -> Callable[[list[str]], Float[ArrayLike, "P D"]] | None:
        """Unit vectors of texts, as precise as ever; None where the model knows none."""
        return getattr(self.model, "embed_text", None)

    @property
    def motions_in(self) -> Callable[[str], Motions] | None:
        """Words of motion in a text; None where the model does not tell them."""
        return getattr(self.model, "motions_in", None)

    @property
    def phrases(self) -> Callable[[], list[str]] | None:
        """What a picture may be called; None where the model does not say."""
        return getattr(self.model, "phrases", None)

    @property
    def embed_video(self) -> Callable[..., Float[Array, "B D"]] | None:
        """Unit vectors of frames in time order; None where the model knows no motion."""
        return None if getattr(self.model, "embed_video", None) is None else self._embed_video

    def embed_images(self, images: Float[ArrayLike, "B H W 3"], weights: Tree = None) -> Float[Array, "B D"]:
        """Unit vectors in float32; pictures are red green blue in [0, 1], of any size that the model takes."""
        return self._seen(self.model.embed_images, images, weights)

    def _embed_video(self, frames: Float[ArrayLike, "B K H W 3"], weights: Tree = None) -> Float[Array, "B D"]:
        return self._seen(self.model.embed_video, frames, weights)

    def _seen(self, look: Callable[..., Array], pictures: ArrayLike, weights: Tree) -> Float[Array, "B D"]:
        weights = self.weights if weights is None else weights
        z = look(*(_halved(given) for given in (pictures, weights) if given is not None))
        z = jnp.asarray(z, jnp.float32)
        return z / jnp.linalg.norm(z, axis=-1, keepdims=True)


def _halved(tree: Tree) -> Tree:
    """The arrays, real ones in half precision."""

    def halved(array: ArrayLike) -> ArrayLike:
        return jnp.asarray(array, jnp.bfloat16) if jnp.issubdtype(array.dtype, np.floating) else array

    return jax.tree.map(halved, tree)


@hookimpl
def register_models(register: Callable[..., None]) -> None:
    register(
        "bfloat16",
        "alife.plugins.bfloat16:Bfloat16",
        summary="another model in half precision, such as bfloat16:builtin; faster on accelerators",
        test_options={"which": "builtin"},
    )

"""A model held to its contract: what it raises or returns wrongly becomes one error that names it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, UInt8

from .errors import AlifeError, BadOption, PluginError, first_line
from .model import Model, pooled
from .types import ArrayLike, Tree


class Embedder:
    """The one way to ask a model for vectors.

    Args:
        model: sees pictures, and knows text and motion if it can.
    """

    def __init__(self, model: Model) -> None:
        self.model, self.name = model, type(model).__name__
        self.traceable = bool(getattr(model, "traceable", True))
        self.weights: Tree = getattr(model, "weights", None) if self.traceable else None
        """To be handed to compiled programs as an argument; None where the model has no weights of its own."""

    @property
    def knows_text(self) -> bool:
        """True where `texts` may be called."""
        return getattr(self.model, "embed_text", None) is not None

    @property
    def members(self) -> Bool[np.ndarray, "M D"] | None:
        """Which numbers of an embedding come from which model of an ensemble; None where there is one model."""
        parts = getattr(self.model, "parts", None)
        if parts is None:
            return None
        places = np.arange(self.model.dim)
        return np.stack([np.isin(places, places[part]) for part in parts])

    def images(self, images: Float[ArrayLike, "B H W 3"], weights: Tree = None) -> Float[ArrayLike, "B D"]:
        """Unit vectors of pictures; can be traced where the model can."""
        return self._vectors("embed_images", f"{len(images)} pictures", images, weights)

    def frames(
        self, frames: UInt8[ArrayLike, "C K H W 3"], weights: Tree = None, *, video: bool = False
    ) -> tuple[Float[ArrayLike, "C K D"], Float[ArrayLike, "C D"] | None]:
        """Unit vectors of the frames of worlds and, where `video` asks for it, one for all frames of each."""
        pictures = frames.astype(np.float32) / np.float32(255)
        z = self.images(pictures.reshape(-1, *frames.shape[2:]), weights).reshape(*frames.shape[:2], -1)
        if not video:
            return z, None
        if getattr(self.model, "embed_video", None) is None:
            return z, pooled(jnp.asarray(z))
        return z, self._vectors("embed_video", f"{len(frames)} times {frames.shape[1]} frames", pictures, weights)

    def pictures(self, images: Float[np.ndarray, "B H W 3"]) -> Float[np.ndarray, "B D"]:
        """Unit vectors of pictures now, in a compiled program where the model can be traced."""
        return self._finite("embed_images", np.asarray(self._program(images, self.weights), np.float32))

    @cached_property
    def _program(self) -> Callable[..., Any]:
        return jax.jit(self.images) if self.traceable else self.images

    def texts(self, texts: Sequence[str]) -> Float[np.ndarray, "P D"]:
        """Unit vectors of texts.

        Raises:
            BadOption: the model knows no text, or refuses one of these.
        """
        if not self.knows_text:
            raise BadOption(f"model {self.name} knows no text; expected a model that has embed_text")
        z = self._vectors("embed_text", f"{len(texts)} texts", list(texts), None)
        return self._finite("embed_text", np.asarray(z, np.float32))

    def _vectors(self, method: str, what: str, given: Any, weights: Tree) -> Array:
        try:
            z = getattr(self.model, method)(*((given,) if weights is None else (given, weights)))
        except AlifeError:
            raise
        except Exception as cause:
            said = f"{type(cause).__name__}: {first_line(cause)}"
            raise PluginError(f"model {self.name}.{method} raised {said}") from cause
        expected = (len(given), self.model.dim)
        if jnp.shape(z) != expected:
            raise PluginError(
                f"model {self.name}.{method} returned shape {jnp.shape(z)} for {what}; expected {expected}"
            )
        return z

    def _finite(self, method: str, z: np.ndarray) -> np.ndarray:
        if not np.isfinite(z).all():
            raise PluginError(f"model {self.name}.{method} returned NaN or infinity; `alife check` shows where")
        return z

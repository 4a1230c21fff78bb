"""A plugin file for tests: `hues` knows the colours of a picture, the words for them, and whether it gets brighter."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

import alife
from alife.errors import BadOption

WORDS = {"dark": 0, "red": 1, "green": 2, "blue": 3, "brighter": 4}


class Hues:
    """Mean darkness, red, green and blue, and change of brightness: weights are how much each counts."""

    image_size, dim = 16, 5
    asked = 0
    """How often any of them was given texts."""

    def __init__(self, which: str = "plain") -> None:
        if which not in ("plain", "reddish"):
            raise BadOption(f"hues got {which!r}; expected plain or reddish")
        self.weights = {"scale": jnp.array([1.0, 3.0 if which == "reddish" else 1.0, 1.0, 1.0, 1.0])}
        self.identity = f"hues-{which}"

    def embed_images(self, images: Any, weights: Any = None) -> Any:
        means = images.mean((1, 2)) + 1e-3
        z = jnp.concatenate([1 - means.mean(1, keepdims=True), means, jnp.zeros((len(images), 1))], axis=1)
        return self._unit(z, weights)

    def embed_video(self, frames: Any, weights: Any = None) -> Any:
        light = frames.mean((2, 3, 4))
        z = jnp.concatenate([jnp.full((len(frames), 4), 0.1), (light[:, -1] - light[:, 0])[:, None]], axis=1)
        return self._unit(z, weights)

    def embed_text(self, texts: list[str]) -> Any:
        Hues.asked += 1
        unknown = [text for text in texts if text not in WORDS]
        if unknown:
            raise BadOption(f"hues does not know {unknown[0]!r}; it knows {', '.join(WORDS)}")
        return np.eye(self.dim, dtype=np.float32)[[WORDS[text] for text in texts]]

    def _unit(self, z: Any, weights: Any) -> Any:
        z = z * (self.weights if weights is None else weights)["scale"]
        return z / jnp.linalg.norm(z, axis=1, keepdims=True)


class Outside:
    """The same without JAX."""

    image_size, dim, identity, traceable = 16, 5, "outside", False

    def embed_images(self, images: Any) -> Any:
        assert isinstance(images, np.ndarray)
        return np.asarray(Hues().embed_images(images))

    def embed_text(self, texts: list[str]) -> Any:
        return Hues().embed_text(texts)


@alife.hookimpl
def register_models(register: Any) -> None:
    register("hues", Hues, summary="colours and their names")
    register("outside", Outside, summary="the same without JAX")

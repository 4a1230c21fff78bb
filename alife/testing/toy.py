"""The smallest world that keeps every promise, for tests of models, scores, searches and tools."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..types import Parameter, PRNGKey


class Toy:
    """Patches of light that wander over a torus; two numbers say how fast.

    Args:
        size: cells on an edge, 2 or more.

    >>> Toy().render_state(Toy().init_state(jax.random.key(0), jnp.zeros(2)), jnp.zeros(2), 16).shape
    (16, 16, 3)
    """

    def __init__(self, size: int = 8) -> None:
        self.size = size

    def default_params(self, rng: PRNGKey) -> Float[Array, "2"]:
        """Two normal numbers."""
        return jax.random.normal(rng, (2,))

    def init_state(self, rng: PRNGKey, params: Float[Array, "2"]) -> Float[Array, "S S 3"]:
        """Any colours."""
        return jax.random.uniform(rng, (self.size, self.size, 3))

    def step_state(self, rng: PRNGKey, state: Float[Array, "S S 3"], params: Float[Array, "2"]) -> Any:
        """A part of the light goes on to the next cell, down and to the right."""
        down, right = jax.nn.sigmoid(params) / 2
        return (1 - down - right) * state + down * jnp.roll(state, 1, axis=0) + right * jnp.roll(state, 1, axis=1)

    def render_state(self, state: Float[Array, "S S 3"], params: Float[Array, "2"], img_size: int) -> Any:
        """The light itself."""
        return jax.image.resize(state, (img_size, img_size, 3), "nearest")

    def measures(self, state: Float[Array, "S S 3"], params: Float[Array, "2"]) -> dict[str, Float[Array, ""]]:
        """Numbers about a state.

        light: mean of all cells, from 0 to 1
        """
        return {"light": state.mean()}

    def parameters(self) -> dict[str, Parameter]:
        """Both numbers."""
        names = (("down", (0, 1)), ("right", (1, 2)))
        return {name: Parameter(-3.0, 3.0, "", f"more: light goes {name} faster", place) for name, place in names}

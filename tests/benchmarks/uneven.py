"""Worlds of which one in forty takes fifty times as long as the others: what a steady run is for."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


class Uneven:
    """A field that is bent so many times a step; how often, each world draws.

    Args:
        work: turns in a step of a quick world.
        slow: how many times more the slow ones take.
        every: one world of so many is slow.
    """

    horizon = 8

    def __init__(self, work: int = 150, slow: int = 50, every: int = 40) -> None:
        self.work, self.slow, self.every = work, slow, every

    def default_params(self, rng: Any) -> Any:
        return jax.random.uniform(rng, (4,))

    def init_state(self, rng: Any, params: Any) -> Any:
        ramp = jnp.linspace(0, 1, 64)
        slow = jax.random.randint(rng, (), 0, self.every) == 0
        return jnp.outer(ramp, ramp) * params[0], jnp.where(slow, self.slow * self.work, self.work)

    def step_state(self, rng: Any, state: Any, params: Any) -> Any:
        field, turns = state
        return jax.lax.fori_loop(0, turns, lambda _, field: jnp.sin(field * 3 + params[1]), field), turns

    def render_state(self, state: Any, params: Any, img_size: int) -> Any:
        image = jax.image.resize(jnp.abs(state[0]), (img_size, img_size), "nearest")
        return jnp.clip(jnp.stack([image] * 3, axis=-1), 0, 1)

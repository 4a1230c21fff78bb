"""Craftax: to gather, to build, to fight and to dig deeper, in a world of blocks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from unittest.mock import patch

import jax
import jax.numpy as jnp
from craftax.craftax_env import make_craftax_env_from_name
from jaxtyping import Array, Bool, Float, Int

from alife.errors import UnknownName
from alife.plugins.envs.actions import Choice
from alife.plugins.envs.adapter import Environment, Episode
from alife.plugins.envs.pictures import letterbox
from alife.types import PRNGKey, Tree

KNOWN = ("Craftax-Classic-Symbolic-v1", "Craftax-Symbolic-v1")
"""Those that show pixels to the agent are not among them: a policy without convolutions makes nothing of pixels."""
BLOCK = 16
"""Edge of a block in the library's picture, pixels."""


def craftax_environment(env: str = KNOWN[0], policy: str = "mlp", hidden: int = 16) -> Environment:
    """A world of Craftax, lived in as a policy says whose weights are the genotype.

    The reward is that of the library: achievements when they are unlocked first, and a tenth of each change in health.

    Args:
        env: Craftax-Classic-Symbolic-v1 (the rules of Crafter) or Craftax-Symbolic-v1 (nine floors, many more things).
        policy: "mlp", "recurrent" or "linear".
        hidden: units of the policy's hidden layer.

    Raises:
        UnknownName: no such environment.
        BadOption: no such policy, or no hidden unit.

    Source: Matthews et al. 2024, Craftax (arXiv:2402.16801).
    """
    return Crafting(CraftaxTask(env), policy, hidden)


class Crafting(Environment):
    """A world of Craftax, see `alife.plugins.envs.adapter.Environment`."""

    def measures(self, state: Episode, params: Tree) -> dict[str, Float[Array, ""]]:
        """Numbers of the episode so far.

        total: sum of the rewards
        length: steps until the episode was over, or now
        over: 1 when the episode is over, else 0
        switching: how far an action is from the one before, on average, 0 = the same to 1 = another or the opposite
        achievements: how many have been unlocked, of 22 (classic) or 67
        """
        unlocked = jnp.sum(state.world.achievements).astype(jnp.float32)
        return {**super().measures(state, params), "achievements": unlocked}


class CraftaxTask:
    """One of the two games, made without auto-reset: that would build a new world at every step."""

    agents = 1

    def __init__(self, env: str) -> None:
        if env not in KNOWN:
            raise UnknownName("environment of craftax", env, KNOWN)
        self.env = make_craftax_env_from_name(env, auto_reset=False)
        self.classic = env == KNOWN[0]
        self.params = self.env.default_params
        self.actions = Choice(self.env.num_actions)
        self.inputs = jax.eval_shape(self.env.reset_env, jax.random.key(0), self.params)[0].size

    def reset(self, key: PRNGKey) -> tuple[Float[Array, "1 I"], Tree]:
        """A new world."""
        observed, world = self.env.reset_env(key, self.params)
        return observed.reshape(1, -1), world

    def step(
        self, key: PRNGKey, world: Tree, action: Int[Array, "1"]
    ) -> tuple[Float[Array, "1 I"], Tree, Float[Array, ""], Bool[Array, ""]]:
        """One step; over when the player has died or the time is up."""
        observed, world, reward, over, _ = self.env.step_env(key, world, action[0], self.params)
        return observed.reshape(1, -1), world, jnp.asarray(reward, jnp.float32).reshape(()), jnp.asarray(over, bool)

    def allowed(self, world: Tree) -> None:
        """Everything, always; what is impossible does nothing."""

    def draw(self, moment: Episode, img_size: int) -> Float[Array, "H W 3"]:
        """The library's own picture: what the player sees, and below it what the player has."""
        with jax.ensure_compile_time_eval():  # textures are numbers, though this is being traced
            render = _renderer(self.classic)
        return letterbox(jnp.clip(render(moment.world) / 255, 0, 1), img_size)


@cache
def _renderer(classic: bool) -> Callable[[Tree], Float[Array, "h w 3"]]:
    """The library's renderer, with its textures of the one size that is needed.

    Left alone it makes those of all sizes, in half a minute, writes them beside its own source files, and prints.
    """
    module = import_module("craftax.craftax_classic.renderer" if classic else "craftax.craftax.renderer")
    textures = {BLOCK: module.load_all_textures_given_size(BLOCK)}
    with patch.object(module, "load_all_textures", lambda: textures):
        return module.make_craftax_pixel_renderer(BLOCK)

"""gymnax: classic control, MinAtar, and small games."""

from __future__ import annotations

from typing import Any

import gymnax
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Num

from alife.errors import UnknownName
from alife.plugins.envs.actions import Choice, actions_of
from alife.plugins.envs.adapter import Environment, Episode
from alife.plugins.envs.pictures import grid, mosaic
from alife.plugins.envs.scenes import SCENES
from alife.types import PRNGKey, Tree

NEEDS_DATA = ("MNISTBandit-bsuite",)
"""It reads pictures from the network, which no world may."""


def gymnax_environment(env: str = "CartPole-v1", policy: str = "mlp", hidden: int = 16) -> Environment:
    """An environment of gymnax, steered by a policy whose weights are the genotype.

    Args:
        env: name of the environment, such as CartPole-v1, Pendulum-v1 or Breakout-MinAtar.
        policy: "mlp", "recurrent" or "linear".
        hidden: units of the policy's hidden layer.

    Raises:
        UnknownName: no such environment.
        BadOption: no such policy, or no hidden unit.

    Source: Lange 2022, gymnax (github.com/RobertTLange/gymnax).
    """
    return Environment(GymnaxTask(env), policy, hidden)


class GymnaxTask:
    """One environment of gymnax, with its default parameters."""

    agents = 1

    def __init__(self, env: str) -> None:
        known = [name for name in gymnax.registered_envs if name not in NEEDS_DATA]
        if env not in known:
            raise UnknownName("environment of gymnax", env, known)
        self.name = env
        self.env, self.params = gymnax.make(env)
        observed: Any = jax.eval_shape(lambda key: self.env.reset_env(key, self.params)[0], jax.random.key(0))
        self.classes = getattr(self.env.observation_space(self.params), "n", 0)
        self.shape = observed.shape
        self.inputs = self.classes or max(1, int(np.prod(self.shape)))
        self.actions = actions_of(env, self.env.action_space(self.params))

    def reset(self, key: PRNGKey) -> tuple[Float[Array, "1 I"], Tree]:
        """The environment's own start."""
        observed, world = self.env.reset_env(key, self.params)
        return self._seen(observed), world

    def step(
        self, key: PRNGKey, world: Tree, action: Num[Array, "1 *O"]
    ) -> tuple[Float[Array, "1 I"], Tree, Float[Array, ""], Bool[Array, ""]]:
        """One step of `step_env`, which unlike `step` begins nothing anew; over at an end or at the time limit."""
        given = action[0] if isinstance(self.actions, Choice) else action[0].reshape(self._action_shape())
        observed, world, reward, ended, _ = self.env.step_env(key, world, given, self.params)
        over = jnp.asarray(ended, bool) | self.env.is_truncated(world, self.params)
        return self._seen(observed), world, jnp.asarray(reward, jnp.float32).reshape(()), over.reshape(())

    def allowed(self, world: Tree) -> None:
        """Everything, always."""

    def draw(self, moment: Episode, img_size: int) -> Float[Array, "H W 3"]:
        """The machine, the maps of where things are, or the numbers that are seen."""
        if self.name in SCENES:
            return SCENES[self.name](moment, img_size)
        if len(self.shape) in (2, 3) and self.inputs > 1:
            return grid(moment.seen[0].reshape((*self.shape, 1)[:3]), img_size)
        return mosaic(moment, self.actions, img_size)

    def _seen(self, observed: Array) -> Float[Array, "1 I"]:
        observed = jax.nn.one_hot(observed, self.classes) if self.classes else observed
        return jnp.asarray(observed, jnp.float32).reshape(1, self.inputs)

    def _action_shape(self) -> tuple[int, ...]:
        return self.env.action_space(self.params).shape

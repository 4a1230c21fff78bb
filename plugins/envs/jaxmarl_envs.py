"""JaxMARL: several agents with one policy, each with eyes and a memory of its own."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import jax
import jax.numpy as jnp
import jaxmarl
import numpy as np
from jaxtyping import Array, Bool, Float, Num

from alife.errors import BadOption, UnknownName
from alife.plugins.envs.actions import Choice, actions_of
from alife.plugins.envs.adapter import Environment, Episode
from alife.plugins.envs.pictures import grid, mosaic
from alife.plugins.envs.strokes import drawing_of_discs
from alife.types import PRNGKey, Tree

UNFIT = ("storm", "storm_2p", "storm_np", "LearnedPolicyEnemySMAX")
"""They do not tell agents by name what they see, or want a trained enemy."""
ELSEWHERE = ("JaxRobotarium",)
"""Names that begin so are registered, and not part of the package."""
RULES = ("get_avail_actions", "get_legal_moves")
"""Methods that say what is legal now; Hanabi has the second."""
REACH = 1.5
"""Of a picture of particles, from its middle to an edge; worlds begin within 1."""
PAPER = (0.96, 0.96, 0.94)


def jaxmarl_environment(env: str = "MPE_simple_spread_v3", policy: str = "mlp", hidden: int = 16) -> Environment:
    """An environment of JaxMARL, in which all agents act by one policy whose weights are the genotype.

    The reward is the mean over the agents: where they play against each other it says little.  Who sees fewer numbers
    than others sees zeros after them; who has fewer choices cannot take the others.

    Args:
        env: name of the environment, such as MPE_simple_spread_v3, overcooked or SMAX.
        policy: "mlp", "recurrent" or "linear".
        hidden: units of the policy's hidden layer.

    Raises:
        UnknownName: no such environment.
        BadOption: one that cannot be made here, no such policy, or no hidden unit.

    Source: Rutherford et al. 2023, JaxMARL (arXiv:2311.10090).
    """
    return Environment(JaxmarlTask(env), policy, hidden)


class JaxmarlTask:
    """One environment of JaxMARL with its default options."""

    def __init__(self, env: str) -> None:
        known = [name for name in jaxmarl.registered_envs if name not in UNFIT and not name.startswith(ELSEWHERE)]
        if env not in known:
            raise UnknownName("environment of jaxmarl", env, known)
        try:
            self.env = jaxmarl.make(env)
        except ImportError as cause:
            raise BadOption(f"environment {env!r}: {cause}") from cause
        self.names: list[str] = list(self.env.agents)
        self.agents = len(self.names)
        seen, world = jax.eval_shape(self.env.reset, jax.random.key(0))
        self.shape = seen[self.names[0]].shape
        self.inputs = max(seen[name].size for name in self.names)
        spaces = [actions_of(env, self.env.action_space(name)) for name in self.names]
        self.actions = max(spaces, key=lambda space: space.outputs)
        if len({type(space) for space in spaces}) > 1:
            raise BadOption(f"environment {env!r} has agents that choose beside agents that give numbers")
        self.outputs = np.array([space.outputs for space in spaces])
        self.rule = self._rule(world) if isinstance(self.actions, Choice) else ""

    def reset(self, key: PRNGKey) -> tuple[Float[Array, "A I"], Tree]:
        """The environment's own start."""
        seen, world = self.env.reset(key)
        return self._seen(seen), world

    def step(
        self, key: PRNGKey, world: Tree, action: Num[Array, "A *O"]
    ) -> tuple[Float[Array, "A I"], Tree, Float[Array, ""], Bool[Array, ""]]:
        """One step of `step_env`, which unlike `step` begins nothing anew; over when it is for all."""
        each = {name: self._of_one(action[i], i) for i, name in enumerate(self.names)}
        seen, world, rewards, over, _ = self.env.step_env(key, world, each)
        earned = jnp.stack([jnp.asarray(rewards[name], jnp.float32).reshape(()) for name in self.names])
        return self._seen(seen), world, earned.mean(), jnp.asarray(over["__all__"], bool).reshape(())

    def allowed(self, world: Tree) -> Bool[Array, "A N"] | None:
        """The choices that an agent has, less those that the rules forbid now."""
        if not isinstance(self.actions, Choice):
            return None
        there = jnp.asarray(np.arange(self.actions.outputs) < self.outputs[:, None])
        if not self.rule:
            return there
        legal = getattr(self.env, self.rule)(world)
        return there & jnp.stack([self._padded(legal[name], self.actions.outputs) > 0 for name in self.names])

    def draw(self, moment: Episode, img_size: int) -> Float[Array, "H W 3"]:
        """Discs where particles are, in the library's colours; else what the first agent, or all of them, see."""
        if hasattr(self.env, "rad") and hasattr(self.env, "colour"):
            x = 0.5 + moment.world.p_pos / (2 * REACH)
            return drawing_of_discs(x, np.asarray(self.env.rad) / (2 * REACH), self._colours(), PAPER, img_size)
        if len(self.shape) == 3:
            return grid(moment.seen[0, : int(np.prod(self.shape))].reshape(self.shape), img_size)
        return mosaic(moment, self.actions, img_size)

    def _colours(self) -> Float[np.ndarray, "N 3"]:
        return np.array([np.asarray(colour)[:3] for colour in self.env.colour], np.float32) / 255

    def _seen(self, seen: dict[str, Array]) -> Float[Array, "A I"]:
        return jnp.stack([self._padded(seen[name], self.inputs) for name in self.names])

    def _padded(self, numbers: Array, size: int) -> Float[Array, " n"]:
        flat = jnp.asarray(numbers, jnp.float32).reshape(-1)
        return jnp.pad(flat, (0, size - flat.size))

    def _of_one(self, action: Num[Array, " *O"], i: int) -> Num[Array, " *O"]:
        return action if isinstance(self.actions, Choice) else action[: self.outputs[i]]

    def _rule(self, world: Any) -> str:
        """Name of the method that says of all agents which choices are legal; empty where there is none."""
        for name in RULES:
            with suppress(NotImplementedError):
                legal = jax.eval_shape(getattr(self.env, name, _unknown), world)
                if isinstance(legal, dict) and set(self.names) <= set(legal):
                    return name
        return ""


def _unknown(world: Any) -> dict[str, Array]:
    raise NotImplementedError

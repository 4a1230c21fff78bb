"""navix: MiniGrid in JAX, rooms with doors, keys, lava and a goal."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import navix
from jaxtyping import Array, Bool, Float, Int
from navix.rendering.cache import RenderingCache

from alife.errors import UnknownName
from alife.options import whole
from alife.plugins.envs.actions import Choice
from alife.plugins.envs.adapter import Environment, Episode
from alife.plugins.envs.pictures import letterbox
from alife.types import PRNGKey, Tree

LARGEST = 10
"""What is seen is divided by it: kinds of things go from 1 to 10, colours to 5, states to 3."""


def navix_environment(
    env: str = "Navix-Empty-Random-6x6-v0", policy: str = "mlp", hidden: int = 16, max_steps: int = 100
) -> Environment:
    """A room of navix, explored as a policy says whose weights are the genotype.

    The agent sees the 7 x 7 cells ahead of it (kind, colour, state), as MiniGrid has it, and turns, walks, picks up,
    drops, opens, or says that it is done.  The reward is 1 where the goal of the room is reached, at the end.

    Args:
        env: name of the room, such as Navix-DoorKey-6x6-v0.
        policy: "mlp", "recurrent" or "linear".
        hidden: units of the policy's hidden layer.
        max_steps: after so many steps the episode is over.

    Raises:
        UnknownName: no such room.
        BadOption: no such policy, no hidden unit, or no step.

    Source: Pignatelli et al. 2024, NAVIX (arXiv:2407.19396); MiniGrid, Chevalier-Boisvert et al. 2023
        (arXiv:2306.13831).
    """
    return Environment(NavixTask(env, whole("max_steps", max_steps, 1, 1_000_000, "steps")), policy, hidden)


class NavixTask:
    """One room of navix; its state is a `Timestep` without the tiles of the empty room, which are drawn anew."""

    agents = 1

    def __init__(self, env: str, max_steps: int) -> None:
        if env not in navix.registry():
            raise UnknownName("environment of navix", env, navix.registry())
        view = navix.observations.symbolic_first_person
        self.env = navix.make(env, max_steps=max_steps, observation_fn=view)
        self.actions = Choice(len(self.env.action_set))
        self.inputs = jax.eval_shape(self.env.reset, jax.random.key(0)).observation.size

    def reset(self, key: PRNGKey) -> tuple[Float[Array, "1 I"], Tree]:
        """The room's own start."""
        return self._seen(self.env.reset(key))

    def step(
        self, key: PRNGKey, world: Tree, action: Int[Array, "1"]
    ) -> tuple[Float[Array, "1 I"], Tree, Float[Array, ""], Bool[Array, ""]]:
        """One step of `_step`: `step` itself would begin anew after the end.  Chance comes from the state's own key."""
        after = self.env._step(world, action[0])
        return *self._seen(after), after.reward.astype(jnp.float32), after.is_done()

    def allowed(self, world: Tree) -> None:
        """Everything, always."""

    def draw(self, moment: Episode, img_size: int) -> Float[Array, "H W 3"]:
        """navix's own picture of the whole room."""
        state = moment.world.state
        tiled = state.replace(cache=RenderingCache.init(state.grid))
        return letterbox(navix.observations.rgb(tiled).astype(jnp.float32) / 255, img_size)

    def _seen(self, timestep: Tree) -> tuple[Float[Array, "1 I"], Tree]:
        bare = timestep.replace(state=timestep.state.replace(cache=None))
        return timestep.observation.astype(jnp.float32).reshape(1, -1) / LARGEST, bare

"""One adapter: an environment of another library and a policy as a substrate; the policy's weights are the genotype."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Num

from alife.genotype import places
from alife.options import whole
from alife.plugins.envs.actions import Choice, Span, decide, moved
from alife.plugins.envs.leaves import common_layout, from_numbers, to_numbers
from alife.plugins.policies import Policy
from alife.types import Parameter, PRNGKey, Tree

DOES = {"hidden": "looks at what is seen", "out": "says what to do"}
"""What the layers of a policy do."""


@runtime_checkable
class Task(Protocol):
    """An environment as the adapter wants it: A agents that each see I numbers; nothing in it begins anew by itself."""

    inputs: int
    """Numbers that an agent sees."""
    agents: int

    @property
    def actions(self) -> Choice | Span:
        """What an agent can do."""

    def reset(self, key: PRNGKey) -> tuple[Float[Array, "A I"], Tree]:
        """What is seen at the start, and the library's own state."""

    def step(
        self, key: PRNGKey, world: Tree, action: Num[Array, "A *O"]
    ) -> tuple[Float[Array, "A I"], Tree, Float[Array, ""], Bool[Array, ""]]:
        """What is seen next, the next state, the reward of this step, and whether the episode is over."""

    def allowed(self, world: Tree) -> Bool[Array, "A N"] | None:
        """Which choices there are now; None where there always are all."""

    def draw(self, moment: Episode, img_size: int) -> Float[Array, "H W 3"]:
        """A picture; `moment.world` is the library's own state."""


class Episode(NamedTuple):
    """One moment of an environment, and what has happened so far."""

    world: Tree
    """The library's state, with keys as the integers that they are made of."""
    seen: Float[Array, "A I"]
    memory: Float[Array, "A M"]
    action: Num[Array, "A *O"]
    """The last one; 0 before there was any."""
    reward: Float[Array, ""]
    """Of the last step; 0 once the episode is over."""
    total: Float[Array, ""]
    """Sum of the rewards."""
    length: Int[Array, ""]
    """Steps of the episode."""
    moved: Float[Array, ""]
    """Sum of how far each action was from the one before, see `alife.plugins.envs.actions.moved`."""
    over: Bool[Array, ""]


class Environment:
    """An environment in which agents act as a policy says: what it observes goes in, what it does comes out.

    When the episode is over, everything stays as it is and rewards are 0: nothing is reset.  Choices are the largest
    output, other actions tanh of the outputs between the least and the greatest allowed.  All agents have the same
    policy, each with a memory of its own.

    The genotype is the policy: {"hidden": {"bias", "kernel"}, "out": {"bias", "kernel"}}, `linear` without `hidden`.

    Args:
        task: the environment.
        policy: kind of network, see `alife.plugins.policies.Policy`.
        hidden: units of its hidden layer.

    Raises:
        BadOption: a policy that there is not, or an environment whose state changes its shape.
    """

    def __init__(self, task: Task, policy: str, hidden: int) -> None:
        self.task = task
        self.policy = Policy(policy, task.inputs, task.actions.outputs, whole("hidden", hidden, 1, 4096, "units"))
        self.policy.checked()
        self.layout = common_layout(task.reset, task.step, task.actions.none(task.agents))

    def default_params(self, rng: PRNGKey) -> Tree:
        """A random policy: kernels of variance 1/inputs, no biases."""
        return self.policy.params(rng)

    def init_state(self, rng: PRNGKey, params: Tree) -> Episode:
        """The environment's own start."""
        seen, world = self.task.reset(rng)
        return Episode(
            world=to_numbers(world, self.layout),
            seen=seen,
            memory=jnp.broadcast_to(self.policy.memory(), (self.task.agents, self.policy.memory().size)),
            action=self.task.actions.none(self.task.agents),
            reward=jnp.float32(0),
            total=jnp.float32(0),
            length=jnp.int32(0),
            moved=jnp.float32(0),
            over=jnp.zeros((), bool),
        )

    def step_state(self, rng: PRNGKey, state: Episode, params: Tree) -> Episode:
        """All agents look and act; an episode that is over stays as it is."""
        world = from_numbers(state.world, self.layout)
        out, memory = jax.vmap(self.policy.act, (None, 0, 0))(params, state.memory, state.seen)
        action = decide(self.task.actions, out, self.task.allowed(world))
        seen, world, reward, over = self.task.step(rng, world, action)
        turn = jnp.where(state.length > 0, moved(self.task.actions, state.action, action), 0)
        after = Episode(
            world=to_numbers(world, self.layout),
            seen=seen,
            memory=memory,
            action=action,
            reward=reward,
            total=state.total + reward,
            length=state.length + 1,
            moved=state.moved + turn,
            over=over,
        )
        last = state._replace(reward=jnp.float32(0))
        return jax.tree.map(lambda old, new: jnp.where(state.over, old, new), last, after)

    def render_state(self, state: Episode, params: Tree, img_size: int) -> Float[Array, "H W 3"]:
        """The library's picture where it can be made in JAX, else ours, see docs/substrates/envs.md."""
        return self.task.draw(state._replace(world=from_numbers(state.world, self.layout)), img_size)

    def reward(self, state: Episode, params: Tree) -> Float[Array, ""]:
        """What the last step earned; the mean over the agents where there are several."""
        return state.reward

    def measures(self, state: Episode, params: Tree) -> dict[str, Float[Array, ""]]:
        """Numbers of the episode so far.

        total: sum of the rewards, the mean over the agents where there are several
        length: steps until the episode was over, or now
        over: 1 when the episode is over, else 0
        switching: how far an action is from the one before, on average, 0 = the same to 1 = another or the opposite
        """
        return {
            "total": state.total,
            "length": state.length.astype(jnp.float32),
            "over": state.over.astype(jnp.float32),
            "switching": state.moved / jnp.maximum(state.length - 1, 1),
        }

    def parameters(self) -> dict[str, Parameter]:
        """The size of the policy, and its layers."""
        found = places(jax.eval_shape(self.default_params, jax.random.key(0)))
        layers = {
            f"{layer}/{part}": Parameter(-3, 3, "", f"{part} of the layer that {DOES[layer]}", place)
            for (layer, part), place in ((name.split("/"), place) for name, place in found.items())
        }
        units = Parameter(1, 64, "units", "hidden units of the policy; more: finer behaviour, slower to evolve")
        return layers if self.policy.kind == "linear" else {"hidden": units, **layers}

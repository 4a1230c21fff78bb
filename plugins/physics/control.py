"""Controllers: from what a creature senses to four motor and two thruster channels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from alife.errors import BadOption, suggest
from alife.plugins.network import random_network
from alife.plugins.policies import Policy
from alife.types import PRNGKey, Tree

from .observe import OBSERVATIONS, RATE, entities, observation, observation_size
from .scene import CHANNELS, MOTOR_CHANNELS, THRUSTER_CHANNELS
from .sizes import Pairs, Room

if TYPE_CHECKING:
    from .life import Level, Life

CONTROLLERS = ("open_loop", "mlp", "recurrent", "linear", "set")
ACTIONS = ("continuous", "discrete", "multi_discrete")
FASTEST_BEAT = 3.0
"""Of an open loop, per second, that its prior reaches."""


class Controller(NamedTuple):
    """How decisions are made; it holds no weights.

    `open_loop` swings each channel by a sine of its own, whatever is sensed: amplitude, frequency, phase and offset of
    six channels, 24 numbers.  `mlp`, `recurrent` and `linear` are networks (`alife.plugins.policies`) on an
    observation, a vector.  `set` looks at all shapes, joints and thrusters as sets, so that one set of weights fits
    scenes of every size.
    """

    kind: str
    senses: str
    actions: str
    room: Room
    pairs: Pairs
    hidden: int

    def checked(self) -> Controller:
        """Itself.

        Raises:
            BadOption: a kind, a sense or actions that there are not.
        """
        for word, known, what in (
            (self.kind, CONTROLLERS, "controller"),
            (self.senses, OBSERVATIONS, "observation"),
            (self.actions, ACTIONS, "set of actions"),
        ):
            if word not in known:
                raise BadOption(f"no {what} is called {word!r}; {suggest(word, known)}")
        if self.hidden < 1:
            raise BadOption(f"a controller has {self.hidden} hidden units; expected 1 or more")
        if self.kind == "open_loop" and self.actions != "continuous":
            raise BadOption(f"an open loop gives continuous actions, not {self.actions}")
        return self

    @property
    def outputs(self) -> int:
        """Numbers that a network gives for these actions."""
        sizes = (CHANNELS, 2 * MOTOR_CHANNELS + 1 + THRUSTER_CHANNELS, 3 * MOTOR_CHANNELS + 2 * THRUSTER_CHANNELS)
        return sizes[ACTIONS.index(self.actions)]

    @property
    def policy(self) -> Policy:
        """The network of a controller that has one."""
        return Policy(self.kind, observation_size(self.senses, self.room), self.outputs, self.hidden)

    def params(self, rng: PRNGKey) -> Tree:
        """Weights from the prior."""
        if self.kind == "open_loop":
            keys = jax.random.split(rng, 4)
            return {
                "amplitude": jax.random.normal(keys[0], (CHANNELS,)),
                "frequency": jax.random.uniform(keys[1], (CHANNELS,), minval=0.3, maxval=FASTEST_BEAT),
                "phase": jax.random.uniform(keys[2], (CHANNELS,), maxval=2 * math.pi),
                "offset": 0.3 * jax.random.normal(keys[3], (CHANNELS,)),
            }
        if self.kind == "set":
            return set_network(rng, self.hidden, self.outputs)
        return self.policy.params(rng)

    def memory(self) -> Float[Array, " M"]:
        """What it remembers before its first decision."""
        return self.policy.memory() if self.kind == "recurrent" else jnp.zeros(0)

    def act(self, weights: Tree, life: Life, level: Level) -> tuple[Float[Array, "6"], Float[Array, " M"]]:
        """What the six channels are told, motors in [-1, 1] and thrusters in [0, 1]; and what is remembered."""
        if self.kind == "open_loop":
            angle = 2 * math.pi * weights["frequency"] * life.time / RATE + weights["phase"]
            return self.channels(weights["offset"] + weights["amplitude"] * jnp.sin(angle)), life.memory
        if self.kind == "set":
            return self.channels(act_on_sets(weights, entities(life, level, self.pairs))), life.memory
        seen = observation(self.senses, life, level, self.pairs)
        out, memory = self.policy.act(weights, life.memory, seen)
        return self.channels(out), memory

    def channels(self, out: Float[Array, " O"]) -> Float[Array, "6"]:
        """The actions that outputs stand for.

        `continuous`: a number each, squashed.  `discrete`: the highest of motor 0 back, motor 0 forward ... nothing,
        thruster 0, thruster 1.  `multi_discrete`: for each motor the highest of nothing, forward, back, and for each
        thruster of off, on.
        """
        if self.actions == "continuous":
            motors, thrusters = out[:MOTOR_CHANNELS], out[MOTOR_CHANNELS:]
            return jnp.concatenate([jnp.tanh(motors), jax.nn.sigmoid(2 * thrusters)])
        if self.actions == "discrete":
            chosen = jnp.argmax(out)
            motors = jnp.arange(MOTOR_CHANNELS)
            turns = (chosen == 2 * motors + 1) * 1.0 - (chosen == 2 * motors) * 1.0
            fires = chosen == 2 * MOTOR_CHANNELS + 1 + jnp.arange(THRUSTER_CHANNELS)
            return jnp.concatenate([turns, fires * 1.0])
        turns = jnp.argmax(out[: 3 * MOTOR_CHANNELS].reshape(MOTOR_CHANNELS, 3), axis=1)
        fires = jnp.argmax(out[3 * MOTOR_CHANNELS :].reshape(THRUSTER_CHANNELS, 2), axis=1)
        return jnp.concatenate([jnp.array([0.0, 1.0, -1.0])[turns], fires * 1.0])


class Hand:
    """A controller whose weights are what it says: six numbers, from a person, or zeros of one who does nothing."""

    def memory(self) -> Float[Array, " M"]:
        """Nothing."""
        return jnp.zeros(0)

    def act(self, weights: Tree, life: Life, level: Level) -> tuple[Float[Array, "6"], Float[Array, " M"]]:
        """What it is given."""
        return weights, life.memory


def commands(told: Float[Array, "6"], level: Level) -> tuple[Float[Array, " J"], Float[Array, " T"]]:
    """What each joint's motor and each thruster is told: by the channel that it is bound to."""
    joints, thrusters = level.scene.joints, level.scene.thrusters
    motors = jnp.where(joints.auto, 1.0, told[:MOTOR_CHANNELS][joints.binding])
    return motors, told[MOTOR_CHANNELS:][thrusters.binding]


SETS = {"circles": 19, "polygons": 27, "joints": 22, "thrusters": 8}
"""Kinds of entities, and how many numbers describe one of each."""


def set_network(rng: PRNGKey, hidden: int, outputs: int) -> Tree:
    """Weights of a network on sets: a layer for each kind, one that looks at the whole, one that decides."""
    shapes = {name: (size, hidden) for name, size in SETS.items()}
    shapes |= {"whole": (2 * hidden * len(SETS), hidden), "out": (hidden, outputs)}
    return random_network(rng, shapes)["params"]


def act_on_sets(weights: Tree, seen: Any) -> Float[Array, " O"]:
    """Outputs: of each kind the mean and the highest over all that are there, then two layers."""
    pooled = []
    for name in SETS:
        features, there = seen[name]
        each = jnp.tanh(features @ weights[name]["kernel"] + weights[name]["bias"])
        count = jnp.maximum(jnp.sum(there), 1)
        pooled.append(jnp.sum(jnp.where(there[:, None], each, 0), axis=0) / count)
        pooled.append(jnp.max(jnp.where(there[:, None], each, -1), axis=0, initial=-1.0))
    whole = jnp.tanh(jnp.concatenate(pooled) @ weights["whole"]["kernel"] + weights["whole"]["bias"])
    return whole @ weights["out"]["kernel"] + weights["out"]["bias"]

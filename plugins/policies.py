"""Small networks that turn what is seen into what is done; their weights are genotypes."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from alife.errors import BadOption, suggest
from alife.plugins.network import random_network
from alife.types import PRNGKey, Tree

POLICIES = ("mlp", "recurrent", "linear")
"""Kinds of network, see `Policy`."""


class Policy(NamedTuple):
    """How a network that steers is built; it holds no weights.

    `linear` weighs what is seen; `mlp` has one hidden layer; `recurrent` has one that also sees itself as it was a
    step before (Elman), and so can keep time and remember.

    >>> import jax
    >>> policy = Policy("mlp", inputs=3, outputs=2, hidden=4)
    >>> weights = policy.params(jax.random.key(0))
    >>> out, memory = policy.act(weights, policy.memory(), jnp.ones(3))
    >>> out.shape, memory.shape
    ((2,), (0,))
    """

    kind: str
    inputs: int
    outputs: int
    hidden: int = 16
    """Units of the hidden layer."""

    def checked(self) -> Policy:
        """Itself.

        Raises:
            BadOption: a kind that there is not, or no hidden unit.
        """
        if self.kind not in POLICIES:
            raise BadOption(f"no policy is called {self.kind!r}; {suggest(self.kind, POLICIES)}")
        if self.hidden < 1:
            raise BadOption(f"a policy has {self.hidden} hidden units; expected 1 or more")
        return self

    def params(self, rng: PRNGKey) -> Tree:
        """Random weights: kernels of variance 1/inputs, no biases."""
        seen = self.inputs + (self.hidden if self.kind == "recurrent" else 0)
        if self.kind == "linear":
            return random_network(rng, {"out": (seen, self.outputs)})["params"]
        return random_network(rng, {"hidden": (seen, self.hidden), "out": (self.hidden, self.outputs)})["params"]

    def memory(self) -> Float[Array, " M"]:
        """What a policy remembers before its first step; M = 0 unless it is recurrent."""
        return jnp.zeros(self.hidden if self.kind == "recurrent" else 0)

    def act(
        self, params: Tree, memory: Float[Array, " M"], seen: Float[Array, " I"]
    ) -> tuple[Float[Array, " O"], Float[Array, " M"]]:
        """Outputs before any squashing, and what is remembered.

        Args:
            seen: what is observed, numbers of about unit size.
        """
        if self.kind == "linear":
            return dense(params["out"], seen), memory
        hidden = jnp.tanh(dense(params["hidden"], jnp.concatenate([seen, memory])))
        return dense(params["out"], hidden), hidden if self.kind == "recurrent" else memory


def dense(layer: Tree, x: Float[Array, " I"]) -> Float[Array, " O"]:
    """Weighted sums of the inputs, and biases."""
    return x @ layer["kernel"] + layer["bias"]

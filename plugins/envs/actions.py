"""What can be done in an environment, and how the outputs of a policy become actions."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Num

from alife.errors import BadOption


class Choice(NamedTuple):
    """One of `outputs` things."""

    outputs: int

    def none(self, agents: int) -> Int[Array, " A"]:
        """What has been done before anything was."""
        return jnp.zeros(agents, jnp.int32)


class Span(NamedTuple):
    """Numbers, each from its least to its greatest."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def outputs(self) -> int:
        """How many numbers."""
        return len(self.low)

    @property
    def ends(self) -> tuple[Float[np.ndarray, " O"], Float[np.ndarray, " O"]]:
        """Least and greatest, as arrays."""
        return np.array(self.low, np.float32), np.array(self.high, np.float32)

    def none(self, agents: int) -> Float[Array, "A O"]:
        """What has been done before anything was."""
        return jnp.zeros((agents, self.outputs))


def actions_of(env: str, space: Any) -> Choice | Span:
    """What a space of actions allows.

    Raises:
        BadOption: neither one of a number of choices nor numbers within bounds.
    """
    if hasattr(space, "n"):
        return Choice(int(space.n))
    size = int(np.prod(getattr(space, "shape", ()) or (1,)))
    if hasattr(space, "low") and np.isfinite(space.low).all() and np.isfinite(space.high).all():
        low, high = (np.broadcast_to(np.asarray(end, float), (size,)).tolist() for end in (space.low, space.high))
        return Span(tuple(low), tuple(high))
    raise BadOption(f"environment {env!r} takes {space!r:.100}; expected choices, or numbers within bounds")


def decide(actions: Choice | Span, out: Float[Array, "A O"], allowed: Bool[Array, "A O"] | None) -> Num[Array, "A *O"]:
    """The action of each agent: the allowed choice with the largest output, or tanh of the outputs, scaled.

    >>> decide(Choice(3), jnp.array([[0.0, 2.0, 1.0]]), jnp.array([[True, False, True]])).tolist()
    [2]
    >>> decide(Span((0.0,), (4.0,)), jnp.zeros((1, 1)), None).tolist()
    [[2.0]]
    """
    if isinstance(actions, Choice):
        out = out if allowed is None else jnp.where(allowed, out, -jnp.inf)
        return jnp.argmax(out, axis=1).astype(jnp.int32)
    low, high = actions.ends
    return low + (high - low) * (0.5 + 0.5 * jnp.tanh(out))


def moved(actions: Choice | Span, before: Num[Array, "A *O"], now: Num[Array, "A *O"]) -> Float[Array, ""]:
    """How far actions are from those before, the mean over agents: 1 = another choice, or from end to end of a span.

    >>> float(moved(Choice(3), jnp.array([0, 1]), jnp.array([0, 2])))
    0.5
    """
    if isinstance(actions, Choice):
        return jnp.mean((before != now).astype(jnp.float32))
    low, high = actions.ends
    return jnp.mean(jnp.abs(now - before) / (high - low))

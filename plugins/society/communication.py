"""Does anybody listen?  What messages do to actions: by gradients, and by what gradients cannot fake, interventions.

All of it is a look at one moment: nothing is changed in the world.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .brain import INBOX, OUTBOX, Seen, think
from .living import View, brains
from .settings import Settings
from .space import RECORD, State

PARTS = ("terrain", "agents", "robots", "self", "inboxes", "messages", "own")
"""What a saliency is of: terrain seen, others seen, robots seen, oneself, all inboxes, others' inboxes and outboxes and
one's own inbox, one's own outbox."""
BINS = 3
"""Of what is heard and of what is done, each, when information is estimated."""
KEY = 0
"""Brains that throw dice throw the same ones whatever they hear."""


def effects_of_messages(state: State, settings: Settings) -> dict[str, Float[Array, ""]]:
    """Saliency by part, effects of interventions, and information, each a mean over the agents alive."""
    slots, alive = jnp.arange(settings.agents), state.agents.alive
    genome = brains(state.agents, slots, settings)
    seen = View(state, settings, jax.random.key(KEY)).of(slots)[0]

    def act(seen: Seen) -> Float[Array, "N 12"]:
        out, _ = think(genome, seen, state.agents.hidden, jax.random.key(KEY), settings.brain)
        return jnp.where(jnp.isfinite(out[:, :RECORD]), out[:, :RECORD], 0)

    as_is, pull = jax.vjp(act, seen)
    numbers = {f"saliency_{name}": value for name, value in _saliency(pull, seen, alive).items()}
    for name, how in (("silence", "silent"), ("shuffling", "shuffled"), ("noise", "noise")):
        other = act(View(state, replace(settings, messages=how), jax.random.key(KEY)).of(slots)[0])
        numbers[name] = _mean(jnp.mean(jnp.abs(other - as_is), axis=1), alive)
    return numbers | {"information": information(_heard(seen), as_is, alive)}


def _saliency(
    pull: Callable[[Float[Array, "N 12"]], tuple[Seen]], seen: Seen, alive: Bool[Array, " N"]
) -> dict[str, Float[Array, ""]]:
    """Length of the gradient of each agent's mean action, by the part of what it sees."""
    # a brain whose weights have run away does nothing, whatever it sees
    (slope,) = jax.tree.map(jnp.nan_to_num, pull(jnp.full((len(seen.own), RECORD), 1 / RECORD)))
    own, others = jnp.abs(slope.own), jnp.abs(slope.others)
    inboxes = jnp.sum(others[..., INBOX], axis=(1, 2)) + jnp.sum(own[:, INBOX], axis=1)
    outboxes = jnp.sum(others[..., OUTBOX], axis=(1, 2))
    parts = {
        "terrain": jnp.sum(jnp.abs(slope.patch), axis=1),
        "agents": jnp.sum(others, axis=(1, 2)),
        "robots": jnp.sum(jnp.abs(slope.robots), axis=(1, 2)),
        "self": jnp.sum(own, axis=1),
        "inboxes": inboxes,
        "messages": inboxes + outboxes,
        "own": jnp.sum(own[:, OUTBOX], axis=1),
    }
    return {name: _mean(parts[name], alive) for name in PARTS}


def _heard(seen: Seen) -> Float[Array, "N S"]:
    """What an agent hears: its inbox, and the mean outbox of those it sees."""
    some = jnp.maximum(jnp.sum(seen.there[:, : seen.others.shape[1]], axis=1, keepdims=True), 1)
    return seen.own[:, INBOX] + jnp.sum(seen.others[..., OUTBOX], axis=1) / some


def information(heard: Float[Array, "N S"], did: Float[Array, "N 12"], alive: Bool[Array, " N"]) -> Float[Array, ""]:
    """Bits that what is heard and what is done share: mean over all pairs of a number heard and one done.

    Each number is put into one of three equal parts of the living; the estimate has the bias (b-1)^2 / (2 n ln 2) of
    small samples taken away, and is at least 0.

    Args:
        heard: of each agent.
        did: of each agent.
        alive: who counts.

    Source: Miller 1955 (the bias of information estimates).

    >>> x = jnp.arange(300.0)[:, None] % 7
    >>> alike = information(jnp.tile(x, (1, 16)), jnp.tile(x, (1, 12)), jnp.ones(300, bool))
    >>> noise = jax.random.uniform(jax.random.key(1), (300, 12))
    >>> bool(alike > 1), bool(information(jnp.tile(x, (1, 16)), noise, jnp.ones(300, bool)) < 0.02)
    (True, True)
    """
    n = jnp.maximum(jnp.sum(alive), 1)
    a, b = _thirds(heard, alive), _thirds(did, alive)
    joint = jnp.einsum("nsa,ndb->sdab", a, b) / n
    apart = jnp.sum(joint, axis=3, keepdims=True) * jnp.sum(joint, axis=2, keepdims=True)
    shared = jnp.sum(jnp.where(joint > 0, joint * jnp.log2(joint / jnp.where(apart > 0, apart, 1)), 0), axis=(2, 3))
    bias = (BINS - 1) ** 2 / (2 * n * jnp.log(2.0))
    return jnp.maximum(jnp.mean(shared) - bias, 0)


def _thirds(x: Float[Array, "N C"], alive: Bool[Array, " N"]) -> Float[Array, "N C b"]:
    """Which third of the living each number belongs to; equal numbers belong together."""
    below = jnp.sum((x[:, None] > x[None]) & alive[None, :, None], axis=1) / jnp.maximum(jnp.sum(alive), 1)
    place = jnp.clip((BINS * below).astype(jnp.int32), 0, BINS - 1)
    return jax.nn.one_hot(place, BINS) * alive[:, None, None]


def _mean(values: Float[Array, " N"], alive: Bool[Array, " N"]) -> Float[Array, ""]:
    return jnp.sum(jnp.where(alive, values, 0)) / jnp.maximum(jnp.sum(alive), 1)

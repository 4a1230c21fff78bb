"""What agents and robots do to each other and to the land: one table of effects for both.

Effects are sums over pairs of an actor and one it reaches, added up by target; nobody writes the whole world.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from .settings import Dials, Settings
from .space import ACTIONS, EDITS, RECORD, Terrain, way

MOVE, PUSH, EAT, REPRODUCE, HIT, GATE = 0, 2, 3, 4, 5, 6
"""Where in an action record what stands; moving takes two places."""
EDIT = slice(len(ACTIONS), RECORD)
FADES = 0.5
"""A hit weakens by e in so many world units, inverted."""
TOUCH = 0.1
"""Added to every distance, world units, so that none is 0."""
MOVE_PRICE, PUSH_PRICE, EDIT_PRICE = 0.5, 0.25, 0.001


class Deeds(NamedTuple):
    """What A actors do in one turn."""

    able: Bool[Array, " A"]
    """The others do nothing."""
    x: Float[Array, "A 2"]
    record: Float[Array, "A 12"]
    """0 for those who do nothing."""
    send: Float[Array, "A S"]


class Reach(NamedTuple):
    """Whom each of A actors sees, and can reach."""

    who: Int[Array, "A K"]
    there: Bool[Array, "A K"]


class Felt(NamedTuple):
    """What T targets get, all actors together."""

    push: Float[Array, "T 2"]
    """World units."""
    hit: Float[Array, " T"]
    """Energy lost; below 0 given."""
    gate: Float[Array, " T"]
    """How strongly messages write."""
    message: Float[Array, "T S"]
    """Sum of the messages, each times its gate."""


def felt(
    deeds: Deeds, reach: Reach, x: Float[Array, "T 2"], settings: Settings, dials: Dials
) -> tuple[Felt, Float[Array, " A"]]:
    """What targets get from actors; and what each actor gains by its hits, or loses by what it gives, energy.

    Args:
        deeds: of the actors.
        reach: whom each of them reaches, numbers of targets.
        x: where the targets are.
        settings, dials: of the world.
    """
    there = reach.there & deeds.able[:, None]
    d = way(deeds.x[:, None], x[reach.who], settings.side)
    n = jnp.sqrt(jnp.sum(d**2, axis=-1)) + TOUCH
    record = jnp.broadcast_to(deeds.record[:, None], (*reach.who.shape, RECORD))
    hit = dials.hit * record[..., HIT, None] * jnp.exp(-FADES * n)[..., None]
    push = dials.push * record[..., PUSH, None] * d / n[..., None]
    gate = jax.nn.relu(record[..., GATE, None])
    # masked once all is worked out: what stands in a free slot may be anything
    parts = jnp.where(there[..., None], jnp.concatenate([push, hit, gate, gate * deeds.send[:, None]], axis=-1), 0)
    sums = jax.ops.segment_sum(parts.reshape(reach.who.size, -1), reach.who.reshape(-1), len(x))
    taken = jnp.sum(parts[..., 2], axis=1)
    gained = jnp.where(taken > 0, dials.steal * taken, taken if settings.conserve_gifts else 0)
    return Felt(sums[:, :2], sums[:, 2], sums[:, 3], sums[:, 4:]), gained


def both(first: Felt, second: Felt) -> Felt:
    """What the same targets get from two sides."""
    return Felt(*(a + b for a, b in zip(first, second, strict=True)))


def written(message: Float[Array, "T S"], felt: Felt) -> Float[Array, "T S"]:
    """A message after all those that were written over it, each as strongly as its gate says."""
    return message + felt.message - felt.gate[:, None] * message


def worked(
    terrain: Terrain, cell: Int[Array, " A"], deeds: Deeds, dials: Dials, conserve: bool
) -> tuple[Terrain, Float[Array, " A"]]:
    """The land after everybody has eaten and edited where they stand; and what each has eaten, energy."""
    size = terrain.energy.shape[0]
    eats = (deeds.record[:, EAT] > 0) & deeds.able
    energy = terrain.energy.reshape(-1)
    portion = jnp.full(len(cell), dials.eat_rate)
    if conserve:  # together they take no more than there is
        eaters = jnp.zeros(size * size).at[cell].add(eats)[cell]
        portion = portion / jnp.maximum(1, eaters * dials.eat_rate)
    eaten = jnp.where(eats, portion * energy[cell], 0)
    energy = energy.at[cell].add(-eaten).reshape(size, size)
    edits = {
        name: getattr(terrain, name).reshape(-1).at[cell].add(dials.edit * deeds.record[:, i]).reshape(size, size)
        for i, name in enumerate(EDITS, EDIT.start)
    }
    return terrain._replace(energy=energy, **edits), eaten


def price(
    record: Float[Array, "A 12"], terrain: Terrain, cell: Int[Array, " A"], dials: Dials, signed: bool
) -> Float[Array, " A"]:
    """What deeds cost where they were done, energy, besides living and giving birth."""

    def here(layer: Array) -> Array:
        return layer.reshape(-1)[cell]

    # with a sign, giving and undoing would pay their actor: energy out of nothing, which evolution finds
    hit, edits = record[:, HIT], jnp.sum(record[:, EDIT] if signed else jnp.abs(record[:, EDIT]), axis=1)
    return (
        MOVE_PRICE * here(terrain.move_cost) * jnp.sum(jnp.abs(record[:, MOVE : MOVE + 2]), axis=1)
        + PUSH_PRICE * here(terrain.push_cost) * jnp.abs(record[:, PUSH])
        + dials.message_price * here(terrain.message_cost) * jax.nn.relu(record[:, GATE])
        + dials.hit_cost * (hit if signed else jnp.abs(hit))
        + EDIT_PRICE * edits
    )

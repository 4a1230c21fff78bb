"""Founders, deaths and births: selection inside the world."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from alife.types import PRNGKey
from alife.worlds.population import pair_births

from .brain import random_brain
from .dice import either_way, normal, one_of_first
from .effects import REPRODUCE
from .settings import Dials, Settings
from .space import MESSAGE, RECORD, TAG, Agents, State, cell_of

START = 32.0
"""Energy of founders and of robots in the beginning."""
DRIFT_OF_MUTATION = 0.3
"""Most that the logarithm of a lineage's mutation rate changes at a birth, where it evolves."""
KEPT = jnp.float16


def founders(key: PRNGKey, settings: Settings, dials: Dials, brain: Any) -> Any:
    """Brains of the first agents: random ones, or mutants of a given one; a few at a time, as thousands take room."""
    keys = jax.random.split(key, settings.first)
    if brain is None:
        return jax.lax.map(
            lambda k: jax.tree.map(lambda w: w.astype(KEPT), random_brain(k, settings)), keys, batch_size=8
        )
    return jax.lax.map(lambda k: mutant(k, brain, dials.mutation), keys, batch_size=8)


def mutant(key: PRNGKey, genome: Any, deviation: Float[Array, ""]) -> Any:
    """A genome after mutation: independent normal noise on every weight, drawn at once for all of them."""
    leaves, tree = jax.tree.flatten(genome)
    sizes = [int(np.prod(leaf.shape)) for leaf in leaves]
    parts = jnp.split(normal(key, sum(sizes)), np.cumsum(sizes)[:-1])
    new = [
        (leaf.astype(jnp.float32) + deviation * part.reshape(leaf.shape)).astype(KEPT)
        for leaf, part in zip(leaves, parts, strict=True)
    ]
    return jax.tree.unflatten(tree, new)


def population(settings: Settings, bank: Any, tags: Float[Array, "N 8"], places: Float[Array, "N 2"]) -> Agents:
    """The first agents, with these tags and in these places of the unit square; all other slots are free."""
    n, first = settings.agents, settings.first
    alive = jnp.arange(n) < first
    numbers = jnp.where(alive, jnp.arange(n, dtype=jnp.int32), -1)
    return Agents(
        alive=alive,
        energy=START * alive.astype(jnp.float32),
        age=jnp.zeros(n),
        x=settings.side * places,
        tag=jnp.where(alive[:, None], tags, 0),
        outbox=jnp.zeros((n, MESSAGE)),
        inbox=jnp.zeros((n, MESSAGE)),
        action=jnp.zeros((n, RECORD)),
        hidden=jnp.zeros((n, 2, settings.width)),
        genome=jax.tree.map(lambda w: w[jnp.arange(n) % first], bank),
        uid=numbers,
        parent_uid=jnp.full(n, -1, jnp.int32),
        birth_step=jnp.zeros(n, jnp.int32),
        generation=jnp.zeros(n, jnp.int32),
        mutation=jnp.ones(n),
    )


def most_births(agents: int) -> int:
    """In one step."""
    return max(1, agents // 8)


def dice_for_births(settings: Settings) -> dict[str, tuple[int, ...]]:
    """Shapes of what `born` and `reseeded` need, uniform in [0, 1)."""
    most, first = most_births(settings.agents), settings.first
    wanted: dict[str, tuple[int, ...]] = {"drift": (most, TAG)}
    if settings.evolve_mutation:
        wanted["rate"] = (most,)
    if settings.reseed != "none":
        wanted |= {"tags": (first, TAG), "places": (first, 2), "brain": ()}
    return wanted


def died(agents: Agents) -> tuple[Agents, dict[str, Array]]:
    """Those without energy are gone; what they had overdrawn is forgiven."""
    dead = agents.alive & ~(agents.energy > 0)
    numbers = {"deaths": jnp.sum(dead), "forgiven": -jnp.sum(jnp.where(dead, agents.energy, 0))}
    alive = agents.alive & ~dead
    energy = jnp.where(alive, agents.energy, 0)
    return agents._replace(alive=alive, energy=energy, uid=jnp.where(alive, agents.uid, -1)), numbers


def born(
    state: State, settings: Settings, dials: Dials, mates: Int[Array, " N"], dice: dict[str, Array], key: PRNGKey
) -> tuple[State, dict[str, Array]]:
    """Children of those who want them and can pay; the richest go first where slots are few.

    Args:
        state: after deaths; the action records are those of this step.
        settings, dials: of the world.
        mates: nearest neighbour of each agent, itself where it has none.
        dice: see `dice_for_births`.
        key: for mutations.
    """
    agents, n = state.agents, settings.agents
    crowd = jnp.mean(agents.alive)
    price = dials.birth_price * state.terrain.birth_cost.reshape(-1)[cell_of(agents.x, settings.size)] * crowd
    needed = 2 * price + (dials.child_energy if settings.conserve_births else 0)
    wants = agents.alive & (agents.action[:, REPRODUCE] > 0) & (agents.energy > needed)
    if settings.births == "none":
        wants = jnp.zeros_like(wants)
    births = pair_births(wants, agents.alive, agents.energy, limit=most_births(n))
    parent, child = births.parent, births.child
    paid = price + (dials.child_energy if settings.conserve_births else 0)
    rates = agents.mutation[parent]
    if settings.evolve_mutation:
        rates = jnp.clip(rates * jnp.exp(DRIFT_OF_MUTATION * either_way(dice["rate"])), 0.01, 100)
    rank = jnp.arange(len(parent), dtype=jnp.int32)
    children = {
        "energy": jnp.broadcast_to(dials.child_energy, rank.shape),
        "x": agents.x[parent],
        "tag": jnp.clip(agents.tag[parent] + either_way(dice["drift"]), -1, 1),
        "uid": state.next_uid + rank,
        "parent_uid": agents.uid[parent],
        "generation": agents.generation[parent] + 1,
        "mutation": rates,
    }

    def mutate(i: Array, genome: Any) -> Any:
        first, own = row(genome, parent[i]), jax.random.fold_in(key, i)
        if settings.crossover:
            mate = row(genome, mates[jnp.minimum(parent[i], n - 1)])
            first = mixed(jax.random.fold_in(own, 1), first, mate)
        return put(genome, child[i], mutant(own, first, dials.mutation * rates[i]))

    genome = jax.lax.fori_loop(0, births.number, mutate, agents.genome)
    energy = agents.energy.at[parent].add(-paid[jnp.minimum(parent, n - 1)], mode="drop")
    agents = arrived(agents._replace(energy=energy, genome=genome), child, children, state.t + 1)
    spent = jnp.sum(jnp.where(parent < n, price[jnp.minimum(parent, n - 1)], 0))
    given = births.number * dials.child_energy
    numbers = {
        "births": births.number,
        "birth_prices": spent,
        "minted": jnp.zeros(()) if settings.conserve_births else given,
    }
    return state._replace(agents=agents, next_uid=state.next_uid + births.number), numbers


def arrived(agents: Agents, slot: Int[Array, " B"], new: dict[str, Array], step: Int[Array, ""]) -> Agents:
    """The agents with newcomers in these slots (N = none): what is not given is as at the beginning of a life."""
    fresh = {"alive": True, "birth_step": step, **dict.fromkeys(("age", "outbox", "inbox", "action", "hidden"), 0)}
    return agents._replace(
        **{name: getattr(agents, name).at[slot].set(value, mode="drop") for name, value in {**fresh, **new}.items()}
    )


def reseeded(state: State, settings: Settings, dice: dict[str, Array]) -> tuple[State, dict[str, Array]]:
    """New founders where the extinction rule wants them, from the bank of brains."""
    agents, n, first = state.agents, settings.agents, settings.first
    if settings.reseed == "none":
        return state, {"reseeds": jnp.zeros(()), "settled": jnp.zeros(())}
    alive = jnp.sum(agents.alive)
    missing = jnp.maximum(0, first - alive) if settings.reseed == "floor" else jnp.where(alive == 0, first, 0)
    free = jnp.nonzero(~agents.alive, size=first, fill_value=n)[0]
    rank = jnp.arange(first, dtype=jnp.int32)
    slot = jnp.where(rank < missing, free, n)
    start = one_of_first(dice["brain"], jnp.int32(first))
    genome = jax.lax.fori_loop(
        0, missing, lambda i, g: put(g, slot[i], row(state.bank, (start + i) % first)), agents.genome
    )
    new = {
        "energy": jnp.full(first, START),
        "x": settings.side * dice["places"],
        "tag": either_way(dice["tags"]),
        "uid": state.next_uid + rank,
        "parent_uid": jnp.full(first, -1, jnp.int32),
        "generation": jnp.zeros(first, jnp.int32),
        "mutation": jnp.ones(first),
    }
    agents = arrived(agents._replace(genome=genome), slot, new, state.t + 1)
    numbers = {"reseeds": missing, "settled": missing * START}
    return state._replace(agents=agents, next_uid=state.next_uid + missing), numbers


def mixed(key: PRNGKey, first: Any, second: Any) -> Any:
    """Each weight from either of two genomes."""
    leaves, tree = jax.tree.flatten(first)
    keys = jax.random.split(key, len(leaves))
    both = zip(leaves, jax.tree.leaves(second), keys, strict=True)
    return jax.tree.unflatten(tree, [jnp.where(jax.random.bernoulli(k, shape=a.shape), a, b) for a, b, k in both])


def row(genome: Any, slot: Int[Array, ""]) -> Any:
    """The genome in a slot."""
    return jax.tree.map(lambda w: jax.lax.dynamic_index_in_dim(w, slot, keepdims=False), genome)


def put(genome: Any, slot: Int[Array, ""], new: Any) -> Any:
    """All genomes, with a new one in a slot."""
    return jax.tree.map(lambda w, one: jax.lax.dynamic_update_index_in_dim(w, one, slot, 0), genome, new)

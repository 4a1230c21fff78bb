"""Prey graze, predators hunt, and both inherit their brains: selection that can be watched, in a world on a torus."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from alife.hookspecs import hookimpl
from alife.options import one_of, real, whole
from alife.plugins.predator_prey_births import FOUNDERS, bear, found
from alife.plugins.predator_prey_brain import genome_size, look, surroundings, think, turned
from alife.plugins.predator_prey_life import (
    REACH,
    SUMS,
    WINDOW,
    Animals,
    Flows,
    Life,
    animals_at,
    cell_of,
    fertility,
    graze,
    grow,
    heads,
    hunt,
)
from alife.plugins.predator_prey_look import draw
from alife.plugins.predator_prey_numbers import measures_of, moment_of
from alife.plugins.predator_prey_values import VALUES, World, sliders, world_of
from alife.types import Parameter, PRNGKey, Tree
from alife.worlds.lattice import disc
from alife.worlds.particles import wrap

STRIDE = 0.38
"""Under drift, how far away the slot lies whose brain steers a body, of all slots of the species."""


class PredatorPrey:
    """Animals with brains of their own on a torus of plants: prey graze, predators eat the prey that they touch.

    Everyone sees densities of plants, prey and predators at 13 places ahead, around and below, and how full it is; a
    network with weights of its own says how sharply to turn and how fast to go.  Living and moving cost energy, the
    more the older; without any an animal dies, and with enough it divides: the child gets half, and the brain with
    noise on every weight.  Nobody says what is good: those who eat more have more children.

    The genotype is the world around this: 14 standard normal numbers p, each value being that in `VALUES` times
    ratio^(2 sigmoid(p) - 1); all 0 are the defaults.  Brains are not part of it: the world's key draws the founders'.

    Args:
        n_prey: slots for prey; there are never more.
        n_predators: slots for predators.
        size: edge of the world, cells of the field of plants.
        prey_founders: prey that a world begins with, anywhere, each with a random brain.
        predator_founders: predators that it begins with.
        hidden: hidden units of a brain, which has 43 hidden + 2 weights.
        patchiness: how uneven the ground is, 0 = the same everywhere, 1 = meadows in a desert.
        selection: "natural", or "drift": each body is steered by the brain in another slot but hands on that in its
            own, so no brain gains from what it does; all else is the same.
        reseed: what happens when a species has died out: "on_extinction" brings random founders, "none" nothing.

    Raises:
        BadOption: an option out of range.

    Source: of its own, in the line of Yaeger's Polyworld (1994) and JaxLife (Lu et al. 2024, arXiv:2409.00853).
    """

    def __init__(
        self,
        n_prey: int = 800,
        n_predators: int = 200,
        size: int = 64,
        prey_founders: int = 300,
        predator_founders: int = 40,
        hidden: int = 8,
        patchiness: float = 0.5,
        selection: str = "natural",
        reseed: str = "on_extinction",
    ) -> None:
        self.n_prey = whole("n_prey", n_prey, 1, 1_000_000, "slots for prey")
        self.n_predators = whole("n_predators", n_predators, 1, 1_000_000, "slots for predators")
        self.size = whole("size", size, 4, 4096, "cells")
        self.prey_founders = whole("prey_founders", prey_founders, 1, n_prey, f"there are {n_prey} slots for prey")
        self.predator_founders = whole(
            "predator_founders", predator_founders, 1, n_predators, f"there are {n_predators} slots for predators"
        )
        self.hidden = whole("hidden", hidden, 1, 400, "hidden units")
        self.patchiness = real("patchiness", patchiness, 0, 1)
        self.selection = one_of("selection", selection, ("natural", "drift"))
        self.reseed = one_of("reseed", reseed, ("on_extinction", "none"))
        self.slots = n_prey + n_predators
        self.predator = np.arange(self.slots) >= n_prey

    def default_params(self, rng: PRNGKey) -> dict[str, Float[Array, ""]]:
        """Standard normal numbers."""
        return dict(zip(sorted(VALUES), jax.random.normal(rng, (len(VALUES),)), strict=True))

    def express(self, params: Tree) -> World:
        """The values that the genotype stands for."""
        return world_of(params)

    def init_state(self, rng: PRNGKey, params: World) -> Life:
        """Ripe plants, and founders anywhere with random brains."""
        of_place, of_heading, of_hue, of_brain, of_bank, of_ground = jax.random.split(rng, 6)
        n, weights = self.slots, genome_size(self.hidden)
        angle = jax.random.uniform(of_heading, (n,), maxval=2 * math.pi)
        first = np.arange(n) - self.n_prey * self.predator
        alive = jnp.asarray(first < np.where(self.predator, self.predator_founders, self.prey_founders))
        number = jnp.cumsum(alive, dtype=jnp.int32) - 1
        animals = Animals(
            x=jax.random.uniform(of_place, (n, 2), maxval=self.size),
            heading=jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1),
            alive=alive,
            energy=jnp.where(alive, 0.5 * self._threshold(params), 0),
            genome=jax.random.normal(of_brain, (n, weights)),
            hue=jax.random.uniform(of_hue, (n,)),
            uid=jnp.where(alive, number, -1),
            parent_uid=jnp.full(n, -1),
            birth_step=jnp.zeros(n, jnp.int32),
            generation=jnp.zeros(n, jnp.int32),
        )
        fertile = fertility(of_ground, self.size, self.patchiness)
        return Life(
            animals=animals,
            plants=params.capacity * fertile,
            fertile=fertile,
            bank=jax.random.normal(of_bank, (FOUNDERS, weights)),
            next_uid=number[-1] + 1,
            now=jnp.int32(0),
            flows=Flows(
                **dict.fromkeys(("births", "starved", "founders"), jnp.zeros(2, jnp.int32)),
                caught=jnp.int32(0),
                **dict.fromkeys(("grazed", "hunted", "wasted", "spent", "grown", "placed"), jnp.float32(0)),
            ),
            sums=jnp.zeros(len(SUMS)),
            reseeded=jnp.int32(0),
        )

    def step_state(self, rng: PRNGKey, state: Life, params: World) -> Life:
        """All look and move at once; then prey eat, predators eat, who has no energy dies, others divide."""
        of_birth, of_founders = jax.random.split(rng)
        split, threshold = self.n_prey, self._threshold(params)
        animals, spent = self._move(state, params, threshold)
        cell, alive, energy = cell_of(animals.x, self.size), animals.alive, animals.energy

        hungry = alive & (energy < threshold)
        plants, grazed = graze(state.plants, cell[:split], hungry[:split], params.bite)
        energy = energy.at[:split].add(grazed)
        can = jnp.where(self.predator, hungry, alive)
        cover = jnp.minimum(params.cover * state.plants / params.capacity, 1)
        reach = REACH * (1 - cover.reshape(-1)[cell[:split]])
        caught, target = hunt(animals.x, cell, can, reach, self.size, state.now)
        body = jnp.append(energy[:split], 0)[target]
        energy = jnp.concatenate([jnp.where(caught, 0, energy[:split]), energy[split:] + params.efficiency * body])

        lives = alive & (energy > 0)
        starved = heads(alive & ~lives & ~jnp.pad(caught, (0, self.n_predators)), split)
        animals = animals._replace(alive=lives, energy=jnp.where(lives, energy, 0))
        animals, births = bear(of_birth, animals, threshold, params.mutation, split, state.next_uid, state.now + 1)
        founders, placed = jnp.zeros(2, jnp.int32), jnp.float32(0)
        if self.reseed == "on_extinction":
            most = (self.prey_founders, self.predator_founders)
            animals, founders, placed = found(of_founders, animals, state, births, most, threshold, split)
        plants, grown = grow(plants, state.fertile, params)
        flows = Flows(
            births=births,
            starved=starved,
            caught=jnp.sum(caught, dtype=jnp.int32),
            founders=founders,
            grazed=jnp.sum(grazed),
            hunted=params.efficiency * jnp.sum(body),
            wasted=(1 - params.efficiency) * jnp.sum(body),
            spent=spent,
            grown=grown,
            placed=placed,
        )
        now_alive = heads(animals.alive, split).astype(jnp.float32)
        before = heads(alive, split)[0].astype(jnp.float32)
        now = jnp.stack(
            [
                jnp.float32(1),
                before,
                before**2,
                now_alive[1],
                flows.grazed,
                flows.hunted,
                jnp.sum(births).astype(jnp.float32),
            ]
        )
        return state._replace(
            animals=animals,
            plants=plants,
            next_uid=state.next_uid + jnp.sum(births) + jnp.sum(founders),
            now=state.now + 1,
            flows=flows,
            sums=state.sums * (1 - 1 / WINDOW) + now / WINDOW,
            reseeded=state.reseeded + jnp.sum(founders > 0, dtype=jnp.int32),
        )

    def render_state(self, state: Life, params: World, img_size: int) -> Float[Array, "H W 3"]:
        """Plants on dark ground, prey as discs of cool colours, predators as arrowheads of warm ones."""
        full = jnp.clip(state.animals.energy / self._threshold(params), 0, 1)
        return draw(state.animals, state.plants / params.capacity, full, self.n_prey, img_size)

    def keep_state(self, state: Life, params: World) -> dict[str, Array]:
        """Who lives where, of whom, and what there is to eat; without the brains."""
        animals = state.animals
        return {
            "plants": state.plants.astype(jnp.float16),
            "x": animals.x,
            "alive": animals.alive,
            "energy": animals.energy.astype(jnp.float16),
            "hue": animals.hue.astype(jnp.float16),
            "uid": animals.uid,
            "parent_uid": animals.parent_uid,
            "generation": animals.generation,
        }

    def poke(self, state: Life, params: World, place: Float[Array, "2"], radius: Array, strength: Array) -> Life:
        """Plants grow where there is room for them; or all animals there die, and plants are taken away."""
        middle, animals = place[::-1] * self.size, state.animals
        near = disc((self.size, self.size), middle, radius * self.size)
        room = jnp.maximum(params.capacity * state.fertile - state.plants, 0)
        change = jnp.where(strength > 0, strength * room, strength * state.plants)
        away = wrap(animals.x - middle, self.size)
        safe = (strength >= 0) | (jnp.sum(away**2, axis=1) > (radius * self.size) ** 2)
        animals = animals._replace(alive=animals.alive & safe, energy=jnp.where(safe, animals.energy, 0))
        return state._replace(animals=animals, plants=state.plants + jnp.where(near, change, 0))

    def measures(self, state: Life, params: World) -> dict[str, Float[Array, ""]]:
        return measures_of(state, params, self.n_prey)

    measures.__doc__ = measures_of.__doc__  # what people read of each number

    def moment(self, state: Life, params: World) -> dict[str, Array]:
        return moment_of(state, self.n_prey)

    moment.__doc__ = moment_of.__doc__

    def individuals(self, state: Life, params: World) -> dict[str, Int[Array, " N"]]:
        """Who is in each slot, prey first, and whose child: numbers in the order of birth; -1 for nobody."""
        animals = state.animals
        return {
            "id": jnp.where(animals.alive, animals.uid, -1),
            "parent": jnp.where(animals.alive, animals.parent_uid, -1),
        }

    def parameters(self) -> dict[str, Parameter]:
        """The world's numbers, as the genotype holds them, and the options."""
        return sliders() | {
            "patchiness": Parameter(0, 1, "", "how uneven the ground is; higher: meadows in a desert"),
            "n_prey": Parameter(self.prey_founders, 4000, "prey", "slots for prey; more: higher booms"),
            "n_predators": Parameter(self.predator_founders, 1000, "predators", "slots for predators"),
            "size": Parameter(16, 256, "cells", "edge of the world; larger: more room, and more to eat"),
            "hidden": Parameter(1, 64, "units", "hidden units of a brain; more: finer behaviour, slower to evolve"),
        }

    def scaled(self, times: int) -> tuple[int, dict[str, Any]]:
        """So many times the animals in so many times the space."""
        names = ("n_prey", "n_predators", "prey_founders", "predator_founders")
        options: dict[str, Any] = {name: getattr(self, name) * times for name in names}
        return self.slots * times, options | {"size": round(self.size * math.sqrt(times))}

    def _threshold(self, params: World) -> Float[Array, " N"]:
        return jnp.where(self.predator, params.predator_birth, params.prey_birth)

    def _move(self, state: Life, params: World, threshold: Float[Array, " N"]) -> tuple[Animals, Float[Array, ""]]:
        """Everyone a step further, and what that has cost them all."""
        animals, split = state.animals, self.n_prey
        cell = cell_of(animals.x, self.size)
        counts = [animals_at(cell[p], animals.alive[p], self.size**2) for p in (slice(0, split), slice(split, None))]
        fields = surroundings(state.plants, counts, params.capacity)
        seen = look(animals.x, animals.heading, fields, animals.energy / threshold, params.sight)
        turn, speed = think(animals.genome, self._elsewhere(seen, 1))
        turn, speed = self._elsewhere(turn, -1), self._elsewhere(speed, -1)
        way = speed * jnp.where(self.predator, params.predator_speed, params.prey_speed)
        heading = turned(animals.heading, turn)
        x = animals.x + way[:, None] * heading
        x = x - self.size * jnp.floor(x / self.size)
        age = (state.now - animals.birth_step).astype(jnp.float32)
        upkeep = jnp.where(self.predator, params.hunger, params.metabolism) * (1 + age / params.lifespan)
        cost = jnp.where(animals.alive, jnp.minimum(upkeep + params.move * way, animals.energy), 0)
        return animals._replace(x=x, heading=heading, energy=animals.energy - cost), jnp.sum(cost)

    def _elsewhere(self, what: Array, sign: int) -> Array:
        """Under drift what is meant for a body goes to the brain in another slot, and back."""
        if self.selection == "natural":
            return what
        parts = what[: self.n_prey], what[self.n_prey :]
        return jnp.concatenate([jnp.roll(part, sign * math.ceil(STRIDE * len(part)), axis=0) for part in parts])


@hookimpl
def register_substrates(register: Callable[..., None]) -> None:
    register(
        "predator_prey",
        PredatorPrey,
        summary="prey that graze and predators that hunt, a thousand, each with an inherited brain of its own",
        horizon=2000,
        test_options={
            "n_prey": 40,
            "n_predators": 10,
            "size": 16,
            "prey_founders": 20,
            "predator_founders": 4,
            "hidden": 4,
        },
        source="of its own; after Yaeger 1994 (Polyworld) and Lu et al. 2024 (arXiv:2409.00853)",
    )

"""Prey graze, predators hunt, and both inherit their brains: selection that can be watched, in a world on a torus."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import sigmoid
from jaxtyping import Array, Bool, Float, Int

from alife.genotype import places
from alife.hookspecs import hookimpl
from alife.options import one_of, real, whole
from alife.plugins.predator_prey_life import (
    SEED,
    STRIDE,
    WIDTHS,
    Animals,
    Flows,
    World,
    animals_at,
    bear,
    blurred,
    cell_of,
    genome_size,
    graze,
    hunt,
    look,
    surroundings,
    think,
    turned,
)
from alife.plugins.predator_prey_look import ground_of, prey_colours, predator_colours
from alife.types import Parameter, PRNGKey, Tree
from alife.worlds.lattice import disc, random_fractions
from alife.worlds.particles import wrap
from alife.worlds.render import draw_discs, draw_triangles

VALUES = {
    "growth": (0.008, 4, "per step", "how fast plants grow; higher: more life, and faster"),
    "capacity": (1.0, 4, "energy", "energy in a full cell of plants; higher: fatter prey, longer waves"),
    "bite": (0.04, 4, "of its cell", "what a prey eats in a step; higher: faster booms, barer ground"),
    "metabolism": (0.004, 4, "energy per step", "what a newborn prey lives on; higher: fewer prey"),
    "hunger": (0.012, 4, "energy per step", "what a newborn predator lives on; higher: fewer predators"),
    "move": (0.01, 4, "energy per cell", "what a way costs; higher: slower animals"),
    "efficiency": (0.5, 2, "of a prey", "what its predator gains of it; higher: more predators, wilder swings"),
    "prey_birth": (2.0, 3, "energy", "from which on a prey divides; higher: fewer and fatter prey"),
    "predator_birth": (4.0, 3, "energy", "from which on a predator divides; higher: predators lag behind their prey"),
    "mutation": (0.05, 8, "", "deviation of a child's weights from its parent's; higher: faster, and less exact"),
    "sight": (6.0, 2, "cells", "how far animals see; higher: they come from further away"),
    "prey_speed": (0.25, 2, "cells per step", "of the fastest prey; higher: harder to catch"),
    "predator_speed": (0.35, 2, "cells per step", "of the fastest predators; higher: more is caught"),
    "lifespan": (1500.0, 4, "steps", "age at which upkeep has doubled; higher: longer lives, slower change"),
}
"""Of each number of the genotype: its value at 0, how many times more or less it can be, unit, and meaning."""
FOUNDERS = 24
"""Brains that are kept for founders, should a species die out."""
BRINGS = (1.0, 2.0)
"""Energy that founders of prey and of predators bring, of half of that at which they divide."""
WINDOW = 500
"""Steps over which measures are means, the last ones weighing most."""
SUMS = ("steps", "prey", "prey squared", "predators", "grazed", "hunted", "births")


class Life(NamedTuple):
    """One moment of a world."""

    animals: Animals
    plants: Float[Array, "h w"]
    """Energy in each cell."""
    fertile: Float[Array, "h w"]
    """Of the capacity, how much a cell can hold, in (0, 1]; never changes."""
    bank: Float[Array, "F P"]
    """Brains for founders to come; never changes."""
    next_uid: Int[Array, ""]
    now: Int[Array, ""]
    """Steps taken."""
    flows: Flows
    """Of the last step."""
    sums: Float[Array, " M"]
    """Of what is in `SUMS`, the last `WINDOW` steps weighing most."""
    reseeded: Int[Array, ""]
    """How often a species had died out and founders came."""


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
        selection: "natural", or "drift": each body is steered by the brain in another slot but hands on that in its own,
            so no brain gains from what it does; all else is the same.
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
        if isinstance(params, World):
            return params
        said = {
            name: value * jnp.exp(math.log(ratio) * (2 * sigmoid(params[name]) - 1))
            for name, (value, ratio, _, _) in VALUES.items()
        }
        return World(**said)

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
        caught, target = hunt(animals.x, cell, can, split, self.size, state.now)
        body = jnp.append(energy[:split], 0)[target]
        energy = jnp.concatenate([jnp.where(caught, 0, energy[:split]), energy[split:] + params.efficiency * body])

        lives = alive & (energy > 0)
        starved = self._each(alive & ~lives & ~jnp.pad(caught, (0, self.n_predators)))
        animals = animals._replace(alive=lives, energy=jnp.where(lives, energy, 0))
        animals, births = bear(of_birth, animals, threshold, params.mutation, split, state.next_uid, state.now + 1)
        animals, founders, placed = self._found(of_founders, animals, state, births, threshold)
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
        heads = self._each(animals.alive).astype(jnp.float32)
        before = self._each(alive)[0].astype(jnp.float32)
        now = jnp.stack(
            [jnp.float32(1), before, before**2, heads[1], flows.grazed, flows.hunted, jnp.sum(births).astype(jnp.float32)]
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
        animals, split = state.animals, self.n_prey
        x = jnp.where(animals.alive[:, None], animals.x, -self.size)  # far outside of the picture
        full = jnp.clip(animals.energy / self._threshold(params), 0, 1)
        picture = ground_of(state.plants / params.capacity, img_size)
        picture = draw_discs(
            x[:split],
            0.24 + 0.2 * full[:split],
            prey_colours(animals.hue[:split], full[:split]),
            picture,
            img_size=img_size,
            side=float(self.size),
            sharpness=12.0,
            largest=0.44,
        )
        return draw_triangles(
            x[split:],
            animals.heading[split:],
            predator_colours(animals.hue[split:], full[split:]),
            picture,
            img_size=img_size,
            side=float(self.size),
            size=0.55,
            sharpness=24.0,
        )

    def _threshold(self, params: World) -> Float[Array, " N"]:
        return jnp.where(self.predator, params.predator_birth, params.prey_birth)

    def _each(self, which: Bool[Array, " N"]) -> Int[Array, "2"]:
        """How many prey and how many predators."""
        parts = which[: self.n_prey], which[self.n_prey :]
        return jnp.stack([jnp.sum(part, dtype=jnp.int32) for part in parts])

    def _move(self, state: Life, params: World, threshold: Float[Array, " N"]) -> tuple[Animals, Float[Array, ""]]:
        """Everyone a step further, and what that has cost them all."""
        animals, split = state.animals, self.n_prey
        cell = cell_of(animals.x, self.size)
        counts = [animals_at(cell[p], animals.alive[p], self.size**2) for p in (slice(0, split), slice(split, None))]
        fields = surroundings(state.plants, counts, params.capacity)
        seen = look(animals, fields, animals.energy / threshold, params.sight)
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

    def _found(
        self,
        rng: PRNGKey,
        animals: Animals,
        state: Life,
        births: Int[Array, "2"],
        threshold: Float[Array, " N"],
    ) -> tuple[Animals, Int[Array, "2"], Float[Array, ""]]:
        """Founders where a species has died out, how many, and the energy they bring."""
        if self.reseed == "none":
            return animals, jnp.zeros(2, jnp.int32), jnp.float32(0)
        # Worlds side by side all take this way, so founders have brains drawn long ago, shifted to be others.
        of_place, of_shift = jax.random.split(rng)
        bank = jnp.roll(state.bank.reshape(-1), jax.random.randint(of_shift, (), 0, state.bank.size))
        bank = bank.reshape(state.bank.shape)
        chance = random_fractions(of_place, (2, FOUNDERS, 3))
        extinct = self._each(animals.alive) == 0
        number, placed, counts = state.next_uid + jnp.sum(births), jnp.float32(0), []
        for species, (begin, end) in enumerate(((0, self.n_prey), (self.n_prey, self.slots))):
            count = min(FOUNDERS, (self.prey_founders, self.predator_founders)[species])
            part, gone = slice(begin, begin + count), extinct[species]
            come = Animals(
                x=self.size * chance[species, :count, :2],
                heading=animals.heading[part],
                alive=jnp.ones(count, bool),
                energy=0.5 * threshold[part],
                genome=bank[:count],
                hue=chance[species, :count, 2],
                uid=number + jnp.arange(count),
                parent_uid=jnp.full(count, -1),
                birth_step=jnp.full(count, state.now + 1),
                generation=jnp.zeros(count, jnp.int32),
            )
            animals = Animals(
                *(old.at[part].set(jnp.where(gone, new, old[part])) for old, new in zip(animals, come, strict=True))
            )
            placed = placed + jnp.where(gone, jnp.sum(come.energy), 0)
            counts.append(jnp.where(gone, count, 0))
            number = number + counts[-1]
        return animals, jnp.stack(counts), placed


def grow(
    plants: Float[Array, "h w"], fertile: Float[Array, "h w"], params: World
) -> tuple[Float[Array, "h w"], Float[Array, ""]]:
    """Plants a step later, and by how much they have grown: from themselves and their neighbours, where there is room."""
    most = params.capacity * fertile
    parents = 0.5 * plants + 0.5 * blurred(plants, WIDTHS[0]) + SEED * params.capacity
    later = jnp.minimum(plants + params.growth * parents * jnp.maximum(1 - plants / most, 0), jnp.maximum(plants, most))
    return later, jnp.sum(later - plants)


def fertility(rng: PRNGKey, size: int, patchiness: float) -> Float[Array, "h w"]:
    """How much of the capacity each cell can hold, in (0, 1]: a few waves of random phase on a torus."""
    wave = np.array([(i, j) for i in range(4) for j in range(-3, 4) if (i, j) > (0, 0) and i * i + j * j <= 9])
    phase = jax.random.uniform(rng, (len(wave), 1, 1), maxval=2 * math.pi)
    along = np.arange(size) * (2 * math.pi / size)
    height = jnp.mean(jnp.cos(wave[:, :1, None] * along[:, None] + wave[:, 1:, None] * along + phase), axis=0)
    return 1 - patchiness * sigmoid(3 * height * math.sqrt(2 * len(wave)))


@hookimpl
def register_substrates(register: Callable[..., None]) -> None:
    register(
        "predator_prey",
        PredatorPrey,
        summary="prey that graze and predators that hunt, a thousand, each with an inherited brain of its own",
        horizon=2000,
        test_options={
            "n_prey": 40, "n_predators": 10, "size": 16, "prey_founders": 20, "predator_founders": 4, "hidden": 4,
        },
        source="of its own; after Yaeger 1994 (Polyworld) and Lu et al. 2024 (arXiv:2409.00853)",
    )

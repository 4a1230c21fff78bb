"""Particle Lenia: particles in the plane that each go downhill in an energy which all of them make together."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from alife.hookspecs import hookimpl
from alife.options import real, whole
from alife.plugins.particle_lenia_field import Genes, Sight, feel, gather, look
from alife.types import Parameter, PRNGKey
from alife.worlds.particles import clustering, mean_speed

BASES = {"mu_k": 4.0, "sigma_k": 1.0, "w_k": 0.022, "mu_g": 0.6, "sigma_g": 0.15, "c_rep": 1.0}
"""The published world: what a genotype of zeros means."""
MEANINGS = {
    "mu_k": "radius of the ring in which a particle is felt: 4 exp(value)",
    "sigma_k": "width of that ring: exp(value)",
    "w_k": "how strongly each particle is felt: 0.022 exp(value)",
    "mu_g": "field that particles seek, so how many neighbours: 0.6 exp(value)",
    "sigma_g": "how far from it they still feel it, so how soft bodies are: 0.15 exp(value)",
    "c_rep": "how strongly particles closer than 1 push each other away: exp(value)",
}
SPREAD = 0.3
"""Standard deviation of the prior; wider ones give mostly worlds that freeze or scatter."""

TILE = 16
"""Edge of the squares of pixels that look at the same particles."""
DOT = 0.02
"""Squared radius of the dots in a picture, square world units."""
ROOM = 2.5
"""Edge of the square that most particles are expected to stay in, over half the edge of the one they start in."""
DARK, LIGHT, AMBER = np.array([[0.1, 0.1, 0.3], [0.2, 0.7, 1.0], [1.17, 0.91, 0.13]], np.float32)

Genotype: TypeAlias = Float[Array, "6"]
State: TypeAlias = Float[Array, "N 2"]


class ParticleLenia:
    """Particles that seek a certain field strength U of their common making, and push away those that come too close.

    E = R - G at a particle's place is its energy; G = exp(-((U - mu_g)/sigma_g)^2) is highest where the field is mu_g,
    R = c_rep/2 sum max(1 - r, 0)^2.  Every particle goes down its own gradient, dt at a time, all at once; as they move
    the field moves, and so what they form need not come to rest.

    A genotype holds six numbers p; a value is the published one times exp(p), in the order mu_k, sigma_k, w_k, mu_g,
    sigma_g, c_rep.

    Args:
        n_particles: particles, at least 2.
        dt: time of one step, world time units, > 0.
        density: particles per square world unit at the start, > 0.  It sets the square in which they start; the
            published one is 12 wide, for any number of particles: a density of n_particles/144.

    Raises:
        BadOption: an option of the wrong type or range.

    Source: Mordvintsev, Niklasson, Randazzo 2022 (Particle Lenia and the energy-based formulation); genotype and start
    as in Kumar et al. 2024 (arXiv:2412.17799).
    """

    def __init__(self, n_particles: int = 200, dt: float = 0.1, density: float = 200 / 144) -> None:
        self.n_particles = whole("n_particles", n_particles, 2, 1_000_000, "particles")
        self.dt = real("dt", dt, 1e-6, 1e4, "time units")
        density = real("density", density, 1e-6, 1e4, "particles per square world unit")
        self.half_width = math.sqrt(n_particles / density) / 2

    def parameters(self) -> dict[str, Parameter]:
        """The options and the six numbers of the genotype."""
        return {
            "n_particles": Parameter(10, 5000, "particles", "how many there are; more make more bodies"),
            "dt": Parameter(0.01, 0.3, "time units", "time of one step; larger is faster and shakier"),
            "density": Parameter(0.1, 10, "particles per square world unit", "how close together they start"),
        } | {
            name: Parameter(-1.5, 1.5, "log of a ratio", MEANINGS[name], (place, place + 1))
            for place, name in enumerate(BASES)
        }

    def scaled(self, times: float) -> tuple[int, dict[str, Any]]:
        """How many particles `times` the default ones are, and the options of such a world."""
        n = round(200 * times)
        return n, {"n_particles": n}

    def default_params(self, rng: PRNGKey) -> Genotype:
        """A near relative of the published world."""
        return SPREAD * jax.random.normal(rng, (len(BASES),))

    def express(self, params: Genotype) -> Genes:
        """The six values."""
        return Genes(*jnp.exp(params + np.log(list(BASES.values())).astype(np.float32)))

    def init_state(self, rng: PRNGKey, params: Genes) -> State:
        """Particles anywhere in the square around the origin, with equal chance."""
        return self.half_width * jax.random.uniform(rng, (self.n_particles, 2), minval=-1)

    def step_state(self, rng: PRNGKey, state: State, params: Genes) -> State:
        """Everybody dt farther downhill; nothing in it is random."""
        return state + self.dt * _velocity(self._feel(state, params), params)

    def render_state(self, state: State, params: Genes, img_size: int) -> Float[Array, "H W 3"]:
        """The field from dark to light blue, amber where it is as sought, and the particles as dark dots.

        Shows the square around the origin that is 1.2 times as large as the farthest coordinate; the first coordinate
        goes to the right and the second one down.
        """
        crowd, tiles = gather(state, ROOM * self.half_width), -(-img_size // TILE)
        extent = 1.2 * jnp.max(jnp.abs(state))
        pixel = extent * (2 * jnp.arange(tiles * TILE) / (img_size - 1) - 1)

        def tile(number: Array) -> Float[Array, "2 pixels"]:
            row, column = TILE * (number // tiles), TILE * (number % tiles)
            down, across = (jax.lax.dynamic_slice(pixel, (first,), (TILE,)) for first in (row, column))
            places = jnp.stack([jnp.tile(across, TILE), jnp.repeat(down, TILE)])
            return jnp.stack(look(crowd, places, params))

        seen = jax.lax.map(tile, jnp.arange(tiles**2)).reshape(tiles, tiles, 2, TILE, TILE)
        seen = seen.transpose(2, 0, 3, 1, 4).reshape(2, tiles * TILE, tiles * TILE)[:, :img_size, :img_size]
        return _coloured(seen[0], params.growth(seen[0])[0], seen[1])

    def keep_state(self, state: State, params: Genes) -> State:
        """Places as they are: among a million, float16 would be off by an eighth of how far two repel each other."""
        return state

    def measures(self, state: State, params: Genes) -> dict[str, Float[Array, ""]]:
        """What kind of moment this is; means over the particles.

        energy: E = R - G, at least c_rep/2 - 1, pure number; particles go down in it.
        field: U where the particles are, >= 0, pure number; mu_g where they have found what they seek.
        growth: G, in [0, 1]; 1 where they have found it.
        speed: world units per time unit, >= 0; 0 for a crystal at rest.
        spread: root of the mean squared distance from their middle, world units, >= 0.
        clustering: in the least square that holds all, in [0, 256], see `alife.worlds.particles.clustering`.
        """
        sight = self._feel(state, params)
        growth = params.growth(sight.field)[0]
        low, away = state.min(0), state - state.mean(0)
        return {
            "energy": jnp.mean(sight.repulsion - growth),
            "field": jnp.mean(sight.field),
            "growth": jnp.mean(growth),
            "speed": mean_speed(_velocity(sight, params)),
            "spread": jnp.sqrt(jnp.mean(jnp.sum(away * away, axis=1))),
            "clustering": clustering((state - low) / jnp.maximum(jnp.max(state - low), 1e-6), side=1.0),
        }

    def _feel(self, state: State, genes: Genes) -> Sight:
        return feel(gather(state, ROOM * self.half_width), genes)


def _velocity(sight: Sight, genes: Genes) -> State:
    """Minus the gradient of E."""
    return (sight.push + genes.growth(sight.field)[1] * sight.slope).T


def _coloured(
    field: Float[Array, "H W"], growth: Float[Array, "H W"], nearest: Float[Array, "H W"]
) -> Float[Array, "H W 3"]:
    """Dark to light blue by the field, to amber by growth, dark where the nearest particle is; stretched to [0, 1]."""
    field, growth, nearest = field[..., None], growth[..., None], nearest[..., None]
    blue = DARK + field * (LIGHT - DARK)
    colour = (blue + growth * (AMBER - blue)) * jnp.clip(nearest / DOT, 0, 1)
    low, high = colour.min(), colour.max()
    return (colour - low) / jnp.maximum(high - low, 1e-6)


@hookimpl
def register_substrates(register: Callable[..., None]) -> None:
    register(
        "particle_lenia",
        "alife.plugins.particle_lenia:ParticleLenia",
        summary="particles that go downhill in an energy of their common making: soft bodies that hunt and hold",
        horizon=1000,
        test_options={"n_particles": 20},
        source="Mordvintsev et al. 2022; Kumar et al. 2024 (arXiv:2412.17799)",
        peers={"ASAL": (0.278, 76.0), "CAX": (0.39, None)},
    )

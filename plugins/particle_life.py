"""Particle life: dots of a few colours that attract and repel each other, each colour in its own way.

A matrix says how strongly every colour is drawn to every other; it need not be symmetric, so one can chase another that
flees.  Cells, chains, worms and swarms come about.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from alife.errors import BadOption
from alife.genotype import places
from alife.hookspecs import hookimpl
from alife.options import real, whole
from alife.plugins.particle_life_values import MEANINGS, SIDE, VALUES, matrix_of, per_colour, searched
from alife.types import Parameter, PRNGKey
from alife.worlds.lattice import PALETTE
from alife.worlds.particles import attraction, clustering, likeness, mean_speed, moved, rows_for, sum_over_pairs
from alife.worlds.render import draw_discs

LANES = 64
"""Edge of a tile of pairs."""
START_BINS = 7
"""Bins along the edge for `x_dist`, unless told otherwise."""


class World(NamedTuple):
    """A genotype made ready; one number for each of C colours where not said otherwise."""

    alpha: Float[Array, "C C"]
    """Pull of the second colour on the first."""
    beta: Float[Array, " C"]
    """Where the push ends, of rmax."""
    mass: Float[Array, " C"]
    dt: Float[Array, ""]
    """Units of time per step."""
    half_life: Float[Array, " C"]
    """Units of time."""
    rmax: Float[Array, " C"]
    """World units."""
    c_dist: Float[Array, " C"] | None
    """Logits of the colours at the start; None = all alike."""
    x_dist: Float[Array, "C b b"] | None
    """Logits of the bins in which a colour starts; None = anywhere."""


class Particles(NamedTuple):
    """One moment of a world."""

    c: Int[Array, " N"]
    """Colours, 0..C-1."""
    x: Float[Array, "N 2"]
    """Positions, in [0, 1)."""
    v: Float[Array, "N 2"]
    """Velocities, world units per unit of time."""


class ParticleLife:
    """Particles of up to 8 colours on a torus of side 1, which pull and push on all others within a range.

    A particle of colour i feels one of colour j at the distance u rmax_i with rmax_i times: the push u / beta_i - 1
    while u < beta_i, then a tent of height alpha_ij up to u = 1.  Drag halves its speed every half_life_i.

    The genotype has a part for each name in `search`, of standard normal numbers: see `MEANINGS`.

    Args:
        n_particles: how many there are.
        n_colors: kinds of particles, 1 to 8.
        search: what is searched, of alpha, beta, mass, dt, half_life, rmax, c_dist, x_dist; the rest is fixed.
        alpha: the matrix, row by row what a colour feels, where it is not searched; or one number for all.
        beta: end of the push, of rmax, where it is not searched; one number, or one for each colour, as the next ones.
        mass: inertia, where it is not searched.
        dt: units of time per step, where it is not searched.
        half_life: time in which drag halves a speed, where it is not searched.
        rmax: range of the forces that a colour feels, world units, at most 0.5, where it is not searched.
        x_dist_bins: bins along the edge in which particles can start, where `x_dist` is searched; 7 unless given.
        render_radius: radius of the disc of a particle of mass 1, world units; others' go with the root of their mass.
        sharpness: steepness of the discs' edges, per render_radius.

    Raises:
        BadOption: an option out of range, or one given although it is searched.

    Source: Mohr 2022 and Ventrella's Clusters; parameters as in Kumar et al. 2024 (arXiv:2412.17799).
    """

    def __init__(
        self,
        n_particles: int = 5000,
        n_colors: int = 6,
        search: Sequence[str] = ("beta", "alpha"),
        alpha: float | Sequence[Sequence[float]] | None = None,
        beta: float | Sequence[float] = 0.3,
        mass: float | Sequence[float] = 0.1,
        dt: float = 2e-3,
        half_life: float | Sequence[float] = 0.04,
        rmax: float | Sequence[float] = 0.1,
        x_dist_bins: int | None = None,
        render_radius: float = 1e-2,
        sharpness: float = 20.0,
    ) -> None:
        self.n_particles = whole("n_particles", n_particles, 1, 1_000_000)
        self.n_colors = whole("n_colors", n_colors, 1, len(PALETTE))
        self.search = searched(search)
        self.fixed: dict[str, np.ndarray] = {}
        if "alpha" not in self.search:
            self.fixed["alpha"] = matrix_of(alpha, self.n_colors)
        elif alpha is not None:
            raise BadOption(f"alpha is {alpha!r}, but it is searched: leave it out, or take it out of search")
        given = {"beta": (beta, 0.3), "mass": (mass, 0.1), "dt": (dt, 2e-3)}
        given |= {"half_life": (half_life, 0.04), "rmax": (rmax, 0.1)}
        for name, (value, default) in given.items():
            if name in self.search and value != default:
                raise BadOption(f"{name} is {value!r}, but it is searched: leave it out, or take it out of search")
            self.fixed[name] = per_colour(name, value, self.n_colors)
        if x_dist_bins is not None and "x_dist" not in self.search:
            raise BadOption(f"x_dist_bins is {x_dist_bins!r}, but x_dist is not searched: leave it out, or search it")
        self.bins = whole("x_dist_bins", START_BINS if x_dist_bins is None else x_dist_bins, 1, 64)
        reach = None if "rmax" in self.search else float(np.max(self.fixed["rmax"]))
        self.rows = rows_for(n_particles, LANES, reach)
        self.render_radius = real("render_radius", render_radius, 1e-4, 0.5, "world units")
        self.sharpness = real("sharpness", sharpness, 0.1, 1e4, "per render_radius")

    def default_params(self, rng: PRNGKey) -> dict[str, Array]:
        """Standard normal numbers, for what is searched."""
        keys = jax.random.split(rng, len(self.search))
        return {name: jax.random.normal(key, self._shape(name)) for name, key in zip(self.search, keys, strict=True)}

    def express(self, params: dict[str, Array]) -> World:
        """The numbers that the genotype stands for, and the fixed ones."""
        values = {name: jnp.asarray(value) for name, value in self.fixed.items()}
        values |= {name: VALUES[name](params[name]) for name in self.search}
        return World(*(values.get(name) for name in World._fields))  # type: ignore[arg-type]  # None where it may be

    def init_state(self, rng: PRNGKey, params: World) -> Particles:
        """Particles at rest, anywhere and of any colour where no distribution is searched."""
        of_colour, of_place, of_bin = jax.random.split(rng, 3)
        n = self.n_particles
        if params.c_dist is None:
            c = jax.random.randint(of_colour, (n,), 0, self.n_colors)
        else:
            c = jax.random.categorical(of_colour, params.c_dist, shape=(n,))
        x = jax.random.uniform(of_place, (n, 2), maxval=SIDE)
        if params.x_dist is not None:
            chosen = jax.random.categorical(of_bin, params.x_dist.reshape(self.n_colors, -1)[c])
            x = (x + jnp.stack(jnp.divmod(chosen, self.bins), axis=1)) / self.bins
        return Particles(c.astype(jnp.int32), x, jnp.zeros((n, 2)))

    def step_state(self, rng: PRNGKey, state: Particles, params: World) -> Particles:
        """All feel each other, and move; nothing in it is random."""
        c, x, v = state
        acceleration = forces(c, x, params, self.rows) / params.mass[c]
        x, v = moved(x, v, acceleration.T, params.half_life[c, None], params.dt, SIDE)
        return Particles(c, x, v)

    def render_state(self, state: Particles, params: World, img_size: int) -> Float[Array, "H W 3"]:
        """Soft discs on black, the lighter over the heavier ones."""
        heaviest = 1.0 if "mass" in self.search else float(np.max(self.fixed["mass"]))
        c, x = self._heavy_first(state, params)
        return draw_discs(
            x,
            jnp.sqrt(params.mass)[c] * self.render_radius,
            jnp.asarray(PALETTE)[c],
            jnp.zeros(3),
            img_size=img_size,
            side=SIDE,
            sharpness=self.sharpness / self.render_radius,
            largest=math.sqrt(heaviest) * self.render_radius,
        )

    def keep_state(self, state: Particles, params: World) -> Particles:
        """Places as they are: in a crowd, float16 would be off by a good part of the way to the next particle."""
        return Particles(state.c.astype(jnp.uint8), state.x, state.v.astype(jnp.float16))

    def measures(self, state: Particles, params: World) -> dict[str, Float[Array, ""]]:
        """What kind of moment this is.

        speed: mean speed, world units per unit of time, >= 0.
        drift: length of the mean velocity, world units per unit of time, in [0, speed].
        clustering: chance that two share one of 16 x 16 plots over that at random, in [0, 256]; 1 for a random scatter.
        sorting: chance that two that share a plot are of one colour over that of any two, >= 0; 1 for a random mix.
        """
        colour = jax.nn.one_hot(state.c, self.n_colors)
        count = jnp.sum(colour, axis=0)
        by_chance = jnp.sum(count * (count - 1)) / float(max(1, self.n_particles * (self.n_particles - 1)))
        alike = likeness(state.x, colour, SIDE)
        return {
            "speed": mean_speed(state.v),
            "drift": mean_speed(jnp.mean(state.v, axis=0, keepdims=True)),
            "clustering": clustering(state.x, SIDE),
            "sorting": alike / jnp.where(by_chance > 0, by_chance, 1),
        }

    def parameters(self) -> dict[str, Parameter]:
        """What a person may turn: parts of the genotype, in its own numbers, and the options that are not searched."""
        tree = {name: jax.ShapeDtypeStruct(self._shape(name), np.float32) for name in self.search}
        found = {name: Parameter(-4, 4, "", MEANINGS[name], place) for name, place in places(tree).items()}
        sliders = {
            "mass": Parameter(0.03, 1, "", "inertia, also the area of the disc; heavier: slower to turn"),
            "dt": Parameter(1e-4, 0.01, "units of time", "time that one step takes; longer: faster and coarser"),
            "half_life": Parameter(0.003, 0.3, "units of time", "how long a speed lasts; longer: more swing"),
            "rmax": Parameter(0.01, 0.3, "world units", "how far all feel; further: larger structures, slower steps"),
        }
        found |= {name: slider for name, slider in sliders.items() if name not in self.search}
        found["n_particles"] = Parameter(100, 20000, "particles", "how many there are; more: a thicker soup")
        found["render_radius"] = Parameter(0.003, 0.05, "world units", "size of the discs of mass 1")
        return found

    def scaled(self, times: float) -> tuple[int, dict[str, Any]]:
        """A world of so many times 5000 particles, each with as many others in range."""
        n = round(5000 * times)
        return n, {"n_particles": n, "rmax": 0.1 / math.sqrt(times)}

    def _shape(self, name: str) -> tuple[int, ...]:
        colours = self.n_colors
        shapes = {"alpha": (colours, colours), "dt": (), "x_dist": (colours, self.bins, self.bins)}
        return shapes.get(name, (colours,))

    def _heavy_first(self, state: Particles, params: World) -> tuple[Array, Array]:
        if "mass" not in self.search and np.ptp(self.fixed["mass"]) == 0:
            return state.c, state.x
        rank = jnp.argsort(jnp.argsort(-params.mass)).astype(jnp.uint32)
        n = self.n_particles  # rank and number in one word: sorted six times as fast as pairs
        order = jnp.sort(rank[state.c] * n + jnp.arange(n, dtype=jnp.uint32)) % n
        return state.c[order], state.x[order]


def forces(c: Int[Array, " N"], x: Float[Array, "N 2"], world: World, rows: int) -> Float[Array, "2 N"]:
    """Total force on every particle: what all within its range do to it.

    Args:
        c: colours.
        x: positions, in [0, 1).
        world: the forces.
        rows: how finely particles are sorted, see `rows_for`; changes no result.
    """

    def law(distance: Array, target: Array, source: Array) -> list[Array]:
        rmax, beta, alpha = target[0], target[1], target[2:]
        # A matrix product written out: looking alpha up by the source's colour would not run in the vector units.
        strength = sum((alpha[k] * source[k] for k in range(len(alpha))), jnp.zeros(()))
        return [rmax * attraction(distance / rmax, strength, beta)]

    felt = jnp.concatenate([world.rmax[None], world.beta[None], world.alpha.T])[:, c]
    shown = jax.nn.one_hot(c, len(world.beta), axis=0)
    return sum_over_pairs(law, x, jnp.max(world.rmax), felt, shown, side=SIDE, rows=rows, lanes=LANES)


@hookimpl
def register_substrates(register: Callable[..., None]) -> None:
    register(
        "particle_life",
        "alife.plugins.particle_life:ParticleLife",
        summary="particles of a few colours that attract and repel each other",
        horizon=1000,
        test_options={"n_particles": 60},
        source="Mohr 2022; Kumar et al. 2024 (arXiv:2412.17799)",
        peers={"ASAL": (400.0, 214.0), "CAX": (650.0, 2564.0)},
    )

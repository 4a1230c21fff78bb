"""Particle life++: instead of a few colours every particle has a colour vector of its own, which its neighbours change.

A small network says, from the colours of two particles, how strongly one is drawn to the other and which way its colour
turns; so opinions spread while their holders move.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from alife.genotype import places
from alife.hookspecs import hookimpl
from alife.options import real, whole
from alife.plugins.network import random_network
from alife.plugins.particle_life_values import LIMITS, SIDE
from alife.types import Parameter, PRNGKey, Tree
from alife.worlds.particles import attraction, clustering, likeness, mean_speed, moved, rows_for, sum_over_pairs
from alife.worlds.render import draw_discs

COLOUR = 6
"""Numbers in a colour vector; the first three are shown."""
WIDTH = 8
"""Numbers in each hidden layer."""
LAYERS = ((2 * COLOUR, WIDTH), (WIDTH, WIDTH), (WIDTH, WIDTH), (WIDTH, 1 + COLOUR))
"""Inputs and outputs of the network's layers."""
STRONGEST = 1.5
"""The greatest pull that the network can ask for."""
LANES = 16
"""Edge of a tile of pairs: the network is dear, so few should go through it that are out of range."""


class Network(NamedTuple):
    """The genotype made ready: layers as matrices from the left."""

    own: Float[Array, "8 6"]
    """First layer, what it makes of the colour of the particle that feels."""
    other: Float[Array, "8 6"]
    """First layer, what it makes of the colour of the one that is felt."""
    bias: Float[Array, " 8"]
    """Bias of the first layer."""
    rest: tuple[tuple[Float[Array, "o i"], Float[Array, " o"]], ...]
    """Matrix and bias of each later layer."""


class Particles(NamedTuple):
    """One moment of a world."""

    c: Float[Array, "N 6"]
    """Colours, unit vectors."""
    x: Float[Array, "N 2"]
    """Positions, in [0, 1)."""
    v: Float[Array, "N 2"]
    """Velocities, world units per unit of time."""


class ParticleLifePlus:
    """Particles with colour vectors on a torus of side 1; a network on two colours gives their pull and their change.

    Forces are those of `particle_life`; colours change by the network's answers, weighted with 1 - distance/rmax.
    The genotype is the network, 311 numbers.

    Args:
        n_particles: how many there are.
        dt: units of time per step.
        beta: end of the push, of rmax.
        mass: inertia; the area of a disc goes with it.
        half_life: time in which drag halves a speed.
        rmax: range of forces and colours, world units, at most 0.5.
        render_radius: radius of the disc of a particle of mass 1, world units; others' go with the root of the mass.
        sharpness: steepness of the discs' edges, per render_radius.

    Raises:
        BadOption: an option out of range.

    Source: Kumar et al. 2024 (arXiv:2412.17799).
    """

    def __init__(
        self,
        n_particles: int = 1000,
        dt: float = 0.02,
        beta: float = 0.3,
        mass: float = 0.1,
        half_life: float = 0.04,
        rmax: float = 0.1,
        render_radius: float = 0.04,
        sharpness: float = 30.0,
    ) -> None:
        self.n_particles = whole("n_particles", n_particles, 1, 1_000_000)
        self.dt = real("dt", dt, *LIMITS["dt"])
        self.beta = real("beta", beta, *LIMITS["beta"])
        self.mass = real("mass", mass, *LIMITS["mass"])
        self.half_life = real("half_life", half_life, *LIMITS["half_life"])
        self.rmax = real("rmax", rmax, *LIMITS["rmax"])
        self.render_radius = real("render_radius", render_radius, 1e-4, 0.5, "world units")
        self.sharpness = real("sharpness", sharpness, 0.1, 1e4, "per render_radius")

    def default_params(self, rng: PRNGKey) -> Tree:
        """A network as it is before any training: lecun normal weights, no biases."""
        return {"alpha": random_network(rng, {f"Dense_{i}": shape for i, shape in enumerate(LAYERS)})}

    def express(self, params: Tree) -> Network:
        """The layers, the first one cut into what belongs to either particle."""
        layers = [params["alpha"]["params"][f"Dense_{i}"] for i in range(len(LAYERS))]
        first = layers[0]["kernel"].T
        rest = tuple((layer["kernel"].T, layer["bias"]) for layer in layers[1:])
        return Network(first[:, :COLOUR], first[:, COLOUR:], layers[0]["bias"], rest)

    def init_state(self, rng: PRNGKey, params: Network) -> Particles:
        """Particles at rest, anywhere, of colours in any direction."""
        of_colour, of_place = jax.random.split(rng)
        c = _unit(jax.random.normal(of_colour, (self.n_particles, COLOUR)))
        x = jax.random.uniform(of_place, (self.n_particles, 2), maxval=SIDE)
        return Particles(c, x, jnp.zeros_like(x))

    def step_state(self, rng: PRNGKey, state: Particles, params: Network) -> Particles:
        """All feel each other, move and change colour; nothing in it is random."""
        c, x, v = state
        felt = self._felt(c, x, params)
        x, v = moved(x, v, felt[:2].T / self.mass, jnp.float32(self.half_life), jnp.float32(self.dt), SIDE)
        return Particles(_unit(c + self.dt * felt[2:].T), x, v)

    def render_state(self, state: Particles, params: Network, img_size: int) -> Float[Array, "H W 3"]:
        """Soft discs on black, in the order of the particles; red green blue are a colour's first three numbers."""
        radius = math.sqrt(self.mass) * self.render_radius
        return draw_discs(
            state.x,
            jnp.full(self.n_particles, radius),
            (state.c[:, :3] + 1) / 2,
            jnp.zeros(3),
            img_size=img_size,
            side=SIDE,
            sharpness=self.sharpness / self.render_radius,
            largest=radius,
        )

    def keep_state(self, state: Particles, params: Network) -> Particles:
        """Places as they are: in a crowd, float16 would be off by a good part of the way to the next particle."""
        return Particles(state.c.astype(jnp.float16), state.x, state.v.astype(jnp.float16))

    def measures(self, state: Particles, params: Network) -> dict[str, Float[Array, ""]]:
        """What kind of moment this is.

        speed: mean speed, world units per unit of time, >= 0.
        drift: length of the mean velocity, world units per unit of time, in [0, speed].
        clustering: chance that two share one of 16 x 16 plots over that at random, in [0, 256]; 1 for a random scatter.
        likeness: mean cosine of the colours of two that share a plot, in [-1, 1]; 0 for colours at random.
        consensus: length of the mean colour, in [0, 1]; 1 where all are of one colour.
        recolouring: mean angle by which the next step turns a colour, radians per unit of time, >= 0.
        """
        c, x, v = state
        turned = _unit(c + self.dt * self._felt(c, x, params)[2:].T)
        sine = jnp.minimum(jnp.sqrt(jnp.sum((turned - c) ** 2, axis=1)) / 2, 1)  # of half the angle: exact near 0
        return {
            "speed": mean_speed(v),
            "drift": mean_speed(jnp.mean(v, axis=0, keepdims=True)),
            "clustering": clustering(x, SIDE),
            "likeness": likeness(x, c, SIDE),
            "consensus": jnp.sqrt(jnp.sum(jnp.mean(c, axis=0) ** 2)),
            "recolouring": jnp.mean(2 * jnp.arcsin(sine)) / self.dt,
        }

    def parameters(self) -> dict[str, Parameter]:
        """The options that a person may turn, and the layers of the network."""
        tree = jax.eval_shape(self.default_params, jax.random.key(0))
        layers = {name.removeprefix("alpha/params/"): place for name, place in places(tree).items()}
        return {name: Parameter(-2, 2, "", f"the network's {name}", place) for name, place in layers.items()} | {
            "dt": Parameter(0.001, 0.05, "units of time", "time that one step takes; longer: faster and coarser"),
            "beta": Parameter(0.05, 0.9, "of rmax", "how far the push goes; higher: more space around everyone"),
            "mass": Parameter(0.03, 1, "", "inertia, also the area of the disc; heavier: slower to turn"),
            "half_life": Parameter(0.003, 0.3, "units of time", "how long a speed lasts; longer: more swing"),
            "rmax": Parameter(0.01, 0.3, "world units", "how far all feel; further: larger structures, slower steps"),
            "n_particles": Parameter(50, 5000, "particles", "how many there are; more: a thicker soup"),
            "render_radius": Parameter(0.005, 0.1, "world units", "size of the discs of mass 1"),
        }

    def scaled(self, times: float) -> tuple[int, dict[str, Any]]:
        """A world of so many times 1000 particles, each with as many others in range."""
        n = round(1000 * times)
        return n, {"n_particles": n, "rmax": 0.1 / math.sqrt(times)}

    def _felt(self, c: Float[Array, "N 6"], x: Float[Array, "N 2"], params: Network) -> Float[Array, "8 N"]:
        """Total force, and total change of colour."""

        def law(distance: Array, target: Array, source: Array) -> list[Array]:
            said = _answers(params, target + source)
            u = distance / self.rmax
            near = jnp.maximum(1 - u, 0)
            force = self.rmax * attraction(u, STRONGEST * said[0], jnp.float32(self.beta))
            return [force, *(near * change for change in said[1:])]

        # The first layer is a sum over both colours: its products are taken once for each particle, not for each pair.
        own, other = params.own @ c.T + params.bias[:, None], params.other @ c.T
        rows = rows_for(self.n_particles, LANES, self.rmax)
        return sum_over_pairs(law, x, jnp.float32(self.rmax), own, other, side=SIDE, rows=rows, lanes=LANES)


def _answers(network: Network, hidden: Float[Array, "8 S T"]) -> Float[Array, "7 S T"]:
    """What the network says of every pair of a tile, in [-1, 1], from the sums of its first layer."""
    (matrix, bias), *later = network.rest
    hidden = jnp.tanh(hidden)
    # Written out, this product reads the first layer as whole tiles; a matrix product would flatten them, and XLA's CPU
    # backend then works out the row and column of every number instead of using its vector units.
    hidden = jnp.tanh(sum(matrix[:, i, None, None] * hidden[i] for i in range(WIDTH)) + bias[:, None, None])
    flat = hidden.reshape(WIDTH, -1)
    for matrix, bias in later:
        flat = jnp.tanh(matrix @ flat + bias[:, None])
    return flat.reshape(-1, *hidden.shape[1:])


def _unit(c: Float[Array, "N C"]) -> Float[Array, "N C"]:
    """Vectors of length 1."""
    return c / jnp.maximum(jnp.sqrt(jnp.sum(c * c, axis=1, keepdims=True)), 1e-12)


@hookimpl
def register_substrates(register: Callable[..., None]) -> None:
    register(
        "particle_life_plus",
        "alife.plugins.particle_life_plus:ParticleLifePlus",
        summary="particle life with colour vectors that a network reads and changes",
        horizon=1000,
        test_options={"n_particles": 40},
        source="Kumar et al. 2024 (arXiv:2412.17799)",
        peers={"ASAL": (82.0, 86.0)},
    )

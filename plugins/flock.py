"""What all boids have in common: a space, birds of one speed in it, how they fly, look and are measured.

How a bird steers is left to the plugins: `boids` asks a network, `boids_rules` follows Reynolds' three rules.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from alife.options import one_of, real, whole
from alife.types import Parameter, PRNGKey, Tree
from alife.worlds.neighbours import Visit, visit_nearest
from alife.worlds.particles import clustering
from alife.worlds.particles import wrap as shortest
from alife.worlds.render import draw_triangles


class Birds(NamedTuple):
    """One moment of a flock."""

    x: Float[Array, "N 2"]
    """Positions, in [0, side)."""
    v: Float[Array, "N 2"]
    """Headings, unit vectors."""


class Flock:
    """Birds of one speed on a torus, each of which sees only the nearest others; they start anywhere.

    A plugin adds `default_params` and `steer`.  Distances end at the edges unless `wrap` is set, as published.

    Args:
        n_boids: how many there are.
        n_nbrs: how many others each of them sees at most, the nearest.
        visual_range: how far they see, world units, at most half of the world.
        speed: world units per unit of time.
        dt: time that one step takes.
        side: edge of the world, world units.
        wrap: whether they see each other across the edges; they fly across them in any case.
        bird_size: half of a drawn bird's short edge, world units; it is three times as long.
        sharpness: steepness of a drawn bird's edges, per barycentric unit.

    Raises:
        BadOption: an option out of range.
    """

    def __init__(
        self,
        n_boids: int = 128,
        n_nbrs: int = 16,
        visual_range: float = 0.1,
        speed: float = 0.5,
        dt: float = 0.01,
        side: float = 1.0,
        wrap: bool = False,
        bird_size: float = 0.015,
        sharpness: float = 40.0,
    ) -> None:
        self.n_boids = whole("n_boids", n_boids, 2, 1_000_000, "two boids or more")
        self.n_nbrs = whole("n_nbrs", n_nbrs, 1, n_boids - 1, f"there are {n_boids - 1} others")
        self.side = real("side", side, 1e-3, 1e4, "world units")
        self.visual_range = real("visual_range", visual_range, 1e-5 * side, side / 2, "at most half of the world")
        self.speed = real("speed", speed, 0, 100, "world units per unit of time")
        self.dt = real("dt", dt, 1e-6, 1, "units of time per step")
        self.bird_size = real("bird_size", bird_size, 1e-4 * side, side / 4, "world units")
        self.sharpness = real("sharpness", sharpness, 1, 1e4, "per barycentric unit")
        self.wrap = one_of("wrap", wrap, (False, True))

    def init_state(self, rng: PRNGKey, params: Tree) -> Birds:
        """Birds anywhere, heading anywhere."""
        of_place, of_heading = jax.random.split(rng)
        angle = jax.random.uniform(of_heading, (self.n_boids,), maxval=2 * math.pi)
        x = jax.random.uniform(of_place, (self.n_boids, 2), maxval=self.side)
        return Birds(x, jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1))

    def steer(
        self,
        params: Tree,
        v: Float[Array, "2 B"],
        near: Float[Array, "2 K B"],
        r: Float[Array, "2 K B"],
        found: Bool[Array, "K B"],
    ) -> Float[Array, "2 B"]:
        """Accelerations of B birds, per unit of time; the plugin's part.

        Args:
            params: what the plugin's `express` made of the genotype.
            v: headings.
            near: headings of the neighbours.
            r: ways to the neighbours, world units.
            found: whether there is a neighbour; elsewhere `near` and `r` mean nothing.
        """
        raise NotImplementedError

    def step_state(self, rng: PRNGKey, state: Birds, params: Tree) -> Birds:
        """Every bird looks, changes its heading and flies on; nothing in it is random."""
        acceleration = self._look(partial(self.steer, params), state)
        v = state.v + self.dt * acceleration
        v = v / jnp.maximum(jnp.sqrt(jnp.sum(v * v, axis=1, keepdims=True)), 1e-12)
        x = state.x + self.speed * self.dt * v
        return Birds(x - self.side * jnp.floor(x / self.side), v)

    def render_state(self, state: Birds, params: Tree, img_size: int) -> Float[Array, "H W 3"]:
        """Black arrowheads on white, and the first bird once more on top, in red."""
        x, v = (jnp.concatenate([part, part[:1]]) for part in state)
        colour = jnp.zeros((len(x), 3)).at[-1, 0].set(1)
        draw = partial(draw_triangles, side=self.side, size=self.bird_size, sharpness=self.sharpness)
        return draw(x, v, colour, jnp.ones(3), img_size=img_size)

    def keep_state(self, state: Birds, params: Tree) -> Birds:
        """Places as they are: as float16 they would be off by more than a bird's length in a world of a million."""
        return Birds(state.x, state.v.astype(jnp.float16))

    def measures(self, state: Birds, params: Tree) -> dict[str, Float[Array, ""]]:
        """What kind of moment this is.

        alignment: length of the mean heading, in [0, 1]; 1 where all fly the same way.
        milling: how much all circle the middle of the flock the same way round, in [0, 1].
        clustering: chance that two share one of 16 x 16 plots over that at random, in [0, 256]; 1 for a random scatter.
        spacing: mean distance of the nearest other, visual ranges, in [0, 1]; 1 where nobody sees anybody.
        in_view: mean number of others that a bird sees, in [0, n_nbrs].
        turning: mean angle by which the next step turns a bird, radians per unit of time, >= 0.
        """
        x, v = state
        later = self.step_state(jax.random.key(0), state, params).v
        nearest, in_view = jnp.mean(self._look(self._closeness, state), axis=0)
        away = shortest(x - _middle(x, self.side), self.side)
        circling = _cross(away, v) / jnp.maximum(jnp.sqrt(jnp.sum(away**2, axis=1)), 1e-6 * self.side)
        return {
            "alignment": jnp.sqrt(jnp.sum(jnp.mean(v, axis=0) ** 2)),
            "milling": jnp.abs(jnp.mean(circling)),
            "clustering": clustering(x, self.side),
            "spacing": nearest / self.visual_range,
            "in_view": in_view,
            "turning": jnp.mean(jnp.abs(jnp.arctan2(_cross(v, later), jnp.sum(v * later, axis=1)))) / self.dt,
        }

    def parameters(self) -> dict[str, Parameter]:
        """The options that a person may turn."""
        return {
            "visual_range": Parameter(
                0.01 * self.side, 0.5 * self.side, "world units", "how far a bird sees; further: larger flocks"
            ),
            "n_nbrs": Parameter(1, min(64, self.n_boids - 1), "birds", "how many others a bird takes notice of"),
            "speed": Parameter(0, 2, "world units per unit of time", "how fast all fly; faster: wider turns"),
            "dt": Parameter(0.001, 0.05, "units of time", "time that one step takes; longer: coarser turns"),
            "bird_size": Parameter(0.003 * self.side, 0.05 * self.side, "world units", "how large birds are drawn"),
            "sharpness": Parameter(5, 200, "per barycentric unit", "how crisp the edges of drawn birds are"),
        }

    def scaled(self, times: int) -> tuple[int, dict[str, Any]]:
        """So many times the birds in so many times the space."""
        n = self.n_boids * times
        return n, {"n_boids": n, "side": self.side * math.sqrt(times)}

    def _look(self, visit: Visit, birds: Birds) -> Float[Array, "N M"]:
        """What `visit` says of every bird; headings are what birds carry, see `alife.worlds.neighbours`."""
        return visit_nearest(
            visit, birds.x, birds.v, count=self.n_nbrs, reach=self.visual_range, side=self.side, torus=self.wrap
        ).T

    def _closeness(self, v: Array, near: Array, r: Array, found: Array) -> Float[Array, "2 B"]:
        """Distance of the nearest other, or the visual range where there is none, and how many are seen."""
        nearest = jnp.min(jnp.where(found, r[0] ** 2 + r[1] ** 2, self.visual_range**2), axis=0)
        return jnp.stack([jnp.sqrt(nearest), jnp.sum(found, axis=0).astype(jnp.float32)])


def left_of(v: Float[Array, "2 B"]) -> Float[Array, "2 B"]:
    """Vectors turned by a quarter to the left: from the first axis towards the second.

    >>> left_of(jnp.array([[1.0], [2.0]])).T.tolist()
    [[-2.0, 1.0]]
    """
    return jnp.stack([-v[1], v[0]])


def _cross(a: Float[Array, "N 2"], b: Float[Array, "N 2"]) -> Float[Array, " N"]:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def _middle(x: Float[Array, "N 2"], side: float) -> Float[Array, "2"]:
    """The place that all positions surround, on the torus."""
    angle = x * (2 * math.pi / side)
    return jnp.arctan2(jnp.mean(jnp.sin(angle), axis=0), jnp.mean(jnp.cos(angle), axis=0)) * (side / (2 * math.pi))

"""Gray-Scott: two substances that react and spread, and draw spots that divide, worms, mazes and waves.

A step is several small time steps; they are done on a copy of the world with a border, see
`alife.worlds.fields.repeat_local`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from alife.errors import BadGenotype, BadOption
from alife.hookspecs import hookimpl
from alife.options import real, whole
from alife.types import Parameter, PRNGKey
from alife.worlds.fields import laplacian, repeat_local
from alife.worlds.lattice import disc, upscale

CELL = 2.5 / 256
"""Edge of a cell, in Pearson's unit of length: his world is 2.5 wide and has 256 cells."""
STABLE = 0.23
"""Largest diffusion in a time step, squared cells, that stays finite; 1/4 without the reaction."""
LOW, HIGH = np.array([0.0, 0.02], np.float32), np.array([0.1, 0.08], np.float32)
"""Ends of what F and k can be, per time unit; Pearson's map, 0 to 0.08 and 0.03 to 0.07, lies inside."""
FEEDS, BESIDE = (0.008, 0.065), (-0.006, 0.009)
"""Prior: ends of F, and of how far k lies above the curve beyond which a stirred vessel only ever washes out."""
SQUARE = 20
"""Edge of the squares that a world starts from, cells."""
NOISE = 0.01
"""Both concentrations are off by up to so much of themselves at the start, to break the symmetry."""
THICK = 0.1
"""From so much v on a cell counts as covered; spots are well above it, and what lies between them well below."""
WHITE = 0.36
"""Concentration v that is drawn in the last colour."""
COLOURS = np.array(
    [[8, 12, 32], [16, 38, 84], [20, 84, 128], [32, 140, 140], [96, 188, 128], [196, 220, 128], [255, 246, 200]],
    np.float32,
) / np.float32(255)
"""From night blue through sea green to cream, each about as much lighter as the one before."""

REGIMES = {
    "alpha": (0.010, 0.047),
    "beta": (0.026, 0.051),
    "gamma": (0.022, 0.051),
    "delta": (0.030, 0.055),
    "epsilon": (0.018, 0.055),
    "zeta": (0.026, 0.059),
    "eta": (0.034, 0.063),
    "theta": (0.030, 0.057),
    "iota": (0.046, 0.0594),
    "kappa": (0.050, 0.063),
    "lambda": (0.026, 0.061),
    "mu": (0.046, 0.065),
}
"""F and k of a place in each of the regions that Pearson named."""

Genotype: TypeAlias = Float[Array, "2"]
State: TypeAlias = Float[Array, "2 h w"]


class Rates(NamedTuple):
    """A genotype as the dynamics read it, per time unit."""

    feed: Float[Array, ""]
    """F: how fast u is fed and both are washed out."""
    kill: Float[Array, ""]
    """k: how fast v is removed besides."""


class GrayScott:
    """U + 2V -> 3V in a thin layer that is fed with U: u is what feeds, v is what lives on it.

    u_t = du lap u - u v^2 + F (1 - u),   v_t = dv lap v + u v^2 - (F + k) v

    A genotype holds two numbers p; F = 0.1 sigmoid(p[0]) and k = 0.02 + 0.06 sigmoid(p[1]), per time unit.  As text it
    is "F=0.026 k=0.061", or the name of a regime such as "lambda".

    Args:
        size: edge of the torus, cells, from 24 to 4096; a cell is 2.5/256 wide whatever the size, as Pearson's are.
        substeps: time steps in one step of the world, >= 1.
        seeds: squares of 20 x 20 cells that the world starts from; one is in the middle, more lie anywhere.
        du: diffusion of u, length^2 per time unit, >= 0.
        dv: diffusion of v.
        dt: length of a time step, time units, > 0.

    Raises:
        BadOption: an option of the wrong type or range, or diffusion too fast for the time step.

    Source: Pearson 1993 (Science 261, 189; arXiv:patt-sol/9304003), after Gray and Scott 1984.
    """

    def __init__(
        self,
        size: int = 128,
        substeps: int = 16,
        seeds: int = 1,
        du: float = 2e-5,
        dv: float = 1e-5,
        dt: float = 1.0,
    ) -> None:
        self.size, self.substeps = whole("size", size, SQUARE + 4, 4096), whole("substeps", substeps, 1, 10_000)
        self.seeds = whole("seeds", seeds, 1, 10_000)
        self.dt = real("dt", dt, 1e-6, 1.1, "time units; longer ones explode")
        self._du, self._dv = (real(name, d, 0, 1) * self.dt / CELL**2 for name, d in (("du", du), ("dv", dv)))
        if max(self._du, self._dv) > STABLE:
            most = STABLE * CELL**2 / max(du, dv)
            raise BadOption(
                f"dt is {dt!r}: with du {du!r} and dv {dv!r} a time step above {most:.3g} explodes; take a shorter one"
            )

    def parameters(self) -> dict[str, Parameter]:
        """The options, and F and k in the genotype's own numbers."""
        return {
            "size": Parameter(32, 512, "cells", "edge of the world"),
            "substeps": Parameter(1, 64, "time steps", "how far a step goes; more run faster"),
            "seeds": Parameter(1, 50, "squares", "where the world starts from; more fill it sooner"),
            "du": Parameter(0.0, 2.1e-5, "length^2 per time unit", "how fast u spreads; less makes finer patterns"),
            "dv": Parameter(0.0, 2.1e-5, "length^2 per time unit", "how fast v spreads; as fast as u, patterns vanish"),
            "dt": Parameter(0.1, 1.0, "time units", "length of a time step; shorter is more exact"),
            "F": Parameter(-3, 1, "logit", "feed rate: 0.1 sigmoid(value); more feeds thicker patterns", (0, 1)),
            "k": Parameter(-1, 2.5, "logit", "kill rate: 0.02 + 0.06 sigmoid(value); more thins them out", (1, 2)),
        }

    def scaled(self, times: float) -> tuple[int, dict[str, Any]]:
        """How many cells about `times` the default ones are, and the options of such a world."""
        size = round(128 * times**0.5)
        return size * size, {"size": size}

    def default_params(self, rng: PRNGKey) -> Genotype:
        """Rates near the curve F = 4 (F + k)^2, along which Pearson's patterns lie."""
        of_feed, of_kill = jax.random.split(rng)
        feed = jax.random.uniform(of_feed, minval=FEEDS[0], maxval=FEEDS[1])
        beside = jax.random.uniform(of_kill, minval=BESIDE[0], maxval=BESIDE[1])
        return _genotype(jnp.stack([feed, jnp.sqrt(feed) / 2 - feed + beside]))

    def from_text(self, text: str) -> Genotype:
        """F and k as text such as "F=0.026 k=0.061" or "0.026, 0.061", or a regime such as "lambda".

        Raises:
            BadGenotype: text that is neither, or rates out of range.
        """
        if text.strip().lower() in REGIMES:
            return _genotype(jnp.array(REGIMES[text.strip().lower()]))
        found = re.fullmatch(r"\s*(?:F\s*=?)?\s*([\d.]+)\s*[,;\s]\s*(?:k\s*=?)?\s*([\d.]+)\s*", text, re.IGNORECASE)
        try:
            rates = np.array(found.groups(), np.float32) if found else LOW
        except ValueError:
            rates = LOW
        if not ((rates > LOW) & (rates < HIGH)).all():
            raise BadGenotype(
                f"genotype is {text!r}; expected F and k as in 'F=0.026 k=0.061', F above 0 and below 0.1, k above "
                f"0.02 and below 0.08, or one of {', '.join(REGIMES)}"
            )
        return _genotype(jnp.asarray(rates))

    def express(self, params: Genotype) -> Rates:
        """F and k, per time unit."""
        return Rates(*(LOW + (HIGH - LOW) * jax.nn.sigmoid(params)))

    def init_state(self, rng: PRNGKey, params: Rates) -> State:
        """u = 1 and v = 0, but u = 1/2 and v = 1/4 in the squares; then noise."""
        of_place, of_noise = jax.random.split(rng)
        first = jnp.full((1, 2), (self.size - SQUARE) // 2)
        if self.seeds > 1:
            first = jax.random.randint(of_place, (self.seeds, 2), 0, self.size)
        rows, columns = ((jnp.arange(self.size) - first[:, axis, None]) % self.size < SQUARE for axis in (0, 1))
        inside = (rows.T.astype(jnp.float32) @ columns.astype(jnp.float32)) > 0
        clean = jnp.stack([jnp.where(inside, 0.5, 1.0), jnp.where(inside, 0.25, 0.0)])
        return clean * (1 + NOISE * jax.random.uniform(of_noise, clean.shape, minval=-1))

    def step_state(self, rng: PRNGKey, state: State, params: Rates) -> State:
        """`substeps` time steps later; nothing in it is random."""
        return repeat_local(lambda cells: self._advance(cells, params), state, self.substeps)

    def render_state(self, state: State, params: Rates, img_size: int) -> Float[Array, "H W 3"]:
        """The concentration v from night blue (0) through sea green to cream (0.36 and more)."""
        shade = upscale(state[1][:, :, None], img_size) * np.float32((len(COLOURS) - 1) / WHITE)
        # a line from colour to colour as a sum of clipped lines: no look-ups, which would take most of a picture's time
        ways = enumerate(np.diff(COLOURS, axis=0))
        return sum((jnp.clip(shade - i, 0, 1) * way for i, way in ways), start=jnp.asarray(COLOURS[0]))

    def poke(self, state: State, params: Rates, place: Float[Array, "2"], radius: Array, strength: Array) -> State:
        """More v, as much as in the squares that a world starts from, or none of it and u in its place."""
        near = disc(state.shape[1:], place[::-1] * self.size, radius * self.size)
        sown, cleared = jnp.array([0.5, 0.25]), jnp.array([1.0, 0.0])
        wanted = jnp.where(strength > 0, sown, cleared)[:, None, None]
        return state + jnp.abs(strength) * jnp.where(near, wanted - state, 0)

    def measures(self, state: State, params: Rates) -> dict[str, Float[Array, ""]]:
        """What kind of moment this is.

        u: mean concentration of what feeds, in [0, 1]; 1 where nothing lives.
        v: mean concentration of what lives on it, >= 0; 0 where nothing lives.
        coverage: fraction of the cells with v above 0.1, in [0, 1].
        spots: cells with v above 0.1 and above that of all 8 cells around, per 1000 cells, >= 0.
        activity: mean change of v per time unit over the mean of v, >= 0; 0 at rest.
        contrast: standard deviation of v over its mean, >= 0; 0 where there is no pattern.
        """
        v = state[1]
        later = repeat_local(lambda cells: self._advance(cells, params), state, 1)[1]
        mean = v.mean()
        some = jnp.maximum(mean, 1e-6)
        return {
            "u": state[0].mean(),
            "v": mean,
            "coverage": jnp.mean(v > THICK),
            "spots": 1000 * jnp.mean(_peaks(v)),
            "activity": jnp.mean(jnp.abs(later - v)) / self.dt / some,
            "contrast": v.std() / some,
        }

    def _advance(self, cells: Float[Array, "2 h2 w2"], rates: Rates) -> State:
        """One time step, from cells with a border of one."""
        (u, v), (spread_u, spread_v) = cells[:, 1:-1, 1:-1], laplacian(cells)
        reaction = u * v * v
        of_u = self._du * spread_u + self.dt * (rates.feed * (1 - u) - reaction)
        of_v = self._dv * spread_v + self.dt * (reaction - (rates.feed + rates.kill) * v)
        return jnp.stack([u + of_u, v + of_v])  # stacked last: what follows a stack is not vectorised


def _genotype(rates: Float[Array, "2"]) -> Genotype:
    part = (rates - LOW) / (HIGH - LOW)
    return jnp.log(part / (1 - part)).astype(jnp.float32)


def _peaks(v: Float[Array, "h w"]) -> Array:
    """Cells that hold more than all 8 around them, and more than a little."""
    around = jnp.maximum(jnp.roll(v, 1, 1), jnp.roll(v, -1, 1))
    rows = jnp.maximum(around, v)
    return (v > jnp.maximum(around, jnp.maximum(jnp.roll(rows, 1, 0), jnp.roll(rows, -1, 0)))) & (v > THICK)


@hookimpl
def register_substrates(register: Callable[..., None]) -> None:
    register(
        "gray_scott",
        "alife.plugins.gray_scott:GrayScott",
        summary="reaction and diffusion of two substances: dividing spots, worms, mazes, waves",
        horizon=1000,
        test_options={"size": 32, "substeps": 3},
        source="Pearson 1993 (Science 261, 189)",
    )

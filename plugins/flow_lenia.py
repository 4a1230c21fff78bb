"""Flow Lenia: matter that is never made nor lost flows to where it likes to be, and carries its own rules along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from jaxtyping import Array, Float

from alife.genotype import places
from alife.hookspecs import hookimpl
from alife.options import one_of, real, whole
from alife.plugins.flow_lenia_options import check_links, check_radius, squares
from alife.types import Parameter, PRNGKey
from alife.worlds.fields import gaussian, wrap
from alife.worlds.flow import (
    TINY,
    Carried,
    Kernels,
    affinity,
    drift,
    in_pairs,
    move,
    move_choosing,
    move_mixing,
    of_matter,
    slope,
)
from alife.worlds.lattice import upscale

RINGS = 3
"""Rings in the profile of one kernel."""
FURTHEST = 5
"""Cells that a step may carry matter: as far as in the published program."""
CUT = 10.0
"""How sharply a kernel ends, per radius."""
GLOW = 1.4
"""Brightness per unit of matter."""

MEANINGS = {
    "R": (None, "radius of the largest kernel, cells (option radius): larger makes larger creatures"),
    "a": ((0.0, 1.0), "where a kernel's rings lie, 0 to 1 radius"),
    "b": ((0.001, 1.0), "heights of the rings, 0.001 to 1"),
    "cells": ((0.0, 1.0), "matter in the cells of each species' square at the start, 0 to 1"),
    "h": ((0.01, 1.0), "weight of each kernel for each species, 0.01 to 1: what its matter likes"),
    "m": ((0.05, 0.5), "how much matter a kernel likes to see, 0.05 to 0.5 per cell: more makes denser creatures"),
    "r": ((0.2, 1.0), "radius of each kernel, 0.2 to 1 times R"),
    "s": ((0.001, 0.18), "how exactly it must be m, 0.001 to 0.18 per cell: larger makes calmer creatures"),
    "w": ((0.01, 0.5), "widths of the rings, 0.01 to 0.5 radius"),
}
"""What the numbers of a genotype mean: the published range, and words."""

Genotype = dict[str, Float[Array, "..."]]


class Genes(NamedTuple):
    """A genotype as the dynamics read it."""

    kernels: Kernels
    h: Float[Array, "S k"]
    """Weights of the kernels, as the matter of each species carries them."""
    cells: Float[Array, "S C g g"] | None
    """Matter in each species' square at the start; None where the world's key draws it."""


class State(NamedTuple):
    """One moment."""

    matter: Float[Array, "C h w"]
    """Amount in each cell, >= 0; its sum never changes."""
    carried: Carried
    """Which species each cell's matter is of."""


class FlowLenia:
    """Lenia in which matter moves instead of growing, uphill on what its kernels make of the world around it.

    Affinity U = sum over kernels of h G(kernel * matter) with G = 2 gaussian - 1; flow F = (1 - alpha) grad U - alpha
    grad A with A = all matter in a cell and alpha = min((A / theta)^n, 1): a crowd flows apart.  Every cell's matter
    moves by dt F and arrives spread over a square.  The weights h are the species: they travel with the matter.

    The genotype is {R, a, b, h, m, r, s, w}, with genotype="whole" also `cells`.  Its numbers are those of a standard
    normal distribution: x means low + (high - low) Phi(x), so that a random one is uniform over the published ranges.

    Args:
        world_size: edge of the torus, cells.
        links: how many kernels lead from channel (row) to channel (column).
        species: sets of weights in the world.
        mix: where matter of several species arrives in a cell, it will "choose" one or "average" them, by amounts.
        genotype: what is searched: the "rule", or the "whole" with the matter in the squares at the start.
        patches: squares of matter at the start, in a grid, the species in turn; one for each species unless given.
        patch: edge of such a square, cells.
        grain: edge of the blocks of equal matter that a square is made of, cells; coarse ones make lopsided creatures.
        radius: range of R, cells; a kernel's radius is R r.
        dt: time units per step.
        theta: matter in a cell at which it only flows apart.
        n: how suddenly that sets in.
        sigma: half the edge of the square that a cell's matter arrives as, cells.
        limit: longest way along an axis in one step, cells; the cost of moving grows with its square.

    Raises:
        BadOption: an option of the wrong type or range, or squares that do not fit into the world.

    Source: Plantec et al. 2022 (arXiv:2212.07906) and 2025 (arXiv:2506.08569).
    """

    def __init__(
        self,
        world_size: int = 128,
        links: Sequence[Sequence[int]] = ((10,),),
        species: int = 1,
        mix: str = "choose",
        genotype: str = "rule",
        patches: int | None = None,
        patch: int = 40,
        grain: int = 8,
        radius: Sequence[float] = (17, 40),
        dt: float = 0.2,
        theta: float = 2.0,
        n: float = 2,
        sigma: float = 0.65,
        limit: float = 1.85,
    ) -> None:
        whole("world_size", world_size, 16, 4096)
        whole("species", species, 1, 64)
        whole("patch", patch, 1, world_size)
        whole("grain", grain, 1, patch)
        one_of("mix", mix, ("choose", "average"))
        one_of("genotype", genotype, ("rule", "whole"))
        for name, value, low, high in (("dt", dt, 1e-3, 10), ("theta", theta, 1e-3, 1e3), ("n", n, 0.1, 20)):
            real(name, value, low, high)
        real("sigma", sigma, 0.05, 2)
        real("limit", limit, 0.1, FURTHEST + 0.5 - sigma)
        self.world_size, self.species, self.patch, self.grain = world_size, species, patch, grain
        self.dt, self.theta, self.sigma, self.limit = dt, theta, sigma, limit
        self.n = int(n) if float(n).is_integer() else n  # whole powers are products
        self.chooses, self.searches_start = mix == "choose", genotype == "whole"
        self.deterministic = self.searches_start and (species == 1 or not self.chooses)
        self.corners = squares(patches, species, patch, world_size)
        self.radius = check_radius(radius, world_size)
        counts = check_links(links)
        routes = [route for route in np.argwhere(counts) for _ in range(counts[tuple(route)])]
        self.channels, self.kernels = len(counts), len(routes)
        self._routes = np.asarray(in_pairs(np.array(routes)))
        away = wrap(np.arange(world_size), world_size)
        self._distance = np.hypot(away[:, None], away).astype(np.float32)

    def scaled(self, times: float) -> tuple[int, dict[str, Any]]:
        """How many cells about `times` this world's are, and the options of such a world, as full of matter."""
        edge, patches = round(self.world_size * times**0.5), round(len(self.corners) * times)
        return edge * edge, {"world_size": edge, "patches": max(self.species, patches)}

    def default_params(self, rng: PRNGKey) -> Genotype:
        """Uniform over the published ranges."""
        k, edge = self.kernels, -(-self.patch // self.grain)
        shapes = {"R": (), "h": (self.species, k)} | dict.fromkeys("mrs", (k,)) | dict.fromkeys("abw", (k, RINGS))
        if self.searches_start:
            shapes["cells"] = (self.species, self.channels, edge, edge)
        keys = jax.random.split(rng, len(shapes))
        return {name: jax.random.normal(key, shapes[name]) for key, name in zip(keys, sorted(shapes), strict=True)}

    def express(self, params: Genotype) -> Genes:
        """Kernels, transformed, weights and start of a genotype."""
        value = {name: _between(MEANINGS[name][0] or self.radius, x) for name, x in params.items()}
        away = self._distance / (value["R"] * value["r"])[:, None, None]
        profile = jax.nn.sigmoid(CUT * (1 - away)) * sum(
            b[:, None, None] * gaussian((away - a[:, None, None]) / w[:, None, None])
            for a, b, w in zip(value["a"].T, value["b"].T, value["w"].T, strict=True)
        )
        spectra = jnp.fft.fft2(profile / profile.sum((1, 2), keepdims=True)).real
        paired = Kernels(in_pairs(spectra), in_pairs(value["m"]), in_pairs(value["s"], fill=1), in_pairs(value["h"].T))
        return Genes(paired, value["h"], value.get("cells"))

    def init_state(self, rng: PRNGKey, params: Genes) -> State:
        """Squares of matter in an empty world."""
        size, edge, cells = self.world_size, self.patch, params.cells
        if cells is None:
            blocks = -(-edge // self.grain)
            cells = jax.random.uniform(rng, (len(self.corners), self.channels, blocks, blocks))
        cells = cells.repeat(self.grain, 2).repeat(self.grain, 3)[:, :, :edge, :edge]
        matter, kind = jnp.zeros((self.channels, size, size)), np.zeros((size, size), np.int32)
        for number, (row, column) in enumerate(self.corners):
            here = (slice(row, row + edge), slice(column, column + edge))
            matter = matter.at[:, *here].set(cells[number % len(cells)])
            kind[here] = number % self.species
        if self.species == 1:
            return State(matter, None)
        shares = kind == np.arange(self.species)[:, None, None]
        return State(matter, jnp.asarray(kind) if self.chooses else jnp.asarray(shares, jnp.float32))

    def step_state(self, rng: PRNGKey, state: State, params: Genes) -> State:
        """dt later; random only where species meet and one is chosen."""
        where, how = self._displacement(state, params), {"spread": self.sigma, "limit": self.limit}
        matter, carried = state
        if carried is None:
            return State(move(matter, where, **how), None)
        if self.chooses:
            return State(*move_choosing(matter, carried, where, jax.random.uniform(rng, carried.shape), **how))
        return State(*move_mixing(matter, carried, where, **how))

    def render_state(self, state: State, params: Genes, img_size: int) -> Float[Array, "H W 3"]:
        """Matter glows on black; its hue is the phase of the first wave through the weights that it carries."""
        turns = 2 * np.pi * np.arange(self.kernels) / self.kernels
        wave = of_matter(params.h @ np.stack([np.cos(turns), np.sin(turns)], 1), state.carried)
        wave = wave / jnp.maximum(jnp.hypot(*wave), TINY)
        light = jnp.zeros((self.world_size, self.world_size, 3))
        for channel, cells in enumerate(state.matter):
            hues = 2 * np.pi * (np.arange(3) / 3 + channel / (3 * self.channels))
            tint = 0.6 + 0.5 * jnp.einsum("nc,nhw->hwc", np.stack([np.cos(hues), np.sin(hues)]), wave)
            light += cells[:, :, None] * tint
        return upscale(1 - jnp.exp(-GLOW * light), img_size)

    def measures(self, state: State, params: Genes) -> dict[str, Float[Array, ""]]:
        """What the matter does at this moment.

        mass: matter per cell of the world, >= 0; it never changes.
        fill: part of the world that the matter would fill if it were evenly dense, in (0, 1]; small for creatures.
        speed: of the centre of all matter, cells per time unit, >= 0.
        activity: speed of the matter, whatever its direction, mean, cells per time unit, >= 0.
        species: how many are left, the common counting more: exp of the entropy of their amounts, from 1 to `species`.
        diversity: standard deviation of the weights in the matter, mean over kernels, in [0, 0.5].
        """
        way = drift(self._displacement(state, params), spread=self.sigma, limit=self.limit) / self.dt
        crowd = state.matter.sum(0)
        total = jnp.maximum(crowd.sum(), TINY)
        shares = of_matter(jnp.eye(self.species), state.carried)
        amounts = jnp.sum(shares * crowd, (1, 2)) / total
        weights = jnp.broadcast_to(of_matter(params.h, state.carried), (self.kernels, *crowd.shape))
        mean = jnp.sum(weights * crowd, (1, 2), keepdims=True) / total
        variance = jnp.sum((weights - mean) ** 2 * crowd, (1, 2)) / total
        return {
            "mass": crowd.mean(),
            "fill": crowd.sum() ** 2 / jnp.maximum(jnp.sum(crowd**2), TINY) / crowd.size,
            "speed": jnp.linalg.norm(jnp.sum(state.matter * way, (1, 2, 3))) / total,
            "activity": jnp.sum(state.matter * jnp.hypot(*way)) / total,
            "species": jnp.exp(-jnp.sum(amounts * jnp.log(jnp.maximum(amounts, TINY)))),
            "diversity": jnp.sqrt(variance).mean(),
        }

    def parameters(self) -> dict[str, Parameter]:
        """The options that shape the flow, and the parts of the genotype, in normal numbers."""
        found = {
            "dt": Parameter(0.02, 0.5, "time units", "time per step: more is faster and rougher"),
            "theta": Parameter(0.5, 5.0, "matter per cell", "crowd that flows apart: more makes denser creatures"),
            "n": Parameter(1, 8, "", "how suddenly a crowd begins to flow apart"),
            "sigma": Parameter(0.5, 1.0, "cells", "spread of moving matter: more is smoother"),
        }
        shapes = jax.eval_shape(self.default_params, jax.random.key(0))
        return found | {
            name: Parameter(-3, 3, "standard deviations", MEANINGS[name][1], place)
            for name, place in places(shapes).items()
        }

    def _displacement(self, state: State, genes: Genes) -> Float[Array, "2 C h w"]:
        """How far each cell's matter goes in a step, cells."""
        crowd = state.matter.sum(0)
        alpha = jnp.minimum((crowd / self.theta) ** self.n, 1)
        flow = (1 - alpha) * slope(self._affinity(state, genes)) - (alpha * slope(crowd))[:, None]
        return jnp.clip(self.dt * flow, -self.limit, self.limit)

    def _affinity(self, state: State, genes: Genes) -> Float[Array, "C h w"]:
        """How much each channel's matter likes to be in each cell."""
        return affinity(state.matter, genes.kernels, self._routes, lambda h: of_matter(h[:, None], state.carried)[0])


def _between(ends: tuple[float, float], x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Where a standard normal number lies between the ends: uniform if it is random."""
    return ends[0] + (ends[1] - ends[0]) * ndtr(x)


@hookimpl
def register_substrates(register: Callable[..., None]) -> None:
    register(
        "flow_lenia",
        "alife.plugins.flow_lenia:FlowLenia",
        summary="Lenia whose matter flows and is never lost, and carries its rules along, so that species mix",
        horizon=500,
        test_options={"world_size": 32, "links": [[3]], "species": 2, "patch": 12, "grain": 3, "radius": [5, 12]},
        source="Plantec et al. 2022 (arXiv:2212.07906), 2025 (arXiv:2506.08569)",
    )

"""The field that particles of Particle Lenia make in the plane, and what is felt of it at any places.

Particles are added up some at a time, for many places at once, so that no array has a place and a particle axis longer
than a handful.  Large crowds are put into cells first, and what is farther away than the kernel reaches is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from alife.worlds.cells import into_cells

FEW = 1000
"""Up to so many particles looking at all of them is faster than sorting them into cells."""
SOME = 25
"""Particles that are added at a time: fewer leave the vector units waiting, more fall out of the cache."""
BLOCK = 64
"""Places of a large crowd that look at the same cells."""
CELL = 5.0
"""Edge of a cell, world units: about 35 particles at the density of the start."""
FAINT = 4.5
"""Ring widths after which a particle is not felt: its kernel is exp(-20) there, below the last digit of any field."""
FAR = 1e6
"""Where particles stand that are not there, world units: nothing of them is felt."""
NEAREST = 1e-10
"""Squared distances below it count as it, square world units, and there is no slope: so for a particle itself."""

Sums: TypeAlias = tuple[Array, ...]
Places: TypeAlias = Float[Array, "2 L"]


class Genes(NamedTuple):
    """A genotype as the dynamics read it: lengths in world units, all of them above 0."""

    mu_k: Float[Array, ""]
    sigma_k: Float[Array, ""]
    w_k: Float[Array, ""]
    mu_g: Float[Array, ""]
    sigma_g: Float[Array, ""]
    c_rep: Float[Array, ""]

    def felt(self, r: Float[Array, "..."]) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """What a particle at distance r adds to the field, over w_k: exp(-((r - mu_k)/sigma_k)^2), and its slope."""
        along = (r - self.mu_k) * (1 / self.sigma_k)
        kernel = jnp.exp(-along * along)
        return kernel, kernel * along * (-2 / self.sigma_k)

    def growth(self, field: Float[Array, "..."]) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """G where the field is U: exp(-((U - mu_g)/sigma_g)^2), in [0, 1], and its slope."""
        along = (field - self.mu_g) / self.sigma_g
        growth = jnp.exp(-along * along)
        return growth, growth * along * (-2 / self.sigma_g)

    @property
    def reach(self) -> Float[Array, ""]:
        """Particles farther away are neither felt nor pushed, world units."""
        return jnp.maximum(self.mu_k + FAINT * self.sigma_k, 1.0)


class Crowd(NamedTuple):
    """Particles, made ready for being looked at from many places."""

    x: Float[Array, "2 M"]
    """Positions; of a large crowd cell by cell.  The last SOME are FAR, to fill up any handful."""
    edge: int
    """Cells along the square of cells; 0 where there is none and everybody is looked at."""
    start: Int[Array, " cells+1"]
    """Where each cell begins in x, see `alife.worlds.cells`."""
    order: Int[Array, " N"]
    """Numbers of the particles as they stand in x."""
    middle: Float[Array, "2"]
    """Middle of the square of cells, world units."""


class Sight(NamedTuple):
    """What there is at some places, one number for each."""

    field: Float[Array, " L"]
    """U = w_k sum felt(r), >= 0."""
    slope: Float[Array, "2 L"]
    """Gradient of U, per world unit."""
    repulsion: Float[Array, " L"]
    """R = c_rep/2 sum max(1 - r, 0)^2, >= 0; at a particle's place c_rep/2 of it is that particle itself."""
    push: Float[Array, "2 L"]
    """Minus the gradient of R, per world unit."""


def gather(x: Float[Array, "N 2"], room: float) -> Crowd:
    """Particles as they are, or sorted into cells where they are many.

    Args:
        x: positions, world units.
        room: edge of the square around their middle in which most will be, world units; it decides only the speed.
    """
    if len(x) <= FEW:
        return Crowd(_filled(x), 0, jnp.zeros(1, jnp.int32), jnp.arange(len(x)), jnp.zeros(2))
    # No more cells than particles, and few enough that a cell and a number fit into one word, see `into_cells`.
    edge = max(1, min(round(room / CELL), math.isqrt(len(x)), math.isqrt((2**32 - 1) // len(x))))
    side, middle = edge * CELL, x.mean(0)
    # Who strays from the square of cells counts to its border: that keeps near ones near, so nobody is missed.
    cells = into_cells(jnp.clip(x - middle + side / 2, 0, side), side, edge)
    return Crowd(_filled(x[cells.order]), edge, cells.start, cells.order, middle)


def feel(crowd: Crowd, genes: Genes) -> Sight:
    """What there is where the particles are, in the order of their numbers."""
    if not crowd.edge:
        return _feel(crowd, crowd.x[:, :-SOME], genes)
    n = len(crowd.order)
    places = jnp.pad(crowd.x[:, :n], ((0, 0), (0, -n % BLOCK)), mode="edge")
    seen = jax.lax.map(lambda block: _feel(crowd, block, genes), places.reshape(2, -1, BLOCK).swapaxes(0, 1))

    def by_number(part: Float[Array, "B ... L"]) -> Float[Array, "... N"]:
        in_cells = jnp.moveaxis(part, 0, -2).reshape(*part.shape[1:-1], -1)[..., :n]
        return jnp.zeros_like(in_cells).at[..., crowd.order].set(in_cells, unique_indices=True)

    return jax.tree.map(by_number, seen)


def _feel(crowd: Crowd, places: Places, genes: Genes) -> Sight:
    def add(sums: Sums, right: Array, up: Array) -> Sums:
        squared = right * right + up * up
        r = jnp.sqrt(jnp.maximum(squared, NEAREST))
        # A particle is not exactly at its own place where the compiler fuses what made that, and 1/r would show it.
        over_r, close = jnp.where(squared > NEAREST, 1 / r, 0), jnp.maximum(1 - r, 0)
        kernel, slope = genes.felt(r)
        slope, push = slope * over_r, close * over_r
        seen = kernel, slope * right, slope * up, close * close, push * right, push * up
        return tuple(sums + _total(part) for sums, part in zip(sums, seen, strict=True))

    zero = jnp.zeros(places.shape[1])
    field, right, up, close, push_right, push_up = _visit(crowd, places, genes, add, (zero,) * 6)
    return Sight(
        genes.w_k * field,
        genes.w_k * jnp.stack([right, up]),
        genes.c_rep / 2 * close,
        genes.c_rep * jnp.stack([push_right, push_up]),
    )


def look(crowd: Crowd, places: Places, genes: Genes) -> tuple[Float[Array, " L"], Float[Array, " L"]]:
    """All that a picture shows of some places: the field, and the squared distance to the nearest particle."""

    def add(sums: Sums, right: Array, up: Array) -> Sums:
        squared = right * right + up * up
        kernel, _ = genes.felt(jnp.sqrt(jnp.maximum(squared, NEAREST)))
        return sums[0] + _total(kernel), jnp.minimum(sums[1], squared.min(0))

    zero = jnp.zeros(places.shape[1])
    field, nearest = _visit(crowd, places, genes, add, (zero, zero + FAR))
    return genes.w_k * field, nearest


def _visit(crowd: Crowd, places: Places, genes: Genes, add: Callable[[Sums, Array, Array], Sums], sums: Sums) -> Sums:
    """Hands the ways [C L] from every particle within reach of a place, and some others, to `add`, C at a time."""

    def between(first: Any, last: Any, sums: Sums) -> Sums:
        def some(i: Any, sums: Sums) -> Sums:
            begin = first + i * size
            x, y = jax.lax.dynamic_slice(crowd.x, (0, begin), (2, size))
            x = jnp.where(begin + jnp.arange(size) < last, x, FAR)
            return add(sums, places[0] - x[:, None], places[1] - y[:, None])

        return jax.lax.fori_loop(0, (last - first + size - 1) // size, some, sums)

    n = len(crowd.order)
    size = -(-n // -(-n // SOME))  # at most SOME, and the last handful as full as the others
    if not crowd.edge:
        return between(0, n, sums)
    corners = jnp.stack([places.min(1) - genes.reach, places.max(1) + genes.reach]) - crowd.middle
    cells = jnp.clip(corners / CELL + crowd.edge / 2, 0, crowd.edge - 1).astype(jnp.int32)
    (top, left), (bottom, right) = cells

    def row(number: Array, sums: Sums) -> Sums:
        first = number * crowd.edge
        return between(crowd.start[first + left], crowd.start[first + right + 1], sums)

    return jax.lax.fori_loop(top, bottom + 1, row, sums)


def _filled(x: Float[Array, "N 2"]) -> Float[Array, "2 M"]:
    return jnp.pad(x.T, ((0, 0), (0, SOME)), constant_values=FAR)


def _total(parts: Float[Array, "C L"]) -> Float[Array, " L"]:
    """Sum over the first axis, by halves: XLA's own sum would leave the vector units unused here."""
    half = len(parts) // 2
    return _total(parts[:half]) + _total(parts[half:]) if half else parts[0]

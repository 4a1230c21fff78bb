"""Matter that flows on a torus: where it likes to be, slopes, and moving it with what it carries, none of it lost.

Every cell's matter becomes an even square of half-width `spread`, moves with the cell's own displacement and is shared
out among the cells that the square then covers (reintegration tracking).  A cell therefore gathers from the cells
within `reach` of it, and how much it gets from each is a product of two overlaps, one for each axis.  So a move is
(2 reach + 1)^2 shifted multiply-adds that fuse into one pass over the field.

Fields are channels first, [C, h, w]; the first of two axes counts rows down, the second columns to the right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from itertools import pairwise, product
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Num

from .fields import gaussian

TINY = np.finfo(np.float32).tiny
"""Less matter than this counts as none."""


Carried = Int[Array, "h w"] | Float[Array, "S h w"] | None
"""Which species each cell's matter is of: its number, or the share of every species; None where there is only one."""


class Kernels(NamedTuple):
    """Kernels and their growth, two by two, since two even kernels share one transform; see `in_pairs`."""

    spectra: Float[Array, "p 2 h w"]
    """Their transforms: real, because the kernels are even."""
    m: Float[Array, "p 2"]
    """Weighted mean of what they see at which growth is highest."""
    s: Float[Array, "p 2"]
    """How far from m growth still is high, > 0."""
    h: Float[Array, "p 2 S"]
    """Weight of each for each species."""


def in_pairs(of_kernels: Num[Array | np.ndarray, "k *rest"], fill: float = 0) -> Num[Array, "p 2 *rest"]:
    """What belongs to each kernel, two by two; an odd number is filled up.

    >>> in_pairs(jnp.array([1, 2, 3])).tolist()
    [[1, 2], [3, 0]]
    """
    margins = [(0, len(of_kernels) % 2)] + [(0, 0)] * (of_kernels.ndim - 1)
    return jnp.pad(of_kernels, margins, constant_values=fill).reshape(-1, 2, *of_kernels.shape[1:])


def affinity(
    matter: Float[Array, "C h w"],
    kernels: Kernels,
    routes: Int[np.ndarray, "p 2 2"],
    weigh: Callable[[Float[Array, " S"]], Float[Array, "#h #w"]],
) -> Float[Array, "C h w"]:
    """How much each channel's matter likes each cell: the sum over kernels of weight x (2 gaussian - 1).

    Args:
        matter: amount in each cell.
        kernels: what sees it.
        routes: the channel that each kernel reads and the one that it feeds.
        weigh: a kernel's weight in each cell, from its weights for each species.
    """
    spectra = jnp.fft.fft2(matter)

    def add(liking: Array, pair: tuple[Kernels, Array]) -> tuple[Array, None]:
        (two, m, s, h), ways = pair
        (a, b), (k, g) = spectra[ways[:, 0]], two
        # One result travels as the real part of a transform, the other as its imaginary part.
        both = jnp.fft.ifft2(jax.lax.complex(a.real * k - b.imag * g, a.imag * k + b.real * g))
        for i, seen in enumerate((both.real, both.imag)):
            liking = liking.at[ways[i, 1]].add(weigh(h[i]) * (2 * gaussian((seen - m[i]) / s[i]) - 1))
        return liking, None

    # A loop's result is stored; else XLA would compute the whole sum again for every neighbour that `slope` looks at.
    return jax.lax.scan(add, jnp.zeros_like(matter), (kernels, jnp.asarray(routes)))[0]


def of_matter(table: Float[Array, "S n"], carried: Carried) -> Float[Array, "n #h #w"]:
    """The numbers of the species that each cell's matter is of; where it is mixed their mean.

    Args:
        table: n numbers for each species.
        carried: which species it is.

    >>> of_matter(jnp.array([[1.0], [4.0]]), jnp.array([[0, 1, 1]])).tolist()
    [[[1.0, 4.0, 4.0]]]
    """
    if carried is None:
        return table[0][:, None, None]
    if carried.ndim == 3:
        return jnp.einsum("sn,shw->nhw", table, carried)
    numbers = jnp.broadcast_to(table[0][:, None, None], (table.shape[1], *carried.shape))
    for species in range(1, len(table)):  # selects fuse: even for dozens of species a look-up in the table takes longer
        numbers = jnp.where(carried == species, table[species][:, None, None], numbers)
    return numbers


def reach(limit: float, spread: float) -> int:
    """How many cells away a move can bring matter: the least number with limit + spread <= reach + 1/2.

    Args:
        limit: longest displacement along one axis, cells.
        spread: half the edge of the square that a cell's matter is spread over, cells.

    >>> reach(1.85, 0.65), reach(1.86, 0.65)
    (2, 3)
    """
    return math.ceil(limit + spread - 0.5 - 1e-9)


def slope(field: Float[Array, "*C h w"]) -> Float[Array, "2 *C h w"]:
    """Sobel's gradient, rows and columns, not divided by its weights: 8 on a field that rises by 1 per cell.

    Source: Sobel and Feldman 1968.
    """
    before, after = (jnp.roll(field, way, -2) for way in (1, -1))
    across = before + 2 * field + after
    down = after - before
    left, right = (jnp.roll(down, way, -1) for way in (1, -1))
    return jnp.stack([left + 2 * down + right, jnp.roll(across, -1, -1) - jnp.roll(across, 1, -1)])


def move(
    matter: Float[Array, "C h w"], displacement: Float[Array, "2 #C h w"], *, spread: float, limit: float
) -> Float[Array, "C h w"]:
    """Matter after it has moved; its sum stays, up to rounding.

    Where nothing is displaced, a cell keeps (1 / (2 spread))^2 of its matter and gives the rest to its 8 neighbours
    (all of it stays where spread is at most 1/2).

    Args:
        matter: amount in each cell, >= 0.
        displacement: where the middle of each cell's matter goes, cells, within [-limit, limit] on both axes.
        spread: half the edge of the square that it arrives as, cells, > 0.
        limit: the longest displacement along an axis, cells.

    Source: Moroz 2020 (reintegration tracking), as used by Plantec et al. 2022 (arXiv:2212.07906).

    >>> line = jnp.zeros((1, 1, 8)).at[0, 0, 2].set(1.0)
    >>> ahead = jnp.zeros((2, 1, 1, 8)).at[1].set(1.5)
    >>> move(line, ahead, spread=0.5, limit=1.5)[0, 0].tolist()  # half a cell past the next one
    [0.0, 0.0, 0.0, 0.5, 0.5, 0.0, 0.0, 0.0]
    """
    return _total(_arrivals(matter, displacement, spread, limit))


def move_choosing(
    matter: Float[Array, "C h w"],
    kind: Int[Array, "h w"],
    displacement: Float[Array, "2 C h w"],
    chance: Float[Array, "h w"],
    *,
    spread: float,
    limit: float,
) -> tuple[Float[Array, "C h w"], Int[Array, "h w"]]:
    """`move`, and the kind of the matter: each cell takes that of one of the cells which its new matter comes from.

    Args:
        matter: see `move`, as the rest.
        kind: what a cell's matter is, the same for all channels.
        chance: picks the cell, in [0, 1): where it is uniform, in proportion to the matter that comes from it.
    """
    arrivals, away = list(_arrivals(matter, displacement, spread, limit)), reach(limit, spread)
    amounts = [_total(arriving) for arriving in arrivals]
    mark, below, taken = chance * _total(amounts), jnp.zeros_like(chance), kind
    around = _padded(kind, away)
    for amount, (rows, columns) in zip(amounts, _offsets(away), strict=True):
        taken = jnp.where(below <= mark, _seen_from(around, rows, columns, away), taken)
        below = below + amount
    return _total(arrivals), jnp.where(below > 0, taken, kind)


def move_mixing(
    matter: Float[Array, "C h w"],
    shares: Float[Array, "S h w"],
    displacement: Float[Array, "2 C h w"],
    *,
    spread: float,
    limit: float,
) -> tuple[Float[Array, "C h w"], Float[Array, "S h w"]]:
    """`move`, and what the matter is made of: each cell takes the mean of all that arrives, weighted by the matter.

    Args:
        matter: see `move`, as the rest.
        shares: parts of each kind in a cell's matter, summing to 1, the same for all channels.
    """
    # The matter of one kind moves as all matter does.
    moved = [
        move(cells * shares, displacement[:, channel, None], spread=spread, limit=limit)
        for channel, cells in enumerate(matter)
    ]
    kinds = _total(moved)
    total = kinds.sum(0)
    mixed = jnp.where(total > TINY, kinds / jnp.maximum(total, TINY), shares)
    return jnp.stack([of_channel.sum(0) for of_channel in moved]), mixed


def drift(displacement: Float[Array, "2 *C h w"], *, spread: float, limit: float) -> Float[Array, "2 *C h w"]:
    """How far the centre of each cell's matter comes in a move, cells: not quite its displacement, as cells are coarse.

    >>> way = drift(jnp.full((2, 1, 1), 0.1), spread=0.65, limit=1.85)  # of 1.3, 0.25 lie ahead and 0.05 behind
    >>> round(float(way[0, 0, 0]), 2)
    0.15
    """
    away = reach(limit, spread)
    return _total(cells * part for cells, part in enumerate(_overlaps(displacement, spread, away), -away))


def _total(parts: Iterable[Float[Array, "*C h w"]]) -> Float[Array, "*C h w"]:
    return reduce(jnp.add, parts)


def _arrivals(
    matter: Float[Array, "C h w"], displacement: Float[Array, "2 #C h w"], spread: float, limit: float
) -> Iterator[Float[Array, "C h w"]]:
    """What every cell gets from each of the cells around it, in the order of `_offsets`."""
    away = reach(limit, spread)
    padded = _padded(matter, away)
    downward, sideways = (_overlaps(_padded(axis, away), spread, away) for axis in displacement)
    for rows, columns in _offsets(away):
        yield _seen_from(padded * downward[rows + away] * sideways[columns + away], rows, columns, away)


def _offsets(away: int) -> Iterator[tuple[int, int]]:
    """Rows and columns from each of the cells around a cell to it: the cell above left of it comes last."""
    return product(range(-away, away + 1), range(-away, away + 1))


def _overlaps(displacement: Float[Array, "*C h w"], spread: float, away: int) -> list[Float[Array, "*C h w"]]:
    """The part of a segment, 2 spread long, that lies in each cell from -away to away of where its cell was.

    Differences of what lies behind the cells' edges: so they sum to 1 whatever the rounding.
    """
    behind = [
        jnp.clip((edge - displacement) * np.float32(0.5 / spread) + np.float32(0.5), 0, 1)
        for edge in np.arange(-away, away, dtype=np.float32) + np.float32(0.5)
    ]
    behind = [jnp.zeros_like(displacement), *behind, jnp.ones_like(displacement)]
    return [upper - lower for lower, upper in pairwise(behind)]


def _padded(field: Num[Array, "*C h w"], away: int) -> Num[Array, "*C H W"]:
    """The torus unrolled by `away` cells on all sides, so that a shift is a slice, which fuses (a roll does not)."""
    return jnp.pad(field, [(0, 0)] * (field.ndim - 2) + [(away, away)] * 2, mode="wrap")


def _seen_from(padded: Num[Array, "*C H W"], rows: int, columns: int, away: int) -> Num[Array, "*C h w"]:
    """For every cell the value of the cell so many rows above and columns to the left."""
    height, width = (edge - 2 * away for edge in padded.shape[-2:])
    return padded[..., away - rows : away - rows + height, away - columns : away - columns + width]

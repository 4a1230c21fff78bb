"""The nearest few others of every particle, exactly, without sorting anything.

A mean over neighbours does not ask in which order they come, so all that is needed is the distance within which the
right number of them lies: it is bracketed by halving, for all particles at once, with nothing but comparisons and
sums.  Few particles are compared all with all.  Many are sorted into cells first, and each looks at its own cell and
the eight around it: then time grows with their number times how many share a cell, and memory with their number.

Arrays have the particles as their last axis, which the vector units like: [2 N] are positions, [K N] neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from .cells import Cells, into_cells, line_of
from .particles import wrap

FEW = 384
"""Up to so many particles comparing all with all is fastest."""
BLOCK = 256
"""Particles that look into cells at the same time: all wait for the most crowded one, and each turn has its price."""
WORD = 32

Visit: TypeAlias = Callable[[Array, Array, Array, Array], Array]


def visit_nearest(
    visit: Visit,
    x: Float[Array, "N 2"],
    carried: Float[Array, "N C"],
    *,
    count: int,
    reach: float,
    side: float,
    torus: bool,
) -> Float[Array, "M N"]:
    """What `visit` says of every particle, given its nearest others: M numbers for each.

    `visit(own [C B], near [C K B], r [2 K B], found [K B])` is handed B particles at a time and returns [M B].  It is
    given what they carry, what their K neighbours carry, the way to each of these (world units), and whether there is
    one: False where fewer than K are within reach; what stands there is to be ignored.  Neighbours come in no
    particular order.

    Args:
        visit: as above; must work for any B.
        x: positions in [0, side), world units.
        carried: C numbers for each particle.
        count: how many others are looked for (K), 1..N-1; of equally far ones, any.
        reach: only those nearer than this are neighbours, world units, at most side/2.
        side: edge of the world, world units.
        torus: whether distances go round the edges, too.

    >>> def sum_of_near(own, near, r, found): return jnp.where(found, near, 0).sum(1)
    >>> x = jnp.array([[0.1, 0.5], [0.2, 0.5], [0.35, 0.5], [0.95, 0.5]])
    >>> mass = jnp.array([[1.0], [2.0], [4.0], [8.0]])
    >>> visit_nearest(sum_of_near, x, mass, count=1, reach=0.3, side=1, torus=False).tolist()
    [[2.0, 1.0, 2.0, 0.0]]
    """
    look = _in_cells if len(x) > FEW else _among_all
    return look(visit, x.T, carried.T, count, reach, side, torus)


def _among_all(
    visit: Visit, x: Array, carried: Array, count: int, reach: float, side: float, torus: bool
) -> Float[Array, "M N"]:
    n = x.shape[1]
    r = _way(x[:, None, :], x[:, :, None], side, torus)
    numbers = jnp.arange(n)
    squared = jnp.where(numbers[:, None] == numbers, jnp.inf, r[0] ** 2 + r[1] ** 2)
    others, found = nearest_rows(squared, count, reach)
    near = jnp.concatenate([carried, x]).T[others].transpose(2, 0, 1)  # one look-up for all that is wanted
    return visit(carried, near[:-2], _way(x[:, None], near[-2:], side, torus), found)


def _in_cells(
    visit: Visit, x: Array, carried: Array, count: int, reach: float, side: float, torus: bool
) -> Float[Array, "M N"]:
    n = x.shape[1]
    # Cells a little wider than the reach, so that rounding cannot put two in reach of each other two cells apart.
    edge = max(1, min(math.floor(0.9999 * side / reach), math.isqrt(n), math.isqrt((2**32 - 1) // n)))
    cells = into_cells(x.T, side, edge)
    everything = jnp.concatenate([carried, x]).T[cells.order]
    blocks = -(-n // BLOCK)

    def of_block(block: Array) -> Array:
        numbers = jnp.minimum(block * BLOCK + jnp.arange(BLOCK), n - 1)
        own = everything[numbers].T
        others, found = _search(numbers, everything[:, -2:], cells, count, reach, side, edge, torus)
        near = everything[others].transpose(2, 0, 1)
        return visit(own[:-2], near[:-2], _way(own[-2:, None], near[-2:], side, torus), found)

    said = jax.lax.map(of_block, jnp.arange(blocks)).swapaxes(0, 1)
    said = said.reshape(len(said), -1)[:, :n]
    return jnp.zeros_like(said).at[:, cells.order].set(said, unique_indices=True)


def _search(
    numbers: Int[Array, " B"],
    x: Float[Array, "N 2"],
    cells: Cells,
    count: int,
    reach: float,
    side: float,
    edge: int,
    torus: bool,
) -> tuple[Int[Array, "K B"], Bool[Array, "K B"]]:
    """The nearest others of some particles, in the order of cells; positions x are in that order."""
    own = x[numbers].T[:, None]
    first, last, jump = _surroundings(x[numbers], cells, side, edge)
    rows = -(-(count + WORD) // WORD) * WORD  # those kept and the next to come, in whole words
    new = rows - count

    def unfinished(kept: tuple[Array, Array, Array]) -> Array:
        return jnp.any(kept[0] < last[-1])

    def look_on(kept: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        seen, others, squared = kept
        turn = seen + jnp.arange(new)[:, None]  # counts the particles of all nine cells through
        number = first + turn + jnp.sum(jnp.where(turn >= last[:-1, None], jump[:, None], 0), axis=0)
        exists = (turn < last[-1]) & (number != numbers)
        r = _way(own, x[jnp.where(exists, number, 0)].transpose(2, 0, 1), side, torus)
        others = jnp.concatenate([others, number])
        squared = jnp.concatenate([squared, jnp.where(exists, r[0] ** 2 + r[1] ** 2, jnp.inf)])
        best, found = nearest_rows(squared, count, reach)
        others = jnp.take_along_axis(others, best, axis=0)
        squared = jnp.where(found, jnp.take_along_axis(squared, best, axis=0), jnp.inf)
        return seen + new, others, squared

    none = jnp.zeros((count, len(numbers)), jnp.int32), jnp.full((count, len(numbers)), jnp.inf)
    _, others, squared = jax.lax.while_loop(unfinished, look_on, (jnp.int32(0), *none))
    found = squared < jnp.inf
    return jnp.where(found, others, 0), found


def _surroundings(
    x: Float[Array, "B 2"], cells: Cells, side: float, edge: int
) -> tuple[Int[Array, " B"], Int[Array, "J B"], Int[Array, "_ B"]]:
    """How to count through the particles around a place: where the first cell begins, how many there are up to the
    end of each cell, and the jump in `order` from each cell to the next."""
    steps = jnp.arange(min(edge, 3)) - (edge >= 3)  # no cell twice, even where the world is only one or two cells wide
    row, column = line_of(x, side, edge).T
    around = (row + steps[:, None, None]) % edge * edge + (column + steps[:, None]) % edge
    around = around.reshape(-1, len(x))
    begin, end = cells.start[around], cells.start[around + 1]
    return begin[0], jnp.cumsum(end - begin, axis=0), begin[1:] - end[:-1]


def nearest_rows(
    squared: Float[Array, "C B"], count: int, reach: float
) -> tuple[Int[Array, "K B"], Bool[Array, "K B"]]:
    """Numbers of the rows that hold the least squares in each column, and whether there are so many.

    Args:
        squared: squared distances; infinite where there is nothing.
        count: how many are wanted (K).
        reach: only smaller distances count.

    >>> rows, found = nearest_rows(jnp.array([[4.0], [9.0], [1.0], [0.0]]), count=2, reach=10.0)
    >>> rows.T.tolist(), found.T.tolist()
    ([[2, 3]], [[True, True]])
    """
    return _first_rows(_least(squared, count, reach**2), count)


def _least(squared: Float[Array, "C B"], count: int, limit: float) -> Bool[Array, "C B"]:
    """True for the `count` smallest numbers of each column, or for fewer where fewer are below the limit."""
    # Counts are kept in the narrowest numbers that hold them: four times as many to a vector.
    small = jnp.int8 if len(squared) < 128 else jnp.int16 if len(squared) < 2**15 else jnp.int32

    def below(bound: Array) -> Array:
        return jnp.sum(squared < bound, axis=0, dtype=small)

    def unfinished(bracket: tuple[Array, Array, Array]) -> Array:
        return jnp.any(~bracket[2])

    def halve(bracket: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        low, high, done = bracket
        middle = 0.5 * (low + high)
        many = below(middle)
        over = many >= count
        met = (many == count) | (middle == low) | (middle == high)  # or no number is left in between
        return jnp.where(over | done, low, middle), jnp.where(over & ~done, middle, high), done | met

    zero, top = jnp.zeros_like(squared[0]), jnp.full_like(squared[0], limit)
    low, high, _ = jax.lax.while_loop(unfinished, halve, (zero, top, below(top) <= count))
    return _without_excess(squared < high, squared >= low, count)


def _without_excess(chosen: Bool[Array, "C B"], equal: Bool[Array, "C B"], count: int) -> Bool[Array, "C B"]:
    """Lets go of the last of equally far ones where they are too many; hardly ever is there anything to do."""
    row = jnp.arange(len(chosen))[:, None]

    def too_many(chosen: Array) -> Array:
        return jnp.sum(chosen, axis=0) > count

    def drop(chosen: Array) -> Array:
        last = jnp.max(jnp.where(chosen & equal, row, -1), axis=0)
        return chosen & ~((row == last) & too_many(chosen))

    return jax.lax.while_loop(lambda chosen: jnp.any(too_many(chosen)), drop, chosen)


def _first_rows(chosen: Bool[Array, "C B"], count: int) -> tuple[Int[Array, "K B"], Bool[Array, "K B"]]:
    """Numbers of the first `count` rows that are True in each column, and whether there are so many.

    Rows become bits of words; the bit wanted is found by counting bits, in ever smaller parts of a word.
    """
    chosen = jnp.pad(chosen, ((0, -len(chosen) % WORD), (0, 0))).reshape(-1, WORD, chosen.shape[1])
    words = jnp.sum(chosen.astype(jnp.uint32) << jnp.arange(WORD, dtype=jnp.uint32)[:, None], axis=1, dtype=jnp.uint32)
    until = jnp.cumsum(jax.lax.population_count(words).astype(jnp.int32), axis=0)
    left = jnp.broadcast_to(jnp.arange(count)[:, None], (count, chosen.shape[2]))
    found = left < until[-1]
    row, word, rank = jnp.zeros_like(left), jnp.broadcast_to(words[0], left.shape), left
    for i in range(1, len(words)):
        past = left >= until[i - 1]
        row, word = jnp.where(past, WORD * i, row), jnp.where(past, words[i], word)
        rank = jnp.where(past, left - until[i - 1], rank)
    for half in (16, 8, 4, 2, 1):
        low = jax.lax.population_count(word & ((1 << half) - 1)).astype(jnp.int32)
        past = rank >= low
        row, word = row + jnp.where(past, half, 0), jnp.where(past, word >> half, word)
        rank = jnp.where(past, rank - low, rank)
    return jnp.where(found, row, 0), found


def _way(own: Array, other: Array, side: float, torus: bool) -> Array:
    """The way from one place to another; on a torus the shortest."""
    return wrap(other - own, side) if torus else other - own

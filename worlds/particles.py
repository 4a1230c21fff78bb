"""Particles in a square world without edges: displacements, forces between all pairs in range, and measures of a crowd.

Forces are summed in tiles.  Particles are sorted into rows of cells; a tile is a few tens of neighbours in one row (the
targets, side by side in the vector units) against as many in the same or a near row (the sources).  How many tiles are
visited follows from how far the forces reach and from where the particles are, both data: no pair is ever left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .cells import Cells, into_cells, line_of

PLOTS = 16
"""Edge of the grid of plots in which measures count particles."""
AT_REST = 1e-8
"""Added to distances before dividing by them, world units: two particles in one place do not push each other."""
FINE = 8
"""Columns of cells for each row, so that little is visited left and right of what is in reach."""

Law: TypeAlias = Callable[[Array, Array, Array], Sequence[Array]]


def wrap(r: Float[Array, "..."], side: float) -> Float[Array, "..."]:
    """Shortest displacement on a torus: each component moved into [-side/2, side/2).

    Small displacements come out bit for bit as they went in, where a remainder would round them to the last digits of
    `side`: that is why this is not the wrap of whole cells in `alife.worlds.fields`.

    Args:
        r: displacement between two points, in world units, of any length.
        side: edge of the square world, in the same units, > 0.

    >>> wrap(jnp.array([0.25, 0.5, 0.75, -2.25]), side=1.0).tolist()
    [0.25, -0.5, -0.25, -0.25]
    """
    return r - side * jnp.floor(r / side + 0.5)


def attraction(u: Float[Array, "..."], strength: Float[Array, "..."], core: Float[Array, "..."]) -> Float[Array, "..."]:
    """The force law of particle life: push below `core`, and a tent of attraction or repulsion from there to 1.

    Positive pulls together.  -1 at no distance, 0 at `core`, `strength` half way from there to 1, 0 from 1 on.

    Args:
        u: distance over the range of the force, >= 0.
        strength: top of the tent; negative for repulsion.
        core: where the push ends, in (0, 1).

    >>> attraction(jnp.array([0.0, 0.5, 0.75, 1.0, 2.0]), strength=jnp.float32(3), core=jnp.float32(0.5)).tolist()
    [-1.0, 0.0, 3.0, 0.0, 0.0]
    """
    tent = strength * (1 - jnp.abs(2 * u - 1 - core) / (1 - core))
    return jnp.where(u < core, u / core - 1, jnp.where(u < 1, tent, 0))


def moved(
    x: Float[Array, "N 2"],
    v: Float[Array, "N 2"],
    acceleration: Float[Array, "N 2"],
    half_life: Float[Array, "..."],
    dt: Float[Array, ""],
    side: float,
) -> tuple[Float[Array, "N 2"], Float[Array, "N 2"]]:
    """Positions and velocities one step later: drag, then the push, then the way at the new speed.

    Args:
        x: positions in [0, side), world units.
        v: velocities, world units per unit of time.
        acceleration: world units per unit of time squared.
        half_life: time in which drag halves a speed, units of time; one number, or a column with one for each particle.
        dt: time that the step takes.
        side: edge of the world, world units.

    >>> at, still = jnp.array([[0.75, 0.5]]), jnp.zeros((1, 2))
    >>> [part.tolist() for part in moved(at, 4 + still, still, jnp.float32(0.25), jnp.float32(0.25), side=1.0)]
    [[[0.25, 0.0]], [[2.0, 2.0]]]
    """
    v = jnp.exp2(-dt / half_life) * v + dt * acceleration
    x = x + dt * v
    return x - side * jnp.floor(x / side), v


def sum_over_pairs(
    law: Law,
    x: Float[Array, "N 2"],
    reach: Float[Array, ""],
    targets: Float[Array, "A N"],
    sources: Float[Array, "B N"],
    *,
    side: float,
    rows: int,
    lanes: int,
) -> Float[Array, "K N"]:
    """Forces and other effects on every particle, summed over all that are in reach of it.

    `law(distance [S T], target [A 1 T], source [B S 1])` is handed a tile of S sources and T targets and gives arrays
    [S T]: first the force towards the source, then what else is to be summed.  It must be 0 from `reach` on; whether a
    pair at such a distance is looked at is left open.  A particle is its own source too, at distance 0, where its force
    vanishes; what else the law says there counts.

    Args:
        law: as above.
        x: positions in [0, side), world units.
        reach: no effect from this distance on, world units, at most side/2.
        targets: what is known of a particle when it is acted on.
        sources: what is known of a particle when it acts.
        side: edge of the world, world units.
        rows: rows of cells, see `rows_for`.
        lanes: edge of a tile; less wastes fewer pairs that are out of reach, more wastes less time between tiles.

    Returns:
        The two components of the total force, then the other sums.

    >>> spring = lambda distance, target, source: [jnp.where(distance < 0.25, distance, 0)]
    >>> at, none = jnp.array([[0.5, 0.9375], [0.5, 0.0625], [0.5, 0.5]]), jnp.zeros((0, 3))
    >>> sum_over_pairs(spring, at, jnp.float32(0.25), none, none, side=1.0, rows=2, lanes=8).round(3).T.tolist()
    [[0.0, 0.125], [0.0, -0.125], [0.0, 0.0]]
    """
    n, columns = x.shape[0], max(1, min(FINE * rows, (2**32 - 1) // (rows * x.shape[0])))
    cells = into_cells(x, side, rows, columns)
    at = x[cells.order].T
    target, source = (
        jnp.pad(jnp.concatenate([at, carried[:, cells.order]]), ((0, 0), (0, lanes))) for carried in (targets, sources)
    )
    edges = cells.start[::columns]
    shapes = [jax.ShapeDtypeStruct(s, x.dtype) for s in _tile_shapes(targets, sources, lanes)]
    effects = len(jax.eval_shape(law, *shapes)) + 1

    def one_row(row: Array, sums: Array) -> Array:
        def one_block(block: Array, sums: Array) -> Array:
            first = edges[row] + block * lanes
            last = jnp.minimum(first + lanes, edges[row + 1]) - 1
            own = jax.lax.dynamic_slice_in_dim(target, first, lanes, axis=1)
            ends = line_of(jnp.stack([at[1, first], at[1, last]]), side, columns)
            spans = _spans(cells, row, ends, reach, side, rows, columns)
            block_sums = _sum_over_spans(partial(_effects, law, own, side), source, spans, effects, lanes)
            # Lanes beyond the end of the row hold the next row's first particles, whose sums are written later.
            return jax.lax.dynamic_update_slice_in_dim(sums, block_sums, first, axis=1)

        return jax.lax.fori_loop(0, -(-(edges[row + 1] - edges[row]) // lanes), one_block, sums)

    sums = jax.lax.fori_loop(0, rows, one_row, jnp.zeros((effects, n + lanes)))
    return jnp.zeros((effects, n)).at[:, cells.order].set(sums[:, :n], unique_indices=True)


class _Spans(NamedTuple):
    """Runs of sources, in the order of cells."""

    number: Int[Array, ""]
    """How many of them count."""
    begin: Int[Array, " M"]
    end: Int[Array, " M"]


def _spans(
    cells: Cells, row: Array, ends: Int[Array, "2"], reach: Array, side: float, rows: int, columns: int
) -> _Spans:
    """All cells within reach of the cells of one row between two columns: one run in each row near by, or two where
    they go over the edge."""
    up, across = (jnp.clip(jnp.ceil(reach * (n / side)), 0, n).astype(jnp.int32) for n in (rows, columns))
    high = jnp.minimum(2 * up + 1, rows)
    low, top = ends[0] - across, ends[1] + across + 1
    everything = top - low >= columns
    low, top = jnp.where(everything, 0, low), jnp.where(everything, columns, top)
    over = (low < 0) | (top > columns)
    # Where the run goes over an edge, its second part is what lies beyond, seen from the other side of the world.
    first = jnp.where(low < 0, low + columns, low), jnp.where(low < 0, columns, jnp.minimum(top, columns))
    second = jnp.int32(0), jnp.where(low < 0, top, top - columns)
    number = jnp.arange(2 * rows)
    beyond = number >= high
    base = (row - up + number - jnp.where(beyond, high, 0)) % rows * columns
    begin, end = (cells.start[base + jnp.where(beyond, b, a)] for a, b in zip(first, second, strict=True))
    return _Spans(high * jnp.where(over, 2, 1), begin, end)


def _sum_over_spans(
    effects_of: Callable[[Array, Array], Array], source: Array, spans: _Spans, effects: int, lanes: int
) -> Float[Array, "K T"]:
    def tile(place: Array, end: Array) -> tuple[Array, Array]:
        exists = (place + jnp.arange(lanes) < end).astype(source.dtype)
        return jax.lax.dynamic_slice_in_dim(source, place, lanes, axis=1), exists

    def one_span(number: Array, sums: Array) -> Array:
        begin, end = spans.begin[number], spans.end[number]

        def one_tile(turn: Array, carry: tuple[Array, tuple[Array, Array]]) -> tuple[Array, tuple[Array, Array]]:
            # The next tile is fetched one turn ahead: what a loop carries lies in memory of its own.  Sliced where it
            # is used it would be fused into the arithmetic, which XLA's CPU backend then does not vectorise.
            sums, now = carry
            return sums + effects_of(*now), tile(begin + (turn + 1) * lanes, end)

        return jax.lax.fori_loop(0, -(-(end - begin) // lanes), one_tile, (sums, tile(begin, end)))[0]

    return jax.lax.fori_loop(0, spans.number, one_span, jnp.zeros((effects, lanes), source.dtype))


def _effects(
    law: Law, target: Float[Array, "a T"], side: float, source: Float[Array, "b S"], exists: Float[Array, " S"]
) -> Float[Array, "K T"]:
    """What the law says of one tile, summed over its sources."""
    source = source[:, :, None]
    right, up = wrap(source[0] - target[0], side), wrap(source[1] - target[1], side)
    distance = jnp.sqrt(right * right + up * up)
    there = exists[:, None] > 0
    force, *others = (jnp.where(there, effect, 0) for effect in law(distance, target[2:, None], source[2:]))
    force = force / (distance + AT_REST)
    return jnp.stack([_added(effect) for effect in (force * right, force * up, *others)])


def _added(tile: Float[Array, "S T"]) -> Float[Array, " T"]:
    """Sum over the sources; halving the tile runs in the vector units as the sum itself does not."""
    while len(tile) > 8 and len(tile) % 2 == 0:
        tile = tile[: len(tile) // 2] + tile[len(tile) // 2 :]
    return jnp.sum(tile, axis=0)


def _tile_shapes(targets: Array, sources: Array, lanes: int) -> tuple[tuple[int, ...], ...]:
    return (lanes, lanes), (len(targets), 1, lanes), (len(sources), lanes, 1)


def rows_for(n: int, lanes: int, reach: float | None = None) -> int:
    """Rows of cells, in a world of side 1, with which `sum_over_pairs` is fast.

    Args:
        n: particles.
        lanes: edge of a tile.
        reach: how far forces go, where that is known beforehand; whole rows in reach then end where the reach ends.

    >>> rows_for(5000, lanes=64), rows_for(5000, lanes=64, reach=0.11), rows_for(5000, lanes=64, reach=0.31)
    (10, 9, 9)
    """
    even = max(1.0, math.sqrt(1.28 * n / lanes))
    if reach is None:
        return int(even)
    return max(1, int(min(max(1, round(reach * even)) / reach, 2 * even)))


def clustering(x: Float[Array, "N 2"], side: float) -> Float[Array, ""]:
    """How much particles crowd together: Morisita's index of their counts in 16 x 16 plots, in [0, 256].

    The chance that two particles share a plot, over what it would be if they lay at random: 1 for a random scatter,
    below 1 where they keep apart, 256 when all lie in one plot.

    Args:
        x: positions in [0, side), world units.
        side: edge of the world, world units.

    Source: Morisita 1959 (Memoirs of the Faculty of Science, Kyushu University, Series E 2, 215).

    >>> float(clustering(jnp.full((5, 2), 0.3), side=1.0))
    256.0
    """
    n = x.shape[0]
    count = _per_plot(x, jnp.ones((n, 1)), side)
    return PLOTS**2 * jnp.sum(count * (count - 1)) / float(max(1, n * (n - 1)))


def likeness(x: Float[Array, "N 2"], kind: Float[Array, "N C"], side: float) -> Float[Array, ""]:
    """How alike near particles are: mean cosine of the kinds of two that share one of 16 x 16 plots, in [-1, 1].

    With one-hot vectors it is the share of such pairs that are of one kind.  0 where no plot holds two.

    Args:
        x: positions in [0, side), world units.
        kind: unit vectors.
        side: edge of the world, world units.

    >>> float(likeness(jnp.full((4, 2), 0.3), jnp.array([[1.0, 0], [1, 0], [1, 0], [0, 1]]), side=1.0))
    0.5
    """
    count, total = jnp.split(_per_plot(x, jnp.concatenate([jnp.ones_like(kind[:, :1]), kind], axis=1), side), [1], 1)
    pairs = jnp.sum(count * (count - 1))
    return (jnp.sum(total**2) - jnp.sum(kind**2)) / jnp.maximum(pairs, 1)


def _per_plot(x: Float[Array, "N 2"], carried: Float[Array, "N C"], side: float) -> Float[Array, "plots C"]:
    """Sums of what the particles of each plot carry."""
    plot = line_of(x[:, 0], side, PLOTS) * PLOTS + line_of(x[:, 1], side, PLOTS)
    return jnp.zeros((PLOTS**2, carried.shape[1])).at[plot].add(carried)


def mean_speed(v: Float[Array, "N 2"]) -> Float[Array, ""]:
    """Mean length of the velocities, world units per unit of time, >= 0.

    >>> float(mean_speed(jnp.array([[3.0, 4.0], [0.0, 0.0]])))
    2.5
    """
    return jnp.mean(jnp.sqrt(jnp.sum(v * v, axis=-1)))

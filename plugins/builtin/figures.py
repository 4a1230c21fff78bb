"""Pictures of one figure, or of bodies that have no plain shape: blobs, worms, flocks, spirals, branching ...

As in `things`, every function draws one field of brightness in [0, 1] with some dice and says what is on it.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .dice import Dice
from .textures import IRREGULAR, SHARP, SMOOTH, known, profile, turned
from .things import MOST, SIDE, UNKNOWN, Drawn, Field, draw_things, grid, layout, place_of, softness


def spiral(dice: Dice) -> Drawn:
    x, y, _ = turned(dice)
    rho, angle = jnp.sqrt(x * x + y * y) + 1e-4, jnp.arctan2(y, x)
    arms, hand = dice.whole(1, 5), jnp.where(dice.chance(0.5), 1, -1)
    straight = 2 * np.pi * dice.between(3, 8) * rho
    log = dice.between(4, 8) * jnp.log(rho + 0.02)
    wave = jnp.sin(hand * arms * angle + jnp.where(dice.chance(0.5), straight * jnp.maximum(1, arms / 2), log))
    field, edge = profile(dice, wave, jnp.float32(0.4))
    fade = jax.nn.sigmoid((dice.between(0.25, 0.5) - rho) * 30)
    field = jnp.where(dice.chance(0.5), field * fade, field)
    return field, known(kind=place_of("kind", "spiral"), edge=jnp.where(edge == SHARP, SHARP, UNKNOWN), count=0)


def blob(dice: Dice) -> Drawn:
    """One soft-bodied thing with a wobbly outline, perhaps hollow."""
    x, y, _ = turned(dice)
    rho, angle = jnp.sqrt(x * x + y * y), jnp.arctan2(y, x)
    turns = jnp.arange(2, 7)
    waves = jnp.cos(turns[:, None, None] * angle + dice.between(0, 6.3, (5, 1, 1)))
    wobble = jnp.tensordot(dice.normal((5,)) / turns, waves, 1)
    radius = dice.between(0.1, 0.3)
    width, edge = softness(dice, radius)
    outline = radius * (1 + 0.45 * wobble)
    body = jnp.clip(0.5 - (rho - outline) / width, 0, 1)
    hollow = jnp.clip(0.5 - (rho - 0.6 * outline) / width, 0, 1)
    field = jnp.where(dice.chance(0.3), body - 0.7 * hollow, body)
    size = jnp.where(radius > 0.15, place_of("size", "large"), UNKNOWN)
    return field, known(kind=place_of("kind", "blob"), edge=edge, count=0, size=size)


def glow(dice: Dice) -> Drawn:
    """Soft lights."""
    laid = layout(dice)
    x, y = grid()
    spread = jnp.maximum(laid.radius * 0.55, 1.6 / SIDE)

    def one(i: Array, field: Array) -> Array:
        square = (x - laid.places[i, 0]) ** 2 + (y - laid.places[i, 1]) ** 2
        return field + jnp.exp(-square / (2 * spread**2))

    field = jax.lax.fori_loop(0, laid.present.sum(), one, jnp.zeros((SIDE, SIDE)))
    smooth = jnp.where(laid.radius > 0.05, SMOOTH, UNKNOWN)
    said = {**laid.said, **known(kind=place_of("kind", "glow"), edge=smooth)}
    return jnp.clip(field, 0, 1), said


def flock(dice: Dice) -> Drawn:
    """Many slim arrowheads that all point nearly the same way."""
    laid = layout(dice)
    few = laid.present.sum() < 8
    n = jnp.where(few, dice.whole(12, MOST + 1), laid.present.sum())
    jitter = dice.between(-0.45, 0.45, (MOST, 2)) / 5.2
    lattice = (jnp.stack([jnp.arange(MOST) % 5, jnp.arange(MOST) // 5], -1) + 0.5) / 5 + jitter
    laid = laid._replace(
        places=jnp.where(few, jax.random.permutation(dice.key(), lattice), laid.places),
        present=jnp.arange(MOST) < n,
        radius=dice.between(0.028, 0.055),
    )
    turns = dice.between(0, 6.3) + dice.between(0.0, 0.35) * dice.normal((MOST,))

    def arrow(u: Array, v: Array) -> Array:
        sides = [0.45 * u + jnp.abs(v) * 0.9 - 0.42, -u - 0.9]
        return jnp.maximum(sides[0], sides[1])

    field = draw_things(laid, turns, arrow, jnp.float32(1.0 / SIDE))
    return field, known(kind=place_of("kind", "flock"), edge=SHARP, count=4, size=0)


def worms(dice: Dice) -> Drawn:
    """Short curved bodies of even width."""
    n, length = dice.whole(3, 15), 14
    side = jnp.ceil(jnp.sqrt(n))
    cell = jnp.arange(16)
    start = (jnp.stack([cell % side, cell // side], -1) + dice.between(0.2, 0.8, (16, 2))) / side
    turn = dice.between(0, 6.3, (16, 1)) + jnp.cumsum(0.35 * dice.normal((16, length)), axis=1)
    step = dice.between(0.016, 0.03)
    path = start[:, None] + step * jnp.cumsum(jnp.stack([jnp.cos(turn), jnp.sin(turn)], -1), axis=1)
    width = dice.between(1.4, 2.6) / SIDE
    field = _dots(path.reshape(-1, 2), jnp.repeat(cell < n, length), width)
    return field, known(kind=place_of("kind", "worms"), edge=SHARP, order=IRREGULAR)


def _dots(points: Array, present: Array, width: Array) -> Field:
    """A disc of radius `width` at every point that is present, one after the other."""
    line = (jnp.arange(SIDE) + 0.5) / SIDE

    def one(i: Array, nearest: Array) -> Array:
        square = (line[:, None] - points[i, 1]) ** 2 + (line[None] - points[i, 0]) ** 2
        return jnp.minimum(nearest, jnp.where(present[i], square, 9.0))

    nearest = jax.lax.fori_loop(0, len(points), one, jnp.full((SIDE, SIDE), 9.0))
    return jnp.clip((width - jnp.sqrt(nearest)) * SIDE + 0.5, 0, 1)


def _tree(dice: Dice, seed: Array, inside: Callable[[Array], Array], nodes: int, step: Array) -> Array:
    """A branching tree: each new twig grows from the nearest one towards a random point (a rapidly exploring tree)."""

    targets = jax.vmap(inside)(dice.between(0, 1, (nodes, 2)))

    def grow(i: Array, tree: Array) -> Array:
        off = targets[i] - tree
        square = jnp.where(jnp.arange(nodes) < i, (off * off).sum(-1), 99.0)
        near = jnp.argmin(square)
        towards = off[near] / jnp.sqrt(square[near] + 1e-6)
        return tree.at[i].set(tree[near] + step * towards)

    return jax.lax.fori_loop(1, nodes, grow, jnp.tile(seed, (nodes, 1)))


def branching(dice: Dice) -> Drawn:
    seeds = jnp.array([[0.5, 0.5], [0.5, 0.02], [0.02, 0.5], [0.5, 0.98], [0.98, 0.5]])
    seed = seeds[dice.whole(0, 5)]
    tree = _tree(dice, seed, lambda point: point, 260, 1.6 / SIDE * dice.between(1.0, 1.5))
    field = _dots(tree, jnp.ones(260, bool), dice.between(0.8, 1.4) / SIDE)
    return field, known(kind=place_of("kind", "branching"), edge=SHARP, order=IRREGULAR)


def snowflake(dice: Dice) -> Drawn:
    """One branching sector and its mirror image, six times round."""
    sector = np.pi / 6

    def inside(point: Array) -> Array:
        angle, rho = point[0] * sector, 0.46 * jnp.sqrt(point[1])
        return rho * jnp.stack([jnp.cos(angle), jnp.sin(angle)])

    nodes = 40
    tree = _tree(dice, jnp.array([0.01, 0.0]), inside, nodes, dice.between(0.016, 0.026))
    stem = jnp.linspace(0, dice.between(0.25, 0.44), 16)[:, None] * jnp.array([1.0, 0.0])
    sixth = jnp.concatenate([tree, stem, tree * jnp.array([1.0, -1.0])])
    angles = dice.between(0, 6.3) + jnp.arange(6) * np.pi / 3
    turn = jnp.stack(
        [jnp.stack([jnp.cos(angles), -jnp.sin(angles)], -1), jnp.stack([jnp.sin(angles), jnp.cos(angles)], -1)], 1
    )
    points = 0.5 + jnp.einsum("sij,nj->sni", turn, sixth).reshape(-1, 2)
    field = _dots(points, jnp.ones(len(points), bool), dice.between(0.8, 1.3) / SIDE)
    radial = place_of("symmetry", "radial")
    return field, known(kind=place_of("kind", "snowflake"), edge=SHARP, symmetry=radial, count=0)


def dust(dice: Dice) -> Drawn:
    """Dozens to hundreds of dots of a pixel or two, as particle worlds have: everywhere, in a heap, ring or row."""
    n, most = dice.whole(40, 251), 250
    way = dice.whole(0, 4)
    centre, spread = dice.between(0.35, 0.65, (2,)), dice.between(0.04, 0.13)
    angle, radius = dice.between(0, 2 * np.pi, (most,)), dice.between(0.18, 0.38)
    scatter = 0.25 * spread * dice.normal((most, 2))
    heading, along = dice.between(0, np.pi), dice.between(-0.45, 0.45, (most, 1))
    everywhere = dice.between(0, 1, (most, 2))
    heap = centre + 4 * scatter
    ring = centre + radius * jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1) + scatter
    row = centre + along * jnp.stack([jnp.cos(heading), jnp.sin(heading)]) + scatter
    points = jnp.stack([everywhere, heap, ring, row])[way]
    field = _dots(points, jnp.arange(most) < n, dice.between(0.7, 1.8) / SIDE)
    arranged = jnp.array([place_of("arrangement", name) for name in ("scattered", "clustered", "circle", "row")])[way]
    said = known(kind=place_of("kind", "disc"), arrangement=arranged, count=place_of("count", "many"), size=0)
    return field, said | known(order=IRREGULAR, edge=SHARP)


FIGURES: dict[str, Callable[[Dice], Drawn]] = {
    "blob": blob,
    "worms": worms,
    "flock": flock,
    "glow": glow,
    "snowflake": snowflake,
    "branching": branching,
    "spiral": spiral,
}
"""By kind; `dust` is not among them, as it is a second way to draw discs."""

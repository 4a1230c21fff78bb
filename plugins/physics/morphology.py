"""Bodies as genotypes: a tree of boxes and circles in real numbers, every one of which is a legal creature.

All genes are real and unbounded.  A body hangs on one before it, at points of both outlines, so that joints always
close; what does not exist is passed over.  Lengths in metres, angles in radians.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from alife.plugins.network import random_network
from alife.types import PRNGKey, Tree

from .contacts import rotated, turned
from .scene import BOX, GROUND, Scene
from .sizes import WALLS

SMALLEST, LARGEST = 0.05, 0.6
"""Width and height of a box, diameter of a circle."""
MASS = 0.05, 0.5
"""Kilograms of a body.  Genes give masses, not densities, so that a speck never carries a block a thousand times as
heavy: on such joints no solver of this kind converges, and creatures tear apart."""
FRICTION = 0.2, 2.0
SPEED, POWER = 3.0, 3.0
"""Fastest and strongest motor, as level files count them."""
THRUST = 1.0
"""Power of the strongest thruster: 10 newtons."""
CLEARANCE = 0.02
"""Height of a creature's lowest point over the ground when its life begins."""
WIDTHS = {
    "exists": 1,
    "kind": 2,
    "size": 2,
    "mass": 1,
    "friction": 1,
    "parent_angle": 1,
    "self_angle": 1,
    "rotation": 1,
    "fixed": 1,
    "motor": 1,
    "speed": 1,
    "power": 1,
    "limited": 1,
    "low": 1,
    "high": 1,
    "binding": 4,
    "thruster": 1,
    "thruster_angle": 1,
    "thruster_turn": 1,
    "thruster_power": 1,
    "thruster_binding": 2,
}
"""Genes of a body, and how many numbers each is; besides `parent`, one for each body."""
MEANINGS = {
    "exists": "above 0: the body is there",
    "kind": "a box, or a circle where the second is higher",
    "size": "width and height, or diameter, softplus: 0.05 to 0.6 m",
    "mass": "0.05 to 0.5 kg, 0 in the middle",
    "friction": "0.2 to 2, 0 in the middle",
    "parent": "on which body before it it hangs: the highest",
    "parent_angle": "where on the other's outline it hangs, radians",
    "self_angle": "where on its own outline, radians",
    "rotation": "how it is turned against the other, radians",
    "fixed": "above 0: its joint does not turn",
    "motor": "above 0: its joint has a motor",
    "speed": "of the motor, squashed to 3 either way",
    "power": "of the motor, 0 to 3",
    "limited": "above 0: its joint turns within limits only",
    "low": "how far back, to half a turn",
    "high": "how far ahead, to half a turn",
    "binding": "which of the four motor channels drives it: the highest",
    "thruster": "above 0: it has a thruster, if it is among those that want one most",
    "thruster_angle": "where on the outline, radians",
    "thruster_turn": "how far it is turned from pushing at the centre",
    "thruster_power": "0 to 10 newtons",
    "thruster_binding": "which of the two thruster channels drives it: the higher",
}
"""What the genes say."""
MIDDLES = {"exists": 0.5, "size": -1.2, "fixed": -1.5, "motor": 1.0, "limited": 0.5, "thruster": -2.5}
"""Of the prior, where it is not 0."""


class Plan(NamedTuple):
    """How many bodies a creature may have, and of which kinds."""

    bodies: int
    circles: int
    """Bodies that may be circles; further ones are boxes."""
    thrusters: int


def genes_of(rng: PRNGKey, bodies: int) -> Tree:
    """Genes from the prior: normal numbers around `MIDDLES`."""
    widths = {**WIDTHS, "parent": bodies}
    keys = jax.random.split(rng, len(widths))
    return {
        name: MIDDLES.get(name, 0.0) + jax.random.normal(key, (bodies, width) if width > 1 else (bodies,))
        for key, (name, width) in zip(keys, sorted(widths.items()), strict=True)
    }


def mirrored(genes: Tree) -> Tree:
    """A trunk and limbs in pairs: of 1 + m bodies the last m once more, left and right exchanged."""
    m = len(genes["exists"]) - 1

    def twice(x: Float[Array, "b *n"]) -> Float[Array, "b2 *n"]:
        return jnp.concatenate([x, x[1:]])

    both = {name: twice(value) for name, value in genes.items() if name != "parent"}
    for name in ("parent_angle", "self_angle", "thruster_angle"):
        both[name] = both[name].at[m + 1 :].set(math.pi - genes[name][1:])
    for name in ("rotation", "speed", "thruster_turn"):
        both[name] = both[name].at[m + 1 :].set(-genes[name][1:])
    low, high = genes["low"][1:], genes["high"][1:]
    both["low"], both["high"] = both["low"].at[m + 1 :].set(high), both["high"].at[m + 1 :].set(low)
    never = jnp.full((m + 1, m), -jnp.inf)
    first = jnp.concatenate([genes["parent"], never], axis=1)
    trunk, limbs = genes["parent"][1:, :1], genes["parent"][1:, 1:]
    second = jnp.concatenate([trunk, jnp.full((m, m), -jnp.inf), limbs], axis=1)
    return both | {"parent": jnp.concatenate([first, second])}


def cppn(rng: PRNGKey, bodies: int, hidden: int = 8) -> Tree:
    """An indirect genotype: a small network that says the genes of each body from its place among them."""
    outputs = sum(WIDTHS.values()) + bodies
    return random_network(rng, {"hidden": (5, hidden), "out": (hidden, outputs)})["params"]


def grown(weights: Tree, bodies: int) -> Tree:
    """The genes that such a network says."""
    place = jnp.arange(bodies) / bodies
    seen = jnp.stack([place, jnp.sin(math.pi * place), jnp.cos(math.pi * place), jnp.arange(bodies) % 2, place**0], 1)
    hidden = jnp.sin(2 * (seen @ weights["hidden"]["kernel"] + weights["hidden"]["bias"]))
    said = 2 * (hidden @ weights["out"]["kernel"] + weights["out"]["bias"])
    names = sorted({**WIDTHS, "parent": bodies}.items())
    parts = jnp.split(said, np.cumsum([width for _, width in names])[:-1], axis=1)
    return {
        name: MIDDLES.get(name, 0.0) + (part if width > 1 else part[:, 0])
        for part, (name, width) in zip(parts, names, strict=True)
    }


class Bodies(NamedTuple):
    """A creature as it stands, B bodies."""

    exists: Bool[Array, " B"]
    parent: Int[Array, " B"]
    x: Float[Array, "B 2"]
    rotation: Float[Array, " B"]
    half: Float[Array, "B 2"]
    """Half width and height; of a circle its radius, twice."""
    circle: Bool[Array, " B"]
    parent_anchor: Float[Array, "B 2"]
    own_anchor: Float[Array, "B 2"]


def built(genes: Tree, plan: Plan) -> Bodies:
    """The bodies of a creature, one after the other, each on one that is there; the first lies in the origin."""
    exists = (genes["exists"] > 0).at[0].set(True)
    wants_circle = genes["kind"][:, 1] > genes["kind"][:, 0]
    circle = wants_circle & exists
    circle &= jnp.cumsum(circle) <= plan.circles
    half = jnp.clip(jax.nn.softplus(genes["size"]), SMALLEST, LARGEST) / 2
    half = jnp.where(circle[:, None], half[:, :1], half)
    before = jnp.tril(jnp.ones((plan.bodies, plan.bodies), bool), -1) & exists
    parent = jnp.argmax(jnp.where(before, genes["parent"], -jnp.inf), axis=1)
    parent_anchor = outline(half[parent], circle[parent], genes["parent_angle"])
    own_anchor = outline(half, circle, genes["self_angle"])

    def place(carry: tuple[Array, Array], i: Array) -> tuple[tuple[Array, Array], None]:
        x, rotation = carry
        on = parent[i]
        turn = rotation[on] + genes["rotation"][i]
        at = x[on] + rotated(rotation[on], parent_anchor[i]) - rotated(turn, own_anchor[i])
        return (x.at[i].set(at), rotation.at[i].set(turn)), None

    start = (jnp.zeros((plan.bodies, 2)), jnp.zeros(plan.bodies).at[0].set(genes["rotation"][0]))
    (x, rotation), _ = jax.lax.scan(place, start, jnp.arange(1, plan.bodies))
    return Bodies(exists, parent, x, rotation, half, circle, parent_anchor, own_anchor)


def outline(half: Float[Array, "*b 2"], circle: Bool[Array, "*b"], angle: Float[Array, "*b"]) -> Float[Array, "*b 2"]:
    """The point of an outline that is seen from the centre at an angle."""
    cos, sin = turned(angle)
    far = 1 / jnp.maximum(jnp.abs(cos) / half[..., 0], jnp.abs(sin) / half[..., 1])
    return jnp.where(circle, half[..., 0], far)[..., None] * jnp.stack([cos, sin], axis=-1)


def extent(bodies: Bodies) -> tuple[Float[Array, "2"], Float[Array, "2"]]:
    """Lower left and upper right of all that is there."""
    cos, sin = jnp.abs(turned(bodies.rotation))
    wide = bodies.half[:, 0] * cos + bodies.half[:, 1] * sin
    high = bodies.half[:, 0] * sin + bodies.half[:, 1] * cos
    reach = jnp.where(bodies.circle[:, None], bodies.half, jnp.stack([wide, high], axis=1))
    there = bodies.exists[:, None]
    low = jnp.min(jnp.where(there, bodies.x - reach, jnp.inf), axis=0)
    return low, jnp.max(jnp.where(there, bodies.x + reach, -jnp.inf), axis=0)


def creature(genes: Tree, plan: Plan, ground: Scene, left: float) -> tuple[Scene, Bodies]:
    """A scene with a creature on its ground.

    Args:
        ground: a scene in which the polygons after the walls, all circles, joints and thrusters are still free.
        left: where the creature's left end is to be.
    """
    bodies = built(genes, plan)
    low, _ = extent(bodies)
    bodies = bodies._replace(x=bodies.x - low + jnp.array([left, GROUND + CLEARANCE]))
    polygons = ground.room.polygons
    box_slot = WALLS + jnp.arange(plan.bodies)
    slot = jnp.where(bodies.circle, polygons + jnp.cumsum(bodies.circle) - 1, box_slot)
    return ground._replace(
        shapes=_shapes(genes, bodies, slot, ground),
        joints=_joints(genes, bodies, slot, ground),
        thrusters=_thrusters(genes, bodies, slot, ground, plan),
    ), bodies


def _between(gene: Float[Array, " B"], low: float, high: float) -> Float[Array, " B"]:
    """On a scale of ratios: 0 is the middle of the range."""
    return low * (high / low) ** jax.nn.sigmoid(gene)


def _shapes(genes: Tree, bodies: Bodies, slot: Int[Array, " B"], ground: Scene) -> Any:
    old = ground.shapes
    here = jnp.where(bodies.exists, slot, len(old.role))  # what is not there is written nowhere

    def put(column: Array, values: Any) -> Array:
        return column.at[here].set(values, mode="drop")

    area = jnp.where(bodies.circle, math.pi, 4.0) * bodies.half[:, 0] * bodies.half[:, 1]
    corners = bodies.half[:, None] * BOX
    box = jnp.where(bodies.circle | ~bodies.exists, len(old.n_vertices), slot)
    circle = jnp.where(bodies.circle & bodies.exists, slot - len(old.n_vertices), len(old.radius))
    return old._replace(
        position=put(old.position, bodies.x),
        rotation=put(old.rotation, bodies.rotation),
        density=put(old.density, _between(genes["mass"], *MASS) / area),
        friction=put(old.friction, _between(genes["friction"], *FRICTION)),
        active=put(old.active, True),
        vertices=old.vertices.at[box].set(corners, mode="drop"),
        radius=old.radius.at[circle].set(bodies.half[:, 0], mode="drop"),
    )


def _joints(genes: Tree, bodies: Bodies, slot: Int[Array, " B"], ground: Scene) -> Any:
    rows = jnp.arange(1, len(slot))
    parent = bodies.parent[rows]
    return ground.joints._replace(
        a=slot[parent],
        b=slot[rows],
        a_anchor=bodies.parent_anchor[rows],
        b_anchor=bodies.own_anchor[rows],
        active=bodies.exists[rows],
        fixed=genes["fixed"][rows] > 0,
        rotation=bodies.rotation[rows] - bodies.rotation[parent],
        motor_on=genes["motor"][rows] > 0,
        motor_speed=SPEED * jnp.tanh(genes["speed"][rows]),
        motor_power=POWER * jax.nn.sigmoid(genes["power"][rows]),
        limited=genes["limited"][rows] > 0,
        min_rotation=-math.pi * jax.nn.sigmoid(genes["low"][rows]),
        max_rotation=math.pi * jax.nn.sigmoid(genes["high"][rows]),
        binding=jnp.argmax(genes["binding"][rows], axis=1),
    )


def _thrusters(genes: Tree, bodies: Bodies, slot: Int[Array, " B"], ground: Scene, plan: Plan) -> Any:
    """The thrusters of the bodies that want one most."""
    wish = jnp.where(bodies.exists, genes["thruster"], -jnp.inf)
    wish, which = jax.lax.top_k(wish, plan.thrusters)
    angle = genes["thruster_angle"][which]
    return ground.thrusters._replace(
        shape=slot[which],
        anchor=outline(bodies.half[which], bodies.circle[which], angle),
        rotation=angle + math.pi + 0.5 * jnp.tanh(genes["thruster_turn"][which]),
        power=THRUST * jax.nn.sigmoid(genes["thruster_power"][which]),
        active=wish > 0,
        binding=jnp.argmax(genes["thruster_binding"][which], axis=1),
    )

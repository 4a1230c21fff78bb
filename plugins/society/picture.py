"""What a society looks like: water, land and its food, agents in the colours of their kin, robots, messages."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from alife.worlds.render import draw_discs

from .effects import GATE
from .living import nearest
from .settings import Settings
from .space import Agents, State
from .terrain import landness

DEEP, SHALLOW = np.array([0.05, 0.10, 0.25], np.float32), np.array([0.20, 0.42, 0.60], np.float32)
BARE, FOOD = np.array([0.36, 0.28, 0.20], np.float32), np.array([0.25, 0.50, 0.20], np.float32)
RIM = np.array([0.05, 0.05, 0.07], np.float32)
IDLE, ONE = np.array([0.62, 0.64, 0.68], np.float32), np.array([1.0, 0.85, 0.25], np.float32)
AGENT_RADIUS, ROBOT_RADIUS = 6.0, 8.0
"""World units, in a world 1024 units wide; in another one in proportion."""
SPREAD = 1.2
"""How far apart the colours of tags lie."""
STEPS = 24
"""Dots of an arc."""
BEND = 0.2
"""How far an arc leaves the straight way, of its length."""


def picture(state: State, settings: Settings, img_size: int) -> Float[Array, "H W 3"]:
    """The world from above."""
    image = jnp.clip(jax.image.resize(_ground(state), (img_size, img_size, 3), "linear"), 0, 1)
    side, unit = settings.side, settings.side / 1024
    if settings.arcs:
        image = _arcs(image, state, settings)
    robots, agents = state.robots, state.agents
    colour = jnp.broadcast_to(IDLE, (len(robots.x), 3))
    if settings.robot_bits:
        colour = jnp.where(robots.memory[:, -1:] > 0, ONE, 0.4 * IDLE)
    ground, pixel = image, side / img_size
    for x, there, radius, colours in (
        (robots.x, robots.active, ROBOT_RADIUS * unit, colour),
        (agents.x, agents.alive, AGENT_RADIUS * unit, kin_colours(agents)),
    ):
        radius = max(radius, 1.2 * pixel)
        # what stands in a free slot may be anything
        x, colours = jnp.where(there[:, None], x, 0), jnp.where(there[:, None], colours, 0)
        for size, paint in (
            (radius + max(0.35 * radius, 0.7 * pixel), jnp.broadcast_to(RIM, colours.shape)),
            (radius, colours),
        ):
            # a disc of a radius far below 0 covers nothing
            radii = jnp.where(there, size, -1e3 * side)
            ground = draw_discs(
                x, radii, paint, ground, img_size=img_size, side=side, sharpness=2 / pixel, largest=size
            )
    return ground


def _ground(state: State) -> Float[Array, "G G 3"]:
    terrain = state.terrain
    land = landness(terrain)[..., None]
    depth = jnp.clip(2 * land, 0, 1)
    water = DEEP + depth * (SHALLOW - DEEP)
    full = (terrain.energy / jnp.maximum(terrain.capacity, 1e-6))[..., None]
    rich = jnp.clip(terrain.capacity[..., None] / 8, 0.35, 1)
    grass = BARE + full * rich * (FOOD - BARE)
    return jnp.where(land < 0.5, water, grass * (0.75 + 0.5 * (land - 0.5)))


def kin_colours(agents: Agents) -> Float[Array, "N 3"]:
    """Bright colours, alike for those with alike tags: the first three numbers of a tag, mixed with the others."""
    turns = np.array([[1.0, 0, 0, 0.6, 0, 0, 0.4, 0], [0, 1.0, 0, 0, 0.6, 0, 0, 0.4], [0, 0, 1.0, 0, 0, 0.6, 0, 0]])
    mixed = agents.tag @ jnp.asarray(turns.T, jnp.float32)
    tint = 0.5 + 0.5 * jnp.tanh(SPREAD * mixed)
    strong = tint / jnp.maximum(jnp.max(tint, axis=1, keepdims=True), 1e-6)
    return 0.25 + 0.75 * strong


def _arcs(image: Float[Array, "H W 3"], state: State, settings: Settings) -> Float[Array, "H W 3"]:
    """Messages as faint arcs from those who sent to the nearest who could have got it; drawn as dots of light."""
    agents, side, size = state.agents, settings.side, image.shape[0]
    slots = jnp.arange(len(agents.x))
    found, to = nearest(agents.x, agents.x, agents.alive, 1, side, slots)
    machine, to_machine = nearest(agents.x, state.robots.x, state.robots.active, 1, side)
    closer = jnp.sum(to_machine[:, 0] ** 2, -1) < jnp.sum(to[:, 0] ** 2, -1)
    to = jnp.where((closer | ~found.there[:, 0])[:, None], to_machine[:, 0], to[:, 0])
    sends = agents.alive & (found.there[:, 0] | machine.there[:, 0])
    light = jnp.where(sends, agents.action[:, GATE], 0)
    part = jnp.linspace(0, 1, STEPS)
    across = jnp.stack([-to[:, 1], to[:, 0]], axis=-1)
    curve = part[:, None, None] * to + (BEND * 4 * part * (1 - part))[:, None, None] * across
    x = jnp.mod(agents.x + curve, side)
    pixel = jnp.clip((x / side * size).astype(jnp.int32), 0, size - 1)
    glow = jnp.zeros((size, size)).at[pixel[..., 0], pixel[..., 1]].max(jnp.broadcast_to(0.55 * light, x.shape[:2]))
    return image + glow[..., None] * (jnp.array([1.0, 0.95, 0.75]) - image)

"""Boids as slowly as they are defined, in double precision: what the fast ones are compared with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from alife.plugins.flock import Birds, Flock

KEY = jax.random.key(0)


def birds(n: int, seed: int = 0, spread: float = 1.0, side: float = 1.0) -> Birds:
    """Birds heading anywhere, in a square of edge `spread` from the world's corner on."""
    rng = np.random.default_rng(seed)
    angle = rng.random(n) * 2 * np.pi
    x = rng.random((n, 2)) * spread * side
    return Birds(jnp.asarray(x, jnp.float32), jnp.asarray(np.stack([np.cos(angle), np.sin(angle)], 1), jnp.float32))


def slow_step(flock: Flock, state: Birds, acceleration: Callable[..., np.ndarray]) -> Birds:
    """One step, bird by bird: `acceleration(v, ways to neighbours, their headings)`, the neighbours nearest first."""
    x, v = (np.asarray(part, np.float64) for part in state)
    new_x, new_v = np.empty_like(x), np.empty_like(v)
    for i in range(len(x)):
        r = x - x[i]
        if flock.wrap:
            r -= flock.side * np.round(r / flock.side)
        distance = np.sqrt((r**2).sum(1))
        distance[i] = np.inf
        nearest = [j for j in np.argsort(distance)[: flock.n_nbrs] if distance[j] < flock.visual_range]
        heading = v[i] + flock.dt * acceleration(v[i], r[nearest], v[nearest])
        new_v[i] = heading / np.sqrt((heading**2).sum())
        new_x[i] = (x[i] + flock.speed * flock.dt * new_v[i]) % flock.side
    return Birds(new_x, new_v)


def slow_frame(flock: Flock, state: Birds, img_size: int) -> np.ndarray:
    """Every bird over the whole picture: its triangle by barycentric coordinates, black, then the first in red."""
    x, v = (np.asarray(part, np.float64) for part in state)
    axis = np.linspace(0, flock.side, img_size)
    pixels = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1)
    picture = np.ones((img_size, img_size, 3))
    for i, colour in [*((i, (0, 0, 0)) for i in range(len(x))), (0, (1, 0, 0))]:
        ahead, left = v[i], np.array([-v[i, 1], v[i, 0]])
        corners = [
            x[i] + flock.bird_size * (along * ahead + aside * left) for along, aside in ((0, 1), (0, -1), (3, 0))
        ]
        equations = np.array([[c[0] for c in corners], [c[1] for c in corners], [1, 1, 1]])
        weights = np.linalg.solve(equations, np.moveaxis(np.insert(pixels, 2, 1, -1), -1, 0).reshape(3, -1))
        cover = np.prod(1 / (1 + np.exp(np.minimum(-flock.sharpness * weights, 500))), axis=0).reshape(
            img_size, img_size, 1
        )
        picture = picture * (1 - cover) + cover * np.array(colour)
    return picture


@partial(jax.jit, static_argnames=("flock", "steps"))
def history(flock: Flock, state: Birds, params: object, steps: int) -> Birds:
    """The state so many steps later; `params` is a genotype."""
    made = flock.express(params) if hasattr(flock, "express") else params
    return jax.lax.fori_loop(0, steps, lambda _, state: flock.step_state(KEY, state, made), state)


@partial(jax.jit, static_argnames="flock")
def measured(flock: Flock, state: Birds, params: object) -> dict[str, jax.Array]:
    """The measures of a moment; `params` is a genotype."""
    return flock.measures(state, flock.express(params) if hasattr(flock, "express") else params)


def quarter_turn(state: Birds, side: float = 1.0) -> Birds:
    """Everything turned by 90 degrees about the middle of the world."""
    x, v = state
    return Birds(jnp.stack([side - x[:, 1], x[:, 0]], 1), jnp.stack([-v[:, 1], v[:, 0]], 1))


def apart(a: Birds, b: Birds, side: float = 1.0) -> float:
    """Greatest difference between two moments, on the torus."""
    r = np.asarray(a.x, np.float64) - np.asarray(b.x)
    r -= side * np.round(r / side)
    return max(float(np.abs(r).max()), float(np.abs(np.asarray(a.v) - b.v).max()))

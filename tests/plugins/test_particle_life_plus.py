"""Particle life++ against a slow reading of its definition, and what follows from it."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.genotype import places
from alife.plugins.particle_life_plus import Network, ParticleLifePlus, Particles

KEY = jax.random.key(0)
MANY, TWO = ParticleLifePlus(n_particles=300), ParticleLifePlus(n_particles=2)


newborn = jax.jit(MANY.default_params)


def genotype(seed: int, gain: float = 1.0) -> dict:
    """A network with biases, and weights stronger than at birth."""
    params = newborn(jax.random.key(seed))
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: gain * leaf + jnp.asarray(rng.normal(0, 0.2, leaf.shape), jnp.float32), params)


def slow_step(state: Particles, params: dict, dt: float = 0.02, rmax: float = 0.1, beta: float = 0.3) -> tuple:
    """One step, the whole network for all pairs, in double precision."""
    c, x, v = (np.asarray(part, np.float64) for part in state)
    n = len(x)
    hidden = np.concatenate([np.repeat(c[:, None], n, 1), np.repeat(c[None], n, 0)], -1)
    for i in range(4):
        layer = {k: np.asarray(part, np.float64) for k, part in params["alpha"]["params"][f"Dense_{i}"].items()}
        hidden = np.tanh(hidden @ layer["kernel"] + layer["bias"])
    a, dc = 1.5 * hidden[..., 0], hidden[..., 1:]
    r = x[None] - x[:, None]
    r -= np.round(r)
    distance = np.sqrt((r**2).sum(-1))
    u = distance / rmax
    f = np.where(u < beta, u / beta - 1, np.where(u < 1, a * (1 - np.abs(2 * u - 1 - beta) / (1 - beta)), 0))
    force = ((rmax * f / (distance + 1e-8))[:, :, None] * r).sum(1)
    v = 0.5 ** (dt / 0.04) * v + force / 0.1 * dt
    c = c + dt * (dc * np.maximum(1 - u, 0)[:, :, None]).sum(1)
    return c / np.linalg.norm(c, axis=1, keepdims=True), (x + v * dt) % 1, v


@partial(jax.jit, static_argnames="life")
def stepped(life: ParticleLifePlus, state: Particles, world: Network, steps: int = 1) -> Particles:
    """The state some steps later; compiled once for each instance."""
    return jax.lax.fori_loop(0, steps, lambda _, s: life.step_state(KEY, s, world), state)


# --- the published definition


def test_genotypes_are_laid_out_as_published() -> None:
    params = newborn(KEY)
    shapes = jax.tree.map(lambda leaf: leaf.shape, params)["alpha"]["params"]
    assert shapes == {
        "Dense_0": {"bias": (8,), "kernel": (12, 8)},
        "Dense_1": {"bias": (8,), "kernel": (8, 8)},
        "Dense_2": {"bias": (8,), "kernel": (8, 8)},
        "Dense_3": {"bias": (7,), "kernel": (8, 7)},
    }
    assert list(places(params).values())[-1] == (255, 311)
    many = jax.jit(jax.vmap(MANY.default_params))(jax.random.split(KEY, 200))["alpha"]["params"]
    assert (many["Dense_0"]["bias"] == 0).all()
    assert abs(many["Dense_0"]["kernel"].std() - 12**-0.5) < 0.01


def test_one_step_is_the_published_formula() -> None:
    life = MANY
    for seed, clump in enumerate((0.0, 0.0, 0.003)):
        params = genotype(seed, gain=1.5)
        world = life.express(params)
        state = life.init_state(jax.random.key(seed), world)
        rng = np.random.default_rng(seed)
        if clump:
            x = (rng.integers(0, 3, (300, 2)) / 3 + rng.normal(0, clump, (300, 2))) % 1
            state = state._replace(x=jnp.asarray(x, jnp.float32))
        state = state._replace(v=jnp.asarray(rng.normal(0, 0.1, (300, 2)), jnp.float32))
        after = stepped(life, state, world)
        c, x, v = slow_step(state, params)
        assert np.abs(after.c - c).max() < 1e-4
        assert np.abs(after.v - v).max() < 1e-4 * np.abs(v).max()
        away = after.x - x
        assert np.abs(away - np.round(away)).max() < 1e-5
        assert np.abs(c - state.c).max() > 0.02


def test_a_frame_is_the_published_formula() -> None:
    life = ParticleLifePlus(n_particles=80, render_radius=0.2)
    world = life.express(newborn(KEY))
    state = life.init_state(KEY, world)
    axis, picture = np.linspace(0, 1, 64), np.zeros((64, 64, 3))
    for x, c in zip(np.asarray(state.x, np.float64), np.asarray(state.c), strict=True):
        distance = np.hypot(axis[:, None] - x[0], axis[None] - x[1])
        rim = np.clip(30 / 0.2 * (distance - 0.1**0.5 * 0.2), -700, 700)
        cover = (1 - 1 / (1 + np.exp(-rim)))[:, :, None]
        picture = picture * (1 - cover) + cover * (c[:3] + 1) / 2
    assert np.abs(life.render_state(state, world, 64) - picture).max() < 0.02
    assert np.abs(life.render_state(state, world, 64) - picture).mean() < 1e-3


# --- what follows from it


def test_a_network_of_zeros_leaves_only_the_push_and_keeps_colours() -> None:
    life = TWO
    world = life.express(jax.tree.map(jnp.zeros_like, newborn(KEY)))
    start = life.init_state(KEY, world)
    for distance, pushed in ((0.02, True), (0.04, False), (0.09, False)):
        x = jnp.array([[0.99, 0.5], [0.99 + distance, 0.5]]) % 1
        after = stepped(life, start._replace(x=x), world)
        assert bool(after.v[0, 0] < 0) is pushed
        assert bool(after.v[1, 0] > 0) is pushed
        assert np.allclose(after.c, start.c, atol=1e-6)


def test_nobody_in_range_means_only_drag_but_each_answers_to_itself() -> None:
    life = TWO
    params = genotype(3)
    world = life.express(params)
    start = life.init_state(KEY, world)
    start = start._replace(x=jnp.array([[0.1, 0.1], [0.6, 0.6]]), v=jnp.ones((2, 2)))
    after = stepped(life, start, world)
    assert np.allclose(after.v, 0.5**0.5, rtol=1e-5)
    assert np.abs(after.c - slow_step(start, params)[0]).max() < 1e-5
    assert np.abs(after.c - start.c).max() > 1e-3


def test_moving_the_whole_world_moves_its_history() -> None:
    life = MANY
    world = life.express(genotype(1))
    state = life.init_state(KEY, world)
    shift = jnp.array([0.37, 0.81])
    plain, moved = (stepped(life, s, world, 3) for s in (state, state._replace(x=(state.x + shift) % 1)))
    away = np.asarray(moved.x - plain.x - shift)
    assert np.abs(away - np.round(away)).max() < 1e-5
    assert np.allclose(moved.c, plain.c, atol=1e-4)


def test_colours_stay_unit_vectors() -> None:
    life = MANY
    world = life.express(genotype(2, gain=2.0))
    after = stepped(life, life.init_state(KEY, world), world, 30)
    assert np.allclose(np.linalg.norm(after.c, axis=1), 1, atol=1e-5)


def test_measures_of_moments_known_by_hand() -> None:
    life = ParticleLifePlus(n_particles=300, rmax=0.05)
    world = life.express(jax.tree.map(jnp.zeros_like, newborn(KEY)))
    state = life.init_state(KEY, world)
    measures = jax.jit(life.measures)
    found = measures(state, world)
    assert found["speed"] == found["drift"] == 0
    assert abs(found["likeness"]) < 0.2
    assert found["consensus"] < 0.15
    assert found["recolouring"] < 1e-3
    agreed = measures(state._replace(c=jnp.broadcast_to(state.c[0], state.c.shape)), world)
    assert agreed["likeness"] == pytest.approx(1, abs=1e-4)
    assert agreed["consensus"] == pytest.approx(1, abs=1e-4)
    # A network that always answers with its bias turns a colour, here by itself, towards one axis, seen from another.
    turning = jax.tree.map(jnp.zeros_like, newborn(KEY))
    turning["alpha"]["params"]["Dense_3"]["bias"] = jnp.zeros(7).at[1].set(20.0)
    apart = Particles(jnp.eye(6)[jnp.ones(300, jnp.int32)], state.x, state.v)
    alone = jnp.asarray((np.indices((18, 18)).reshape(2, -1).T[:300] + 0.5) / 18, jnp.float32)
    rate = measures(apart._replace(x=alone), life.express(turning))["recolouring"]
    assert rate == pytest.approx(np.arctan(0.02) / 0.02, rel=1e-3)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_particles": 0}, "1 to 1000000"),
        ({"dt": 0}, "units of time"),
        ({"beta": 1.0}, "0.01 to 0.99"),
        ({"mass": -1}, "0.001 to 100"),
        ({"half_life": float("nan")}, "units of time"),
        ({"rmax": 0.6}, r"0.5 \(world units\)"),
        ({"render_radius": 0.6}, r"0.5 \(world units\)"),
        ({"sharpness": 0}, "sharpness"),
    ],
)
def test_options_that_make_no_world_are_refused(options: dict, said: str) -> None:
    with pytest.raises(BadOption, match=said):
        ParticleLifePlus(**options)

"""Particle life against a slow reading of its definition, and what follows from it."""

from __future__ import annotations

from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.genotype import GenotypeSpace, places
from alife.plugins.particle_life import ParticleLife, Particles, World
from alife.worlds.lattice import PALETTE

KEY = jax.random.key(0)
EVERYTHING = ("alpha", "beta", "mass", "dt", "half_life", "rmax", "c_dist", "x_dist")


def sigmoid(p: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(p, np.float64)))


def slow_values(params: dict) -> dict[str, np.ndarray]:
    """What a genotype of everything stands for."""
    p = {name: sigmoid(value) for name, value in params.items()}
    return {
        "alpha": 3 * p["alpha"] - 1.5,
        "beta": p["beta"],
        "mass": 10 ** (1.5 * p["mass"] - 1.5),
        "dt": 10 ** (3 * p["dt"] - 4),
        "half_life": 10 ** (1.5 * p["half_life"] - 2.5),
        "rmax": 10 ** (1.5 * p["rmax"] - 2),
    }


def slow_step(c: np.ndarray, x: np.ndarray, v: np.ndarray, world: dict) -> tuple[np.ndarray, np.ndarray]:
    """One step, all pairs, in double precision."""
    r = x[None] - x[:, None]
    r -= np.round(r)
    distance = np.sqrt((r**2).sum(-1))
    rmax, a = world["rmax"][c][:, None], world["alpha"][c[:, None], c[None]]
    u, b = distance / rmax, np.broadcast_to(world["beta"][c][:, None], distance.shape)
    f = np.zeros_like(u)
    close, tent = u < b, (u > b) & (u < 1)
    f[close] = u[close] / b[close] - 1
    f[tent] = a[tent] * (1 - np.abs(2 * u[tent] - 1 - b[tent]) / (1 - b[tent]))
    total = ((rmax * f / (distance + 1e-8))[:, :, None] * r).sum(1)
    drag = 0.5 ** (world["dt"] / world["half_life"][c][:, None])
    v = drag * v + total / world["mass"][c][:, None] * world["dt"]
    return (x + v * world["dt"]) % 1, v


def slow_frame(c: np.ndarray, x: np.ndarray, mass: np.ndarray, radius: float, sharpness: float) -> np.ndarray:
    """Every disc over the whole picture, the heavy ones first."""
    axis = np.linspace(0, 1, 64)
    picture = np.zeros((64, 64, 3))
    for i in np.argsort(-mass[c], kind="stable"):
        distance = np.hypot(axis[:, None] - x[i, 0], axis[None] - x[i, 1])
        rim = np.clip(sharpness / radius * (distance - np.sqrt(mass[c[i]]) * radius), -700, 700)
        cover = (1 - 1 / (1 + np.exp(-rim)))[:, :, None]
        picture = picture * (1 - cover) + cover * PALETTE[c[i]]
    return picture


def doubles(world: World) -> dict[str, np.ndarray]:
    """The numbers of a world, for the slow step."""
    names = ("alpha", "beta", "mass", "dt", "half_life", "rmax")
    return {name: np.asarray(getattr(world, name), np.float64) for name in names}


@partial(jax.jit, static_argnames="life")
def stepped(life: ParticleLife, state: Particles, world: World, steps: int = 1) -> Particles:
    """The state some steps later; compiled once for each instance."""
    return jax.lax.fori_loop(0, steps, lambda _, s: life.step_state(KEY, s, world), state)


def assert_same_step(state: Particles, after: Particles, world: dict[str, np.ndarray]) -> None:
    """Equal within 1e-4 of the largest."""
    c, x, v = (np.asarray(part, None if part.dtype == jnp.int32 else np.float64) for part in state)
    x_slow, v_slow = slow_step(c, x, v, world)
    away = after.x - x_slow
    assert np.abs(away - np.round(away)).max() < 1e-4 * max(1e-3, np.abs(v_slow).max() * world["dt"])
    assert np.abs(after.v - v_slow).max() < 1e-4 * np.abs(v_slow).max()


# --- the published definition


def test_genotypes_are_laid_out_as_published() -> None:
    params = ParticleLife().default_params(KEY)
    assert places(params) == {"alpha": (0, 36), "beta": (36, 42)}
    everything = ParticleLife(search=EVERYTHING).default_params(KEY)
    assert {name: leaf.shape for name, leaf in everything.items()} == {
        **dict.fromkeys(("beta", "mass", "half_life", "rmax", "c_dist"), (6,)),
        "alpha": (6, 6),
        "x_dist": (6, 7, 7),
        "dt": (),
    }
    samples = GenotypeSpace(ParticleLife(), "particle_life").sample(KEY, 500)
    assert abs(samples.mean()) < 0.02
    assert abs(samples.std() - 1) < 0.02


def test_one_step_is_the_published_formula_whatever_is_searched() -> None:
    life = ParticleLife(n_particles=300, search=EVERYTHING)
    start, express = jax.jit(life.default_params), jax.jit(life.express)
    for seed, clump in enumerate((0.0, 0.0, 0.0, 0.01, 0.004, 0.0001)):
        params = start(jax.random.key(seed))
        world = express(params)
        assert all(np.allclose(getattr(world, k), value, rtol=1e-5) for k, value in slow_values(params).items())
        rng = np.random.default_rng(seed)
        x = rng.random((300, 2)) if clump == 0 else (rng.integers(0, 4, (300, 2)) / 4 + rng.normal(0, clump, (300, 2)))
        state = Particles(
            jnp.asarray(rng.integers(0, 6, 300), jnp.int32),
            jnp.asarray(x % 1, jnp.float32),
            jnp.asarray(rng.normal(0, 0.1, (300, 2)), jnp.float32),
        )
        assert_same_step(state, stepped(life, state, world), doubles(world))


@pytest.mark.parametrize("rmax", [0.1, 0.32])
def test_one_step_of_a_full_world_is_the_published_formula(rmax: float) -> None:
    life = ParticleLife(n_particles=1500, rmax=rmax)
    world = life.express(life.default_params(KEY))
    state = life.init_state(KEY, world)
    assert_same_step(state, stepped(life, state, world), doubles(world))


def test_a_frame_is_the_published_formula() -> None:
    life = ParticleLife(n_particles=200, search=("alpha", "mass"), render_radius=0.05)
    world = life.express(life.default_params(KEY))
    state = life.init_state(KEY, world)
    mass = np.asarray(world.mass, np.float64)
    slow = slow_frame(np.asarray(state.c), np.asarray(state.x, np.float64), mass, 0.05, 20)
    assert np.abs(life.render_state(state, world, 64) - slow).max() < 0.02
    assert np.abs(life.render_state(state, world, 64) - slow).mean() < 1e-3


def test_masses_that_are_given_decide_who_is_in_front_too() -> None:
    state = Particles(jnp.array([1, 0], jnp.int32), jnp.full((2, 2), 0.5), jnp.zeros((2, 2)))
    for masses, front in (((1.0, 0.25), 1), ((0.25, 1.0), 0)):
        life = ParticleLife(n_particles=2, n_colors=2, mass=masses, render_radius=0.2)
        world = life.express(life.default_params(KEY))
        assert np.allclose(life.render_state(state, world, 65)[32, 32], PALETTE[front], atol=0.01)


# --- what follows from it


@lru_cache
def fixed(n: int, **options: object) -> tuple[ParticleLife, World]:
    """A world of which only how common the colours are is left to the genotype."""
    life = ParticleLife(n_particles=n, search=("c_dist",), **options)  # type: ignore[arg-type]
    return life, life.express(life.default_params(KEY))


def test_without_attraction_and_far_apart_there_is_only_drag() -> None:
    life, world = fixed(16, alpha=0, rmax=0.2, half_life=0.01)
    x = jnp.asarray((np.indices((4, 4)).reshape(2, -1).T + 0.5) / 4, jnp.float32)
    state = Particles(jnp.zeros(16, jnp.int32), x, jnp.full((16, 2), 0.5))
    assert np.allclose(stepped(life, state, world, 15).v, 0.5 * 0.5 ** (15 * 0.002 / 0.01), rtol=1e-5)


@pytest.mark.parametrize(("distance", "away"), [(0.02, True), (0.029, True), (0.031, False), (0.099, False)])
def test_two_closer_than_beta_rmax_repel_and_further_off_attract(distance: float, away: bool) -> None:
    life, world = fixed(2, alpha=1.0, beta=0.3, rmax=0.1)
    for across in (0.5, 0.0):  # the second pair meets over the edge
        x = jnp.array([[across - distance / 2, 0.2], [across + distance / 2, 0.2]])
        state = Particles(jnp.zeros(2, jnp.int32), x % 1, jnp.zeros((2, 2)))
        v = stepped(life, state, world).v
        assert bool(v[0, 0] < 0) is away
        assert np.allclose(v[0], -v[1], atol=1e-7)


def test_momentum_changes_only_by_drag_where_pulls_are_mutual() -> None:
    rng = np.random.default_rng(0)
    alpha = rng.normal(size=(6, 6))
    life, world = fixed(400, alpha=tuple(map(tuple, (alpha + alpha.T).tolist())))
    state = life.init_state(KEY, world)
    state = state._replace(v=jnp.asarray(rng.normal(0.1, 0.2, (400, 2)), jnp.float32))
    after = stepped(life, state, world, 10)
    assert np.allclose(after.v.sum(0), state.v.sum(0) * 0.5 ** (10 * 0.002 / 0.04), rtol=1e-4)
    assert np.abs(after.v - state.v).max() > 0.1


def test_moving_the_whole_world_moves_its_history() -> None:
    life = ParticleLife(n_particles=300)
    world = life.express(life.default_params(KEY))
    state = life.init_state(KEY, world)
    shift = jnp.array([0.37, 0.81])
    plain, moved = (stepped(life, s, world, 5) for s in (state, state._replace(x=(state.x + shift) % 1)))
    away = np.asarray(moved.x - plain.x - shift)
    assert np.abs(away - np.round(away)).max() < 1e-5


def test_starts_follow_their_distributions() -> None:
    life = ParticleLife(n_particles=2000, search=("alpha", "c_dist", "x_dist"), beta=0.3, x_dist_bins=4)
    params = life.default_params(KEY)
    params["c_dist"] = jnp.array([0.0, 0, -50, -50, -50, -50])
    params["x_dist"] = jnp.zeros((6, 4, 4)).at[1, 2, 3].set(50)
    c, x, v = life.init_state(KEY, life.express(params))
    assert set(c.tolist()) == {0, 1}
    assert 0.45 < c.mean() < 0.55
    at = np.floor(np.asarray(x) * 4)
    assert (at[np.asarray(c) == 1] == [2, 3]).all()
    assert len(np.unique(at[np.asarray(c) == 0], axis=0)) == 16
    assert (v == 0).all()


def test_measures_of_moments_known_by_hand() -> None:
    life, world = fixed(400, alpha=0)
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.random((400, 2)), jnp.float32)
    mixed = Particles(jnp.asarray(rng.integers(0, 6, 400), jnp.int32), x, jnp.ones((400, 2)) * jnp.array([0.3, 0.4]))
    measures = jax.jit(life.measures)
    found = measures(mixed, world)
    assert found["speed"] == pytest.approx(0.5)
    assert found["drift"] == pytest.approx(0.5)
    assert abs(found["clustering"] - 1) < 0.3
    assert abs(found["sorting"] - 1) < 0.3
    apart = measures(mixed._replace(c=(x[:, 0] * 4).astype(jnp.int32), v=x - x), world)
    assert apart["speed"] == 0
    assert 3.5 < apart["sorting"] < 4.5  # a plot holds one of four colours
    assert measures(mixed._replace(c=jnp.zeros(400, jnp.int32)), world)["sorting"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_particles": 0}, "1 to 1000000"),
        ({"n_colors": 9}, "1 to 8"),
        ({"search": ()}, "of alpha, beta"),
        ({"search": ("alpha", "gamma")}, "of alpha, beta"),
        ({"search": ("alpha", "alpha")}, "none twice"),
        ({"search": "alpha"}, "of alpha, beta"),
        ({"search": ("beta",)}, "neither searched nor given"),
        ({"alpha": 1}, "it is searched"),
        ({"beta": 0.4}, "it is searched"),
        ({"search": ("beta",), "alpha": [[1, 2], [3, 4]]}, "6 rows of 6"),
        ({"search": ("alpha",), "beta": 1}, "0.01 to 0.99"),
        ({"rmax": 0.51}, r"0.5 \(world units\)"),
        ({"rmax": [0.1, 0.2]}, "6: one for each colour"),
        ({"mass": 0}, "0.001 to 100"),
        ({"mass": [0.1, 0.1, 0.1, 0.1, 0.1, float("nan")]}, "0.001 to 100"),
        ({"half_life": float("inf")}, "units of time"),
        ({"x_dist_bins": 7}, "x_dist is not searched"),
        ({"render_radius": 0}, "render_radius"),
        ({"sharpness": -1}, "sharpness"),
        ({"dt": 0}, "units of time"),
    ],
)
def test_options_that_make_no_world_are_refused(options: dict, said: str) -> None:
    with pytest.raises(BadOption, match=said):
        ParticleLife(**options)

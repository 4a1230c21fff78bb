"""Particle Lenia follows its formulas, its energy falls, and neither turning nor cells change anything."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.genotype import GenotypeSpace
from alife.plugins import particle_lenia_field
from alife.plugins.particle_lenia import ParticleLenia

KEY = jax.random.key(0)
PUBLISHED = (4.0, 1.0, 0.022, 0.6, 0.15, 1.0)
OTHERS = (0.3, -0.2, 0.4, -0.1, 0.2, 0.5)


def values(genotype: tuple[float, ...]) -> list[float]:
    return [base * np.exp(p) for base, p in zip(PUBLISHED, genotype, strict=True)]


def slow_energy(place: np.ndarray, x: np.ndarray, genotype: tuple[float, ...] = (0,) * 6) -> tuple[float, float, float]:
    """E, U and G at one place, particle by particle, in double precision."""
    mu_k, sigma_k, w_k, mu_g, sigma_g, c_rep = values(genotype)
    field = repulsion = 0.0
    for other in x:
        r = np.sqrt(max(((place - other) ** 2).sum(), 1e-10))
        field += w_k * np.exp(-(((r - mu_k) / sigma_k) ** 2))
        repulsion += c_rep / 2 * max(1 - r, 0) ** 2
    growth = np.exp(-(((field - mu_g) / sigma_g) ** 2))
    return repulsion - growth, field, growth


def slow_slope(place: np.ndarray, x: np.ndarray, genotype: tuple[float, ...]) -> np.ndarray:
    """The gradient of E by differences: independent of every derivative that somebody has written down."""
    # far enough that the particle itself, whose distance has a kink below 1e-5, hardly counts: it is even around 0
    h = 1e-6
    sides = [[slow_energy(place + sign * h * axis, x, genotype)[0] for sign in (1, -1)] for axis in np.eye(2)]
    return np.array([(up - down) / (2 * h) for up, down in sides])


def start(n: int, seed: int = 0) -> tuple[ParticleLenia, np.ndarray]:
    world = ParticleLenia(n_particles=n)
    return world, np.asarray(world.init_state(jax.random.key(seed), world.express(jnp.zeros(6))))


def stepped(world: ParticleLenia, x: np.ndarray, genotype: tuple[float, ...] = (0,) * 6, steps: int = 1) -> np.ndarray:
    return np.asarray(_stepped(world, jnp.asarray(x, jnp.float32), jnp.array(genotype, jnp.float32), steps))


@partial(jax.jit, static_argnums=0)
def _stepped(world: ParticleLenia, x: jax.Array, genotype: jax.Array, steps: int) -> jax.Array:
    params = world.express(genotype)
    return jax.lax.fori_loop(0, steps, lambda _, x: world.step_state(KEY, x, params), x)


@partial(jax.jit, static_argnums=(0, 3))
def drawn(world: ParticleLenia, x: np.ndarray, genotype: tuple[float, ...], size: int) -> jax.Array:
    return world.render_state(
        jnp.asarray(x, jnp.float32), world.express(jnp.array(genotype, jnp.float32)), img_size=size
    )


# --- the formulas


@pytest.mark.parametrize("genotype", [(0,) * 6, OTHERS])
def test_a_step_goes_down_the_gradient_of_the_energy(genotype: tuple[float, ...]) -> None:
    world, x = start(60)
    way = stepped(world, x, genotype) - x.astype(float)
    expected = np.array([-0.1 * slow_slope(place, x.astype(float), genotype) for place in x])
    assert np.abs(way - expected).max() < 1e-4 * np.abs(expected).max()


def test_the_picture_follows_the_published_recipe() -> None:
    world, x = start(40)
    shown = np.asarray(drawn(world, x, OTHERS, 21))
    places = np.linspace(-1.2 * np.abs(x).max(), 1.2 * np.abs(x).max(), 21)
    expected = np.zeros((21, 21, 3))
    for i, second in enumerate(places):
        for j, first in enumerate(places):
            _, field, growth = slow_energy(np.array([first, second]), x.astype(float), OTHERS)
            blue = np.array([0.1, 0.1, 0.3]) * (1 - field) + np.array([0.2, 0.7, 1.0]) * field
            colour = blue * (1 - growth) + np.array([1.17, 0.91, 0.13]) * growth
            expected[i, j] = colour * min(((x - [first, second]) ** 2).sum(1).min() / 0.02, 1)
    expected = (expected - expected.min()) / (expected.max() - expected.min())
    assert np.abs(shown - expected).max() < 1e-4


@pytest.mark.parametrize("size", [13, 37])
def test_a_particle_is_a_dark_dot_in_its_place(size: int) -> None:
    world = ParticleLenia(n_particles=2)
    x = np.array([[5.0, 4.0], [-5.0, 2.0]])  # shown: -6 to 6, pixels on whole numbers
    picture = np.asarray(drawn(world, x, (0,) * 6, size))
    pixel = lambda x: round((x + 6) / 12 * (size - 1))  # noqa: E731
    for first, second in x:
        here = picture[pixel(second), pixel(first)].sum()
        assert here < 0.5 * picture[pixel(second) - 2, pixel(first) - 2].sum()


def test_measures_are_the_means_they_say() -> None:
    world, x = start(50)
    params = world.express(jnp.array(OTHERS))
    found = {name: float(value) for name, value in jax.jit(world.measures)(x, params).items()}
    energy, field, growth = np.mean([slow_energy(place, x.astype(float), OTHERS) for place in x], axis=0)
    speed = np.mean([np.linalg.norm(slow_slope(place, x.astype(float), OTHERS)) for place in x])
    spread = np.sqrt(((x - x.mean(0)) ** 2).sum(1).mean())
    expected = {"energy": energy, "field": field, "growth": growth, "speed": speed, "spread": spread}
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-4)
    assert 0 < found["clustering"] < 5


# --- what is known of it


def test_the_mean_energy_falls_from_a_random_start() -> None:
    world = ParticleLenia()
    params = world.express(jnp.zeros(6))

    def energies(key: jax.Array) -> jax.Array:
        ten_steps = lambda x, _: (jax.lax.fori_loop(0, 10, lambda _, x: world.step_state(KEY, x, params), x), x)  # noqa: E731
        moments = jax.lax.scan(ten_steps, world.init_state(key, params), length=31)[1]
        return jax.lax.map(lambda x: world.measures(x, params)["energy"], moments)

    found = np.asarray(jax.jit(jax.vmap(energies))(jax.random.split(KEY, 4)))
    assert (np.diff(found[:, ::6], axis=1) < 0.01).all()
    assert (found[:, 0] > 0.4).all()
    assert (found[:, -1] < 0).all()


def test_turning_and_moving_the_start_turns_and_moves_the_history() -> None:
    world, x = start(100)
    turn = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]], np.float32)
    later = stepped(world, x, steps=20)
    assert np.abs(later - x).max() > 0.5
    assert np.abs(stepped(world, x @ turn.T, steps=20) - later @ turn.T).max() < 1e-3
    shift = np.array([3, -2])
    assert np.abs(stepped(world, x + shift, steps=20) - later - shift).max() < 1e-3


def test_two_close_particles_part_and_a_lone_pair_far_off_stays() -> None:
    world = ParticleLenia(n_particles=2)
    close, far = np.array([[0.0, 0.0], [0.3, 0.4]]), np.array([[0.0, 0.0], [60.0, 80.0]])
    after = stepped(world, close)
    assert np.linalg.norm(after[1] - after[0]) == pytest.approx(0.5 + 2 * 0.1 * 0.5, rel=1e-3)
    assert np.allclose(stepped(world, far), far, atol=1e-6)


# --- large crowds


def test_cells_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world, x = start(1100)
    x = np.concatenate([3 * x[:40], x[60:80] + 0.01, x[60:]])  # some are outside the square of cells, some meet
    genotypes = (0,) * 6, (0.5, 0.4, -1, 0, 0, 0), (-3, -1, 1, 0, 0, 0)
    by_cells = [(stepped(world, x, genotype), drawn(world, x, genotype, 33)) for genotype in genotypes]
    monkeypatch.setattr(particle_lenia_field, "FEW", 10_000)
    other = ParticleLenia(n_particles=1100)
    for (moved, picture), genotype in zip(by_cells, genotypes, strict=True):
        by_all = stepped(other, x, genotype)
        assert np.abs(by_all - x).max() > 0.01
        assert np.abs(moved - by_all).max() < 1e-5 * np.abs(x).max()
        assert np.abs(picture - drawn(other, x, genotype, 33)).max() < 1e-4


def test_a_thin_world_has_no_more_cells_than_can_be_numbered() -> None:
    world = ParticleLenia(n_particles=2000, density=3e-5)
    x = np.asarray(world.init_state(KEY, world.express(jnp.zeros(6))))
    pair = x[:1] + np.array([[0.0, 0.0], [0.3, 0.4]])  # they push each other, wherever in this wide world they are
    x = np.concatenate([pair, x[2:]]).astype(np.float32)
    alone = stepped(ParticleLenia(n_particles=2), np.zeros((2, 2)) + pair - pair[0])
    assert np.abs((stepped(world, x) - x)[:2] - (alone - (pair - pair[0]))).max() < 2e-3  # digits, so far out


def test_larger_crowds_start_as_dense() -> None:
    for n in (50, 200, 3200):
        _, x = start(n)
        assert n / (2 * np.abs(x).max()) ** 2 == pytest.approx(200 / 144, rel=0.12)
    assert ParticleLenia(n_particles=400, density=400 / 144).half_width == pytest.approx(6)


# --- the genotype


def test_a_genotype_of_zeros_is_the_published_world() -> None:
    world = ParticleLenia()
    assert np.allclose(world.express(jnp.zeros(6)), PUBLISHED)
    assert np.allclose(world.express(jnp.array(OTHERS)), values(OTHERS))
    space = GenotypeSpace(world, "particle_lenia")
    assert (space.size, space.dtype) == (6, np.float32)
    assert [p.place for name, p in world.parameters().items() if p.place] == [(i, i + 1) for i in range(6)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_particles": 1}, "from 2"),
        ({"dt": 0}, "dt is 0; expected a number from 1e-06"),
        ({"dt": float("nan")}, "dt is nan"),
        ({"density": -1.0}, "density is -1.0"),
    ],
)
def test_options_out_of_range_are_refused(options: dict, said: str) -> None:
    with pytest.raises(BadOption, match=said):
        ParticleLenia(**options)

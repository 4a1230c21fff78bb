"""Gray-Scott follows its equations, and does in each regime what has been published about it."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadGenotype, BadOption
from alife.plugins.gray_scott import REGIMES, GrayScott, Rates
from alife.worlds.fields import laplacian, repeat_local

KEY = jax.random.key(0)
D_U, D_V = 2e-5 * (256 / 2.5) ** 2, 1e-5 * (256 / 2.5) ** 2
"""Pearson's diffusion, cells^2 per time unit."""


def slow_step(u: np.ndarray, v: np.ndarray, F: float, k: float, dt: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """One time step of the equations, cell by cell, in double precision."""
    n = len(u)
    new_u, new_v = np.zeros_like(u), np.zeros_like(v)
    for i in range(n):
        for j in range(n):
            around = [(i - 1, j), ((i + 1) % n, j), (i, j - 1), (i, (j + 1) % n)]
            lap_u, lap_v = (sum(a[place] for place in around) - 4 * a[i, j] for a in (u, v))
            reaction = u[i, j] * v[i, j] ** 2
            new_u[i, j] = u[i, j] + dt * (D_U * lap_u - reaction + F * (1 - u[i, j]))
            new_v[i, j] = v[i, j] + dt * (D_V * lap_v + reaction - (F + k) * v[i, j])
    return new_u, new_v


def noise(size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((2, size, size)).astype(np.float32)


@partial(jax.jit, static_argnums=(0, 3))
def after(world: GrayScott, state: jax.Array, rates: Rates, steps: int) -> jax.Array:
    return jax.lax.fori_loop(0, steps, lambda _, s: world.step_state(KEY, s, rates), state)


@partial(jax.jit, static_argnums=(0, 2))
def history(world: GrayScott, genotype: jax.Array, steps: int) -> tuple[jax.Array, dict]:
    """The last state, and the measures after every `steps` steps, 8 times."""
    rates = world.express(genotype)

    def chunk(state: jax.Array, _: None) -> tuple:
        state = jax.lax.fori_loop(0, steps, lambda _, s: world.step_state(KEY, s, rates), state)
        return state, world.measures(state, rates)

    return jax.lax.scan(chunk, world.init_state(KEY, rates), length=8)


def rates(F: float, k: float) -> Rates:
    return Rates(jnp.float32(F), jnp.float32(k))


# --- the equations


@pytest.mark.parametrize("substeps", [1, 3, 8, 11])
def test_time_steps_follow_the_equations(substeps: int) -> None:
    world, state = GrayScott(size=24, substeps=substeps), noise(24)
    u, v = state.astype(float)
    for _ in range(substeps):
        u, v = slow_step(u, v, 0.04, 0.06)
    assert np.allclose(after(world, state, rates(0.04, 0.06), 1), [u, v], rtol=1e-4, atol=1e-6)


def test_diffusion_and_time_step_are_options() -> None:
    state = noise(24)
    u, v = slow_step(*state.astype(float), 0.04, 0.06, dt=0.5)
    half = after(GrayScott(size=24, substeps=1, dt=0.5), state, rates(0.04, 0.06), 1)
    assert np.allclose(half, [u, v], rtol=1e-4, atol=1e-6)
    still = after(GrayScott(size=24, substeps=1, du=0.0), state, rates(0.04, 0.06), 1)
    u, v = state.astype(float)
    assert np.allclose(still[0], u - u * v**2 + 0.04 * (1 - u), rtol=1e-4, atol=1e-6)


def test_without_feeding_and_killing_the_whole_mass_stays() -> None:
    state = 0.7 * noise(32)
    later = after(GrayScott(size=32), state, rates(0, 0), 20)
    assert np.abs(later - state).max() > 0.2
    assert float(later.sum(dtype=jnp.float32)) == pytest.approx(float(state.sum()), rel=1e-5)
    # and where there is no v there is no reaction: u only spreads, and keeps its own mass
    alone = state * np.array([1, 0], np.float32)[:, None, None]
    spread = after(GrayScott(size=32), alone, rates(0, 0), 20)
    assert float(spread[0].sum()) == pytest.approx(float(alone[0].sum()), rel=1e-5)
    assert spread[0].std() < 0.1 * alone[0].std()


def test_waves_of_a_torus_decay_at_the_rate_of_their_length() -> None:
    n, m = 32, 3
    wave = np.cos(2 * np.pi * m * np.arange(n) / n)
    found = laplacian(
        jnp.pad(jnp.asarray(wave * np.ones((1, n, n)), jnp.float32), ((0, 0), (1, 1), (1, 1)), mode="wrap")
    )
    assert np.allclose(found[0], (2 * np.cos(2 * np.pi * m / n) - 2) * wave, atol=1e-5)


@pytest.mark.parametrize("times", [0, 1, 8, 13])
def test_steps_with_a_border_are_steps_on_a_torus(times: int) -> None:
    cells = jnp.asarray(noise(12)[:, :, :9])  # not square
    diagonal = lambda cells: cells[:, :-2, :-2] * 0.5 + 0.25 * cells[:, 2:, 1:-1]  # noqa: E731
    expected = cells
    for _ in range(times):
        expected = jnp.roll(expected, (1, 1), (1, 2)) * 0.5 + 0.25 * jnp.roll(expected, -1, 1)
    assert np.allclose(repeat_local(diagonal, cells, times), expected, atol=1e-6)


def test_moving_the_start_moves_the_history() -> None:
    world, state = GrayScott(size=40), noise(40) * 0.5
    moved = jnp.roll(after(world, state, rates(0.03, 0.055), 10), (7, -5), (1, 2))
    assert np.allclose(after(world, np.roll(state, (7, -5), (1, 2)), rates(0.03, 0.055), 10), moved, atol=1e-4)


# --- the kinetics


def uniform(u: float, v: float) -> jax.Array:
    return jnp.broadcast_to(jnp.array([u, v], jnp.float32)[:, None, None], (2, 24, 24))


def test_the_empty_state_stays() -> None:
    world = GrayScott(size=24)
    for F, k in REGIMES.values():
        assert (after(world, uniform(1, 0), rates(F, k), 5) == uniform(1, 0)).all()


def test_the_uniform_states_of_the_kinetics_are_where_theory_puts_them() -> None:
    # beside (1, 0): u = (1 - sqrt(1 - 4 (F+k)^2/F))/2, v = F (1 - u)/(F + k), where F > 4 (F + k)^2
    F, k = 0.06, 0.055
    u = (1 - np.sqrt(1 - 4 * (F + k) ** 2 / F)) / 2
    v = F * (1 - u) / (F + k)
    world = GrayScott(size=24)
    assert np.allclose(after(world, uniform(u, v), rates(F, k), 20), uniform(u, v), atol=1e-4)
    assert np.allclose(after(world, uniform(u + 0.03, v), rates(F, k), 60), uniform(u, v), atol=1e-3)


def test_beyond_the_saddle_node_a_stirred_vessel_washes_out() -> None:
    world = GrayScott(size=24)
    for F, k, lives in [(0.06, 0.061, True), (0.06, 0.064, False)]:
        assert (4 * (F + k) ** 2 < F) == lives
        later = after(world, uniform(0.4, 0.35), rates(F, k), 120)
        assert (float(later[1].mean()) > 0.1) == lives


# --- the regimes


@pytest.fixture(scope="module")
def regimes() -> dict[str, tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Last state and measures of small worlds of a few regimes, at 8 times."""
    world, names = GrayScott(size=64), ("delta", "epsilon", "lambda")
    genotypes = jnp.stack([world.from_text(name) for name in names])
    states, measures = jax.lax.map(lambda genotype: history(world, genotype, 40), genotypes)
    return {
        name: (np.asarray(states[i]), {key: np.asarray(m[i]) for key, m in measures.items()})
        for i, name in enumerate(names)
    }


def test_lambda_spots_divide_until_they_fill_the_world(regimes: dict) -> None:
    spots = regimes["lambda"][1]["spots"] * 64 * 64 / 1000
    assert spots[0] <= 8
    assert spots[-1] >= 16
    assert (np.diff(spots) >= -1).all()
    assert regimes["lambda"][1]["activity"][-1] < 1e-3  # and then they rest


def test_epsilon_never_rests_and_delta_and_lambda_do(regimes: dict) -> None:
    unrest = {name: found["activity"][-1] for name, (_, found) in regimes.items()}
    assert unrest["epsilon"] > 10 * max(unrest["delta"], unrest["lambda"])


def test_delta_is_holes_in_a_filled_world_and_lambda_spots_in_an_empty_one(regimes: dict) -> None:
    assert regimes["delta"][1]["coverage"][-1] > 0.7
    assert regimes["lambda"][1]["coverage"][-1] < 0.45
    middle = {name: np.median(state[1]) / state[1].mean() for name, (state, _) in regimes.items()}
    assert middle["delta"] > 1 > middle["lambda"]


def test_too_much_killing_ends_everything() -> None:
    world = GrayScott(size=32)
    _, found = history(world, world.from_text("F=0.03 k=0.075"), 10)
    assert found["v"][-1] < 1e-4
    assert found["u"][-1] > 0.99


# --- the substrate


def test_the_start_is_pearsons_square_with_a_little_noise() -> None:
    world = GrayScott(size=64)
    u, v = np.asarray(world.init_state(KEY, rates(0.03, 0.06)))
    inside = np.zeros((64, 64), bool)
    inside[22:42, 22:42] = True
    assert np.allclose(u, np.where(inside, 0.5, 1), rtol=0.0101) and np.allclose(
        v, np.where(inside, 0.25, 0), rtol=0.0101
    )
    assert u[inside].std() > 0.001
    many = np.asarray(GrayScott(size=64, seeds=3).init_state(KEY, rates(0.03, 0.06)))[1] > 0.2
    assert 400 < many.sum() <= 1200


def test_pictures_get_lighter_with_v_and_stay_in_range() -> None:
    world = GrayScott(size=32)
    ramp = jnp.stack([jnp.ones((32, 32)), jnp.linspace(0, 0.5, 32)[:, None] * jnp.ones(32)])
    picture = np.asarray(world.render_state(ramp, rates(0.03, 0.06), img_size=50))
    light = picture[:, 0] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(light) >= 0).all() and light[0] < 0.06 and light[-1] > 0.9
    assert picture.min() >= 0 and picture.max() <= 1
    assert (picture == picture[:, :1]).all()


def test_measures_of_a_world_known_by_hand() -> None:
    world = GrayScott(size=40, du=0.0, dv=0.0)
    v = np.zeros((40, 40), np.float32)
    v[5, 5] = v[0, 39] = v[20, 20] = 0.4
    v[20, 21] = 0.3  # a shoulder, not a spot
    v[30, 30] = 0.05  # too little
    found = jax.jit(world.measures)(jnp.stack([jnp.ones((40, 40)), jnp.asarray(v)]), rates(0.03, 0.06))
    assert float(found["spots"]) == pytest.approx(3 / 1.6)
    assert float(found["coverage"]) == pytest.approx(4 / 1600)
    assert float(found["v"]) == pytest.approx(v.mean())
    change = np.abs(v**2 - 0.09 * v)
    assert float(found["activity"]) == pytest.approx(change.mean() / v.mean(), rel=1e-4)
    empty = jax.jit(world.measures)(uniform(1, 0), rates(0.03, 0.06))
    assert {name: float(value) for name, value in empty.items() if name != "u"} == dict.fromkeys(
        ("v", "coverage", "spots", "activity", "contrast"), 0.0
    )


# --- genotypes and options


@pytest.mark.parametrize(
    ("text", "F", "k"),
    [
        ("F=0.026 k=0.061", 0.026, 0.061),
        ("0.026, 0.061", 0.026, 0.061),
        (" f 0.026;K=.061 ", 0.026, 0.061),
        ("Kappa", *REGIMES["kappa"]),
    ],
)
def test_rates_as_text(text: str, F: float, k: float) -> None:
    world = GrayScott()
    assert np.allclose(world.express(world.from_text(text)), [F, k], rtol=1e-5)


@pytest.mark.parametrize("text", ["", "omega", "0.03", "F=0.03 k=0.09", "0.1 0.06", "1.2.3 0.05", "-0.03 0.06"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(BadGenotype, match="expected F and k"):
        GrayScott().from_text(text)


def test_the_prior_covers_the_regimes() -> None:
    world = GrayScott()
    found = np.asarray(
        jax.vmap(lambda key: jnp.stack(world.express(world.default_params(key))))(jax.random.split(KEY, 2000))
    )
    for F, k in REGIMES.values():
        assert np.hypot((found[:, 0] - F) / 0.002, (found[:, 1] - k) / 0.001).min() < 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": 20}, "from 24"),
        ({"size": 5000}, "to 4096"),
        ({"substeps": 0}, "substeps is 0"),
        ({"seeds": 0}, "seeds is 0"),
        ({"du": -1e-5}, "du is -1e-05"),
        ({"dv": float("nan")}, "dv is nan"),
        ({"dt": 0}, "dt is 0"),
        ({"dt": 2.0}, "longer ones explode"),
        ({"dt": 1.1, "du": 2.1e-5}, "explodes"),
        ({"du": 3e-5}, "explodes"),
    ],
)
def test_options_out_of_range_are_refused(options: dict, said: str) -> None:
    with pytest.raises(BadOption, match=said):
        GrayScott(**options)

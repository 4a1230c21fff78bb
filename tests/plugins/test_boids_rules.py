"""Reynolds' three rules do, each alone, what they are known for."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.plugins.boids_rules import BoidsRules, Rules
from alife.plugins.flock import Birds

from .flocks import KEY, apart, birds, history, measured, quarter_turn, slow_frame, slow_step

NOTHING = -200.0
"""A genotype number that switches a rule off: e^-200 is 0."""


def genotype(alignment: float, cohesion: float, distance: float, separation: float) -> dict[str, jax.Array]:
    """The four numbers as a parameter tree."""
    numbers = {"alignment": alignment, "cohesion": cohesion, "distance": distance, "separation": separation}
    return {name: jnp.float32(number) for name, number in numbers.items()}


def alone(rule: str, strength: float = 1.0) -> dict[str, jax.Array]:
    """One rule without the others; distance reaches nearly as far as birds see."""
    numbers = {"alignment": NOTHING, "cohesion": NOTHING, "separation": NOTHING, "distance": 3.0}
    return genotype(**{**numbers, rule: strength})


NO_RULES = alone("alignment", NOTHING)


def told(params: dict[str, jax.Array], visual_range: float):
    """The acceleration of one bird, straight from the definition."""
    alignment, cohesion, distance, separation = (float(params[name]) for name in sorted(params))
    private = 1 / (1 + np.exp(-distance))

    def acceleration(v: np.ndarray, r: np.ndarray, near: np.ndarray) -> np.ndarray:
        if not len(r):
            return np.zeros(2)
        way = r / visual_range
        far = np.linalg.norm(way, axis=1, keepdims=True)
        push = np.where(far < private, way / far * (1 - far / private), 0).mean(0)
        pull, same = way.mean(0), near.mean(0) - v
        return 3 * np.exp(alignment) * same + 20 * np.exp(cohesion) * pull - 30 * np.exp(separation) * push

    return acceleration


# --- the definition


@pytest.mark.parametrize(
    "options", [{}, {"wrap": True, "side": 0.7, "n_nbrs": 4, "speed": 1.0, "dt": 0.03}, {"n_boids": 500}]
)
def test_a_step_is_the_one_defined(options: dict) -> None:
    rules = BoidsRules(**options)
    step = jax.jit(lambda state, params: rules.step_state(KEY, state, rules.express(params)))
    for seed, params in enumerate([genotype(0.5, 0.2, -0.3, 0.7), genotype(-1, 2, 2, -0.5), genotype(2, -3, 0, 3)]):
        state = birds(rules.n_boids, seed, (1.0, 0.12, 0.4)[seed], rules.side)
        wanted = slow_step(rules, state, told(params, rules.visual_range))
        assert apart(step(state, params), wanted, rules.side) < 1e-5


def test_a_frame_shows_the_flock() -> None:
    rules = BoidsRules(n_boids=30)
    state = birds(30)
    frame = np.asarray(rules.render_state(state, None, img_size=100))
    assert np.abs(frame - slow_frame(rules, state, 100)).mean() < 2e-4


def test_the_genotype_is_four_numbers_with_a_meaning() -> None:
    params = BoidsRules().express(genotype(0, 0, 0, 0))
    assert [float(number) for number in params] == [3, 20, 30, 0.5]
    declared = BoidsRules().parameters()
    assert [declared[name].place for name in ("alignment", "cohesion", "distance", "separation")] == [
        (0, 1), (1, 2), (2, 3), (3, 4),
    ]  # fmt: skip
    drawn = jax.vmap(BoidsRules().default_params)(jax.random.split(KEY, 1000))
    for values in drawn.values():
        assert abs(float(values.mean())) < 0.1 and float(values.std()) == pytest.approx(1, abs=0.1)
    strong = BoidsRules().express(genotype(1e6, 1e6, 1e6, 1e6))
    assert all(np.isfinite(number) for number in strong)


# --- facts


def test_without_rules_all_fly_straight_on() -> None:
    state = birds(128, seed=1)
    later = history(BoidsRules(), state, NO_RULES, 40)
    assert apart(later, Birds(state.x + 40 * 0.5 * 0.01 * state.v, state.v)) < 1e-5


@pytest.mark.parametrize(
    ("rule", "strength", "measure", "more", "before"),
    [
        ("alignment", 1, "alignment", 0.8, 0.3),  # from next to nothing to nearly all one way
        ("separation", 3, "spacing", 0.62, 0.52),  # a random scatter has about 0.46
        ("cohesion", 1, "clustering", 3.0, 2.0),  # a random scatter has 1
    ],
)
def test_each_rule_does_its_own(rule: str, strength: float, measure: str, more: float, before: float) -> None:
    rules, params = BoidsRules(wrap=True), alone(rule, strength)
    for state in (birds(128, seed) for seed in range(3)):
        later = measured(rules, history(rules, state, params, 600), params)
        without = measured(rules, history(rules, state, NO_RULES, 600), NO_RULES)
        assert later[measure] > more > before > max(without[measure], measured(rules, state, NO_RULES)[measure])


def test_separation_works_only_within_its_distance() -> None:
    rules = BoidsRules(n_boids=2, n_nbrs=1)
    state = Birds(jnp.array([[0.5, 0.5], [0.5, 0.56]]), jnp.array([[1.0, 0.0], [1.0, 0.0]]))  # 0.6 visual ranges
    near, far = (
        rules.step_state(KEY, state, rules.express(genotype(NOTHING, NOTHING, distance, 0))).v
        for distance in (0.0, 1.0)  # too near are 0.5 and 0.73 visual ranges
    )
    assert np.array_equal(near, state.v)
    assert far[0, 1] < 0 < far[1, 1]  # they turn away from each other


def test_birds_in_one_place_stay_finite() -> None:
    state = birds(20)._replace(x=jnp.full((20, 2), 0.5))
    later = history(BoidsRules(n_boids=20), state, genotype(2, 2, 0, 2), 50)
    assert np.isfinite(later.x).all() and np.allclose(np.linalg.norm(later.v, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("wrap", [False, True])
def test_turning_the_flock_turns_its_history(wrap: bool) -> None:
    rules, params, state = BoidsRules(wrap=wrap), genotype(0, 0, 0, 0), birds(128, seed=5)
    later, turned = history(rules, state, params, 60), history(rules, quarter_turn(state), params, 60)
    assert apart(turned, quarter_turn(later)) < 2e-3


def test_most_random_rules_make_flocks() -> None:
    rules = BoidsRules()

    def alive(key: jax.Array) -> jax.Array:
        params = rules.express(rules.default_params(key))
        state = rules.init_state(key, params)
        state = jax.lax.fori_loop(0, 500, lambda _, s: rules.step_state(key, s, params), state)
        found = rules.measures(state, params)
        return (found["alignment"] > 0.4) | (found["clustering"] > 4)

    assert jax.jit(jax.vmap(alive))(jax.random.split(KEY, 32)).mean() > 0.75


def test_options_are_checked_and_rules_have_names() -> None:
    with pytest.raises(BadOption, match="half of the world"):
        BoidsRules(visual_range=0.6)
    with pytest.raises(BadOption, match="127 others"):
        BoidsRules(n_nbrs=128)
    assert sorted(Rules._fields) == sorted(BoidsRules().default_params(KEY))

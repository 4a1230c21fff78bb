"""Neural cellular automata do what the published formula says, computed here slowly and in float64."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.genotype import GenotypeSpace, places
from alife.plugins.nca import NCA
from alife.types import Tree

KEY = jax.random.key(0)


def some_params(nca: NCA, seed: int = 1) -> Tree:
    """A network in which no number is zero, biases included."""
    space = GenotypeSpace(nca, "nca")
    return space.unflatten(0.5 * jax.random.normal(jax.random.key(seed), (space.size,)))


def zero_params(substrate: Any) -> Tree:
    """A genotype of zeros."""
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), shapes(substrate))


def shapes(substrate: Any) -> Tree:
    return jax.eval_shape(substrate.default_params, KEY)


def slow_network(cells: np.ndarray, params: Tree) -> np.ndarray:
    """Answers [h, w, C] of the network to cells [h, w, C], cell by cell from the definition."""
    layers = jax.tree.map(lambda x: np.asarray(x, np.float64), params["net_params"]["params"])
    height, width, _ = cells.shape
    answers = np.zeros((height, width, layers["Conv_2"]["bias"].size))
    for i in range(height):
        for j in range(width):
            x = layers["Conv_0"]["bias"].copy()
            for a in range(3):
                for b in range(3):
                    x += cells[(i + a - 1) % height, (j + b - 1) % width] @ layers["Conv_0"]["kernel"][a, b]
            x = np.maximum(x @ layers["Conv_1"]["kernel"][0, 0] + layers["Conv_1"]["bias"], 0)
            answers[i, j] = x @ layers["Conv_2"]["kernel"][0, 0] + layers["Conv_2"]["bias"]
    return answers


def last(state: jax.Array) -> np.ndarray:
    """Channels last, float64."""
    return np.asarray(state, np.float64).transpose(1, 2, 0)


# --- the formula


@pytest.mark.parametrize("d_state", [1, 3])
def test_a_step_without_drops_is_the_formula(d_state: int) -> None:
    nca = NCA(size=12, d_state=d_state, dt=0.1, p_drop=0)
    params = some_params(nca)
    state, step = nca.init_state(KEY, params), jax.jit(nca.step_state)
    for _ in range(3):
        expected = np.clip(last(state) + 0.1 * slow_network(last(state), params), 0, 1)
        state = step(KEY, state, params)
        np.testing.assert_allclose(last(state), expected, rtol=1e-4, atol=1e-6)
    assert last(state).std() > 0.1


@pytest.mark.parametrize(("p_drop", "size"), [(0.5, 64), (0.5, 37), (0.8, 64)])
def test_a_step_with_drops_is_the_formula_where_cells_follow_it(p_drop: float, size: int) -> None:
    nca, full = (NCA(size=size, d_state=2, dt=0.1, p_drop=p) for p in (p_drop, 0.0))
    params = some_params(nca)
    state = 0.4 + 0.2 * nca.init_state(KEY, params)  # away from the ends, so that every cell has somewhere to go
    would, step = np.asarray(jax.jit(full.step_state)(KEY, state, params)), jax.jit(nca.step_state)
    before, followed = np.asarray(state), []
    for key in jax.random.split(KEY, 8):
        after = np.asarray(step(key, state, params))
        follows = (after != before).all(0)
        assert ((after == before).all(0) == ~follows).all()  # a cell moves as a whole or not at all
        np.testing.assert_allclose(after, np.where(follows, would, before), rtol=1e-6)
        followed.append(follows)
    share, again = np.mean(followed), np.mean(followed[0] & followed[1])
    assert abs(share - (1 - p_drop)) < 0.03
    assert abs(again - share**2) < 0.05  # the next step asks anew


def test_zero_weights_stay_put() -> None:
    for p_drop in (0, 0.5):
        nca = NCA(size=16, p_drop=p_drop)
        params = zero_params(nca)
        state = nca.init_state(KEY, params)
        assert (jax.jit(nca.step_state)(KEY, state, params) == state).all()


def test_the_default_time_step_is_the_one_published_worlds_ran_with_and_it_counts() -> None:
    def change(**options: float) -> jax.Array:
        nca = NCA(size=16, p_drop=0, **options)
        params = some_params(nca)
        state = jnp.full((1, 16, 16), 0.5).at[0, 3, 4].add(0.1)
        return jax.jit(nca.step_state)(KEY, state, params) - state

    assert (change() == change(dt=0.01)).all()
    np.testing.assert_allclose(change(dt=0.02), 2 * change(), rtol=1e-3, atol=1e-7)


def test_moving_the_start_moves_the_history() -> None:
    nca = NCA(size=16, d_state=2, dt=0.1, p_drop=0)
    params = some_params(nca)
    step = jax.jit(nca.step_state)
    here = nca.init_state(KEY, params)
    there = jnp.roll(here, (5, 11), (1, 2))
    for _ in range(10):
        here, there = step(KEY, here, params), step(KEY, there, params)
    np.testing.assert_allclose(jnp.roll(here, (5, 11), (1, 2)), there, atol=1e-5)
    assert not np.allclose(here, there, atol=0.1)


def test_worlds_side_by_side_have_networks_of_their_own() -> None:
    nca = NCA(size=16, d_state=2, dt=0.1)
    keys, step = jax.random.split(KEY, 3), jax.jit(nca.step_state)
    each = [some_params(nca, seed) for seed in range(3)]
    params = jax.tree.map(lambda *leaves: jnp.stack(leaves), *each)
    states = jnp.stack([nca.init_state(key, {}) for key in keys])
    together = jax.jit(jax.vmap(nca.step_state))(keys, states, params)
    for i, key in enumerate(keys):
        alone = step(key, states[i], each[i])
        np.testing.assert_allclose(together[i], alone, atol=1e-6)


# --- genotype, start, picture, measures


@pytest.mark.parametrize(("d_state", "size"), [(1, 137), (3, 243)])
def test_the_genotype_has_the_published_order(d_state: int, size: int) -> None:
    nca = NCA(size=8, d_state=d_state)
    assert GenotypeSpace(nca, "nca").size == size
    found = places(shapes(nca))
    sizes = [4, 36 * d_state, 16, 64, d_state, 16 * d_state]
    assert [place.removeprefix("net_params/params/") for place in found] == [
        f"Conv_{i}/{part}" for i in range(3) for part in ("bias", "kernel")
    ]
    assert [high - low for low, high in found.values()] == sizes
    layers = shapes(nca)["net_params"]["params"]
    assert [layers[f"Conv_{i}"]["kernel"].shape for i in range(3)] == [
        (3, 3, d_state, 4),
        (1, 1, 4, 16),
        (1, 1, 16, d_state),
    ]


def test_random_networks_have_variance_one_over_inputs_and_no_biases() -> None:
    many = jax.jit(jax.vmap(NCA(d_state=3).default_params))(jax.random.split(KEY, 400))["net_params"]["params"]
    for name, inputs in (("Conv_0", 27), ("Conv_1", 4), ("Conv_2", 16)):
        assert abs(float(many[name]["kernel"].var()) * inputs - 1) < 0.05
        assert (many[name]["bias"] == 0).all()


def test_a_start_is_even_noise() -> None:
    nca = NCA(d_state=3)
    state = nca.init_state(KEY, {})
    assert state.shape == (3, 128, 128)
    assert 0 <= state.min() < 0.01 < 0.99 < state.max() < 1
    assert abs(float(state.mean()) - 0.5) < 0.01
    assert abs(float(state.std()) - 12**-0.5) < 0.01


@pytest.mark.parametrize("d_state", [1, 3, 4])
def test_the_first_three_numbers_are_red_green_and_blue(d_state: int) -> None:
    nca = NCA(size=8, d_state=d_state)
    state = nca.init_state(KEY, {})
    picture = np.asarray(nca.render_state(state, {}, img_size=24))
    for channel in range(3):
        expected = np.asarray(state[channel]) if channel < d_state else np.zeros((8, 8))
        assert np.array_equal(picture[:, :, channel], np.kron(expected, np.ones((3, 3))))


def test_measures_of_moments_known_by_hand() -> None:
    nca = NCA(size=8, dt=0.5)
    measures = jax.jit(nca.measures)
    still = zero_params(nca)
    board = jnp.asarray(np.indices((8, 8)).sum(0) % 2, jnp.float32)[None]

    def measured(state: jax.Array, params: Tree) -> dict[str, float]:
        return {name: pytest.approx(float(value)) for name, value in measures(state, params).items()}

    flat = {"mean": 0.25, "contrast": 0, "activity": 0, "saturation": 0, "edges": 0}
    assert measured(jnp.full((1, 8, 8), 0.25), still) == flat
    assert measured(board, still) == {"mean": 0.5, "contrast": 0.5, "activity": 0, "saturation": 1, "edges": 1}
    halves = jnp.zeros((1, 8, 8)).at[:, :, :4].set(1)  # two of the eight columns differ from the one before
    assert measured(halves, still)["edges"] == 0.125
    still["net_params"]["params"]["Conv_2"]["bias"] = jnp.array([0.1])
    assert measured(board, still)["activity"] == 0.025  # half of the cells rise by 0.05, the others are at the end


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": 3}, "size is 3; expected a whole number from 4"),
        ({"size": True}, "whole number"),
        ({"d_state": 0}, "from 1 to 16"),
        ({"dt": -0.1}, "dt is -0.1; expected a number from 0"),
        ({"dt": float("nan")}, "dt is nan"),
        ({"p_drop": 1.0}, "from 0 to 0.999"),
        ({"p_drop": float("-inf")}, "p_drop is -inf"),
    ],
)
def test_options_that_make_no_world_are_refused(options: dict, said: str) -> None:
    with pytest.raises(BadOption, match=said):
        NCA(**options)

"""Discrete neural cellular automata draw what the published formula says, computed here slowly and in float64."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.genotype import GenotypeSpace, places
from alife.plugins.dnca import DNCA, choose, see
from alife.plugins.nca import think
from alife.types import Tree
from alife.worlds.lattice import PALETTE, random_fractions

from .test_nca import shapes, slow_network, zero_params

KEY = jax.random.key(0)
BEYOND = {2: 10.8, 3: 13.8, 5: 18.5, 7: 24.3}
"""Chi-square that one fair sample in a thousand exceeds, by degrees of freedom; every draw here has a fixed key."""


def some_params(dnca: DNCA, seed: int = 1, size: float = 0.5) -> Tree:
    """A genotype in which no number is zero."""
    space = GenotypeSpace(dnca, "dnca")
    return space.unflatten(size * jax.random.normal(jax.random.key(seed), (space.size,)))


def random_cells(dnca: DNCA) -> jax.Array:
    shape = (dnca.size, dnca.size)
    return jax.random.randint(jax.random.key(5), shape, 0, dnca.d_state).astype(jnp.uint8)


def slow_logits(dnca: DNCA, cells: jax.Array, params: Tree) -> np.ndarray:
    """(network(one-hot) + bias one-hot) / temperature, [h, w, S]."""
    one_hot = np.eye(dnca.d_state)[np.asarray(cells)]
    return (slow_network(one_hot, params) + dnca.identity_bias * one_hot) / dnca.temperature


def softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(np.asarray(logits, np.float64) - np.max(logits))
    return weights / weights.sum()


def chi_square(cells: jax.Array, p: np.ndarray) -> float:
    expected = cells.size * p
    return float(((np.bincount(np.asarray(cells).ravel(), minlength=len(p)) - expected) ** 2 / expected).sum())


# --- the network


@pytest.mark.parametrize("d_state", [3, 8])
def test_tables_and_thoughts_are_the_network(d_state: int) -> None:
    dnca = DNCA(size=9, d_state=d_state, temperature=1.0)
    params, cells = some_params(dnca), random_cells(dnca)

    @jax.jit
    def answers(params: Tree) -> jax.Array:
        genes = dnca.express(params)
        return jnp.stack(think(see(cells, genes.tables), genes.layers), axis=-1)

    np.testing.assert_allclose(answers(params), slow_logits(dnca, cells, params), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("identity_bias", [0.0, -0.4])
def test_a_cold_step_takes_the_likeliest_state(identity_bias: float) -> None:
    dnca = DNCA(size=12, temperature=1e-6, identity_bias=identity_bias)
    params, cells = some_params(dnca), random_cells(dnca)
    expected = slow_logits(dnca, cells, params)
    two = np.sort(expected * dnca.temperature, axis=-1)[:, :, -2:]
    clear = two[:, :, 1] - two[:, :, 0] > 1e-4
    after = jax.jit(dnca.step_state)(KEY, cells, dnca.express(params))
    assert clear.mean() > 0.95
    assert (np.asarray(after) == expected.argmax(-1))[clear].all()
    assert len(np.unique(after)) > 2


# --- drawing


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("count", [3, 6, 8])
def test_states_are_drawn_as_often_as_softmax_says(count: int, seed: int) -> None:
    logits = np.random.default_rng(seed).normal(size=count) * 1.5
    u = random_fractions(jax.random.key(seed), (512, 512))
    drawn = jax.jit(choose)(u, [jnp.float32(x) for x in logits])
    assert chi_square(drawn, softmax(logits)) < BEYOND[count - 1]


def test_drawing_is_exact_between_the_ends_of_the_line() -> None:
    u = jnp.linspace(0, 1, 4096, endpoint=False).reshape(64, 64)
    p = np.array([0.125, 0.5, 0.25, 0.125])
    drawn = choose(u, [jnp.log(jnp.float32(x)) for x in p])
    assert np.abs(np.bincount(drawn.ravel()) - 4096 * p).max() <= 1


@pytest.mark.parametrize("far", [200.0, 1e4, 1e30])
def test_what_cannot_be_is_never_drawn(far: float) -> None:
    u = jnp.array([[0.0, 0.3, 0.6, 1 - 2**-24]])
    certain = [jnp.float32(-far), jnp.float32(far), jnp.float32(0)]
    assert (choose(u, certain) == 1).all()
    assert set(np.unique(choose(u, [jnp.float32(0), jnp.float32(-far), jnp.float32(0)]))) == {0, 2}


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_a_warm_step_draws_from_the_formula(temperature: float) -> None:
    dnca = DNCA(size=256, temperature=temperature, identity_bias=0.2)
    params = some_params(dnca, size=0.15)
    cells = jnp.full((256, 256), 3, jnp.uint8)  # all cells see the same, so all draw from one distribution
    p = softmax(slow_logits(DNCA(size=4, temperature=temperature, identity_bias=0.2), cells[:4, :4], params)[0, 0])
    after = jax.jit(dnca.step_state)(KEY, cells, dnca.express(params))
    assert p.max() < 0.99
    assert chi_square(after, p) < BEYOND[7]


def test_the_start_is_drawn_from_its_logits() -> None:
    dnca = DNCA(size=256)
    params = some_params(dnca)
    draw = jax.jit(lambda params: dnca.init_state(KEY, dnca.express(params)))
    start = draw(params)
    assert start.dtype == jnp.uint8
    assert chi_square(start, softmax(params["init"][0])) < BEYOND[7]
    born = draw(zero_params(dnca))
    assert chi_square(born, np.full(8, 1 / 8)) < BEYOND[7]
    assert (dnca.default_params(KEY)["init"] == 0).all()


def test_each_step_and_each_key_draws_anew() -> None:
    dnca = DNCA(size=32)
    genes = dnca.express(zero_params(dnca))
    step = jax.jit(dnca.step_state)
    first, second = (step(key, random_cells(dnca), genes) for key in jax.random.split(KEY))
    assert abs(float((first == second).mean()) - 1 / 8) < 0.05


# --- oracles


def test_a_zero_network_with_a_large_bias_stays_put() -> None:
    dnca = DNCA(size=32, identity_bias=1.0)
    cells = random_cells(dnca)
    assert (jax.jit(dnca.step_state)(KEY, cells, dnca.express(zero_params(dnca))) == cells).all()


def test_the_bias_sets_how_many_cells_stay() -> None:
    dnca = DNCA(size=256, temperature=0.5, identity_bias=1.0)
    cells = random_cells(dnca)
    stayed = (jax.jit(dnca.step_state)(KEY, cells, dnca.express(zero_params(dnca))) == cells).mean()
    assert abs(float(stayed) - np.exp(2) / (np.exp(2) + 7)) < 0.01


def test_moving_the_start_moves_the_history() -> None:
    dnca = DNCA(size=24, temperature=1e-6)
    genes = dnca.express(some_params(dnca))
    step = jax.jit(dnca.step_state)
    here = random_cells(dnca)
    there = jnp.roll(here, (7, 13), (0, 1))
    for key in jax.random.split(KEY, 5):
        here, there = step(key, here, genes), step(key, there, genes)
    assert (jnp.roll(here, (7, 13), (0, 1)) == there).all()
    assert (here != there).any()


def test_worlds_side_by_side_have_networks_of_their_own() -> None:
    dnca = DNCA(size=16, temperature=1e-6)
    genes = [dnca.express(some_params(dnca, seed)) for seed in range(3)]
    cells = random_cells(dnca)
    step = jax.jit(dnca.step_state)
    together = jax.jit(jax.vmap(dnca.step_state, (None, None, 0)))(
        KEY, cells, jax.tree.map(lambda *leaves: jnp.stack(leaves), *genes)
    )
    for after, own in zip(together, genes, strict=True):
        assert (after == step(KEY, cells, own)).mean() > 0.99  # a tie may fall to the other side
    assert (together[0] != together[1]).mean() > 0.2


# --- genotype, picture, measures


@pytest.mark.parametrize(
    ("d_state", "size"), [(8, 8 + 4 + 288 + 16 + 64 + 8 + 128), (2, 2 + 4 + 72 + 16 + 64 + 2 + 32)]
)
def test_the_genotype_has_the_published_order(d_state: int, size: int) -> None:
    dnca = DNCA(size=8, d_state=d_state)
    params = shapes(dnca)
    assert GenotypeSpace(dnca, "dnca").size == size
    assert params["init"].shape == (1, d_state)
    assert list(places(params)) == [
        "init",
        *(f"net_params/params/Conv_{i}/{part}" for i in range(3) for part in ("bias", "kernel")),
    ]
    assert params["net_params"]["params"]["Conv_0"]["kernel"].shape == (3, 3, d_state, 4)


def test_every_state_has_its_colour() -> None:
    dnca = DNCA(size=8)
    cells = random_cells(dnca)
    picture = np.asarray(dnca.render_state(cells, dnca.express(zero_params(dnca)), img_size=24))
    assert np.array_equal(picture, PALETTE[np.kron(np.asarray(cells), np.ones((3, 3), int))])


def test_measures_of_moments_known_by_hand() -> None:
    dnca = DNCA(size=8, d_state=4, identity_bias=1.0)
    genes = dnca.express(zero_params(dnca))

    def measured(cells: np.ndarray, world: DNCA = dnca) -> dict[str, float]:
        found = jax.jit(world.measures)(jnp.asarray(cells, jnp.uint8), genes)
        return {name: pytest.approx(float(value), abs=1e-6) for name, value in found.items()}

    flat = {"entropy": 0, "majority": 1, "activity": 0, "edges": 0, "chance": 0}
    assert measured(np.full((8, 8), 2)) == flat
    board = np.indices((8, 8)).sum(0) % 2
    assert measured(board) == {"entropy": 1, "majority": 0.5, "activity": 0, "edges": 1, "chance": 0}
    stripes = np.arange(8)[:, None] % 4 + np.zeros((8, 8))
    assert measured(stripes) == {"entropy": 2, "majority": 0.25, "activity": 0, "edges": 0.5, "chance": 0}
    restless = DNCA(size=8, d_state=4, temperature=1.0, identity_bias=-1000.0)
    assert measured(board, restless)["activity"] == 1
    assert measured(board, restless)["chance"] == 2 / 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": 3}, "size is 3; expected a whole number from 4"),
        ({"d_state": 9}, "from 2 to 8"),
        ({"d_state": 1}, "from 2 to 8"),
        ({"temperature": 0.0}, "temperature is 0.0; expected a number from 1e-06"),
        ({"temperature": float("inf")}, "temperature is inf"),
        ({"identity_bias": float("nan")}, "identity_bias is nan"),
    ],
)
def test_options_that_make_no_world_are_refused(options: dict, said: str) -> None:
    with pytest.raises(BadOption, match=said):
        DNCA(**options)

"""Boids steer, fly and look as published, and a flock does not know which way is up."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.genotype import GenotypeSpace
from alife.plugins.boids import Boids
from alife.plugins.flock import Birds

from .flocks import KEY, apart, birds, history, measured, quarter_turn, slow_frame, slow_step


def network(seed: int = 0) -> dict:
    """A random network whose biases matter, too."""
    params = Boids().default_params(jax.random.key(seed))
    leaves, tree = jax.tree.flatten(params)
    noise = [0.3 * jax.random.normal(jax.random.key(100 * seed + i), leaf.shape) for i, leaf in enumerate(leaves)]
    return jax.tree.unflatten(tree, [leaf + extra for leaf, extra in zip(leaves, noise, strict=True)])


def always(turn: float) -> dict:
    """A network that turns in the same way whatever it sees: left (1) or right (-1)."""
    params = jax.tree.map(jnp.zeros_like, network())
    params["net_params"]["params"]["Dense_3"]["bias"] = jnp.full(1, 20.0 * turn)
    return params


def asked(params: dict):
    """The acceleration of one bird, straight from the definition."""
    layers = [params["net_params"]["params"][f"Dense_{i}"] for i in range(4)]
    (w0, b0), (w1, b1), (w2, b2), (w3, b3) = (
        (np.asarray(layer["kernel"], np.float64), np.asarray(layer["bias"], np.float64)) for layer in layers
    )

    def acceleration(v: np.ndarray, r: np.ndarray, near: np.ndarray) -> np.ndarray:
        if not len(r):
            return np.zeros(2)
        left = np.array([-v[1], v[0]])
        seen = np.stack([50 * r @ v, 50 * r @ left, near @ v, near @ left], axis=1)
        mean = np.tanh(np.tanh(seen @ w0 + b0) @ w1 + b1).mean(0)
        return 60 * np.tanh(np.tanh(mean @ w2 + b2) @ w3 + b3) * left

    return acceleration


# --- the definition


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"wrap": True},
        {"n_boids": 60, "n_nbrs": 5, "visual_range": 0.3, "speed": 2.0, "dt": 0.02, "side": 1.5, "wrap": True},
        {"n_boids": 500, "visual_range": 0.15},  # so many are looked for in cells
    ],
)
def test_a_step_is_the_published_one(options: dict) -> None:
    boids = Boids(**options)
    step = jax.jit(boids.step_state)
    for seed, spread in enumerate([1.0, 0.12, 0.4]):
        state, params = birds(boids.n_boids, seed, spread, boids.side), network(seed)
        assert apart(step(KEY, state, params), slow_step(boids, state, asked(params)), boids.side) < 5e-6


@pytest.mark.parametrize(
    ("options", "size"), [({}, 224), ({"n_boids": 9, "bird_size": 0.1, "sharpness": 10, "side": 2}, 50)]
)
def test_a_frame_is_the_published_one(options: dict, size: int) -> None:
    boids = Boids(**{"n_nbrs": 3, **options})
    state = birds(boids.n_boids, side=boids.side)
    frame = np.asarray(boids.render_state(state, None, img_size=size))
    difference = np.abs(frame - slow_frame(boids, state, size))
    assert difference.mean() < 2e-4 and difference.max() < 0.02


def test_the_genotype_is_the_published_tree() -> None:
    space = GenotypeSpace(Boids(), "boids")
    layers = space.unflatten(np.arange(193.0))["net_params"]["params"]
    assert space.size == 193
    assert layers["Dense_0"]["bias"][0] == 0 and layers["Dense_0"]["kernel"][1, 0] == 8 + 8
    assert layers["Dense_3"]["bias"].shape == (1,) and layers["Dense_3"]["kernel"][-1, 0] == 192
    drawn = jax.vmap(Boids().default_params)(jax.random.split(KEY, 500))["net_params"]["params"]
    assert all(not layer["bias"].any() for layer in drawn.values())
    for layer in drawn.values():
        assert float(layer["kernel"].var()) == pytest.approx(1 / layer["kernel"].shape[1], rel=0.05)


# --- facts


@pytest.mark.parametrize("wrap", [False, True])
def test_turning_the_flock_turns_its_history(wrap: bool) -> None:
    boids, params = Boids(wrap=wrap), network(3)
    state = birds(128, seed=5)  # some fly over every edge
    later, turned = history(boids, state, params, 25), history(boids, quarter_turn(state), params, 25)
    assert apart(turned, quarter_turn(later)) < 2e-3
    assert apart(later, state) > 0.1


def test_on_a_torus_a_shifted_flock_has_a_shifted_history() -> None:
    state, params = birds(128, seed=6), network(4)
    moved = state._replace(x=(state.x + jnp.array([0.25, 0.5])) % 1)
    ends = [history(Boids(wrap=wrap), start, params, 20) for wrap in (True, False) for start in (state, moved)]
    back = [end._replace(x=end.x - jnp.array([0.25, 0.5])) for end in ends[1::2]]
    assert apart(ends[0], back[0]) < 2e-3
    assert apart(ends[2], back[1]) > 0.01  # where distances end at the edges it matters where these are


@pytest.mark.parametrize("params", [jax.tree.map(jnp.zeros_like, network()), None], ids=["no network", "nobody near"])
def test_straight_flight_at_constant_speed(params: dict | None) -> None:
    state = birds(128, seed=1)
    if params is None:
        params, state = always(1), Birds(*(part[:1].repeat(2, 0) for part in state))
        state = state._replace(x=jnp.array([[0.1, 0.1], [0.6, 0.6]]), v=jnp.array([[0.6, 0.8], [0.6, 0.8]]))
    boids = Boids(n_boids=len(state.x), n_nbrs=1)
    later = history(boids, state, params, 40)
    assert apart(later, Birds(state.x + 40 * 0.5 * 0.01 * state.v, state.v)) < 1e-5


@pytest.mark.parametrize("side", [1, -1])
def test_left_is_left(side: int) -> None:
    state = Birds(jnp.array([[0.5, 0.5], [0.52, 0.5]]), jnp.array([[1.0, 0.0], [1.0, 0.0]]))
    later = history(Boids(n_boids=2, n_nbrs=1), state, always(side), 1)
    assert np.allclose(later.v, np.array([1, 0.6 * side]) / np.hypot(1, 0.6), atol=1e-6)
    assert np.allclose(later.x, state.x + 0.005 * later.v, atol=1e-6)


def test_only_so_many_and_only_so_far() -> None:
    boids, params = Boids(n_boids=20, n_nbrs=4, visual_range=0.2), network(2)
    line = jnp.stack([0.05 * jnp.arange(20) ** 1.01 % 1, jnp.full(20, 0.5)], 1)
    state = birds(20)._replace(x=line.at[0].set(jnp.array([0.5, 0.0])))

    def heading(who: int, changed: int) -> jax.Array:
        other = state._replace(v=state.v.at[changed].multiply(-1))
        return history(boids, other, params, 1).v[who] - history(boids, state, params, 1).v[who]

    assert np.abs(heading(10, 12)).max() > 1e-4  # one of the four nearest
    assert np.abs(heading(10, 13)).max() == 0  # within sight, but the fifth and more
    assert np.abs(heading(0, 10)).max() == 0  # far away
    assert np.abs(heading(10, 0)).max() == 0


def test_headings_stay_unit_vectors_and_birds_in_the_world() -> None:
    later = history(Boids(speed=40), birds(128), network(), 200)
    assert np.allclose(np.linalg.norm(later.v, axis=1), 1, atol=1e-6)
    assert ((later.x >= 0) & (later.x <= 1)).all()


# --- looks and measures


def test_the_first_bird_is_red_and_on_top() -> None:
    boids = Boids(n_boids=2, n_nbrs=1, bird_size=0.1)
    state = Birds(jnp.array([[0.4, 0.2], [0.4, 0.2]]), jnp.array([[1.0, 0.0], [1.0, 0.0]]))
    picture = boids.render_state(state, None, img_size=101)
    assert np.allclose(picture[50, 20], [1, 0, 0], atol=0.01)
    assert np.allclose(picture[62, 20], [1, 0, 0], atol=0.05)  # it flies down: the first axis is the first coordinate
    assert np.allclose(picture[20, 50], 1)
    apart = boids.render_state(state._replace(x=state.x.at[0].set(0.7)), None, img_size=101)
    assert np.allclose(apart[50, 20], 0, atol=0.01)


def test_measures_of_flocks_known_by_hand() -> None:
    boids, straight = Boids(), jax.tree.map(jnp.zeros_like, network())

    def look(x: np.ndarray, v: np.ndarray, params: dict = straight) -> dict[str, float]:
        numbers = measured(boids, Birds(jnp.asarray(x, jnp.float32), jnp.asarray(v, jnp.float32)), params)
        return {name: float(value) for name, value in numbers.items()}

    angle = 2 * np.pi * np.arange(128) / 128
    out, along = np.stack([np.cos(angle), np.sin(angle)], 1), np.stack([-np.sin(angle), np.cos(angle)], 1)
    ring = look((0.9 + 0.2 * out) % 1, along)  # a mill, across the edges
    assert ring["milling"] == pytest.approx(1, abs=1e-4) and ring["alignment"] == pytest.approx(0, abs=1e-4)
    assert ring["spacing"] == pytest.approx(0.2 * 2 * np.pi / 128 / 0.1, rel=1e-3) and ring["turning"] < 1e-3
    column = look(0.5 + 0.001 * out, np.tile([0.6, 0.8], (128, 1)), always(-1))
    assert column["alignment"] == pytest.approx(1) and column["in_view"] == 16
    assert column["turning"] == pytest.approx(np.arctan(0.6) / 0.01, rel=1e-4)
    assert column["clustering"] > 50
    grid = np.stack(np.meshgrid(np.arange(16) / 16, np.arange(8) / 8), -1).reshape(-1, 2) + 0.01
    lattice = look(grid, out)
    assert lattice["clustering"] == 0 and lattice["alignment"] < 1e-5
    assert lattice["spacing"] == pytest.approx(1 / 16 / 0.1, rel=1e-4)


def test_a_larger_world_is_as_crowded() -> None:
    n, options = Boids().scaled(16)
    assert (n, options["n_boids"], options["side"]) == (2048, 2048, 4)
    large, params = Boids(**options), network()
    state = large.init_state(KEY, params)
    assert float(state.x.max()) > 3.9
    seen = [float(measured(b, b.init_state(KEY, params), params)["in_view"]) for b in (large, Boids())]
    assert seen[0] == pytest.approx(seen[1], rel=0.25)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"visual_range": 0.51}, "half of the world"),
        ({"visual_range": 0}, "visual_range"),
        ({"visual_range": float("nan")}, "visual_range"),
        ({"n_boids": 16}, "15 others"),
        ({"n_nbrs": 0}, "n_nbrs"),
        ({"n_boids": 1}, "two boids"),
        ({"speed": -1}, "speed"),
        ({"dt": 0}, "dt"),
        ({"side": 0.1}, "half of the world"),
        ({"bird_size": 2}, "bird_size"),
        ({"sharpness": 0.5}, "sharpness"),
    ],
)
def test_options_that_make_no_world_are_refused(options: dict, said: str) -> None:
    with pytest.raises(BadOption, match=said):
        Boids(**options)

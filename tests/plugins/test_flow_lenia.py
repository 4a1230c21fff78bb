"""Flow Lenia: against the published formulas written out with no thought of speed, and what must never change."""

from __future__ import annotations

from functools import cache, partial
from itertools import product
from math import erf, exp, floor, hypot

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.plugins.flow_lenia import FlowLenia, Genes, State
from alife.worlds import flow

KEY = jax.random.key(0)
RADIUS = (4, 10)
move, move_choosing, move_mixing = (
    jax.jit(way, static_argnames=("spread", "limit")) for way in (flow.move, flow.move_choosing, flow.move_mixing)
)
HOW = {"spread": 0.65, "limit": 1.85}
RANGES = {
    "m": (0.05, 0.5),
    "s": (0.001, 0.18),
    "h": (0.01, 1),
    "a": (0, 1),
    "b": (0.001, 1),
    "w": (0.01, 0.5),
    "r": (0.2, 1),
}


def between(ends: tuple[float, float], x: np.ndarray) -> np.ndarray:
    """low + (high - low) times the part of a standard normal distribution below x."""
    return ends[0] + (ends[1] - ends[0]) * (1 + np.vectorize(erf)(np.asarray(x, float) / 2**0.5)) / 2


@cache
def small(links: tuple[tuple[int, ...], ...] = ((3,),), **options) -> FlowLenia:
    """A small and slow world; the same one for the same options, so that it is compiled once."""
    return FlowLenia(world_size=24, radius=RADIUS, patch=8, grain=2, links=links, **{"limit": 0.85} | options)


def born(life: FlowLenia, seed: int, calm: float = 0) -> dict:
    """A random genotype, from NumPy: compiling `default_params` for every world would take most of the time.

    calm: added to s; with 2, rounding is not amplified.
    """
    rng, shapes = np.random.default_rng(seed), jax.eval_shape(life.default_params, KEY)
    params = jax.tree.map(lambda leaf: jnp.asarray(rng.standard_normal(leaf.shape), leaf.dtype), shapes)
    return params | {"s": params["s"] + calm}


@partial(jax.jit, static_argnums=0)
def grown(life: FlowLenia, params: dict) -> tuple[Genes, State]:
    """What a genotype means, and its start."""
    genes = life.express(params)
    return genes, life.init_state(KEY, genes)


@partial(jax.jit, static_argnums=0)
def stepped(life: FlowLenia, state: State, genes: Genes, count: int = 1) -> State:
    """The state some steps later."""
    return jax.lax.fori_loop(0, count, lambda i, s: life.step_state(jax.random.fold_in(KEY, i), s, genes), state)


@partial(jax.jit, static_argnums=0)
def measured(life: FlowLenia, state: State, genes: Genes) -> dict[str, jax.Array]:
    return life.measures(state, genes)


# --- the formulas, in double precision, cell by cell


class Reference:
    """One step as published, on a torus.  It throws matter from each cell, where the plugin gathers it."""

    def __init__(self, genotype: dict, routes: list[tuple[int, int]], size: int, radius: tuple[float, float]) -> None:
        self.size, self.routes = size, routes
        self.value = {name: between(ends, genotype[name]) for name, ends in RANGES.items()}
        largest = between(radius, genotype["R"])
        self.kernels = [self.kernel(k, float(largest * self.value["r"][k])) for k in range(len(routes))]

    def kernel(self, k: int, radius: float) -> np.ndarray:
        """kernel[i, j]: how a cell weighs the one i rows below and j columns to the right."""
        kernel = np.zeros((self.size, self.size))
        for i, j in product(range(self.size), repeat=2):
            distance = hypot(min(i, self.size - i), min(j, self.size - j)) / radius
            rings = zip(self.value["a"][k], self.value["b"][k], self.value["w"][k], strict=True)
            kernel[i, j] = sum(b * exp(-((distance - a) ** 2) / (2 * w**2)) for a, b, w in rings)
            kernel[i, j] /= 1 + exp(10 * (distance - 1))
        return kernel / kernel.sum()

    def displacement(self, matter: np.ndarray, h: np.ndarray, dt: float = 0.2, theta: float = 2, n: float = 2):
        """h: weight of each kernel in each cell."""
        liking = np.zeros_like(matter)
        for k, (c0, c1) in enumerate(self.routes):
            places = product(range(self.size), repeat=2)
            seen = sum(self.kernels[k][i, j] * np.roll(matter[c0], (-i, -j), (0, 1)) for i, j in places)
            liking[c1] += h[k] * (2 * np.exp(-((seen - self.value["m"][k]) ** 2) / (2 * self.value["s"][k] ** 2)) - 1)
        crowd = matter.sum(0)
        alpha = np.minimum((crowd / theta) ** n, 1)
        apart = sobel(crowd)
        return np.stack([dt * ((1 - alpha) * sobel(u) - alpha * apart) for u in liking], 1)

    def throw(self, matter: np.ndarray, displacement: np.ndarray, sigma: float = 0.65, limit: float = 0.85):
        """What each cell gives to each: a list of (channel, from, to, amount)."""
        given = []
        for channel, row, column in product(range(len(matter)), range(self.size), range(self.size)):
            y, x = (
                q + 0.5 + np.clip(d, -limit, limit)
                for q, d in zip((row, column), displacement[:, channel, row, column], strict=True)
            )
            rows, columns = (range(floor(q - sigma), floor(q + sigma) + 1) for q in (y, x))
            for i, j in product(rows, columns):
                high = min(y + sigma, i + 1) - max(y - sigma, i)
                wide = min(x + sigma, j + 1) - max(x - sigma, j)
                amount = matter[channel, row, column] * high * wide / (2 * sigma) ** 2
                given.append((channel, (row, column), (i % self.size, j % self.size), amount))
        return given


def sobel(field: np.ndarray) -> np.ndarray:
    """Change from row to row and from column to column, smoothed across by 1 2 1, over two cells."""
    smooth = {axis: 2 * field + np.roll(field, 1, axis) + np.roll(field, -1, axis) for axis in (0, 1)}
    return np.stack([np.roll(smooth[1 - axis], -1, axis) - np.roll(smooth[1 - axis], 1, axis) for axis in (0, 1)])


def world(links: tuple[tuple[int, ...], ...] = ((3,),), **options) -> tuple[FlowLenia, dict, Reference, np.ndarray]:
    """A small world, a genotype, the reference, and matter that is dense, sparse and absent in places."""
    life = small(links, **options)
    params = born(life, 3)
    routes = [(i, j) for i, row in enumerate(links) for j, count in enumerate(row) for _ in range(count)]
    reference = Reference({name: np.asarray(x) for name, x in params.items()}, routes, 24, RADIUS)
    matter = np.maximum(np.random.default_rng(0).normal(0.5, 0.7, (len(links), 24, 24)), 0).astype(np.float32)
    matter[:, 15:, 5:9] = 0
    return life, params, reference, matter


def test_one_step_of_one_species_is_the_published_formula() -> None:
    life, params, reference, matter = world(limit=1.5, dt=0.4, theta=1.5, n=3)
    h = reference.value["h"][0]
    where = reference.displacement(matter.astype(float), h[:, None, None], dt=0.4, theta=1.5, n=3)
    assert np.abs(where * (matter > 0)).max() > 1.5  # some matter goes far
    expected = np.zeros_like(matter, float)
    for channel, _, (i, j), amount in reference.throw(matter.astype(float), where, limit=1.5):
        expected[channel, i, j] += amount
    after = stepped(life, State(jnp.asarray(matter), None), grown(life, params)[0])
    np.testing.assert_allclose(after.matter, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mix", ["average", "choose"])
def test_one_step_of_three_species_in_two_channels_is_the_published_formula(mix: str) -> None:
    life, params, reference, matter = world(((2, 1), (1, 1)), species=3, mix=mix)
    rng = np.random.default_rng(1)
    shares = rng.dirichlet([0.5] * 3, (24, 24)).transpose(2, 0, 1).astype(np.float32)
    if mix == "choose":
        shares = (shares == shares.max(0)).astype(np.float32)
    carried = jnp.asarray(shares if mix == "average" else shares.argmax(0))
    h = np.einsum("sk,shw->khw", reference.value["h"], shares)
    expected, arrived = np.zeros_like(matter, float), np.zeros((3, 24, 24))
    for channel, origin, (i, j), amount in reference.throw(
        matter.astype(float), reference.displacement(matter.astype(float), h)
    ):
        expected[channel, i, j] += amount
        arrived[:, i, j] += amount * shares[:, *origin]
    after = stepped(life, State(jnp.asarray(matter), carried), grown(life, params)[0])
    np.testing.assert_allclose(after.matter, expected, rtol=1e-4, atol=1e-5)
    some = expected.sum(0) > 1e-3
    if mix == "average":
        np.testing.assert_allclose(
            after.carried[:, some], (arrived[:, some] / arrived.sum(0)[some]), rtol=1e-4, atol=1e-4
        )
    else:
        taken = np.take_along_axis(arrived, np.asarray(after.carried)[None], 0)[0]
        assert (taken[some] > 0).all()


def test_a_picture_is_hue_by_weights_and_brightness_by_matter() -> None:
    life, params, reference, matter = world(((2, 1), (1, 1)), species=3, mix="choose")
    kind = np.arange(24 * 24).reshape(24, 24) % 3
    drawn = life.render_state(State(jnp.asarray(matter), jnp.asarray(kind)), grown(life, params)[0], img_size=48)
    for row, column in ((0, 0), (7, 20), (23, 10)):
        h = reference.value["h"][kind[row, column]]
        angle = np.angle(sum(weight * np.exp(2j * np.pi * k / 5) for k, weight in enumerate(h)))
        light = [
            sum(matter[c, row, column] * (0.6 + 0.5 * np.cos(angle - 2 * np.pi * (i / 3 + c / 6))) for c in range(2))
            for i in range(3)
        ]
        np.testing.assert_allclose(drawn[2 * row, 2 * column + 1], 1 - np.exp(-1.4 * np.array(light)), atol=1e-4)


# --- what must never change


@pytest.mark.parametrize("mix", ["average", "choose"])
def test_no_matter_is_made_or_lost_in_a_thousand_steps(mix: str) -> None:
    life = small(species=2, mix=mix)
    genes, state = grown(life, born(life, 1))
    after = stepped(life, state, genes, 1000)
    before, now = (np.asarray(s.matter, float).sum() for s in (state, after))
    assert abs(now / before - 1) < 1e-5
    assert float(after.matter.min()) >= 0
    assert float(jnp.abs(after.matter - state.matter).mean()) > 0.01  # it did live


def test_even_matter_stays_even() -> None:
    life, params, *_ = world()
    even = State(jnp.full((1, 24, 24), 0.7), None)
    np.testing.assert_allclose(stepped(life, even, grown(life, params)[0], 10).matter, 0.7, rtol=1e-4)


@pytest.mark.parametrize("turn", [lambda x: jnp.roll(x, (5, -7), (-2, -1)), lambda x: jnp.rot90(x, 1, (-2, -1))])
def test_a_moved_or_turned_start_has_a_moved_or_turned_history(turn) -> None:
    life = small(species=2, mix="average")
    genes, state = grown(life, born(life, 4, calm=2))
    turned, plain = (stepped(life, start, genes, 12) for start in (jax.tree.map(turn, state), state))
    np.testing.assert_allclose(turned.matter, turn(plain.matter), atol=2e-3)
    assert float(jnp.abs(plain.matter - state.matter).max()) > 0.1


def test_matter_that_flows_nowhere_spreads_by_the_square_alone() -> None:
    point = jnp.zeros((1, 8, 8)).at[0, 0, 4].set(1.0)
    still = jnp.zeros((2, 1, 8, 8))
    line = np.array([0.15, 1, 0.15]) / 1.3  # a segment of 1.3 on cells of 1
    np.testing.assert_allclose(jnp.roll(move(point, still, **HOW), 1, 1)[0, :3, 3:6], np.outer(line, line), atol=1e-6)
    np.testing.assert_array_equal(move(point, still, spread=0.5, limit=1.0), point)


def test_a_longer_limit_changes_nothing_where_the_flow_is_short() -> None:
    rng = np.random.default_rng(0)
    matter = jnp.asarray(rng.random((2, 16, 16)), jnp.float32)
    where = jnp.asarray(rng.uniform(-1.85, 1.85, (2, 2, 16, 16)), jnp.float32)
    np.testing.assert_allclose(move(matter, where, **HOW), move(matter, where, spread=0.65, limit=4.35), atol=1e-5)


def test_slope_is_eight_per_rise_of_one() -> None:
    rows, columns = flow.slope(jnp.broadcast_to(jnp.arange(9.0)[:, None], (9, 9)))
    assert (rows[2:-2] == 8).all() and (columns == 0).all()


# --- species


@pytest.mark.parametrize("mix", ["average", "choose"])
def test_identical_species_behave_as_one(mix: str) -> None:
    one, two = small(), small(species=2, mix=mix)
    params = born(one, 0, calm=2)
    genes, start = grown(one, params)
    alone = stepped(one, start, genes, 20)
    twice, halves = grown(two, params | {"h": jnp.repeat(params["h"], 2, 0)})
    together = stepped(two, State(start.matter, halves.carried), twice, 20)
    np.testing.assert_allclose(together.matter, alone.matter, atol=1e-3)
    assert float(jnp.abs(alone.matter - start.matter).max()) > 0.1


def test_average_weights_stay_between_those_of_the_species() -> None:
    life = small(species=2, mix="average")
    genes, state = grown(life, born(life, 0))
    after = stepped(life, state, genes, 60)
    assert float(after.carried.min()) >= 0
    np.testing.assert_allclose(after.carried.sum(0), 1, atol=1e-4)
    assert ((after.carried.max(0) < 0.9) & (after.matter[0] > 1e-3)).sum() > 20  # they did mix


def test_a_species_is_chosen_in_proportion_to_the_matter_that_comes() -> None:
    # Columns 2 and 4 send 3/4 and 1/4 of what column 3 gets; every row draws another chance.
    chances = np.linspace(0, 1, 400, endpoint=False, dtype=np.float32)
    matter = np.zeros((1, 400, 8), np.float32)
    matter[0, :, 2], matter[0, :, 4] = 3, 1
    where = np.zeros((2, 1, 400, 8), np.float32)
    where[1, 0, :, 2], where[1, 0, :, 4] = 1, -1
    kind = np.tile(np.arange(8), (400, 1))
    after, chosen = move_choosing(
        jnp.asarray(matter), jnp.asarray(kind), jnp.asarray(where), jnp.tile(chances[:, None], 8), spread=0.5, limit=1.0
    )
    assert (after[0, :, 3] == 4).all()
    assert set(np.unique(chosen[:, 3])) == {2, 4}
    assert float((chosen[:, 3] == 2).mean()) == pytest.approx(0.75, abs=0.01)
    assert (chosen[:, 6] == 6).all()  # where nothing arrives nothing changes
    shares = jax.nn.one_hot(kind, 8, axis=0)
    _, mixed = move_mixing(jnp.asarray(matter), shares, jnp.asarray(where), spread=0.5, limit=1.0)
    np.testing.assert_allclose(mixed[:, 0, 3], [0, 0, 0.75, 0, 0.25, 0, 0, 0], atol=1e-6)


# --- genotype, start, measures


def test_random_genotypes_are_uniform_over_the_published_ranges() -> None:
    life = small(((250,),))
    genes, _ = grown(life, life.default_params(KEY))
    for name, found in (("m", genes.kernels.m), ("s", genes.kernels.s), ("h", genes.h)):
        low, high = RANGES[name]
        quartiles = np.quantile(np.asarray(found).ravel(), [0, 0.25, 0.5, 0.75, 1])
        np.testing.assert_allclose(quartiles, np.linspace(low, high, 5), atol=0.1 * (high - low))
    np.testing.assert_allclose(genes.kernels.spectra[..., 0, 0], 1, rtol=1e-4)  # kernels sum to 1


def test_the_start_is_squares_in_a_grid_of_the_species_in_turn() -> None:
    life = FlowLenia(world_size=48, radius=(5, 9), species=2, patches=4, patch=10, grain=5)
    _, state = grown(life, born(life, 0))
    full = np.zeros((48, 48), bool)
    for row, column in product((7, 31), repeat=2):
        full[row : row + 10, column : column + 10] = True
    assert ((np.asarray(state.matter[0]) > 0) == full).all()
    assert [int(state.carried[row, column]) for row, column in product((7, 31), repeat=2)] == [0, 1, 0, 1]
    assert len(np.unique(state.matter)) == 1 + 4 * 4  # nothing, and four blocks in each of four squares


def test_the_start_can_be_part_of_the_genotype() -> None:
    life = small(genotype="whole")
    params = born(life, 0)
    assert params["cells"].shape == (1, 1, 4, 4) and life.deterministic
    matter = grown(life, params)[1].matter[0]
    np.testing.assert_allclose(matter[8:16:2, 8:16:2], between((0, 1), params["cells"][0, 0]), rtol=1e-4)


def test_measures_of_moments_known_by_hand() -> None:
    life, params, reference, _ = world(species=2, mix="choose")
    genes, _ = grown(life, params)
    kind = jnp.asarray(np.arange(24) % 2 + np.zeros((24, 1)), jnp.int32)

    def found(matter: jnp.ndarray) -> dict[str, float]:
        return {name: float(value) for name, value in measured(life, State(matter, kind), genes).items()}

    even = found(jnp.full((1, 24, 24), 0.5))
    assert even["mass"] == pytest.approx(0.5) and even["fill"] == pytest.approx(1)
    assert even["species"] == pytest.approx(2, rel=1e-4)
    apart = np.abs(reference.value["h"][0] - reference.value["h"][1]) / 2
    assert even["diversity"] == pytest.approx(apart.mean(), rel=1e-3)
    heap = found(jnp.zeros((1, 24, 24)).at[0, 3, 4].set(2.0))
    assert heap["fill"] == pytest.approx(1 / 576) and heap["species"] == 1 and heap["diversity"] < 1e-3
    empty = found(jnp.zeros((1, 24, 24)))
    assert empty["mass"] == empty["activity"] == empty["speed"] == 0 and np.isfinite(list(empty.values())).all()


def test_speed_is_the_way_of_the_centre() -> None:
    life, params, _, matter = world()
    genes, _ = grown(life, params)
    state = State(jnp.asarray(matter).at[:, [0, 1, 2, -1, -2, -3]].set(0).at[:, :, [0, 1, 2, -1, -2, -3]].set(0), None)
    after = stepped(life, state, genes)
    centre = [np.array([(np.asarray(s.matter[0]) * q).sum() for q in np.indices((24, 24))]) for s in (state, after)]
    way = np.linalg.norm(centre[1] - centre[0]) / float(state.matter.sum())
    found = measured(life, state, genes)
    assert float(found["speed"]) == pytest.approx(way / 0.2, rel=1e-3)
    assert float(found["activity"]) > float(found["speed"]) > 0


def test_parameters_name_places_of_the_genotype() -> None:
    declared = FlowLenia(species=2, links=[[4]]).parameters()
    assert declared["R"].place == (0, 1) and declared["h"].place == (25, 33)
    assert max(p.place[1] for p in declared.values() if p.place) == 1 + 3 * 12 + 8 + 3 * 4
    for name, parameter in declared.items():
        if parameter.place is None:
            FlowLenia(**{name: parameter.low}), FlowLenia(**{name: parameter.high})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"world_size": 64}, r"radius is \(17, 40\); expected .* <= 32 cells, half the world"),
        ({"radius": [5, 4]}, "low <= high"),
        ({"world_size": 8}, "world_size is 8; expected a whole number from 16"),
        ({"species": 4, "patch": 70}, "4 squares of 70 cells, 2 in a row, do not fit .* at most 64"),
        ({"species": 3, "patches": 2}, "patches is 2; expected a whole number from 3"),
        ({"patch": 10, "grain": 11}, "grain is 11"),
        ({"mix": "max"}, "'choose' or 'average'"),
        ({"genotype": "all"}, "'rule' or 'whole'"),
        ({"links": [[1, 2]]}, "links is"),
        ({"links": [[0]]}, "links is"),
        ({"links": [[1], [1, 2]]}, "links is"),
        ({"limit": 4.9}, "limit is 4.9; expected a number from 0.1 to 4.85"),
        ({"dt": 0}, "dt is 0"),
        ({"sigma": 3}, "sigma is 3"),
    ],
)
def test_options_that_make_no_world_are_refused(options: dict, said: str) -> None:
    with pytest.raises(BadOption, match=said):
        FlowLenia(**options)

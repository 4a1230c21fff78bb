"""CMA-ME and CMA-MAE: their strategy is that of the tutorial, their cells and thresholds those of slow references."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadGenotype, BadOption
from alife.search.adaptation import Emitters, adapted
from alife.search.cma_mae import CmaMae, known_thresholds, raised
from alife.search.cma_me import CmaMe
from alife.search.emitters import Plan, Team, shared
from alife.search.map_elites import Elites
from alife.testing.spaces import Bits, Box, evaluation

N = 16
RANGES = [[-1.0, 1.0], [-1.0, 1.0]]


class SlowCmaEs:
    """Hansen's tutorial in float64, one number after the other; `whiten` is "root" there and "factor" here."""

    def __init__(self, mean, sigma, full=True, whiten="root"):
        self.mean, self.sigma, self.full, self.whiten = np.array(mean, float), sigma, full, whiten
        self.n = len(self.mean)
        self.covariance, self.drift, self.stride, self.age = np.eye(self.n), np.zeros(self.n), np.zeros(self.n), 0

    def draw(self, rng, count):
        values, vectors = np.linalg.eigh(self.covariance)
        return self.mean + self.sigma * (rng.normal(size=(count, self.n)) * np.sqrt(values)) @ vectors.T

    def root(self):
        if self.whiten == "factor":
            return np.linalg.inv(np.linalg.cholesky(self.covariance))
        values, vectors = np.linalg.eigh(self.covariance)
        return vectors @ np.diag(values**-0.5) @ vectors.T

    def learn(self, best_first, mu):
        if mu == 0:
            return
        n, w = self.n, np.array([np.log(mu + 0.5) - np.log(i) for i in range(1, mu + 1)])
        w /= w.sum()
        mass = 1 / (w**2).sum()
        cc, cs = (4 + mass / n) / (n + 4 + 2 * mass / n), (mass + 2) / (n + mass + 5)
        fast = 1 if self.full else (n + 2) / 3
        c1 = min(1, fast * 2 / ((n + 1.3) ** 2 + mass))
        cmu = min(1 - c1, fast * 2 * (mass - 2 + 1 / mass) / ((n + 2) ** 2 + mass))
        damping = 1 + 2 * max(0, ((mass - 1) / (n + 1)) ** 0.5 - 1) + cs
        chi = n**0.5 * (1 - 1 / (4 * n) + 1 / (21 * n**2))
        y = [(x - self.mean) / self.sigma for x in np.asarray(best_first, float)[:mu]]
        step = sum(weight * one for weight, one in zip(w, y, strict=True))
        self.mean = self.mean + self.sigma * step
        self.stride = (1 - cs) * self.stride + (cs * (2 - cs) * mass) ** 0.5 * self.root() @ step
        self.age += 1
        norm = np.linalg.norm(self.stride)
        steady = float(norm / (1 - (1 - cs) ** (2 * self.age)) ** 0.5 < (1.4 + 2 / (n + 1)) * chi)
        self.drift = (1 - cc) * self.drift + steady * (cc * (2 - cc) * mass) ** 0.5 * step
        new = (1 - c1 - cmu + (1 - steady) * c1 * cc * (2 - cc)) * self.covariance
        new = new + c1 * np.outer(self.drift, self.drift)
        new = new + cmu * sum(weight * np.outer(one, one) for weight, one in zip(w, y, strict=True))
        self.covariance = new if self.full else np.diag(np.diag(new))
        self.sigma *= np.exp(cs / damping * (norm / chi - 1))


def emitter(mean, sigma, full=True):
    n = len(mean)
    shape, zeros = (jnp.eye(n) if full else jnp.ones(n)), jnp.zeros(n)
    nought, no = jnp.zeros((), int), jnp.asarray(False)
    return Emitters(jnp.asarray(mean, float), jnp.asarray(sigma), shape, shape, zeros, zeros, nought, nought - 1, no)


@pytest.mark.parametrize("full", [True, False])
def test_the_strategy_equals_the_slow_reference(full):
    rng, n = np.random.default_rng(0), 6
    fast, slow = emitter(np.ones(n), 0.5, full), SlowCmaEs(np.ones(n), 0.5, full, whiten="factor")
    step = jax.jit(adapted)
    for mu in (5, 1, 0, 9, 10, 3, 4, 0, 2, 7):  # parents vary as they do in cells
        drawn = slow.draw(rng, 10).astype(np.float32) + 0.3  # a steady pull, so that both paths grow
        order = np.argsort((drawn**2) @ np.arange(1, n + 1), kind="stable")
        fast = step(fast, jnp.asarray(drawn), jnp.asarray(np.argsort(order)), jnp.asarray(mu))
        slow.learn(drawn[order], mu)
        full_matrix = fast.covariance if full else np.diag(fast.covariance)
        np.testing.assert_allclose(full_matrix, slow.covariance, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose([fast.sigma, *fast.mean], [slow.sigma, *slow.mean], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(fast.stride, slow.stride, rtol=1e-2, atol=1e-3)
    assert fast.age == 8  # generations without parents teach nothing


def test_the_strategy_is_as_quick_as_the_tutorial_on_an_ellipsoid():
    """Whitening by a triangular factor must not cost generations: a thousandfold ellipsoid of 8 numbers."""
    n, count, seeds = 8, 12, 6
    scales = 1000.0 ** (np.arange(n) / (n - 1))

    def cost(x):
        return (x**2) @ scales

    def generations(key, most=400):
        def go(carry):
            one, key, t, _ = carry
            key, sub = jax.random.split(key)
            drawn = one.mean + one.sigma * jax.random.normal(sub, (count, n)) @ one.factor.T
            rank = jnp.argsort(jnp.argsort(cost(drawn)))
            return adapted(one, drawn, rank, jnp.asarray(count // 2)), key, t + 1, jnp.min(cost(drawn))

        start = emitter(np.ones(n), 0.5), key, jnp.zeros((), int), jnp.asarray(jnp.inf)
        return jax.lax.while_loop(lambda carry: (carry[3] > 1e-3) & (carry[2] < most), go, start)[2]

    ours = jax.jit(jax.vmap(generations))(jax.random.split(jax.random.key(0), seeds))
    theirs = []
    for seed in range(seeds):
        rng, slow, t, best = np.random.default_rng(seed), SlowCmaEs(np.ones(n), 0.5), 0, np.inf
        while best > 1e-3 and t < 400:
            drawn = slow.draw(rng, count)
            slow.learn(drawn[np.argsort(cost(drawn))], count // 2)
            t, best = t + 1, cost(drawn).min()
        theirs.append(t)
    assert max(theirs) < 400 and np.median(ours) < 1.2 * np.median(theirs)


def play(search, generations, told, space=None, population=N, key=1):
    state = search.init(jax.random.key(0), space or Box(), population)
    for g in range(generations):
        genotypes, state = search.ask(jax.random.fold_in(jax.random.key(key), g), state)
        state, verdict = search.tell(state, genotypes, told(np.asarray(genotypes), g))
        yield np.asarray(genotypes), state, verdict


def sphere(genotypes, g=0):
    valid = np.arange(len(genotypes)) % 5 != g % 5
    return evaluation(
        -((genotypes - 0.5) ** 2).sum(1), valid=valid, axes=np.where(valid[:, None], genotypes[:, :2], np.nan)
    )


@pytest.mark.parametrize("search", [CmaMe, CmaMae])
def test_cells_hold_the_best_world_that_fell_into_them(search):
    cells, evaluations = {}, 0
    chosen = search(axes=["a", "b"], bins=[3, 4], ranges=RANGES, emitters=2)
    for g, (genotypes, state, verdict) in enumerate(play(chosen, 8, sphere, space=Box(bounds=(-0.9, 0.8)))):
        assert genotypes.min() >= np.float32(-0.9) and genotypes.max() <= np.float32(0.8)
        told, before = sphere(genotypes, g), dict(cells)
        for i in np.flatnonzero(told.valid):
            place = [int(np.clip((x + 1) / 2 * b, 0, b - 1)) for x, b in zip(told.axes[i], (3, 4), strict=True)]
            cell = place[0] * 4 + place[1]
            if cell not in cells or told.scores[i] > cells[cell][0]:
                cells[cell] = told.scores[i], evaluations + i
        fresh = {number - evaluations: cell for cell, (_, number) in cells.items() if number >= evaluations}
        evaluations += len(genotypes)
        assert np.flatnonzero(verdict.keep).tolist() == sorted(fresh)
        for i, cell in fresh.items():
            assert verdict.replaced[i] == before.get(cell, (0, -1))[1]
        held = {c: (s, n) for c, (s, n) in enumerate(zip(*map(np.asarray, state.elites[1:]), strict=True)) if n >= 0}
        assert held == cells
    assert len(cells) > 6


def test_new_cells_come_before_better_worlds():
    """Half of the worlds find new cells though they score worse than the others, which improve an old one."""

    def told(genotypes, g):
        new = (genotypes[:, 0] > np.median(genotypes[:, 0])) & (g > 0)
        far = np.where(new, 0.1 + 0.8 * np.arange(N) / N, -0.9)
        return evaluation(np.where(new, 0.0, 1.0 + g), axes=np.stack([far, far], 1))

    (_, before, _), (genotypes, after, _) = play(CmaMe(axes=["a", "b"], bins=40, ranges=RANGES), 2, told)
    moved = after.emitters.mean[0] - before.emitters.mean[0]
    better = genotypes[:, 0] > np.median(genotypes[:, 0])
    assert moved[0] > 0.5 * (genotypes[better, 0].mean() - genotypes[:, 0].mean())


def test_an_emitter_without_success_begins_again_at_an_elite():
    def told(genotypes, g):
        return evaluation(np.arange(N) - 100.0 * g, axes=genotypes[:, :2])

    search = CmaMe(axes=["a", "b"], bins=1, sigma=1e-3, emitters=2)  # one cell: nothing improves after the first
    first, second, third = play(search, 3, told)
    assert not first[1].emitters.worn.any()
    assert second[1].emitters.worn.all() and second[1].emitters.age.tolist() == [1, 1]
    elite = first[0][N - 1]
    assert np.array_equal(third[1].emitters.mean, [elite] * 2)  # where they stay, for these fail too
    assert np.abs(third[0] - elite).max() < 6e-3
    assert third[2].parents.tolist() == [[N - 1, -1]] * N  # the elite's evaluation number
    patient = CmaMe(axes=["a", "b"], bins=1, sigma=1e-3, emitters=2, restart="basic")
    *_, last = play(patient, 3, told)
    assert not last[1].emitters.worn.any() and last[2].parents.tolist() == [[-1, -1]] * N


def test_thresholds_rise_by_the_published_rule():
    rng, rate = np.random.default_rng(0), 0.2
    slow = fast = np.zeros(3)
    for _ in range(5):
        cell, scores = rng.integers(0, 3, 8), rng.normal(size=8)
        fast = np.asarray(raised(jnp.asarray(fast, float), jnp.asarray(cell), jnp.asarray(scores), rate))
        new = slow.copy()
        for c in range(3):
            above = [s for s, where in zip(scores, cell, strict=True) if where == c and s > slow[c]]
            for _ in above:
                new[c] = (1 - rate) * new[c] + rate * np.mean(above)
        slow = new
        np.testing.assert_allclose(fast, slow, rtol=1e-5)
    one = raised(jnp.full(1, 2.0), jnp.zeros(1, int), jnp.asarray([4.0]), 0.01)
    np.testing.assert_allclose(one, [0.99 * 2 + 0.01 * 4], rtol=1e-6)


def test_thresholds_begin_at_the_lowest_score_or_where_told():
    nothing, some = jnp.array([-jnp.inf, -jnp.inf]), jnp.array([3.0, -jnp.inf])
    unknown = jnp.full(2, jnp.nan)
    assert np.isnan(known_thresholds(unknown, nothing)).all()
    assert known_thresholds(unknown, some).tolist() == [3, 3]
    assert known_thresholds(jnp.full(2, -7.0), some).tolist() == [-7, -7]
    state = CmaMae(axes=["a", "b"], bins=1, threshold_min=-7).init(jax.random.key(0), Box(), N)
    assert state.threshold.tolist() == [-7]


def test_learning_rate_trades_the_best_for_coverage():
    """Never annealed, emitters climb the score alone; annealed at once, they spread."""

    def told(genotypes, g):
        return evaluation(-(genotypes**2).mean(1), axes=genotypes[:, :2])

    found = {}
    for rate in (0.0, 1.0):
        options = {"axes": ["a", "b"], "bins": 30, "ranges": [[-3, 3]] * 2, "learning_rate": rate, "threshold_min": -20}
        *_, (_, state, _) = play(CmaMae(**options), 40, told, space=Box(10, starts=jnp.full((1, 10), 2.0)))
        found[rate] = float(state.elites.scores.max()), int((state.elites.number >= 0).sum())
    assert found[0.0][0] > found[1.0][0] and found[1.0][1] > 1.5 * found[0.0][1]


def test_emitters_find_many_more_cells_than_sampling():
    """A sum of 10 numbers spans a wide range that samples hardly leave the middle of."""

    def told(genotypes, g):
        halves = np.clip(genotypes, -5, 5).reshape(len(genotypes), 2, 10).sum(2)
        return evaluation(-(genotypes**2).sum(1), axes=halves)

    options = {"axes": ["a", "b"], "bins": 20, "ranges": [[-50, 50]] * 2, "covariance": "diagonal", "sigma": 1.0}
    *_, (_, state, _) = play(CmaMe(**options), 60, told, space=Box(20))
    sampled = told(np.asarray(Box(20).sample(jax.random.key(0), 60 * N)), 0).axes
    by_chance = len({tuple(place) for place in np.floor((sampled + 50) / 5)})
    assert (state.elites.number >= 0).sum() > 2 * by_chance


@pytest.mark.parametrize("search", [CmaMe, CmaMae])
def test_worlds_that_are_not_valid_teach_nothing(search):
    def told(genotypes, g):
        dead = np.zeros(N, bool) if g < 2 else np.arange(N) < 2
        return evaluation(np.arange(N), valid=dead, axes=np.where(dead[:, None], genotypes[:, :2], np.nan))

    seen = list(play(search(axes=["a", "b"]), 4, told))
    assert all(np.isfinite(genotypes).all() for genotypes, _, _ in seen)
    assert not seen[1][2].keep.any() and np.isnan(seen[1][1].low).all() and seen[1][1].emitters.age.tolist() == [0]
    assert np.isfinite(seen[3][1].low).all() and seen[3][2].keep[:2].any() and not seen[3][2].keep[2:].any()


def test_the_worlds_own_genotypes_enter_cells_but_teach_no_emitter():
    """They were not drawn from the distribution, and may lie a thousand steps away."""
    starts = jnp.stack([jnp.zeros(5), jnp.full(5, 1000.0)])

    def told(genotypes, g):
        return evaluation(genotypes.sum(1), axes=genotypes[:, :2])

    genotypes, state, verdict = next(
        play(CmaMe(axes=["a", "b"], bins=8, ranges=RANGES), 1, told, space=Box(starts=starts))
    )
    assert np.array_equal(genotypes[:2], starts) and verdict.keep[1]
    assert np.abs(state.emitters.mean).max() < 3 and state.emitters.sigma[0] < 5


@pytest.mark.parametrize("search", [CmaMe, CmaMae])
def test_bad_input_is_told_what_would_do(search):
    key, chosen = jax.random.key(0), search(axes=["a", "b"])
    with pytest.raises(BadGenotype, match="varies real numbers"):
        chosen.init(key, Bits(), N)
    with pytest.raises(BadGenotype, match='covariance="diagonal"'):
        search(axes=["a", "b"], covariance="full").init(key, Box(1001), N)
    with pytest.raises(BadOption, match="population is 3; expected 4 or more"):
        chosen.init(key, Box(), 3)
    with pytest.raises(BadOption, match=r"emitters=1, 2, 4, or --population 15"):
        search(axes=["a", "b"], emitters=3).init(key, Box(), N)
    with pytest.raises(BadOption, match=r"axes.*such as \['speed', 'mass'\]"):
        search()
    wrong = {
        "bins": [3],
        "sigma": 0,
        "emitters": 0,
        "covariance": "none",
        "restart": "often",
        "ranges": [[0, 0], [0, 1]],
    }
    for name, value in wrong.items():
        with pytest.raises(BadOption, match="expected"):
            search(axes=["a", "b"], **{name: value})
    for option in ({"learning_rate": 2}, {"threshold_min": float("nan")}):
        with pytest.raises(BadOption, match=next(iter(option))):
            CmaMae(axes=["a"], **option)


def test_a_generation_is_shared_equally():
    for population in range(4, 300):
        count, share = shared("cma_me", population, None)
        assert count * share == population and count <= 16 and (count == 1 or share >= 32)


def test_worlds_that_are_not_valid_do_not_keep_an_emitter_from_beginning_again():
    team = Team("cma_mae", Box(), N, Plan.checked("cma_mae", 0.5, 1, None, "basic", parents="half"))
    genotypes, emitters = team.ask(jax.random.key(0), team.rest(), Elites.none(4, Box()), jnp.asarray(False))
    for value, worn in ((np.full(N, -1.0), True), (np.linspace(-2, -1, N), False)):
        value[3] = -np.inf
        after = team.learn(emitters, genotypes, jnp.zeros(N, int), jnp.asarray(value, jnp.float32), jnp.asarray(False))
        assert after.worn.tolist() == [worn]

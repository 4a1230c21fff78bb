"""Every algorithm of evosax: reachable by name, climbing where that is said of it, beginning again elsewhere."""

from __future__ import annotations

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadGenotype, BadOption
from alife.evaluate import Evaluator, bind_score, evaluate
from alife.genotype import GenotypeSpace
from alife.registry import default_registry
from alife.run import checkpoint, restore
from alife.search.restarts import Descent, judged
from alife.search.strategies import STRATEGIES, options_of
from alife.search.strategies_built import build
from alife.targets import Targets
from alife.testing.spaces import Bits, Box, evaluation
from alife.types import OPERATORS
from alife.worlds.schedule import Schedule

N, G, GENERATIONS = 28, 100, 250
REGISTRY = default_registry()
ALL = sorted(STRATEGIES)


class Prior(Box):
    """A prior that is neither of unit size nor in the middle of things."""

    def __init__(self, size=G, starts=None):
        super().__init__(size, starts)
        self.scale, self.centre = 0.3, np.full(size, 5, np.float32)

    def sample(self, key, n):
        return 5 + 0.3 * jax.random.normal(key, (n, self.size))


def make(name, **options):
    return REGISTRY.searches[name].make(**options)


def follow(search, state, cost, generations, first=0):
    """What a search asks for in every generation, and its state after them."""
    asked, worlds = [], None
    for g in range(first, first + generations):
        genotypes, state = search.ask(jax.random.fold_in(jax.random.key(1), g), state)
        asked.append(np.asarray(genotypes))
        scores = -np.asarray(cost(asked[-1]), np.float32)
        worlds = worlds or evaluation(np.zeros(len(scores)))
        valid = np.isfinite(scores)
        state, _ = search.tell(state, genotypes, worlds._replace(scores=np.where(valid, scores, -np.inf), valid=valid))
    return asked, state


def sphere(x, middle=0.0):
    return ((x - middle) ** 2).sum(1)


def test_the_table_is_what_evosax_exports():
    import evosax.algorithms as algorithms
    from evosax.algorithms.base import EvolutionaryAlgorithm

    exported = {
        name
        for name, thing in vars(algorithms).items()
        if inspect.isclass(thing) and issubclass(thing, EvolutionaryAlgorithm)
    }
    assert set(STRATEGIES) == exported
    assert all(len(inspect.signature(getattr(algorithms, name)).parameters) >= 2 for name in exported)


@pytest.mark.parametrize("name", ALL)
def test_registered_with_its_own_options_a_summary_and_a_source(name):
    entry, strategy = REGISTRY.searches[name], STRATEGIES[name]
    assert entry.source and strategy.about in entry.summary
    assert entry.summary.startswith("experimental: ") == bool(strategy.experimental)
    assert entry.options() == options_of(strategy)
    told = inspect.getdoc(entry.resolve())
    assert strategy.experimental in told and all(f"{option}: " in told for option in entry.options())


@pytest.fixture(scope="module")
def real_world():
    """A substrate of as many numbers, so that no algorithm is compiled twice: where particles of four kinds begin."""
    made = REGISTRY.substrates["particle_life"].make(
        n_particles=20, n_colors=4, search=["x_dist"], x_dist_bins=5, alpha=0.5
    )
    space = GenotypeSpace(made, "particle_life")
    evaluator = Evaluator(space, REGISTRY.models["pixels"].make(size=4, image_size=16), Schedule(8, 2))
    expression = bind_score("sorting", REGISTRY, evaluator, N, Targets())
    assert space.size == G
    return space, lambda genotypes: evaluate(evaluator, expression, genotypes, jax.random.split(jax.random.key(2), N))


@pytest.mark.parametrize("name", ALL)
def test_climbs_a_sphere_and_runs_a_real_world(name, real_world):
    """The middle lies two scales away in each number: documented algorithms shrink the distance 2.5 times at least."""
    search = make(name)
    asked, _ = follow(search, search.init(jax.random.key(0), Prior(), N), lambda x: sphere(x, 5.6), GENERATIONS)
    distance = np.sqrt([sphere(x, 5.6).min() for x in asked])
    assert np.isfinite(distance).all()
    assert STRATEGIES[name].experimental or distance.min() < distance[0] / 2.5

    space, observe = real_world
    search = make(name)
    state = search.init(jax.random.key(0), space, N)
    for g in range(3):
        genotypes, state = search.ask(jax.random.key(g), state)
        told = observe(np.asarray(genotypes))
        state, verdict = search.tell(state, genotypes, told)
        assert told.valid.any() and np.array_equal(verdict.keep, told.valid)
    first = np.asarray(OPERATORS)[verdict.operator]
    assert (first == STRATEGIES[name].operator).all() and (np.asarray(verdict.parents) == -1).all()


def test_generation_0_of_a_population_is_drawn_from_the_prior():
    starts = jnp.full((1, 5), 9.0)
    search = make("SimpleGA")
    genotypes, state = search.ask(jax.random.key(3), search.init(jax.random.key(0), Prior(5, starts), N))
    assert np.array_equal(genotypes[0], starts[0]) and 0.2 < np.std(genotypes[1:]) < 0.4
    valid = np.zeros(N, bool)
    state, verdict = search.tell(state, genotypes, evaluation(np.zeros(N), valid=valid))
    again, state = search.ask(jax.random.key(4), state)  # nothing to begin with: another sample
    assert OPERATORS[verdict.operator[0]] == "sample" and 0.2 < np.std(again) < 0.4
    state, verdict = search.tell(state, again, evaluation(np.zeros(N)))
    assert OPERATORS[verdict.operator[0]] == "sample"
    children, state = search.ask(jax.random.key(5), state)
    assert np.std(children) > 0 and not any((child == np.asarray(again)).all(1).any() for child in np.asarray(children))


@pytest.mark.parametrize("name", ["Sep_CMA_ES", "MR15_GA", "HillClimbing", "LearnedGA"])
def test_worlds_that_are_not_valid_lead_nowhere(name):
    """One half of space gives NaN: the search stays in the other, and finite."""
    search = make(name)
    asked, _ = follow(
        search,
        search.init(jax.random.key(0), Box(5), 8),
        lambda x: np.where(x[:, 0] > 0.3, np.nan, sphere(x, 2.0)),
        60,
    )
    assert np.isfinite(asked).all()
    assert (np.stack(asked[-10:])[..., 0] <= 0.3).mean() > 0.3
    assert np.abs(asked[-1][:, 1:] - 2).mean() < np.abs(asked[0][:, 1:] - 2).mean()


def test_steps_are_in_units_of_the_scale():
    small, large = (make("Sep_CMA_ES", sigma=sigma) for sigma in (0.5, 1.0))
    x, y = (s.ask(jax.random.key(1), s.init(jax.random.key(0), Prior(), N))[0] for s in (small, large))
    assert np.std(x) == pytest.approx(0.15, rel=0.05) and np.allclose(y - 5, 2 * (x - 5), atol=1e-5)


def test_the_unit_of_a_score_changes_nothing():
    for name in ("SimulatedAnnealing", "Open_ES", "LearnedES"):
        search = make(name)
        plain, _ = follow(search, search.init(jax.random.key(0), Box(5), 8), sphere, 20)
        tiny, _ = follow(search, search.init(jax.random.key(0), Box(5), 8), lambda x: sphere(x) * 2.0**-20, 20)
        assert np.array_equal(plain, tiny)


def test_genotypes_stay_in_bounds():
    search, space = make("Open_ES"), Box(5, bounds=(-0.2, 0.5))
    asked, _ = follow(search, search.init(jax.random.key(0), space, 8), lambda x: sphere(x, 3.0), 40)
    assert np.min(asked) >= np.float32(-0.2) and np.max(asked) <= 0.5 and np.median(asked[-1]) > 0.35


def test_finds_the_middle_of_a_sphere():
    search = make("Sep_CMA_ES")
    asked, _ = follow(search, search.init(jax.random.key(0), Box(20), 16), lambda x: sphere(x, 2.0), 150)
    assert np.abs(asked[-1] - 2.0).max() < 0.05


def test_refuses_integers_and_says_what_can():
    with pytest.raises(BadGenotype, match=r"--search map_elites, --search illuminate or --search random"):
        make("Sep_CMA_ES").init(jax.random.key(0), Bits(), 8)


@pytest.mark.parametrize("name", ["CMA_ES", "MA_ES", "xNES", "SV_CMA_ES", "ASEBO", "iAMaLGaM_Full"])
def test_refuses_matrices_of_too_many_numbers_and_says_what_can(name):
    with pytest.raises(BadGenotype, match=r"1001 numbers\. Use --search Sep_CMA_ES"):
        make(name).init(jax.random.key(0), Box(1001), 8)


@pytest.mark.parametrize(
    ("name", "options", "population", "expected"),
    [
        ("Sep_CMA_ES", {}, 3, "population is 3; expected 4 or more"),
        ("PGPE", {}, 9, "population is 9; expected an even number, 4 or more"),
        ("PGPE", {}, 2, "population is 2; expected an even number, 4 or more"),
        ("SV_CMA_ES", {}, 6, "population is 6; expected an even number, 8 or more"),
        ("SV_CMA_ES", {"populations": 3}, 13, "population is 13; expected a multiple of 3, 12 or more"),
        ("SV_Open_ES", {}, 10, "population is 10; expected a multiple of 4, 8 or more"),
    ],
)
def test_refuses_populations_and_says_what_it_takes(name, options, population, expected):
    with pytest.raises(BadOption, match=expected):
        make(name, **options).init(jax.random.key(0), Box(5), population)


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("SNES", {"sigma": 0.0}, "sigma is 0.0; expected a number from"),
        ("SNES", {"restarts": "often"}, "expected 'none' or 'ipop' or 'bipop'"),
        ("SNES", {"learning_rate": 0.1}, "has no option 'learning_rate'"),
        ("Open_ES", {"learning_rate": float("nan")}, "learning_rate is nan"),
        ("SV_Open_ES", {"populations": 1}, "populations is 1"),
        ("PSO", {"sigma": 1.0}, "has no option 'sigma'"),
    ],
)
def test_refuses_options(name, options, expected):
    with pytest.raises(BadOption, match=expected):
        make(name, **options)


def test_an_evosax_without_the_algorithm_is_one_clear_error(monkeypatch):
    import evosax.algorithms as algorithms

    monkeypatch.delattr(algorithms, "CMAAnchoredLES")
    with pytest.raises(BadOption, match="pip install -U evosax"):
        build("CMAAnchoredLES", 7, 8, 1.0)


def rastrigin(x):
    return 10 * x.shape[1] + ((x - 1) ** 2 - 10 * np.cos(2 * np.pi * (x - 1))).sum(1)


def test_restarts_find_what_one_descent_misses():
    best = {}
    for restarts in ("none", "ipop"):
        search = make("Sep_CMA_ES", restarts=restarts)
        asked, state = follow(search, search.init(jax.random.key(0), Box(4), 8), rastrigin, 600)
        best[restarts] = min(rastrigin(x).min() for x in asked)
    assert best["none"] > 0.9 and best["ipop"] < 1e-3  # the nearest other minimum is at 1
    assert state.descent.doublings >= 2 and len(state.descent.scores) == 8 * 2 ** int(state.descent.doublings)


def test_bipop_shares_its_worlds_between_large_and_small_descents():
    search = make("SNES", restarts="bipop")
    state, seen = search.init(jax.random.key(0), Box(2), 8), []
    for g in range(900):
        _, state = follow(search, state, lambda x: sphere(x, 1.0), 1, g)
        d = state.descent
        seen += [(int(d.doublings), bool(d.small), int(d.largest))] if d.evaluations == 0 and d.filled == 0 else []
    assert seen[0] == (1, False, 1) and any(small for _, small, _ in seen)
    assert all(doublings == largest for doublings, small, largest in seen if not small)
    assert all(doublings <= max(0, largest - 1) for doublings, small, largest in seen if small)
    large, small = np.asarray(state.descent.spent)
    assert small >= large / 2 and large + small <= 900 * 8


@pytest.mark.parametrize("restarts", ["ipop", "bipop"])
def test_a_run_that_begins_again_resumes_exactly(restarts):
    def fresh():
        search = make("Sep_CMA_ES", restarts=restarts)
        return search, search.init(jax.random.key(0), Box(2), 8)

    search, straight = fresh()
    expected, cuts = [], {}
    for g in range(160):
        asked, straight = follow(search, straight, sphere, 1, g)
        expected += asked
        if straight.descent.filled > 0:  # in the middle of what the algorithm is told at once
            cuts[g + 1] = checkpoint(straight)
    cut = min(cuts)
    search, state = fresh()
    asked, resumed = follow(search, restore(state, cuts[cut]), sphere, 160 - cut, cut)
    assert np.array_equal(asked, expected[cut:])
    ends = checkpoint(straight), checkpoint(resumed)
    assert ends[0].keys() == ends[1].keys() and all(np.array_equal(ends[0][k], ends[1][k]) for k in ends[0])


def test_gains_are_counted():
    zero = np.asarray(0, np.int32)
    start = Descent(
        np.zeros((2, 1), np.float32),
        np.float32([-np.inf, 1.0]),
        zero,
        zero,
        np.asarray(-np.inf, np.float32),
        zero,
        zero,
        np.asarray(False),
        zero,
        np.zeros(2, np.int32),
    )
    first = judged(start, 1.0)
    assert (float(first.best), int(first.idle), int(first.evaluations)) == (1.0, 0, 2)
    same = judged(first._replace(scores=np.float32([1.0, 0.5])), 1.0)
    assert (float(same.best), int(same.idle), int(same.evaluations)) == (1.0, 1, 4)
    better = judged(same._replace(scores=np.float32([1.5, -np.inf])), 1.0)
    assert (float(better.best), int(better.idle)) == (1.5, 0)

"""Multi-objective cells: fronts equal a slow reference, and stay fronts."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.search.multi_objective import MultiObjective, crowding
from alife.testing.spaces import Bits, Box, evaluation
from alife.types import OPERATORS

N = 16
OPTIONS = {"axes": ["a"], "objectives": ["b", "c"], "bins": 3, "ranges": [[-1.0, 1.0]]}


def tradeoffs(genotypes, g=0):
    """A place, and two objectives that pull apart; coarse, so that some are equal."""
    x = np.asarray(genotypes, np.float64)
    objectives = np.stack([-((x[:, 1:] - 1) ** 2).sum(1), -((x[:, 1:] + 1) ** 2).sum(1)], 1)
    axes = np.concatenate([x[:, :1], np.round(objectives, 1)], 1).astype(np.float32)
    valid = np.arange(len(x)) % 7 != g % 7
    return evaluation(np.zeros(len(x)), valid=valid, axes=np.where(valid[:, None], axes, np.nan))


def play(search, generations, told=tradeoffs, space=None):
    state = search.init(jax.random.key(0), space or Box(), N)
    for g in range(generations):
        genotypes, state = search.ask(jax.random.fold_in(jax.random.key(1), g), state)
        state, verdict = search.tell(state, genotypes, told(np.asarray(genotypes), g))
        yield np.asarray(genotypes), state, verdict


def members(state):
    """{cell: {evaluation number: objectives}}"""
    fronts = state.fronts
    return {
        c: {int(n): tuple(o) for n, o in zip(numbers, objectives, strict=True) if n >= 0}
        for c, (numbers, objectives) in enumerate(
            zip(np.asarray(fronts.number), np.asarray(fronts.objectives), strict=True)
        )
    }


def covers(a, b):
    return all(x >= y for x, y in zip(a, b, strict=True))


def lonely(points):
    """Crowding distance, as its paper puts it."""
    total = [0.0] * len(points)
    for o in range(len(points[0])):
        order = sorted(range(len(points)), key=lambda i: points[i][o])
        total[order[0]] = total[order[-1]] = np.inf
        width = points[order[-1]][o] - points[order[0]][o] or 1
        for before, i, after in zip(order, order[1:], order[2:], strict=False):
            total[i] += (points[after][o] - points[before][o]) / width
    return total


def slow_generation(fronts, told, first, most):
    """The rule, one newcomer after the other; whoever the front as it was covers, is refused at once."""
    before = {c: dict(front) for c, front in fronts.items()}
    for i in np.flatnonzero(told.valid):
        cell = int(np.clip((told.axes[i, 0] + 1) / 2 * 3, 0, 2))
        new, front = tuple(told.axes[i, 1:]), fronts[cell]
        if any(covers(o, new) for o in [*before[cell].values(), *front.values()]):
            continue
        fronts[cell] = front = {n: o for n, o in front.items() if not covers(new, o)}
        front[first + i] = new
        if len(front) > most:
            distance = lonely(list(front.values()))
            assert sorted(distance)[0] < sorted(distance)[1], "a tie: the reference cannot tell who leaves"
            del front[list(front)[int(np.argmin(distance))]]


def test_fronts_equal_the_slow_reference():
    fronts, evaluations, full = {c: {} for c in range(3)}, 0, False
    before = fronts
    for g, (genotypes, state, verdict) in enumerate(play(MultiObjective(**OPTIONS, front=4, sigma=0.5), 12)):
        slow_generation(fronts, tradeoffs(genotypes, g), evaluations, most=4)
        held = members(state)
        assert held == fronts
        new = {n - evaluations for front in held.values() for n in front if n >= evaluations}
        gone = {n for c, front in before.items() for n in front if n not in held[c]}
        assert set(np.flatnonzero(verdict.keep)) == new
        assert set(np.asarray(verdict.replaced)[sorted(new)].tolist()) - {-1} <= gone
        for c, numbers in enumerate(np.asarray(state.fronts.number)):
            for place, n in enumerate(numbers):
                if n >= evaluations:
                    assert np.array_equal(state.fronts.genotypes[c, place], genotypes[n - evaluations])
        evaluations, before, full = evaluations + N, held, full or any(len(f) == 4 for f in held.values())
    assert full


def test_a_full_front_keeps_its_ends():
    """Crowding never gives up the best in one objective; and no member covers another."""
    best = {}
    for g, (genotypes, state, _) in enumerate(play(MultiObjective(**OPTIONS, front=3, sigma=0.3), 15)):
        told = tradeoffs(genotypes, g)
        for i in np.flatnonzero(told.valid):
            cell = int(np.clip((told.axes[i, 0] + 1) / 2 * 3, 0, 2))
            best[cell] = np.maximum(best.get(cell, -np.inf), told.axes[i, 1:])
        for cell, front in members(state).items():
            values = list(front.values())
            assert not any(covers(a, b) for a in values for b in values if a is not b)
            if front:
                assert np.array_equal(np.max(values, axis=0), best[cell])


def test_a_random_member_of_a_full_front_leaves_for_the_newcomer():
    search = MultiObjective(**{**OPTIONS, "bins": 1}, front=2, full="random")
    state = search.init(jax.random.key(0), Box(), N)
    line = np.arange(N, dtype=np.float32)

    def told(g):  # all on one line of trade-offs: nobody covers anybody
        step = line + g * N
        return evaluation(np.zeros(N), axes=np.stack([0 * line, step, -step], 1).astype(np.float32))

    last = []
    for g in range(12):
        genotypes, state = search.ask(jax.random.key(g), state)
        state, verdict = search.tell(state, genotypes, told(g))
        assert verdict.keep[N - 1]  # the newcomer always sits
        last += [n % N for n in members(state)[0] if n % N != N - 1]
    assert len(set(last)) > 2  # and the one beside it varies


def test_parents_are_members_and_cells_are_equally_likely():
    search = MultiObjective(**{**OPTIONS, "front": 8}, line=0.0)
    state = search.init(jax.random.key(0), Box(), 512)
    number = jnp.full((3, 8), -1).at[0, 3].set(7).at[2].set(jnp.arange(20, 28))
    state = state._replace(fronts=state.fronts._replace(number=number))
    _, state = search.ask(jax.random.key(1), state)
    parents = np.asarray(state.origin.parents)[:, 0]
    counts = np.bincount(parents, minlength=28)
    assert set(np.flatnonzero(counts)) == {7, *range(20, 28)}
    assert abs(counts[7] - 256) < 5 * np.sqrt(128) and counts[20:].min() > 10
    assert (np.asarray(state.origin.operator) == OPERATORS.index("mutate")).all()


def test_integer_genotypes_stay_integers():
    options = {"axes": ["a"], "objectives": ["b", "c"], "bins": 2, "front": 3}
    for genotypes, state, _ in play(MultiObjective(**options), 5, space=Bits()):
        assert state.fronts.genotypes.dtype == np.int32
        assert genotypes.dtype == np.int32 and set(np.unique(genotypes)) <= {0, 1}


@pytest.mark.parametrize("seed", range(3))
def test_crowding_equals_the_slow_reference(seed):
    points = np.random.default_rng(seed).normal(size=(9, 3)).astype(np.float32)
    np.testing.assert_allclose(crowding(jnp.asarray(points)), lonely(points.tolist()), rtol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"axes": None},
        {"objectives": ["b"]},
        {"objectives": "bc"},
        {"front": 1},
        {"full": "oldest"},
        {"bins": [2, 2]},
        {"ranges": [[0, 1], [0, 1]]},
        {"sigma": 0.0},
        {"line": -1.0},
    ],
)
def test_bad_options_are_told_what_was_expected(options):
    with pytest.raises(BadOption, match="expected"):
        MultiObjective(**{**OPTIONS, **options})

"""The world of a society is a torus, for everything that anybody does."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.plugins.society.living import View
from alife.plugins.society.robots import turn
from alife.plugins.society.space import SEEN, cell_of, way, wrapped
from alife.plugins.society.stepping import acted

from .moments import BORDERS, KEY, across, dials, intent, land, message, moment, record, settings

S = settings(agents=5, robots=2, sees_agents=2, patch=2)
SIDE = S.side
do = jax.jit(lambda state, what: acted(state, what, S, dials())[0])
look = jax.jit(lambda state: View(state, S, KEY).of(jnp.arange(S.agents)))
tick = jax.jit(lambda state: turn(state, S, KEY))


def test_ways_are_signed_and_the_shortest() -> None:
    for a, b, wanted in ((1, 3, 2), (3, 1, -2), (1, SIDE - 1, -2), (SIDE - 1, 1, 2), (0, SIDE / 2, -SIDE / 2)):
        assert float(way(jnp.array([a, 0.0]), jnp.array([b, 0.0]), SIDE)[0]) == wanted


def test_places_stay_inside_even_a_hair_below_nothing() -> None:
    x = wrapped(jnp.array([[-1e-9, SIDE], [SIDE + 1, -1.0], [jnp.nan, jnp.inf]]), SIDE)
    assert x.tolist() == [[0, 0], [1, SIDE - 1], [0, 0]]
    assert cell_of(x, S.size).tolist() == [0, S.size - 1, 0]


@pytest.mark.parametrize(("axis", "over"), BORDERS)
def test_agents_and_robots_see_over_a_border(axis: int, over: int) -> None:
    here, there = across(axis, over, SIDE, gap=6)
    nearer_on_the_map = list(here)
    nearer_on_the_map[axis] -= 20 * over
    seen, others, robots = look(moment(S, [here, nearer_on_the_map, there], [there]))
    towards = np.zeros(2)
    towards[axis] = 6 * over / S.sight
    assert int(others.who[0, 0]) == 2 and np.allclose(seen.others[0, 0, 2:4], towards)
    assert bool(robots.there[0, 0]) and np.allclose(seen.robots[0, 0, 1:3], towards)
    assert np.allclose(seen.own[0, 2:4], np.array(here) / (SIDE / 2) - 1)


@pytest.mark.parametrize(("axis", "over"), BORDERS)
def test_pushes_hits_and_messages_reach_over_a_border(axis: int, over: int) -> None:
    here, there = across(axis, over, SIDE)
    state = moment(S, [here, there], [there])
    deeds = np.zeros((S.agents, 12))
    deeds[0] = record(push=1, hit=1, gate=1)
    after = do(state, intent(S, state, deeds, send=0.5))
    pushed = np.array(there)
    pushed[axis] += over * 2 / 2.1
    assert np.allclose(after.agents.x[1], pushed) and np.allclose(after.robots.x[0], pushed)
    lost = np.exp(-0.5 * 2.1)
    assert float(after.robots.energy[0]) == pytest.approx(64 - lost)
    assert float(after.agents.energy[1]) == pytest.approx(32 - 0.25 - lost)
    assert np.allclose(after.robots.program[0], 0.5) and np.allclose(after.agents.inbox[1], np.tanh(0.5))


@pytest.mark.parametrize(("axis", "over"), BORDERS)
def test_moving_and_being_pushed_lead_over_a_border(axis: int, over: int) -> None:
    here, _ = across(axis, over, SIDE, gap=0.4)
    behind = list(here)
    behind[axis] -= 2 * over
    for state, deeds, far in (
        (moment(S, [here]), record(**{("move_x", "move_y")[axis]: over}), 0.5),
        (moment(S, [behind, here], [here]), np.array([record(push=1), *[record()] * 4]), 2 / 2.1),
    ):
        after = do(state, intent(S, state, deeds))
        wanted = np.array(here)
        wanted[axis] = (wanted[axis] + far * over) % SIDE
        moved = after.agents.x[int(state.agents.alive.sum()) - 1]
        assert np.allclose(moved, wanted, atol=1e-4) and abs(wanted[axis] - here[axis]) > SIDE / 2
        assert not state.robots.active[0] or np.allclose(after.robots.x[0], wanted, atol=1e-4)


@pytest.mark.parametrize(("axis", "over"), BORDERS)
def test_the_patch_goes_on_beyond_a_border(axis: int, over: int) -> None:
    names = np.arange(S.size * S.size, dtype=np.float32).reshape(S.size, S.size)
    terrain = land(S.size, energy=names, capacity=1000 + names)
    here, _ = across(axis, over, SIDE)
    seen, _, _ = look(moment(S, [here, [1.0, 1.0], [SIDE - 1, SIDE - 1]], terrain=terrain))
    for patch, x in zip(seen.patch, (here, [1.0, 1.0], [SIDE - 1, SIDE - 1]), strict=False):
        row, column = (int(v // 8) for v in x)
        around = np.roll(names, (2 - row, 2 - column), (0, 1))[:5, :5]
        layers = np.asarray(patch).reshape(5, 5, len(SEEN))
        assert np.array_equal(layers[..., 0], around) and np.array_equal(layers[..., 1], 1000 + around)


@pytest.mark.parametrize(("axis", "over"), BORDERS)
def test_robots_hear_and_reach_over_a_border(axis: int, over: int) -> None:
    here, there = across(axis, over, SIDE, gap=6)
    far = list(here)
    far[axis] -= 20 * over
    state = moment(S, [far, there], [here])
    said = np.zeros((S.agents, 16), np.float32)
    said[0], said[1] = message(push=0.25), message(push=0.75)
    did = tick(state._replace(agents=state.agents._replace(outbox=jnp.asarray(said))))
    assert float(did.deeds.record[0, 2]) == 0.75  # a robot without a program copies the nearest
    assert int(did.agents.who[0, 0]) == 1

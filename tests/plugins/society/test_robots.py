"""Seven operations against a plain reading of their table, automata, and the tape."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.plugins.society.robots import OPERATIONS, program_of, turn
from alife.plugins.society.settings import Settings
from alife.plugins.society.space import State
from alife.plugins.society.stepping import machined

from .moments import KEY, dials, message, moment, settings


@lru_cache
def ticking(s: Settings) -> Any:
    return jax.jit(lambda state, d: machined(state, turn(state, s, KEY), s, d)[0])


@lru_cache
def turning(s: Settings) -> Any:
    return jax.jit(lambda state: turn(state, s, KEY))


def programmed(state: State, memory: Any, program: Any) -> State:
    m, wide = len(state.robots.x), jnp.float32
    memory, program = (jnp.broadcast_to(jnp.asarray(a, wide), (m, 16)) for a in (memory, program))
    return state._replace(robots=state.robots._replace(memory=memory, program=program))


def slow_result(m: np.ndarray, p: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, bool]:
    """Of one turn of one robot; and whether it is written into memory."""
    op = int(np.argmax(p[:7]))
    if op == 0:
        r = a
    elif op == 1:
        r = m
    elif op == 2:
        r = m * a
    elif op == 3:
        r = m * a + b
    elif op == 4:
        s = 2 * ((np.round(m[15]) > 0) != (np.round(a[15]) > 0)) - 1
        r = s * m * a + (1 - a) * m
        r[15] = m[15]
    elif op == 5:
        r = 1 - a * b
    else:
        r = m.copy()
        r[15] = p[7 + 4 * (a[15] > 0) + 2 * (m[15] > 0) + (b[15] > 0)]
    r = np.clip(r, -1, 1)
    return r, op == 0 or r[13] > 0


def slow_neighbours(state: State, i: int, side: float) -> list[np.ndarray]:
    """What the two nearest show."""
    agents, robots = state.agents, state.robots
    shown = [(agents.x[j], agents.outbox[j]) for j in np.flatnonzero(agents.alive)]
    shown += [(robots.x[j], robots.memory[j]) for j in np.flatnonzero(robots.active) if j != i]

    def order(k: int) -> tuple:
        d = (np.asarray(shown[k][0]) - np.asarray(robots.x[i]) + side / 2) % side - side / 2
        return float((d**2).sum()), float(d[1]), k

    nearest = sorted(range(len(shown)), key=order)[:2]
    return [np.asarray(shown[k][1]) for k in nearest] + [np.zeros(16)] * (2 - len(nearest))


@pytest.mark.parametrize("agents", [0, 6])
def test_every_operation_is_that_of_the_table(agents: int) -> None:
    s = settings(robots=42)
    rng = np.random.default_rng(agents)
    state = moment(s, rng.integers(0, 32, (agents, 2)) * 4.0, rng.integers(0, 32, (42, 2)) * 4.0)  # many are as far
    memory, program = rng.uniform(-1, 1, (2, 42, 16))
    program[:, :7] += np.eye(7)[np.arange(42) % 7] * 2
    box = jnp.asarray(rng.uniform(-1, 1, (s.agents, 16)), jnp.float32)
    state = programmed(state._replace(agents=state.agents._replace(outbox=box)), memory, program)
    did = turning(s)(state)
    kept = 0
    for i in range(42):
        m, p = np.asarray(state.robots.memory[i]), np.asarray(state.robots.program[i])
        r, keeps = slow_result(m, p, *slow_neighbours(state, i, s.side))
        record = np.array([*r[:4], 0, r[5], max(r[6], 0), *r[7:12]])
        assert np.allclose(did.deeds.record[i], record, atol=1e-6), OPERATIONS[i % 7]
        assert np.allclose(did.memory[i], r if keeps else m, atol=1e-6), OPERATIONS[i % 7]
        assert bool(did.reads[i]) == (r[12] > 0.99) and bool(did.writes[i]) == (r[12] < -0.99)
        kept += keeps
    assert 10 < kept < 40 and np.array_equal(did.deeds.send, state.robots.memory)  # sent is what was, not what is


def test_of_two_as_far_the_left_one_is_first_and_then_the_lower_number() -> None:
    s = settings(robots=4, agents=2)
    state = moment(s, robots=[[40.0, 40.0], [40.0, 44.0], [40.0, 36.0], [44.0, 40.0]])
    memory = np.zeros((4, 16))
    memory[:, 0] = 0.0, 0.1, 0.2, 0.3
    state = programmed(state, memory, 0.0)
    assert float(turning(s)(state).memory[0, 0]) == pytest.approx(0.2)
    x = state.robots.x.at[2].set(jnp.array([36.0, 40.0]))
    assert float(turning(s)(state._replace(robots=state.robots._replace(x=x))).memory[0, 0]) == pytest.approx(0.2)
    x = state.robots.x.at[1:3].set(jnp.array([[40.0, 0.0], [36.0, 40.0]]))
    assert float(turning(s)(state._replace(robots=state.robots._replace(x=x))).memory[0, 0]) == pytest.approx(0.2)


@pytest.mark.parametrize("rule", [110, 90, 30])
def test_a_row_of_robots_is_an_elementary_automaton(rule: int) -> None:
    s = settings(robots=32, agents=1)
    step = s.side / 32
    rng = np.random.default_rng(rule)
    cells = rng.integers(0, 2, 32)
    memory = np.zeros((32, 16))
    memory[:, 13], memory[:, 15] = 1, 2 * cells - 1
    state = moment(s, robots=[[60.0, step * i] for i in range(32)])
    state = programmed(state, memory, program_of("lookup", rule))
    seen = []
    for _ in range(60):
        state = ticking(s)(state, dials())
        cells = rule >> (4 * np.roll(cells, 1) + 2 * cells + np.roll(cells, -1)) & 1
        seen.append(tuple(cells))
        assert np.array_equal(state.robots.memory[:, 15] > 0, cells)
    assert len(set(seen)) > 10
    assert np.allclose(state.robots.x[:, 1], step * np.arange(32))


# --- the tape


def told_by(state: State, **shown: float) -> State:
    """An agent shows what a robot without a program then copies, and does."""
    return state._replace(agents=state.agents._replace(outbox=state.agents.outbox.at[0].set(message(**shown))))


def test_a_machine_writes_a_bit_moves_on_and_reads_it_when_it_is_back() -> None:
    s = settings(robots=1)
    state, one_cell = moment(s, [[60.0, 20.0]], [[60.0, 28.0]]), dials(speed=8.0)
    state = ticking(s)(told_by(state, bit=0.75), one_cell)
    assert not state.terrain.bit.any()
    state = ticking(s)(told_by(state, tape=-1, bit=-0.5, move_x=1), one_cell)
    assert float(state.terrain.bit[7, 3]) == 0.75 and int((state.terrain.bit != 0).sum()) == 1
    assert float(state.robots.memory[0, 15]) == -0.5 and float(state.robots.x[0, 0]) == 68
    state = ticking(s)(told_by(state, tape=1), one_cell)
    assert float(state.robots.memory[0, 15]) == 0  # the next cell is blank
    state = ticking(s)(told_by(state, tape=1, move_x=-1), one_cell)
    assert float(state.robots.memory[0, 15]) == 0.75 and float(state.robots.x[0, 0]) == 60
    state = ticking(s)(told_by(state, tape=0.98, bit=0.1), one_cell)
    assert float(state.robots.memory[0, 15]) == pytest.approx(0.1)


def test_the_last_to_write_has_the_last_word() -> None:
    s = settings(robots=3)
    for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        places = np.array([[60.0, 28.0], [61.0, 29.0], [90.0, 28.0]])[list(order)]
        memory = np.array([message(tape=-1, bit=bit) for bit in (0.3, 0.6, 0.9)])
        state = ticking(s)(programmed(moment(s, robots=places), memory, program_of("hold")), dials())
        here = np.flatnonzero(places[:, 0] < 80)
        assert float(state.terrain.bit[7, 3]) == np.float32(memory[here.max(), 15])
        assert float(state.terrain.bit[11, 3]) == np.float32(memory[order.index(2), 15])
    reads = memory.copy()
    reads[0] = message(tape=1, bit=0.5)  # what others write in this turn is read in it
    state = ticking(s)(programmed(moment(s, robots=[[60.0, 28.0]] * 3), reads, program_of("hold")), dials())
    assert float(state.robots.memory[0, 15]) == np.float32(0.9)

"""What one message makes of a robot: farmer, road builder, relay, shuttle; and robots that need none."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.plugins.society.robots import program_of
from alife.plugins.society.settings import Settings
from alife.plugins.society.space import State, way
from alife.plugins.society.stepping import acted

from .moments import dials, intent, land, message, moment, record, settings
from .test_robots import programmed, ticking, turning

S = settings(robots=2, agents=4, sees_agents=2)


def given(state: State, program: jax.Array, s: Settings = S) -> State:
    """The first agent sends a program to all whom it reaches."""
    deeds = np.zeros((s.agents, 12), np.float32)
    deeds[0] = record(gate=1)
    return jax.jit(lambda state, what: acted(state, what, s, dials())[0])(
        state, intent(s, state, deeds, send=np.asarray(program))
    )


def employed(program: jax.Array, shown: np.ndarray, place: tuple[float, float] = (60.0, 28.0)) -> State:
    """A robot that has copied what an agent showed, then got a message; the agent has left."""
    state = moment(S, [[60.0, 20.0]], [place], terrain=land(S.size, move_cost=3.0))
    state = state._replace(agents=state.agents._replace(outbox=state.agents.outbox.at[0].set(shown)))
    state = state._replace(robots=state.robots._replace(memory=state.robots.memory.at[0].set(shown)))
    state = given(state, program)
    assert np.array_equal(state.robots.program[0], program) and not state.robots.program[1].any()
    return state._replace(agents=state.agents._replace(alive=state.agents.alive & False))


def later(state: State, ticks: int, s: Settings = S) -> State:
    for _ in range(ticks):
        state = ticking(s)(state, dials())
    return state


def test_a_farmer_raises_growth() -> None:
    state = employed(program_of("hold"), message(edit_growth=1, keep=1))
    after = later(state, 5)
    assert float(after.terrain.growth[7, 3]) == pytest.approx(1.5)
    assert (np.delete(np.ravel(after.terrain.growth), 7 * S.size + 3) == 1).all()
    assert float(later(after, 10).terrain.growth[7, 3]) == 2


def test_a_road_builder_lowers_the_cost_of_its_way() -> None:
    state = employed(program_of("hold"), message(edit_move=-1, move_x=1, keep=1))
    after = later(state, 40)  # at half a unit per tick, 16 for a cell
    road = np.asarray(after.terrain.move_cost[:, 3])
    assert np.allclose(road[[8, 9]], [3 - 1.6, 3 - 1.6], atol=1e-4) and road[7] < 3 and (road[11:] == 3).all()
    assert (np.asarray(after.terrain.move_cost)[:, 4:] == 3).all()


def test_a_relay_repeats_a_message() -> None:
    shown = message(gate=1, keep=1, bit=0.5, edit_birth=0.25)
    state = employed(program_of("hold"), shown)
    # the other one does not listen: it would copy the open gate, too, and program the relay
    robots = state.robots._replace(
        active=jnp.array([True, True]),
        x=state.robots.x.at[1].set(jnp.array([66.0, 28.0])),
        program=state.robots.program.at[1].set(program_of("hold")),
    )
    agents = state.agents._replace(
        alive=state.agents.alive.at[2].set(True), x=state.agents.x.at[2].set(jnp.array([60.0, 36.0]))
    )
    after = later(state._replace(robots=robots, agents=agents), 1)
    assert np.array_equal(after.robots.program[1], shown) and np.array_equal(after.agents.inbox[2], shown)
    assert int(after.robots.told[1]) == 0 and int(after.robots.told[0]) == 0  # told by the agent, in the same step
    assert np.array_equal(after.robots.program[0], program_of("hold"))


def test_a_shuttle_goes_to_and_fro_and_pulls_its_passenger() -> None:
    state = employed(program_of("product"), message(move_x=1, push=-1, keep=1))
    shown = jnp.ones(16).at[0].set(-1).at[jnp.array([3, 5, 6, 7, 8, 9, 10, 11, 12])].set(0)
    agents = state.agents._replace(
        alive=state.agents.alive.at[0].set(True), outbox=state.agents.outbox.at[0].set(shown)
    )
    state, ways, gaps = state._replace(agents=agents), [], []
    for _ in range(6):
        after = later(state, 1)
        ways.append(float(after.robots.x[0, 0] - state.robots.x[0, 0]))
        gaps.append(float(jnp.linalg.norm(way(after.agents.x[0], after.robots.x[0], S.side))))
        state = after
    assert np.allclose(ways, [-0.5, 0.5] * 3, atol=1e-4)
    assert gaps[0] < 7.2 and (np.diff(gaps) < -0.8).all()


def test_a_ferry_carries_an_agent_along() -> None:
    state = employed(program_of("hold"), message(move_x=1, push=-0.6, keep=1), place=(60.0, 22.0))
    agents = state.agents._replace(alive=state.agents.alive.at[0].set(True), x=state.agents.x.at[0].set(60.0))
    agents = agents._replace(x=agents.x.at[0].set(jnp.array([58.0, 22.0])))
    after = later(state._replace(agents=agents), 60)
    assert float(after.agents.x[0, 0]) > 58 + 25
    assert float(jnp.linalg.norm(way(after.agents.x[0], after.robots.x[0], S.side))) < 3


def test_robots_without_energy_rest_only_where_they_need_it() -> None:
    for needs in (False, True):
        s = settings(robots=2, agents=4, sees_agents=2, robots_need_energy=needs)
        state = programmed(moment(s, robots=[[60.0, 28.0]] * 2), message(move_x=1, keep=1), program_of("hold"))
        state = state._replace(robots=state.robots._replace(energy=jnp.array([0.0, 9.0])))
        after = ticking(s)(state, dials())
        assert np.allclose(after.robots.x[:, 0], [60.0 if needs else 60.5, 60.5])
        assert np.allclose(after.robots.energy, [0, 9 - 0.25 - 0.5])


def test_robots_pay_for_what_they_do_and_keep_what_they_eat() -> None:
    deeds = {"move_x": 1.0, "push": -0.5, "eat": 1.0, "hit": 0.5, "edit_growth": 1.0}
    state = programmed(moment(S, robots=[[60.0, 28.0]]), message(**deeds), program_of("hold"))
    after = ticking(S)(state, dials())
    wanted = 64 + 0.2 * 4 - 0.25 - 0.5 - 0.25 * 0.5 - 0.4 * 0.5 - 0.001
    assert float(after.robots.energy[0]) == pytest.approx(wanted)
    assert float(after.terrain.energy[7, 3]) == pytest.approx(3.2)


def test_other_brains_of_robots() -> None:
    for brain in ("dot", "random"):
        s = settings(robots=2, agents=4, sees_agents=2, robot_brain=brain)
        state = moment(s, [[60.0, 20.0]], [[60.0, 28.0], [90.0, 90.0]])
        state = state._replace(agents=state.agents._replace(outbox=state.agents.outbox.at[0].set(0.5)))
        did = turning(s)(programmed(state, 0.0, np.linspace(-1, 1, 16)))
        if brain == "dot":
            r = 0.5 * np.linspace(-1, 1, 16)
            assert np.allclose(did.deeds.record[0, [0, 1, 2, 5, 11]], r[[0, 1, 2, 5, 11]])
        else:
            assert np.std(did.deeds.record[:, :3]) > 0.2 and np.abs(did.deeds.record).max() <= 1

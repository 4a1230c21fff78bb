"""Effects of what agents do, against a slow reading of their table; who is not there has none."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.plugins.society.settings import Dials, Settings
from alife.plugins.society.space import EDITS, State
from alife.plugins.society.stepping import acted

from .moments import dials, intent, land, moment, record, settings

PUBLISHED: dict[str, Any] = {"conserve_food": False, "conserve_gifts": False, "signed_costs": True}
CARE: dict[str, Any] = {}


@lru_cache
def acting(s: Settings) -> Any:
    return jax.jit(lambda state, what, d: acted(state, what, s, d))


def slow(s: Settings, state: State, r: np.ndarray, send: np.ndarray, show: np.ndarray, d: Dials) -> dict[str, Any]:
    """The table, one actor and one target at a time, in double precision."""
    side = s.side
    k = {name: float(value) for name, value in d._asdict().items()}
    a = {name: np.array(getattr(state.agents, name), np.float64) for name in ("x", "energy", "age", "inbox", "outbox")}
    m = {name: np.array(getattr(state.robots, name), np.float64) for name in ("x", "energy", "program")}
    t = {name: np.array(layer, np.float64) for name, layer in state.terrain._asdict().items()}
    old_a, old_m = {n: v.copy() for n, v in a.items()}, {n: v.copy() for n, v in m.items()}
    food, edited = t["energy"].copy(), {name: t[name].copy() for name in EDITS}
    cells = [tuple((x // 8).astype(int)) for x in old_a["x"]]
    alive = np.flatnonzero(state.agents.alive)
    for i in alive:
        here = {name: layer[cells[i]] for name, layer in t.items()}
        a["x"][i] += k["speed"] * r[i, :2]
        a["outbox"][i] += show[i]
        taken = 0.0
        for whose, old, there, count in (
            (a, old_a, alive, s.reached[0]), (m, old_m, np.flatnonzero(state.robots.active), s.reached[1])
        ):  # fmt: skip
            ways = {j: (old["x"][j] - old_a["x"][i] + side / 2) % side - side / 2 for j in there}
            if whose is a:
                ways.pop(i)
            for j in sorted(ways, key=lambda j: np.hypot(*ways[j]))[:count]:
                n = np.hypot(*ways[j]) + 0.1
                hit = k["hit"] * r[i, 5] * np.exp(-0.5 * n)
                whose["x"][j] += k["push"] * r[i, 2] * ways[j] / n
                whose["energy"][j] -= hit
                name = "inbox" if whose is a else "program"
                whose[name][j] += r[i, 6] * (send[i] - old[name][j])
                taken += hit
        a["energy"][i] += k["steal"] * taken if taken > 0 else taken * s.conserve_gifts
        if r[i, 3] > 0:
            eaters = sum(r[j, 3] > 0 and cells[j] == cells[i] for j in alive)
            portion = k["eat_rate"] / (max(1, k["eat_rate"] * eaters) if s.conserve_food else 1)
            a["energy"][i] += portion * here["energy"]
            food[cells[i]] -= portion * here["energy"]
        for e, name in enumerate(EDITS):
            edited[name][cells[i]] += k["edit"] * r[i, 7 + e]
        sign = (lambda v: v) if s.signed_costs else np.abs
        a["energy"][i] -= (
            0.5 * here["move_cost"] * np.abs(r[i, :2]).sum() + 0.25 * here["push_cost"] * abs(r[i, 2])
            + k["message_price"] * here["message_cost"] * r[i, 6] + k["hit_cost"] * sign(r[i, 5])
            + 0.001 * sign(r[i, 7:]).sum() + k["life_cost"] + k["age_cost"] * old_a["age"][i]
        )  # fmt: skip
        a["age"][i] += 1
    return {
        "energy": a["energy"], "age": a["age"], "x": a["x"] % side,
        "inbox": np.tanh(a["inbox"]), "outbox": np.tanh(a["outbox"]),
        "robots": np.maximum(m["energy"], 0), "robot x": m["x"] % side, "program": np.clip(m["program"], -1, 1),
        "food": np.clip(food, 0, t["capacity"]),
        **{name: np.clip(layer, 0, 2 if name == "growth" else None) for name, layer in edited.items()},
    }  # fmt: skip


def told(state: State) -> dict[str, Any]:
    agents, robots = state.agents, state.robots
    found = {name: getattr(agents, name) for name in ("energy", "age", "x", "inbox", "outbox")}
    found |= {"robots": robots.energy, "robot x": robots.x, "program": robots.program, "food": state.terrain.energy}
    return found | {name: getattr(state.terrain, name) for name in EDITS}


def crowd(s: Settings, rng: np.random.Generator) -> State:
    """Ten agents and four robots close together, on uneven land."""
    places = rng.uniform(0, 24, (14, 2)) - 12
    layers = {name: rng.uniform(0, 2, (s.size, s.size)) for name in EDITS}
    terrain = land(s.size, energy=rng.uniform(0, 8, (s.size, s.size)), **layers)
    state = moment(s, (places[:10] % s.side).tolist(), (places[10:] % s.side).tolist(), terrain)
    boxes = rng.uniform(-1, 1, (3, s.agents, 16)) * np.asarray(state.agents.alive)[:, None]
    age = jnp.asarray(rng.uniform(0, 99, s.agents), jnp.float32)
    agents = state.agents._replace(inbox=jnp.float32(boxes[0]), outbox=jnp.float32(boxes[1]), age=age)
    energy = jnp.asarray(rng.uniform(0, 1, s.robot_slots), jnp.float32)
    program = jnp.asarray(rng.uniform(-1, 1, (s.robot_slots, 16)), jnp.float32)
    return state._replace(agents=agents, robots=state.robots._replace(energy=energy, program=program))


@pytest.mark.parametrize("options", [CARE, PUBLISHED], ids=["care", "as published"])
def test_what_all_do_together_is_the_table(options: dict) -> None:
    s = settings(agents=12, robots=4, sees_agents=5, sees_robots=2, **options)
    for seed, d in enumerate([dials(), dials(eat_rate=0.9, steal=0.5, message_price=2.0, hit=8.0, speed=3.0)]):
        rng = np.random.default_rng(seed)
        state = crowd(s, rng)
        r = np.float32(rng.uniform(-1, 1, (s.agents, 12)))
        r[:, 3:5], r[:, 6] = r[:, 3:5] > -0.5, np.maximum(r[:, 6], 0) * 0.4
        send, show = np.float32(rng.uniform(-1, 1, (2, s.agents, 16)))
        after, _ = acting(s)(state, intent(s, state, r, send, show), d)
        wanted, alive = slow(s, state, r, send, show, d), np.asarray(state.agents.alive)
        for name, found in told(after).items():
            rows = alive if len(found) == s.agents else slice(None)
            assert np.allclose(np.asarray(found)[rows], wanted[name][rows], atol=2e-4), name
        assert np.array_equal(after.agents.action[:10], r[:10])


def test_those_who_eat_together_share_what_is_there() -> None:
    for options, wanted in (({}, 4.0), ({"conserve_food": False}, 8 * 4 * 0.2)):
        s = settings(**options)
        state = moment(s, [[20.0, 20.0]] * 8)
        after, numbers = acting(s)(state, intent(s, state, record(eat=1)), dials())
        assert float(numbers["eaten"]) == pytest.approx(wanted)
        assert np.allclose(after.agents.energy[:8] - 32 + 0.25, wanted / 8, atol=1e-5)
        assert float(after.terrain.energy[2, 2]) == pytest.approx(0, abs=1e-6)
        alone = moment(s, [[20.0, 20.0]])
        after, _ = acting(s)(alone, intent(s, alone, record(eat=1)), dials())
        assert float(after.terrain.energy[2, 2]) == pytest.approx(3.2)


def test_a_message_overwrites_with_gate_one_and_not_at_all_with_gate_none() -> None:
    s = settings()
    state = moment(s, [[20.0, 20.0]], [[22.0, 20.0]])
    written = np.linspace(-1, 1, 16, dtype=np.float32)
    state = state._replace(robots=state.robots._replace(program=jnp.full((3, 16), 0.3)))
    for gate in (1.0, 0.0, 0.5):
        after, _ = acting(s)(state, intent(s, state, record(gate=gate), send=written), dials())
        assert np.allclose(after.robots.program[0], 0.3 + gate * (written - 0.3), atol=1e-6)
        assert (after.robots.told[0] == state.t) == (gate > 0)
        assert np.array_equal(after.robots.program[1:], state.robots.program[1:])


def test_gifts_are_paid_by_the_giver_unless_they_are_minted() -> None:
    for options, price in (({}, 0.4), ({"conserve_gifts": False}, 0.4), ({"signed_costs": True}, -0.4)):
        s = settings(**options)
        state = moment(s, [[20.0, 20.0], [22.0, 20.0]])
        deeds = np.zeros((s.agents, 12), np.float32)
        deeds[0] = record(hit=-1)
        energy = acting(s)(state, intent(s, state, deeds), dials())[0].agents.energy
        gift = np.exp(-0.5 * 2.1)
        assert float(energy[1]) == pytest.approx(31.75 + gift)
        assert float(energy[0]) == pytest.approx(31.75 - price - gift * s.conserve_gifts)


def test_a_robber_gains_its_part() -> None:
    s, gained = settings(), np.exp(-0.5 * 2.1)
    state = moment(s, [[20.0, 20.0], [22.0, 20.0]])
    deeds = np.zeros((s.agents, 12), np.float32)
    deeds[0] = record(hit=1)
    energy = acting(s)(state, intent(s, state, deeds), dials(steal=0.75))[0].agents.energy
    assert float(energy[0]) == pytest.approx(31.75 - 0.4 + 0.75 * gained)
    assert float(energy[1]) == pytest.approx(31.75 - gained)


@pytest.mark.parametrize("garbage", [7.0, np.nan])
def test_what_is_in_free_slots_has_no_effect(garbage: float) -> None:
    s = settings()
    places, machines = [[20.0, 20.0], [23.0, 21.0]], [[22.0, 20.0]]
    clean, dirty = moment(s, places, machines), moment(s, places, machines, garbage=garbage)
    deeds = np.zeros((s.agents, 12), np.float32)
    deeds[:2] = record(push=1, hit=0.5, gate=1, eat=1, edit_growth=1)
    wanted, counted = acting(s)(clean, intent(s, clean, deeds, send=0.5), dials())
    found, numbers = acting(s)(dirty, intent(s, dirty, deeds, send=0.5), dials())
    for name, value in told(found).items():
        rows = {s.agents: 2, s.robot_slots: 1}.get(len(value), s.size)
        assert np.array_equal(value[:rows], told(wanted)[name][:rows]), name
    for name in counted:
        assert np.array_equal(numbers[name], counted[name]), name

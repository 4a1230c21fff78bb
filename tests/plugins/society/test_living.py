"""What agents perceive and who is meant by it; controls that take messages away."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.plugins.society.brain import INBOX, OUTBOX, OUTPUTS
from alife.plugins.society.living import View, thought
from alife.plugins.society.settings import Settings
from alife.plugins.society.space import State

from .moments import KEY, brains, moment, settings

S = settings(agents=10, robots=2, sees_agents=4)
PLACES = [[20.0, 20.0], [23.0, 21.0], [120.0, 4.0]]


@lru_cache
def looking(s: Settings) -> Any:
    return jax.jit(lambda state: View(state, s, KEY).of(jnp.arange(s.agents)))


@lru_cache
def thinking(s: Settings) -> Any:
    return jax.jit(lambda state: thought(state, s, KEY))


def talkers(s: Settings = S, garbage: float = 0.0, places: list = PLACES) -> State:
    """A few agents that show and have heard things, with random brains, and a robot."""
    state = moment(s, places, [[30.0, 20.0]], garbage=garbage, genome=brains(s))
    n = len(places)
    boxes = jax.random.uniform(jax.random.key(7), (3, n, 16), minval=-1, maxval=1)
    agents = state.agents._replace(
        outbox=state.agents.outbox.at[:n].set(boxes[0]),
        inbox=state.agents.inbox.at[:n].set(boxes[1]),
        tag=state.agents.tag.at[:n].set(boxes[2, :, :8]),
    )
    return state._replace(agents=agents)


def test_an_agent_sees_the_nearest_first_and_knows_how_many_there_are() -> None:
    state = talkers()
    seen, others, robots = looking(S)(state)
    assert others.who[0, :2].tolist() == [1, 2] and others.there[0].tolist() == [True, True, False, False]
    assert robots.there[0].tolist() == [True, False]
    assert seen.there[0].tolist() == [True, True, False, False, True, False]
    one = np.asarray(seen.others[0, 0])
    assert np.allclose(one[:2], np.log([32 + 1e-4, 1e-4]), atol=1e-4)
    assert np.allclose(one[2:4], [3 / 64, 1 / 64])
    assert np.array_equal(one[16:24], state.agents.tag[1])
    assert np.array_equal(one[OUTBOX], state.agents.outbox[1]) and np.array_equal(one[INBOX], state.agents.inbox[1])
    assert np.allclose(seen.robots[0, 0, :3], [np.log(64 + 1e-4), 10 / 64, 0], atol=1e-4)


@pytest.mark.parametrize("garbage", [3.0, np.nan])
def test_free_slots_and_missing_robots_change_no_thought(garbage: float) -> None:
    clean, dirty = thinking(S)(talkers()), thinking(S)(talkers(garbage=garbage))
    for name in ("deeds", "show"):
        for a, b in zip(jax.tree.leaves(getattr(clean, name)), jax.tree.leaves(getattr(dirty, name)), strict=True):
            if np.shape(a) != (S.agents, 2):  # places: those of free slots are garbage
                assert np.array_equal(a, b)
    assert np.array_equal(clean.hidden[:3], dirty.hidden[:3])
    assert np.abs(clean.deeds.record[:3]).max() > 0.01


def test_who_is_too_far_down_the_list_is_not_seen() -> None:
    near = [[20.0 + i, 20.0] for i in range(6)]
    state = talkers(places=near)
    moved = state._replace(agents=state.agents._replace(tag=state.agents.tag.at[5].set(-0.9)))
    a, b = (thinking(S)(s).deeds.record for s in (state, moved))
    assert np.array_equal(a[0], b[0]) and not np.array_equal(a[4], b[4])  # the fifth neighbour of the first


@pytest.mark.parametrize("slot", [3, 8, 9])
def test_a_slot_is_only_a_number(slot: int) -> None:
    """Ten agents think in blocks of four, the last of which begins earlier."""
    state = talkers(places=PLACES[:1])
    swap = jnp.arange(S.agents).at[jnp.array([0, slot])].set(jnp.array([slot, 0]))
    moved = state._replace(agents=jax.tree.map(lambda a: a[swap], state.agents))
    a, b = thinking(S)(state), thinking(S)(moved)
    assert np.allclose(a.deeds.record[0], b.deeds.record[slot], atol=1e-5) and np.abs(a.deeds.record[0]).max() > 0.01
    assert np.allclose(a.hidden[0], b.hidden[slot], atol=1e-5)
    assert not b.deeds.record[0].any()


def test_switches_and_gates_are_done_or_not() -> None:
    for seed in range(3):
        state = moment(S, [[8.0 * i, 8.0] for i in range(10)], genome=brains(S, seed))
        record = np.asarray(thinking(S)(state).deeds.record)
        assert set(np.unique(record[:, 3:5])) <= {0.0, 1.0} and record[:, 6].min() >= 0
    assert record[:, 6].max() > 0


def test_brains_that_have_run_away_do_nothing_and_spoil_nobody() -> None:
    state = talkers(places=[*PLACES, [21.0, 20.0]])
    wanted = thinking(S)(state)
    for bad in (np.nan, np.inf):
        genome = {name: w.at[3].set(bad) for name, w in state.agents.genome.items()}
        found = thinking(S)(state._replace(agents=state.agents._replace(genome=genome)))
        assert not found.deeds.record[3].any() and not found.show[3].any() and not found.deeds.send[3].any()
        assert np.array_equal(found.deeds.record[:3], wanted.deeds.record[:3]) and np.isfinite(found.hidden).all()


def test_agents_see_the_tape_only_where_they_are_to() -> None:
    for sees, changes in ((False, False), (True, True)):
        s = settings(sees_bit=sees)
        state = moment(s, PLACES)
        marked = state._replace(terrain=state.terrain._replace(bit=jnp.ones((s.size, s.size))))
        a, b = (looking(s)(m)[0].patch for m in (state, marked))
        assert a.shape[1] == 9 * (7 + sees) and np.array_equal(a, b) != changes


@pytest.mark.parametrize("how", ["silent", "shuffled", "noise"])
def test_controls_change_what_is_heard_and_nothing_else(how: str) -> None:
    state = talkers()
    plain, _, _ = looking(S)(state)
    other, _, _ = looking(settings(agents=10, robots=2, sees_agents=4, messages=how))(state)
    places = np.zeros(plain.own.shape[1], bool)
    places[OUTBOX] = places[INBOX] = True
    assert np.array_equal(other.others[..., ~places], plain.others[..., ~places])
    places[OUTBOX] = False  # one's own is one's own
    assert np.array_equal(other.own[:3, ~places], plain.own[:3, ~places])
    for name in ("robots", "patch", "there"):
        assert np.array_equal(getattr(other, name), getattr(plain, name))
    boxes = {"outbox": (other.others[0, 0, OUTBOX], 1), "inbox": (other.own[0, INBOX], 0)}
    for name, (heard, whose) in boxes.items():
        said = getattr(state.agents, name)
        assert not np.allclose(heard, said[whose])
        if how == "silent":
            assert not heard.any()
        if how == "shuffled":
            assert np.array_equal(heard, said[whose + 1])
        assert np.abs(heard).max() <= 1


@pytest.mark.parametrize("brain", ["zero", "eat_only", "random", "gru", "mlp"])
def test_brains_do_what_their_names_say(brain: str) -> None:
    s = settings(brain=brain, agents=10, robots=2, sees_agents=4)
    state = talkers(s)
    state = state._replace(agents=state.agents._replace(hidden=state.agents.hidden.at[:3].set(0.25)))
    what = thinking(s)(state)
    out = np.concatenate([what.deeds.record, what.show, what.deeds.send], axis=1)[:3]
    assert out.shape == (3, OUTPUTS) and np.abs(out).max() <= 1
    if brain in ("zero", "eat_only"):
        wanted = np.zeros((3, OUTPUTS))
        wanted[:, 3] = brain == "eat_only"
        assert np.array_equal(out, wanted)
    elif brain == "random":
        again = jax.jit(lambda state: thought(state, s, jax.random.key(1)))(state)
        assert np.std(out) > 0.3 and not np.allclose(again.show[:3], what.show[:3])
    else:
        assert np.std(out) > 0.05
    assert np.array_equal(what.hidden, state.agents.hidden) == (brain != "gru")
    recalls = thinking(s)(state._replace(agents=state.agents._replace(hidden=state.agents.hidden.at[:3].set(-0.5))))
    assert np.array_equal(recalls.show[:3], what.show[:3]) == (brain != "gru")

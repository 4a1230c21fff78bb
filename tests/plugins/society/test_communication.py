"""Whether anybody listens is found out truly."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.plugins.society.brain import INBOX, OUTBOX, Seen, think
from alife.plugins.society.communication import PARTS, effects_of_messages, information
from alife.plugins.society.living import View
from alife.plugins.society.settings import Settings
from alife.plugins.society.society import Society
from alife.plugins.society.space import RECORD, State

from .moments import KEY, brains, moment, settings

S = settings(agents=8, robots=2, sees_agents=3)


@lru_cache
def asking(s: Settings) -> Any:
    return jax.jit(lambda state: effects_of_messages(state, s))


def talk() -> State:
    rng = np.random.default_rng(0)
    state = moment(S, rng.uniform(0, 60, (6, 2)).tolist(), rng.uniform(0, 60, (2, 2)).tolist(), genome=brains(S))
    boxes = jnp.asarray(rng.uniform(-1, 1, (2, 8, 16)) * np.asarray(state.agents.alive)[:, None], jnp.float32)
    return state._replace(agents=state.agents._replace(outbox=boxes[0], inbox=boxes[1]))


def deaf(state: State) -> State:
    """Brains in which nothing that anybody says leads anywhere."""
    see = state.agents.genome["see_agent"].at[:, OUTBOX].set(0).at[:, INBOX].set(0)
    return state._replace(agents=state.agents._replace(genome={**state.agents.genome, "see_agent": see}))


def test_only_who_listens_is_moved_by_messages() -> None:
    listens, does_not = asking(S)(talk()), asking(S)(deaf(talk()))
    for name in ("silence", "shuffling", "noise", "saliency_inboxes", "saliency_messages", "saliency_own"):
        assert float(does_not[name]) < 1e-6, name
        assert float(listens[name]) > 1e-3, name
    for name in ("terrain", "agents", "robots", "self"):
        assert float(does_not[f"saliency_{name}"]) > 1e-3
    assert set(listens) == {*(f"saliency_{part}" for part in PARTS), "silence", "shuffling", "noise", "information"}


def test_saliency_is_the_slope_of_the_mean_action() -> None:
    state, found = talk(), asking(S)(talk())
    genome = jax.tree.map(lambda w: w.astype(jnp.float32), state.agents.genome)

    @jax.jit
    def mean_action(seen: Seen) -> Any:
        return think(genome, seen, state.agents.hidden, KEY, S.brain)[0][:, :RECORD].mean(1)

    seen = jax.jit(lambda: View(state, S, KEY).of(jnp.arange(8))[0])()
    alive = np.asarray(state.agents.alive)
    step = 0.01
    for part, name, places in (
        ("own", "own", range(OUTBOX.start, OUTBOX.stop)),
        ("own", "self", range(seen.own.shape[1])),
        ("patch", "terrain", range(seen.patch.shape[1])),
    ):
        slope = np.zeros(8)
        for i in places:
            up, down = (
                mean_action(seen._replace(**{part: getattr(seen, part).at[:, i].add(d)})) for d in (step, -step)
            )
            slope += np.abs(np.asarray(up - down)) / (2 * step)
        assert slope[alive].mean() == pytest.approx(float(found[f"saliency_{name}"]), rel=0.02), name


def test_mad_brains_do_not_hide_who_listens() -> None:
    state = talk()
    genome = {name: w.at[2].set(jnp.nan) for name, w in state.agents.genome.items()}
    found = asking(S)(state._replace(agents=state.agents._replace(genome=genome)))
    assert all(np.isfinite(v) for v in found.values()) and float(found["saliency_messages"]) > 0


def test_an_empty_world_says_nothing() -> None:
    found = asking(S)(moment(S, genome=brains(S), garbage=np.nan))
    assert all(float(v) == 0 for v in found.values())


def test_information_is_found_where_it_is_and_only_there() -> None:
    rng = np.random.default_rng(1)
    alive = jnp.arange(400) < 300
    heard, noise = rng.uniform(size=(400, 16)), rng.uniform(size=(400, 12))
    heard[:, 1:] = heard[:, :1]
    same = np.tile(heard[:, :1], (1, 12))
    some = np.where(np.arange(12) < 6, same, noise)
    bits = [float(information(jnp.float32(heard), jnp.float32(did), alive)) for did in (same, some, noise)]
    assert bits[0] == pytest.approx(np.log2(3), abs=0.02) and bits[1] == pytest.approx(np.log2(3) / 2, abs=0.03)
    assert bits[2] < 0.01
    scrambled = same.copy()
    scrambled[300:] = 0  # what the dead did does not count
    assert float(information(jnp.float32(heard), jnp.float32(scrambled), alive)) == pytest.approx(bits[0], abs=1e-5)


def test_measures_tell_of_messages_where_they_are_asked_to() -> None:
    state = talk()
    for asked in (False, True):
        options = {f: getattr(S, f) for f in Settings.__dataclass_fields__}
        society = Society(**{**options, "communication": asked})
        found = (
            society.measures(state, society.express({"world": jnp.zeros(19)}))
            if not asked
            else (jax.eval_shape(lambda s=society: s.measures(state, s.express({"world": jnp.zeros(19)}))))
        )
        assert ("silence" in found) == asked and ("information" in found) == asked
        documented = Society.measures.__doc__ or ""
        assert all(name in documented for name in found)

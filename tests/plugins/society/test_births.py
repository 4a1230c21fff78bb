"""Children are mutants of who asked for them; the rich go first; who dies out is followed by others."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.plugins.society.births import born, dice_for_births, died, reseeded
from alife.plugins.society.dice import thrown
from alife.plugins.society.effects import REPRODUCE
from alife.plugins.society.living import brains as steering
from alife.plugins.society.settings import Dials, Settings
from alife.plugins.society.space import State

from .moments import KEY, brains, dials, moment, settings

S = settings(agents=32, width=16)
MIXED = settings(agents=32, width=16, crossover=True)


@lru_cache
def bearing(s: Settings) -> Any:
    def run(state: State, d: Dials, mates: Any, seed: Any) -> Any:
        key = jax.random.key(seed)
        return born(state, s, d, mates, thrown(key, **dice_for_births(s)), key)

    return jax.jit(run)


def wanting(s: Settings, energy: dict[int, float], count: int, genome: Any = None) -> State:
    """So many agents, of which those with an energy of their own want a child."""
    state = moment(s, [[1.0 + i, 2.0 * i] for i in range(count)], genome=brains(s) if genome is None else genome)
    who = jnp.array(list(energy))
    tags = jax.random.uniform(KEY, (s.agents, 8), minval=-1, maxval=1)
    agents = state.agents._replace(
        energy=state.agents.energy.at[who].set(jnp.array(list(energy.values()))),
        action=state.agents.action.at[who, REPRODUCE].set(1),
        uid=jnp.where(state.agents.alive, 100 + jnp.arange(s.agents, dtype=jnp.int32), -1),
        generation=jnp.arange(s.agents, dtype=jnp.int32),
        hidden=state.agents.hidden + 1,
        tag=tags,
        age=state.agents.age + 9,
    )
    return state._replace(agents=agents, next_uid=jnp.int32(500), t=jnp.int32(40))


def noise(state: State, after: State, parent: int, child: int) -> dict[str, np.ndarray]:
    """What a child's weights have that its parent's have not."""
    return {
        name: np.asarray(w[child], np.float64) - np.asarray(state.agents.genome[name][parent], np.float64)
        for name, w in after.agents.genome.items()
    }


def test_a_child_is_its_parent_with_noise() -> None:
    state = wanting(S, {3: 90.0, 7: 80.0}, count=20)
    after, numbers = bearing(S)(state, dials(), jnp.arange(32), 0)
    agents = after.agents
    assert int(numbers["births"]) == 2 and np.flatnonzero(agents.alive).tolist() == list(range(22))
    for parent, child in ((3, 20), (7, 21)):
        for name, difference in noise(state, after, parent, child).items():
            few = difference.size
            assert abs(difference.std() / 0.01 - 1) < 4 / np.sqrt(few) + 0.02, name
            assert abs(difference.mean()) < 0.01 * 5 / np.sqrt(few), name
        assert np.array_equal(agents.x[child], state.agents.x[parent])
        away = np.abs(agents.tag[child] - state.agents.tag[parent])
        assert 0 < away.max() <= 1 and np.abs(agents.tag[child]).max() <= 1 and (away > 0.05).sum() > 3
        assert int(agents.parent_uid[child]) == 100 + parent and int(agents.generation[child]) == parent + 1
        assert float(agents.energy[child]) == 32 and float(agents.age[child]) == 0
        assert not agents.hidden[child].any() and not agents.action[child].any() and int(agents.birth_step[child]) == 41
    assert agents.uid[20:22].tolist() == [500, 501] and int(after.next_uid) == 502
    others = np.r_[0:20, 22:32]
    for name, w in agents.genome.items():
        assert np.array_equal(w[others], state.agents.genome[name][others])
    assert np.array_equal(agents.tag[others], state.agents.tag[others])


def test_noise_is_the_same_nowhere_twice() -> None:
    state = wanting(S, {3: 90.0, 7: 80.0}, count=20)
    after, _ = bearing(S)(state, dials(), jnp.arange(32), 0)
    first, second = noise(state, after, 3, 20), noise(state, after, 7, 21)
    alike = [name for name, d in first.items() if d.shape == (17, 16)]
    assert len(alike) >= 4
    tensors = [first[name].ravel() for name in alike] + [second[name].ravel() for name in alike]
    between = np.corrcoef(tensors) - np.eye(len(tensors))
    assert np.abs(between).max() < 0.25  # of 272 numbers each, 0.06 is usual
    later, _ = bearing(S)(state, dials(), jnp.arange(32), 1)
    assert abs(np.corrcoef(first["act"].ravel(), noise(state, later, 3, 20)["act"].ravel())[0, 1]) < 0.25


def test_the_dial_is_the_deviation_of_mutations() -> None:
    state = wanting(S, {3: 90.0}, count=20)
    after, _ = bearing(S)(state, dials(mutation=0.1), jnp.arange(32), 0)
    assert np.concatenate([d.ravel() for d in noise(state, after, 3, 20).values()]).std() == pytest.approx(
        0.1, rel=0.03
    )


def test_the_richest_go_first_where_slots_are_few() -> None:
    energies = {i: 80.0 + (7 * i) % 31 for i in range(30)}
    after, numbers = bearing(S)(wanting(S, energies, count=30), dials(), jnp.arange(32), 0)
    richest = sorted(energies, key=energies.__getitem__)[::-1]
    assert int(numbers["births"]) == 2
    assert after.agents.parent_uid[30:].tolist() == [100 + i for i in richest[:2]]
    after, numbers = bearing(S)(wanting(S, energies, count=32), dials(), jnp.arange(32), 0)
    assert int(numbers["births"]) == 0 and int(after.next_uid) == 500
    few = {i: 80.0 + (7 * i) % 31 for i in range(8)}
    _, numbers = bearing(S)(wanting(S, few, count=8), dials(), jnp.arange(32), 0)
    assert int(numbers["births"]) == 4  # an eighth of the slots in one step


def test_birth_has_its_price_and_its_threshold() -> None:
    price = 32 * 20 / 32  # of land of factor 1, in a world of which 20 slots of 32 are taken
    state = wanting(S, {3: 2 * price + 0.01, 7: 2 * price}, count=20)
    after, numbers = bearing(S)(state, dials(), jnp.arange(32), 0)
    assert int(numbers["births"]) == 1 and int(after.agents.parent_uid[20]) == 103
    assert float(after.agents.energy[3]) == pytest.approx(price + 0.01) and float(numbers["birth_prices"]) == price
    assert float(numbers["minted"]) == 32
    s = settings(agents=32, brain="zero", conserve_births=True)
    state = wanting(s, {3: 2 * price + 32.5, 7: 2 * price + 31.5}, count=20)
    after, numbers = bearing(s)(state, dials(), jnp.arange(32), 0)
    assert int(numbers["births"]) == 1 and float(numbers["minted"]) == 0
    assert float(after.agents.energy[3]) == pytest.approx(price + 0.5) and float(after.agents.energy[20]) == 32


def test_under_drift_a_brain_steers_another_body_and_the_body_hands_on_its_own() -> None:
    for births, steered in (("chosen", 3), ("drift", 7)):
        s = settings(agents=8, births=births)
        agents = wanting(s, {3: 90.0}, count=8).agents
        agents = agents._replace(genome=jax.tree.map(lambda w: w.at[:].set(0).at[3].set(1), agents.genome))
        rows = steering(agents, jnp.arange(8), s)
        assert {name: np.flatnonzero(np.asarray(w).reshape(8, -1).any(1)).tolist() for name, w in rows.items()} == {
            name: [steered] for name in rows
        }
    s = settings(agents=8, births="drift")
    state = wanting(s, {3: 90.0}, count=6)
    after, _ = bearing(s)(state, dials(), jnp.arange(8), 0)
    for name, kernel in after.agents.genome.items():
        assert (
            np.abs(np.asarray(kernel[6], np.float32) - np.asarray(state.agents.genome[name][3], np.float32)).max() < 0.1
        )


def test_crossover_takes_each_weight_from_either() -> None:
    state = wanting(MIXED, {3: 90.0}, count=20)
    levels = jnp.arange(32, dtype=jnp.float16)
    genome = {name: jnp.ones_like(w) * levels[:, None, None] for name, w in state.agents.genome.items()}
    state = state._replace(agents=state.agents._replace(genome=genome))
    after, _ = bearing(MIXED)(state, dials(mutation=1e-4), jnp.arange(32).at[3].set(5), 0)
    for name, w in after.agents.genome.items():
        near = np.round(np.asarray(w[20], np.float32)).astype(int)
        assert set(np.unique(near)) == {3, 5} and abs((near == 5).mean() - 0.5) < 0.2, name
    alone, _ = bearing(MIXED)(state, dials(mutation=1e-4), jnp.arange(32), 0)
    assert all((np.round(np.asarray(w[20], np.float32)) == 3).all() for w in alone.agents.genome.values())


def test_mutation_rates_evolve_only_where_they_may() -> None:
    s = settings(agents=32, evolve_mutation=True)
    state = wanting(s, {3: 90.0}, count=20, genome={"act": jnp.zeros((32, 40, 40), jnp.float16)})
    state = state._replace(agents=state.agents._replace(mutation=state.agents.mutation.at[3].set(4.0)))
    rates = []
    for seed in range(12):
        after, _ = bearing(s)(state, dials(), jnp.arange(32), seed)
        rates.append(float(after.agents.mutation[20]))
        assert np.asarray(after.agents.genome["act"][20], np.float64).std() == pytest.approx(0.01 * rates[-1], rel=0.1)
    assert np.std(rates) > 0.2 and 4 * np.exp(-0.3) <= min(rates) < 4 < max(rates) <= 4 * np.exp(0.3)
    after, _ = bearing(S)(wanting(S, {3: 90.0}, count=20), dials(), jnp.arange(32), 0)
    assert (after.agents.mutation == 1).all()


def test_those_without_energy_die_and_leave_nothing() -> None:
    state = moment(S, [[8.0, 8.0]] * 4)
    energy = state.agents.energy.at[:4].set(jnp.array([1.0, 0.0, -2.0, jnp.nan]))
    agents, numbers = died(state.agents._replace(energy=energy))
    assert agents.alive[:4].tolist() == [True, False, False, False] and int(numbers["deaths"]) == 3
    assert agents.energy[:4].tolist() == [1, 0, 0, 0] and agents.uid[:4].tolist() == [0, -1, -1, -1]


@pytest.mark.parametrize(("rule", "left", "wanted"), [
    ("on_extinction", 0, 8), ("on_extinction", 1, 1), ("floor", 3, 8), ("floor", 9, 9), ("none", 0, 0),
])  # fmt: skip
def test_founders_come_where_the_rule_wants_them(rule: str, left: int, wanted: int) -> None:
    s = settings(agents=32, reseed=rule)
    state = moment(s, [[8.0, 8.0]] * left)
    bank = {name: w[: s.first] for name, w in brains(s).items()}
    dice = thrown(KEY, **dice_for_births(s))
    after, numbers = jax.jit(lambda state: reseeded(state, s, dice))(state._replace(bank=bank))
    agents, new = after.agents, slice(left, wanted)
    assert int(agents.alive.sum()) == wanted and float(numbers["reseeds"]) == wanted - left
    assert float(numbers["settled"]) == 32 * (wanted - left) and int(after.next_uid) == wanted
    assert (agents.energy[new] == 32).all() and sorted(agents.uid[new].tolist()) == list(range(left, wanted))
    first, found = (
        [tuple(w) for w in np.asarray(act, np.float32)[:, 0]] for act in (bank["act"], agents.genome["act"][new])
    )
    assert set(found) <= set(first) and len(set(found)) == len(found)
    if wanted - left == 8:
        assert np.std(agents.x[new], axis=0).min() > 10

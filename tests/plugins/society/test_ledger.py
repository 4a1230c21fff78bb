"""Energy comes from somewhere and goes somewhere, in every step, whatever all do; and everything keeps its bounds."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.plugins.society import TINY
from alife.plugins.society.numbers import NUMBERS, ledger
from alife.plugins.society.society import Society, World
from alife.plugins.society.space import EDITS, State

from .moments import GENES, KEY, dials

STEPS = 1000
WILD: dict[str, Any] = {**TINY, "brain": "random", "robot_brain": "random"}
"""Everybody does anything."""
CHEAP_CHILDREN = {"child_energy": 4.0, "birth_price": 2.0}
"""Nobody who does anything at all is ever rich."""
COMBINATIONS: dict[str, dict[str, Any]] = {
    "defaults": {"weather_every": 4, "capacity_follows_weather": True},
    "nothing is minted": {"conserve_births": True, "reseed": "none", "terrain": "random"},
    "everything is": {
        "conserve_food": False, "conserve_gifts": False, "signed_costs": True, "reseed": "floor", "births": "drift",
        "terrain": "two_islands_weather",
    },
}  # fmt: skip


class Life:
    """One compiled world and its moments."""

    def __init__(self, options: dict[str, Any]) -> None:
        society = Society(**{**WILD, **options})
        self.start = jax.jit(society.init_state)(KEY, society.express(GENES))

        def step(state: State, key: Any, world: World) -> tuple[State, State]:
            after = society.step_state(key, state, world)
            return after, after._replace(agents=after.agents._replace(genome=None), bank=None)

        self._run = jax.jit(lambda s, w: jax.lax.scan(lambda s, k: step(s, k, w), s, jax.random.split(KEY, STEPS)))

    def history(self, start: State | None = None, **turned: float) -> State:
        """All moments of a run."""
        return self._run(self.start if start is None else start, World(dials(**turned), None, None))[1]


@lru_cache
def life(name: str) -> Life:
    return Life(COMBINATIONS[name])


def total(state: State) -> np.ndarray:
    """Energy of land, agents and robots."""
    parts = (state.terrain.energy, state.agents.energy, state.robots.energy)
    first = np.ndim(state.t)
    return sum(np.asarray(p, np.float64).reshape(*p.shape[:first], -1).sum(-1) for p in parts)


def counted(history: State) -> dict[str, np.ndarray]:
    return dict(zip(NUMBERS, np.asarray(history.now, np.float64).T, strict=True))


def check_ledger(start: State, history: State) -> dict[str, np.ndarray]:
    numbers = counted(history)
    energy = np.append(total(start), total(history))
    gone = np.diff(energy) - ledger(numbers)
    assert np.abs(gone).max() < 1e-5 * energy.max() + 2e-3
    assert abs(gone.sum()) < 2e-5 * energy.max() + 0.02  # nor does it leak little by little
    return numbers


@pytest.mark.parametrize("name", COMBINATIONS)
@pytest.mark.parametrize("turned", [{}, {"steal": 0.8, "hit": 4.0, "message_price": 1.0, "life_cost": 0.1}])
def test_the_ledger_balances_in_every_step(name: str, turned: dict) -> None:
    history = life(name).history(**{**CHEAP_CHILDREN, **turned})
    numbers = check_ledger(life(name).start, history)
    for column in ("grown", "spent", "robots_spent", "hit_loss", "clipped", "birth_prices", "eaten", "robots_eaten"):
        assert np.abs(numbers[column]).sum() > 0, column
    assert (numbers["births"].sum() > 0) and (numbers["deaths"].sum() > 0)
    assert (np.abs(numbers["minted"]).sum() > 0) == (name != "nothing is minted")


def test_without_growth_and_births_that_mint_energy_only_goes() -> None:
    history = life("nothing is minted").history(growth=0.0)
    numbers = check_ledger(life("nothing is minted").start, history)
    assert not numbers["grown"].any() and not numbers["minted"].any() and not numbers["settled"].any()
    assert (np.diff(total(history)) < 0.02).all() and total(history)[-1] < total(history)[0] - 100


def test_deaths_of_all_are_followed_by_founders_or_by_nobody() -> None:
    for name, wanted in (("defaults", 3), ("nothing is minted", 0)):
        start = life(name).start
        start = start._replace(agents=start.agents._replace(energy=start.agents.energy * 0 + 1e-3 * start.agents.alive))
        terrain = start.terrain._replace(energy=jnp.zeros_like(start.terrain.energy))
        history = life(name).history(start._replace(terrain=terrain), life_cost=4.0)
        assert int(history.agents.alive[0].sum()) == wanted
        assert counted(history)["reseeds"][0] == wanted
        alive = history.agents.alive.sum(1)
        assert (alive >= 1).all() if wanted else not alive.any()
        assert all(np.isfinite(a).all() for a in jax.tree.leaves(history._replace(phase=None)))
        check_ledger(start._replace(terrain=terrain), history)


@pytest.mark.parametrize("name", COMBINATIONS)
def test_everything_stays_in_its_bounds_for_a_thousand_steps(name: str) -> None:
    history = life(name).history()
    agents, robots, terrain = history.agents, history.robots, history.terrain
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(history))
    assert (terrain.energy >= 0).all() and (terrain.energy <= terrain.capacity).all()
    assert (terrain.growth >= 0).all() and (terrain.growth <= 2).all() and terrain.growth.max() > 1.2
    assert all((getattr(terrain, layer) >= 0).all() for layer in EDITS)
    assert (agents.energy >= 0).all() and (robots.energy >= 0).all()
    for x in (agents.x, robots.x):
        assert (x >= 0).all() and (x < TINY["size"] * 8).all()
    for box in (agents.inbox, agents.outbox, agents.tag, robots.memory, robots.program, terrain.bit, agents.action):
        assert np.abs(box).max() <= 1 and np.abs(box).max() > 0.5
    alive = np.asarray(agents.alive)
    assert not np.asarray(agents.energy)[~alive].any() and (np.asarray(agents.uid)[~alive] == -1).all()
    for step in range(0, STEPS, 97):
        ids = np.asarray(agents.uid[step])[alive[step]]
        assert len(set(ids.tolist())) == len(ids) and (ids < history.next_uid[step]).all() and (ids >= 0).all()


def test_numbers_of_a_run_agree_with_its_moments() -> None:
    history = life("defaults").history()
    numbers = counted(history)
    alive = np.asarray(history.agents.alive, np.float64)
    people = alive.sum(1)
    assert np.array_equal(numbers["population"], people)
    change = numbers["births"] + numbers["reseeds"] - numbers["deaths"]
    assert np.array_equal(np.diff(people), change[1:])
    assert np.allclose(numbers["age"], (history.agents.age * alive).sum(1) / people, atol=1e-3)
    assert np.allclose(numbers["land_growth"], history.terrain.growth.mean((1, 2)), atol=1e-4)
    assert np.allclose(numbers["agriculture"], (history.terrain.growth - history.base.growth).mean((1, 2)), atol=1e-4)
    assert np.allclose(numbers["health"], np.abs(people / 12 - 0.7), atol=1e-6)
    assert np.allclose(
        numbers["throughput"], numbers["spent"] + numbers["birth_prices"] + numbers["robots_spent"], atol=1e-3
    )
    assert 0 < numbers["told"].max() <= 1 and 0 < numbers["tool_use"].max() <= 1.001

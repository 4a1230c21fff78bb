"""Maps, growth, healing, seasons and weather."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.plugins.society.dice import thrown
from alife.plugins.society.settings import TERRAINS, Settings
from alife.plugins.society.space import EDITS, LAYERS, State, Terrain
from alife.plugins.society.stepping import _land
from alife.plugins.society.terrain import (
    HIGHEST,
    MAPS,
    dice_for_noise,
    drifted,
    flooded,
    grown,
    landness,
    noise_fields,
    of_noise,
    phases,
)

from .moments import KEY, dials, land, moment, settings

SIZE = 16


def base_of(name: str, size: int = SIZE) -> Terrain:
    kind = MAPS[name]
    made = of_noise(phases(thrown(KEY, **dice_for_noise(4))), size, dials()) if kind.base is None else None
    return made or kind.base(KEY, size)


@lru_cache
def passing(s: Settings) -> Any:
    def run(state: State, t: Any, seed: Any) -> State:
        dice = thrown(jax.random.key(seed), **dice_for_noise(s.lattice))
        return _land(state._replace(t=t), s, dials(), dice)[0]

    return jax.jit(run)


def slow_noise(angle: np.ndarray, size: int, row: int, column: int) -> float:
    """Gradient noise in one cell: corners one after the other."""
    r = len(angle)
    u, v = (row + 0.5) * r / size, (column + 0.5) * r / size
    total = 0.0
    for i in (int(u), int(u) + 1):
        for j in (int(v), int(v) + 1):
            weight = 1.0
            for d in (abs(u - i), abs(v - j)):
                weight *= 1 - (6 * d**5 - 15 * d**4 + 10 * d**3)
            phi = angle[i % r, j % r]
            total += weight * (np.cos(phi) * (u - i) + np.sin(phi) * (v - j))
    return total


def test_noise_is_gradient_noise_with_a_quintic_fade() -> None:
    phase = phases(thrown(KEY, **dice_for_noise(4)))
    for roughness in (0.0, 0.7):
        fields = np.asarray(noise_fields(phase, SIZE, jnp.float32(roughness)))
        for k, field in enumerate(fields):
            slow = np.array([
                [
                    slow_noise(np.asarray(phase["coarse"][k]), SIZE, i, j)
                    + roughness * slow_noise(np.asarray(phase["fine"][k]), SIZE, i, j)
                    for j in range(SIZE)
                ]
                for i in range(SIZE)
            ])  # fmt: skip
            assert np.allclose(field, (slow - slow.min()) / (slow.max() - slow.min()), atol=1e-5)
    assert np.abs(np.corrcoef(fields.reshape(6, -1)) - np.eye(6)).max() < 0.8


@pytest.mark.parametrize("name", TERRAINS)
def test_every_map_fills_all_layers(name: str) -> None:
    base = base_of(name)
    assert base._fields == LAYERS
    for layer in base:
        assert layer.shape == (SIZE, SIZE) and np.isfinite(layer).all() and layer.min() >= 0
    assert np.array_equal(base.energy, base.capacity) and not base.bit.any()
    assert all(np.std(getattr(base, layer)) > 0 for layer in HIGHEST if layer != "message_cost" or "two" not in name)
    if name in ("noise", "random"):
        assert all(0.7 * high < getattr(base, layer).max() <= high for layer, high in HIGHEST.items())


@pytest.mark.parametrize("name", TERRAINS)
def test_every_map_lives_under_the_same_rules(name: str) -> None:
    s = settings(terrain=name, size=SIZE, weather_every=1)
    base = base_of(name)
    phase = phases(thrown(KEY, **dice_for_noise(s.lattice)))
    state = moment(s, terrain=base)._replace(phase=phase)
    after = passing(s)(state, 0, 0)
    assert np.isfinite(jnp.stack(list(after.terrain))).all()
    moves = not np.array_equal(after.base.move_cost, base.move_cost)
    assert moves == (name == "noise" or name.endswith("weather"))
    assert not np.array_equal(after.phase["coarse"], phase["coarse"])  # for maps that are not noise, too


def test_islands_are_where_they_are_said_to_be() -> None:
    strips = np.asarray(base_of("two_islands").capacity)
    assert np.array_equal(strips[:, 0], np.repeat([0, 32, 0, 32], SIZE // 4)) and (strips == strips[:, :1]).all()
    four = np.array(base_of("four_islands").capacity)
    q = SIZE // 4
    for first, wanted in (((2, 2), 32), ((2, 10), 16), ((10, 2), 16), ((10, 10), 32)):
        island = np.s_[first[0] : first[0] + q, first[1] : first[1] + q]
        assert (four[island] == wanted).all()
        four[island] = 0
    assert not four.any()
    land_of = np.asarray(landness(base_of("two_islands")))
    assert (land_of[:q] == 0).all() and (land_of[q : 2 * q] == 1).all()


def test_food_grows_and_shrinks_within_what_fits() -> None:
    growth = np.full((SIZE, SIZE), 2 / 3)
    growth[0, :4] = 0, 1, 2, 1
    energy = np.full((SIZE, SIZE), 4.0)
    energy[0, 3] = 7.9
    energy[1, 0], growth[1, 0] = 0.5, 0
    base = land(SIZE, growth=growth)
    after = grown(land(SIZE, energy=energy, growth=growth), base, dials())
    assert np.allclose(after.energy[0, :4], [4 - 2 / 3, 4 + 1 / 3, 4 + 4 / 3, 8], atol=1e-5)
    assert float(after.energy[1, 0]) == 0 and np.allclose(after.energy[2:], 4, atol=1e-5)
    still = grown(land(SIZE, energy=energy, growth=growth), base, dials(growth=0.0))
    assert np.allclose(still.energy, energy)


def test_fertile_land_heals_and_deserts_remember() -> None:
    capacity = np.full((SIZE, SIZE), 8.0)
    capacity[0], capacity[1] = 0, 4
    base = land(SIZE, capacity=capacity, energy=0.0)
    edited = base._replace(**{name: getattr(base, name) + 0.5 for name in EDITS})
    after = grown(edited, base, dials())
    for name in EDITS:
        left = np.asarray(getattr(after, name))[:3, 0]
        assert np.allclose(left, [1.5, 1 + 0.5 * 0.9975, 1 + 0.5 * 0.995], atol=1e-6), name


def test_layers_stay_within_what_they_may_be() -> None:
    wild = land(SIZE, **dict.fromkeys(EDITS, -3.0), energy=-1.0)
    after = grown(wild, wild, dials())
    assert all((getattr(after, name) == 0).all() for name in ("energy", *EDITS))
    after = grown(land(SIZE, growth=5.0, energy=99.0), land(SIZE), dials())
    assert (after.growth == 2).all() and (after.energy == 8).all()


def level(t: int) -> float:
    return (np.sin(t / 182.5) + 1) / 2


@pytest.mark.parametrize("name", ["two_islands_weather", "four_islands_weather"])
def test_seasons_move_the_water_by_the_formula(name: str) -> None:
    s = settings(terrain=name, size=SIZE, weather_every=16)
    first = MAPS[name].base(KEY, SIZE)
    state = moment(s, terrain=flooded(first, jnp.int32(0)))
    water = np.asarray(first.capacity) == 0
    bridge, dry = tuple(np.argwhere(water)[5]), tuple(np.argwhere(~water)[0])
    state = state._replace(terrain=state.terrain._replace(move_cost=state.terrain.move_cost.at[bridge].add(-0.25)))
    water[bridge] = False
    lows = []
    for t in range(400):
        state = passing(s)(state, t, 0)
        w = level((t + 1) // 16 * 16)
        wanted = {"move_cost": 0.5 + 8 * w, "push_cost": 0.5 + 4 * w, "birth_cost": 1 + 8 * w, "growth": 1 - w}
        if t % 40 == 7:
            for layer, value in wanted.items():
                assert np.allclose(np.asarray(getattr(state.base, layer))[water], value, atol=1e-3), layer
                assert np.allclose(np.asarray(getattr(state.terrain, layer))[water], value, atol=1e-3), layer
            assert float(state.terrain.move_cost[bridge]) == pytest.approx(wanted["move_cost"] - 0.25, abs=1e-3)
            lows.append(wanted["move_cost"])
    assert max(lows) - min(lows) > 3
    assert float(state.terrain.move_cost[dry]) == pytest.approx(float(first.move_cost[dry]))


def test_one_look_at_the_weather_moves_as_far_as_sixteen_small_ones() -> None:
    start = phases(thrown(KEY, **dice_for_noise(8)))
    once = drifted(thrown(jax.random.key(1), **dice_for_noise(8)), start, 16, jnp.float32(0.001))
    often = start
    for i in range(16):
        often = drifted(thrown(jax.random.key(2 + i), **dice_for_noise(8)), often, 1, jnp.float32(0.001))
    for name in start:
        far = [np.asarray(end[name] - start[name]) for end in (once, often)]
        assert all((f > 0).all() and abs(f.mean() / (16 * 0.001 * np.pi) - 1) < 0.1 for f in far)
        assert far[0].max() <= 16 * 0.002 * np.pi


def test_weather_is_looked_at_every_so_many_steps_and_capacity_follows_where_it_is_to() -> None:
    for follows in (False, True):
        s = settings(size=SIZE, weather_every=4, capacity_follows_weather=follows)
        phase = phases(thrown(KEY, **dice_for_noise(s.lattice)))
        state = moment(s, terrain=of_noise(phase, SIZE, dials()))._replace(phase=phase)
        changed = []
        for t in range(8):
            after = passing(s)(state, t, t)
            changed.append(not np.array_equal(after.base.capacity, state.base.capacity))
            assert np.array_equal(after.terrain.capacity, after.base.capacity) == (follows or t < 3)
            state = after
        assert changed == [False, False, False, True] * 2

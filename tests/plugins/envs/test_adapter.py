"""The adapter, on a toy environment: it needs no library."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.plugins.envs.actions import Choice, Span, actions_of
from alife.plugins.envs.adapter import Environment
from alife.plugins.envs.pictures import CHOSEN, FRAME, GROUND, IDLE, MORE, PALETTE, grid, letterbox, mosaic
from alife.plugins.envs.strokes import Stroke, drawing
from alife.testing import check_substrate

KEY = jax.random.key(0)


class Walk(NamedTuple):
    place: jax.Array
    key: jax.Array
    steps: jax.Array | int


class Corridor:
    """Two agents on a line who see where they are; whoever goes on earns 1, and who is 4 or further ends it all."""

    inputs, agents, actions = 2, 2, Choice(3)

    def reset(self, key):
        place = jax.random.uniform(key, (2,))
        return self.seen(place), Walk(place, key, 0)

    def step(self, key, world, action):
        place = world.place + (action == 1)
        return self.seen(place), Walk(place, key, world.steps + 1), jnp.mean(action == 1.0), (place >= 4).any()

    def seen(self, place):
        return jnp.stack([place, jnp.ones(2)], axis=1)

    def allowed(self, world):
        return jnp.array([[True, True, False]] * 2)

    def draw(self, moment, img_size):
        assert jnp.issubdtype(moment.world.key.dtype, jax.dtypes.prng_key)  # the library's own state
        return mosaic(moment, self.actions, img_size)


class Seesaw(Corridor):
    """The same with numbers instead of choices; its steps count in reals though it starts with a whole number."""

    actions = Span((-1.0,), (3.0,))

    def step(self, key, world, action):
        place = world.place + action[:, 0]
        return self.seen(place), Walk(place, key, world.steps + 0.5), action.mean(), jnp.zeros((), bool)

    def allowed(self, world):
        return None


def made(kind=Corridor, policy="mlp", hidden=3):
    return Environment(kind(), policy, hidden)


def says(out, inputs=2):
    """A linear policy that gives these outputs, whatever it sees."""
    return {"out": {"bias": jnp.array(out, jnp.float32), "kernel": jnp.zeros((inputs, len(out)))}}


def life(world, params, steps):
    state = world.init_state(KEY, params)
    states = [state]
    for key in jax.random.split(KEY, steps):
        states.append(world.step_state(key, states[-1], params))
    return states


def test_it_ends_and_stays_as_it_is():
    world = made(policy="linear")
    states = life(world, says([0, 1, 0]), 7)
    end = next(i for i, state in enumerate(states) if state.over)
    assert [float(state.reward) for state in states] == [0.0] + [1.0] * end + [0.0] * (7 - end)
    frozen, last = states[end]._replace(reward=0), states[-1]._replace(reward=0)
    assert all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(frozen), jax.tree.leaves(last), strict=True))
    measured = world.measures(states[-1], None)
    assert {name: float(value) for name, value in measured.items()} == {
        "total": end,
        "length": end,
        "over": 1,
        "switching": 0,
    }


def test_what_is_not_allowed_is_not_done():
    states = life(made(policy="linear"), says([0, 1, 2]), 2)
    assert states[-1].action.tolist() == [1, 1]


def test_numbers_lie_in_their_span():
    for out, expected in ((0.0, 1.0), (50.0, 3.0), (-50.0, -1.0)):
        assert life(made(Seesaw, "linear"), says([out]), 1)[-1].action.tolist() == [[expected]] * 2


def test_states_are_plain_numbers_of_types_that_never_change():
    for kind, steps in ((Corridor, jnp.int32), (Seesaw, jnp.float32)):
        world = made(kind)
        first, *_, last = life(world, world.default_params(KEY), 3)
        layout = [[(leaf.dtype, leaf.shape, leaf.weak_type) for leaf in jax.tree.leaves(s)] for s in (first, last)]
        assert layout[0] == layout[1] and not any(weak for *_, weak in layout[0])
        assert first.world.key.dtype == jnp.uint32 and last.world.steps.dtype == steps
    assert float(last.world.steps) == 1.5


def test_agents_share_the_policy_and_have_their_own_memory():
    world = made(policy="recurrent")
    params = world.default_params(KEY)
    state = life(world, params, 1)[-1]
    start = world.init_state(KEY, params)
    for i in range(2):
        _, memory = world.policy.act(params, start.memory[i], start.seen[i])
        assert np.allclose(state.memory[i], memory, atol=1e-6)
    assert not np.allclose(state.memory[0], state.memory[1])


def test_switching_counts_other_actions():
    params = says([0, 0, 0])
    params["out"]["kernel"] = params["out"]["kernel"].at[:, 1].set(jnp.array([-1.0, 1.5]))  # goes on until 1.5
    world = made(policy="linear")
    states = life(world, params, 5)
    acted = np.array([state.action.tolist() for state in states[1:]])
    expected = (acted[1:] != acted[:-1]).mean()
    assert 0 < expected == pytest.approx(float(world.measures(states[-1], None)["switching"]))


@pytest.mark.parametrize("kind", [Corridor, Seesaw])
def test_it_keeps_the_contract(kind):
    results = check_substrate(lambda hidden=3: made(kind, "recurrent", hidden), {})
    assert [str(result) for result in results if not result.passed] == []


def test_a_state_that_changes_its_shape_is_refused():
    class Grows(Corridor):
        def step(self, key, world, action):
            seen, world, *rest = super().step(key, world, action)
            return seen, world._replace(place=jnp.zeros(3)), *rest

    with pytest.raises(BadOption, match="changes the shape"):
        made(Grows)


@pytest.mark.parametrize(("policy", "hidden"), [("mpl", 3), ("mlp", 0)])
def test_bad_policies_are_refused(policy, hidden):
    with pytest.raises(BadOption, match=r"did you mean mlp|expected a whole number from 1"):
        made(policy=policy, hidden=hidden)


def test_spaces_without_bounds_are_refused():
    class Endless:
        low, high, shape = -np.inf, np.inf, (2,)

    with pytest.raises(BadOption, match="numbers within bounds"):
        actions_of("toy", Endless())


# --- pictures


def near(pixel, colour):
    return np.allclose(pixel, colour, atol=0.02)


def test_a_mosaic_shows_what_is_seen_and_done():
    state = life(made(policy="linear"), says([0, 1, 0]), 1)[-1]._replace(seen=jnp.array([[0.0, 1e9], [0.0, 0.0]]))
    picture = np.asarray(mosaic(state, Choice(3), 200))
    assert near(picture[80, 20], GROUND) and near(picture[80, 75], MORE)  # the first agent: 0, and very much
    assert near(picture[80, 120], GROUND) and near(picture[80, 175], GROUND)
    assert near(picture[190, 50], CHOSEN) and near(picture[190, 15], IDLE) and near(picture[190, 85], IDLE)


def test_a_grid_shows_maps_in_their_colours():
    maps = np.zeros((2, 2, 11), np.float32)
    maps[0, 0, 1] = maps[0, 1, 10] = maps[1, 1, 2] = 1
    picture = np.asarray(grid(jnp.asarray(maps), 20))
    assert near(picture[5, 5], PALETTE[1]) and near(picture[5, 15], PALETTE[0])
    assert near(picture[15, 5], GROUND) and near(picture[15, 15], PALETTE[2])


def test_what_is_not_square_has_bars():
    picture = np.asarray(letterbox(jnp.ones((4, 2, 3)), 8))
    assert near(picture[:, 2:6], 1) and near(picture[:, :2], FRAME) and near(picture[:, 6:], FRAME)


def test_y_is_up_and_later_strokes_are_over_earlier_ones():
    red, blue = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
    picture = drawing(
        [Stroke((0.2, 0.9), (0.8, 0.9), 0.08, red), Stroke((0.2, 0.9), (0.2, 0.9), 0.08, blue)], (0.0, 0.0, 0.0), 50
    )
    assert near(picture[5, 40], red) and near(picture[5, 10], blue) and near(picture[45, 25], 0)

"""What is kept of a world besides its frames, against stepping by hand; and that it costs others nothing."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import UnknownName
from alife.registry import default_registry
from alife.worlds.engine import rollout, simulate
from alife.worlds.schedule import Schedule

from .test_engine import KEY, Earning, Walker
from .test_schedule import Counter

SUBSTRATES = default_registry().substrates
ZERO = jnp.zeros(1)


def by_hand(substrate, params, steps):
    """State and measures after every step, and what the methods get as `params`."""
    init_key, step_key = jax.random.split(KEY)
    params = substrate.express(params) if hasattr(substrate, "express") else params

    @jax.jit
    def step(state, number):
        state = substrate.step_state(jax.random.fold_in(step_key, number), state, params)
        return state, (state, substrate.measures(state, params))

    return jax.lax.scan(step, substrate.init_state(init_key, params), jnp.arange(steps))[1], params


class Aviary(Walker):
    """A state of several kinds of numbers."""

    def init_state(self, rng, params):
        return {"bird": {"x": jnp.zeros(3), "n": jnp.int32(70_000)}, "key": rng}

    def step_state(self, rng, state, params):
        return {"bird": {"x": super().step_state(rng, state["bird"]["x"], params), "n": state["bird"]["n"]}, "key": rng}

    def render_state(self, state, params, img_size):
        return super().render_state(state["bird"]["x"], params, img_size)

    def measures(self, state, params):
        return {}


class Chooser(Aviary):
    def keep_state(self, state, params):
        return {"x": state["bird"]["x"]}


def test_states_are_those_of_the_frames_as_float16():
    run = rollout(Walker(), KEY, ZERO, steps=10, frames=4, img_size=8, keep_states=True)
    states = by_hand(Walker(), ZERO, 10)[0][0]
    assert list(run.states) == ["state"] and run.states["state"].dtype == jnp.float16
    assert np.array_equal(run.states["state"], states[Schedule(10, 4).ends - 1].astype(jnp.float16))


def test_every_leaf_is_kept_under_its_path_or_what_the_substrate_chooses():
    kept = rollout(Aviary(), KEY, ZERO, steps=10, frames=4, img_size=8, keep_states=True).states
    assert {name: (leaf.shape, leaf.dtype.name) for name, leaf in kept.items()} == {
        "bird/n": ((4,), "int32"),
        "bird/x": ((4, 3), "float16"),
        "key": ((4, 2), "uint32"),
    }
    assert (kept["bird/n"] == 70_000).all()
    chosen = rollout(Chooser(), KEY, ZERO, steps=10, frames=4, img_size=8, keep_states=True).states
    assert {name: leaf.dtype.name for name, leaf in chosen.items()} == {"x": "float32"}
    assert np.array_equal(chosen["x"].astype(jnp.float16), kept["bird/x"])


def test_the_state_kept_of_life_is_what_its_picture_shows():
    life = SUBSTRATES["life"].make(size=32)
    run = rollout(life, KEY, jnp.int32(6152), steps=20, frames=4, img_size=32, keep_states=True)
    assert run.states["state"].dtype == jnp.uint8
    assert np.array_equal(run.states["state"], run.frames[..., 0])


@pytest.mark.parametrize("name, measure", [("life", "activity"), ("boids", "alignment"), ("gray_scott", "activity")])
def test_the_peak_is_the_highest_of_all_steps(name, measure):
    substrate = SUBSTRATES[name].make(**SUBSTRATES[name].test_options)
    params = substrate.default_params(jax.random.key(4))
    (_, measures), _ = by_hand(substrate, params, 60)
    measure = measure if measure in measures else next(iter(measures))
    run = rollout(substrate, KEY, params, steps=60, frames="every", img_size=16, as_bytes=True, peak=measure)
    highest = int(np.argmax(measures[measure]))
    assert int(run.peak.step) == highest + 1 and np.ptp(measures[measure]) > 0
    assert float(run.peak.value) == pytest.approx(float(measures[measure][highest]), rel=1e-5)
    assert np.array_equal(run.peak.frame, run.frames[highest])


class Tide(Counter):
    """A measure that rises and falls, is twice as high as ever, and at times is no number."""

    heights = np.array([np.nan, 1, 5, np.inf, 5, 2], np.float32)

    def measures(self, state, params):
        return {"height": jnp.asarray(self.heights)[state - 1]}


class Void(Tide):
    heights = np.full(6, np.nan, np.float32)


def test_of_equal_peaks_the_first_counts_and_only_numbers_do():
    peak = rollout(Tide(), KEY, ZERO, steps=6, img_size=8, peak="height").peak
    assert (float(peak.value), int(peak.step)) == (5, 3)
    none = rollout(Void(), KEY, ZERO, steps=6, img_size=8, peak="height").peak
    assert np.isnan(none.value) and int(none.step) == 0


def test_what_was_earned_so_far_is_a_measure_too():
    peak = rollout(Earning(), KEY, ZERO, steps=10, frames=3, img_size=8, peak="reward").peak
    assert (float(peak.value), int(peak.step)) == (55, 10)


def test_a_peak_of_an_unknown_measure_names_the_near_ones():
    with pytest.raises(UnknownName, match="no measure is called 'zeel'; did you mean zeal"):
        rollout(Earning(), KEY, ZERO, steps=10, img_size=8, peak="zeel")


class Measured(Walker):
    """Its measure, and what it keeps, hold operations that are nowhere else."""

    def measures(self, state, params):
        return {"a": jnp.sinh(state[0]), "b": jnp.cosh(state[0])}

    def keep_state(self, state, params):
        return jnp.tan(state)


def test_nothing_is_computed_that_nobody_asks_for():
    def program(**kept):
        run = partial(simulate, Measured(), img_size=8, **kept)
        return str(jax.make_jaxpr(run)(KEY, ZERO, jnp.asarray(Schedule(10, 2).lengths))).split()

    plain = program()
    assert plain.count("sinh") == 1 and "tan" not in plain and "optimization_barrier" not in plain
    assert program(peak="a").count("sinh") == 2 and program(keep_states=True).count("tan") == 1


@pytest.mark.parametrize("name", ["boids", "gray_scott", "lenia_classic", "particle_life"])
def test_history_is_the_same_whatever_is_kept_of_it(name):
    """To the last bit, though it is another program."""
    substrate = SUBSTRATES[name].make(**SUBSTRATES[name].test_options)
    params = substrate.default_params(jax.random.key(1))
    run = partial(rollout, substrate, KEY, params, steps=100, frames=2, img_size=16)
    plain = run()
    peaked = run(keep_states=True, peak=next(iter(plain.measures)))
    for before, after in zip(jax.tree.leaves(plain[:4]), jax.tree.leaves(peaked[:4]), strict=True):
        assert np.array_equal(before, after)

"""The elementary rules do what has been published about them, and what a slow reading of their number does."""

from __future__ import annotations

from math import comb

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadGenotype, BadOption
from alife.plugins.elementary import Elementary, History
from alife.worlds.lattice import unpack

KEY = jax.random.key(0)


def rows(rule: int, start: str = "single", width: int = 128, count: int = 60) -> np.ndarray:
    """The first rows of a world, one below the other."""
    world = Elementary(width=width, rows=count, start=start)
    return np.asarray(unpack(run(world, rule, count - 1).words)).T.astype(int)


def run(world: Elementary, rule: int, steps: int) -> History:
    params = world.express(jnp.int32(rule))
    step = lambda _, state: world.step_state(KEY, state, params)  # noqa: E731
    return jax.jit(lambda s: jax.lax.fori_loop(0, steps, step, s))(world.init_state(KEY, params))


def slow_rows(first: np.ndarray, rule: int, count: int) -> np.ndarray:
    """Cell by cell, straight from the definition of the number of a rule."""
    found = [first.astype(int)]
    for _ in range(count - 1):
        row, n = found[-1], len(first)
        found.append(np.array([rule >> (4 * row[i - 1] + 2 * row[i] + row[(i + 1) % n]) & 1 for i in range(n)]))
    return np.array(found)


def mirrored(rule: int) -> int:
    return sum((rule >> (4 * a + 2 * b + c) & 1) << (4 * c + 2 * b + a) for a in (0, 1) for b in (0, 1) for c in (0, 1))


def complemented(rule: int) -> int:
    return sum((1 - (rule >> (7 - n) & 1)) << n for n in range(8))


# --- published facts


def test_rule_90_draws_pascals_triangle_modulo_two() -> None:
    found = rows(90)
    for t in range(60):
        expected = np.zeros(128, int)
        expected[[64 - t + 2 * i for i in range(t + 1)]] = [comb(t, i) % 2 for i in range(t + 1)]
        assert (found[t] == expected).all(), t


def test_the_middle_of_rule_30_is_the_published_sequence() -> None:
    # the first bits of OEIS A051023
    assert "".join(map(str, rows(30, width=256, count=100)[:50, 128])) == (
        "11011100110001011001001110101110011101010110000110"
    )


def test_rule_110_grows_to_the_left_as_published() -> None:
    found = rows(110)
    shown = ["".join(map(str, row[64 - 9 : 65])) for row in found[:10]]
    assert [int(row, 2) for row in shown] == [1, 3, 7, 13, 31, 49, 115, 215, 509, 775]  # OEIS A117999


def test_rule_184_moves_cars_and_loses_none() -> None:
    world = Elementary(width=96, rows=50, density=0.4)
    found = np.asarray(unpack(run(world, 184, 49).words))
    assert len(set(found.sum(0))) == 1
    cars = found.T.astype(int)
    jams = [(row & np.roll(row, 1)).sum() for row in cars]
    assert jams[-1] == 0 < jams[0]  # below one half all drive in the end


@pytest.mark.parametrize(("rule", "way"), [(170, -1), (240, 1), (204, 0)])
def test_rules_that_only_move(rule: int, way: int) -> None:
    found = rows(rule, start="1101001", count=40)
    assert all((row == np.roll(found[0], way * t)).all() for t, row in enumerate(found))


# --- every rule


def test_all_rules_match_the_definition_over_word_borders_and_ends() -> None:
    world = Elementary(width=64, rows=4)

    def first_rows(rule: jax.Array, key: jax.Array) -> jax.Array:
        params = world.express(rule)
        step = lambda _, state: world.step_state(KEY, state, params)  # noqa: E731
        return unpack(jax.lax.fori_loop(0, 3, step, world.init_state(key, params)).words).T

    found = np.asarray(jax.jit(jax.vmap(first_rows))(jnp.arange(256, dtype=jnp.int32), jax.random.split(KEY, 256)))
    for rule in range(256):
        assert (found[rule] == slow_rows(found[rule, 0], rule, 4)).all(), rule


@pytest.mark.parametrize("rule", [30, 110, 54, 45])
def test_mirrored_and_complemented_rules_give_mirrored_and_complemented_histories(rule: int) -> None:
    start = "".join(map(str, np.random.default_rng(rule).integers(0, 2, 64)))
    turned = "".join("10"[int(cell)] for cell in start)
    found = rows(rule, start, width=64)
    assert (rows(mirrored(rule), start[::-1], width=64) == found[:, ::-1]).all()
    assert (rows(complemented(rule), turned, width=64) == 1 - found).all()
    assert (mirrored(110), complemented(110)) == (124, 137)


# --- the ring of rows, and the picture


@pytest.mark.parametrize("steps", [0, 5, 31, 32, 77])
def test_the_picture_shows_the_last_rows_in_order(steps: int) -> None:
    world = Elementary(width=32, rows=32)
    state = run(world, 30, steps)
    first = np.asarray(unpack(world.init_state(KEY, world.express(jnp.int32(30))).words))[:, 0]
    everything = slow_rows(first, 30, steps + 1)[-32:]
    picture = np.asarray(world.render_state(state, world.express(jnp.int32(30)), img_size=64))
    cells = picture[::2, ::2]
    assert (picture == picture[..., :1]).all()
    assert (cells[: len(everything), :, 0] == everything).all()
    assert (cells[len(everything) :] == 0).all()


def test_measures_of_moments_known_by_hand() -> None:
    def measured(rule: int, start: str, steps: int, width: int = 64) -> dict[str, float]:
        world = Elementary(width=width, rows=16, start=start)
        found = jax.jit(world.measures)(run(world, rule, steps), world.express(jnp.int32(rule)))
        return {name: float(value) for name, value in found.items()}

    assert measured(0, "1", 3) == {"density": 0, "activity": 0, "entropy": pytest.approx(0.02508, rel=1e-3)}
    assert measured(204, "1" * 16 + "0" * 48, 9) == {
        "density": 0.25,
        "activity": 0,
        "entropy": pytest.approx(0.10141, abs=1e-3),
    }
    assert measured(51, "1", 20)["activity"] == 1
    world = Elementary(width=1024, rows=512)
    noisy = jax.jit(world.measures)(run(world, 30, 600), world.express(jnp.int32(30)))
    assert float(noisy["entropy"]) > 0.99
    assert float(noisy["activity"]) == pytest.approx(0.5, abs=0.08)


def test_what_has_not_happened_yet_does_not_count_as_order() -> None:
    world = Elementary(width=4096, rows=1000)
    found = jax.jit(world.measures)(run(world, 30, 20), world.express(jnp.int32(30)))
    assert float(found["entropy"]) > 0.97


# --- starts, genotypes and options


def test_random_starts_have_their_density_and_others_no_chance() -> None:
    world = Elementary(width=4096, density=0.2)
    row = unpack(world.init_state(KEY, world.express(jnp.int32(0))).words)[:, 0]
    assert float(row.mean()) == pytest.approx(0.2, abs=0.03)
    assert not world.deterministic and Elementary(start="101").deterministic
    assert np.flatnonzero(rows(204, "101", width=32)[0]).tolist() == [15, 17]
    assert np.flatnonzero(rows(204, width=32)[0]).tolist() == [16]


def test_mutation_changes_one_bit_and_crossover_mixes() -> None:
    world, keys = Elementary(), jax.random.split(KEY, 400)
    mutants = jax.vmap(world.mutate, (0, None))(keys, jnp.int32(110))
    assert set(np.asarray(mutants).tolist()) == {110 ^ (1 << bit) for bit in range(8)}
    children = np.asarray(
        jax.vmap(world.crossover, (0, None, None))(keys, jnp.int32(0b11110000), jnp.int32(0b11001100))
    )
    assert ((children & 0b11000011) == 0b11000000).all()
    assert len(set(children.tolist())) == 16
    rules = jax.vmap(world.default_params)(keys)
    assert rules.min() < 10 and rules.max() > 245 and rules.max() < 256


@pytest.mark.parametrize("text", ["rule 110", "Rule110", "110", " 110 "])
def test_rules_as_text(text: str) -> None:
    assert int(Elementary().from_text(text)) == 110


@pytest.mark.parametrize("text", ["", "rule", "256", "-1", "B3/S23", "rule 1000", "1.5"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(BadGenotype, match="from 0 to 255"):
        Elementary().from_text(text)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"width": 100}, "multiple of 32"),
        ({"width": 0}, "multiple of 32"),
        ({"rows": 1}, "from 2"),
        ({"density": 1.5}, "fraction"),
        ({"density": float("nan")}, "fraction"),
        ({"start": "middle"}, "'random', 'single'"),
        ({"start": ""}, "'random', 'single'"),
        ({"start": "1" * 300}, "up to 128 cells"),
        ({"start": "single", "density": 0.2}, "leave out density"),
    ],
)
def test_options_that_make_no_world_are_refused(options: dict, said: str) -> None:
    with pytest.raises(BadOption, match=said):
        Elementary(**options)

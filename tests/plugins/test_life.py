"""Life does what has been published about it, and what a slow reading of the rule's definition does."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadGenotype, BadOption, BadWorld
from alife.plugins.life import Life, step
from alife.plugins.life_formats import parse_rle, parse_rule, read_rle, rule_text
from alife.worlds.lattice import pack, unpack

KEY = jax.random.key(0)
CONWAY = 6152
GLIDER = "bo$2bo$3o!"
GUN = "24bo$22bobo$12b2o6b2o12b2o$11bo3bo4b2o12b2o$2o8bo5bo3b2o$2o8bo3bob2o4bobo$10bo5bo7bo$11bo3bo$12b2o!"
PULSAR = "2b3o3b3o2$o4bobo4bo$o4bobo4bo$o4bobo4bo$2b3o3b3o2$2b3o3b3o$o4bobo4bo$o4bobo4bo$o4bobo4bo2$2b3o3b3o!"
REPLICATOR = "2b3o$bo2bo$o3bo$o2bo$3o!"


def start(pattern: str, size: int = 64) -> jax.Array:
    """The pattern in the middle of a dead torus, in words."""
    life = Life(size=size, pattern=pattern)
    return life.init_state(KEY, life.express(jnp.int32(CONWAY)))


@partial(jax.jit, static_argnames="steps")
def after(state: jax.Array, steps: int, rule: int = CONWAY) -> jax.Array:
    """The state some generations later."""
    words = Life().express(jnp.int32(rule)).rule
    return jax.lax.fori_loop(0, steps, lambda _, s: step(s, words), state)


@partial(jax.jit, static_argnames="steps")
def populations(state: jax.Array, steps: int) -> jax.Array:
    """Live cells at generations 1..steps of Conway's rule."""
    words = Life().express(jnp.int32(CONWAY)).rule
    nexts = lambda s, _: (lambda new: (new, jax.lax.population_count(new).sum()))(step(s, words))  # noqa: E731
    return jax.lax.scan(nexts, state, length=steps)[1]


def slow_step(cells: np.ndarray, rule: int) -> np.ndarray:
    """One step, cell by cell, straight from the definition of the genotype."""
    height, width = cells.shape
    new = np.zeros_like(cells)
    for i in range(height):
        for j in range(width):
            around = [cells[(i + a) % height, (j + b) % width] for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b]
            new[i, j] = rule >> (9 * int(cells[i, j]) + int(sum(around))) & 1
    return new


# --- published facts


def test_glider_moves_one_cell_diagonally_in_four_steps() -> None:
    cells = unpack(start(GLIDER))
    assert (unpack(after(start(GLIDER), 4)) == jnp.roll(cells, (1, 1), (0, 1))).all()
    assert not (unpack(after(start(GLIDER), 2)) == jnp.roll(cells, (1, 1), (0, 1))).all()


def test_glider_comes_home_around_the_torus() -> None:
    # Over every word boundary and both edges: 64 cells at a quarter cell per step.
    assert (after(start(GLIDER), 256) == start(GLIDER)).all()


def test_r_pentomino_stabilises_at_generation_1103_with_116_cells() -> None:
    # Its first glider leaves at generation 69 and has gone 260 cells by then: half of 1024 is enough room.
    counted = populations(start("b2o$2o$bo!", 1024), 1200)
    assert (counted[1103 - 1 :] == 116).all()
    assert counted[1102 - 1] != 116


def test_gosper_gun_emits_a_glider_every_thirty_steps() -> None:
    counted = populations(start(GUN, 256), 300)
    assert (counted[30:] - counted[:-30] == 5).all()


@pytest.mark.parametrize(("pattern", "period"), [("3o!", 2), (PULSAR, 3), ("2o$2o!", 1)])
def test_oscillators_have_their_period(pattern: str, period: int) -> None:
    history = [start(pattern)]
    history += [after(history[0], t) for t in range(1, period + 1)]
    assert (history[period] == history[0]).all()
    assert all((moment != history[0]).any() for moment in history[1:period])


def test_highlife_replicator_makes_two_copies_in_twelve_steps() -> None:
    first = unpack(start(REPLICATOR))
    twelve = unpack(after(start(REPLICATOR), 12, parse_rule("B36/S23")))
    assert (twelve == jnp.roll(first, (2, 2), (0, 1)) | jnp.roll(first, (-2, -2), (0, 1))).all()
    assert twelve.sum() == 2 * first.sum()


# --- every rule


@pytest.mark.parametrize("size", [32, 64])
def test_random_rules_match_the_definition(size: int) -> None:
    rng = np.random.default_rng(size)
    rules = [0, 1, 2**18 - 1, CONWAY, 1 << 8, 1 << 17, *rng.integers(0, 2**18, 6).tolist()]  # 1 is B0: all flash on
    for rule in rules:
        cells = rng.random((size, size)) < rng.uniform(0.1, 0.7)
        fast = step(pack(jnp.asarray(cells)), Life().express(jnp.int32(rule)).rule)
        assert np.array_equal(unpack(fast), slow_step(cells, rule)), rule_text(rule)


def test_all_eighteen_bits_match_the_definition_for_hundreds_of_rules() -> None:
    def shifted(cells: np.ndarray) -> np.ndarray:
        return sum(np.roll(cells, (a, b), (-2, -1)).astype(int) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b)

    rng = np.random.default_rng(1)
    rules, cells = rng.integers(0, 2**18, 500), rng.random((500, 32, 32)) < 0.4
    masks = jax.vmap(Life().express)(jnp.asarray(rules, jnp.int32)).rule
    words = jax.vmap(pack)(jnp.asarray(cells))
    for _ in range(5):
        words = jax.vmap(step)(words, masks)
        cells = (rules[:, None, None] >> (9 * cells + shifted(cells)) & 1).astype(bool)
    assert np.array_equal(jax.vmap(unpack)(words), cells)


# --- the substrate


def test_a_random_start_has_a_density_of_its_own_in_the_range() -> None:
    life = Life(size=128)
    params = life.express(jnp.int32(CONWAY))
    found = [float(unpack(life.init_state(key, params)).mean()) for key in jax.random.split(KEY, 20)]
    assert all(0.03 < density < 0.42 for density in found)
    assert max(found) - min(found) > 0.2


def test_default_rules_cover_the_space() -> None:
    rules = jax.vmap(Life().default_params)(jax.random.split(KEY, 500))
    assert rules.dtype == jnp.int32
    assert rules.min() < 5000 < 257000 < rules.max() < 2**18


def test_the_pattern_genotype_is_the_start_and_keeps_its_rule() -> None:
    life = Life(genotype="pattern", rule="B36/S23", soup=8)
    params = life.express(life.from_text(REPLICATOR))
    state = life.init_state(KEY, params)
    for _ in range(12):
        state = life.step_state(KEY, state, params)
    assert unpack(state).sum() == 2 * 12
    assert life.default_params(KEY).shape == (8, 8)


def test_live_cells_are_white_and_in_their_place() -> None:
    life = Life(pattern="o$2o!")  # centred: rows 31, 32, columns 31, 32
    params = life.express(jnp.int32(CONWAY))
    picture = life.render_state(life.init_state(KEY, params), params, img_size=128)
    lit = np.argwhere(np.asarray(picture[::2, ::2, 1]))
    assert picture.shape == (128, 128, 3)
    assert lit.tolist() == [[31, 31], [32, 31], [32, 32]]
    assert set(np.unique(picture)) == {0.0, 1.0}


def test_measures_of_moments_known_by_hand() -> None:
    life = Life(size=32)
    params = life.express(jnp.int32(CONWAY))

    def measured(cells: np.ndarray) -> dict[str, float]:
        return {name: float(value) for name, value in life.measures(pack(jnp.asarray(cells)), params).items()}

    assert measured(np.zeros((32, 32), bool)) == {"population": 0, "activity": 0, "entropy": 0}
    board = np.indices((32, 32)).sum(0) % 2 == 1  # two kinds of block, equally common: one bit in four cells
    assert measured(board) == {"population": 0.5, "activity": 0.5, "entropy": 0.25}
    blinker = np.zeros((32, 32), bool)
    blinker[4, 3:6] = True
    assert measured(blinker)["activity"] == 4 / 1024
    noise = measured(np.random.default_rng(0).random((32, 32)) < 0.5)
    assert 0.98 < noise["entropy"] <= 1


@pytest.mark.parametrize("options", [{}, {"genotype": "pattern", "soup": 8}])
def test_mutation_changes_a_little_and_crossover_mixes(options: dict) -> None:
    life = Life(**options)
    first, second = (life.default_params(key) for key in jax.random.split(KEY))
    keys = jax.random.split(jax.random.key(1), 300)
    mutants = jax.vmap(life.mutate, (0, None))(keys, first)
    flips = np.asarray(jax.lax.population_count(mutants ^ first)).reshape(300, -1).sum(1)
    assert flips.min() == 1
    assert 1.2 < flips.mean() < 1.6  # one on average, and never none
    children = jax.vmap(life.crossover, (0, None, None))(keys, first, second)
    assert ((children & ~(first | second)) == 0).all()
    assert ((children & (first & second)) == (first & second)).all()
    from_first = jax.lax.population_count((children ^ second) & (first ^ second)).sum()
    assert abs(from_first / (300 * jax.lax.population_count(first ^ second).sum()) - 0.5) < 0.03
    low, high = life.bounds()
    assert ((mutants >= low) & (mutants <= high)).all()


def test_parameters_are_what_is_searched() -> None:
    assert Life().parameters()["rule"][:2] == (0, 2**18 - 1)
    assert Life(genotype="pattern", soup=8).parameters()["pattern"].place == (0, 64)
    assert Life().scaled(4) == (128 * 128, {"size": 128})


# --- text


@pytest.mark.parametrize("text", ["B3/S23", "b3s23", "S23/B3", "23/3", "6152", " B3/S32 "])
def test_conway_in_every_notation(text: str) -> None:
    assert int(Life().from_text(text)) == CONWAY


def test_rules_are_written_as_they_are_read() -> None:
    for rule in [0, 1, 2**18 - 1, *range(7, 2**18, 1111)]:
        assert parse_rule(rule_text(rule)) == rule
    assert rule_text(parse_rule("B36/S23")) == "B36/S23"


@pytest.mark.parametrize("text", ["", "B9/S23", "262144", "-1", "B2-a/S12", "23/3/2", "conway", "B3"])
def test_other_rules_are_refused_by_name(text: str) -> None:
    with pytest.raises(BadGenotype, match="expected"):
        Life().from_text(text)


def test_an_rle_file_with_everything() -> None:
    text = (
        "#N Twin\n#C two gliders: b3o!\nx = 7, y = 3, rule = B36/S23:T128,128\nbo3bo$\n2b\no3bo$ 3ob3o! after the end o"
    )
    found = read_rle(text)
    assert found == ("Twin", parse_rule("B36/S23"), "bo3bo$2bo3bo$3ob3o!", 128)
    assert (parse_rle(text) == [[0, 1, 0, 0, 0, 1, 0], [0, 0, 1, 0, 0, 0, 1], [1, 1, 1, 0, 1, 1, 1]]).all()


def test_rle_counts_rows_and_leaves_out_what_it_may() -> None:
    assert parse_rle("o3$2bo").astype(int).tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 1]]
    assert parse_rle("$o$$!").astype(int).tolist() == [[0], [1]]
    assert parse_rle("x=3,y=1\n3A.A!").shape == (1, 5)
    assert read_rle("o!").rule == CONWAY
    assert read_rle("x = 1, y = 1, rule = 23/36\no!").rule == parse_rule("B36/S23")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!",
        "$$!",
        "boq!",
        "bo3",
        "99999999o!",
        "x = three\no!",
        "x=1,y=1,rule=Fancy\no!",
        "x=1,y=1,rule=B3/S23:P9\no!",
    ],
)
def test_bad_rle_is_refused_by_name(text: str, tmp_path) -> None:
    file = tmp_path / "bad.rle"
    file.write_text(text)
    with pytest.raises(BadWorld, match="bad"):
        Life.from_file(file)
    with pytest.raises(BadOption, match="pattern"):
        Life(pattern=text)


def test_a_file_becomes_a_world_of_its_own(tmp_path) -> None:
    file = tmp_path / "gun.rle"
    file.write_text("#C Gosper 1970\nx = 36, y = 9, rule = B3/S23\n" + GUN.replace("$", "$\n"))
    ((name, options, rule),) = Life().from_file(str(file))
    assert (name, rule) == ("gun", CONWAY)
    life = Life(**options)
    params = life.express(jnp.int32(rule))
    assert unpack(life.init_state(KEY, params)).sum() == 36
    assert options["size"] >= 3 * 36


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"x = 1, y = 1, rule = B3/S23:T100\no!"])
def test_files_that_are_no_world_are_refused(content: bytes | None, tmp_path) -> None:
    file = tmp_path / "no.rle"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadWorld, match="no"):
        Life.from_file(file)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": 100}, "96 or 128"),
        ({"size": 0}, "32"),
        ({"genotype": "cells"}, "'rule' or 'pattern'"),
        ({"rule": "B3/S23"}, "genotype"),
        ({"genotype": "pattern", "rule": "B3S9"}, "B3S9"),
        ({"genotype": "pattern", "pattern": GLIDER}, "genotype"),
        ({"genotype": "pattern", "soup": 65}, "1 to the world's 64"),
        ({"pattern": GLIDER, "soup": 8}, "one of them"),
        ({"pattern": "70o!"}, "70 cells wide"),
        ({"density": (0.5, 0.1)}, "low <= high"),
        ({"density": (0.2,)}, "two fractions"),
    ],
)
def test_options_that_make_no_world_are_refused(options: dict, said: str) -> None:
    with pytest.raises(BadOption, match=said):
        Life(**options)


def test_a_pattern_too_large_for_the_soup_is_refused() -> None:
    with pytest.raises(BadGenotype, match="at most 16"):
        Life(genotype="pattern").from_text(GUN)

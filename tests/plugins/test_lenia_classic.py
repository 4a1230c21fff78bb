"""Classic Lenia: the published species live, Orbium glides straight, and the catalogue is read to the letter."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption, BadWorld, UnknownName
from alife.plugins.lenia_catalogue import LONGEST, parse_cells, read_catalogue, shipped
from alife.plugins.lenia_classic import CORES, GROWTHS, LeniaClassic
from alife.worlds.engine import rollout
from alife.worlds.fields import centre_of_mass, lean, wrap

KEY = jax.random.key(0)
METASTABLE = {"O2bi"}
"""Orbium bicaudatus ignis as catalogued (three decimals of m and s) dies sooner or later: after 219 steps in exact
arithmetic, after hundreds or never with the least disturbance, which its chaotic motion magnifies."""


def history(world: LeniaClassic, state: jax.Array, steps: int, every: int) -> jax.Array:
    """The cells after every so many steps."""
    genes = world.express(jnp.zeros(world._base.shape))

    def chunk(s: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
        s = jax.lax.fori_loop(0, every, lambda _, s: world.step_state(KEY, s, genes), s)
        return s, s

    return jax.jit(lambda s: jax.lax.scan(chunk, s, None, steps // every)[1])(state)


def start(world: LeniaClassic) -> jax.Array:
    return world.init_state(KEY, jnp.zeros(world._base.shape))


@cache
def mass_after_1000_steps(code: str) -> float:
    """In units of the mass at the start."""
    world = LeniaClassic(code)
    assert world.world_size >= 4 * max(parse_cells(world_options(code)["cells"]).shape)
    return float(history(world, start(world), 1000, 1000)[-1].sum() / start(world).sum())


def world_options(code: str) -> dict:
    return next(species.options for species in shipped() if species.code == code)


# Species ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [species.code for species in shipped() if species.code not in METASTABLE])
def test_published_species_live(code: str) -> None:
    assert 1 / 5 <= mass_after_1000_steps(code) <= 5


def test_nineteen_of_twenty_smooth_species_live() -> None:
    smooth = [s.code for s in shipped() if s.options["kn"] in (1, 2) and s.options["gn"] in (1, 2)]
    assert len(smooth) == 20
    assert sum(1 / 5 <= mass_after_1000_steps(code) <= 5 for code in smooth) >= 0.95 * len(smooth)


def test_orbium_keeps_its_mass_and_glides_straight_at_constant_speed() -> None:
    world = LeniaClassic("O2u")
    states = history(world, start(world), 1000, 20)
    masses = np.asarray(states.sum((1, 2)))
    assert np.abs(masses / float(start(world).sum()) - 1).max() < 0.05
    places = np.stack([centre_of_mass(s[None]) + np.asarray(lean(s[None], centre_of_mass(s[None]))) for s in states])
    ways = wrap(np.diff(places[5:], axis=0), 128)
    assert np.linalg.norm(ways.mean(0)) > 5  # cells in 20 steps
    assert np.abs(np.linalg.norm(ways, axis=1) / np.linalg.norm(ways.mean(0)) - 1).max() < 0.02
    path = np.cumsum(ways, axis=0)
    across = path @ np.array([-ways.mean(0)[1], ways.mean(0)[0]]) / np.linalg.norm(ways.mean(0))
    assert np.abs(across).max() < 0.5  # cells off a line of several hundred


def test_turning_or_moving_the_start_turns_or_moves_the_history() -> None:
    world = LeniaClassic("O2u")
    plain = history(world, start(world), 60, 20)
    turned = history(world, jnp.rot90(start(world)), 60, 20)
    moved = history(world, jnp.roll(start(world), (50, -61), (0, 1)), 60, 20)
    np.testing.assert_allclose(turned, jnp.rot90(plain, axes=(1, 2)), atol=1e-3)
    np.testing.assert_allclose(moved, jnp.roll(plain, (50, -61), (1, 2)), atol=1e-3)


def test_game_of_life_is_one_of_the_worlds() -> None:
    """R = 2 with a step kernel and a step growth is Conway's Life: a glider moves by (1, 1) in four steps."""
    world = LeniaClassic("~gldr")
    before = jnp.round(start(world))
    after = history(world, before, 4, 4)[-1]
    moves = [jnp.roll(before, (i, j), (0, 1)) for i in (-1, 1) for j in (-1, 1)]
    assert any(bool((jnp.abs(after - move) < 1e-3).all()) for move in moves)


def test_one_step_is_the_published_formula() -> None:
    """In double precision, the convolution written out."""
    world = LeniaClassic(b="1/2,1", kn=2, gn=2, m=0.2, s=0.04, R=9, T=8, world_size=32)
    cells = np.random.default_rng(0).random((32, 32))
    y, x = np.mgrid[:32, :32] - 16
    distance = np.sqrt(x**2 + y**2) / 9 * 2
    part = np.clip(distance % 1, 1e-9, 1 - 1e-9)
    kernel = np.where(distance < 2, np.where(distance < 1, 0.5, 1) * np.exp(4 - 1 / (part * (1 - part))), 0)
    kernel /= kernel.sum()
    seen = sum(kernel[i, j] * np.roll(cells, (i - 16, j - 16), (0, 1)) for i, j in np.argwhere(kernel))
    expected = np.clip(cells + (2 * np.exp(-((seen - 0.2) ** 2) / (2 * 0.04**2)) - 1) / 8, 0, 1)
    genes = world.express(jnp.zeros(world._base.shape))
    np.testing.assert_allclose(world.step_state(KEY, jnp.asarray(cells, jnp.float32), genes), expected, atol=1e-5)


def test_kernel_cores_and_growths() -> None:
    at = np.array([0.0, 0.2, 0.25, 0.5, 0.75, 0.8])
    middle = np.exp(4 - 1 / 0.16)
    np.testing.assert_allclose(CORES[1](at), [0, 0.64**4, 0.75**4, 1, 0.75**4, 0.64**4])
    np.testing.assert_allclose(CORES[2](at), [0, middle, np.exp(4 - 16 / 3), 1, np.exp(4 - 16 / 3), middle], atol=1e-12)
    assert CORES[3](at).tolist() == [0, 0, 1, 1, 1, 0] and CORES[4](at).tolist() == [0.5, 0.5, 1, 1, 1, 0]
    away = jnp.array([0.0, 1.0, -1.5, 3.0, 9.0])
    np.testing.assert_allclose(GROWTHS[1](away), [1, 2 * (8 / 9) ** 4 - 1, 2 * 0.75**4 - 1, -1, -1], atol=1e-6)
    np.testing.assert_allclose(GROWTHS[2](away), 2 * np.exp(-np.square(away) / 2) - 1, atol=1e-6)
    assert GROWTHS[3](away).tolist() == [1, 1, -1, -1, -1]


# Genotypes, pictures, measures --------------------------------------------------------------------------------------


def test_zeros_are_the_species_itself() -> None:
    genes = LeniaClassic("O2u").express(jnp.zeros(402))
    assert (float(genes.m), float(genes.s)) == (pytest.approx(0.15), pytest.approx(0.015))
    np.testing.assert_allclose(genes.cells, parse_cells(world_options("O2u")["cells"]), atol=2e-6)


def test_genotypes_move_the_species_in_logit_space() -> None:
    moved = LeniaClassic("O2u").express(jnp.full(402, 5.0))
    assert float(moved.m) == pytest.approx(1 / (1 + np.exp(-(np.log(0.15 / 0.85) + 1))))  # m and s by at most 1
    assert float(moved.cells.min()) == pytest.approx(1 / (1 + np.exp(-(np.log(1e-6 / (1 - 1e-6)) + 5))), rel=1e-3)


def test_parameters_name_the_parts_of_the_genotype() -> None:
    world = LeniaClassic("O2u")
    places = {name: parameter.place for name, parameter in world.parameters().items()}
    assert places == {"m": (0, 1), "s": (1, 2), "cells": (2, 402), "world_size": None}
    assert world.scaled(4) == (256 * 256, {"world_size": 256})


def test_the_whole_world_is_shown_unless_a_window_is_asked_for() -> None:
    whole, near = LeniaClassic("O2u"), LeniaClassic("O2u", window=32)
    state = jnp.roll(start(whole), (60, 60), (0, 1))
    params = jnp.zeros(402)
    empty = whole.render_state(jnp.zeros((128, 128)), params, img_size=128)
    assert float(jnp.ptp(empty, axis=(0, 1)).max()) == 0  # one colour
    seen = jnp.abs(whole.render_state(state, params, img_size=128) - empty[0, 0]).sum(-1) > 0.01
    np.testing.assert_array_equal(seen, state > 0.005, strict=False)
    middle = near.render_state(state, params, img_size=32)
    assert (
        float(jnp.abs(middle[16, 16] - empty[0, 0]).sum()) > 0.5
        and float(jnp.abs(middle[0] - empty[0, 0]).max()) < 0.01
    )


def test_brighter_cells_are_lighter() -> None:
    world = LeniaClassic("O2u", world_size=64)
    ramp = jnp.broadcast_to(jnp.linspace(0, 1, 64), (64, 64))
    colours = world.render_state(ramp, jnp.zeros(402), img_size=64)
    assert float(colours.min()) >= 0 and float(colours.max()) <= 1
    assert (jnp.diff(colours[0] @ jnp.array([0.2126, 0.7152, 0.0722])) > 0).all()


def test_orbium_measures() -> None:
    """About half a kernel radius per time unit, as published for Orbium, and no turning over many steps."""
    seen = rollout(LeniaClassic("O2u"), KEY, jnp.zeros(402), steps=100, img_size=8).measures
    assert 0.4 < float(seen["speed"]) < 0.6 and 0.3 < float(seen["mass"]) < 0.6
    assert [float(seen[name]) for name in ("is_empty", "is_full", "is_spread")] == [0, 0, 0]


# Options ------------------------------------------------------------------------------------------------------------


def test_a_species_has_a_code_and_a_name() -> None:
    for name in ("O2b", "o2b", "Orbium bicaudatus", "orbium bicaudatus"):
        np.testing.assert_array_equal(start(LeniaClassic(name)), start(LeniaClassic("O2b")))
    with pytest.raises(
        UnknownName, match=r"no species is called 'Orbium unicaudatos'; did you mean Orbium unicaudatus"
    ):
        LeniaClassic("Orbium unicaudatos")


def test_entries_that_share_a_code_are_numbered() -> None:
    codes = [species.code for species in shipped()]
    assert len(set(codes)) == len(codes) and {"2S1f", "2S1f#2", "2S1f#3"} <= set(codes)
    assert world_options("2S1f")["b"] == "1/2,1" and world_options("2S1f#3")["b"] == "1/12,1/6,1/2,1"


def test_options_replace_those_of_the_species() -> None:
    assert float(LeniaClassic("O2u", m=0.2).express(jnp.zeros(402)).m) == pytest.approx(0.2)
    assert LeniaClassic("O2u").world_size == 128 and LeniaClassic("~gldr").world_size == 64
    full = {**world_options("O2u"), "species": "unknown, and not looked up"}
    np.testing.assert_array_equal(start(LeniaClassic(**full)), start(LeniaClassic("O2u")))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"m": 1.5}, "m is 1.5; expected where growth is highest, from 0 to 1"),
        ({"R": 0}, "R is 0; expected a kernel radius in cells, from 1 to 1000"),
        ({"T": 0.0}, "T is 0.0; expected steps per time unit"),
        ({"kn": 5}, "kn is 5; expected the profile of a shell, from 1 to 4"),
        ({"b": "1/0"}, "b is '1/0'; expected heights"),
        ({"b": "0,0"}, "b is '0,0'; expected heights"),
        ({"cells": "3A?!"}, r"cells have '\?' at place 2"),
        ({"cells": "$$!"}, "cells are empty"),
        ({"R": 80}, "the kernel reaches 80 cells far; expected at most half the world's 128"),
        ({"world_size": 10}, "world_size is 10; expected a whole number of cells from the pattern's 20"),
        ({"window": 200}, "window is 200; expected a whole number of cells from 1 to the world's 128"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict, message: str) -> None:
    with pytest.raises(BadOption, match=message):
        LeniaClassic(**options)


# Run-length text ----------------------------------------------------------------------------------------------------


def test_every_value_has_its_symbol() -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWX"
    text = "." + "".join(prefix + letter for prefix in ["", *"pqrstuvwxy"] for letter in letters)
    values = parse_cells(text + "!") * 255
    assert values.shape == (1, 265)
    np.testing.assert_allclose(values[0], np.minimum(np.arange(265), 255), atol=1e-9)  # yO is full
    assert (parse_cells("b.oyO!") * 255).tolist() == [[0, 0, 255, 255]]


def test_counts_repeat_cells_and_row_ends() -> None:
    assert (parse_cells("A2.2pA$B3$C!") * 255).round().tolist() == [
        [1, 0, 0, 25, 25],
        [2, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [3, 0, 0, 0, 0],
    ]
    np.testing.assert_array_equal(parse_cells("12A\n $ 2B"), parse_cells("AAAAAAAAAAAA$BB!"))


@pytest.mark.parametrize(
    "text", ["", "!", "Z", "p", "pp", "3", "2!", "a", "A-B", "z$", f"{LONGEST + 1}A", "4096A4096A", "9999$A"]
)
def test_text_that_is_not_cells_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cells"):
        parse_cells(text)


# Catalogue files ----------------------------------------------------------------------------------------------------


def entry(**changes: object) -> dict:
    params = {"R": 13, "T": 10, "b": "1", "m": 0.15, "s": 0.015, "kn": 1, "gn": 1}
    return {"code": "X1", "name": "Xus one", "cname": "", "params": params, "cells": "AB$.yO!"} | changes


def written(tmp_path: Path, value: object) -> Path:
    path = tmp_path / "animals.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return path


def test_worlds_of_a_catalogue_need_nothing_but_their_options(tmp_path: Path) -> None:
    heading = {"code": ">1", "name": "class: Exokernel"}
    for catalogue in ([heading, entry(), entry()], {"animals": [heading, entry(), entry()]}):
        worlds = LeniaClassic.from_file(written(tmp_path, catalogue))
        assert [name for name, _, _ in worlds] == ["Xus one", "Xus one"]
        _, options, genotype = worlds[0]
        assert genotype == 0 and json.loads(json.dumps(options)) == options
        world = LeniaClassic(**options)
        np.testing.assert_allclose(start(world)[31:33, 31:33] * 255, [[1, 2], [0, 255]], atol=1e-3)


def test_old_catalogues_lack_kernel_and_growth_numbers(tmp_path: Path) -> None:
    old = entry(params={"R": 13, "T": 10, "b": "1", "m": 0.15, "s": 0.015})
    assert read_catalogue(written(tmp_path, [old]))[0].options["kn"] == 1


@pytest.mark.parametrize(
    ("catalogue", "message"),
    [
        ("[{]", "not JSON"),
        ({"worlds": []}, "not a species catalogue"),
        ([1, 2], "not a species catalogue"),
        ([{"code": ">1"}], "no entry has params"),
        ([{"code": ">1"}, entry(cells="A~!")], r"entry 2 \(X1, Xus one\): cells have '~!?' at place 1"),
        ([entry(cells=None)], r"entry 1 \(X1, Xus one\): expected params \(an object\) and cells"),
        ([entry(params={"R": 13})], "params lack T, b, m, s"),
        ([entry(params=entry()["params"] | {"b": "one"})], "b is 'one'; expected heights"),  # type: ignore[operator]
        ([entry(params=entry()["params"] | {"gn": 9})], "gn is 9; expected the shape of growth"),  # type: ignore[operator]
    ],
)
def test_broken_catalogues_are_refused_by_name(tmp_path: Path, catalogue: object, message: str) -> None:
    with pytest.raises(BadWorld, match=message) as caught:
        LeniaClassic.from_file(written(tmp_path, catalogue))
    assert "animals.json" in str(caught.value)


def test_files_that_are_not_there_or_not_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadWorld, match="expected a Lenia species catalogue"):
        LeniaClassic.from_file(tmp_path / "none.json")
    (tmp_path / "animals.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadWorld, match="not a text file"):
        LeniaClassic.from_file(tmp_path / "animals.json")

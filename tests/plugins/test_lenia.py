"""Lenia: the published formulas written out slowly, the published pictures, and creatures that swim."""

from __future__ import annotations

import json
from importlib.resources import files

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption, UnknownName
from alife.plugins.lenia import Lenia, State
from alife.worlds.engine import rollout

PATTERNS = json.loads(files("alife.plugins").joinpath("data/lenia_aquarium.json").read_text("utf-8"))["patterns"]
KEY = jax.random.key(0)
ZERO = jnp.zeros(3117)
# A near relative of 5N7KKM that lives and swims.
RELATIVE = 0.1 * np.random.default_rng(8).standard_normal(3117).astype(np.float32)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


class Reference:
    """The dynamics as published, in double precision and with no thought of speed."""

    def __init__(self, pattern: str, size: int) -> None:
        self.pattern, self.size = PATTERNS[pattern], size
        self.kernels = [self.kernel(k) for k in self.pattern["kernels"]]

    def kernel(self, k: dict) -> np.ndarray:
        """Centred in the array."""
        y, x = np.mgrid[: self.size, : self.size] - self.size // 2
        distance = np.sqrt(x**2 + y**2) / self.pattern["R"] * len(k["b"]) / k["r"]
        height = np.array(k["b"])[np.minimum(np.floor(distance).astype(int), len(k["b"]) - 1)]
        kernel = (distance < len(k["b"])) * height * np.exp(-(((distance % 1 - 0.5) / 0.15) ** 2) / 2)
        return kernel / kernel.sum()

    def genes(self, genotype: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """m, s, h and the embryo (row, column, channel)."""
        cells = np.zeros((32, 32, 3))
        drawn = np.moveaxis(np.array(self.pattern["cells"]), 0, -1)
        top, left = (32 - drawn.shape[0]) // 2, (32 - drawn.shape[1]) // 2
        cells[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn
        base = np.concatenate([[k[n] for k in self.pattern["kernels"]] for n in "msh"] + [cells.ravel()])
        base = np.clip(base, 1e-6, 1 - 1e-6)
        moved = np.concatenate([np.clip(genotype[:45], -1, 1), genotype[45:]])
        values = sigmoid(np.log(base / (1 - base)) + moved)
        return values[:45].reshape(3, 15), values[45:].reshape(32, 32, 3)

    def step(self, cells: np.ndarray, genes: np.ndarray, direct: bool = False) -> np.ndarray:
        growth = np.zeros_like(cells)
        for kernel, k, (m, s, h) in zip(self.kernels, self.pattern["kernels"], genes.T, strict=True):
            seen = (self.written_out if direct else self.transformed)(cells[..., k["c0"]], kernel)
            growth[..., k["c1"]] += h * (2 * np.exp(-(((seen - m) / s) ** 2) / 2) - 1)
        return np.clip(cells + growth / self.pattern["T"], 0, 1)

    def written_out(self, cells: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        middle = self.size // 2
        return sum(kernel[i, j] * np.roll(cells, (i - middle, j - middle), (0, 1)) for i, j in np.argwhere(kernel))

    def transformed(self, cells: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        return np.fft.ifft2(np.fft.fft2(cells) * np.fft.fft2(np.fft.ifftshift(kernel))).real

    def film(self, genotype: np.ndarray, steps: int) -> list[np.ndarray]:
        """Pictures of 64 x 64 after the step in the start and after each further one, recentred before every step."""
        genes, embryo = self.genes(genotype)
        middle = self.size // 2
        cells = np.zeros((self.size, self.size, 3))
        cells[middle - 16 : middle + 16, middle - 16 : middle + 16] = embryo
        away, shift, pictures = np.mgrid[: self.size, : self.size] - middle, np.zeros(2, int), []
        for _ in range(steps + 1):
            cells = np.roll(cells, -shift, (0, 1))
            before, cells = cells.sum(), self.step(cells, genes)
            shift = ((cells.sum(-1) * away).sum((1, 2)) / before).astype(int)
            pictures.append(cells[middle - 32 : middle + 32, middle - 32 : middle + 32])
        return pictures


@pytest.mark.parametrize("pattern", ["5N7KKM", "VT049W"])
def test_one_step_is_the_published_formula(pattern: str) -> None:
    world, reference = Lenia(pattern, world_size=40, window=32), Reference(pattern, 40)
    genes, _ = reference.genes(RELATIVE)
    cells = np.random.default_rng(1).random((40, 40, 3)) ** 2
    state = State(jnp.asarray(np.moveaxis(cells, -1, 0), jnp.float32), jnp.array([20, 20]), jnp.float32(1))
    after = world.step_state(KEY, state, world.express(jnp.asarray(RELATIVE)))
    np.testing.assert_allclose(
        np.moveaxis(np.asarray(after.cells), 0, -1), reference.step(cells, genes, direct=True), rtol=1e-4, atol=1e-6
    )


def test_genotypes_move_the_pattern_in_logit_space() -> None:
    genotype = 3 * np.random.default_rng(0).standard_normal(3117).astype(np.float32)
    genes, cells = Reference("5N7KKM", 128).genes(genotype)
    expressed = Lenia().express(jnp.asarray(genotype))
    np.testing.assert_allclose(jnp.stack([expressed.m, expressed.s, expressed.h]), genes, rtol=1e-5)
    np.testing.assert_allclose(jnp.moveaxis(expressed.cells, 0, -1), cells, rtol=1e-4, atol=1e-7)


def test_expressing_twice_changes_nothing() -> None:
    world = Lenia(world_size=48, window=32)
    genes = world.express(ZERO)
    assert world.express(genes) is genes
    np.testing.assert_array_equal(world.init_state(KEY, ZERO).cells, world.init_state(KEY, genes).cells)


def test_the_prior_is_small_and_of_the_published_length() -> None:
    params = Lenia().default_params(KEY)
    assert params.shape == (3117,) and params.dtype == jnp.float32
    assert float(params.std()) == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize("genotype", [np.zeros(3117, np.float32), RELATIVE], ids=["pattern", "relative"])
def test_pictures_are_the_published_ones(genotype: np.ndarray) -> None:
    expected = Reference("5N7KKM", 128).film(genotype, 48)
    film = rollout(Lenia(), KEY, jnp.asarray(genotype), steps=48, frames=48, img_size=64).frames
    assert expected[-1].sum() > 100  # there is something to see
    for place in (0, 20, 47):
        assert np.abs(np.asarray(film[place]) - expected[place + 1]).mean() < 2 / 255


def test_a_creature_is_shown_the_same_wherever_it_swims() -> None:
    world = Lenia()
    genes = world.express(ZERO)
    here = world.init_state(KEY, genes)
    there = State(jnp.roll(here.cells, (70, -50), (1, 2)), here.centre + jnp.array([70, -50]), here.mass)
    for _ in range(5):
        here, there = world.step_state(KEY, here, genes), world.step_state(KEY, there, genes)
    shown = [world.render_state(state, genes, img_size=64) for state in (here, there)]
    np.testing.assert_allclose(*shown, atol=1e-4)
    np.testing.assert_allclose(there.cells, jnp.roll(here.cells, (70, -50), (1, 2)), atol=1e-4)


def test_pictures_are_the_cells_around_the_creature_enlarged() -> None:
    world = Lenia(world_size=48, window=32)
    state = world.init_state(KEY, ZERO)
    small, large = (world.render_state(state, ZERO, img_size=size) for size in (32, 64))
    np.testing.assert_array_equal(large[::2, 1::2], small)
    np.testing.assert_array_equal(jnp.moveaxis(small, -1, 0), state.cells[:, 8:40, 8:40])


def test_golden_swarm() -> None:
    """The published pattern keeps itself alive and swims up left: a change of these numbers is a change of dynamics."""
    seen = rollout(Lenia(), KEY, ZERO, steps=64, img_size=8).measures
    assert float(seen["mass"]) == pytest.approx(2.408, rel=0.02)
    assert float(seen["centre_x"]) == pytest.approx(-1.88, abs=0.1)
    assert float(seen["centre_y"]) == pytest.approx(-1.26, abs=0.1)
    assert [float(seen[name]) for name in ("is_empty", "is_full", "is_spread")] == [0, 0, 0]


def test_speed_is_the_way_made() -> None:
    world = Lenia()
    start, end = (rollout(world, KEY, ZERO, steps=steps, img_size=8).measures for steps in (32, 33))
    way = np.hypot(*(float(end[name] - start[name]) for name in ("centre_x", "centre_y")))
    assert float(start["speed"]) == pytest.approx(way * 2, abs=1e-3)  # T = 2 steps are one time unit
    assert 0.02 < float(start["speed"]) < 0.2


def test_worlds_side_by_side_are_worlds_alone() -> None:
    world = Lenia(world_size=48, window=32)
    genotypes = jnp.stack([ZERO, jnp.asarray(RELATIVE)])
    step = lambda p: world.step_state(KEY, world.init_state(KEY, p), p).cells  # noqa: E731
    together = jax.vmap(step)(genotypes)
    for one, genotype in zip(together, genotypes, strict=True):
        np.testing.assert_allclose(one, step(genotype), atol=1e-5)


def test_an_empty_world_stays_empty_and_finite() -> None:
    world = Lenia(world_size=48, window=32)
    state = State(jnp.zeros((3, 48, 48)), jnp.array([24, 24]), jnp.float32(0))
    after = world.step_state(KEY, state, ZERO)
    assert float(after.cells.max()) == 0 and after.centre.tolist() == [24, 24]
    assert all(np.isfinite(float(value)) for value in world.measures(after, ZERO).values())


def test_options_that_cannot_be_are_refused() -> None:
    with pytest.raises(UnknownName, match="no pattern is called '5N7KK'; did you mean 5N7KKM"):
        Lenia("5N7KK")
    with pytest.raises(BadOption, match="world_size is 16; expected a whole number of cells from 32 to 4096"):
        Lenia(world_size=16)
    with pytest.raises(BadOption, match="world_size is True"):
        Lenia(world_size=True)
    with pytest.raises(BadOption, match="window is 65; expected a whole number of cells from 1 to 64"):
        Lenia(world_size=64, window=65)


def test_parameters_name_the_parts_of_the_genotype() -> None:
    world = Lenia()
    places = {name: parameter.place for name, parameter in world.parameters().items()}
    assert places == {"m": (0, 15), "s": (15, 30), "h": (30, 45), "cells": (45, 3117), "world_size": None}
    moved = world.express(ZERO.at[slice(*places["s"])].set(1.0))
    assert (moved.s > world.express(ZERO).s).all() and (moved.m == world.express(ZERO).m).all()
    assert world.scaled(4) == (256 * 256, {"world_size": 256})

"""The recipe: its first steps are those that made the shipped weights, and it resumes exactly."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.plugins.builtin import losses, training
from alife.plugins.builtin.concepts import PLACE, STATIC, places_of
from alife.plugins.builtin.model import WEIGHTS

CURVE = json.loads((WEIGHTS.parent / "curve.json").read_text())


def test_the_recipe_repeats_itself_and_resumes_exactly(tmp_path: Path):
    """Two steps in one go and with a stop after the first end alike; ten give the committed curve's first mean."""
    training.train(tmp_path / "stopped", until=1, tell=lambda line: None)
    for folder in ("stopped", "whole"):
        training.train(tmp_path / folder, until=2, tell=lambda line: None)
    with np.load(tmp_path / "stopped/state.npz") as stopped, np.load(tmp_path / "whole/state.npz") as whole:
        assert set(stopped) == set(whole) and int(whole["step"]) == 2
        assert all(np.array_equal(stopped[name], whole[name]) for name in whole)
    curve = training.train(tmp_path / "whole", until=10, tell=lambda line: None)
    assert curve["loss"] == pytest.approx(CURVE["loss"][:1], abs=1e-3)


def test_steps_out_of_range_are_refused(tmp_path: Path):
    with pytest.raises(BadOption, match="expected 1 to"):
        training.train(tmp_path, until=0)
    with pytest.raises(BadOption, match="holds no training"):
        training.shipped(tmp_path / "nothing")


def test_the_curve_is_of_the_whole_recipe():
    assert CURVE["step"][-1] == training.STEPS and len(CURVE["loss"]) == training.STEPS // training.NOTE_EVERY
    assert np.mean(CURVE["loss"][-20:]) < 0.1 * CURVE["loss"][0]


def test_what_is_unknown_teaches_nothing():
    truth = np.full((4, STATIC.stop), -1)
    truth[:, places_of("size")] = [[1, 0], [0, 1], [1, 0], [0, 1]]
    weights = training.first_learner(0).weights
    images = jax.random.uniform(jax.random.key(0), (4, 96, 96, 3))

    def slope(truth: np.ndarray) -> np.ndarray:
        def of(table: jax.Array) -> jax.Array:
            return losses.loss({**weights, "concepts": table}, images, jnp.asarray(truth), jax.random.key(1))[0]

        return np.abs(np.asarray(jax.grad(of)(weights["concepts"]))).sum(1)

    moved = slope(truth)
    assert moved[places_of("size")].min() > 0 and moved[places_of("kind")].max() == 0
    truth[0, PLACE["kind:maze"]] = 0
    assert slope(truth)[PLACE["kind:maze"]] > 0

"""What runs of one process share: the compiled evaluation, where nothing that decides about it differs."""

from __future__ import annotations

import numpy as np
import pytest

from alife.config import RunConfig
from alife.pipeline import KEPT, Pipeline
from alife.registry import Registry, default_registry

SAID = {"options": {"size": 32}, "model": "pixels", "frames": 2, "img_size": 16}
FILE = """
import numpy as np
import alife

class Weighs:
    image_size, dim = 16, 3
    def __init__(self, file=""):
        self.weight = np.float32(open(file).read())
        self.identity = f"weighs {self.weight}"
    def embed_images(self, images):
        z = images.mean((1, 2)) + self.weight
        return z / (z**2).sum(1, keepdims=True) ** 0.5

@alife.hookimpl
def register_models(register):
    register("weighs", Weighs)
"""


def evaluator(registry=None, **changes):
    steps = changes.pop("steps", 8)
    return Pipeline(RunConfig("life", steps, **{**SAID, **changes}), registry or default_registry()).evaluator


def test_equal_evaluations_are_made_once():
    first = evaluator()
    assert evaluator(seed=7, population=4, score="novelty", generations=3) is first


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 9},
        {"frames": 3},
        {"img_size": 24},
        {"memory_mb": 100},
        {"options": {"size": 64}},
        {"model": "texture"},
        {"model": {"name": "pixels", "size": 8}},
        {"keep_states": True},
        {"peak": "population"},
    ],
    ids=str,
)
def test_what_decides_about_it_makes_another(changes):
    assert evaluator(**changes) is not evaluator()


def test_another_registry_may_mean_another_class_by_a_name():
    assert evaluator(Registry()) is not evaluator()


def test_weights_that_changed_on_disk_are_seen(tmp_path):
    plugin, weights = tmp_path / "weighs.py", tmp_path / "weights.txt"
    plugin.write_text(FILE)
    registry, model, seen = Registry([plugin]), {"name": "weighs", "file": str(weights)}, []
    for weight in "1", "2", "1":
        weights.write_text(weight)
        made = evaluator(registry, model=model)
        assert made.model.weight == np.float32(weight)
        seen.append(made)
    assert seen[0] is seen[2]


def test_only_the_latest_are_kept():
    first = evaluator()
    for steps in range(20, 20 + KEPT):
        evaluator(steps=steps)
    assert evaluator() is not first

"""What a run says it depends on, and which changes are told."""

from __future__ import annotations

import copy

import pytest

from alife.config import RunConfig
from alife.pipeline import Pipeline
from alife.provenance import differences
from alife.registry import Registry, default_registry

CONFIG = RunConfig("life", 8, options={"size": 32}, model="texture", frames=2, img_size=32)
DECIDES = ("source", "identity")


@pytest.fixture(scope="module")
def said():
    return Pipeline(CONFIG, default_registry()).provenance()


def test_all_that_makes_a_picture_is_said(said):
    assert said["pictures"] == {"steps": 8, "moments": [4, 8], "img_size": 32}
    assert said["numbers"]["keys"] == "threefry2x32" and said["numbers"]["x64"] is False
    assert {"jax", "flax", "pluggy", "alife"} < set(said["versions"])
    for part in ("substrate", "model"):
        assert said[part]["package"] == "built in" and len(said[part]["source"]) == 64


def test_a_plugin_file_is_said_to_be_one(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import alife\nfrom alife.plugins.life import Life\n\n@alife.hookimpl\n"
        "def register_substrates(register):\n    register('mine', Life, horizon=8)\n"
    )
    said = Pipeline(RunConfig("mine", 8, model="texture", img_size=32), Registry([file])).provenance()
    assert said["substrate"]["package"] == "file" and said["substrate"]["plugin"] == str(file)


@pytest.mark.parametrize(
    "part, key, decides",
    [
        ("versions", "alife", False),
        ("versions", "jax", False),
        ("substrate", "package", False),
        ("substrate", "source", True),
        ("model", "identity", True),
        ("machine", "device", False),
    ],
)
def test_only_other_code_decides_and_all_else_is_told(said, part, key, decides):
    then = copy.deepcopy(said)
    then[part][key] = "another"
    assert [change.split(":")[0] for change in differences(then, said)] == [f"{part} {key}"]
    assert bool(differences(then, said, only=DECIDES)) is decides


def test_what_older_versions_did_not_say_is_no_difference(said):
    older = {
        "versions": {"python": said["versions"]["python"]},
        "substrate": {"name": "life", "plugin": "alife.plugins.life", "source": said["substrate"]["source"]},
        "model": {"name": "texture", "plugin": "alife.plugins.texture", "identity": said["model"]["identity"]},
    }
    assert differences(older, said) == []

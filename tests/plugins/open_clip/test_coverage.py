"""What of open_clip's list can be run: every such architecture has exactly the numbers that torch's has."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alife.errors import AlifeError, BadOption
from alife.plugins.open_clip import convert, installed, weights
from alife.plugins.open_clip.architectures import open_clip_architecture
from alife.plugins.open_clip.models import Dino, OpenClip
from alife.plugins.open_clip.shapes import Architecture, Refused

from . import twins

COVERED, ALL = 121, 196
"""Pretrained entries of open_clip_torch 3.3: those that our towers run, and all; newer packages have more."""


@pytest.fixture(scope="module")
def covered() -> list[Architecture]:
    """Every architecture that is not refused."""
    if not installed.is_installed("open_clip"):
        pytest.skip("open_clip_torch is not installed")
    found = []
    for name in installed.configurations():
        try:
            found.append(open_clip_architecture(name))
        except Refused as why:
            assert len(str(why)) > 10
    return found


def torch_shapes(name: str) -> dict[str, np.ndarray]:
    """Torch's names, two blocks deep, with arrays of no memory in their shapes."""
    twins.import_open_clip()
    import torch
    from open_clip.model import CLIP, CustomTextCLIP

    said = copy.deepcopy(installed.configurations()[name])
    said["text_cfg"]["layers"] = 2
    if "layers" in said["vision_cfg"]:
        said["vision_cfg"]["layers"] = 2
    with torch.device("meta"):
        model = (CustomTextCLIP if said.pop("custom_text", False) else CLIP)(**said)
    if "timm_model_name" in said["vision_cfg"]:
        model.visual.trunk.blocks = model.visual.trunk.blocks[:2]
    nothing = np.zeros((), np.float32)
    return {name: np.broadcast_to(nothing, tuple(array.shape)) for name, array in model.state_dict().items()}


def test_most_pretrained_weights_are_covered(covered: list[Architecture]) -> None:
    entries = sum(len(architecture.tags) for architecture in covered)
    plain = sum(len(a.tags) for a in covered if a.text and not a.text.tokenizer)
    everything = sum(len(tags) for tags in installed.pretrained().values())
    print(f"{entries} of {everything} pretrained entries are covered, {plain} of them with CLIP's own tokenizer")
    assert everything >= ALL
    assert entries >= COVERED


def test_every_covered_architecture_has_the_numbers_of_torchs(covered: list[Architecture]) -> None:
    for architecture in map(twins.shallow, covered):
        state = convert.tidy(torch_shapes(architecture.name))
        text = architecture.text
        assert text is not None
        prefix = "text." if any(name.startswith("text.") for name in state) else ""
        parts = convert.parts_of_pictures(architecture.picture, "visual.") + convert.parts_of_texts(text, prefix)
        convert.fitted(state, parts, architecture.name, "torch's state")  # raises on any name or shape that differs


def test_tags_are_those_that_the_package_tells(covered: list[Architecture]) -> None:
    """Our reading of its source against the package itself."""
    theirs = twins.import_open_clip().pretrained._PRETRAINED
    assert {name: set(tags) for name, tags in installed.pretrained().items()} == {n: set(t) for n, t in theirs.items()}
    for name, tags in theirs.items():
        for tag, said in tags.items():
            ours: dict[str, Any] = installed.pretrained()[name][tag]
            assert all(ours[key] == value for key, value in said.items())


def test_the_list_says_what_is_covered_and_why_not() -> None:
    told = OpenClip.variants()
    assert told["tiny"].endswith("tags: random (default)")
    if not installed.is_installed("open_clip"):
        assert "pip install 'alife[clip]'" in told["(more)"]
        return
    assert "openai (default), laion400m_e31" in told["ViT-B-32"]
    assert "tokenizer file; tags: webli" in told["ViT-B-32-SigLIP2-256"]
    assert told["RN50"] == "refused: a ResNet picture tower"
    assert "518 px; tags: lvd142m" in Dino.variants()["vit_small_patch14_dinov2"]


@pytest.mark.parametrize(
    ("which", "told"),
    [
        ("ViT-B32", "did you mean ViT-B-32"),
        ("ViT-B-32:opnai", "did you mean openai"),
        ("RN50", "open_clip cannot run RN50: a ResNet picture tower"),
        ("ViT-B-16-plus", "no weights of ViT-B-16-plus are published; give a file"),
    ],
)
def test_names_that_lead_nowhere(covered: list[Architecture], which: str, told: str) -> None:
    with pytest.raises(AlifeError, match=told):
        OpenClip(which)


def test_no_network_says_that_a_file_can_be_given(
    covered: list[Architecture], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    hub = pytest.importorskip("huggingface_hub")

    def unreachable(*args: Any, **said: Any) -> None:
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(hub, "try_to_load_from_cache", lambda *args: None)
    monkeypatch.setattr(hub, "get_hf_file_metadata", unreachable)
    with pytest.raises(BadOption, match=r"cannot be downloaded: Name or .* give a local file: ViT-B-32:FILE"):
        OpenClip("ViT-B-32")
    with pytest.raises(BadOption, match=r"lvd142m: .* give a local file: vit_small_patch14_dinov2:FILE"):
        Dino("vit_small_patch14_dinov2")


def test_a_download_takes_the_safetensors_first(covered: list[Architecture], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(weights, "fetch", lambda *names: asked.append(names) or Path("file"))
    tables = installed.pretrained()
    weights.fetched(tables["ViT-B-32"]["openai"], "ViT-B-32:openai")
    weights.fetched(tables["ViTamin-S"]["datacomp1b"], "ViTamin-S:datacomp1b")
    weights.fetched(installed.timm_weights()["vit_small_patch14_dinov2"]["lvd142m"], "vit_small_patch14_dinov2:lvd142m")
    assert asked == [
        ("timm/vit_base_patch32_clip_224.openai", "open_clip_model.safetensors", "open_clip_pytorch_model.bin"),
        ("jienengchen/ViTamin-S", "pytorch_model.safetensors", "pytorch_model.bin"),
        ("timm/vit_small_patch14_dinov2.lvd142m", "model.safetensors", "pytorch_model.bin"),
    ]

"""Our towers against torch's: the same weights, the same vectors to the sixth digit, and every way to get it wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.plugins.open_clip import convert
from alife.plugins.open_clip.architectures import dino_architecture, timm_tower
from alife.plugins.open_clip.models import Dino, OpenClip
from alife.plugins.open_clip.pictures import Preparation
from alife.plugins.open_clip.shapes import Architecture

from . import twins
from .twins import CLOSE

FAMILIES = (
    "ViT-B-32",
    "ViT-B-32-quickgelu",
    "ViT-B-16",
    "ViT-L-14",
    "ViT-B-32-SigLIP2-256",  # attention pooling, tanh gelu and eps 1e-6 in the text tower
    "ViT-B-16-SigLIP",  # the same with the exact gelu
    "ViT-L-14-CLIPA",  # mean pooling, last norm after it
)

CLIP = Preparation(224, (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711), "bicubic")


@pytest.fixture(scope="module")
def open_clip() -> Any:
    return twins.import_open_clip()


@pytest.mark.parametrize("name", FAMILIES)
def test_pictures_and_texts_of_every_family(open_clip: Any, name: str) -> None:
    said = twins.smaller(name)
    model, architecture = twins.torch_clip(said), twins.ours(said)
    pictures, words = twins.picture_weights(architecture, twins.arrays(model))
    tower, text = architecture.picture, architecture.text
    assert text is not None
    images, tokens = twins.noise(tower.image_size), twins.prompts(text)
    theirs = twins.torch_pictures(model.encode_image, images, twins.prepared(tower))
    assert np.abs(twins.our_pictures(tower, pictures, images) - theirs).max() <= CLOSE
    assert np.abs(twins.our_texts(text, words, tokens) - twins.torch_texts(model, tokens)).max() <= CLOSE


@pytest.mark.parametrize("name", ["vit_small_patch14_dinov2", "vit_small_patch14_reg4_dinov2"])
def test_pictures_of_dino(open_clip: Any, name: str) -> None:
    import timm

    model = timm.create_model(name, num_classes=0, img_size=112)
    model.blocks = model.blocks[:2]
    twins.noisy(model, 0)
    architecture = twins.our_dino(name, 112)
    weights, _ = twins.picture_weights(architecture, twins.arrays(model))
    images = twins.noise(112)
    theirs = twins.torch_pictures(model, images, twins.prepared(architecture.picture))
    assert np.abs(twins.our_pictures(architecture.picture, weights, images) - theirs).max() <= CLOSE


@pytest.mark.parametrize(
    ("family", "arch", "changes"),
    [
        ("eva", "eva_giant_patch14_224", {}),  # biases of query and value apart, none for the key
        (
            "timm",
            "vit_giant_patch14_dinov2",
            {"init_values": 1e-5, "mlp_layer": "SwiGLUPacked", "act_layer": "nn.SiLU"},
        ),
        ("timm", "vit_medium_patch16_gap_256", {"class_token": False, "qkv_bias": False, "global_pool": "avg"}),
    ],
)
def test_other_transformers_of_timm(open_clip: Any, family: str, arch: str, changes: dict[str, Any]) -> None:
    """Small ones of the same make."""
    import timm

    shape = {"patch_size": 14, "embed_dim": 96, "depth": 2, "num_heads": 3, "mlp_ratio": 4.0}
    pool = {"global_pool": changes.get("global_pool", "token")}
    norm = {"fc_norm": True} if changes.get("global_pool") else {}
    model = twins.noisy(timm.create_model(arch, num_classes=0, img_size=56, **shape, **pool, **norm), 0)
    layer_scale = {"init_values": 1e-6} if "gap" in arch else {}
    tower = timm_tower(family, {**shape, **changes, **pool, **norm, **layer_scale}, 56, "none", 96)
    weights, _ = twins.picture_weights(Architecture(arch, tower, None), twins.arrays(model))
    images = twins.noise(56)
    theirs = twins.torch_pictures(model, images, twins.prepared(tower))
    assert np.abs(twins.our_pictures(tower, weights, images) - theirs).max() <= CLOSE


def broken(tower: Any) -> dict[str, Any]:
    """What would look right and is not: the tower or the preparation with one thing changed."""
    blocks, right = tower.blocks, twins.prepared(tower)
    return {
        "eps": (replace(tower, blocks=replace(blocks, eps=1e-6)), right),
        "activation": (replace(tower, blocks=replace(blocks, activation="quick_gelu")), right),
        "tanh": (replace(tower, blocks=replace(blocks, activation="gelu_tanh")), right),
        "heads": (replace(tower, blocks=replace(blocks, heads=8)), right),
        "pooling": (replace(tower, pool="mean"), right),
        "mean": (tower, replace(right, mean=(0.5, 0.5, 0.5))),
        "std": (tower, replace(right, std=(0.5, 0.5, 0.5))),
    }


@pytest.mark.parametrize("what", ["eps", "activation", "tanh", "heads", "pooling", "mean", "std"])
def test_a_wrong_choice_is_seen(open_clip: Any, what: str) -> None:
    """The measure is sharp enough: each of these is beyond it, though weights and shapes fit."""
    said = twins.smaller("ViT-B-32")
    model, architecture = twins.torch_clip(said), twins.ours(said)
    tower, preparation = broken(architecture.picture)[what]
    wrong = replace(architecture, picture=tower)
    weights, _ = twins.picture_weights(wrong, twins.arrays(model))
    images = twins.noise(224)
    theirs = twins.torch_pictures(model.encode_image, images, twins.prepared(architecture.picture))
    gap = np.abs(twins.our_pictures(tower, weights, images, preparation) - theirs).max()
    assert gap > 3 * CLOSE


@pytest.mark.parametrize("what", ["causal", "pool", "activation"])
def test_a_wrong_choice_is_seen_in_texts(open_clip: Any, what: str) -> None:
    said = twins.smaller("ViT-B-32")
    model, architecture = twins.torch_clip(said), twins.ours(said)
    text = architecture.text
    assert text is not None
    _, words = twins.picture_weights(architecture, twins.arrays(model))
    quick = replace(text, blocks=replace(text.blocks, activation="quick_gelu"))
    wrong = {"causal": replace(text, causal=False), "pool": replace(text, pool="last"), "activation": quick}[what]
    tokens = twins.prompts(text)
    assert np.abs(twins.our_texts(wrong, words, tokens) - twins.torch_texts(model, tokens)).max() > 3 * CLOSE


def test_a_whole_model_from_its_file(open_clip: Any, tmp_path: Path) -> None:
    """ViT-B-32 as it is: 12 and 12 blocks, the real vocabulary, prompts, pictures, file and all."""
    import torch
    from safetensors.torch import save_file

    model = twins.noisy(open_clip.create_model("ViT-B-32"), 3)
    file = tmp_path / "vit.safetensors"
    save_file(model.state_dict(), file)
    ours = OpenClip(f"ViT-B-32:{file}")
    prompts = ["a ring of red dots", "it's “coral”, growing & splitting", "noise"]
    with torch.no_grad():
        texts = model.encode_text(open_clip.get_tokenizer("ViT-B-32")(prompts), normalize=True).numpy()
    assert np.abs(np.asarray(ours.embed_text(prompts)) - texts).max() <= CLOSE
    images = twins.noise(224)
    theirs = twins.torch_pictures(model.encode_image, images, CLIP)
    assert np.abs(np.asarray(jax.jit(ours.embed_images)(images, ours.weights)) - theirs).max() <= CLOSE


@pytest.mark.parametrize("size", [64, 300])
def test_pictures_are_resized_as_published(open_clip: Any, size: int) -> None:
    """Against open_clip's own preparation, which works on bytes: within its two roundings to 1/255."""
    from PIL import Image

    y, x = np.mgrid[:size, :size] / size
    smooth = 0.5 + 0.3 * np.sin(9 * x[..., None] + np.arange(3)) * np.cos(7 * y[..., None])
    given = np.round(smooth * 255).astype(np.uint8)
    theirs = open_clip.image_transform(224, is_train=False)(Image.fromarray(given)).numpy().transpose(1, 2, 0)
    ours = CLIP(jnp.asarray(given[None], jnp.float32) / 255)[0]
    assert np.abs(ours - theirs).max() < 1.2 / 255 / 0.26


def test_positions_of_another_picture_size(open_clip: Any, tmp_path: Path) -> None:
    """Against timm's own resizing of position embeddings."""
    import timm
    from safetensors.torch import save_file

    shape = {"patch_size": 14, "depth": 12, "embed_dim": 384, "num_heads": 6}
    model = twins.noisy(timm.create_model("vit_small_patch14_dinov2", num_classes=0, **shape), 0)
    save_file(model.state_dict(), tmp_path / "dino.safetensors")
    ours = Dino(f"vit_small_patch14_dinov2:{tmp_path / 'dino.safetensors'}", image_size=112)
    assert ours.image_size == 112
    model.set_input_size(112)
    images = twins.noise(112)
    theirs = twins.torch_pictures(model, images, ours._parts.preparation)
    assert np.abs(np.asarray(ours.embed_images(jnp.asarray(images))) - theirs).max() <= CLOSE
    state = twins.arrays(model)  # of 112 pixels now
    parts = convert.parts_of_pictures(dino_architecture("vit_small_patch14_dinov2").picture, "")
    with pytest.raises(BadOption, match=r"pos_embed is \(1, 65, 384\), not \(1, 1370, 384\)"):
        convert.fitted(state, parts, "vit_small_patch14_dinov2", "FILE")


def test_a_pickle_gives_the_same_and_is_kept(open_clip: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from alife.plugins.open_clip import weights

    monkeypatch.setenv("ALIFE_CACHE", str(tmp_path / "cache"))
    state = {"state_dict": {f"module.{name}": array for name, array in torch.nn.Linear(3, 2).state_dict().items()}}
    torch.save(state, tmp_path / "w.pt")
    first = weights.read(tmp_path / "w.pt")
    assert len(list((tmp_path / "cache" / "weights").glob("w-*.safetensors"))) == 1
    monkeypatch.setattr(weights, "_pickled", lambda path: pytest.fail("it reads the pickle again"))
    again = weights.read(tmp_path / "w.pt")
    assert first.keys() == again.keys() == {"module.weight", "module.bias"}
    np.testing.assert_array_equal(first["module.weight"], again["module.weight"])

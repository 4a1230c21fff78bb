"""The same model twice: in torch as published, with random weights, and in our towers from its saved state."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.plugins.open_clip import convert, installed
from alife.plugins.open_clip.architectures import dino_architecture, read_open_clip
from alife.plugins.open_clip.pictures import Preparation, embed
from alife.plugins.open_clip.shapes import Architecture, PictureTower, TextTower
from alife.plugins.open_clip.towers import Pictures, Texts

CLOSE = 1e-6
"""Numbers of two unit vectors may differ by this much; a cosine would hide a wrong activation."""


def import_open_clip() -> Any:
    """The package, also where torchvision does not fit a CPU build of torch; else the test is skipped."""
    torch = pytest.importorskip("torch")
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        import_open_clip.library = library = torch.library.Library("torchvision", "DEF")  # type: ignore[attr-defined]
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return pytest.importorskip("open_clip")


def smaller(name: str, **changes: Any) -> dict[str, Any]:
    """An architecture of the package, two blocks deep, with few words."""
    said = copy.deepcopy(installed.configurations()[name])
    if "layers" in said["vision_cfg"]:
        said["vision_cfg"]["layers"] = 2
    said["text_cfg"] |= {"layers": 2, "vocab_size": min(said["text_cfg"]["vocab_size"], 1000)}
    return {**said, **changes}


def torch_clip(said: Mapping[str, Any], seed: int = 0) -> Any:
    """The torch model of a description, two blocks deep, every number of it moved by noise."""
    import_open_clip()
    from open_clip.model import CLIP, CustomTextCLIP

    plain = copy.deepcopy(dict(said))
    custom = plain.pop("custom_text", False)
    model = (CustomTextCLIP if custom else CLIP)(**plain)
    if "timm_model_name" in said["vision_cfg"]:
        model.visual.trunk.blocks = model.visual.trunk.blocks[:2]
    return noisy(model, seed)


def noisy(model: Any, seed: int) -> Any:
    """Norms, biases and scales away from 1 and 0, or a wrong use of them would not show."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.02 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


def arrays(model: Any) -> dict[str, np.ndarray]:
    return {name: array.detach().numpy() for name, array in model.state_dict().items()}


def shallow(architecture: Architecture) -> Architecture:
    """The same with two blocks in each tower."""
    picture, text = architecture.picture, architecture.text
    picture = replace(picture, blocks=replace(picture.blocks, depth=2))
    text = text and replace(text, blocks=replace(text.blocks, depth=2))
    return replace(architecture, picture=picture, text=text)


def ours(said: Mapping[str, Any]) -> Architecture:
    return shallow(read_open_clip("twin", said, {}))


def our_dino(name: str, size: int) -> Architecture:
    found = shallow(dino_architecture(name))
    return replace(found, picture=replace(found.picture, image_size=size))


def picture_weights(architecture: Architecture, state: Mapping[str, np.ndarray]) -> tuple[Any, Any]:
    """Our two trees of weights; fails where a name is left over."""
    state = convert.tidy(state)
    parts = convert.parts_of_pictures(architecture.picture, "visual." if architecture.text else "")
    text = architecture.text
    words = convert.parts_of_texts(text, "text." if any(n.startswith("text.") for n in state) else "") if text else []
    convert.fitted(state, [*parts, *words], "twin", "state")
    return convert.converted(state, parts), convert.converted(state, words)


def noise(size: int, count: int = 3) -> np.ndarray:
    """Pictures in [0, 1]: noise, a wave, a dark one."""
    rng = np.random.default_rng(1)
    images = rng.random((count, size, size, 3))
    images[1] = 0.5 + 0.5 * np.sin(np.arange(size) / 9)[:, None, None] * images[1].mean()
    images[2] *= 0.1
    return images.astype(np.float32)


def prepared(tower: PictureTower) -> Preparation:
    return Preparation(tower.image_size, (0.48, 0.46, 0.41), (0.27, 0.26, 0.28), "bicubic")


def our_pictures(
    tower: PictureTower, weights: Any, images: np.ndarray, preparation: Preparation | None = None
) -> np.ndarray:
    made: Callable[..., Any] = jax.jit(embed, static_argnums=(0, 1))
    return np.asarray(made(Pictures(tower), preparation or prepared(tower), weights, images))


def our_texts(tower: TextTower, weights: Any, tokens: np.ndarray) -> np.ndarray:
    return np.asarray(jax.jit(Texts(tower).apply)({"params": weights}, jnp.asarray(tokens)))


def torch_pictures(encode: Callable[[Any], Any], images: np.ndarray, preparation: Preparation) -> np.ndarray:
    """Torch's unit vectors of pictures of the right size."""
    import torch

    plain = (images - np.asarray(preparation.mean, np.float32)) / np.asarray(preparation.std, np.float32)
    with torch.no_grad():
        z = encode(torch.from_numpy(plain.transpose(0, 3, 1, 2).copy())).numpy()
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def torch_texts(model: Any, tokens: np.ndarray) -> np.ndarray:
    import torch

    with torch.no_grad():
        return model.encode_text(torch.from_numpy(tokens.astype(np.int64)), normalize=True).numpy()


def prompts(tower: TextTower, count: int = 3) -> np.ndarray:
    """Tokens as a tokenizer would fill them in: beginning, words, end (the greatest number), nothing."""
    rng = np.random.default_rng(2)
    tokens = rng.integers(3, tower.vocabulary - 2, (count, tower.length))
    for row, end in zip(tokens, (4, 7, tower.length - 1), strict=True):
        row[end:] = 0
        row[end] = tower.end if tower.pool == "eos" else tower.vocabulary - 1
    return tokens

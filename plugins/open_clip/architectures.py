"""What a model is made of: the shape of its towers, from the tables of the installed packages.

An architecture that our towers do not have is refused with the reason, never run wrongly.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from alife.errors import BadOption, UnknownName

from . import installed
from .shapes import Architecture, Blocks, PictureTower, Refused, TextTower

RANDOM = "random"
"""The tag of untrained weights: for trying out, for timing, and as the baseline that a trained model must beat."""

TINY: dict[str, Any] = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "head_width": 32, "patch_size": 8},
    "text_cfg": {"context_length": 32, "vocab_size": 514, "width": 64, "heads": 2, "layers": 2},
}
"""An architecture of our own, in the form of open_clip's files; its vocabulary is the bytes, so it needs no file."""

TINY_TIMM = {"patch_size": 8, "embed_dim": 64, "depth": 2, "num_heads": 2}
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def open_clip_names() -> list[str]:
    """Every architecture that open_clip knows, and our own."""
    return ["tiny", *(installed.configurations() if installed.is_installed("open_clip") else ())]


def dino_names() -> list[str]:
    """Every plain vision transformer of timm that has weights, and our own."""
    return ["tiny", *(installed.timm_weights() if installed.is_installed("timm") else ())]


def open_clip_architecture(name: str) -> Architecture:
    """The architecture of a name, or of a JSON file in open_clip's form.

    Raises:
        UnknownName: there is none; near names are suggested.
        BadOption: the file cannot be read, or the package that knows the names is missing.
        Refused: our towers do not have it.
    """
    if name.endswith(".json"):
        return read_open_clip(Path(name).stem, _from_file(Path(name)), {})
    if name == "tiny":
        return read_open_clip(name, TINY, {RANDOM: {}})
    known = installed.configurations()
    if name not in known:
        raise UnknownName("open_clip architecture", name, known, "`alife list models open_clip` shows them")
    return read_open_clip(name, known[name], installed.pretrained().get(name, {}))


def dino_architecture(name: str) -> Architecture:
    """The picture-only architecture of a timm name, without its tag.

    Raises:
        UnknownName, BadOption, Refused: as `open_clip_architecture`.
    """
    if name == "tiny":
        return Architecture(name, timm_tower("timm", TINY_TIMM, 32, "none", 64), None, {RANDOM: {}})
    known = installed.timm_weights()
    family, said = installed.timm_arguments().get(name, ("", {}))
    if name not in known or family != "timm":
        raise UnknownName("timm vision transformer", name, known, "`alife list models dino` shows them")
    size = next(iter(known[name].values()))["input_size"][1]
    return Architecture(name, timm_tower(family, said, size, "none", said["embed_dim"]), None, known[name])


def _from_file(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text("utf-8"))
        said = said.get("model_cfg", said)
        if not {"embed_dim", "vision_cfg", "text_cfg"} <= set(said):
            raise ValueError("it needs embed_dim, vision_cfg and text_cfg")
        return said
    except (OSError, ValueError, AttributeError) as cause:
        raise BadOption(f"{path} is not an architecture in open_clip's form: {cause}") from None


def read_open_clip(name: str, said: Mapping[str, Any], tags: Mapping[str, Any]) -> Architecture:
    """The architecture that one of open_clip's files describes.

    Raises:
        Refused: our towers do not have it.
    """
    if "multimodal_cfg" in said:
        raise Refused("a CoCa model, which also writes captions")
    quick = said.get("quick_gelu", False)
    vision, text, dim = said["vision_cfg"], said["text_cfg"], said["embed_dim"]
    picture = _timm_picture(vision, dim) if "timm_model_name" in vision else _clip_picture(vision, dim, quick)
    return Architecture(name, picture, _text(text, dim, quick), tags)


def _only(said: Mapping[str, Any], known: set[str], what: str) -> None:
    for key, value in said.items():
        if key not in known and value is not None:
            raise Refused(f"its {what} has {key} = {value!r}")


_CLIP_BLOCKS = {"width", "layers", "mlp_ratio", "ls_init_value", "norm_kwargs", "act_kwargs"}


def _clip_blocks(said: Mapping[str, Any], heads: int, quick: bool) -> Blocks:
    tanh = (said.get("act_kwargs") or {}).get("approximate") == "tanh"
    return Blocks(
        width=said["width"],
        depth=said["layers"],
        heads=heads,
        hidden=int(said["width"] * said.get("mlp_ratio", 4.0)),
        activation="quick_gelu" if quick else "gelu_tanh" if tanh else "gelu",
        eps=(said.get("norm_kwargs") or {}).get("eps", 1e-5),
        layer_scale=said.get("ls_init_value") is not None,
    )


def _clip_picture(said: Mapping[str, Any], dim: int, quick: bool) -> PictureTower:
    if not isinstance(said["layers"], int):
        raise Refused("a ResNet picture tower")
    known = {"image_size", "patch_size", "head_width", "no_ln_pre", "pool_type", "final_ln_after_pool", "patch_dropout"}
    _only(said, _CLIP_BLOCKS | known | {"pos_embed_type", "output_tokens"}, "picture tower")
    pool = said.get("pool_type", "tok")
    if pool not in ("tok", "avg"):
        raise Refused(f"its picture tower pools by {pool!r}")
    return PictureTower(
        blocks=_clip_blocks(said, said["width"] // said.get("head_width", 64), quick),
        image_size=said.get("image_size", 224),
        patch=said["patch_size"],
        dim=dim,
        norm_first=not said.get("no_ln_pre", False),
        norm_last="after" if said.get("final_ln_after_pool") else "before",
        pool="token" if pool == "tok" else "mean",
    )


def _text(said: Mapping[str, Any], dim: int, quick: bool) -> TextTower:
    if "hf_model_name" in said:
        raise Refused(f"a Hugging Face text tower ({said['hf_model_name']})")
    known = {"context_length", "vocab_size", "heads", "no_causal_mask", "pool_type", "eos_id", "pad_id", "proj_bias"}
    known |= {"hf_tokenizer_name", "tokenizer_kwargs", "proj_type", "output_tokens"}
    _only(said, _CLIP_BLOCKS | known, "text tower")
    words = said.get("tokenizer_kwargs") or {}
    head = "none" if said.get("proj_type") == "none" else "linear_bias" if said.get("proj_bias") else "matrix"
    return TextTower(
        blocks=_clip_blocks({"width": 512, "layers": 12, **said}, said.get("heads", 8), quick),
        length=said.get("context_length", 77),
        vocabulary=said.get("vocab_size", 49408),
        dim=dim,
        causal=not said.get("no_causal_mask", False),
        pool=said.get("pool_type", "argmax"),
        end=said.get("eos_id", 2),
        head=head,
        tokenizer=said.get("hf_tokenizer_name") or "",
        clean=words.get("clean", "whitespace"),
        drop_separator=words.get("strip_sep_token", False),
    )


def _timm_picture(said: Mapping[str, Any], dim: int) -> PictureTower:
    name = said["timm_model_name"]
    family, arguments = installed.timm_arguments().get(name, ("", {}))
    if not family:
        raise Refused(f"the picture tower {name}, which is no plain vision transformer")
    if said.get("timm_proj") == "mlp" or said.get("timm_pool") in ("abs_attn", "rot_attn"):
        raise Refused(f"its picture tower ends in {said.get('timm_proj') or said['timm_pool']!r}")
    bias = "_bias" if said.get("timm_proj_bias") else ""
    head = {None: "trunk", "": "trunk", "none": "none"}.get(said.get("timm_proj", "linear"), f"linear{bias}")
    pool = said.get("timm_pool", "avg")
    # with a projection of its own, open_clip makes the tower with its own pooling first and changes that afterwards
    made = arguments if head.startswith("linear") else {**arguments, "global_pool": pool}
    tower = timm_tower(family, made, said["image_size"], head, dim)
    return replace(tower, pool=_TIMM_POOLS[pool]) if pool else tower


_TIMM_ACTIVATIONS = {None: "gelu", "gelu_tanh": "gelu_tanh", "quick_gelu": "quick_gelu"}
_TIMM_POOLS = {"token": "token", "avg": "mean", "map": "attention"}
_TIMM_EPS = {None: 1e-6, "partial(LayerNorm, eps=1e-05)": 1e-5}
_TIMM_KNOWN = {"patch_size", "embed_dim", "depth", "num_heads", "mlp_ratio", "qkv_bias", "init_values", "class_token"}
_TIMM_KNOWN |= {"no_embed_class", "reg_tokens", "pre_norm", "fc_norm", "global_pool", "img_size"}


def timm_tower(family: str, said: Mapping[str, Any], size: int, head: str, dim: int) -> PictureTower:
    """A plain vision transformer of timm, from the arguments that its source gives it.

    Raises:
        Refused: an argument that our towers do not have.
    """
    known = _TIMM_KNOWN | ({"norm_layer", "act_layer", "mlp_layer"} if family == "timm" else set())
    _only(said, known | {"dynamic_img_size"}, "picture tower")
    gated = said.get("mlp_layer") == "SwiGLUPacked" and said.get("act_layer") == "nn.SiLU"
    if not gated and (said.get("mlp_layer") or said.get("act_layer") not in _TIMM_ACTIVATIONS):
        raise Refused(f"its picture tower has the activation {said.get('mlp_layer') or said['act_layer']}")
    if said.get("norm_layer") not in _TIMM_EPS or said.get("global_pool", "token") not in _TIMM_POOLS:
        raise Refused(f"its picture tower has {said.get('norm_layer')} and pools by {said.get('global_pool')!r}")
    width, averaged = said.get("embed_dim", 768), said.get("global_pool") == "avg"
    blocks = Blocks(
        width=width,
        depth=said.get("depth", 12),
        heads=said.get("num_heads", 12),
        hidden=int(width * said.get("mlp_ratio", 4.0)),
        activation="swiglu" if gated else _TIMM_ACTIVATIONS[said.get("act_layer")],
        eps=_TIMM_EPS[said.get("norm_layer")],
        layer_scale=bool(said.get("init_values")),
        qkv_bias=said.get("qkv_bias", True),
    )
    return PictureTower(
        blocks=blocks,
        image_size=size,
        patch=said.get("patch_size", 16),
        dim=width if head == "none" else dim,
        names=family,
        class_token=said.get("class_token", True),
        registers=said.get("reg_tokens", 0),
        positions="patches" if said.get("no_embed_class") else "all",
        patch_bias=not said.get("pre_norm", False),
        norm_first=said.get("pre_norm", False),
        norm_last="after" if said.get("fc_norm", averaged) else "before",
        pool=_TIMM_POOLS[said.get("global_pool", "token")],
        head=head,
    )

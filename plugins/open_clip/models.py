"""The two models: towers with weights in them."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from alife.errors import BadOption, UnknownName
from alife.types import Tree

from . import architectures, installed, weights
from .architectures import RANDOM
from .shapes import Architecture, Refused

VERSION = "open-clip-1"
"""Part of the identity of every embedding: to be raised by any change of what the towers compute."""


class OpenClip:
    """A CLIP or SigLIP model of open_clip, run by our own towers; knows pictures and texts.

    Args:
        which: ARCHITECTURE, ARCHITECTURE:TAG or ARCHITECTURE:FILE.  An architecture is one of open_clip's, or a JSON
            file in its form, or "tiny", which ships; a file is .safetensors, or a pickle (.bin, .pt, .pth), which
            torch reads once.  Without a tag it is OpenAI's, else the first that open_clip lists; the tag "random"
            means untrained weights.
        tag: what a local FILE holds, where that matters: activation and preparation of pictures follow the tag.
        image_size: edge of the pictures inside, pixels; None = what the weights were trained at.

    Raises:
        UnknownName: no such architecture or tag; near ones are suggested.
        BadOption: towers that we do not have, weights that cannot be had or do not fit, no package open_clip_torch.

    Source: Radford et al. 2021 (arXiv:2103.00020), Zhai et al. 2023 (arXiv:2303.15343).

    >>> OpenClip("tiny").embed_images(jnp.zeros((2, 32, 32, 3))).shape
    (2, 32)
    """

    def __init__(self, which: str = "ViT-B-32", tag: str = "", image_size: int | None = None) -> None:
        name, _, rest = which.partition(":")
        architecture = _described(name, architectures.open_clip_architecture, "open_clip")
        self._parts = _Parts(architecture, rest, tag, image_size)
        self.image_size, self.dim = self._parts.preparation.size, architecture.picture.dim
        self.identity = self._parts.identity
        self.weights: Tree = self._parts.pictures

    def embed_images(self, images: Float[Array, "B H W 3"], weights: Tree = None) -> Float[Array, "B D"]:
        """Unit vectors; pictures are red green blue in [0, 1], square, of any size.  None = the model's own weights."""
        return self._parts.embed_images(images, weights)

    def embed_text(self, texts: Sequence[str]) -> Float[Array, "P D"]:
        """Unit vectors of prompts, in the space of the pictures.

        Raises:
            BadOption: a prompt too long, or the tokenizer is missing.
        """
        return self._parts.embed_text(list(texts))

    @classmethod
    def variants(cls) -> dict[str, str]:
        """Every architecture with what there is of it, or why it is refused."""
        return _variants(architectures.open_clip_names(), architectures.open_clip_architecture, "open_clip")


class Dino:
    """A picture-only vision transformer of timm, such as DINOv2; knows no text.

    Args:
        which: ARCHITECTURE, ARCHITECTURE.TAG or ARCHITECTURE:FILE, such as "vit_small_patch14_dinov2"; without a tag
            it is the first that timm lists.  "tiny" ships; the tag "random" means untrained weights.
        image_size: edge of the pictures inside, pixels; None = what the weights were trained at (518 for DINOv2,
            where 224 takes a seventh of the time).

    Raises:
        UnknownName: no such architecture or tag; near ones are suggested.
        BadOption: a tower that we do not have, weights that cannot be had or do not fit, no package timm.

    Source: Caron et al. 2021 (arXiv:2104.14294), Oquab et al. 2023 (arXiv:2304.07193).

    >>> Dino("tiny").embed_images(jnp.zeros((2, 32, 32, 3))).shape
    (2, 64)
    """

    def __init__(self, which: str = "vit_small_patch14_dinov2", image_size: int | None = None) -> None:
        name, _, file = which.partition(":")
        name, _, tag = name.partition(".")
        architecture = _described(name, architectures.dino_architecture, "dino")
        self._parts = _Parts(architecture, file or tag, tag, image_size)
        self.image_size, self.dim = self._parts.preparation.size, architecture.picture.dim
        self.identity = self._parts.identity
        self.weights: Tree = self._parts.pictures

    def embed_images(self, images: Float[Array, "B H W 3"], weights: Tree = None) -> Float[Array, "B D"]:
        """Unit vectors; pictures are red green blue in [0, 1], square, of any size.  None = the model's own weights."""
        return self._parts.embed_images(images, weights)

    @classmethod
    def variants(cls) -> dict[str, str]:
        """Every architecture with what there is of it, or why it is refused."""
        return _variants(architectures.dino_names(), architectures.dino_architecture, "timm")


class _Parts:
    """Towers, weights, preparation and tokenizer of one model."""

    def __init__(self, architecture: Architecture, rest: str, like: str, image_size: int | None) -> None:
        from .pictures import Preparation
        from .towers import Pictures

        said, file = _chosen(architecture, rest, like)
        architecture = _as_trained(architecture, said, image_size)
        self.architecture, self.file = architecture, file
        if file is None:
            warnings.warn(f"{architecture.name} is untrained here: its cosines mean nothing to people", stacklevel=4)
        self.tower = Pictures(architecture.picture)
        mean = said.get("mean", architectures.CLIP_MEAN)
        std = said.get("std", architectures.CLIP_STD)
        interpolation = said.get("interpolation", "bicubic")
        self.preparation = Preparation(architecture.picture.image_size, mean, std, interpolation)
        source = str(file) if file else RANDOM
        pictures, self.texts = _loaded(architecture, weights.read(file) if file else None, source, image_size)
        # half precision pays on accelerators only: on a CPU it takes three times as long
        dtype = jnp.float32 if jax.default_backend() == "cpu" else jnp.bfloat16
        decides = asdict(self.preparation) | {"dtype": jnp.dtype(dtype).name}
        self.identity = _identity(architecture, decides, (pictures, self.texts))
        self.pictures = jax.tree.map(lambda array: jnp.asarray(array, dtype), pictures)

    def embed_images(self, images: Float[Array, "B H W 3"], given: Tree) -> Float[Array, "B D"]:
        from .pictures import embed

        return embed(self.tower, self.preparation, self.pictures if given is None else given, images)

    def embed_text(self, texts: Sequence[str]) -> Float[Array, "P D"]:
        return self._read({"params": self.texts}, self._tokenizer(texts))

    @cached_property
    def _read(self) -> Callable[..., Array]:
        from .towers import Texts

        assert self.architecture.text is not None
        return jax.jit(Texts(self.architecture.text).apply)

    @cached_property
    def _tokenizer(self) -> Callable[[Sequence[str]], np.ndarray]:
        from .tokens import tokenizer

        assert self.architecture.text is not None
        return tokenizer(self.architecture.text, self.file.parent if self.file else None, weights.fetch)


def _described(name: str, find: Callable[[str], Architecture], model: str) -> Architecture:
    try:
        return find(name)
    except Refused as why:
        raise BadOption(
            f"{model} cannot run {name}: {why}; `alife list models {model}` shows what it can run"
        ) from None


def _chosen(architecture: Architecture, rest: str, like: str) -> tuple[Mapping[str, Any], Path | None]:
    """What is said of the weights' training, and their file; None = untrained."""
    tags = architecture.tags
    if rest and weights.is_file_name(rest):
        # of a file nothing is known but its architecture, whose activation counts unless a tag is named
        said = (
            tags[_known(architecture, like)] if like else {**tags.get(architecture.best_known, {}), "quick_gelu": False}
        )
        return said, Path(rest)
    tag = rest or architecture.best_known
    if not tag:
        name = architecture.name
        raise BadOption(f"no weights of {name} are published; give a file, {name}:FILE.safetensors, or {name}:{RANDOM}")
    if tag == RANDOM:
        return tags.get(architecture.best_known, {}), None
    tag = _known(architecture, tag)
    return tags[tag], weights.fetched(tags[tag], f"{architecture.name}:{tag}")


def _known(architecture: Architecture, tag: str) -> str:
    if tag in architecture.tags:
        return tag
    hint = f"A local file ends in {', '.join(weights.SUFFIXES)}; untrained weights are {RANDOM!r}"
    raise UnknownName(f"tag of {architecture.name}", tag, architecture.tags, hint)


def _as_trained(architecture: Architecture, said: Mapping[str, Any], image_size: int | None) -> Architecture:
    """The activation that the weights were trained with, which only their tag may tell, and the size asked for."""
    picture, text = architecture.picture, architecture.text
    if said.get("quick_gelu") and picture.names == "clip" and text:
        picture = replace(picture, blocks=replace(picture.blocks, activation="quick_gelu"))
        text = replace(text, blocks=replace(text.blocks, activation="quick_gelu"))
    size = said["input_size"][1] if "input_size" in said else picture.image_size
    size = size if image_size is None else image_size
    if size < picture.patch:
        raise BadOption(
            f"image_size is {size}; {architecture.name} cuts pictures into patches of {picture.patch} pixels"
        )
    return replace(architecture, picture=replace(picture, image_size=size), text=text)


def _loaded(
    architecture: Architecture, state: Mapping[str, np.ndarray] | None, source: str, image_size: int | None
) -> tuple[Tree, Tree]:
    """Weights of the picture tower and of the text tower, from a file's arrays or untrained."""
    from . import convert
    from .towers import Pictures, Texts

    tower, text = architecture.picture, architecture.text
    if state is None:
        size, key = tower.image_size, jax.random.key(0)
        untrained = jax.jit(Pictures(tower).init)(key, jnp.zeros((1, size, size, 3)))["params"]
        return untrained, jax.jit(Texts(text).init)(key, jnp.zeros((1, text.length), int))["params"] if text else {}
    state = convert.tidy(state)
    parts = convert.parts_of_pictures(tower, "visual." if text else "")
    if image_size is not None:
        state = convert.resized_positions(state, tower, parts)
    words = convert.parts_of_texts(text, "text." if any(n.startswith("text.") for n in state) else "") if text else []
    convert.fitted(state, [*parts, *words], architecture.name, source)
    return convert.converted(state, parts), convert.converted(state, words)


def _identity(architecture: Architecture, preparation: Mapping[str, Any], arrays: Tree) -> str:
    """A hash of everything that decides a vector."""
    told = json.dumps([VERSION, asdict(architecture.picture), preparation], sort_keys=True)
    if architecture.text:
        told += json.dumps(asdict(architecture.text), sort_keys=True)
    digest = hashlib.sha256(told.encode())
    for path, array in jax.tree_util.tree_leaves_with_path(arrays):
        digest.update(jax.tree_util.keystr(path).encode())
        digest.update(np.ascontiguousarray(array, np.float32).data)
    return f"{VERSION}-{architecture.name}-{digest.hexdigest()[:12]}"


def _variants(names: Sequence[str], find: Callable[[str], Architecture], package: str) -> dict[str, str]:
    told = {name: _variant(name, find) for name in names}
    if not installed.is_installed(package):
        told["(more)"] = f"the package {package!r} knows them; {installed.EXTRA} brings it"
    return told


def _variant(name: str, find: Callable[[str], Architecture]) -> str:
    try:
        found = find(name)
    except Refused as why:
        return f"refused: {why}"
    words = "" if not found.text else "; texts need a tokenizer file" if found.text.tokenizer else "; texts"
    tags = [tag for tag in found.tags if tag != found.best_known]
    known = ", ".join([f"{found.best_known} (default)", *tags]) if found.tags else "none, give a file"
    return f"{found.picture.image_size} px{words}; tags: {known}"

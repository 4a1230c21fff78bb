"""The shape of a model: everything about its towers that the numbers in a weights file do not tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class Refused(Exception):
    """An architecture that our towers do not have; the text says what it would take."""


@dataclass(frozen=True)
class Blocks:
    """A stack of equal transformer blocks."""

    width: int
    depth: int
    heads: int
    hidden: int
    """Numbers per token inside the two-layer network."""
    activation: str = "gelu"
    """gelu, quick_gelu, gelu_tanh, or swiglu (half of `hidden` gates the other half)."""
    eps: float = 1e-5
    """Added to the variance by every layer norm."""
    layer_scale: bool = False
    qkv_bias: bool = True


@dataclass(frozen=True)
class PictureTower:
    """From a picture to a vector."""

    blocks: Blocks
    image_size: int
    patch: int
    """Edge of a patch, pixels."""
    dim: int
    names: str = "clip"
    """How weights files name its parts: clip, timm or eva."""
    class_token: bool = True
    registers: int = 0
    positions: str = "all"
    """Which tokens have a position embedding: all, or the patches only."""
    patch_bias: bool = False
    norm_first: bool = True
    norm_last: str = "before"
    """The last norm comes before or after pooling."""
    pool: str = "token"
    """token, mean (of the patches) or attention."""
    head: str = "matrix"
    """Last projection: matrix, linear or linear_bias (after the trunk), trunk, or none."""

    @property
    def grid(self) -> int:
        """Patches along the edge; pixels that fill no patch are left out."""
        return self.image_size // self.patch

    @property
    def extra(self) -> int:
        """Tokens before the patches."""
        return self.class_token + self.registers


@dataclass(frozen=True)
class TextTower:
    """From tokens to a vector."""

    blocks: Blocks
    length: int
    """Tokens of a prompt, with those for beginning and end."""
    vocabulary: int
    dim: int
    causal: bool = True
    pool: str = "argmax"
    """Whose vector counts: the last, the first, the greatest token number's, or the first `end`'s."""
    end: int = 2
    head: str = "matrix"
    """Last projection: matrix, linear_bias or none."""
    tokenizer: str = ""
    """Hub repository of the tokenizer; empty = CLIP's byte pairs."""
    clean: str = "whitespace"
    drop_separator: bool = False


@dataclass(frozen=True)
class Architecture:
    """A model without weights."""

    name: str
    picture: PictureTower
    text: TextTower | None
    tags: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Pretrained weights by tag: where they are, and how pictures are prepared for them."""

    @property
    def best_known(self) -> str:
        """The tag that counts when none is named: OpenAI's, else the first that the package lists."""
        return "openai" if "openai" in self.tags else next(iter(self.tags), "")

"""What the installed packages open_clip_torch and timm say, read as files."""

from __future__ import annotations

import gzip
import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Any

from alife.errors import BadOption

from .source import local_tables, tables

EXTRA = "pip install 'alife[clip]' (in a checkout: '.[clip]')"


def folder(package: str) -> Path:
    """Where an installed package lies; it is not imported.

    Raises:
        BadOption: it is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise BadOption(
            f"the package {package!r} is not installed, which knows the architectures and weights; {EXTRA} brings it"
        )
    return Path(spec.submodule_search_locations[0])


def is_installed(package: str) -> bool:
    """Whether `folder` finds it."""
    return importlib.util.find_spec(package) is not None


@cache
def configurations() -> dict[str, dict[str, Any]]:
    """open_clip's architectures: name -> what its JSON file says."""
    files = sorted((folder("open_clip") / "model_configs").glob("*.json"))
    return {file.stem: json.loads(file.read_text("utf-8")) for file in files}


@cache
def pretrained() -> dict[str, dict[str, dict[str, Any]]]:
    """open_clip's weights: architecture -> tag -> where they are and how pictures are prepared."""
    place = folder("open_clip")
    table = tables(place / "pretrained.py", place / "constants.py")["_PRETRAINED"]
    quick = {
        f"{arch}-quickgelu": {t: said for t, said in tags.items() if said.get("quick_gelu")}
        for arch, tags in table.items()
    }
    return {**table, **{arch: tags for arch, tags in quick.items() if tags}}


@cache
def vocabulary() -> list[tuple[str, str]]:
    """The merges of CLIP's byte-pair vocabulary, most frequent first."""
    text = gzip.decompress((folder("open_clip") / "bpe_simple_vocab_16e6.txt.gz").read_bytes()).decode("utf-8")
    pairs = [line.split() for line in text.split("\n")[1:]]
    return [(pair[0], pair[1]) for pair in pairs if len(pair) == 2]


@cache
def timm_arguments() -> dict[str, tuple[str, dict[str, Any]]]:
    """timm's plain vision transformers: name -> (family, the arguments of the tower)."""
    models = folder("timm") / "models"
    found = {name: ("eva", said) for name, said in local_tables(models / "eva.py", "model_args").items()}
    plain = local_tables(models / "vision_transformer.py", "model_args")
    return {**found, **{name: ("timm", said) for name, said in plain.items()}}


@cache
def timm_weights() -> dict[str, dict[str, dict[str, Any]]]:
    """timm's weights of the plain ones: architecture -> tag -> picture size, preparation and where they are."""
    place = folder("timm")
    cards = tables(place / "models" / "vision_transformer.py", place / "data" / "constants.py")["default_cfgs"]
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name, said in cards.items():
        architecture, _, tag = name.partition(".")
        found.setdefault(architecture, {})[tag] = said
    return found

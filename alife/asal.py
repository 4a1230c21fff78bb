"""Genotypes found with ASAL (Kumar et al. 2024, arXiv:2412.17799), taken over into an archive.

ASAL writes genotypes as rows of `params` in an `.npz` file, in the flat order that is ours too, and does not write
which substrate they belong to; every one of its eight has a length of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Num

from .errors import BadOption
from .genotype import GenotypeSpace
from .registry import Registry

PUBLISHED: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("boids", {}),
    ("particle_life", {}),
    ("particle_life_plus", {}),
    ("particle_lenia", {}),
    ("lenia", {}),
    ("life", {}),
    ("nca", {"d_state": 1}),
    ("nca", {"d_state": 3}),
    ("dnca", {}),
)
"""Our names of ASAL's substrates, with the options that its defaults come to."""


def world_of(rows: Num[np.ndarray, "N G"], file: Path, registry: Registry) -> tuple[str, dict[str, Any]]:
    """The substrate that the genotypes of a file belong to, told by their length: its name and options.

    Raises:
        BadOption: a length that none of them has.
    """
    lengths = {}
    for name, options in PUBLISHED:
        length = GenotypeSpace(registry.substrates[name].make(**options), name).size
        if length == rows.shape[1]:
            return name, dict(options)
        lengths[_label(name, options)] = length
    known = ", ".join(f"{label} {length}" for label, length in lengths.items())
    raise BadOption(
        f"{file} holds genotypes of {rows.shape[1]} numbers, which none of ASAL's substrates has ({known}); "
        "if it was made with other settings, name the world they belong to with --world and --set options.NAME=VALUE"
    )


def _label(name: str, options: Mapping[str, Any]) -> str:
    return " ".join([name, *(f"{key}={value}" for key, value in options.items())])

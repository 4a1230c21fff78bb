"""Names of the parts of genotypes, so that people can read them and turn them."""

from __future__ import annotations

from typing import Any

import jax

from alife.genotype import places
from alife.types import Parameter


def parts(substrate: Any, meanings: dict[str, str], low: float = -3.0, high: float = 3.0) -> dict[str, Parameter]:
    """Each leaf of a substrate's genotype with what it means: the longest beginning of its name that has a meaning."""
    found = places(jax.eval_shape(substrate.default_params, jax.random.key(0)))
    told = {}
    for name, place in found.items():
        fitting = max((start for start in meanings if name.startswith(start)), key=len)
        told[name] = Parameter(low, high, "", meanings[fitting], place)
    return told


CONTROLLER = {
    "": "weights of the controller",
    "amplitude": "how far each channel swings",
    "frequency": "how often each channel swings, per second",
    "phase": "where each channel's swing begins, radians",
    "offset": "what each channel is told on average",
}
"""Meanings of a controller's genes."""

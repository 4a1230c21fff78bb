"""The options of Flow Lenia: what they may be, and where the squares of matter lie that they describe.

Every function raises BadOption where an option is of the wrong type or range.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Int

from alife.errors import BadOption
from alife.options import whole


def squares(patches: Any, species: int, patch: int, world_size: int) -> list[tuple[int, int]]:
    """First row and column of each square of matter: in the middles of a grid of fields, row by row."""
    count = species if patches is None else patches
    whole("patches", count, species, 4096, "one or more of each species")
    across = math.isqrt(count - 1) + 1
    if across * patch > world_size:
        raise BadOption(
            f"{count} squares of {patch} cells, {across} in a row, do not fit into a world of {world_size} cells; "
            f"expected a patch of at most {world_size // across}, or fewer patches or species"
        )
    corners = [((2 * place + 1) * world_size // across - patch) // 2 for place in range(across)]
    return [(corners[number // across], corners[number % across]) for number in range(count)]


def check_links(links: Any) -> Int[np.ndarray, "C C"]:
    """How many kernels lead from each channel (row) to each (column)."""
    try:
        counts = np.array(links)
    except ValueError:
        counts = np.zeros(0)
    square = counts.ndim == 2 and counts.shape[0] == counts.shape[1] and counts.dtype.kind == "i"
    if not (square and counts.min() >= 0 and 0 < counts.sum() <= 256 and len(counts) <= 16):
        expected = (
            "how many kernels lead from each channel to each, 1 to 256 in all, such as [[10]] or [[4, 1], [1, 4]]"
        )
        raise BadOption(f"links is {links!r}; expected {expected}")
    return counts


def check_radius(radius: Any, world_size: int) -> tuple[float, float]:
    """Least and largest radius of a kernel, cells."""
    try:
        low, high = map(float, radius)
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if not 1 <= low <= high <= world_size / 2:
        most = f"{world_size / 2:g} cells, half the world"
        raise BadOption(f"radius is {radius!r}; expected [low, high] with 1 <= low <= high <= {most}")
    return low, high

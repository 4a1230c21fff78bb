"""What in a traced program is known to be slow, in words for whoever wrote it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from ..types import Tree
from .tracing import equations

LONG = 256
"""Numbers along an axis from which a full sort is worth a remark."""


def slow_parts(function: Callable[..., Any], *args: Tree) -> list[str]:
    """Full sorts and grouped convolutions in a step.

    >>> import jax.numpy as jnp
    >>> slow_parts(jnp.sort, jnp.zeros(1000))
    ['it sorts 1000 numbers in full; jax.lax.top_k or a grid of cells is quicker where only the nearest are needed']
    """
    found = []
    for equation in equations(jax.make_jaxpr(function)(*args)):
        name, shapes = equation.primitive.name, [getattr(v.aval, "shape", ()) for v in equation.invars]
        if name == "sort" and shapes[0][equation.params["dimension"]] >= LONG:
            found.append(
                f"it sorts {shapes[0][equation.params['dimension']]} numbers in full; jax.lax.top_k or a grid of cells "
                "is quicker where only the nearest are needed"
            )
        if name == "conv_general_dilated" and equation.params["feature_group_count"] > 1:
            found.append("a grouped convolution is slow on CPUs; sum shifted arrays, or use jnp.fft for large kernels")
    return list(dict.fromkeys(found))


def slow_loops(size: int, function: Callable[..., Any], *args: Tree) -> list[str]:
    """Loops that run as often as a picture has rows, or oftener, in what draws a picture of this edge."""
    lengths = [
        int(equation.params["length"])
        for equation in equations(jax.make_jaxpr(function)(*args))
        if equation.primitive.name == "scan"
    ]
    longest = int(np.max(lengths, initial=0))
    if longest < size:
        return []
    return [f"drawing loops {longest} times, once a row or a part; `alife.worlds` draws lattices and discs without"]

"""What the numbers of particle life mean: how a genotype's are read, what the fixed ones may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jax.nn import sigmoid
from jaxtyping import Array, Float

from alife.errors import BadOption
from alife.options import real

SIDE = 1.0
"""Edge of the world."""

VALUES: dict[str, Callable[[Array], Array]] = {
    "alpha": lambda p: 3 * sigmoid(p) - 1.5,
    "beta": sigmoid,
    "mass": lambda p: 10 ** (1.5 * sigmoid(p) - 1.5),
    "dt": lambda p: 10 ** (3 * sigmoid(p) - 4),
    "half_life": lambda p: 10 ** (1.5 * sigmoid(p) - 2.5),
    "rmax": lambda p: 10 ** (1.5 * sigmoid(p) - 2),
    "c_dist": lambda p: p,
    "x_dist": lambda p: p,
}
"""What a number of the genotype stands for; the last two stay logits."""
LIMITS = {
    "beta": (0.01, 0.99, "of rmax"),
    "mass": (0.001, 100.0, ""),
    "dt": (1e-5, 0.1, "units of time"),
    "half_life": (1e-4, 100.0, "units of time"),
    "rmax": (0.001, SIDE / 2, "world units"),
}
"""What the fixed values may be; rmax at most half of the world."""
MEANINGS = {
    "alpha": "pull of one colour on another, 3 sigmoid - 1.5, row by row as felt; higher: drawn closer together",
    "beta": "how far the push goes, sigmoid of rmax; higher: more space around everyone",
    "mass": "inertia, 10^(1.5 sigmoid - 1.5), also the area of the disc; heavier: slower to turn",
    "dt": "time that one step takes, 10^(3 sigmoid - 4); longer: faster and coarser",
    "half_life": "time in which drag halves a speed, 10^(1.5 sigmoid - 2.5); longer: more swing",
    "rmax": "how far a colour feels, 10^(1.5 sigmoid - 2); further: larger structures",
    "c_dist": "how common each colour is, softmax; higher: more of it",
    "x_dist": "where each colour starts, softmax over the bins of a grid; higher: more start there",
}


def searched(search: Any) -> tuple[str, ...]:
    """The names of what is searched, checked."""
    names = tuple(search) if isinstance(search, list | tuple) else ()
    if not names or len(set(names)) < len(names) or not set(names) <= set(VALUES):
        raise BadOption(
            f"search is {search!r}; expected a list such as ['alpha', 'rmax'] of {', '.join(VALUES)}, none twice"
        )
    return names


def per_colour(name: str, value: Any, count: int) -> Float[np.ndarray, "..."]:
    """A fixed value, checked: one number, or one for each colour; time has no colour."""
    if isinstance(value, list | tuple) and name != "dt":
        if len(value) != count:
            raise BadOption(f"{name} has {len(value)} numbers; expected one number, or {count}: one for each colour")
        return np.asarray([real(name, number, *LIMITS[name]) for number in value], np.float32)
    return np.full(() if name == "dt" else count, real(name, value, *LIMITS[name]), np.float32)


def matrix_of(alpha: Any, colours: int) -> Float[np.ndarray, "C C"]:
    """The fixed pulls, checked."""
    expected = f"one number, or {colours} rows of {colours} numbers"
    if alpha is None:
        raise BadOption(f"alpha is neither searched nor given; put it into search, or give {expected}")
    try:
        matrix = np.broadcast_to(np.asarray(alpha, np.float32), (colours, colours)) if np.ndim(alpha) != 1 else None
    except (TypeError, ValueError):
        matrix = None
    if matrix is None or not np.all(np.abs(matrix) <= 10):
        raise BadOption(f"alpha is {alpha!r}; expected {expected} from -10 to 10")
    return matrix

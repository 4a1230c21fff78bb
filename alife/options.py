"""Constructor options of plugins, checked in one line each, with one way to say what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .errors import BadOption


def whole(name: str, value: Any, low: int, high: int, what: str = "") -> int:
    """The option, if it is a whole number from `low` to `high`, both included.

    Args:
        name: of the option.
        value: as it was given.
        low, high: least and greatest value allowed.
        what: unit, or why these are the limits.

    Raises:
        BadOption: it is not.

    >>> whole("size", 64, 4, 4096, "cells")
    64
    """
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    raise BadOption(f"{name} is {value!r}; expected a whole number from {low} to {high}{_of(what)}")


def real(name: str, value: Any, low: float, high: float, what: str = "") -> float:
    """The option, if it is a number from `low` to `high`, both included.

    Args:
        name: of the option.
        value: as it was given.
        low, high: least and greatest value allowed.
        what: unit, or why these are the limits.

    Raises:
        BadOption: it is not, or it is NaN.

    >>> real("dt", 1, 0, 10, "time units")
    1.0
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:  # false for NaN
        return float(value)
    raise BadOption(f"{name} is {value!r}; expected a number from {low:g} to {high:g}{_of(what)}")


def one_of(name: str, value: Any, words: Sequence[Any]) -> Any:
    """The option, if it is one of a few.

    Raises:
        BadOption: it is not.

    >>> one_of("wrap", False, (False, True))
    False
    """
    if type(value) in map(type, words) and value in words:
        return value
    said = ["true" if word is True else "false" if word is False else repr(word) for word in words]
    raise BadOption(f"{name} is {value!r}; expected {' or '.join(said)}")


def _of(what: str) -> str:
    return f" ({what})" if what else ""

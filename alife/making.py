"""Things by their registered names, for Python users."""

from __future__ import annotations

from typing import Any

from .registry import default_registry


def make_substrate(name: str, **options: Any) -> Any:
    """A substrate by its registered name; options go to its constructor.

    Raises:
        UnknownName: no such substrate; near names are suggested.
        BadOption: an option that it does not have, or refuses.

    >>> make_substrate("life", size=32).default_params is not None
    True
    """
    return default_registry().substrates[name].make(**options)


def make_model(name: str, **options: Any) -> Any:
    """A foundation model by its registered name; options go to its constructor.

    Raises:
        UnknownName: no such model; near names are suggested.
        BadOption: an option that it does not have, or refuses.
    """
    return default_registry().models[name].make(**options)


def make_search(name: str, **options: Any) -> Any:
    """A search by its registered name; options go to its constructor.

    Raises:
        UnknownName: no such search; near names are suggested.
        BadOption: an option that it does not have, or refuses.
    """
    return default_registry().searches[name].make(**options)

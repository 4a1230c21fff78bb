"""What the embedded model has words for: every concept, by attribute; within one attribute they exclude each other.

A concept is written "attribute:value".  What each one means as a picture is decided by `pictures` (drawn truth) and
`measured` (truth read off a picture); which words name it, by `lexicon`.
"""

from __future__ import annotations

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    # what fills the picture: separate things of one shape, or a texture
    "kind": (
        *("disc", "square", "triangle", "star", "bubble", "cross", "line", "flower"),
        *("blob", "worms", "flock", "glow", "snowflake", "branching", "spiral"),
        *("spots", "stripes", "maze", "network", "cells", "rings", "waves"),
        *("noise", "pixels", "patches", "clouds", "checker", "grid", "fractal", "gradient", "empty"),
    ),
    "colour": (  # of the things, or of what is brighter or rarer
        *("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink", "brown", "white", "grey", "black"),
    ),
    "ground": (  # of what lies behind them
        *("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink", "brown", "white", "grey", "black"),
    ),
    "count": ("one", "two", "three", "few", "many"),  # few: 4 to 8; many: 12 or more
    "size": ("small", "large"),  # of one thing, against the picture
    "density": ("sparse", "dense"),  # share of the picture that is covered
    "arrangement": ("scattered", "clustered", "row", "lattice", "circle", "middle"),
    "symmetry": ("mirrored", "radial", "asymmetric"),
    "orientation": ("horizontal", "vertical", "diagonal"),
    "edge": ("smooth", "sharp"),
    "order": ("regular", "irregular"),
    "light": ("dark", "bright"),
    "palette": ("colourful", "monochrome"),
    "motion": (
        *("still", "moving", "growing", "shrinking", "splitting", "rotating", "pulsating", "flickering", "converging"),
    ),
}

CONCEPTS: tuple[str, ...] = tuple(f"{name}:{value}" for name, values in ATTRIBUTES.items() for value in values)
"""All of them; the place in this tuple is the row in the model's table."""

PLACE = {concept: place for place, concept in enumerate(CONCEPTS)}


def places_of(attribute: str) -> slice:
    """Rows of one attribute.

    >>> CONCEPTS[places_of("size")]
    ('size:small', 'size:large')
    """
    first = PLACE[f"{attribute}:{ATTRIBUTES[attribute][0]}"]
    return slice(first, first + len(ATTRIBUTES[attribute]))


STATIC = slice(0, places_of("motion").start)
"""Rows of the concepts that one picture can show: all but the motions, which come last."""

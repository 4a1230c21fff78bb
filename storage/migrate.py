"""Old archives: their root documents brought into today's form, in memory.

One function per format, each to the next one, so that every archive ever made opens for ever.  Columns that did not
exist then are filled in while reading, see `schema.ABSENT`.  `alife compact` writes an old archive anew, as of today.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from alife.storage.schema import FORMAT


def upgraded(document: dict[str, Any]) -> dict[str, Any]:
    """The document in today's form; `attributes.archive.format` still says in which form the files are."""
    for version in range(document["attributes"]["archive"]["format"], FORMAT):
        document = {**document, "attributes": STEPS[version](document["attributes"])}
    return document


def _from_1(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """One substrate, and one origin that stood among the attributes themselves."""
    rest = {key: value for key, value in attributes.items() if key not in ("config", "provenance")}
    archive = {key: value for key, value in attributes["archive"].items() if key != "substrate"}
    return {
        **rest,
        "archive": {**archive, "substrates": [attributes["archive"]["substrate"]]},
        "origins": [{"config": attributes["config"], "provenance": attributes["provenance"]}],
    }


STEPS: dict[int, Callable[[Mapping[str, Any]], dict[str, Any]]] = {1: _from_1}

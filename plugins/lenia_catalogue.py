"""Reading the species catalogue of Lenia: a JSON list of creatures, their cells as run-length text."""

from __future__ import annotations

import json
import re
from collections import Counter
from fractions import Fraction
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from alife.errors import BadOption, BadWorld, UnknownName

LONGEST = 4096
"""Largest count and largest edge of a pattern that is read, cells: far past any species, far below a full memory."""

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWX"
_PREFIXES = "pqrstuvwxy"
_RUN = re.compile(r"(\d*)([p-y]?[A-X]|[.bo$])")


class Species(NamedTuple):
    """One entry of a catalogue."""

    code: str
    """Short name; where several entries share one, the later ones end in #2, #3 ..."""
    name: str
    """Scientific name; not always unique."""
    options: dict[str, Any]
    """R, T, b, m, s, kn, gn and cells, as `LeniaClassic` takes them."""


def parse_cells(text: str) -> Float[np.ndarray, "h w"]:
    """The cells of a pattern in its bounding box, in [0, 1].

    A count repeats what follows it.  `.` and `b` are 0, `o` is 1, `A` to `X` are 1/255 to 24/255, and a prefix p to y
    adds 24/255 times its place from 1.  `$` ends a row, `!` the pattern; a missing `!` is forgiven.

    Raises:
        ValueError: another character, a count that nothing follows, a pattern too large or without cells.

    >>> (parse_cells("A.yO$2o!") * 255).tolist()
    [[1.0, 0.0, 255.0], [255.0, 255.0, 0.0]]
    """
    text = "".join(text.split("!")[0].split())
    rows: list[list[int]] = [[]]
    end = 0
    while end < len(text):
        run = _RUN.match(text, end)
        if run is None:
            raise ValueError(
                f"cells have {text[end : end + 8]!r} at place {end}; expected . b o $ A-X pA-yX or a count"
            )
        count, end = int(run[1] or 1), run.end()
        if count + (len(rows) if run[2] == "$" else len(rows[-1])) > LONGEST:
            raise ValueError(f"cells are more than {LONGEST} wide or high; expected one creature")
        if run[2] == "$":
            rows.extend([] for _ in range(count))
        else:
            rows[-1].extend([_value(run[2])] * count)
    width = max(map(len, rows))
    if width == 0:
        raise ValueError("cells are empty; expected run-length text such as A.yO$2o!")
    return np.minimum(np.array([row + [0] * (width - len(row)) for row in rows]) / 255, 1.0)


def parse_shells(text: str) -> list[float]:
    """Heights of a kernel's shells from fractions, innermost first.

    Raises:
        ValueError: not fractions, or none above 0.

    >>> parse_shells("1/2,1")
    [0.5, 1.0]
    """
    try:
        heights = [float(Fraction(part.strip())) for part in text.split(",")]
    except (ValueError, ZeroDivisionError):
        heights = []
    if not heights or min(heights) < 0 or max(heights) <= 0:
        raise ValueError(f"b is {text!r}; expected heights of the kernel's shells such as '1' or '1/2,1'")
    return heights


def read_catalogue(path: str | Path) -> list[Species]:
    """All species of a catalogue file: a JSON list, or an object with the list under "animals".

    Entries without "params" are headings.  Missing kn and gn are 1, as in the oldest catalogues.

    Raises:
        BadWorld: the file cannot be read, is not a catalogue, or an entry is broken; the message names the entry.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as cause:
        raise BadWorld(f"{path}: {cause.strerror}; expected a Lenia species catalogue (JSON)") from None
    except UnicodeDecodeError:
        raise BadWorld(f"{path}: not a text file; expected a Lenia species catalogue (JSON)") from None
    return _catalogue(text, str(path))


def find_species(name: str) -> Species:
    """The species that ships under a code or a full name, letter case ignored; the first where several fit.

    Raises:
        UnknownName: none fits.

    >>> find_species("O2u").name, find_species("orbium unicaudatus").code
    ('Orbium unicaudatus', 'O2u')
    """
    species = shipped()
    for key in (lambda s: s.code, lambda s: s.code.lower(), lambda s: s.name.lower()):
        for one in species:
            if key(one) in (name, name.lower()):
                return one
    hint = "More species: alife import lenia_classic CATALOGUE.json"
    raise UnknownName("species", name, {n for s in species for n in (s.code, s.name)}, hint)


@cache
def shipped() -> tuple[Species, ...]:
    """The species that come with the package: a sample of the public catalogue."""
    return tuple(
        _catalogue(files("alife.plugins").joinpath("data/lenia_animals_sample.json").read_text("utf-8"), "sample")
    )


def _catalogue(text: str, path: str) -> list[Species]:
    try:
        entries = json.loads(text)
    except ValueError as cause:
        raise BadWorld(f"{path}: not JSON ({cause}); expected a Lenia species catalogue") from None
    if isinstance(entries, dict):
        entries = entries.get("animals")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadWorld(f'{path}: not a species catalogue; expected a list of objects, or one under "animals"')
    seen: Counter[str] = Counter()
    found = []
    for number, entry in enumerate(entries, 1):
        if "params" in entry:
            found.append(_species(entry, f"{path}: entry {number} ({entry.get('code')}, {entry.get('name')})", seen))
    if not found:
        raise BadWorld(f"{path}: no entry has params; expected a species catalogue")
    return found


def _species(entry: dict[str, Any], where: str, seen: Counter[str]) -> Species:
    """One entry; `seen` counts the codes met so far."""
    if not (isinstance(entry["params"], dict) and isinstance(entry.get("cells"), str)):
        raise BadWorld(f"{where}: expected params (an object) and cells (run-length text)")
    options = {"kn": 1, "gn": 1, **entry["params"], "cells": entry["cells"]}
    missing = [name for name in ("R", "T", "b", "m", "s") if name not in options]
    if missing:
        raise BadWorld(f"{where}: params lack {', '.join(missing)}; expected R, T, b, m, s, kn, gn")
    try:
        check_species(options)
    except BadOption as cause:
        raise BadWorld(f"{where}: {cause}") from None
    code = str(entry.get("code") or entry.get("name") or "unnamed")
    seen[code] += 1
    unique = code if seen[code] == 1 else f"{code}#{seen[code]}"
    return Species(unique, str(entry.get("name") or code), {name: options[name] for name in (*_RANGES, "b", "cells")})


_RANGES = {
    "R": (1, 1000, "a kernel radius in cells"),
    "T": (1, 10_000, "steps per time unit"),
    "m": (0, 1, "where growth is highest"),
    "s": (0, 1, "how wide growth is"),
    "kn": (1, 4, "the profile of a shell"),
    "gn": (1, 3, "the shape of growth"),
}
_WHOLE = ("kn", "gn")


def check_species(options: dict[str, Any]) -> None:
    """Raise BadOption unless the parameters are numbers in range and the shells and cells can be read."""
    for name, (low, high, meaning) in _RANGES.items():
        value = options[name]
        types = int if name in _WHOLE else (int, float)
        if not isinstance(value, types) or isinstance(value, bool) or not low <= value <= high:
            raise BadOption(f"{name} is {value!r}; expected {meaning}, from {low} to {high}")
    try:
        parse_shells(str(options["b"]))
        parse_cells(options["cells"])
    except ValueError as cause:
        raise BadOption(str(cause)) from None


def _value(symbol: str) -> int:
    """A cell in 255ths."""
    if symbol in ".b":
        return 0
    if symbol == "o":
        return 255
    prefix = 1 + _PREFIXES.index(symbol[0]) if len(symbol) == 2 else 0
    return 24 * prefix + 1 + _LETTERS.index(symbol[-1])

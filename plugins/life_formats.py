"""How people write life-like worlds down: rules as B/S text and patterns as run-length text (RLE).

Everything here raises `ValueError` with a sentence that says what was given and what was expected; the caller knows
whether the text was an option, a genotype or a file and names it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

COUNTS = 9
"""A cell has 0 to 8 live neighbours."""
RULES = 1 << (2 * COUNTS)
"""Number of life-like rules."""
CONWAY = 6152
"""The Game of Life, B3/S23."""
LONGEST = 1 << 16
"""Longest run that is read, cells: far past any published pattern, far below what fills memory by a typing error."""

_BIRTH_FIRST = re.compile(r"b(?P<birth>[0-8]*)[/_]?s(?P<survival>[0-8]*)", re.IGNORECASE)
_SURVIVAL_FIRST = re.compile(r"(s(?P<survival>[0-8]*)[/_]?b|(?P<old>[0-8]*)/)(?P<birth>[0-8]*)", re.IGNORECASE)
_HEADER = re.compile(r"x\s*=\s*\d+\s*,\s*y\s*=\s*\d+\s*(?:,\s*rule\s*=\s*(?P<rule>[^\s:]+)(?P<grid>:\S+)?)?", re.I)
_RUN = re.compile(r"(\d*)([^\d])|(\d+)$")
_VALUES = {"b": False, ".": False, "o": True, "A": True}


class PatternFile(NamedTuple):
    """What an RLE file says."""

    name: str
    """The `#N` comment, or empty."""
    rule: int
    """Conway's where the file names none."""
    body: str
    """The run-length text alone: no header, comments, spaces or line breaks."""
    torus: int | None
    """Edge of the world that the rule asks for (`B3/S23:T64`), cells."""


def parse_rule(text: str) -> int:
    """The rule as one integer: bit s*9+n is the next value of a cell in state s with n live neighbours.

    Reads `B3/S23`, `b3s23`, `S23/B3`, the older survival/birth form `23/3`, and the integer itself.

    Raises:
        ValueError: anything else.

    >>> parse_rule("B3/S23") == parse_rule("23/3") == 2**3 + 2**(9 + 2) + 2**(9 + 3)
    True
    """
    text = text.strip()
    if text.isdecimal():
        if int(text) >= RULES:
            raise ValueError(f"rule {text} is too large; expected 0 to {RULES - 1}")
        return int(text)
    found = _BIRTH_FIRST.fullmatch(text) or _SURVIVAL_FIRST.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text!r} is not a life-like rule; expected birth and survival counts 0-8 such as B3/S23 or 23/3, "
            f"or an integer from 0 to {RULES - 1}"
        )
    groups = found.groupdict()
    survival = groups["survival"] or groups.get("old") or ""
    return sum(1 << int(n) for n in set(groups["birth"])) + sum(1 << (COUNTS + int(n)) for n in set(survival))


def rule_text(rule: int) -> str:
    """The rule as people write it.

    >>> rule_text(6152)
    'B3/S23'
    """
    birth, survival = ("".join(str(n) for n in range(COUNTS) if rule >> (s * COUNTS + n) & 1) for s in (0, 1))
    return f"B{birth}/S{survival}"


def parse_rle(text: str) -> Bool[np.ndarray, "h w"]:
    """The live cells of a pattern in its bounding box, first row on top.

    `b` or `.` is dead, `o` or `A` live, `$` ends a row, a count repeats what follows it, `!` ends the pattern.  A
    header and comments are skipped; a missing `!` is forgiven.

    Raises:
        ValueError: another character, a count that nothing follows, or a pattern without cells.

    >>> parse_rle("bo$2bo$3o!").astype(int).tolist()
    [[0, 1, 0], [0, 0, 1], [1, 1, 1]]
    """
    rows: list[list[bool]] = [[]]
    for run in _RUN.finditer(read_rle(text).body.rstrip("!")):
        count, symbol, dangling = run.groups()
        if dangling:
            raise ValueError(f"the pattern ends with the count {dangling}; expected b, o or $ after it")
        times = int(count or 1)
        if times > LONGEST:
            raise ValueError(f"the count {count} is too large; expected at most {LONGEST}")
        if symbol == "$":
            rows.extend([] for _ in range(times))
        elif symbol in _VALUES:
            rows[-1].extend([_VALUES[symbol]] * times)
        else:
            raise ValueError(f"{symbol!r} is not a cell of a two-state pattern; expected b, o, $, counts and a final !")
    width = max(map(len, rows))
    if width == 0:
        raise ValueError("the pattern has no cells; expected run-length text such as bo$2bo$3o!")
    cells = np.array([row + [False] * (width - len(row)) for row in rows])
    # Rows that only trailing `$`s open belong to no pattern.
    return cells[: np.flatnonzero([bool(row) for row in rows])[-1] + 1]


def read_rle(text: str) -> PatternFile:
    """The parts of an RLE file: `#` comments, the header `x = , y = , rule = `, and the pattern up to its `!`.

    Raises:
        ValueError: a rule that is not life-like, or a bounded grid that is not a square torus.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    name = next((line[2:].strip() for line in lines if line.startswith("#N")), "")
    lines = [line for line in lines if not line.startswith("#")]
    rule, torus = CONWAY, None
    if lines and "=" in lines[0]:
        header = _HEADER.fullmatch(lines.pop(0))
        if header is None:
            raise ValueError("the header cannot be read; expected x = WIDTH, y = HEIGHT, rule = B3/S23")
        rule = parse_rule(header["rule"]) if header["rule"] else CONWAY
        torus = _torus(header["grid"])
    body = "".join("".join(lines).split("!")[0].split())
    return PatternFile(name, rule, body + "!", torus)


def _torus(grid: str | None) -> int | None:
    """The edge in a bounded-grid suffix such as `:T64` or `:T64,64`."""
    if grid is None:
        return None
    found = re.fullmatch(r":T(\d+)(?:,(\d+))?", grid)
    if found is None or found[2] not in (None, found[1]):
        raise ValueError(f"the grid {grid!r} is not a square torus; delete it from the rule to use the usual torus")
    return int(found[1])

"""Which lifeforms: conditions as people write them, over the columns of an archive.

```
mass<2 score>=0.4 operator=mutate elite not valid tag="odd one"        all of them must hold
```

A condition is a column compared with a number (`<` `<=` `>` `>=` `=` `!=`), a column of names with a name, or the bare
name of a yes-or-no column; `favourite`, and `tag=NAME`, are what people have marked.  `not` or `!` in front turns a
condition round.  A number that is missing (NaN) meets no condition, turned round or not.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool

from alife.errors import BadOption, point_at, suggest

_OPERATORS: dict[str, Any] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}
_CONDITION = re.compile(
    r"""(?:and\s+)? (?P<turned>not\s+|!\s*)? (?P<name>[^\s<>=!"]+)
        (?: \s*(?P<sign><=|>=|=<|=>|!=|==?|<|>) \s*(?P<value>"[^"]*"|[^\s<>=!"]+)? )? (?=\s|$) \s*""",
    re.VERBOSE,
)
_TRUTH = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}
EXAMPLE = "expected conditions such as mass<2 score>=0.4 operator=mutate elite"


class Condition(NamedTuple):
    """One condition, as it was written."""

    name: str
    sign: str
    """Empty where the name stands alone."""
    value: str
    turned: bool
    """True where `not` stands in front of it."""
    places: tuple[int, int, int]
    """Where in the text the name and the value begin, and where the condition ends."""


def conditions(text: str) -> list[Condition]:
    """The conditions of a text, in order.

    Raises:
        BadOption: it is not made of conditions.

    >>> [(c.name, c.sign, c.value, c.turned) for c in conditions("mass < 2 not elite")]
    [('mass', '<', '2', False), ('elite', '', '', True)]
    """
    found, place = [], len(text) - len(text.lstrip())
    while place < len(text):
        match = _CONDITION.match(text, place)
        if match is None:
            raise BadOption(f"this cannot be read; {EXAMPLE}{point_at(text, place)}")
        if match["sign"] in ("=<", "=>"):
            turned = match["sign"][::-1]
            at = point_at(text, *match.span("sign"))
            raise BadOption(f"no comparison is written {match['sign']}; did you mean {turned}?{at}")
        if match["sign"] and match["value"] is None:
            missing = f"{match['name']} {match['sign']} is compared with nothing"
            raise BadOption(f"{missing}; expected a value after it{point_at(text, *match.span('sign'))}")
        name, sign, value = match["name"], match["sign"] or "", (match["value"] or "").strip('"')
        places = match.start("name"), match.start("value"), place + len(match.group().rstrip())
        found.append(Condition(name, sign, value, bool(match["turned"]), places))
        place = match.end()
    return found


def select(
    text: str,
    table: Mapping[str, np.ndarray],
    *,
    names: Mapping[str, Sequence[str]] | None = None,
    marks: Mapping[str, Collection[int]] | None = None,
    tags: Mapping[str, Collection[int]] | None = None,
) -> Bool[np.ndarray, " n"]:
    """The lifeforms that meet all conditions of a text; every one where it is empty.

    Args:
        text: see the head of this file.
        table: columns by name, one entry per lifeform in the order of their ids; of several numbers each are left out.
        names: what the codes of a column mean, as `{"operator": OPERATORS}`.
        marks: a word such as `favourite` -> ids that it stands for.
        tags: a tag -> ids that carry it.

    Raises:
        BadOption: a text that is not made of conditions, or one that no column can meet; a caret shows where.

    >>> table = {"id": np.arange(3), "mass": np.array([1.0, 2.0, np.nan]), "elite": np.array([True, False, True])}
    >>> select("mass<2", table).tolist(), select("not mass<2", table).tolist(), select("!elite", table).tolist()
    ([True, False, False], [False, True, False], [False, True, False])
    """
    known = _Known(text, table, names or {}, marks or {}, tags or {})
    chosen = np.ones(len(next(iter(table.values()))), dtype=bool)
    for condition in conditions(text):
        holds, present = known.meaning(condition)
        chosen &= (holds ^ condition.turned) & present
    return chosen


class _Known(NamedTuple):
    """What the words of a text may mean."""

    text: str
    table: Mapping[str, np.ndarray]
    names: Mapping[str, Sequence[str]]
    marks: Mapping[str, Collection[int]]
    tags: Mapping[str, Collection[int]]

    def meaning(self, said: Condition) -> tuple[Bool[np.ndarray, " n"], Bool[np.ndarray, " n"] | bool]:
        """Where a condition holds before it is turned round, and where there is anything to compare."""
        column = self.table.get(said.name, np.zeros((0, 0)))
        if said.name == "tag":
            self._require_equality(said, "a tag's name")
            return self._marked(self.tags[self._one_of(said, self.tags, "tag")]) ^ (said.sign == "!="), True
        if said.name in self.marks or (column.ndim == 1 and column.dtype == bool and said.name not in self.names):
            return self._yes_or_no(said, column), True
        if column.ndim != 1:
            words = [name for name, values in self.table.items() if values.ndim == 1] + [*self.marks, "tag"]
            raise self._wrong(said, f"no column is called {said.name!r}; {suggest(said.name, words)}")
        if said.name in self.names:
            self._require_equality(said, "a name")
            code = list(self.names[said.name]).index(self._one_of(said, self.names[said.name], said.name))
            return _OPERATORS[said.sign](column, code), True
        return self._compared(said, column), ~np.isnan(column)

    def _marked(self, ids: Collection[int]) -> Bool[np.ndarray, " n"]:
        return np.isin(self.table["id"], list(ids))

    def _yes_or_no(self, said: Condition, column: np.ndarray) -> Bool[np.ndarray, " n"]:
        yes = self._marked(self.marks[said.name]) if said.name in self.marks else column
        if not said.sign:
            return yes
        truth = _TRUTH.get(said.value.lower())
        if truth is None or said.sign not in ("=", "=="):
            raise self._wrong(said, f"{said.name} is yes or no; say {said.name}, or not {said.name}")
        return yes == truth

    def _compared(self, said: Condition, column: np.ndarray) -> Bool[np.ndarray, " n"]:
        if not said.sign:
            raise self._wrong(said, f"{said.name} is a number; say how large, such as {said.name}>1")
        try:
            number = float(said.value)
        except ValueError:
            number = np.nan
        if np.isnan(number):
            raise self._wrong(said, f"{said.name} is a number and {said.value!r} is none", at_value=True)
        with np.errstate(over="ignore"):  # a number too large for the column counts as infinite
            return _OPERATORS[said.sign](column, number)

    def _require_equality(self, said: Condition, what: str) -> None:
        if said.sign not in ("=", "==", "!="):
            raise self._wrong(said, f"{said.name} needs {what}, such as {said.name}={self._example(said.name)}")

    def _example(self, name: str) -> str:
        return next(iter(self.names.get(name, self.tags)), "NAME")

    def _one_of(self, said: Condition, words: Collection[str], what: str) -> str:
        if said.value not in words:
            near = suggest(said.value, words) if words else "there is none"
            raise self._wrong(said, f"no {what} is called {said.value!r}; {near}", at_value=True)
        return said.value

    def _wrong(self, said: Condition, what: str, at_value: bool = False) -> BadOption:
        name, value, end = said.places
        first, last = (value, end) if at_value else (name, name + len(said.name))
        return BadOption(f"{what}{point_at(self.text, first, last)}")

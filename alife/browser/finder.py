"""The find bar: a line of words, likenesses and conditions, and the lifeforms that answer it."""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from collections.abc import Collection
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float

from ..errors import BadOption
from ..storage import open_archive
from ..storage.remote import Place

if TYPE_CHECKING:
    from ..embedding import Embedder

ALIKE = 120
"""Lifeforms shown where a likeness ranks them, at most."""
MOST_PICTURES = 16
"""Pictures dropped on the page that are remembered."""

_REFERENCE = re.compile(r"(like|unlike|picture):(\S*)")


class Question(NamedTuple):
    """A line of the find bar, taken apart."""

    texts: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    like: tuple[int, ...] = ()
    unlike: tuple[int, ...] = ()
    pictures: tuple[str, ...] = ()
    """Names under which pictures that were dropped on the page are remembered."""
    where: str = ""
    """Conditions, see `alife.storage.where`."""


def read_question(line: str, flags: Collection[str] = ()) -> Question:
    """Takes a line of the find bar apart.

    A lone + or - says whether what follows, up to the next one, is wanted; -word, -like:3 and -"two words" turn round
    only what they touch.  Comparisons and flags may stand anywhere.

    Args:
        line: what a person wrote.
        flags: words that are yes or no of a lifeform, such as `favourite`; others are looked for in pictures.

    Raises:
        BadOption: a like: without a number, or a quotation that does not end.

    >>> read_question("two rings + blue like:7 - noise mass<2")
    Question(texts=('two rings', 'blue'), minus=('noise',), like=(7,), unlike=(), pictures=(), where='mass<2')
    >>> read_question('spots -grey not favourite', ["favourite"]).where
    'not favourite'
    """
    said: dict[str, list[Any]] = {name: [] for name in Question._fields}
    wanted, phrase = True, list[str]()

    def end_phrase() -> None:
        if phrase:
            said["texts" if wanted else "minus"].append(" ".join(phrase))
            phrase.clear()

    for piece in _pieces(flags).finditer(line):
        word, quoted, stuck = piece["word"], piece["quoted"], piece["stuck"]
        positive = stuck == "+" if stuck else wanted
        if piece["odd"]:
            raise BadOption(f'a quotation is not ended; expected another " after {line[piece.end() :][:40]!r}')
        if piece["condition"]:
            said["where"].append(piece["condition"])
        elif piece["sign"]:
            end_phrase()
            wanted = piece["sign"] == "+"
        elif word and _refer(said, word, positive):
            pass
        elif quoted or stuck:
            said["texts" if positive else "minus"].append(quoted or word)
        elif word and re.search("[<>=]", word):
            raise BadOption(f"{word!r} cannot be read; expected a name first, such as score>0.1 score<0.3")
        elif word:
            phrase.append(word)
    end_phrase()
    where = " ".join(said.pop("where"))
    return Question(**{name: tuple(found) for name, found in said.items()}, where=where)


def _pieces(flags: Collection[str]) -> re.Pattern[str]:
    flag = "|".join(map(re.escape, flags)) or "(?!)"
    return re.compile(
        rf"""(?P<condition> (?:not\s+|!\s*)? (?: (?:{flag})(?!\S)
              | [A-Za-z_]\w* \s* (?:<=|>=|!=|==|=<|=>|<|>|=) \s* (?:"[^"]*"|[^\s"]*) ) )
        | (?P<sign>[+-])(?!\S)
        | (?P<stuck>[+-]?) (?: "(?P<quoted>[^"]*)" | (?P<word>[^\s"]+) | (?P<odd>") )""",
        re.VERBOSE,
    )


def _refer(said: dict[str, list[Any]], word: str, wanted: bool) -> bool:
    """Takes in a word such as like:3; False if it is none."""
    found = _REFERENCE.fullmatch(word)
    if not found:
        return False
    kind, what = found.groups()
    if kind == "picture":
        said["pictures"].append(what)
    elif what.isascii() and what.isdigit():
        said["like" if (kind == "like") == wanted else "unlike"].append(int(what[:12]))
    else:
        raise BadOption(f"{word!r} names no lifeform; expected its number, such as {kind}:3")
    return True


class Finder:
    """Answers the find bar for one run, with a reader of its own: a model may look for seconds, and pictures go on.

    Args:
        path: of the run directory.
    """

    def __init__(self, path: Place) -> None:
        self._archive = open_archive(path)
        self._lock = Lock()
        self._pictures: dict[str, Float[np.ndarray, "S S 3"]] = {}
        self._who: dict[tuple[bool, bool], tuple[str, Embedder | None]] = {}

    def remember(self, data: bytes) -> str:
        """Takes a picture of any kind that Pillow reads, and says by which name a line can speak of it.

        Raises:
            BadOption: it is no picture.
        """
        name = hashlib.sha256(data).hexdigest()[:12]
        from ..targets import read_picture  # brings JAX, which looking at pictures does without

        with self._lock:
            try:
                self._pictures.pop(name, None)
                self._pictures[name] = read_picture(io.BytesIO(data), self._archive.frames_shape[1])
            except BadOption:
                raise BadOption("what was dropped here is no picture; expected one such as .png or .jpg") from None
            while len(self._pictures) > MOST_PICTURES:
                del self._pictures[next(iter(self._pictures))]
        return name

    def find(self, line: str) -> dict[str, Any]:
        """The lifeforms that answer a line: in order of likeness, or all that meet its conditions.

        Raises:
            AlifeError: a line that cannot be read, or that asks for what is not there.
        """
        from ..find import Likeness, find_lifeforms

        with self._lock:
            archive = self._archive
            archive.refresh()
            columns = archive.records()[0]
            flags = ["favourite", *(name for name, column in columns.items() if column.dtype == bool)]
            asked = read_question(line, flags)
            likeness = Likeness(
                asked.texts, asked.minus, asked.like, asked.unlike, [self._picture(name) for name in asked.pictures]
            )
            if not any(likeness):
                ids = archive.select(asked.where)
                return {"ids": ids.tolist(), "total": len(ids), "model": None, "remarks": []}
            with warnings.catch_warnings(record=True) as said:  # such as words that a model ignores
                warnings.simplefilter("always", UserWarning)
                model, embedder = self._who_looks(bool(asked.texts or asked.minus), bool(asked.pictures))
                found = find_lifeforms(archive, likeness, where=asked.where, n=ALIKE, embedder=embedder)
            remarks = [str(one.message) for one in said if one.category is UserWarning]
            ids, total = found.ids.tolist(), found.total
            return {"ids": ids, "total": total, "model": model, "remarks": remarks}

    def _picture(self, name: str) -> Float[np.ndarray, "S S 3"]:
        if name not in self._pictures:
            raise BadOption(f"picture:{name[:20]} is not known any more; drop it on the page again")
        return self._pictures[name]

    def _who_looks(self, words: bool, pictures: bool) -> tuple[str, Embedder | None]:
        from ..replay import registry_of
        from ..seen import who_looks

        if (words, pictures) not in self._who:
            archive = self._archive
            self._who[words, pictures] = who_looks(archive, words, pictures, lambda: registry_of(archive))
        return self._who[words, pictures]

"""From prompts to tokens: CLIP's byte pairs by the standard library, or a Hugging Face tokenizer from its file.

A prompt too long for the model is refused, never cut: its end would have no effect on what is searched for.
"""

from __future__ import annotations

import html
import json
import re
import string
import unicodedata
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from alife.errors import BadOption, first_line

from . import installed
from .shapes import TextTower

_BYTES = 256
_MARKS = ("<start_of_text>", "<end_of_text>")

_ENTITY = re.compile(r"&#?[0-9A-Za-z]{1,24};")
_COLOUR_CODES = re.compile(r"\033\[((?:\d|;)*)([a-zA-Z])")
_BREAKS = re.compile("\r\n|[\r\x85\u2028\u2029]")
_FULL_WIDTH = {i: unicodedata.normalize("NFKC", chr(i)) for i in range(0xFF01, 0xFFF0)} | {0x3000: " "}
_LIGATURES = {ord(c): unicodedata.normalize("NFKC", c) for c in "Ĳĳŉ\u01f1ǲǳǄǅǆǇǈǉǊǋǌﬀﬁﬂﬃﬄﬆ"} | {0xFB05: "ſt"}
_WINDOWS = {i: bytes([i]).decode("cp1252", "ignore") or chr(i) for i in range(0x80, 0xA0)}
_QUOTES = dict.fromkeys([0x2BC, *range(0x2018, 0x201C)], "'") | dict.fromkeys(range(0x201C, 0x2020), '"')
_INVISIBLE = [*range(9), 0x0B, *range(0x0E, 0x20), 0x7F, *range(0x206A, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFD)]
_STEPS: tuple[dict[int, Any], ...] = (_WINDOWS, _LIGATURES, _FULL_WIDTH, _QUOTES, dict.fromkeys(_INVISIBLE))
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def cleaned(text: str) -> str:
    """A text as it was prepared for training: entities, curly quotes, ligatures and full-width forms made plain.

    What ftfy does, but for guessing back texts that were read in the wrong encoding.

    >>> cleaned("  “ﬁre” &amp; ｉｃｅ ")
    '"fire" & ice'
    """
    before = None
    while text != before:
        before = text
        if "<" not in text:
            text = _ENTITY.sub(lambda found: html.unescape(found[0]), text)
        for step in _STEPS[:-1]:
            text = text.translate(step)
        text = _COLOUR_CODES.sub("", _BREAKS.sub("\n", text)).translate(_STEPS[-1])
        text = unicodedata.normalize("NFC", text)
    return " ".join(html.unescape(html.unescape(text)).split())


class BytePairs:
    """CLIP's tokenizer: words to bytes, bytes joined by the merges of its vocabulary.

    Args:
        vocabulary: how many tokens there are; 514 = the bytes alone, which needs no file.
        length: tokens of a prompt, with beginning and end.

    Source: Sennrich et al. 2016 (arXiv:1508.07909), Radford et al. 2021 (arXiv:2103.00020).

    >>> BytePairs(514, 8)(["ab"])
    array([[512,  64, 321, 513,   0,   0,   0,   0]], dtype=int32)
    """

    def __init__(self, vocabulary: int, length: int) -> None:
        merges = vocabulary - 2 * _BYTES - len(_MARKS)
        pairs = installed.vocabulary()[:merges] if merges else []
        letters = _byte_letters()
        self.letters = dict(zip(range(_BYTES), letters, strict=True))
        by_number = _numbered(letters)
        words = [*by_number, *(f"{letter}</w>" for letter in by_number), *("".join(pair) for pair in pairs)]
        self.begin, self.end, self.length = vocabulary - 2, vocabulary - 1, length
        self.numbers = {word: number for number, word in enumerate(words)}
        self.numbers |= dict(zip(_MARKS, (self.begin, self.end), strict=True))
        self.ranks = {pair: rank for rank, pair in enumerate(pairs)}

    def __call__(self, texts: Sequence[str]) -> Int[np.ndarray, "P L"]:
        """Tokens, filled up with 0.

        Raises:
            BadOption: a text too long.
        """
        return _filled([[self.begin, *self.encode(text), self.end] for text in texts], texts, self.length, 0)

    def encode(self, text: str) -> list[int]:
        """The tokens of one text, without beginning and end."""
        return [self.numbers[part] for word in _words(cleaned(text).lower()) for part in self._joined(word)]

    def _joined(self, word: str) -> list[str]:
        if word in _MARKS:
            return [word]
        parts = [self.letters[byte] for byte in word.encode("utf-8")]
        parts[-1] += "</w>"
        while len(parts) > 1:
            pairs = list(pairwise(parts))
            best = min(pairs, key=lambda pair: self.ranks.get(pair, len(self.ranks)))
            if best not in self.ranks:
                break
            parts = _merged(parts, best)
        return parts


def _merged(parts: list[str], pair: tuple[str, str]) -> list[str]:
    """Every such pair, from the left, made one."""
    joined: list[str] = []
    i = 0
    while i < len(parts):
        together = tuple(parts[i : i + 2]) == pair
        joined.append("".join(pair) if together else parts[i])
        i += 2 if together else 1
    return joined


def _is_plain(byte: int) -> bool:
    """Printable in Latin-1: such a byte stands for itself in the vocabulary."""
    return 33 <= byte <= 126 or 161 <= byte <= 172 or 174 <= byte <= 255


def _byte_letters() -> list[str]:
    """For each byte a visible letter: itself, or one from 256 on."""
    others = (chr(_BYTES + i) for i in range(_BYTES))
    return [chr(byte) if _is_plain(byte) else next(others) for byte in range(_BYTES)]


def _numbered(letters: list[str]) -> list[str]:
    """The letters in the order of their token numbers: plain ones first."""
    plain = [letter for byte, letter in enumerate(letters) if _is_plain(byte)]
    return plain + [letter for byte, letter in enumerate(letters) if not _is_plain(byte)]


_FIXED = re.compile("|".join([*_MARKS, "'(?:s|t|re|ve|m|ll|d)"]), re.IGNORECASE)


def _words(text: str) -> list[str]:
    """Runs of letters, single digits, runs of anything else; English endings after an apostrophe apart."""
    found, i = [], 0
    while i < len(text):
        fixed = _FIXED.match(text, i)
        kind = _kind(text[i])
        end = fixed.end() if fixed else i + 1
        while not fixed and kind in "Lo" and end < len(text) and _kind(text[end]) == kind:
            end += 1
        if fixed or kind != " ":
            found.append(text[i:end])
        i = end
    return found


def _kind(letter: str) -> str:
    """L letter, N digit, blank, or o for others."""
    first = unicodedata.category(letter)[0]
    return first if first in "LN" else " " if letter.isspace() else "o"


def _filled(rows: Sequence[Sequence[int]], texts: Sequence[str], length: int, with_: int) -> Int[np.ndarray, "P L"]:
    tokens = np.full((len(rows), length), with_, np.int32)
    for place, row, text in zip(tokens, rows, texts, strict=True):
        if len(row) > length:
            shown = text if len(text) < 60 else f"{text[:57]}..."
            raise BadOption(
                f"the prompt {shown!r} has {len(row)} tokens, with beginning and end; this model reads {length}: "
                "say it in fewer words"
            )
        place[: len(row)] = row
    return tokens


class FromFile:
    """A Hugging Face tokenizer, from its `tokenizer.json` with `tokenizer_config.json` beside it.

    Args:
        tower: says how texts are cleaned and how many tokens it reads.
        folder: where the two files are.

    Raises:
        BadOption: a file or the library `tokenizers` is missing.
    """

    def __init__(self, tower: TextTower, folder: Path) -> None:
        try:
            from tokenizers import Tokenizer

            self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            said = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
            self.fill, self.separator = self._number(said["pad_token"]), self._number(said.get("sep_token"))
        except ImportError:
            raise BadOption("texts of this model need the library tokenizers: pip install tokenizers") from None
        except Exception as cause:
            raise BadOption(f"{folder} does not hold a tokenizer: {first_line(cause)}") from None
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.tower = tower

    def _number(self, said: Any) -> int:
        name = said["content"] if isinstance(said, dict) else said
        number = self.tokenizer.token_to_id(name) if name else None
        return -1 if number is None else number

    def __call__(self, texts: Sequence[str]) -> Int[np.ndarray, "P L"]:
        """Tokens, filled up with the tokenizer's own filler.

        Raises:
            BadOption: a text too long.
        """
        plain = canonical if self.tower.clean == "canonicalize" else cleaned
        rows = [self.tokenizer.encode(plain(text)).ids for text in texts]
        tokens = _filled(rows, texts, self.tower.length, self.fill)
        return np.where(tokens == self.separator, 0, tokens) if self.tower.drop_separator else tokens


def canonical(text: str) -> str:
    """Cleaned, in lower case and without punctuation, as SigLIP was trained.

    >>> canonical("A ring_of (Red) dots!")
    'a ring of red dots'
    """
    return " ".join(cleaned(text).replace("_", " ").translate(_PUNCTUATION).lower().split())


def tokenizer(tower: TextTower, beside: Path | None, fetch: Callable[..., Path]) -> BytePairs | FromFile:
    """The tokenizer of a text tower.

    Args:
        tower: which one it needs.
        beside: folder of the weights file, where a tokenizer's files may lie.
        fetch: gets a file from a hub repository, by both names; see `weights.fetch`.

    Raises:
        BadOption: it cannot be had.
    """
    if not tower.tokenizer:
        return BytePairs(tower.vocabulary, tower.length)
    if beside is None or not (beside / "tokenizer.json").is_file():
        try:
            fetch(tower.tokenizer, "tokenizer_config.json")
            beside = fetch(tower.tokenizer, "tokenizer.json").parent
        except BadOption as cause:
            raise BadOption(
                f"texts of this model need the tokenizer {tower.tokenizer}: {cause}; or put its tokenizer.json and "
                "tokenizer_config.json beside a weights file of yours; pictures work without"
            ) from None
    return FromFile(tower, beside)

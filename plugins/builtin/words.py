"""The words of the embedded model as they are kept: `lexicon.toml`, the forms of a word, the document of them all."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ARTICLES = ("a", "an", "the")
ENDINGS = {
    "ies": ("y",),
    "es": ("", "e"),
    "s": ("",),
    "ing": ("", "e"),
    "ed": ("", "e"),
    "ish": ("", "e"),
    "er": ("", "e"),
    "est": ("", "e"),
    "ier": ("y",),
    "iest": ("y",),
    "ly": ("", "le"),
    "like": ("",),
    "y": ("", "e"),
}
"""Endings of a form, and what may stand in their place in the word itself."""

INTRODUCTION = """# Words of the embedded model

Made from `plugins/builtin/lexicon.toml`.  The model `builtin` understands these words and phrases, in other forms too
(plurals, -ing, -ed, -ish, colour or color), and nothing else: unknown words beside known ones are reported and ignored.
Colours after *on*, *against*, *in front of* and before *background* are of the ground, all others of the things.
Say what should not be seen with `--negative`: *no* and *without* are refused.

## Meant literally

| concept | words |
|---|---|
{literal}

In "a ring of dots" and the like the first word is an arrangement:

| concept | words |
|---|---|
{of}

## Likenesses

These are metaphors.  The model has never seen a zebra or a galaxy: it looks for the forms and colours on the right, and
what it finds is as much a zebra as they are.  What the rest of the text says literally counts first: a blue fire is
blue.

| words | stand for |
|---|---|
{likened}
"""


class Said(NamedTuple):
    """One known word or phrase of a text, and what it may mean."""

    text: str
    sort: str
    """literal, metaphor, stop, behind, ground, pause, negation, of or unknown."""
    concepts: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()
    """Of the sort `of`: what the word means when no kind of thing follows."""

    def names(self, attribute: str) -> bool:
        """Whether it says anything about an attribute."""
        return any(concept.startswith(f"{attribute}:") for concept in self.concepts)


class Lexicon(NamedTuple):
    """The file, ready to be looked up."""

    phrases: dict[str, Said]
    parts: frozenset[str]
    """Every single word of every phrase."""
    longest: int
    """Words in the longest phrase."""
    file: Mapping[str, Any]


@cache
def lexicon() -> Lexicon:
    """The file, read when first asked for."""
    file = tomllib.loads(Path(__file__).with_name("lexicon.toml").read_text("utf-8"))
    found = {said.text: said for said in _entries(file)}
    for text, said in found.items():
        if said.sort == "of":
            plain = found.get(text.removesuffix(" of"))
            found[text] = said._replace(otherwise=plain.concepts if plain else ())
    parts = frozenset(part for text in found for part in text.split())
    return Lexicon(found, parts, max(text.count(" ") + 1 for text in found), file)


def _entries(file: Mapping[str, Any]) -> Iterator[Said]:
    """Every word and phrase, with what it means; of a word given twice the last counts."""
    for sort in ("stop", "pause", "behind", "ground", "negation"):
        yield from (Said(word, sort) for word in listed(file[sort]["words"]))
    for words, concepts in file["metaphor"].items():
        yield from (Said(word, "metaphor", tuple(listed(concepts))) for word in listed(words))
    for sort in ("literal", "of"):
        for concept, words in file[sort].items():
            yield from (Said(word, sort, (concept,)) for word in listed(words))


def listed(words: str) -> list[str]:
    """The words of a text that has commas between them.

    >>> listed("sand dune, dune")
    ['sand dune', 'dune']
    """
    return [word.strip() for word in words.split(",")]


def spelt(text: str) -> str:
    """The text in the spelling that is kept here.

    >>> spelt("colorful, centered, gray")
    'colourful, centred, grey'
    """
    for own, other in lexicon().file["spelling"].items():
        text = text.replace(other, own)
    return text


def forms(token: str) -> list[str]:
    """The word as it stands, then what it may be a form of.

    >>> forms("wavy"), forms("spinning")
    (['wavy', 'wave'], ['spinning', 'spin'])
    """
    found, parts = [token], lexicon().parts
    for ending, bases in ENDINGS.items():
        stem = token.removesuffix(ending)
        if stem == token or len(stem) < 3:
            continue
        plain = [stem + base for base in bases]
        if stem[-1] == stem[-2]:
            plain.append(stem[:-1])
        found += [form for form in plain if form in parts and form not in found]
    return found


def phrases() -> list[str]:
    """Short captions, to name pictures with: at least one for every kind."""
    return lexicon().file["captions"]["lines"].split("\n")[1:-1]


def table() -> str:
    """The words as a document: what docs/words.md holds."""
    file = lexicon().file
    literal = [f"| {concept} | {', '.join(listed(words))} |" for concept, words in file["literal"].items()]
    likened = [f"| {', '.join(listed(words))} | {concepts} |" for words, concepts in file["metaphor"].items()]
    of = [f"| {concept} | {', '.join(listed(words))} |" for concept, words in file["of"].items()]
    return INTRODUCTION.format(literal="\n".join(literal), of="\n".join(of), likened="\n".join(likened))

"""Words to concepts and back: what the embedded model understands of a sentence.

```
text -> _said: known words and phrases, longest first -> _place: things or ground -> _weigh: concept -> weight
```

The words are in `lexicon.toml`, shown as a table in docs/words.md; other forms of them (plurals, -ing, -ish ...) are
found by rule.  How much each concept counts:

- 1 for what is said literally; two values of one attribute ("red blue dots") share it, half each;
- 0.8, shared alike, for what a metaphor stands for, and only of attributes that no literal word speaks of: in "a blue
  fire" the fire lends its shape, not its colour;
- 0.5 for dark or bright right before a colour ("dark blue"), which says more of the colour than of the picture;
- two colours of a texture ("blue and white waves") count half each for things and for ground: either may be the ground.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import product, takewhile
from typing import NamedTuple

from alife.errors import BadOption, suggest
from alife.plugins.builtin.concepts import ATTRIBUTES, CONCEPTS
from alife.plugins.builtin.words import ARTICLES, Said, forms, lexicon, listed, phrases, spelt

__all__ = ["Parsed", "describe", "parse", "phrases"]

MAX_CHARACTERS = 200
MAX_CONCEPTS = 12
"""More than this in one prompt and none of it can be seen any more."""
METAPHOR, SHADE = 0.8, 0.5
TWO_PHASES = {
    *("kind:stripes", "kind:maze", "kind:waves", "kind:rings", "kind:spiral", "kind:checker"),
    *("kind:patches", "kind:noise", "kind:pixels", "kind:clouds", "kind:gradient"),
}
"""Textures of which both colours fill about as much."""
GROUND_LIGHT = {"light:dark": "ground:black", "light:bright": "ground:white"}


class Parsed(NamedTuple):
    """What a text says, as far as it is understood."""

    concepts: dict[str, float]
    """Concept -> weight in (0, 1], in the order of `concepts.CONCEPTS`."""
    unknown: tuple[str, ...]
    """Words that are not known, and so are ignored."""
    metaphors: dict[str, tuple[str, ...]]
    """Words taken as likenesses, with the concepts that they stand for."""

    def remark(self) -> str:
        """One line about the ignored words, with near ones; empty when all are known."""
        if not self.unknown:
            return ""
        return f"ignored, not known to the embedded model: {', '.join(map(_with_near, self.unknown))}"


def parse(text: str) -> Parsed:
    """The concepts of a text, with weights.

    Args:
        text: English, up to 200 characters.

    Raises:
        BadOption: it is empty or too long, says "no" or "without", says too much, or has no known word.

    >>> parse("a ring of red dots").concepts
    {'kind:disc': 1.0, 'colour:red': 1.0, 'arrangement:circle': 1.0}
    >>> parse("a wooden zebra, darling").unknown
    ('darling',)
    """
    if not text.strip():
        raise BadOption("the prompt is empty; expected words such as 'a ring of red dots'")
    if len(text) > MAX_CHARACTERS:
        raise BadOption(f"the prompt has {len(text)} characters; the embedded model reads at most {MAX_CHARACTERS}")
    said = list(_said(text))
    _refuse_negation(said, text)
    placed = _place(_resolve_of(said))
    concepts = _weigh(placed)
    unknown = tuple(dict.fromkeys(word.text for word in said if word.sort == "unknown"))
    if not concepts:
        raise BadOption(_not_understood(text, unknown))
    if len(concepts) > MAX_CONCEPTS:
        raise BadOption(
            f"the prompt says {len(concepts)} different things; the embedded model keeps apart at most {MAX_CONCEPTS}: "
            "say less, or give several prompts"
        )
    metaphors = {word.text: word.concepts for word in said if word.sort == "metaphor"}
    return Parsed({concept: concepts[concept] for concept in CONCEPTS if concept in concepts}, unknown, metaphors)


def _said(text: str) -> Iterator[Said]:
    """The words of a text, known phrases kept together: at each place the longest one that is known."""
    known = lexicon()
    tokens = re.findall(r"\w+|[,;:.!?]", spelt(re.sub(r"['’]", "", text.lower().replace("_", " "))))
    tokens = [token for token in tokens if token not in ARTICLES]
    place = 0
    while place < len(tokens):
        for length in range(min(known.longest, len(tokens) - place), 0, -1):
            found = _find(tokens[place : place + length])
            if found is not None:
                break
        else:
            found, length = Said(tokens[place], "unknown"), 1
        yield found
        place += length


def _find(tokens: Sequence[str]) -> Said | None:
    """The phrase that these words are, in whatever form."""
    if len(tokens) == 1 and not tokens[0].isalnum():
        return Said(tokens[0], "pause")
    if len(tokens) == 1 and tokens[0].isdecimal():
        return Said(tokens[0], "literal", (f"count:{_count(int(tokens[0][:9]))}",))
    known = lexicon()
    for words in product(*map(forms, tokens)):
        found = known.phrases.get(" ".join(words))
        if found is not None:
            several = found.sort == "metaphor" and words[-1] != tokens[-1] and tokens[-1].endswith("s")
            return found._replace(concepts=tuple(c for c in found.concepts if c != "count:one")) if several else found
    return None


def _count(number: int) -> str:
    """The concept of a number: 4 to 10 are few, more are many."""
    return {0: "few", 1: "one", 2: "two", 3: "three"}.get(number, "few" if number <= 10 else "many")


def _resolve_of(said: list[Said]) -> list[Said]:
    """In "a ring of dots" the ring is an arrangement, in "a ring of light" it is a ring."""
    resolved = []
    for place, word in enumerate(said):
        if word.sort == "of":
            front = takewhile(lambda later: later.sort != "behind", said[place + 1 :])
            follows = any(later.names("kind") for later in front)
            word = word._replace(sort="literal", concepts=word.concepts if follows else word.otherwise)
        resolved.append(word)
    return resolved


def _place(said: list[Said]) -> list[Said]:
    """The words that say something, each concept in its place: colours of things, or of what lies behind them."""
    placed: list[Said] = []
    behind = False
    for place, word in enumerate(said):
        if word.sort in ("behind", "pause"):
            behind = word.sort == "behind"
        elif word.sort == "ground":
            group = _colours_before(said[:place])
            start = len(placed) - len(group)
            placed[start:] = [_as_ground(w, _shades(said, i)) for i, w in group]
            behind = not group  # "background: black" and "a background of black" go on
        elif word.sort in ("literal", "metaphor"):
            shades = _shades(said, place)
            placed.append(_as_ground(word, shades) if behind else word._replace(sort="shade") if shades else word)
            behind = behind and not word.names("kind")
    return placed


def _colours_before(said: list[Said]) -> list[tuple[int, Said]]:
    """The words about colour and light that end a text, with their places."""
    group: list[tuple[int, Said]] = []
    for place in range(len(said) - 1, -1, -1):
        word = said[place]
        if word.sort == "literal" and (word.names("colour") or word.names("light")):
            group.insert(0, (place, word))
        elif word.sort != "stop":
            break
    return group


def _shades(said: list[Said], place: int) -> bool:
    """Whether a word of light stands right before a colour."""
    return said[place].names("light") and place + 1 < len(said) and said[place + 1].names("colour")


def _as_ground(word: Said, shades: bool) -> Said:
    """The same word said of the ground; dark without a colour is black, bright is white."""
    if shades:
        return word._replace(sort="shade")
    own = word.concepts
    if (
        word.sort == "metaphor"
    ):  # of "on grass" only the colour counts, of "on the night sky" what lies behind the stars
        own = tuple(c for c in own if c.startswith("ground:" if word.names("ground") else "colour:"))
    own = tuple(GROUND_LIGHT.get(concept, concept.replace("colour:", "ground:")) for concept in own)
    return word._replace(concepts=own)


def _weigh(placed: list[Said]) -> dict[str, float]:
    """Weight of every concept; see the top of this file."""
    counts = {concept for word in placed if word.sort == "literal" for concept in word.concepts if "count:" in concept}
    literal = [c for word in placed if word.sort == "literal" for c in _counted(word, counts)]
    likened = [c for word in placed if word.sort == "metaphor" for c in word.concepts]
    weights: dict[str, float] = {}
    for attribute in ATTRIBUTES:
        mine = {c for c in literal if c.startswith(f"{attribute}:")}
        lent = {c for c in likened if c.startswith(f"{attribute}:")}
        for concept in mine or lent:
            weights[concept] = 1 / len(mine) if mine else METAPHOR / len(lent)
    for word in placed:
        if word.sort == "shade":
            weights.update({concept: SHADE for concept in word.concepts if concept not in weights})
    colours = [concept for concept in weights if concept.startswith("colour:")]
    if len(colours) == 2 and TWO_PHASES & set(weights) and not any(c.startswith("ground:") for c in weights):
        weights.update({concept.replace("colour:", "ground:"): weights[concept] for concept in colours})
    return weights


def _counted(word: Said, counts: set[str]) -> tuple[str, ...]:
    """What a word means beside a count: "three rings" are three things, "rings" a texture."""
    for said, meanings in lexicon().file["counted"].items():
        if word.text in meanings and counts & {f"count:{count}" for count in said.split("_")}:
            return (meanings[word.text],)
    return word.concepts


def describe(concepts: Iterable[str]) -> str:
    """A caption of concepts, in natural English; `parse` reads it back.

    >>> describe(["kind:disc", "count:many", "size:small", "colour:red", "arrangement:scattered", "ground:black"])
    'many small red discs scattered on a black ground'
    """
    given = [concept for concept in CONCEPTS if concept in set(concepts)]
    say = lexicon().file["say"]

    def words(attribute: str, joined: str = " and ") -> str:
        return joined.join(say.get(c, c.partition(":")[2]) for c in given if c.startswith(f"{attribute}:"))

    several = [c for c in given if c.startswith("count:") and c != "count:one"]
    form = 1 if several else 0 if "count:one" in given else 2
    nouns = [listed(say[c])[form].split(" ", 1) for c in given if c.startswith("kind:")] or [["things"]]
    article = nouns[0].pop(0) if nouns[0][0] in ARTICLES else ""
    before = [
        words(name) for name in ("count", "size", "density", "order", "edge", "symmetry", "orientation", "motion")
    ]
    noun = " and ".join(" ".join(parts) for parts in nouns)
    things = " ".join(filter(None, [*before, words("colour"), noun, words("arrangement")]))
    look = ", ".join(filter(None, [words("light"), words("palette")]))
    whole = f"{look} picture of {_with_article(things) if article else things}" if look else things
    ground = "" if words("ground") == words("colour") else words("ground")  # a texture of two colours has both
    return (_with_article(whole) if look or article else whole) + (
        f" on {_with_article(ground)} ground" if ground else ""
    )


def _with_article(text: str) -> str:
    return f"{'an' if text[0] in 'aeiou' else 'a'} {text}"


def _refuse_negation(said: Sequence[Said], text: str) -> None:
    """A vector cannot leave something out."""
    for word in said:
        if word.sort == "negation":
            unwanted = text.lower().partition(word.text)[2].strip(" ,.;:!?") or "noise"
            raise BadOption(
                f"the text {text!r} says {word.text!r}, which the embedded model does not understand; "
                f"say only what should be seen, and what should not in a search's --negative {unwanted!r}"
            )


def _not_understood(text: str, unknown: Sequence[str]) -> str:
    known = "it knows shapes, textures, colours, counts, sizes, arrangements and motions, such as 'many small red dots'"
    near = f"ignored: {', '.join(map(_with_near, unknown))}; " if unknown else ""
    return (
        f"no word of {text!r} is known to the embedded model; {near}{known}, see docs/words.md; "
        "--model open_clip:ViT-B-32 understands any words"
    )


def _with_near(word: str) -> str:
    """An unknown word, with known ones that are written nearly so."""
    telling = sorted(text for text, said in lexicon().phrases.items() if said.concepts)
    near = suggest(word, telling)
    return f"{word!r} ({near})" if near.endswith("?") else repr(word)

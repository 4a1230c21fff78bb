"""What the embedded model understands of a sentence, and what it says when it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from alife.errors import BadOption
from alife.plugins.builtin.concepts import ATTRIBUTES, CONCEPTS
from alife.plugins.builtin.lexicon import describe, parse, phrases
from alife.plugins.builtin.words import lexicon, listed, table

# "kind:disc red 0.5*blue / many": values alone, in the order of the attributes; a ground is written on:blue.
LITERAL = {
    "a ring of red dots": "kind:disc colour:red arrangement:circle",
    "two large yellow stars on a dark blue background": (
        "kind:star colour:yellow ground:blue count:two size:large light:dark*0.5"
    ),
    "white spiral": "kind:spiral colour:white",
    "many small green cells clustered together": (
        "kind:cells colour:green count:many size:small arrangement:clustered"
    ),
    "dense maze": "kind:maze density:dense",
    "an empty world": "kind:empty",
    "A Growing SPIRAL!": "kind:spiral motion:growing",
    # two values of one attribute share it; two colours of a texture may each be the ground
    "red blue dots": "kind:disc colour:red*0.5 colour:blue*0.5",
    "blue and white waves": "kind:waves colour:blue*0.5 colour:white*0.5 ground:blue*0.5 ground:white*0.5",
    "blue and white waves on black": "kind:waves colour:blue*0.5 colour:white*0.5 ground:black",
    "a smooth glowing orb": "kind:disc*0.5 kind:glow*0.5 edge:smooth",
    # things and ground
    "black on white": "colour:black ground:white",
    "white dots, black background": "kind:disc colour:white ground:black",
    "a blue background with red dots": "kind:disc colour:red ground:blue",
    "background of black, yellow squares": "kind:square colour:yellow ground:black",
    "orange blobs against a grey backdrop": "kind:blob colour:orange ground:grey",
    "in front of green, black worms": "kind:worms colour:black ground:green",
    "red dots on blue stripes": "kind:disc*0.5 kind:stripes*0.5 colour:red ground:blue",
    "pink spots on dark ground": "kind:spots colour:pink ground:black",
    "on blue stripes red dots": "kind:disc*0.5 kind:stripes*0.5 colour:red ground:blue",
    "red squares on a bright background": "kind:square colour:red ground:white",
    "clouds in a blue sky": "kind:clouds ground:blue",
    # one word, several meanings
    "a ring": "kind:bubble",
    "rings": "kind:rings",
    "three rings": "kind:bubble count:three",
    "three sets of concentric rings": "kind:rings count:three",
    "cells": "kind:cells",
    "two cells": "kind:bubble count:two",
    "a red spot": "kind:disc colour:red",
    "red spots": "kind:spots colour:red",
    "three spots": "kind:disc count:three",
    "a line of red": "kind:line colour:red",
    "a line of red dots": "kind:disc colour:red arrangement:row",
    "a grid": "kind:grid",
    "squares on a grid": "kind:square arrangement:lattice",
    "grids of small squares": "kind:square size:small arrangement:lattice",
    "bright": "light:bright",
    "flickering lights": "kind:glow motion:flickering",
    "over time growing": "motion:growing",
    # counts
    "3 red squares": "kind:square colour:red count:three",
    "7 bubbles": "kind:bubble count:few",
    "12 dots": "kind:disc count:many",
    "a dozen stars": "kind:star count:many",
    "a pair of triangles": "kind:triangle count:two",
    "a handful of purple triangles": "kind:triangle colour:purple count:few",
    "a lone bubble": "kind:bubble count:one",
    "lots of crosses": "kind:cross count:many",
    # arrangement, orientation, symmetry, edge, order, light, palette
    "worms in the centre": "kind:worms arrangement:middle",
    "randomly scattered pink flowers": "kind:flower colour:pink arrangement:scattered",
    "dots in a circle": "kind:disc arrangement:circle",
    "triangles in a row": "kind:triangle arrangement:row",
    "horizontal stripes": "kind:stripes orientation:horizontal",
    "diagonal blurry lines": "kind:line orientation:diagonal edge:smooth",
    "upright sticks": "kind:line orientation:vertical",
    "symmetrical blob": "kind:blob symmetry:mirrored",
    "radially symmetric flower": "kind:flower symmetry:radial",
    "asymmetrical blob": "kind:blob symmetry:asymmetric",
    "crisp regular spots": "kind:spots edge:sharp order:regular",
    "chaotic patches": "kind:patches order:irregular",
    "colorful noise": "kind:noise palette:colourful",
    "rainbow gradient": "kind:gradient palette:colourful",
    "black and white checkerboard": "kind:checker palette:monochrome",
    "a dark picture of worms": "kind:worms light:dark",
    # forms and spellings
    "gray clouds": "kind:clouds colour:grey",
    "bluish worms": "kind:worms colour:blue",
    "reddish bubbles": "kind:bubble colour:red",
    "spiralling": "kind:spiral",
    "checkered": "kind:checker",
    "bigger squares": "kind:square size:large",
    "tiniest pixels": "kind:pixels size:small",
    "networks": "kind:network",
    "dots in the center": "kind:disc arrangement:middle",
    # motion
    "still dots": "kind:disc motion:still",
    "drifting dots": "kind:disc motion:moving",
    "expanding rings": "kind:rings motion:growing",
    "shrinking discs": "kind:disc motion:shrinking",
    "something dividing slowly": "motion:splitting",
    "spinning squares": "kind:square motion:rotating",
    "breathing blobs": "kind:blob motion:pulsating",
    "blinking stars": "kind:star motion:flickering",
    "dots gathering": "kind:disc motion:converging",
}

METAPHORS = {
    "stars on the ocean": "kind:star ground:blue*0.8",
    "zebra stripes": "kind:stripes palette:monochrome*0.8",
    "a growing coral": "kind:branching*0.8 motion:growing",
    "a colony of cells": "kind:cells count:many*0.8 arrangement:clustered*0.8",
    "lightning": "kind:branching*0.8 ground:black*0.8 light:bright*0.8",
    "a swarm of red dots": "kind:disc colour:red count:many*0.8",
    "blue fire": "kind:clouds*0.8 colour:blue motion:flickering*0.8",
    "fingerprint": "kind:stripes*0.4 kind:maze*0.4",
    "a cell": "kind:bubble*0.8 count:one*0.8",
    "a moon": "kind:disc*0.8 colour:white*0.8 ground:black*0.8 count:one*0.8",
    "moons": "kind:disc*0.8 colour:white*0.8 ground:black*0.8",
    "leopards": "kind:spots*0.8 colour:black*0.8 ground:yellow*0.8",
    "a spider web": "kind:network*0.8 symmetry:radial*0.8",
    "rotating spiral galaxy": ("kind:spiral ground:black*0.8 symmetry:radial*0.8 edge:smooth*0.8 motion:rotating"),
    "stars in the night sky": (
        "kind:disc*0.8 colour:white*0.8 ground:black*0.8 count:many*0.8 size:small*0.8 arrangement:scattered*0.8"
    ),
}


def weights(said: str) -> dict[str, float]:
    """Concepts and weights as the tables above write them."""
    pairs = [word.partition("*") for word in said.split()]
    return {concept: float(weight or 1) for concept, _, weight in pairs}


@pytest.mark.parametrize("prompt, said", [*LITERAL.items(), *METAPHORS.items()])
def test_a_prompt_means_what_it_says(prompt, said):
    parsed = parse(prompt)
    assert parsed.concepts == pytest.approx(weights(said))
    assert parsed.unknown == () and bool(parsed.metaphors) == (prompt in METAPHORS)


TYPED = """cell colony flock swarm coral galaxy lightning fingerprint leopard zebra brain fire ocean eye flower
snowflake jellyfish caterpillar mold city bacteria honeycomb neuron virus nebula smoke tiger"""


@pytest.mark.parametrize("name", TYPED.split())
def test_what_people_type_most_is_known(name):
    assert parse(f"a {name}").concepts


def test_metaphors_are_named_as_such():
    assert parse("a zebra and a red tiger").metaphors == {
        "zebra": ("kind:stripes", "palette:monochrome"),
        "tiger": ("kind:stripes", "colour:black", "ground:orange"),
    }


def test_unknown_words_are_reported_and_ignored():
    parsed = parse("frobnicated red dotz for the quux, red")
    assert parsed.concepts == {"colour:red": 1.0}
    assert parsed.unknown == ("frobnicated", "dotz", "quux")
    assert "'dotz' (did you mean dot" in parsed.remark()
    assert parse("red dots").remark() == ""


@pytest.mark.parametrize(
    "prompt, said",
    [
        ("mazze", r"no word of 'mazze' is known.*did you mean maze.*open_clip:ViT-B-32"),
        ("a picture of the", "no word of"),
        ("qqqq", "such as 'many small red dots'"),
        ("  ", "the prompt is empty"),
        ("no red dots", "--negative"),
        ("dots without noise", "says 'without'"),
        ("it isn't red", "--negative"),
        ("red " * 60, "240 characters; .* at most 200"),
        (
            "many small red dense scattered mirrored vertical smooth regular dark colourful still dots on blue",
            "14 different things; .* at most 12",
        ),
    ],
)
def test_what_cannot_be_understood_is_refused(prompt, said):
    with pytest.raises(BadOption, match=said):
        parse(prompt)


@pytest.mark.parametrize("prompt", [p for p, said in LITERAL.items() if "light:dark*" not in said])
def test_a_caption_says_the_same_again(prompt):
    said = parse(prompt).concepts
    assert parse(describe(said)).concepts == pytest.approx(said)


@pytest.mark.parametrize("concept", CONCEPTS)
def test_every_concept_has_words_that_mean_it_alone(concept):
    assert parse(describe([concept])).concepts == {concept: 1.0}


def test_captions_are_english():
    said = ["ground:orange", "kind:maze", "edge:smooth", "size:large", "light:dark"]
    assert describe(said) == "a dark picture of a large smooth maze on an orange ground"
    assert describe(["kind:worms", "count:one", "motion:moving"]) == "one moving worm"
    assert describe(["kind:flower", "count:few", "arrangement:circle"]) == "a few flowers in a ring"
    assert describe(["count:many"]) == "many things"


def test_phrases_are_many_different_and_understood():
    found = phrases()
    assert 100 <= len(found) == len(set(found)) <= 150
    said = [parse(phrase) for phrase in found]
    assert not [p for p, parsed in zip(found, said, strict=True) if parsed.unknown or parsed.metaphors]
    assert {c for parsed in said for c in parsed.concepts if c.startswith("kind:")} == {
        f"kind:{kind}" for kind in ATTRIBUTES["kind"]
    }


def test_the_file_names_only_concepts_and_says_no_word_twice():
    file = lexicon().file
    concepts = [*file["literal"], *file["of"], *file["say"]]
    concepts += [c for said in file["metaphor"].values() for c in listed(said)]
    concepts += [c for meanings in file["counted"].values() for c in meanings.values()]
    assert set(concepts) <= set(CONCEPTS)
    assert set(file["literal"]) == set(CONCEPTS) - {c for c in CONCEPTS if c.startswith("ground:")}
    words = [
        word for said in (*file["literal"].values(), *file["of"].values(), *file["metaphor"]) for word in listed(said)
    ]
    words += [
        word for part in ("stop", "pause", "behind", "ground", "negation") for word in listed(file[part]["words"])
    ]
    assert sorted(words) == sorted(set(words)) and len(words) > 1000
    assert all(word and not {"a", "an", "the"} & set(word.split()[:-1]) for word in words)


def test_the_document_is_up_to_date():
    document = Path(__file__).resolve().parents[3] / "docs" / "words.md"
    assert document.read_text("utf-8") == table(), (
        "write it again: docs/words.md is alife.plugins.builtin.words.table()"
    )

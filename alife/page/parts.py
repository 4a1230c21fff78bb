"""The parts of a page: its head, the field of pictures, the table, the run configuration."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from ..storage import Archive, Lifeform
from .markup import element
from .pictures import Portrait

LONGEST_SETTING = 400
"""Characters of one value of the run configuration; pictures and genotypes in it are longer."""


def label(life: Lifeform) -> str:
    """One line about a lifeform, for tooltips and screen readers."""
    return f"lifeform {life.id}, score {life.score:.3g}, generation {life.generation}"


def counted(n: int, thing: str) -> str:
    """A number and what it counts.

    >>> counted(1, "number"), counted(2000, "number")
    ('1 number', '2,000 numbers')
    """
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def symbols(portraits: Iterable[Portrait]) -> Element:
    """Every still once; the field, the tree and the views draw it by its name."""
    corners = element("rect", width="1", height="1", rx="0.2")
    return element(
        "svg",
        element("clipPath", corners, id="soft", clipPathUnits="objectBoundingBox"),
        *(_symbol(portrait) for portrait in portraits),
        class_="symbols",
        aria_hidden="true",
        width="0",
        height="0",
    )


def _symbol(portrait: Portrait) -> Element:
    picture = None
    if portrait.still:
        picture = element("image", href=portrait.still, width="1", height="1")
    return element("symbol", picture, id=f"s{portrait.lifeform.id}", viewBox="0 0 1 1")


def head(archive: Archive, title: str, shown: int, focus: int | None) -> Element:
    """What run this is, and how much of it is here."""
    config, held = archive.config, len(archive)
    search = config.get("search", {}).get("name", "")
    facts = [
        ", ".join(archive.substrates),
        f"{config['score']} by {search}" if search and "score" in config else config.get("score", search),
        f"{counted(held, 'lifeform')} in {counted(archive.generation + 1, 'generation')}",
        f"{datetime.fromisoformat(archive.created):%d %B %Y}".lstrip("0").replace(" ", "\N{NO-BREAK SPACE}"),
    ]
    wanted = [f"“{text}”" for text in config.get("prompts", [])]
    if focus is not None:
        which = f"Lifeform {focus}, its ancestors and its like: {shown:,} of {held:,}"
    else:
        which = f"The {shown:,} most different of {held:,}" if shown < held else f"All {held:,}"
    return element(
        "header",
        element("h1", title),
        element("p", " · ".join(fact for fact in facts if fact)),
        element("p", "towards ", ", then ".join(wanted)) if wanted else None,
        element("p", f"{which}, like beside like.", class_="quiet"),
        element("button", "Pause", id="pause", type="button"),
    )


def field(portraits: Sequence[Portrait], focus: int | None) -> Element:
    """The living pictures."""
    return element("ul", *(element("li", _tile(portrait, focus)) for portrait in portraits), class_="field", id="field")


def _tile(portrait: Portrait, focus: int | None) -> Element:
    life = portrait.lifeform
    return element(
        "a",
        still(life.id),
        element("img", class_="loop", src=portrait.loop, alt="", width="160", height="160", decoding="async"),
        element("span", element("b", str(life.id)), f" {life.score:.2f}", class_="caption", aria_hidden="true"),
        href=f"#{life.id}",
        class_="tile",
        aria_label=label(life),
        aria_current="true" if life.id == focus else None,
    )


def still(i: int) -> Element:
    """The still picture of a lifeform, of any size."""
    return element("svg", element("use", href=f"#s{i}"), class_="still", viewBox="0 0 1 1", aria_hidden="true")


def copied(text: str, what: str) -> Element:
    """A block of text with a button to copy it."""
    button = element("button", "Copy", class_="copy", type="button", aria_label=f"Copy {what}")
    return element("div", element("pre", text, tabindex="0"), button, class_="code")


def configuration(config: Mapping[str, Any]) -> Element:
    """The run configuration, folded; of plugin files the names alone, as folders are nobody's business."""
    shown = {
        **config,
        "plugins": [str(file).replace("\\", "/").rpartition("/")[2] for file in config.get("plugins", [])],
    }
    lines = [
        f"{key} = {_short(json.dumps(v, ensure_ascii=False))}"
        for key, v in shown.items()
        if v not in (None, "", [], {})
    ]
    return element("details", element("summary", "Run configuration"), copied("\n".join(lines), "the configuration"))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_SETTING else f"{text[:LONGEST_SETTING]} … ({len(text):,} characters)"


def table(lifeforms: Sequence[Lifeform], measures: Sequence[str]) -> Element:
    """The same lifeforms as numbers."""
    names = ("lifeform", "score", "generation", "operator", "parents", *measures)
    rows = (
        element(
            "tr", element("th", element("a", str(life.id), href=f"#{life.id}"), scope="row"), *_cells(life, measures)
        )
        for life in lifeforms
    )
    return element(
        "details",
        element("summary", "Table"),
        element(
            "div",
            element(
                "table",
                element("thead", element("tr", *(element("th", name, scope="col") for name in names))),
                element("tbody", *rows),
            ),
            class_="wide",
            tabindex="0",
            role="region",
            aria_label="Table of the lifeforms",
        ),
    )


def _cells(life: Lifeform, measures: Sequence[str]) -> Iterator[Element]:
    yield element("td", f"{life.score:.4g}")
    yield element("td", str(life.generation))
    yield element("td", life.operator)
    yield element("td", " ".join(map(str, life.parents)))
    for name in measures:
        value = life.measures.get(name, np.nan)
        yield element("td", "" if np.isnan(value) else f"{value:.4g}")

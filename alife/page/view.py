"""All about one lifeform: what the page shows when its picture is opened."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

import numpy as np

from ..errors import ArchiveDamaged
from ..said import recipe, way_of
from ..storage import Archive, Lifeform
from .family import Member
from .markup import element
from .parts import copied, counted, label, still
from .pictures import Portrait

WHOLE_GENOTYPE = 4096
"""Numbers of a genotype that are written out; longer ones begin so, and say how to get the rest."""


class Kin(NamedTuple):
    """Who on the page is near a lifeform: id -> how, in words."""

    ancestors: dict[int, str]
    descendants: dict[int, str]
    alike: dict[int, str]


def view(archive: Archive, portrait: Portrait, kin: Kin) -> Element:
    """All about one lifeform."""
    life = portrait.lifeform
    lines = recipe(archive, life.id)
    facts = [
        ("score", f"{life.score:.4g}"),
        *((name, f"{v:.4g}") for name, v in life.measures.items() if not np.isnan(v)),
    ]
    return element(
        "article",
        element("figure", still(life.id) if portrait.still else element("p", "Its pictures are damaged.")),
        element(
            "div",
            element("h2", f"Lifeform {life.id}"),
            element("p", *_origin(archive, life), class_="quiet"),
            element("dl", *(element("div", element("dt", name), element("dd", value)) for name, value in facts)),
            _near("Ancestors", kin.ancestors),
            _near("Descendants", kin.descendants),
            _near("Looks like", kin.alike),
            element("h3", "Recipe"),
            copied(lines.shell, "commands"),
            copied(lines.python, "Python"),
            _genotype(archive, portrait),
            _provenance(life),
        ),
        id=str(life.id),
        class_="life",
        tabindex="-1",
        aria_label=label(life),
    )


def _origin(archive: Archive, life: Lifeform) -> Iterator[str]:
    if len(archive.substrates) > 1:
        yield f"{life.substrate}, "
    yield f"generation {life.generation}, {way_of(life)}"


def _near(title: str, others: Mapping[int, str]) -> Element | None:
    if not others:
        return None
    links = (element("a", still(i), element("b", str(i)), f" {how}", href=f"#{i}") for i, how in others.items())
    return element("section", element("h3", title), element("nav", *links, class_="near"))


def _genotype(archive: Archive, portrait: Portrait) -> Element:
    life = portrait.lifeform
    try:
        numbers = [str(value) for value in life.genotype[:WHOLE_GENOTYPE]]
        size = len(life.genotype)
    except ArchiveDamaged:
        return element("p", "Its genotype is damaged.")
    written = numbers if portrait.loop else numbers[:64]
    rest = None
    if len(written) < size:
        command = f"alife export {shlex.quote(str(archive.path))} {life.id} --to {life.id}.npz"
        rest = element("p", f"The first {len(written):,} of {size:,}; all of them: ", element("code", command))
    first = ", ".join(f"{value:.4g}" for value in life.genotype[:3].tolist()) + (" …" if size > 3 else "")
    title = f"Genotype, {counted(size, 'number')} "
    return element(
        "details",
        element("summary", title, element("span", first, class_="quiet")),
        copied(", ".join(written), "the genotype"),
        rest,
    )


def _provenance(life: Lifeform) -> Element:
    lines = [f"seed: {life.seed[0]} {life.seed[1]}", f"evaluation: {life.evaluation}"]
    lines += [f"{part} {key}: {value}" for part, table in life.provenance.items() for key, value in _items(table)]
    return element("details", element("summary", "Provenance"), element("pre", "\n".join(lines), tabindex="0"))


def _items(table: Any) -> Iterable[tuple[str, Any]]:
    return table.items() if isinstance(table, Mapping) else [("", table)]


def kin_of(members: Mapping[int, Member], records: Mapping[int, Lifeform]) -> dict[int, Kin]:
    """Who in the tree is next to whom."""
    kin = {i: Kin({}, {}, {}) for i in members}
    for i, member in members.items():
        for other in (member.parent, *member.others):
            if other is None:
                continue
            direct, apart = other in records[i].parents, member.generation - members[other].generation
            steps = counted(apart, "generation")
            kin[i].ancestors[other] = "parent" if direct else f"{steps} before"
            kin[other].descendants[i] = "child" if direct else f"{steps} after"
    return kin

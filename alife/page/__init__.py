"""A run as one HTML page: living pictures, recipes and the family tree in a single file that needs nothing else.

```
choice -> which lifeforms, in which order       pictures -> stills and loops as data URIs
family -> who descends from whom, and where it stands        drawing -> the tree as SVG
parts and view (made of markup) -> page.html with page.css and page.js -> one file
```

Nothing is run again, so a page needs no plugin.  It works without scripts; they only open, light up and pause.  A
Content-Security-Policy names the one style and the one script by their hashes and allows no other, and no network.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from string import Template

from ..storage import Archive, Lifeform
from ..storage.media import check_target, whole_file
from . import parts
from .choice import Records, different_ones, kin_and_alike, readable_records
from .drawing import draw
from .family import Member, family, layout
from .markup import Element, element, to_html
from .pictures import Portrait, portraits
from .view import Kin, kin_of, view

PAGE_TILES, LIFEFORM_TILES = 48, 24
"""Lifeforms on the page of a run, and on that of one lifeform."""
ALIKE = 5
"""Pictures of others that look like a lifeform, in its view."""


def write_page(
    archive: Archive, target: Path, *, title: str, tiles: int | None = None, lifeform: int | None = None
) -> list[int]:
    """One self-contained .html file of the lifeforms that look least alike, whose ids it gives in the page's order.

    Args:
        title: name of the run.
        tiles: how many lifeforms at most; None = 48, or 24 round one lifeform.
        lifeform: show this one, its ancestors and those that look most like it instead.

    Raises:
        BadOption: a file that cannot be written.
        ArchiveError: the archive is empty, or nothing in it can be read.
        NoSuchLifeform: there is no such lifeform.
    """
    check_target(target, (".html",))
    records = readable_records(archive)
    if lifeform is None:
        shown = different_ones(archive, tiles or PAGE_TILES)
    else:
        shown = kin_and_alike(archive, records, lifeform, tiles or LIFEFORM_TILES)
    text = page(archive, records, shown, title=title, focus=lifeform)
    with whole_file(target) as place:
        place.write_bytes(text.encode("utf-8", "replace"))
    return [life.id for life in shown]


def page(archive: Archive, records: Records, shown: Sequence[Lifeform], *, title: str, focus: int | None) -> str:
    """The text of the page."""
    ids = {life.id for life in shown}
    members = family(records, ids)
    pictured = portraits(shown, [records[i] for i in members if i not in ids])
    kin = kin_of(members, records)
    for life in shown:
        kin[life.id].alike.update(dict.fromkeys(_most_like(archive, life, shown), ""))
    body = [
        parts.symbols(pictured),
        parts.head(archive, title, len(shown), focus),
        element(
            "main",
            parts.field(pictured[: len(shown)], focus),
            _family(members, records, ids),
            parts.table(shown, archive.measures),
            parts.configuration(archive.config),
            _lives(archive, pictured, kin),
        ),
        _footer(archive),
    ]
    return _filled(title, body)


def _most_like(archive: Archive, life: Lifeform, shown: Sequence[Lifeform]) -> list[int]:
    z, _ = archive.last_embeddings()
    ids = [other.id for other in shown if other.id != life.id]
    cosines = z[ids] @ z[life.id]
    return [ids[k] for k in (-cosines).argsort(kind="stable")[:ALIKE]]


def _family(members: Mapping[int, Member], records: Records, shown: set[int]) -> Element | None:
    tree = layout(members)
    drawn = draw(members, tree, {i: parts.label(records[i]) for i in members}, shown)
    if drawn is None:
        return None
    alone = [element("a", parts.still(i), href=f"#{i}", aria_label=parts.label(records[i])) for i in tree.alone]
    hint = "Large: the lifeforms above. Small: ancestors that join them. Arrow keys walk along the lines."
    return element(
        "section",
        element("h2", "Family"),
        element("p", hint, id="hint", class_="quiet"),
        element("div", drawn, class_="wide"),
        element("div", element("p", "No kin here", class_="quiet"), *alone, class_="alone") if alone else None,
        id="family",
    )


def _lives(archive: Archive, pictured: Sequence[Portrait], kin: Mapping[int, Kin]) -> Element:
    views = (view(archive, portrait, kin[portrait.lifeform.id]) for portrait in pictured)
    return element("section", *views, id="lives", aria_label="Every lifeform")


def _footer(archive: Archive) -> Element:
    made_by = f"alife {archive.provenance.get('versions', {}).get('alife', '')}".strip()
    said = f"Found by {made_by}. Every picture is as it was stored; "
    return element("footer", said, element("code", "alife replay"), " proves a lifeform from its record.")


def _filled(title: str, body: Sequence[Element]) -> str:
    style, script, template = (_asset(f"page.{ending}") for ending in ("css", "js", "html"))
    policy = (
        f"default-src 'none'; img-src data:; style-src {_allowed(style)}; script-src {_allowed(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return Template(template).substitute(
        policy=policy,
        title=to_html(element("title", title)),
        style=style,
        script=script,
        body="\n".join(to_html(part) for part in body),
    )


def _asset(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text("utf-8").strip()


def _allowed(text: str) -> str:
    """A text as a Content-Security-Policy names it: by its hash."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

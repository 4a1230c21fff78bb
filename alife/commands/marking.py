"""`alife mark`: favourites, notes and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..errors import BadOption, UnknownName
from .options import PLACE

if TYPE_CHECKING:
    from ..storage.events import Event
    from ..storage.remote import Place


@click.command("mark")
@click.argument("run", type=PLACE)
@click.argument("ids", nargs=-1, type=int, metavar="[ID]...")
@click.option("--favourite/--no-favourite", default=None, help="Make them favourites, or take that back.")
@click.option("--note", metavar="TEXT", help="What you see in them; takes the place of an earlier note.")
@click.option("--tag", "tagged", multiple=True, metavar="WORD", help="A word to find them by (repeatable).")
@click.option("--untag", "untagged", multiple=True, metavar="WORD", help="Remove a tag (repeatable).")
def mark_command(
    run: Place,
    ids: tuple[int, ...],
    favourite: bool | None,
    note: str | None,
    tagged: tuple[str, ...],
    untagged: tuple[str, ...],
) -> int:
    """Say what you think of lifeforms ID of RUN, also while it is being searched; nothing to say: show what is known.

    Without ID: show every lifeform that is marked.
    """
    from ..storage import open_archive
    from ..storage.events import add_events, held_id, read_events, tags

    said: list[tuple[str, Any]] = [] if favourite is None else [("favourite", favourite)]
    said += [] if note is None else [("note", note)]
    said += [*(("tag", word) for word in tagged), *(("untag", word) for word in untagged)]
    if said and not ids:
        raise BadOption("no lifeform is named; expected the ID of one or more, as in `alife mark RUN 3 7 --favourite`")
    count = len(open_archive(run))
    ids = tuple(dict.fromkeys(held_id(i, count) for i in ids))
    _require_tags(tags(read_events(run)), ids, [word for word in untagged if word not in tagged])
    if said:
        add_events(run, [(kind, i, value) for i in ids for kind, value in said])
    for line in known_lines(read_events(run), ids):
        click.echo(line)
    return 0


def known_lines(events: list[Event], ids: tuple[int, ...] = ()) -> list[str]:
    """What is known of these lifeforms, a line each; no ids = of all that are marked.

    >>> known_lines([{"kind": "favourite", "lifeform": 3, "value": True}], (3, 4))
    ['lifeform 3: favourite', 'lifeform 4: nothing yet']
    """
    from ..storage.events import favourites, notes, tags

    liked, words, texts = favourites(events), tags(events), notes(events)
    lines = []
    for i in ids or sorted({*liked, *words, *texts}):
        known = ["favourite"] if i in liked else []
        known += [f"tags {' '.join(words[i])}"] if i in words else []
        known += [f"note: {' '.join(texts[i].split())}"] if i in texts else []
        lines.append(f"lifeform {i}: {'; '.join(known) or 'nothing yet'}")
    return lines or ["no lifeform is marked yet"]


def _require_tags(known: dict[int, tuple[str, ...]], ids: tuple[int, ...], untagged: list[str]) -> None:
    for i in ids:
        for word in untagged:
            if word not in known.get(i, ()):
                raise UnknownName(f"tag of lifeform {i}", word, known.get(i, ()))

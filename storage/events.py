"""What people say of lifeforms: favourite, note, tag.

They say it at any time, also while a search writes the archive.  The log only grows: what holds now is told by
`favourites`, `tags` and `notes`, which go through it from the oldest event to the newest.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from alife.errors import BadOption, NoSuchLifeform, UnknownName
from alife.storage.event_log import Event, adding, check_events, extend_log, read_events, repair_events
from alife.storage.files import Files
from alife.storage.objects import files_of
from alife.storage.remote import RemotePath, place_of
from alife.storage.root import read_document
from alife.storage.rows import plain_json

__all__ = [
    "KINDS",
    "Event",
    "add_event",
    "add_events",
    "adding",
    "check_events",
    "favourites",
    "held_id",
    "notes",
    "read_events",
    "repair_events",
    "tags",
]


class Kind(NamedTuple):
    """A kind of event, and what it needs."""

    fits: Callable[[Any], bool]
    """True for a value that it can have."""
    expected: str
    """The same in words."""
    default: Any = None
    about_run: bool = False
    """True if it can also be said of the whole run."""


def _is_text(value: Any) -> bool:
    # What a terminal hands over that is not UTF-8 comes as lone surrogates, which no file can take.
    return isinstance(value, str) and bool(value.strip()) and not any("\ud800" <= c <= "\udfff" for c in value)


def _is_note(value: Any) -> bool:
    return value == "" or _is_text(value)


def _is_word(value: Any) -> bool:
    return _is_text(value) and value.split() == [value]


KINDS = {
    "favourite": Kind(lambda value: isinstance(value, bool), "True, or False to take it back", default=True),
    "note": Kind(_is_note, 'a text, or "" to take it back'),
    "tag": Kind(_is_word, "one word, without spaces"),
    "untag": Kind(_is_word, "one word, without spaces"),
    "steer": Kind(lambda value: True, "plain JSON", about_run=True),
}
"""All there are.  A later note takes the place of an earlier one."""


def add_event(
    archive_path: str | os.PathLike[str] | RemotePath,
    kind: str,
    lifeform: int | None,
    value: Any = None,
    *,
    files: Files | None = None,
) -> Event:
    """Says one thing of one lifeform, and returns when it is on the disk; raises as `add_events` does."""
    return add_events(archive_path, [(kind, lifeform, value)], files=files)[0]


def add_events(
    archive_path: str | os.PathLike[str] | RemotePath,
    said: Iterable[tuple[str, int | None, Any]],
    *,
    files: Files | None = None,
) -> list[Event]:
    """Adds several events, all of them or none, and returns them when they are on the disk.

    Args:
        archive_path: of the run directory; whoever writes it goes on undisturbed.
        said: kind (one of `KINDS`), id of the lifeform (None = of the whole run) and value of each.
        files: the file operations to use.

    Raises:
        UnknownName: there is no such kind.
        BadOption: a value that the kind cannot have.
        NoSuchLifeform: there is no such lifeform; says which there are.
        ArchiveLocked: somebody else has been adding events for 10 seconds.
        ArchiveDamaged: the log is damaged, so nothing can be added to it.
        ArchiveError: there is no archive, or it cannot be written.
    """
    root = place_of(archive_path)
    count = read_document(root)["attributes"]["archive"]["committed"]
    checked = [_checked(*one, count=count) for one in said]

    def new(known: list[Event]) -> list[Event]:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return [{"number": number, "time": now, **event} for number, event in enumerate(checked, len(known))]

    return extend_log(root, new, files or files_of(root))


def favourites(events: Iterable[Event]) -> list[int]:
    """Ids of the lifeforms that are favourites now, in the order in which they became so.

    >>> favourites([{"kind": "favourite", "lifeform": i, "value": v} for i, v in ((7, True), (2, True), (7, False))])
    [2]
    """
    found: dict[int, None] = {}
    for event in events:
        if event["kind"] == "favourite":
            found.pop(event["lifeform"], None)
            found.update({event["lifeform"]: None} if event["value"] else {})
    return list(found)


def tags(events: Iterable[Event]) -> dict[int, tuple[str, ...]]:
    """The tags of each lifeform that has any, in the order in which they were given.

    >>> tags([{"kind": k, "lifeform": 3, "value": v} for k, v in (("tag", "a"), ("tag", "b"), ("untag", "a"))])
    {3: ('b',)}
    """
    found: dict[int, dict[str, None]] = {}
    for event in events:
        if event["kind"] == "tag":
            found.setdefault(event["lifeform"], {})[event["value"]] = None
        elif event["kind"] == "untag":
            found.get(event["lifeform"], {}).pop(event["value"], None)
    return {lifeform: tuple(words) for lifeform, words in found.items() if words}


def notes(events: Iterable[Event]) -> dict[int, str]:
    """The newest note of each lifeform that has one.

    >>> notes([{"kind": "note", "lifeform": 3, "value": text} for text in ("hm", "it divides")])
    {3: 'it divides'}
    """
    newest = {event["lifeform"]: event["value"] for event in events if event["kind"] == "note"}
    return {lifeform: text for lifeform, text in newest.items() if text}


def held_id(index: Any, count: int) -> int:
    """The id that an index stands for in an archive of so many lifeforms; -1 is the last.

    Raises:
        NoSuchLifeform: there is none; says which there are.

    >>> held_id(-1, 10)
    9
    """
    asked = operator.index(index)
    if not -count <= asked < count:
        held = f"ids 0..{count - 1}" if count else "none yet"
        raise NoSuchLifeform(f"there is no lifeform {asked}; this archive holds {count} ({held})")
    return asked % count


def _checked(kind: str, lifeform: int | None, value: Any, *, count: int) -> Event:
    if kind not in KINDS:
        raise UnknownName("kind of event", kind, KINDS)
    needs = KINDS[kind]
    value = needs.default if value is None else value
    if not needs.fits(value):
        raise BadOption(f"{kind} is {value!r}; expected {needs.expected}")
    if lifeform is None and not needs.about_run:
        raise BadOption(f"a {kind} is said of no lifeform; expected the id of one")
    event = {"kind": kind, "lifeform": None if lifeform is None else held_id(lifeform, count), "value": value}
    return plain_json("event", event)

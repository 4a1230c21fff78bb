"""The family tree of the lifeforms on a page: which ancestors are in it, and where each one stands.

```
records, shown -> family -> Members (who descends from whom)
Members -> layout -> Places (x by generation, y by line)
```

A line goes to the first parent; a second one joins lines that are already there.  An ancestor that is not shown itself
is kept only where lines part, so a tree of n lifeforms has fewer than 2 n members however long the run was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..storage import Lifeform

GAP, ROW = 58.0, 40.0
"""Least way from a parent to its child, and from a line to the next, in pixels."""
WIDTH = 1240.0
"""What a tree is stretched to, pixels; more where its lines are long."""


class Member(NamedTuple):
    """A lifeform in the tree."""

    id: int
    generation: int
    parent: int | None
    """Its nearest ancestor that is a member, along first parents."""
    passed: int
    """Ancestors between the two, or all of them where it has no such parent."""
    others: tuple[int, ...]
    """Nearest members along the lines of its further parents."""


class Place(NamedTuple):
    """Where a member stands, pixels."""

    x: float
    y: float


class Layout(NamedTuple):
    """A drawn tree."""

    places: dict[int, Place]
    columns: dict[int, float]
    """Generation -> x, where members stand."""
    alone: list[int]
    """Members that have no kin among the others; they have no place."""
    width: float
    height: float


def family(records: Mapping[int, Lifeform], shown: Iterable[int]) -> dict[int, Member]:
    """The shown lifeforms and the ancestors that join them, by id, every parent before its children."""
    parents = {i: [p for p in life.parents if p in records] for i, life in records.items()}
    kept = set(shown)
    known, branching = set(kept), set()
    for i in kept:
        for ancestor in _line(parents, i):
            if ancestor in known:
                branching.add(ancestor)
                break
            known.add(ancestor)
    kept |= branching
    return {i: _member(records[i], parents, kept) for i in sorted(kept)}


def _line(parents: Mapping[int, list[int]], i: int) -> Iterable[int]:
    """First parents of first parents, the nearest first."""
    while parents[i]:
        i = parents[i][0]
        yield i


def _member(life: Lifeform, parents: Mapping[int, list[int]], kept: set[int]) -> Member:
    line = list(_line(parents, life.id))
    passed = next((n for n, ancestor in enumerate(line) if ancestor in kept), len(line))
    parent = line[passed] if passed < len(line) else None
    found = (next((a for a in (p, *_line(parents, p)) if a in kept), None) for p in parents[life.id][1:])
    others = {other for other in found if other is not None and other != parent}
    return Member(life.id, life.generation, parent, passed, tuple(sorted(others)))


def layout(members: Mapping[int, Member]) -> Layout:
    """A place for every member that has kin: generations from left to right, and no two lines in one row."""
    children: dict[int, list[int]] = {i: [] for i in members}
    for member in members.values():
        if member.parent is not None:
            children[member.parent].append(member.id)
    alone = [i for i, member in members.items() if member.parent is None and not children[i]]
    related = {i: member for i, member in members.items() if i not in set(alone)}
    rows, height = _rows(related, children)
    x = _columns(related)
    columns = {member.generation: x[i] for i, member in related.items()}
    places = {i: Place(x[i], (rows[i] + 0.5) * ROW) for i in related}
    return Layout(places, columns, alone, max(x.values(), default=0.0), height * ROW)


def _rows(members: Mapping[int, Member], children: Mapping[int, list[int]]) -> tuple[dict[int, int], int]:
    """The row of each member, and how many there are: the trunk goes straight on, its branches lie on both sides."""
    lines: dict[int, int] = {}
    trunk: dict[int, int] = {}
    order: dict[int, list[int]] = {}
    for i in reversed(list(members)):
        by_size = sorted(children[i], key=lambda child: -lines[child])
        order[i] = [*reversed(by_size[1::2]), *by_size[0::2]]
        lines[i] = sum(lines[child] for child in by_size) or 1
        above = sum(lines[child] for child in by_size[1::2])
        trunk[i] = above + trunk[by_size[0]] if by_size else 0
    tops: dict[int, int] = {}
    free = 0
    for root in sorted((i for i in members if members[i].parent is None), key=lambda i: -lines[i]):
        tops[root], free = free, free + lines[root]
    for i in members:
        top = tops[i]
        for child in order[i]:
            tops[child], top = top, top + lines[child]
    return {i: tops[i] + trunk[i] for i in members}, free


def _columns(members: Mapping[int, Member]) -> dict[int, float]:
    """The x of each member: generations in order, evenly apart where there is room, every child right of its parent."""
    if not members:
        return {}
    when: dict[int, float] = {}
    for i, member in members.items():
        own = float(member.generation)  # a parent of the same generation has to come first all the same
        when[i] = own if member.parent is None else max(own, when[member.parent] + 1e-3)
    moments = sorted(set(when.values()))
    even = WIDTH / max(moments[-1] - moments[0], 1.0) / 2
    x: dict[float, float] = {}
    for before, moment in zip([moments[0], *moments], moments, strict=False):
        parents = [members[i].parent for i in members if when[i] == moment]
        after = [x[when[parent]] + GAP for parent in parents if parent is not None]
        x[moment] = max([x.get(before, 0.0) + even * (moment - before), *after])
    stretch = max(1.0, WIDTH / max(x[moments[-1]], GAP))
    return {i: stretch * x[when[i]] for i in members}

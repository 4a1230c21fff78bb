"""The family tree as SVG: curves from parents to children, small pictures where lifeforms stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element

from .family import GAP, ROW, Layout, Member, Place
from .markup import element

SHOWN, JOINING = 32.0, 17.0
"""Edge of the picture of a lifeform that is shown, and of an ancestor that joins others, pixels."""
LEFT, TOP, RIGHT, BOTTOM = 46.0, 34.0, 24.0, 6.0
TICKS = 64.0
"""Least way from one number of the axis to the next, pixels."""


def draw(members: Mapping[int, Member], tree: Layout, labels: Mapping[int, str], shown: set[int]) -> Element | None:
    """The tree as one picture that scripts and keys can walk; None where nobody is related."""
    if not tree.places:
        return None
    width, height = LEFT + tree.width + RIGHT, TOP + tree.height + BOTTOM
    return element(
        "svg",
        _axis(tree, height),
        element("g", *_edges(members, tree.places), class_="edges"),
        *(_node(members[i], place, labels[i], i in shown) for i, place in tree.places.items()),
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=f"{width:.0f}",
        height=f"{height:.0f}",
        id="tree",
        role="group",
        aria_label="Family tree, generations from left to right",
    )


def thumbnail(i: int, x: float, y: float, edge: float, *, has_picture: bool = True) -> Element:
    """The picture of a lifeform with soft corners and a hairline, round a centre."""
    box = {"x": f"{x - edge / 2:.1f}", "y": f"{y - edge / 2:.1f}", "width": f"{edge:.0f}", "height": f"{edge:.0f}"}
    corners = f"{edge * 0.2:.1f}"
    return element(
        "g",
        element("rect", class_="ground", rx=corners, **box),
        element("use", href=f"#s{i}", clip_path="url(#soft)", **box) if has_picture else None,
        element("rect", class_="rim", rx=corners, **box),
    )


def _axis(tree: Layout, height: float) -> Element:
    ticks: list[Element] = []
    last = -TICKS
    for generation, x in sorted(tree.columns.items()):
        if x - last < TICKS:
            continue
        at = f"{LEFT + x:.1f}"
        word = "" if ticks else "generation "
        ticks.append(element("line", x1=at, x2=at, y1=f"{TOP - 10:.0f}", y2=f"{height:.0f}"))
        ticks.append(element("text", f"{word}{generation}", x=at, y="14", text_anchor="middle"))
        last = x
    return element("g", *ticks, class_="axis", aria_hidden="true")


def _edges(members: Mapping[int, Member], places: Mapping[int, Place]) -> Iterator[Element]:
    for i, place in places.items():
        member = members[i]
        if member.parent is not None:
            yield _edge(member.parent, i, places[member.parent], place, "edge")
        elif member.passed:
            x, y = LEFT + place.x, TOP + place.y
            yield element("path", d=f"M{x - GAP / 2:.1f} {y:.1f}H{x:.1f}", class_="edge older")
        for other in member.others:
            if other in places:
                yield _edge(other, i, places[other], place, "edge second")


def _edge(start: int, end: int, a: Place, b: Place, kind: str) -> Element:
    """Down to the child's row within one step, then straight on, so that it crosses no other line's pictures."""
    x, y, to_x, to_y = LEFT + a.x, TOP + a.y, LEFT + b.x, TOP + b.y
    turn = min(GAP, to_x - x)
    curve = f"C{x + turn * 0.55:.1f} {y:.1f} {x + turn * 0.3:.1f} {to_y:.1f} {x + turn:.1f} {to_y:.1f}"
    path = f"M{x:.1f} {y:.1f}" + ("" if abs(to_y - y) < ROW / 4 else curve) + f"H{to_x:.1f}"
    return element("path", d=path, class_=kind, data_from=start, data_to=end)


def _node(member: Member, place: Place, label: str, is_shown: bool) -> Element:
    edge = SHOWN if is_shown else JOINING
    return element(
        "a",
        element("title", label),
        thumbnail(member.id, LEFT + place.x, TOP + place.y, edge),
        href=f"#{member.id}",
        class_="node shown" if is_shown else "node",
        data_id=member.id,
        aria_label=label,
    )

"""HTML and SVG as trees of elements, so that no text of a user can be taken for markup."""

from __future__ import annotations

from typing import TypeAlias
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

Child: TypeAlias = "Element | str | None"


def element(tag: str, *children: Child, **attributes: object) -> Element:
    """An element with text and elements in it.

    Args:
        children: in order; None is left out.
        attributes: `class_` is `class`, `data_id` is `data-id`; None is left out.

    >>> to_html(element("p", "1 < 2 ", element("b", "yes", class_="loud"), None, " & so on"))
    '<p>1 &lt; 2 <b class="loud">yes</b> &amp; so on</p>'
    """
    named = {name.rstrip("_").replace("_", "-"): str(value) for name, value in attributes.items() if value is not None}
    made = Element(tag, named)
    for child in children:
        if isinstance(child, Element):
            made.append(child)
        elif child and len(made):
            made[-1].tail = (made[-1].tail or "") + child
        elif child:
            made.text = (made.text or "") + child
    return made


def to_html(made: Element) -> str:
    """The text of an element, every special character of its texts and attributes escaped."""
    return ElementTree.tostring(made, encoding="unicode", method="html")

"""Lets nothing of a drawing through but shapes and text: it stands in a page, and holds what anybody may have sent."""

import re
from html import escape
from typing import Final
from xml.etree import ElementTree as ET

from markupsafe import Markup

SVG: Final = "{http://www.w3.org/2000/svg}"
SIZE_LIMIT: Final = 4 * 2**20
"""Characters of a drawing."""
ELEMENTS: Final = frozenset({"svg", "g", "path", "rect", "line", "circle", "text", "tspan"})
PASSED_OVER: Final = frozenset({"defs"})
"""What cuts shapes off at the edge, where nothing of ours reaches."""
_PLAIN = re.compile(r"[\w\s.,:%#()+-]*", re.ASCII)
ATTRIBUTES: Final = frozenset({
    "width", "height", "viewBox", "transform", "d", "x", "y", "x1", "x2", "y1", "y2", "r", "cx", "cy", "dx", "dy", "rx",
    "ry", "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-linecap", "stroke-linejoin",
    "stroke-miterlimit", "stroke-dasharray", "opacity", "font-size", "font-weight", "font-style", "text-anchor",
    "dominant-baseline", "display",
})  # fmt: skip
"""None of them can hold more than numbers, words and colours."""


class UnsafeDrawing(Exception):
    """A drawing is not in the form that the library makes; the text says what is in it."""


def inlined(svg: str, *, name: str, description: str, id: str) -> Markup:
    """Return a drawing to be put into a page: it has a title and a description, and its marks tell their values.

    Args:
        svg: as the library made it.
        name: the title.
        description: in a sentence or two.
        id: to refer to, no other on the page begins so.

    Raises:
        UnsafeDrawing: it is none that the library makes.
    """
    if len(svg) > SIZE_LIMIT or "<!" in svg or "<?" in svg:
        raise UnsafeDrawing("the drawing is too large, or declares entities")
    root = ET.fromstring(svg)  # noqa: S314  bounded, and without a declaration nothing expands
    parts: list[str] = []
    _write(root, parts, head=_head(root, name, description, id))
    return Markup("".join(parts))  # noqa: S704  made of allowed names, and of values that are escaped


def _head(root: ET.Element, name: str, description: str, id: str) -> str:
    if root.tag != f"{SVG}svg":
        raise UnsafeDrawing(f"the drawing is a {root.tag}")
    return (
        f' class="chart-drawing" role="img" aria-labelledby="{escape(id)}-title {escape(id)}-description">'
        f'<title id="{escape(id)}-title">{escape(name)}</title>'
        f'<desc id="{escape(id)}-description">{escape(description)}</desc>'
    )


def _write(element: ET.Element, parts: list[str], head: str = ">") -> None:
    tag = element.tag.removeprefix(SVG)
    if tag in PASSED_OVER or element.get("display") == "none":
        return
    if tag not in ELEMENTS:
        raise UnsafeDrawing(f"the drawing holds the element {tag[:40]}")
    parts.append(f"<{tag}")
    for attribute, value in element.attrib.items():
        if attribute in ATTRIBUTES:
            if not _PLAIN.fullmatch(value):
                raise UnsafeDrawing(f"the attribute {attribute} of {tag} holds {value[:40]!r}")
            parts.append(f' {attribute}="{value}"')
    parts.append(head)
    # Pointing at a mark shows its title, which needs no script.
    if (said := element.get("aria-label")) is not None and element.get("role") == "graphics-symbol":
        parts.append(f"<title>{escape(said)}</title>")
    parts.append(escape(element.text or ""))
    for child in element:
        _write(child, parts)
        parts.append(escape(child.tail or ""))
    parts.append(f"</{tag}>")

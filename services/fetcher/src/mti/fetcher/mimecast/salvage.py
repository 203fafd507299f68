"""Takes a STIX bundle apart that no parser takes whole, so that one odd object does not sink its page.

The text is cut into the elements of `objects` by its brackets and quotes alone, and each is read by itself. What can't
be read is left as its text. A text that is not closed at its end is no bundle: it may be cut short.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Final

import orjson
from pydantic import JsonValue

_TEXT = rb'"(?:[^"\\]|\\.)*"'
_TOKEN: Final = re.compile(_TEXT + rb"|[{}\[\],]", re.DOTALL)
_OBJECTS: Final = re.compile(rb"\s*:\s*\[")
_BUNDLE: Final = re.compile(rb'"type"\s*:\s*"bundle"')
_OUTLINE: Final = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*:\s*"((?:[^"\\]|\\.)*)"|' + _TEXT + rb"|[{}\[\]]", re.DOTALL)
_NAMES: Final = frozenset({b"type", b"id", b"source_ref", b"target_ref"})
_LONGEST_INTEGER: Final = 19
"""Digits; longer ones are numbers in floating point, as other parsers read them."""


class Unread(dict[str, JsonValue]):
    """An object that can't be read: what it says of itself and of whom it refers to, and its text."""

    def __init__(self, text: bytes) -> None:
        super().__init__(_outline(text))
        self.text = text


def bundle_in(data: bytes) -> dict[str, JsonValue] | None:
    """Return the bundle with its objects, `Unread` ones among them; `None` when the text is no whole bundle."""
    arrays, elements, closed = _spans(data)
    if not (arrays and closed):
        return None
    rest, at = b"", 0
    for start, end in arrays:
        rest += data[at:start]
        at = end
    try:
        bundle = orjson.loads(rest + data[at:])
    except orjson.JSONDecodeError:
        return None
    if not isinstance(bundle, dict):
        return None
    return {**bundle, "objects": _read(data, elements)}


def beginning_of(data: bytes) -> dict[str, JsonValue]:
    """Return a bundle of the whole objects in a text that may break off anywhere; without any when it is no bundle."""
    _, elements, _ = _spans(data)
    is_bundle = bool(_BUNDLE.search(data))
    return {"type": "bundle", "objects": _read(data, elements) if is_bundle else []}


def mended(text: bytes) -> JsonValue:
    """Read a JSON text whose characters may be broken; these become replacement characters.

    Raises:
        ValueError: it is no JSON, or holds a number that none is.
        RecursionError: it nests too deep.
    """
    found = json.loads(
        text.decode("utf-8", "replace"), parse_int=_integer, parse_float=_number, parse_constant=_no_number
    )
    whole: JsonValue = orjson.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    return whole


def _read(data: bytes, elements: Iterable[tuple[int, int]]) -> list[JsonValue]:
    texts = (data[start:end].strip() for start, end in elements)
    return [_element(text) for text in texts if text]


def _element(text: bytes) -> JsonValue:
    try:
        found: JsonValue = orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            found = mended(text)
        except (ValueError, RecursionError):
            return Unread(text)
    return found


def _integer(text: str) -> int | float:
    return int(text) if len(text) <= _LONGEST_INTEGER else _number(text)


def _number(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _no_number(text: str) -> float:
    raise ValueError(text[:40])


def _spans(data: bytes) -> tuple[list[tuple[int, int]], list[tuple[int, int]], bool]:
    """Return where the contents of `objects` are, where its elements are, and whether the text is closed."""
    depth, start, begun = 0, -1, 0
    arrays: list[tuple[int, int]] = []
    elements: list[tuple[int, int]] = []
    for token, at in _tokens(data):
        if token == b'"objects"' and depth == 1 and start < 0:
            opening = _OBJECTS.match(data, at + len(token))
            start = begun = opening.end() if opening else -1
        elif token in {b"{", b"["}:
            depth += 1
        elif token in {b"}", b"]"}:
            depth -= 1
            if depth == 1 and 0 <= start <= at:
                elements.append((begun, at))
                arrays.append((start, at))
                start = -1
        elif token == b"," and depth == 2 and 0 <= start <= at:
            elements.append((begun, at))
            begun = at + 1
    return arrays, elements, depth == 0


def _tokens(data: bytes) -> Iterator[tuple[bytes, int]]:
    for found in _TOKEN.finditer(data):
        yield found[0], found.start()


def _outline(text: bytes) -> dict[str, JsonValue]:
    """Return the names of an object that say what it belongs to, where they are texts."""
    found: dict[str, JsonValue] = {}
    depth = 0
    for match in _OUTLINE.finditer(text):
        if match[0] in {b"{", b"["}:
            depth += 1
        elif match[0] in {b"}", b"]"}:
            depth -= 1
        elif depth == 1 and match[1] in _NAMES:
            found[match[1].decode()] = match[2].decode("utf-8", "replace")
    return found

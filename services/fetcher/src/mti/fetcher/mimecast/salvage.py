"""Takes a STIX bundle apart that no parser takes whole, so that one odd object does not sink its page.

The elements of `objects` are read one after the other. What can't be read is left as its text, up to where the next
object begins that can. A text that does not end as a bundle does is none: it may be cut short.
"""

import json
import math
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

import orjson
from pydantic import JsonValue

_TEXT = r'"(?:[^"\\]|\\.)*"'
_OPENING: Final = re.compile(r'"objects"\s*:\s*\[')
_CLOSING: Final = re.compile(rf"\]\s*(?:,\s*{_TEXT}\s*:\s*(?:{_TEXT}|[\w.+-]+)\s*)*\}}\s*$")
"""The end of `objects`, and the simple fields of a bundle that may follow."""
_CLOSING_WITHIN: Final = 4096
_BETWEEN: Final = re.compile(r"[\s,]*")
_TOKEN: Final = re.compile(rf"{_TEXT}|[{{}}\[\],]")
_BOUNDARY: Final = re.compile(r"\}\s*,?\s*(?=\{)")
_BOUNDARIES: Final = 1000
"""How many places behind an odd object are tried before all the rest counts as part of it."""
_OUTLINE: Final = re.compile(rf'"(type|id|source_ref|target_ref)"\s*:\s*({_TEXT})|[{{}}\[\]]')
_LONGEST_INTEGER: Final = 19
"""Digits; longer ones are numbers in floating point, as other parsers read them."""


class Unread(dict[str, JsonValue]):
    """An object that can't be read: what it says of itself and of whom it refers to, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__(_outline(text))
        self.text = text.encode()


def bundle_in(data: bytes) -> dict[str, JsonValue] | None:
    """Return the bundle with its objects, `Unread` ones among them; `None` when the text is no whole bundle."""
    text = data.decode("utf-8", "replace")
    opening, closing = _OPENING.search(text), _CLOSING.search(text, max(0, len(text) - _CLOSING_WITHIN))
    if opening is None or closing is None or closing.start() < opening.end():
        return None
    try:
        bundle = orjson.loads(text[: opening.end()] + text[closing.start() :])
    except orjson.JSONDecodeError:
        return None
    return {**bundle, "objects": list(_elements(text, opening.end(), closing.start()))}


def mended(data: bytes) -> JsonValue:
    """Read a JSON text whose characters may be broken; these become replacement characters.

    Raises:
        ValueError: it is no JSON, or holds a number that none is.
        RecursionError: it nests too deep.
    """
    return _mended(_DECODER.decode(data.decode("utf-8", "replace")))


def merging_objects(data: bytes) -> JsonValue:
    """Read a JSON text in which `objects` is named twice: what stands under both counts.

    Raises:
        ValueError, RecursionError: see `mended`.
    """
    return _mended(_MERGING.decode(data.decode("utf-8", "replace")))


def _mended(document: JsonValue) -> JsonValue:
    whole: JsonValue = orjson.loads(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))
    return whole


def _elements(text: str, at: int, end: int) -> Iterator[JsonValue]:
    while (at := _after(_BETWEEN, text, at)) < end:
        following = _end_of(text, at, end)
        if following is None:
            following = min(_closed(text, at, end), _next_object(text, at + 1, end))
            yield Unread(text[at:following].rstrip(", \t\r\n"))
        else:
            yield _element(text[at:following])
        at = following


def _after(form: re.Pattern[str], text: str, at: int) -> int:
    match = form.match(text, at)
    return at if match is None else match.end()


def _end_of(text: str, at: int, end: int) -> int | None:
    """Return where the value ends that begins there; `None` when it can't be read, or something else follows."""
    try:
        _, after = _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None
    following = _after(_SPACE, text, after)
    return after if following >= end or text[following] in ",{" else None


def _closed(text: str, at: int, end: int) -> int:
    """Return where a value ends by its brackets and quotes, whatever is between them; the end if they do not match."""
    depth = 0
    for mark in _TOKEN.finditer(text, at, end):
        depth += (mark[0] in "{[") - (mark[0] in "}]")
        if depth < 0 or (depth == 0 and mark[0] in "}],"):
            return mark.end() - (mark[0] == ",")
    return end


def _next_object(text: str, at: int, end: int) -> int:
    """Return where the next object begins that can be read and is one of STIX, or the end."""
    for boundary in islice(_BOUNDARY.finditer(text, at, end), _BOUNDARIES):
        start = boundary.end()
        after = _end_of(text, start, end)
        if after is not None and {"type", "id"} <= _outline(text[start:after]).keys():
            return start
    return end


def _element(text: str) -> JsonValue:
    data = text.encode()
    try:
        element: JsonValue = orjson.loads(data)
    except orjson.JSONDecodeError:
        try:
            element = mended(data)
        except (ValueError, RecursionError):
            return Unread(text)
    return element


def _integer(text: str) -> int | float:
    return int(text) if len(text) <= _LONGEST_INTEGER else _number(text)


def _number(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _no_number(text: str) -> float:
    raise ValueError(text[:40])


def _pairs(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members = dict(pairs)
    lists = [value for name, value in pairs if name == "objects" and isinstance(value, list)]
    if len(lists) > 1:
        members["objects"] = [each for value in lists for each in value]
    return members


_SPACE: Final = re.compile(r"\s*")
_DECODER: Final = json.JSONDecoder(parse_int=_integer, parse_float=_number, parse_constant=_no_number)
_MERGING: Final = json.JSONDecoder(
    parse_int=_integer, parse_float=_number, parse_constant=_no_number, object_pairs_hook=_pairs
)


def _outline(text: str) -> dict[str, JsonValue]:
    """Return the names of an object that say what it belongs to, where they are texts: those that are not nested."""
    outline: dict[str, JsonValue] = {}
    depth = 0
    for match in _OUTLINE.finditer(text):
        if match[1] is None:
            depth += 1 if match[0] in "{[" else -1
        elif depth == 1:
            outline[match[1]] = match[2][1:-1]
    return outline

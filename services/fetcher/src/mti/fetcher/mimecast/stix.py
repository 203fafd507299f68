"""Groups the objects of a STIX 2.0 bundle by detection.

Mimecast writes three objects a detection: a malware, an indicator and the relationship between them. Nothing is
skipped, whatever it is: what belongs to no indicator becomes a record of its own, which is counted and judged later.
"""

from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import orjson
from pydantic import JsonValue

from mti.fetcher.mimecast.model import Record

SHARED_LIMIT: Final = 4096
"""Bytes of a malware object that is repeated with each indicator; Mimecast's have some hundred."""


class Outline(NamedTuple):
    """What of an object says what it belongs to. What is no text refers to nothing."""

    type: object
    id: object
    source_ref: object
    target_ref: object


_NOTHING: Final = Outline(None, None, None, None)
_ENDS: Final = ("indicator", "malware")


def records_of(objects: Sequence[JsonValue]) -> list[Record]:
    """Return one record a detection: see `grouped`."""
    outlines = [_outline(element) for element in objects]
    return [[objects[place] for place in places] for places in grouped(outlines, lambda at: _size(objects[at]))]


def grouped(outlines: Sequence[Outline], size: Callable[[int], int]) -> list[list[int]]:
    """Return the places of the objects of each record, in the order of the indicators, those in the bundle's order.

    A malware that several indicators are related to is in the record of each, unless it is so large that a page would
    grow by it without measure: then it is a record of its own. Where several objects share an id, a relationship means
    the one that stands nearest to it.

    Args:
        outlines: of the bundle's objects.
        size: returns the bytes of the object at a place.
    """
    places = _places(outlines)
    joined: dict[int, set[int]] = defaultdict(set)
    users: dict[int, set[int]] = defaultdict(set)
    for place, outline in enumerate(outlines):
        if outline.type != "relationship":
            continue
        indicator = _nearest(places, outline.source_ref, "indicator--", place)
        if indicator is None:
            continue
        joined[indicator].add(place)
        malware = _nearest(places, outline.target_ref, "malware--", place)
        if malware is not None:
            users[malware].add(indicator)
    for malware, indicators in users.items():
        if len(indicators) == 1 or size(malware) <= SHARED_LIMIT:
            for indicator in indicators:
                joined[indicator].add(malware)
    taken = {place for members in joined.values() for place in members}
    return [sorted({place, *joined.get(place, ())}) for place in range(len(outlines)) if place not in taken]


def _outline(element: JsonValue) -> Outline:
    if not isinstance(element, dict):
        return _NOTHING
    return Outline(element.get("type"), element.get("id"), element.get("source_ref"), element.get("target_ref"))


def _size(element: JsonValue) -> int:
    try:
        return len(orjson.dumps(element))
    except orjson.JSONEncodeError:
        return SHARED_LIMIT + 1


def _places(outlines: Sequence[Outline]) -> dict[str, list[int]]:
    """Return where each object that can be referred to is, by its id."""
    places: dict[str, list[int]] = {}
    for place, outline in enumerate(outlines):
        if outline.type in _ENDS and isinstance(outline.id, str):
            places.setdefault(outline.id, []).append(place)
    return places


def _nearest(places: dict[str, list[int]], reference: object, kind: str, place: int) -> int | None:
    """Return where the object of that kind is that a relationship refers to, the nearest one of several."""
    if not isinstance(reference, str) or not reference.startswith(kind):
        return None
    candidates = places.get(reference)
    if candidates is None or len(candidates) == 1:
        return candidates[0] if candidates else None
    at = bisect(candidates, place)
    return min(candidates[max(0, at - 1) : at + 1], key=lambda candidate: abs(candidate - place))

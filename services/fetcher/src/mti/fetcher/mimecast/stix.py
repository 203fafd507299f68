"""Groups the objects of a STIX 2.0 bundle by detection.

Mimecast writes three objects a detection: a malware, an indicator and the relationship between them. Nothing is
skipped, whatever it is: what belongs to no indicator becomes a record of its own, which is counted and judged later.
"""

from bisect import bisect
from collections import defaultdict
from collections.abc import Sequence

import orjson
from pydantic import JsonValue

from mti.fetcher.mimecast.model import Record


def records_of(objects: Sequence[JsonValue]) -> list[Record]:
    """Return one record a detection, in the order of the indicators, its objects in the order of the bundle.

    A malware that several indicators are related to is in the record of each, unless it is so large that a page would
    grow by it without measure: then it is a record of its own. Where several objects share an id, a relationship means
    the one that stands nearest to it.
    """
    places = _places(objects)
    joined: dict[int, set[int]] = defaultdict(set)
    users: dict[int, set[int]] = defaultdict(set)
    for place, element in enumerate(objects):
        indicator = _nearest(places[_reference(element, "source_ref", "indicator")], place)
        if indicator is None:
            continue
        joined[indicator].add(place)
        malware = _nearest(places[_reference(element, "target_ref", "malware")], place)
        if malware is not None:
            users[malware].add(indicator)
    for malware, indicators in users.items():
        if len(indicators) == 1 or not _is_large(objects[malware]):
            for indicator in indicators:
                joined[indicator].add(malware)
    taken = {place for members in joined.values() for place in members}
    return [
        [objects[member] for member in sorted({place, *joined.get(place, ())})]
        for place in range(len(objects))
        if place not in taken
    ]


SHARED_LIMIT = 4096
"""Bytes of a malware object that is repeated with each indicator; Mimecast's have some hundred."""


def _is_large(element: JsonValue) -> bool:
    try:
        return len(orjson.dumps(element)) > SHARED_LIMIT
    except orjson.JSONEncodeError:
        return True


def _places(objects: Sequence[JsonValue]) -> defaultdict[str, list[int]]:
    """Return where each object that can be referred to is, by its id."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, element in enumerate(objects):
        if isinstance(element, dict) and isinstance(id := element.get("id"), str) and element.get("type") in _ENDS:
            places[id].append(place)
    return places


def _nearest(candidates: Sequence[int], place: int) -> int | None:
    at = bisect(candidates, place)
    return min(candidates[max(0, at - 1) : at + 1], key=lambda candidate: abs(candidate - place), default=None)


_ENDS = ("indicator", "malware")


def _reference(element: JsonValue, name: str, kind: str) -> str:
    """Return whom a relationship refers to, if it is one of that kind; else what nobody is called."""
    if not isinstance(element, dict) or element.get("type") != "relationship":
        return ""
    reference = element.get(name)
    return reference if isinstance(reference, str) and reference.startswith(f"{kind}--") else ""

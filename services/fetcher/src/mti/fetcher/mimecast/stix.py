"""Groups the objects of a STIX 2.0 bundle by detection.

Mimecast writes three objects a detection: a malware, an indicator and the relationship between them. Nothing is
skipped, whatever it is: what belongs to no indicator becomes a record of its own, which is counted and judged later.
"""

from collections import defaultdict
from collections.abc import Sequence

from pydantic import JsonValue

from mti.fetcher.mimecast.model import Record


def records_of(objects: Sequence[JsonValue]) -> list[Record]:
    """Return one record a detection, in the order of the indicators, its objects in the order of the bundle.

    A malware that several indicators are related to is in the record of each.
    """
    places = _places(objects)
    joined: dict[int, set[int]] = defaultdict(set)
    for place, found in enumerate(objects):
        indicator = places.get(_reference(found, "source_ref", "indicator"))
        if indicator is None:
            continue
        joined[indicator].add(place)
        malware = places.get(_reference(found, "target_ref", "malware"))
        if malware is not None:
            joined[indicator].add(malware)
    taken = {place for members in joined.values() for place in members}
    return [
        [objects[member] for member in sorted({place, *joined.get(place, ())})]
        for place in range(len(objects))
        if place not in taken
    ]


def _places(objects: Sequence[JsonValue]) -> dict[str, int]:
    """Return where each object that can be referred to is; the first of those that share an id."""
    places: dict[str, int] = {}
    for place, found in enumerate(objects):
        if isinstance(found, dict) and isinstance(id := found.get("id"), str) and found.get("type") in _ENDS:
            places.setdefault(id, place)
    return places


_ENDS = ("indicator", "malware")


def _reference(found: JsonValue, name: str, kind: str) -> str:
    """Return whom a relationship refers to, if it is one of that kind; else what nobody is called."""
    if not isinstance(found, dict) or found.get("type") != "relationship":
        return ""
    reference = found.get(name)
    return reference if isinstance(reference, str) and reference.startswith(f"{kind}--") else ""

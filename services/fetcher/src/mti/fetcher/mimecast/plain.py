"""Reads a STIX bundle whose objects are all in the plain form, as nearly every page is."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec
from msgspec import Struct

from mti.common.contracts.plain import UNREAD, PlainObject, PlainRecord, PlainRecords, written_plain
from mti.fetcher.mimecast.stix import Outline, grouped


class _Bundle(Struct, forbid_unknown_fields=True):
    type: Literal["bundle"]
    objects: list[PlainObject]
    id: str = ""
    spec_version: str = ""


_DECODER: Final = msgspec.json.Decoder(_Bundle)


def bundle_in(data: bytes) -> list[PlainObject] | None:
    """Return the objects of a bundle; `None` unless it is plain."""
    try:
        return _DECODER.decode(data).objects
    except UNREAD:
        return None


def records_of(objects: Sequence[PlainObject]) -> PlainRecords:
    """Return one record a detection, as `stix.records_of` would."""
    found = _in_threes(objects)
    if found is not None:
        return found
    outlines = [Outline(each.type, each.id, each.source_ref, each.target_ref) for each in objects]
    places = grouped(outlines, lambda place: len(written_plain([[objects[place]]])) - 4)
    return PlainRecords([objects[place] for place in members] for members in places)


def _in_threes(objects: Sequence[PlainObject]) -> PlainRecords | None:
    """Return the records where each is a malware, its indicator and their relationship, side by side, and no id is
    given twice; `None` where anything is otherwise.
    """
    records = PlainRecords()
    ids: set[object] = set()
    one_by_one = iter(objects)
    for malware, indicator, relationship in zip(one_by_one, one_by_one, one_by_one, strict=False):
        if not _belong_together(malware, indicator, relationship):
            return None
        ids.add(malware.id)
        ids.add(indicator.id)
        records.append([malware, indicator, relationship])
    return records if 3 * len(records) == len(objects) and len(ids) == 2 * len(records) else None


def _belong_together(malware: PlainObject, indicator: PlainObject, relationship: PlainObject) -> bool:
    source, target = relationship.source_ref, relationship.target_ref
    return (
        relationship.type == "relationship"
        and indicator.type == "indicator"
        and malware.type == "malware"
        and source == indicator.id
        and target == malware.id
        and isinstance(source, str)
        and isinstance(target, str)
        and source.startswith("indicator--")
        and target.startswith("malware--")
    )


__all__ = ["PlainRecord", "bundle_in", "records_of"]

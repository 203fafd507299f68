"""The plain form of a detection's objects, which nearly all have: texts, and lists of texts, under names of STIX 2.0.

What is of this form is read and written at the speed of its bytes, and comes out of a message as it went in. What is
read as plain is exactly what a parser reads as the same JSON; where anything is different (another name, a number, a
broken character) nothing is read, and the caller takes the way of all JSON.
"""

from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType
from pydantic import JsonValue

UNREAD: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder of this form raises for what is not of it."""

Text = str | UnsetType
Texts = list[str] | UnsetType


class PlainObject(Struct, forbid_unknown_fields=True, gc=False):
    """A malware, an indicator or a relationship. Its fields stand in the order in which they are written.

    https://docs.oasis-open.org/cti/stix/v2.0/stix-v2.0-part2-stix-objects.html
    """

    created: Text = UNSET
    created_by_ref: Text = UNSET
    description: Text = UNSET
    id: Text = UNSET
    labels: Texts = UNSET
    lang: Text = UNSET
    modified: Text = UNSET
    name: Text = UNSET
    object_marking_refs: Texts = UNSET
    pattern: Text = UNSET
    relationship_type: Text = UNSET
    source_ref: Text = UNSET
    spec_version: Text = UNSET
    target_ref: Text = UNSET
    type: Text = UNSET
    valid_from: Text = UNSET
    valid_until: Text = UNSET


PlainRecord = list[PlainObject]
_ENCODER: Final = msgspec.json.Encoder()


class PlainRecords(list[PlainRecord]):
    """Detections in the plain form."""

    __slots__ = ()

    def as_json(self) -> list[list[JsonValue]]:
        """Return them as a parser of JSON would have."""
        found: Any = [[msgspec.to_builtins(each) for each in record] for record in self]
        whole: list[list[JsonValue]] = found
        return whole


def written_plain(records: list[PlainRecord]) -> bytes:
    """Return records as canonical JSON: sorted names, no blanks, without what is unset."""
    return _ENCODER.encode(records)

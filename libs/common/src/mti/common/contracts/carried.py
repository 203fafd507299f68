"""Indicators on their way through a service that changes hardly any of them: as JSON, with what decides about them.

Most objects of a message are uploaded as they came. To make a model of each and JSON of that again costs many times
what it costs to read and write the JSON. So an object whose JSON is in the form that `Indicator` would write stays what
it is. Any other is made an `Indicator` first, and so is refused or brought into that form as it always was.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from types import NoneType, UnionType
from typing import Any, Final, Literal, Self, get_args, get_origin

import orjson
from pydantic import AwareDatetime, JsonValue

from mti.common.contracts.body import decode, decompress, envelope_for
from mti.common.contracts.indicators import OBJECTS_LIMIT, Indicator, IndicatorBatch, timestamp
from mti.common.ports.bus import Received

_STAMP: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """One indicator."""

    wire: Mapping[str, JsonValue]
    """All of it, as `Indicator` writes it: without what is unset."""
    id: str
    pattern: str
    modified: datetime
    """The version."""
    valid_until: datetime
    revoked: bool | None

    @classmethod
    def of(cls, indicator: Indicator) -> Self:
        """Return the form in which an indicator is carried."""
        wire = indicator.model_dump(mode="json", exclude_none=True)
        return cls(wire, indicator.id, indicator.pattern, indicator.modified, indicator.valid_until, indicator.revoked)

    def __eq__(self, other: object) -> bool:
        """Say whether it is the same indicator in the same version."""
        return isinstance(other, Carried) and self.wire == other.wire

    __hash__ = None  # type: ignore[assignment]  # what it holds can't be hashed

    @property
    def indicator(self) -> Indicator:
        """The model of it."""
        return Indicator.model_validate(self.wire)

    def under(self, id: str) -> "Carried":
        """Return it under another id."""
        return Carried({**self.wire, "id": id}, id, self.pattern, self.modified, self.valid_until, self.revoked)

    def withdrawn(self, modified: datetime) -> "Carried":
        """Return its revocation, of another version."""
        wire = {**self.wire, "modified": timestamp(modified), "revoked": True}
        return Carried(wire, self.id, self.pattern, modified, self.valid_until, revoked=True)


@dataclass(frozen=True, slots=True)
class CarriedBatch:
    """What a message of indicators holds; see `IndicatorBatch`."""

    source: str
    objects: Sequence[Carried]


def decode_carried(message: Received) -> tuple[str, CarriedBatch]:
    """Read a message of indicators, and return the source that its envelope names (`/sources/ID`) and what it holds.

    Raises:
        UnsupportedSchema, Poison: see `mti.common.contracts.decode`.
    """
    envelope = envelope_for(message, IndicatorBatch)
    try:
        document: object = orjson.loads(decompress(message.body))
    except ValueError:
        document = None
    batch = _batch(document)
    if batch is None:
        _, read = decode(message, IndicatorBatch)
        batch = CarriedBatch(read.source, [Carried.of(indicator) for indicator in read.objects])
    return envelope.source, batch


def _batch(document: object) -> CarriedBatch | None:
    """Return what a body holds if all of it is in form."""
    if not isinstance(document, dict):
        return None
    source, objects = document.get("source"), document.get("objects")
    if not isinstance(source, str) or not isinstance(objects, list) or not 0 < len(objects) <= OBJECTS_LIMIT:
        return None
    carried = [_carried(found) for found in objects]
    found = [each for each in carried if each is not None]
    return CarriedBatch(source, found) if len(found) == len(carried) else None


def _carried(found: object) -> Carried | None:
    """Return an object if it is in the form that `Indicator` writes."""
    if not isinstance(found, dict) or not (found.keys() >= _ALWAYS and found.keys() <= _FIELDS):
        return None
    if {*map(type, _texts(found))} != _TEXT or _words(found) != _WORDS or not _of_types(found):
        return None
    created, modified, valid_from, valid_until = map(_moment, _stamps(found))
    if created is None or modified is None or valid_from is None or valid_until is None:
        return None
    return Carried(found, found["id"], found["pattern"], modified, valid_until, found.get("revoked"))


def _of_types(found: dict[str, Any]) -> bool:
    for name, expected in _TYPES.items():
        if name in found and type(found[name]) is not expected:
            return False
    for name in _LISTS:
        if found[name] and {*map(type, found[name])} != _TEXT:
            return False
    for name, fields in _ROWS.items():
        for row in found[name]:
            if type(row) is not dict or row.keys() != fields or {*map(type, row.values())} != _TEXT:
                return False
    return True


@lru_cache(maxsize=16384)
def _moment(text: str) -> datetime | None:
    """Return the time of a STIX timestamp as we write it; `None` for any other text."""
    if _STAMP.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _kind(annotation: object) -> object:
    """Return what a field holds but for `None`."""
    if isinstance(annotation, UnionType):
        [annotation] = [each for each in get_args(annotation) if each is not NoneType]
    return annotation


def _json_type(kind: object) -> type:
    """Return the type of a field's JSON."""
    origin = get_origin(kind) or kind
    if origin is Literal or origin is AwareDatetime:
        return str
    return origin if isinstance(origin, type) and origin in (str, int, bool, list, dict) else dict


_KINDS: Final = {name: _kind(field.annotation) for name, field in Indicator.model_fields.items()}
_FIELDS: Final = frozenset(_KINDS)
_ALWAYS: Final = frozenset(
    name
    for name, field in Indicator.model_fields.items()
    if field.is_required() or field.get_default(call_default_factory=True) is not None
)
"""The fields that `Indicator` always writes."""
_TYPES: Final = {
    name: _json_type(kind) for name, kind in _KINDS.items() if name not in _ALWAYS or _json_type(kind) is not str
}
_TEXT: Final = {str}
_INNER: Final = {name: get_args(kind)[0] for name, kind in _KINDS.items() if get_origin(kind) is list}
_LISTS: Final = [name for name, inner in _INNER.items() if inner is str]
_ROWS: Final = {name: frozenset(inner.model_fields) for name, inner in _INNER.items() if inner is not str}
"""Fields that hold lists of small models, whose every field is text."""
_LITERAL: Final = [name for name, kind in _KINDS.items() if get_origin(kind) is Literal]
_WORDS: Final = tuple(get_args(_KINDS[name])[0] for name in _LITERAL)
_words: Callable[[Any], tuple[Any, ...]] = itemgetter(*_LITERAL)
_texts: Callable[[Any], tuple[Any, ...]] = itemgetter(
    *(name for name, kind in _KINDS.items() if name in _ALWAYS and _json_type(kind) is str)
)
_stamps: Callable[[Any], tuple[Any, ...]] = itemgetter("created", "modified", "valid_from", "valid_until")

"""Indicators on their way through a service that changes hardly any of them: as they are written, with what decides.

Most objects of a message are uploaded as they came. To make a model of each and JSON of that again costs many times
what it costs to read and write the JSON. So an object whose JSON is in the form that `Indicator` would write is read in
that form, and written in it. Any other is made an `Indicator` first, and so is refused or brought into that form as it
always was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, Struct
from msgspec.structs import replace
from pydantic import JsonValue

from mti.common.contracts.body import decode, decompress, envelope_for
from mti.common.contracts.indicators import OBJECTS_LIMIT, Indicator, IndicatorBatch, timestamp
from mti.common.contracts.plain import UNREAD
from mti.common.contracts.written_indicator import WrittenIndicator, written_contents, written_objects
from mti.common.ports.bus import Received


class Carried(Struct, frozen=True, gc=False):
    """One indicator. Two are equal when they are the same indicator in the same version.

    It is kept as text, made while its fields are at hand: those of a batch, twenty small objects for each indicator,
    would lie all over the memory by the time at which they are sent and entered.
    """

    text: bytes
    """All of it, as `Indicator` writes it: canonical JSON."""
    content: bytes
    """What of it is neither its id nor of its version, without what every indicator has; canonical JSON."""
    id: str
    pattern: str
    modified: datetime
    """The version."""
    valid_until: datetime
    revoked: bool | None

    @classmethod
    def of(cls, indicator: Indicator) -> "Carried":
        """Return the form in which an indicator is carried."""
        written = msgspec.convert(indicator.model_dump(mode="json", exclude_none=True), WrittenIndicator)
        [carried] = _carried([written], [(indicator.modified, indicator.valid_until)])
        return carried

    @property
    def wire(self) -> Mapping[str, JsonValue]:
        """All of it, as JSON."""
        found: Any = msgspec.json.decode(self.text)
        whole: Mapping[str, JsonValue] = found
        return whole

    @property
    def indicator(self) -> Indicator:
        """The model of it."""
        return Indicator.model_validate(self.wire)

    def under(self, id: str) -> "Carried":
        """Return it under another id."""
        return replace(self, text=self._text_with(id=id), id=id)

    def withdrawn(self, modified: datetime) -> "Carried":
        """Return its revocation, of another version."""
        text = self._text_with(modified=timestamp(modified), revoked=True)
        return replace(self, text=text, modified=modified, revoked=True)

    def _text_with(self, **fields: str | bool) -> bytes:
        [text] = written_objects([replace(_INDICATOR.decode(self.text), **fields)])
        return text


@dataclass(frozen=True, slots=True)
class CarriedBatch:
    """What a message of indicators holds; see `IndicatorBatch`."""

    source: str
    objects: Sequence[Carried]


class _WrittenBatch(Struct, gc=False):
    source: str
    objects: Annotated[list[WrittenIndicator], Meta(min_length=1, max_length=OBJECTS_LIMIT)]


_INDICATOR: Final = msgspec.json.Decoder(WrittenIndicator)
_DECODER: Final = msgspec.json.Decoder(_WrittenBatch)


def decode_carried(message: Received) -> tuple[str, CarriedBatch]:
    """Read a message of indicators, and return the source that its envelope names (`/sources/ID`) and what it holds.

    Raises:
        UnsupportedSchema, Poison: see `mti.common.contracts.decode`.
    """
    envelope = envelope_for(message, IndicatorBatch)
    batch = _batch(message.body)
    if batch is None:
        _, read = decode(message, IndicatorBatch)
        batch = CarriedBatch(read.source, [Carried.of(indicator) for indicator in read.objects])
    return envelope.source, batch


def _batch(body: bytes) -> CarriedBatch | None:
    """Return what a body holds if all of it is in form."""
    try:
        read = _DECODER.decode(decompress(body))
    except (*UNREAD, ValueError):
        return None
    moments = _moments(
        [
            text
            for found in read.objects
            for text in (found.created, found.modified, found.valid_from, found.valid_until)
        ]
    )
    if moments is None:
        return None
    times = [(moments[found.modified], moments[found.valid_until]) for found in read.objects]
    return CarriedBatch(read.source, _carried(read.objects, times))


def _carried(objects: Sequence[WrittenIndicator], times: Sequence[tuple[datetime, datetime]]) -> list[Carried]:
    """Return indicators with their versions and until when they are valid."""
    texts, contents = written_objects(objects), written_contents(objects)
    return [
        Carried(
            text,
            content,
            found.id,
            found.pattern,
            modified,
            valid_until,
            None if found.revoked is UNSET else found.revoked,
        )
        for text, content, found, (modified, valid_until) in zip(texts, contents, objects, times, strict=True)
    ]


_FORM: Final = b"0000-00-00T00:00:00.000Z\n"
_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")


def _moments(texts: Sequence[str]) -> Mapping[str, datetime] | None:
    """Return the times of STIX timestamps by their texts; `None` where one is not as we write it.

    The form of all is looked at in one go, with each digit made a zero: a pattern costs ten times as much for each. No
    text can hold a line's end and pass, since there would be one too many.
    """
    lines = "\n".join(texts).encode(errors="replace") + b"\n"
    if lines.translate(_DIGITS) != _FORM * len(texts):
        return None
    try:
        return {text: datetime.fromisoformat(text) for text in set(texts)}
    except ValueError:
        return None

"""Indicators on their way through a service that changes hardly any of them: as they are written, with what decides.

Most objects of a message are uploaded as they came. To make a model of each and JSON of that again costs many times
what it costs to read and write the JSON. So an object whose JSON is in the form that `Indicator` would write is read in
that form, and written in it. Any other is made an `Indicator` first, and so is refused or brought into that form as it
always was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Self

import msgspec
from msgspec import UNSET, Meta, Struct
from pydantic import JsonValue

from mti.common.contracts.body import decode, decompress, envelope_for
from mti.common.contracts.indicators import OBJECTS_LIMIT, Indicator, IndicatorBatch, timestamp
from mti.common.contracts.plain import UNREAD
from mti.common.contracts.written_indicator import WrittenIndicator
from mti.common.ports.bus import Received


class Carried(Struct, frozen=True, gc=False):
    """One indicator. Two are equal when they are the same indicator in the same version."""

    written: WrittenIndicator
    """All of it, as `Indicator` writes it; not to be changed."""
    id: str
    pattern: str
    modified: datetime
    """The version."""
    valid_until: datetime
    revoked: bool | None

    @classmethod
    def of(cls, indicator: Indicator) -> Self:
        """Return the form in which an indicator is carried."""
        written = msgspec.convert(indicator.model_dump(mode="json", exclude_none=True), WrittenIndicator)
        return cls(
            written, indicator.id, indicator.pattern, indicator.modified, indicator.valid_until, indicator.revoked
        )

    @property
    def wire(self) -> Mapping[str, JsonValue]:
        """All of it, as JSON."""
        found: Any = msgspec.json.decode(msgspec.json.encode(self.written))
        whole: Mapping[str, JsonValue] = found
        return whole

    @property
    def indicator(self) -> Indicator:
        """The model of it."""
        return Indicator.model_validate(self.wire)

    def under(self, id: str) -> "Carried":
        """Return it under another id."""
        written = msgspec.structs.replace(self.written, id=id)
        return Carried(written, id, self.pattern, self.modified, self.valid_until, self.revoked)

    def withdrawn(self, modified: datetime) -> "Carried":
        """Return its revocation, of another version."""
        written = msgspec.structs.replace(self.written, modified=timestamp(modified), revoked=True)
        return Carried(written, self.id, self.pattern, modified, self.valid_until, revoked=True)


@dataclass(frozen=True, slots=True)
class CarriedBatch:
    """What a message of indicators holds; see `IndicatorBatch`."""

    source: str
    objects: Sequence[Carried]


class _WrittenBatch(Struct, gc=False):
    source: str
    objects: Annotated[list[WrittenIndicator], Meta(min_length=1, max_length=OBJECTS_LIMIT)]


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
    moments = _moments([text for found in read.objects for text in _times(found)])
    if moments is None:
        return None
    return CarriedBatch(
        read.source,
        [
            Carried(
                found,
                found.id,
                found.pattern,
                moments[found.modified],
                moments[found.valid_until],
                None if found.revoked is UNSET else found.revoked,
            )
            for found in read.objects
        ],
    )


def _times(found: WrittenIndicator) -> tuple[str, str, str, str]:
    return found.created, found.modified, found.valid_from, found.valid_until


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

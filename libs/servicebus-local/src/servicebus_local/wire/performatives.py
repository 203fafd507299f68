"""Frames from bytes to performatives whose fields have the types that they must have.

https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-transport-v1.0-os.html#section-performatives
"""

import struct
from types import NoneType
from typing import Any

from servicebus_local.amqp import codec, descriptors
from servicebus_local.errors import ProtocolViolation
from servicebus_local.wire import frames
from servicebus_local.wire.encoded import modifications_of

_FRAMING = "amqp:connection:framing-error"
_DECODING = "amqp:decode-error"
_WORD = 4
_AMQP, _SASL = 0, 1
_SMALL_ULONG = b"\x00\x53"
"""How nearly every performative begins, and the one beginning that the codec knows."""
_LISTS = {0x45, 0xC0, 0xD0}
_MALFORMED = (ValueError, IndexError, KeyError, TypeError, AttributeError, struct.error)
"""What the codec raises for bytes that are no AMQP."""

_NUMBER, _NUMBER_OR_NOT = int, (int, NoneType)
_BYTES, _BYTES_OR_NOT = bytes, (bytes, NoneType)
_LIST_OR_NOT, _MAP_OR_NOT = (list, NoneType), (dict, NoneType)
_TYPES: dict[int, tuple[tuple[int, Any], ...]] = {
    frames.SASL_INIT: ((0, _BYTES), (1, _BYTES_OR_NOT)),
    frames.OPEN: ((0, _BYTES), (2, _NUMBER), (3, _NUMBER), (4, _NUMBER_OR_NOT)),
    frames.BEGIN: ((1, _NUMBER), (2, _NUMBER), (3, _NUMBER)),
    frames.ATTACH: (
        (0, _BYTES),
        (1, _NUMBER),
        (2, bool),
        (3, _NUMBER),
        (4, _NUMBER),
        (5, _LIST_OR_NOT),
        (6, _LIST_OR_NOT),
        (9, _NUMBER_OR_NOT),
        (13, _MAP_OR_NOT),
    ),
    frames.FLOW: (
        (0, _NUMBER_OR_NOT),
        (1, _NUMBER),
        (2, _NUMBER),
        (3, _NUMBER),
        (4, _NUMBER_OR_NOT),
        (5, _NUMBER_OR_NOT),
        (6, _NUMBER_OR_NOT),
    ),
    frames.TRANSFER: ((0, _NUMBER), (1, _NUMBER_OR_NOT), (3, _NUMBER_OR_NOT)),
    frames.DISPOSITION: ((0, bool), (1, _NUMBER), (2, _NUMBER_OR_NOT), (4, _MAP_OR_NOT)),
    frames.DETACH: ((0, _NUMBER),),
    frames.END: (),
    frames.CLOSE: (),
}
"""The fields that somebody reads: what they must be."""


def decode(frame: memoryview, *, sasl: bool) -> tuple[int, list[Any]] | None:
    """The code and the fields of a frame, None for a heartbeat. Raises `ProtocolViolation`."""
    start, kind = frame[4] * _WORD, frame[5]
    if not frames.HEADER_SIZE <= start <= len(frame):
        raise ProtocolViolation(_FRAMING, f"the body of a frame of {len(frame)} bytes cannot begin at {start}")
    if kind != (_SASL if sasl else _AMQP):
        raise ProtocolViolation(_FRAMING, f"a frame of type {kind} cannot come now")
    if start == len(frame):
        return None
    body = frame[start:]
    try:
        code, fields = _decode(body)
    except _MALFORMED as error:
        raise ProtocolViolation(_DECODING, f"the body of a frame cannot be decoded: {error!r}") from error
    types = _TYPES.get(code)
    if types is None:
        raise ProtocolViolation("amqp:not-implemented", f"unknown performative {code:#x}")
    for index, kinds in types:
        if not isinstance(fields[index], kinds):
            raise ProtocolViolation(_DECODING, f"field {index} of performative {code:#x} is not of its type")
    return code, fields


def _decode(body: memoryview) -> tuple[int, list[Any]]:
    """As the codec does; a disposition has the properties that it changes as one field more."""
    if body[:2] != _SMALL_ULONG:
        number, value = descriptors.read(body, 0)
        body = memoryview(_SMALL_ULONG + bytes((number,)) + body[value:])
    if body[3] not in _LISTS:
        raise ProtocolViolation(_DECODING, "the body of a frame is no performative")
    code, fields = codec.decode_performative(body)
    if code == frames.DISPOSITION:
        fields[4] = _outcome(fields[4])
        fields.append(modifications_of(body, next(iter(fields[4]))) if isinstance(fields[4], dict) else {})
    return code, fields


def _outcome(state: codec.Decoded) -> codec.Decoded:
    """A delivery state whose descriptor is a symbol, as one whose descriptor is a number."""
    name = descriptors.OUTCOMES.get(getattr(state, "descriptor", None) or b"")
    return state if name is None else {name: state}

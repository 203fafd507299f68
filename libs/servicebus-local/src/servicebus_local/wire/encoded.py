"""Parts of what a client sent in the bytes that it sent them in, where the types of AMQP matter.

Decoding forgets them: a long and an int, a time and a number, a string and a binary become the same in Python.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from servicebus_local.amqp import codec
from servicebus_local.amqp import sections as s
from servicebus_local.filters import Scalar, TypedValue, value_of
from servicebus_local.messages.incoming import as_text

_DESCRIBED, _TIMESTAMP = 0x00, 0x83
_MAPS = (0xC1, 0xD1)
_LISTS = (0x45, 0xC0, 0xD0)
_LONGS = (0x44, 0x53, 0x55, 0x80, 0x81)
_STATE, _MESSAGE_ANNOTATIONS, _ERROR, _INFO = 4, 2, 0, 2
_INT_BITS = 31


def items_of(value: memoryview | None) -> dict[str, memoryview]:
    """The items of an encoded map by their names; none for what is no map. Raises `ValueError` or `IndexError`."""
    if value is None or value[0] not in _MAPS:
        return {}
    return {
        as_text(codec.decode_value(value[key:start])): value[start:end] for key, start, end in s.map_items(value, 0)
    }


def modifications_of(body: memoryview, outcome: str) -> Mapping[str, bytes]:
    """The properties that the disposition in a frame's body wants changed, with their encoded values.

    The service's clients put them into the `message-annotations` of `modified`, or the `info` of the error of
    `rejected`. Raises `ValueError` or `IndexError`.
    """
    state = _fields(body)[_STATE:]
    fields = _fields(state[0]) if state else []
    if outcome == "modified":
        fields = fields[_MESSAGE_ANNOTATIONS:]
    elif outcome == "rejected":
        fields = _fields(fields[_ERROR])[_INFO:] if fields else []
    else:
        return {}
    return {name: bytes(value) for name, value in items_of(fields[0] if fields else None).items()}


def _fields(value: memoryview) -> list[memoryview]:
    """The fields of a list, described or not; none for what is no list."""
    start = s.end_of_value(value, 1) if value[0] == _DESCRIBED else 0
    if value[start] not in _LISTS:
        return []
    return [value[a:b] for a, b in s.list_items(value, start)]


def scalar_of(value: memoryview) -> Scalar:
    """What a rule compares with, with the type that it came in where Python's does not tell it."""
    decoded = codec.decode_value(value)
    if value[0] == _TIMESTAMP:
        moment = datetime.fromtimestamp(decoded / 1000, UTC)
        return TypedValue(type="dateTime", text=moment.isoformat().replace("+00:00", "Z"))
    if value[0] in _LONGS:
        return TypedValue(type="long", text=str(decoded))
    return decoded if isinstance(decoded, bool | int | float) else as_text(decoded)


def encode_scalar(value: Scalar) -> bytes:
    """Encode what a rule compares with, in its type."""
    kind = value.type if isinstance(value, TypedValue) else None
    compared = value_of(value)
    if isinstance(compared, bool) or not isinstance(compared, int):
        return codec.encode_value(compared)
    if kind == "dateTime":
        return codec.encode_value(codec.timestamp(compared))
    if kind == "long" or not -(1 << _INT_BITS) <= compared < 1 << _INT_BITS:
        return codec.encode_value(codec.long(compared))
    return codec.encode_value(compared)

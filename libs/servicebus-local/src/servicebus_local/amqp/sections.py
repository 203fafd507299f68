"""Where the sections and values of an encoded message begin and end, without decoding them.

https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-messaging-v1.0-os.html#section-message-format
"""

from collections.abc import Iterator
from typing import NamedTuple

from servicebus_local.amqp import descriptors

HEADER = 0x70
DELIVERY_ANNOTATIONS = 0x71
MESSAGE_ANNOTATIONS = 0x72
PROPERTIES = 0x73
APPLICATION_PROPERTIES = 0x74
DATA = 0x75
VALUE = 0x77

SECTION_HEAD = 3
"""Bytes of the descriptor before a section's value."""

_DESCRIBED = 0x00
_SMALL_ULONG = 0x53
_EMPTY_LIST = 0x45
# The high nibble of a constructor tells the width of a fixed value, or of the size that leads a variable one.
_FIXED_WIDTHS = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}
_SIZE_WIDTHS = {0xA: 1, 0xB: 4, 0xC: 1, 0xD: 4, 0xE: 1, 0xF: 4}


class UnusualDescriptor(ValueError):
    """A section's descriptor is written in another way than in one byte: `canonical` mends it."""


class Section(NamedTuple):
    """One section: its code, and where it lies with and without the descriptor."""

    code: int
    start: int
    value: int
    end: int


def end_of_value(buffer: memoryview, position: int) -> int:
    """Where the value that starts at `position` ends. Raises `ValueError` or `IndexError` when it is malformed."""
    constructor = buffer[position]
    position += 1
    if constructor == _DESCRIBED:
        return end_of_value(buffer, end_of_value(buffer, position))
    nibble = constructor >> 4
    if nibble in _FIXED_WIDTHS:
        position += _FIXED_WIDTHS[nibble]
    elif nibble in _SIZE_WIDTHS:
        width = _SIZE_WIDTHS[nibble]
        position += width + int.from_bytes(buffer[position : position + width], "big")
    else:
        raise ValueError(f"unknown AMQP constructor {constructor:#04x}")
    if position > len(buffer):
        raise ValueError("an AMQP value ends behind the end of the message")
    return position


def sections(buffer: memoryview) -> Iterator[Section]:
    """The sections of an encoded message, in the order in which they lie.

    Raises `ValueError` or `IndexError`; `UnusualDescriptor` for what `canonical` mends.
    """
    position = 0
    while position < len(buffer):
        if buffer[position] != _DESCRIBED or buffer[position + 1] != _SMALL_ULONG:
            raise UnusualDescriptor("a message section does not start with its descriptor")
        value = position + SECTION_HEAD
        end = end_of_value(buffer, value)
        yield Section(buffer[position + 2], position, value, end)
        position = end


def canonical(buffer: memoryview) -> memoryview:
    """The message with each section's descriptor in one byte. Raises `ValueError` or `IndexError`."""
    written, position = bytearray(), 0
    while position < len(buffer):
        number, value = descriptors.read(buffer, position)
        position = end_of_value(buffer, value)
        written += bytes((_DESCRIBED, _SMALL_ULONG, number)) + buffer[value:position]
    return memoryview(bytes(written))


def map_items(buffer: memoryview, position: int) -> Iterator[tuple[int, int, int]]:
    """Key start, value start and end of each item of the map that starts at `position`."""
    end = end_of_value(buffer, position)
    position += 3 if buffer[position] >> 4 == 0xC else 9
    while position < end:
        value = end_of_value(buffer, position)
        after = end_of_value(buffer, value)
        yield position, value, after
        position = after


def list_items(buffer: memoryview, position: int) -> Iterator[tuple[int, int]]:
    """Start and end of each item of the list that starts at `position`."""
    end, constructor = end_of_value(buffer, position), buffer[position]
    if constructor == _EMPTY_LIST:
        return
    position += 3 if constructor >> 4 == 0xC else 9
    while position < end:
        after = end_of_value(buffer, position)
        yield position, after
        position = after

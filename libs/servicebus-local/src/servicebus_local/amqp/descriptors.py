"""The descriptors of composite types, in each of the ways that AMQP lets them be written.

A descriptor is a number, in one byte or eight, or a symbol:
https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-types-v1.0-os.html#section-descriptor-values.
"""

_SMALL_ULONG, _ULONG, _SYMBOL_8, _SYMBOL_32 = 0x53, 0x80, 0xA3, 0xB3

OUTCOMES = {
    b"amqp:received:list": "received",
    b"amqp:accepted:list": "accepted",
    b"amqp:rejected:list": "rejected",
    b"amqp:released:list": "released",
    b"amqp:modified:list": "modified",
}
"""The delivery states by their symbols, as the codec names those that come with a number."""

_SYMBOLS = {
    b"amqp:open:list": 0x10,
    b"amqp:begin:list": 0x11,
    b"amqp:attach:list": 0x12,
    b"amqp:flow:list": 0x13,
    b"amqp:transfer:list": 0x14,
    b"amqp:disposition:list": 0x15,
    b"amqp:detach:list": 0x16,
    b"amqp:end:list": 0x17,
    b"amqp:close:list": 0x18,
    b"amqp:sasl-init:list": 0x41,
    b"amqp:sasl-response:list": 0x43,
    b"amqp:header:list": 0x70,
    b"amqp:delivery-annotations:map": 0x71,
    b"amqp:message-annotations:map": 0x72,
    b"amqp:properties:list": 0x73,
    b"amqp:application-properties:map": 0x74,
    b"amqp:data:binary": 0x75,
    b"amqp:amqp-sequence:list": 0x76,
    b"amqp:amqp-value:*": 0x77,
    b"amqp:footer:map": 0x78,
}
"""What a client may begin a frame or a section of a message with."""


def read(buffer: memoryview, position: int) -> tuple[int, int]:
    """Read the descriptor of the described value at `position`; returns its number, and where the value begins.

    Raises `ValueError` when there is no descriptor, or one that is unknown, and `IndexError` when it is cut off.
    """
    if buffer[position] != 0:
        raise ValueError("a described value does not start with its descriptor")
    constructor, position = buffer[position + 1], position + 2
    if constructor == _SMALL_ULONG:
        return buffer[position], position + 1
    if constructor == _ULONG:
        number = int.from_bytes(buffer[position : position + 8], "big")
        if number in _NUMBERS:
            return number, position + 8
        raise ValueError(f"unknown descriptor {number:#x}")
    if constructor not in (_SYMBOL_8, _SYMBOL_32):
        raise ValueError(f"a descriptor is a number or a symbol, not {constructor:#04x}")
    width = 1 if constructor == _SYMBOL_8 else 4
    start = position + width
    end = start + int.from_bytes(buffer[position:start], "big")
    number_of = _SYMBOLS.get(bytes(buffer[start:end]))
    if number_of is None:
        raise ValueError(f"unknown descriptor {bytes(buffer[start : min(end, start + 64)])!r}")
    return number_of, end


_NUMBERS = frozenset(_SYMBOLS.values())

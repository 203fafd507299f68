"""The MessageId that the service gives to a message that comes without one.

Not every client sets one, and some cannot settle a message that has none.
"""

import uuid

from servicebus_local.amqp import sections as s

_NULL = 0x40
_HEAD = b"\x00\x53\x73"


def identified(buffer: memoryview) -> memoryview:
    """Return the encoded message, with a new MessageId when it has none. Raises what `sections` raises."""
    properties, before = None, len(buffer)
    for section in s.sections(buffer):
        if section.code == s.PROPERTIES:
            properties = section
        elif section.code > s.PROPERTIES:
            before = min(before, section.start)
    if properties is None:
        return memoryview(b"".join((buffer[:before], _with_id([]), buffer[before:])))
    items = [buffer[start:end] for start, end in s.list_items(buffer, properties.value)]
    if items and items[0][0] != _NULL:
        return buffer
    return memoryview(b"".join((buffer[: properties.start], _with_id(items[1:]), buffer[properties.end :])))


def _with_id(others: list[memoryview]) -> bytes:
    text = uuid.uuid4().hex.encode()
    body = b"".join((b"\xa1", bytes((len(text),)), text, *others))
    return b"".join((_HEAD, b"\xd0", (len(body) + 4).to_bytes(4, "big"), (1 + len(others)).to_bytes(4, "big"), body))

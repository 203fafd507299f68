"""Application properties that are set on a message which is stored, by values that are encoded already."""

import struct
from collections.abc import Collection, Mapping

from servicebus_local.amqp import sections as s
from servicebus_local.amqp.codec import encode_value


def with_application_properties(bare: bytes, added: Mapping[str, bytes], removed: Collection[str] = ()) -> bytes:
    """Return the message with these properties, name to encoded value, in place of those that had such names."""
    items = b"".join(encode_value(key) + value for key, value in added.items())
    count = len(added)
    buffer, before, after = memoryview(bare), b"", b""
    for section in s.sections(buffer):
        if section.code < s.APPLICATION_PROPERTIES:
            before += buffer[section.start : section.end]
        elif section.code > s.APPLICATION_PROPERTIES:
            after += buffer[section.start : section.end]
        else:
            for start, value, end in s.map_items(buffer, section.value):
                if (name := _key(buffer, start, value)) not in added and name not in removed:
                    items += buffer[start:end]
                    count += 1
    head = b"\x00\x53\x74\xd1" + struct.pack(">II", len(items) + 4, count * 2)
    return before + head + items + after


def _key(buffer: memoryview, start: int, end: int) -> str:
    return bytes(buffer[start + (2 if buffer[start] >> 4 == 0xA else 5) : end]).decode("utf-8", "replace")

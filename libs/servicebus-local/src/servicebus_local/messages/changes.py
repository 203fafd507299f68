"""A copy of a message with other properties; what is not changed keeps its bytes, and so its AMQP types."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from servicebus_local.amqp import sections as s
from servicebus_local.amqp.codec import decode_value, encode_value, long
from servicebus_local.messages.application_properties import with_application_properties
from servicebus_local.messages.decimals import decode_property
from servicebus_local.messages.incoming import IncomingMessage, as_text, decode_stored
from servicebus_local.record import Body
from servicebus_local.sql.expressions import Value

NAMES = {
    "message_id": 0,
    "to": 2,
    "label": 3,
    "reply_to": 4,
    "correlation_id": 5,
    "content_type": 6,
    "session_id": 10,
    "reply_to_session_id": 12,
}
"""The properties that can be changed, with their positions in the properties section."""
_CONTENT_TYPE = 6
_NULL = b"\x40"


def with_changes(
    message: IncomingMessage, system: Mapping[str, Value], user: Mapping[str, Value], removed: AbstractSet[str]
) -> IncomingMessage:
    """Return a copy: `system` is laid over its properties, `user` over its application properties without `removed`."""
    buffer = memoryview(message.body.bare)
    by_code = {section.code: section for section in s.sections(buffer)}
    properties = _properties(buffer, by_code.get(s.PROPERTIES), system)
    application = _application(buffer, by_code.get(s.APPLICATION_PROPERTIES), user, removed)
    head, rest = b"", b""
    for each in s.sections(buffer):
        if each.code < s.PROPERTIES:
            head += buffer[each.start : each.end]
        elif each.code > s.APPLICATION_PROPERTIES:
            rest += buffer[each.start : each.end]
    changed = decode_stored(Body(message.body.annotations, head + properties + application + rest))
    changed.ttl, changed.due_at = message.ttl, message.due_at
    return changed


def with_annotation(message: IncomingMessage, name: str, value: object) -> IncomingMessage:
    """Return a copy with one more message annotation."""
    item = encode_value({"TYPE": "SYMBOL", "VALUE": name}) + encode_value(value)
    changed = decode_stored(Body(message.body.annotations + item, message.body.bare))
    changed.ttl, changed.due_at = message.ttl, message.due_at
    return changed


def with_properties(message: IncomingMessage, added: Mapping[str, bytes]) -> IncomingMessage:
    """Return a copy with more application properties, whose values are encoded already."""
    changed = decode_stored(Body(message.body.annotations, with_application_properties(message.body.bare, added)))
    changed.ttl, changed.due_at = message.ttl, message.due_at
    return changed


def _properties(buffer: memoryview, section: s.Section | None, system: Mapping[str, Value]) -> bytes:
    if section is not None and not system:
        return bytes(buffer[section.start : section.end])
    items = [] if section is None else [bytes(buffer[a:b]) for a, b in s.list_items(buffer, section.value)]
    for name, value in system.items():
        position = NAMES[name]
        items.extend([_NULL] * (position + 1 - len(items)))
        text = None if value is None else str(value)
        symbol = {"TYPE": "SYMBOL", "VALUE": text}
        items[position] = encode_value(symbol if position == _CONTENT_TYPE and text is not None else text)
    if not items:
        return b""
    body = b"".join(items)
    return b"\x00\x53\x73\xd0" + (len(body) + 4).to_bytes(4, "big") + len(items).to_bytes(4, "big") + body


def _application(
    buffer: memoryview, section: s.Section | None, user: Mapping[str, Value], removed: AbstractSet[str]
) -> bytes:
    """A value that is copied from another property keeps that one's AMQP type."""
    kept, count, spelt = b"", 0, {}
    for key, value, end in () if section is None else s.map_items(buffer, section.value):
        name = as_text(decode_value(buffer[key:value]))
        before = decode_property(buffer[value:end])
        spelt[type(before), before] = bytes(buffer[value:end])
        if name not in user and name not in removed:
            kept += bytes(buffer[key:end])
            count += 1
    for name, assigned in user.items():
        kept += encode_value(name) + (spelt.get((type(assigned), assigned)) or _encode(assigned))
    count += len(user)
    if not count:
        return b""
    return b"\x00\x53\x74\xd1" + (len(kept) + 4).to_bytes(4, "big") + (count * 2).to_bytes(4, "big") + kept


def _encode(value: Value) -> bytes:
    """Whole numbers are 64 bits wide in SQL."""
    return encode_value(long(value) if isinstance(value, int) and not isinstance(value, bool) else value)

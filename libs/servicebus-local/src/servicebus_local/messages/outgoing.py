"""A message as a receiver gets it: what the service knows of it, then what the sender wrote.

The annotations are those of https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide#message-annotations.
"""

import struct
from typing import Protocol

from servicebus_local.amqp import sections as s
from servicebus_local.amqp.codec import Typed, decode_value, encode_value
from servicebus_local.messages.application_properties import with_application_properties
from servicebus_local.record import Body, DeadLetter, MessageRecord, State

_LONG, _TIMESTAMP, _SMALL_INT = b"\x81", b"\x83", b"\x54"


def _symbol(name: str) -> bytes:
    return bytes((0xA3, len(name))) + name.encode()


_ENQUEUED_TIME = _symbol("x-opt-enqueued-time") + _TIMESTAMP
_SEQUENCE_NUMBER = _symbol("x-opt-sequence-number") + _LONG
_LOCKED = _symbol("x-opt-locked-until") + _TIMESTAMP
_STATE = _symbol("x-opt-message-state") + _SMALL_INT
_SOURCE = _symbol("x-opt-deadletter-source")
_LOCK_TOKEN = b"x-opt-lock-token"
_LOCK_TOKEN_ITEM = _symbol(_LOCK_TOKEN.decode()) + b"\x98"
_LOCK_TOKEN_HEAD = b"\x00\x53\x71\xc1\x24\x02"
"""Delivery annotations that hold the lock token alone: 36 bytes follow the size."""
_NO_LOCK = b"\x00\x53\x71\xc1\x01\x00"
"""The delivery annotations of a message that is received and deleted."""
_HEADER = b"\x00\x53\x70"
_CODE = 2
_LEADING = (b"\x70", b"\x71")
"""The codes of sections that a sender writes before the bare message."""
_MAX_UINT = 0xFFFFFFFF


class Locked(Protocol):
    """The lock that a delivery comes with."""

    token: bytes
    until: int


def encode(record: MessageRecord, body: Body, lock: Locked | None, *, peeked: bool = False) -> bytes:
    """Encode a delivery with its lock, or a message that is peeked, which tells its state too."""
    bare = body.bare if record.dead_letter is None else _with_reason(body.bare, record.dead_letter)
    locked_until = None if lock is None else lock.until
    annotations = _annotations(record, body.annotations, locked_until, peeked)
    if bare[_CODE : _CODE + 1] in _LEADING:
        return _with_leading(record, lock, annotations, bare)
    return b"".join((_header(record), _delivery(lock, peeked), annotations, bare))


def _delivery(lock: Locked | None, peeked: bool) -> bytes:
    if lock is None:
        return b"" if peeked else _NO_LOCK
    return _LOCK_TOKEN_HEAD + _LOCK_TOKEN_ITEM + _uuid(lock.token)


def _with_leading(record: MessageRecord, lock: Locked | None, annotations: bytes, bare: bytes) -> bytes:
    """Encode a message whose sender wrote into the header or the delivery annotations."""
    buffer, header, start = memoryview(bare), _header(record), len(bare)
    delivery = b"" if lock is None else _LOCK_TOKEN_ITEM + _uuid(lock.token)
    for section in s.sections(buffer):
        if section.code >= s.PROPERTIES:
            start = section.start
            break
        if section.code == s.HEADER:
            durable, priority = [*decode_value(buffer[section.value :]), None, None][:2]
            ttl = None if record.ttl is None else _uint(min(record.ttl, _MAX_UINT))
            level = None if priority is None else {"TYPE": "UBYTE", "VALUE": priority}
            header = _HEADER + encode_value([durable, level, ttl, None, _uint(record.delivery_count)])
        else:
            items = s.map_items(buffer, section.value)
            delivery += b"".join(buffer[a:c] for a, b, c in items if decode_value(buffer[a:b]) != _LOCK_TOKEN)
    head = b"\x00\x53\x71\xd1" + struct.pack(">II", len(delivery) + 4, _count_items(delivery) * 2)
    return b"".join((header, head, delivery, annotations, bare[start:]))


def _uint(value: int) -> Typed:
    return {"TYPE": "UINT", "VALUE": value}


def _uuid(token: bytes) -> bytes:
    """The token is in .NET's byte order, AMQP has that of RFC 4122."""
    return token[3::-1] + token[5:3:-1] + token[7:5:-1] + token[8:]


def _header(record: MessageRecord) -> bytes:
    if record.ttl is None:
        # durable, priority, ttl and first-acquirer are null
        return b"\x00\x53\x70\xc0\x0a\x05\x40\x40\x40\x40\x70" + struct.pack(">I", record.delivery_count)
    ttl = min(record.ttl, _MAX_UINT)
    return b"\x00\x53\x70\xc0\x0e\x05\x40\x40\x70" + struct.pack(">IBBI", ttl, 0x40, 0x70, record.delivery_count)


def _annotations(record: MessageRecord, from_sender: bytes, locked_until: int | None, peeked: bool) -> bytes:
    items = _ENQUEUED_TIME + struct.pack(">q", record.enqueued_at)
    items += _SEQUENCE_NUMBER + struct.pack(">q", record.sequence)
    count = 2
    if locked_until is not None:
        items += _LOCKED + struct.pack(">q", locked_until)
        count += 1
    if peeked or record.deferred:
        state = _state_of(record)
        items += _STATE + bytes((state,))
        count += 1
    if record.dead_letter is not None:
        items += _SOURCE + encode_value(record.dead_letter.source)
        count += 1
    if from_sender:
        items += from_sender
        count += _count_items(from_sender)
    return b"\x00\x53\x72\xd1" + struct.pack(">II", len(items) + 4, count * 2) + items


def _state_of(record: MessageRecord) -> State:
    if record.deferred:
        return State.DEFERRED
    return State.ACTIVE if record.state is State.LOCKED else record.state


def _count_items(items: bytes) -> int:
    buffer, position, count = memoryview(items), 0, 0
    while position < len(buffer):
        position = s.end_of_value(buffer, s.end_of_value(buffer, position))
        count += 1
    return count


def _with_reason(bare: bytes, dead_letter: DeadLetter) -> bytes:
    """Add `DeadLetterReason` and `DeadLetterErrorDescription` to the application properties."""
    added = {"DeadLetterReason": dead_letter.reason, "DeadLetterErrorDescription": dead_letter.description}
    encoded = {name: encode_value(value) for name, value in added.items() if value is not None}
    return with_application_properties(bare, encoded, removed=added)

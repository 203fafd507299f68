"""A message as a client sends it."""

import struct
from functools import cached_property
from typing import Any

from servicebus_local.amqp import sections as s
from servicebus_local.amqp.codec import decode_value
from servicebus_local.errors import InvalidMessage
from servicebus_local.messages.decimals import DECIMAL, as_the_service_writes, decode_property
from servicebus_local.messages.message_ids import identified
from servicebus_local.record import Body

BATCH_FORMAT = 0x80013700
"""message-format of a transfer that carries many messages, each in a data section (Microsoft's AMQP guide)."""

_SCHEDULED_TIME = b"x-opt-scheduled-enqueue-time"
_WRITTEN_BY_THE_SERVICE = {
    b"x-opt-enqueued-time",
    b"x-opt-sequence-number",
    b"x-opt-enqueue-sequence-number",
    b"x-opt-locked-until",
    b"x-opt-lock-token",
    b"x-opt-deadletter-source",
    b"x-opt-message-state",
}
_DURABLE, _PRIORITY, _TTL = 0, 1, 2
# Positions in the properties list.
_MESSAGE_ID, _TO, _SUBJECT, _REPLY_TO, _CORRELATION_ID, _CONTENT_TYPE = 0, 2, 3, 4, 5, 6
_GROUP_ID, _REPLY_TO_GROUP_ID = 10, 12


class IncomingMessage:
    """One message: what the broker decides by, and the bytes that it keeps."""

    def __init__(self, body: Body, properties: list[Any], ttl: int | None, due_at: int | None) -> None:
        self.body = body
        self.ttl = ttl
        """Time to live in milliseconds."""
        self.due_at = due_at
        """When it asks to be enqueued, in milliseconds since the epoch."""
        self._properties = properties

    @property
    def message_id(self) -> str | None:
        """MessageId."""
        return self._property(_MESSAGE_ID)

    @property
    def to(self) -> str | None:
        """To."""
        return self._property(_TO)

    @property
    def label(self) -> str | None:
        """Subject, which older clients call Label."""
        return self._property(_SUBJECT)

    @property
    def reply_to(self) -> str | None:
        """ReplyTo."""
        return self._property(_REPLY_TO)

    @property
    def correlation_id(self) -> str | None:
        """CorrelationId."""
        return self._property(_CORRELATION_ID)

    @property
    def content_type(self) -> str | None:
        """ContentType."""
        return self._property(_CONTENT_TYPE)

    @property
    def session_id(self) -> str | None:
        """SessionId."""
        return self._property(_GROUP_ID)

    @property
    def reply_to_session_id(self) -> str | None:
        """ReplyToSessionId."""
        return self._property(_REPLY_TO_GROUP_ID)

    @property
    def size(self) -> int:
        """Bytes of what is kept."""
        return len(self.body.annotations) + len(self.body.bare)

    @cached_property
    def application_properties(self) -> dict[str, Any]:
        """Application properties; text is `str`."""
        buffer = memoryview(self.body.bare)
        for section in s.sections(buffer):
            if section.code == s.APPLICATION_PROPERTIES:
                return {as_text(key): _text_if_bytes(value) for key, value in _items(buffer, section).items()}
        return {}

    @property
    def data(self) -> bytes:
        """The payload: its data sections, one after the other."""
        buffer = memoryview(self.body.bare)
        return b"".join(_binary(buffer, section) for section in s.sections(buffer) if section.code == s.DATA)

    def _property(self, position: int) -> str | None:
        if position >= len(self._properties):
            return None
        value = self._properties[position]
        return None if value is None else as_text(value)


def as_text(value: object) -> str:
    """A decoded identifier (string, binary, UUID or number) as text."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _items(buffer: memoryview, section: s.Section) -> dict[Any, Any]:
    if DECIMAL not in bytes(buffer[section.start : section.end]):
        return decode_value(buffer[section.value :]) or {}
    items = s.map_items(buffer, section.value)
    return {decode_value(buffer[key:value]): decode_property(buffer[value:end]) for key, value, end in items}


def _text_if_bytes(value: object) -> object:
    return as_text(value) if isinstance(value, bytes) else value


def decode(payload: bytes | memoryview) -> IncomingMessage:
    """Take one encoded message apart, and give it a MessageId when it has none. Raises `InvalidMessage`."""
    try:
        return _decode(identified(readable(memoryview(payload))))
    except (ValueError, IndexError, KeyError, TypeError, struct.error) as error:
        raise InvalidMessage(f"The message cannot be decoded: {error}") from error


def decode_transfer(payload: bytes, message_format: int) -> list[IncomingMessage]:
    """The messages of one transfer: one, or those of a batch. Raises `InvalidMessage`."""
    if message_format != BATCH_FORMAT:
        return [decode(payload)]
    try:
        buffer = readable(memoryview(payload))
        data = [section for section in s.sections(buffer) if section.code == s.DATA]
        return [decode(_binary(buffer, section)) for section in data]
    except (ValueError, IndexError) as error:
        raise InvalidMessage(f"The batch cannot be decoded: {error}") from error


def decode_stored(body: Body) -> IncomingMessage:
    """A message that was stored, as the broker needs it to route it again."""
    message = _decode(memoryview(body.bare))
    message.body = body
    return message


def readable(payload: memoryview) -> memoryview:
    """The sections of a message in the form that all else here reads. Raises `ValueError` or `IndexError`."""
    try:
        for _ in s.sections(payload):
            pass
    except s.UnusualDescriptor:
        return s.canonical(payload)
    return payload


def _binary(buffer: memoryview, section: s.Section) -> memoryview:
    head = 2 if buffer[section.value] >> 4 == 0xA else 5
    return buffer[section.value + head : section.end]


def _decode(buffer: memoryview) -> IncomingMessage:
    ttl, due_at, annotations, properties = None, None, b"", []
    leading: list[bytes | memoryview] = []
    bare: list[bytes | memoryview] = []
    for section in s.sections(buffer):
        if section.code == s.HEADER:
            header = decode_value(buffer[section.value :])
            ttl = header[_TTL] if len(header) > _TTL else None
            if any(each is not None for each in header[_DURABLE:_TTL]):
                leading.append(buffer[section.start : section.end])
        elif section.code == s.DELIVERY_ANNOTATIONS:  # the SDK writes them last
            leading.append(buffer[section.start : section.end])
        elif section.code == s.MESSAGE_ANNOTATIONS:
            annotations, due_at = _annotations(buffer, section)
        else:
            encoded: bytes | memoryview = buffer[section.start : section.end]
            if section.code == s.APPLICATION_PROPERTIES and DECIMAL in bytes(encoded):
                encoded = as_the_service_writes(buffer[section.start : section.end])
            bare.append(encoded)
            if section.code == s.PROPERTIES:
                properties = decode_value(buffer[section.value :])
    return IncomingMessage(Body(annotations, b"".join(leading + bare)), properties, ttl, due_at)


def _annotations(buffer: memoryview, section: s.Section) -> tuple[bytes, int | None]:
    if buffer[section.value] >> 4 == 0x4:  # null
        return b"", None
    kept, due_at = bytearray(), None
    for key_start, value_start, end in s.map_items(buffer, section.value):
        key = decode_value(buffer[key_start:])
        if key == _SCHEDULED_TIME:
            due_at = decode_value(buffer[value_start:])
        if key not in _WRITTEN_BY_THE_SERVICE:
            kept += buffer[key_start:end]
    return bytes(kept), due_at

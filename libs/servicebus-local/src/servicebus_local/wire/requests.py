"""Request and response over a pair of links, as `$cbs` and `$management` do.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response
"""

import os
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from servicebus_local.amqp import codec
from servicebus_local.amqp import sections as s
from servicebus_local.broker.consumer import Consumer
from servicebus_local.broker.queue import MessageQueue
from servicebus_local.errors import InvalidMessage, ServiceError
from servicebus_local.messages.incoming import as_text, readable
from servicebus_local.wire.attach import AttachRequest
from servicebus_local.wire.egress import Credit, EntityEgress
from servicebus_local.wire.encoded import items_of
from servicebus_local.wire.ingress import Ingress
from servicebus_local.wire.link import LinkSession

_MAX_REQUEST_SIZE = 4 * 1024 * 1024
_ASSOCIATED_LINK = "associated-link-name"


@dataclass(frozen=True)
class Response:
    """The answer to a request."""

    status: int = 200
    description: str = "OK"
    condition: str | None = None
    body: dict[str, Any] = field(default_factory=dict)
    """The map that is the body's value."""
    raw: bytes | None = None
    """The body's value, encoded already, where its types are none of Python's."""

    @classmethod
    def of(cls, error: ServiceError) -> "Response":
        """The answer that says no."""
        return cls(error.status, str(error), error.condition)


@dataclass(frozen=True)
class Request:
    """A request; the caller's link is found on its own connection."""

    message_id: Any
    properties: dict[str, Any]
    body: Any
    session: LinkSession
    encoded: memoryview | None = None
    """The body's value as it came."""

    @property
    def operation(self) -> str:
        """What is asked for."""
        return as_text(self.properties.get("operation", b""))

    def item(self, name: str) -> memoryview | None:
        """An item of the map that is the body, as it came; None where it is not there."""
        return items_of(self.encoded).get(name)

    def consumer(self, queue: MessageQueue, session_id: str) -> Consumer | None:
        """The receiver's link that the request belongs to: the one that it names, else the one with the session."""
        name = self.properties.get(_ASSOCIATED_LINK)
        for session in self.session.peer.sessions.values():
            for link in session.links.values():
                if not isinstance(link, EntityEgress) or link.queue is not queue:
                    continue
                if (link.session_id == session_id) if name is None else (link.name == as_text(name)):
                    return link
        return None


Reply = Callable[[Response], None]
Handler = Callable[[Request, Reply], None]


class Countdown:
    """Replies once, when all parts are done; with the first error, if there is one."""

    def __init__(self, parts: int, reply: Reply) -> None:
        self._left = parts
        self._reply = reply
        self._error: ServiceError | None = None

    def done(self, error: ServiceError | None) -> None:
        """A part is done."""
        self._left -= 1
        self._error = self._error or error
        if self._left == 0:
            self._reply(Response() if self._error is None else Response.of(self._error))


class ResponseEgress(Credit):
    """The link on which a client hears the answers."""

    def __init__(self, session: LinkSession, request: AttachRequest) -> None:
        super().__init__(session, request)
        self._waiting: deque[bytes] = deque()

    def open(self) -> None:
        """Confirm the link."""
        self.confirm()

    def answer(self, payload: bytes) -> None:
        """Send an answer, once there is credit for it."""
        self._waiting.append(payload)
        self.use_credit()

    def use_credit(self) -> None:
        """Send what waits, as far as credit goes."""
        while self._waiting and self.credit > 0:
            self.credit -= 1
            self.delivery_count += 1
            self.session.send_delivery(self, os.urandom(16), self._waiting.popleft(), settled=True)

    def closed(self, *, dropped: bool) -> None:  # noqa: ARG002 - the interface
        """Answers that were not heard are lost."""
        self.attached = False
        self._waiting.clear()


class RequestIngress(Ingress):
    """The link on which a client asks."""

    def __init__(self, session: LinkSession, request: AttachRequest, handler: Handler, style: "Style") -> None:
        super().__init__(session, request, _MAX_REQUEST_SIZE)
        self._handler = handler
        self._style = style

    def take(self, delivery_id: int, settled: bool, payload: bytes, message_format: int) -> None:  # noqa: ARG002
        """Handle a request; its outcome is in the response, the transfer as such is accepted."""
        request = _decode(payload, self.session)

        def reply(response: Response) -> None:
            self._reply(request, response)

        try:
            self._handler(request, reply)
        except ServiceError as error:
            reply(Response.of(error))
        self.answer(delivery_id, settled, None)

    def _reply(self, request: Request, response: Response) -> None:
        for link in self.session.links.values():
            if isinstance(link, ResponseEgress) and link.request.address == self.request.address:
                link.answer(self._style.encode(request.message_id, response))
                return


@dataclass(frozen=True)
class Style:
    """How the status is spelt: `$cbs` and `$management` differ."""

    status: str
    description: str

    def encode(self, message_id: codec.Decoded, response: Response) -> bytes:
        """The encoded response message; the correlation id keeps the type of the request's message id."""
        identity = message_id if isinstance(message_id, uuid.UUID | int) else _utf_8(as_text(message_id))
        properties: list[Any] = [None] * 5 + [identity if not isinstance(identity, int) else _ulong(identity)]
        application: dict[str, Any] = {self.status: response.status, self.description: _utf_8(response.description)}
        if response.condition is not None:
            application["errorCondition"] = codec.symbol(response.condition)
        return b"".join(
            (
                _section(s.PROPERTIES, properties),
                _section(s.APPLICATION_PROPERTIES, application),
                _section(s.VALUE, response.body) if response.raw is None else _head(s.VALUE) + response.raw,
            )
        )


def _utf_8(text: str) -> str:
    """What a client sent as text may be none; it is told so, as far as it can be."""
    return text.encode(errors="replace").decode()


def _ulong(value: int) -> codec.Typed:
    return {"TYPE": "ULONG", "VALUE": value}


def _section(code: int, value: object) -> bytes:
    return _head(code) + codec.encode_value(value)


def _head(code: int) -> bytes:
    return bytes((0x00, 0x53, code))


def _decode(payload: bytes, session: LinkSession) -> Request:
    try:
        buffer = readable(memoryview(payload))
        parts = {section.code: buffer[section.value : section.end] for section in s.sections(buffer)}
        values = {code: codec.decode_value(part) for code, part in parts.items()}
        application = {as_text(key): value for key, value in (values.get(s.APPLICATION_PROPERTIES) or {}).items()}
        return Request(values[s.PROPERTIES][0], application, values.get(s.VALUE), session, parts.get(s.VALUE))
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise InvalidMessage(f"The request cannot be decoded: {error}") from error

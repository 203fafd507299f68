"""One end of an AMQP link, ours."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from servicebus_local.amqp import codec
from servicebus_local.errors import ProtocolViolation, ServiceError, TokenNotRenewed, Unauthorized

if TYPE_CHECKING:
    from servicebus_local.wire.session import Session

SETTLED = 1
"""snd-settle-mode of a receiver that takes messages as settled (receive-and-delete)."""
MODULUS = 1 << 32
"""Counts of deliveries and transfers go round: RFC 1982."""
_SEND_SETTLE_MODES = range(3)
_RECEIVE_SETTLE_MODES = range(2)


class AttachRequest(NamedTuple):
    """The attach of a client, decoded."""

    name: str
    handle: int
    client_receives: bool
    send_settle_mode: int
    receive_settle_mode: int
    source: list[Any]
    target: list[Any]
    initial_delivery_count: int
    """Of a client that sends: how many deliveries it counts before the first."""
    properties: dict[bytes, Any]

    @classmethod
    def of(cls, fields: list[Any]) -> "AttachRequest":
        """From the fields of the performative. Raises `ProtocolViolation`."""
        if fields[3] not in _SEND_SETTLE_MODES or fields[4] not in _RECEIVE_SETTLE_MODES:
            raise ProtocolViolation("amqp:invalid-field", "an attach with a settle mode that does not exist")
        return cls(
            text(fields[0]),
            fields[1],
            bool(fields[2]),
            fields[3],
            fields[4],
            fields[5] or [],
            fields[6] or [],
            fields[9] or 0,
            fields[13] or {},
        )

    @property
    def address(self) -> str:
        """The node that the client wants to talk to, as it wrote it."""
        terminus = self.source if self.client_receives else self.target
        return text(terminus[0]) if terminus and terminus[0] is not None else ""

    @property
    def filters(self) -> dict[bytes, Any]:
        """The filter set of the source."""
        return (self.source[7] if len(self.source) > 7 else None) or {}


def text(value: codec.Decoded) -> str:
    """A decoded string. Raises `ProtocolViolation` when it is none."""
    try:
        return value if isinstance(value, str) else str(value, "utf-8")
    except (TypeError, UnicodeDecodeError) as error:
        raise ProtocolViolation("amqp:decode-error", f"{value!r} is no string") from error


class Link(ABC):
    """What both directions have in common."""

    def __init__(self, session: "Session", request: AttachRequest) -> None:
        self.session = session
        self.request = request
        self.handle = request.handle
        self.attached = False
        self.used_at = session.connection.clock()
        """When a message last went through, or credit came."""
        self.check_access: Callable[[], None] = lambda: None
        """Raises `Unauthorized` when the client's tokens do not allow the link, or no longer."""

    @property
    def name(self) -> str:
        """The link's name, chosen by the client."""
        return self.request.name

    def _is_idle(self, now: int) -> bool:
        return now - self.used_at > self.session.connection.nodes.link_idle_limit

    def confirm(
        self,
        *,
        max_message_size: int | None = None,
        properties: dict[str, Any] | None = None,
        filters: dict[str, Any] | None = None,
    ) -> None:
        """Answer the attach: the link is open. The client compares the addresses, so they are echoed as they came."""
        self.attached = True
        request = self.request
        source = codec.source(_address(request.source), filters)
        self._attach(source, codec.target(_address(request.target)), max_message_size, properties)

    def refuse(self) -> None:
        """Answer the attach of a link that cannot be: without the terminus that was asked for; a detach must follow."""
        request = self.request
        source = None if request.client_receives else codec.source(_address(request.source))
        target = codec.target(_address(request.target)) if request.client_receives else None
        self._attach(source, target, None, None)

    def overdue(self, now: int) -> ServiceError | None:  # noqa: ARG002 - others grow idle
        """Why the link must close: the token expired."""
        try:
            self.check_access()
        except Unauthorized as error:
            return TokenNotRenewed(self.name, error)
        return None

    def evicted(self, error: ServiceError) -> None:
        """Close the link with the reason."""
        self.session.refuse(self, error)
        self.closed(dropped=True)

    @abstractmethod
    def open(self) -> None:
        """Answer the attach, now or later. Raises `ServiceError` to refuse it."""

    @abstractmethod
    def on_flow(self, fields: list[Any]) -> None:
        """The client tells its credit."""

    @abstractmethod
    def on_transfer(self, fields: list[Any]) -> None:
        """A part of a message comes."""

    @abstractmethod
    def closed(self, *, dropped: bool) -> None:
        """The link is gone; `dropped`: with its connection, without a word."""

    def _attach(
        self,
        source: codec.Source | None,
        target: codec.Target | None,
        max_message_size: int | None,
        properties: dict[str, Any] | None,
    ) -> None:
        request = self.request
        self.session.send(
            codec.Attach(
                name=request.name,
                handle=self.handle,
                role=not request.client_receives,
                send_settle_mode=request.send_settle_mode,
                rcv_settle_mode=request.receive_settle_mode,
                source=source,
                target=target,
                unsettled=None,
                incomplete_unsettled=None,
                initial_delivery_count=0 if request.client_receives else None,
                max_message_size=max_message_size,
                offered_capabilities=None,
                desired_capabilities=None,
                properties=properties,
            )
        )


def _address(terminus: list[Any]) -> str | None:
    return text(terminus[0]) if terminus and terminus[0] is not None else None

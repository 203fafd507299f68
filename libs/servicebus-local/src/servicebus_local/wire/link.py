"""One end of an AMQP link, ours, and what it knows of the session and the connection that it belongs to."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from servicebus_local.access import Claim
from servicebus_local.amqp import codec
from servicebus_local.clock import Clock
from servicebus_local.errors import ServiceError, TokenNotRenewed, Unauthorized
from servicebus_local.wire import frames
from servicebus_local.wire.attach import AttachRequest, address_of
from servicebus_local.wire.output import Output

MODULUS = 1 << 32
"""Counts of deliveries and transfers go round: RFC 1982."""


class Peer:
    """The client at the other end of a connection."""

    def __init__(self, output: Output, clock: Clock, link_idle_limit: int) -> None:
        self.output = output
        self.clock = clock
        self.link_idle_limit = link_idle_limit
        """Milliseconds after which a link closes on which nothing happens."""
        self.frame_size = frames.MAX_FRAME_SIZE
        """Bytes of the largest frame that it takes."""
        self.claims: dict[str, Claim] = {}
        """What its tokens allow, by the path that each was put for, and what its login does."""
        self.sessions: Mapping[int, LinkSession] = {}
        """Those that are open, by channel."""


class LinkSession(Protocol):
    """The session of a link."""

    @property
    def peer(self) -> Peer:
        """The client."""

    @property
    def channel(self) -> int:
        """The channel that it uses."""

    @property
    def links(self) -> "dict[int, Link]":
        """Its links by their handles."""

    @property
    def has_room(self) -> bool:
        """Whether a delivery could leave now."""

    def send(self, performative: tuple[Any, ...]) -> None:
        """Send a frame."""

    def write(self, frame: bytes) -> None:
        """Send a frame that is encoded already."""

    def send_flow(self, handle: int | None, delivery_count: int | None, credit: int | None, *, drained: bool) -> None:
        """Tell the state of the session, and of one link."""

    def send_delivery(self, link: "Link", tag: bytes, payload: bytes, *, settled: bool) -> None:
        """Send a message."""

    def refuse(self, link: "Link", error: ServiceError) -> None:
        """Close a link, or do not open it, and tell why."""


class Link(ABC):
    """What both directions have in common."""

    def __init__(self, session: "LinkSession", request: AttachRequest) -> None:
        self.session = session
        self.request = request
        self.handle = request.handle
        self.attached = False
        self.used_at = session.peer.clock()
        """When a message last went through, or credit came."""
        self.check_access: Callable[[], None] = lambda: None
        """Raises `Unauthorized` when the client's tokens do not allow the link, or no longer."""

    @property
    def name(self) -> str:
        """The link's name, chosen by the client."""
        return self.request.name

    def _is_idle(self, now: int) -> bool:
        return now - self.used_at > self.session.peer.link_idle_limit

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
        source = codec.source(address_of(request.source), filters)
        self._attach(source, codec.target(address_of(request.target)), max_message_size, properties)

    def refuse(self) -> None:
        """Answer the attach of a link that cannot be: without the terminus that was asked for; a detach must follow."""
        request = self.request
        source = None if request.client_receives else codec.source(address_of(request.source))
        target = codec.target(address_of(request.target)) if request.client_receives else None
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

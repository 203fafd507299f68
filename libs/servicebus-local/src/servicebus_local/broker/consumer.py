"""Who receives messages, and the locks that it holds."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from servicebus_local.errors import ServiceError
from servicebus_local.record import Body, MessageRecord

Done = Callable[[ServiceError | None], None]
"""Called once a change is durable (None) or refused."""


class Settlement(Enum):
    """What a receiver says of a message."""

    COMPLETE = auto()
    """Done with; it is deleted."""
    ABANDON = auto()
    """Failed: back in the queue at once, one more failed delivery."""
    RELEASE = auto()
    """Never processed: back in the queue, not counted."""
    DEAD_LETTER = auto()
    """Put aside for a person."""
    DEFER = auto()
    """Set aside in the queue: its sequence number brings it back."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A settlement, with the reason of a dead-lettering, and the application properties that it changes."""

    settlement: Settlement
    reason: str | None = None
    description: str | None = None
    properties: Mapping[str, bytes] = field(default_factory=dict)
    """Names and encoded values."""


@dataclass(slots=True, eq=False)
class Lock:
    """A message is with a consumer until a time."""

    token: bytes
    """The delivery tag: a UUID in .NET's byte order."""
    record: MessageRecord
    until: int
    consumer: "Consumer | None"
    """None for a deferred message that was asked for by its number: no link holds it."""


class Delivered(NamedTuple):
    """A message that was asked for by its number; no lock when it is settled already."""

    record: MessageRecord
    body: Body
    lock: Lock | None


class Consumer(ABC):
    """A receiver as the broker sees it."""

    def __init__(self, *, settles_on_delivery: bool) -> None:
        self.held: set[Lock] = set()
        self.settles_on_delivery = settles_on_delivery
        """Receive-and-delete: a message is gone once it was handed over."""
        self.session_id: str | None = None

    @property
    @abstractmethod
    def wants(self) -> bool:
        """Whether it can take a message now."""

    @abstractmethod
    def reserve(self, size: int) -> None:
        """A message of that many bytes will be delivered: `wants` must count with it."""

    @abstractmethod
    def unreserve(self, size: int) -> None:
        """The message that was reserved will not come."""

    @abstractmethod
    def deliver(self, record: MessageRecord, body: Body, lock: Lock | None) -> None:
        """Take a message that was reserved; no lock when it is settled already."""

    @abstractmethod
    def accepted(self, session_id: str, locked_until: int) -> None:
        """It holds a session now."""

    @abstractmethod
    def evicted(self, error: ServiceError) -> None:
        """It cannot receive any longer, for instance since its session was lost: it must `leave` its queue."""

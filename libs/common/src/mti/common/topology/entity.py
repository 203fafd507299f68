"""A queue, or a subscription of a topic: what it is called, what it carries and how the broker keeps it."""

from dataclasses import KW_ONLY, dataclass
from datetime import timedelta
from typing import Final

from mti.common.contracts.body import Contract

OUTAGE: Final = timedelta(hours=1)
"""For which the store, or the way to the bus, may be gone without the broker dead-lettering what nothing is wrong
with."""
HOLD: Final = timedelta(seconds=30)
"""The least time for which a host that can do no better than abandon a message keeps it before it does: an abandoned
message is handed out again at once, and its delivery count rises
(https://learn.microsoft.com/azure/service-bus-messaging/message-transfers-locks-settlement)."""
MAX_DELIVERY_COUNT: Final = 200
"""More than an outage takes, at a delivery every `HOLD`. What is at fault itself never gets so far: it is dead-lettered
by its handler, or when its retries are used up."""
QUEUE_LOCK: Final = timedelta(minutes=5)
"""The longest that there is. Who dies with a message delays that one alone."""
SESSION_LOCK: Final = timedelta(minutes=1)
"""Who dies with a session delays its whole workspace."""
DUPLICATES: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Entity:
    """A queue, or a subscription of a topic, in front of one service."""

    name: str
    """The queue's or the topic's: where it is sent to, and what spans are named after."""
    subscription: str | None = None
    _: KW_ONLY
    contract: type[Contract]
    """What its messages carry."""
    sessions: bool = False
    """Whether each message is of a session, and a session is one receiver's at a time."""
    lock: timedelta = QUEUE_LOCK
    """For which a message, or a session, is a receiver's, from each renewal."""
    max_delivery_count: int = MAX_DELIVERY_COUNT
    """Deliveries without a settlement after which the broker dead-letters by itself."""
    duplicates: timedelta = DUPLICATES
    """For which the queue or topic remembers the MessageIds that it has seen."""
    time_to_live: timedelta | None = None
    """After which the broker drops what waits; `None` is never: a message is dropped by a person only."""

    @property
    def path(self) -> str:
        """The path as the portal shows it: `fetch-jobs`, `raw-pages/subscriptions/normalizer`."""
        return f"{self.name}/subscriptions/{self.subscription}" if self.subscription else self.name

    @property
    def to(self) -> str:
        """What a message that is meant for this receiver alone says in its `To`."""
        return self.subscription or "*"

    @property
    def names(self) -> frozenset[str]:
        """Every name that a person may call it by: path, queue or topic, subscription, and `raw-pages/normalizer`."""
        names = {self.path, self.name}
        if self.subscription is not None:
            names |= {self.subscription, f"{self.name}/{self.subscription}"}
        return frozenset(name.lower() for name in names)

    def __str__(self) -> str:
        """Return the path."""
        return self.path

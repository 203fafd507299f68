"""What can be sent to: a queue, or a topic with its subscriptions."""

from collections.abc import Callable, Sequence
from functools import partial

from servicebus_local.broker.consumer import Done
from servicebus_local.broker.forwarding import Forwarding
from servicebus_local.broker.history import History
from servicebus_local.broker.message_store import Arrival, admit
from servicebus_local.broker.queue import MessageQueue
from servicebus_local.broker.scheduling import ScheduledMessages
from servicebus_local.broker.settings import DestinationSettings
from servicebus_local.clock import Clock
from servicebus_local.errors import EntityDisabled, NotAllowed, QuotaExceeded, ServiceError
from servicebus_local.messages.incoming import IncomingMessage
from servicebus_local.record import DeadLetter, State
from servicebus_local.storage.store import Store

Routed = tuple[MessageQueue, IncomingMessage, DeadLetter | None]
"""A copy for a queue; with a reason, for that queue's dead letters."""
Route = Callable[[IncomingMessage], Sequence[Routed]]


class Destination:
    """Takes messages in, drops duplicates, holds what is scheduled and routes the rest."""

    def __init__(
        self,
        holding: MessageQueue,
        route: Route,
        settings: DestinationSettings,
        forwarding: Forwarding,
        usage: Callable[[], int],
        store: Store,
        clock: Clock,
    ) -> None:
        self.holding = holding
        """Where scheduled messages wait: the queue itself, or one that the topic has for them."""
        self.settings = settings
        self._route = route
        self._forwarding = forwarding
        self._usage = usage
        """Bytes of all its messages."""
        self._store = store
        self._clock = clock
        window = settings.duplicate_window
        self._history = None if window is None else History(holding.id, window, store)
        self.scheduled = ScheduledMessages(holding, self._deliver, store, clock)

    def publish(self, messages: Sequence[IncomingMessage], done: Done) -> list[int]:
        """Take messages in, all or none; returns the sequence number of each, 0 for what was dropped.

        Raises `NotAllowed` when one of them lacks the SessionId that the queue needs, `EntityDisabled`, and
        `QuotaExceeded`.
        """
        self.check_open()
        self.check(messages)
        now = self._clock()
        self.holding.accessed_at = now
        fresh: list[str] = []
        arrivals: list[Arrival] = []
        numbers: list[int] = []
        for message in messages:
            copies = [] if self._is_duplicate(message, now, fresh) else self._write(message, now)
            numbers.append(copies[0][1].sequence if copies else 0)
            arrivals.extend(copies)
        self._store.then(partial(self._published, arrivals, fresh, done))
        return numbers

    def forwarded(self, message: IncomingMessage, now: int, hops: int, dead_letter: DeadLetter | None) -> list[Arrival]:
        """Write a message that another queue forwards; `check` was called."""
        self.holding.accessed_at = now
        if self._is_duplicate(message, now, []):
            return []
        return self._deliver(message, now, hops, dead_letter)

    def advance(self, now: int) -> None:
        """Do what is due: scheduled messages become active, MessageIds leave the window."""
        self.scheduled.release(now, lambda _: None)
        if self._history is not None:
            self._history.advance(now)

    def check_open(self) -> None:
        """Raises `EntityDisabled`."""
        if self.settings.disabled:
            raise EntityDisabled(self.holding.path)

    def change(self, settings: DestinationSettings) -> None:
        """Take new settings. Whether duplicates are detected cannot change, for how long can."""
        self.settings = settings
        if self._history is not None and settings.duplicate_window is not None:
            self._history.window = settings.duplicate_window

    def check(self, messages: Sequence[IncomingMessage]) -> None:
        """Raises `NotAllowed` or `QuotaExceeded` when one of the messages cannot be taken in."""
        usage = self._usage()
        if usage and usage + sum(message.size for message in messages) > self.settings.max_size:
            raise QuotaExceeded(self.holding.path, usage, self.settings.max_size)
        if self.settings.requires_session and any(message.session_id is None for message in messages):
            raise NotAllowed(
                "The SessionId was not set on a message, and it cannot be sent to the entity. Entities that have"
                " session support enabled can only receive messages that have the SessionId set to a valid value."
            )

    def _ttl(self, message: IncomingMessage) -> int | None:
        return min((each for each in (message.ttl, self.settings.default_ttl) if each is not None), default=None)

    def _is_duplicate(self, message: IncomingMessage, now: int, fresh: list[str]) -> bool:
        message_id = message.message_id
        if self._history is None or message_id is None:
            return False
        if not self._history.note(message_id, now):
            return True
        fresh.append(message_id)
        return False

    def _write(self, message: IncomingMessage, now: int) -> list[Arrival]:
        if message.due_at is not None and message.due_at > now:
            return [self.holding.write(message, State.SCHEDULED, now, self._ttl(message))]
        return self._deliver(message, now)

    def _deliver(
        self, message: IncomingMessage, now: int, hops: int = 0, dead_letter: DeadLetter | None = None
    ) -> list[Arrival]:
        arrivals = []
        for queue, copy, failure in self._route(message):
            if failure is None:
                arrivals += self._forwarding.deliver(queue, copy, now, self._ttl(copy), dead_letter, hops)
            else:
                dead_letters = queue.dead_letters or queue
                arrivals.append(dead_letters.write(copy, State.ACTIVE, now, self._ttl(copy), failure))
        return arrivals

    def _published(self, arrivals: list[Arrival], fresh: list[str], done: Done, error: ServiceError | None) -> None:
        if error is None:
            admit(arrivals)
            for _, record in arrivals:
                self.scheduled.add(record)
        elif self._history is not None:
            self._history.forget(fresh)
        done(error)

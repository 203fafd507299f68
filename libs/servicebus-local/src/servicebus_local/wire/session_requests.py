"""The session operations of an entity's `$management` node.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response#session-operations
"""

from servicebus_local.amqp import codec
from servicebus_local.broker.consumer import Consumer
from servicebus_local.broker.entity import Entity
from servicebus_local.broker.session_queue import SessionQueue
from servicebus_local.entities import STANDARD_TIER_KILOBYTES
from servicebus_local.errors import MessageTooLarge, NotAllowed, SessionLockLost
from servicebus_local.messages.incoming import as_text
from servicebus_local.storage.store import Store
from servicebus_local.wire.requests import Countdown, Reply, Request, Response

_STATE_BYTES = STANDARD_TIER_KILOBYTES * 1024
"""The state of a session is at most as large as a message."""
_ANY_TIME = 253_402_300_800_000
"""The year 10000, in milliseconds: the caller asks for sessions with messages or a state."""


class SessionRequests:
    """Answers for one entity."""

    def __init__(self, store: Store, entity: Entity) -> None:
        self._store = store
        self._entity = entity

    def held(self, request: Request) -> tuple[SessionQueue, Consumer]:
        """The queue, and the receiver that holds the session. Raises `NotAllowed` or `SessionLockLost`."""
        queue, session_id = self._entity.receivable(), as_text(request.body[b"session-id"])
        if not isinstance(queue, SessionQueue):
            raise NotAllowed(f"'{self._entity.path}' has no sessions.")
        consumer = request.consumer(queue, session_id)
        if consumer is None or consumer.session_id != session_id:
            raise SessionLockLost(session_id)
        return queue, consumer

    def renew_lock(self, request: Request, reply: Reply) -> None:
        """Prolong the lock of a session."""
        queue, consumer = self.held(request)
        reply(Response(body={"expiration": codec.timestamp(queue.renew_session(consumer))}))

    def get_state(self, request: Request, reply: Reply) -> None:
        """Tell the state of a session."""
        queue, consumer = self.held(request)
        reply(Response(body={"session-state": queue.session_state(consumer)}))

    def set_state(self, request: Request, reply: Reply) -> None:
        """Set or clear the state of a session."""
        queue, consumer = self.held(request)
        state = request.body.get(b"session-state")
        if state is not None and len(state) > _STATE_BYTES:
            raise MessageTooLarge(len(state), _STATE_BYTES)
        queue.set_session_state(consumer, state)
        self._store.then(Countdown(1, reply).done)

    def list(self, request: Request, reply: Reply) -> None:
        """Tell which sessions there are, a page at a time."""
        queue, body = self._entity.receivable(), request.body
        if not isinstance(queue, SessionQueue):
            raise NotAllowed(f"'{self._entity.path}' has no sessions.")
        since, skip, top = int(body[b"last-updated-time"]), int(body[b"skip"]), int(body[b"top"])
        session_ids = queue.sessions(None if since >= _ANY_TIME else since)[skip : skip + top]
        if not session_ids:
            reply(Response(204, "No sessions.", "com.microsoft:session-not-found"))
            return
        names = codec.array([codec.string(session_id) for session_id in session_ids])
        reply(Response(body={"skip": skip + len(session_ids), "sessions-ids": names}))

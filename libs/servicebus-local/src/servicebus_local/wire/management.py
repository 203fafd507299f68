"""The operations of an entity's `$management` node.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response
"""

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from servicebus_local.amqp import codec
from servicebus_local.broker.broker import Broker
from servicebus_local.broker.consumer import Delivered, Settlement, Verdict
from servicebus_local.broker.entity import Entity
from servicebus_local.broker.rule_changes import RuleChanges
from servicebus_local.broker.session_queue import SessionQueue
from servicebus_local.errors import (
    BadRequest,
    MessageTooLarge,
    ServiceError,
    Unsupported,
)
from servicebus_local.messages.incoming import as_text, decode
from servicebus_local.messages.outgoing import encode
from servicebus_local.wire.encoded import items_of
from servicebus_local.wire.requests import Countdown, Reply, Request, Response
from servicebus_local.wire.rule_requests import RuleRequests
from servicebus_local.wire.session_requests import SessionRequests

_PEEK_BYTES = 4 * 1024 * 1024
_PEEK_COUNT = 1000
_SETTLES_ON_DELIVERY = 0
_NO_CONTENT = Response(204, "No content.")
_SETTLEMENTS = {
    "completed": Settlement.COMPLETE,
    "abandoned": Settlement.ABANDON,
    "suspended": Settlement.DEAD_LETTER,
    "defered": Settlement.DEFER,
}


class Management:
    """Answers for one entity."""

    def __init__(self, broker: Broker, entity: Entity) -> None:
        self._broker = broker
        self._entity = entity
        self._sessions = SessionRequests(broker.store, entity)
        self._operations: dict[str, Callable[[Request, Reply], None]] = {
            "com.microsoft:renew-lock": self._renew_lock,
            "com.microsoft:receive-by-sequence-number": self._receive_deferred,
            "com.microsoft:get-message-sessions": self._sessions.list,
            "com.microsoft:update-disposition": self._update_disposition,
            "com.microsoft:peek-message": self._peek,
            "com.microsoft:schedule-message": self._schedule,
            "com.microsoft:cancel-scheduled-message": self._cancel,
            "com.microsoft:renew-session-lock": self._sessions.renew_lock,
            "com.microsoft:get-session-state": self._sessions.get_state,
            "com.microsoft:set-session-state": self._sessions.set_state,
        }
        topic, _, subscription = entity.path.partition("/subscriptions/")
        if subscription and "/" not in subscription:
            rules = RuleRequests(RuleChanges(broker.catalogue, broker.changes), topic, subscription)
            self._operations |= {
                "com.microsoft:add-rule": rules.add,
                "com.microsoft:remove-rule": rules.remove,
                "com.microsoft:enumerate-rules": rules.enumerate,
            }

    def handle(self, request: Request, reply: Reply) -> None:
        """Do what is asked for. Raises `ServiceError`."""
        self._broker.check_busy()
        operation = self._operations.get(request.operation)
        if operation is None:
            raise Unsupported(f"The operation {request.operation} is not offered by this namespace.")
        try:
            operation(request, reply)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
            raise BadRequest(f"The request {request.operation} is malformed: {error!r}") from error

    # -- messages

    def _renew_lock(self, request: Request, reply: Reply) -> None:
        queue = self._entity.receivable()
        ends = [codec.timestamp(queue.renew(token.bytes_le)) for token in _tokens(request)]
        reply(Response(body={"expirations": codec.array(ends)}))

    def _update_disposition(self, request: Request, reply: Reply) -> None:
        queue, body = self._entity.receivable(), request.body
        if isinstance(queue, SessionQueue):
            self._sessions.held(request)
        status = as_text(body[b"disposition-status"])
        if status not in _SETTLEMENTS:
            raise Unsupported(f"The disposition status {status} is not offered by this namespace.")
        reason, description = body.get(b"deadletter-reason"), body.get(b"deadletter-description")
        changes = items_of(request.item("properties-to-modify"))
        properties = {name: bytes(value) for name, value in changes.items()}
        verdict = Verdict(_SETTLEMENTS[status], _optional(reason), _optional(description), properties)
        tokens = [token.bytes_le for token in _tokens(request)]
        for token in tokens:
            queue.lock(token)
        waiting = Countdown(len(tokens), reply)
        for token in tokens:
            queue.settle(token, verdict, waiting.done)

    def _receive_deferred(self, request: Request, reply: Reply) -> None:
        queue, body = self._entity.receivable(), request.body
        consumer = self._sessions.held(request)[1] if isinstance(queue, SessionQueue) else None
        numbers = [int(number) for number in body[b"sequence-numbers"]]
        if int(body[b"receiver-settle-mode"]) == _SETTLES_ON_DELIVERY:

            def done(error: ServiceError | None) -> None:
                reply(_deliveries(delivered) if error is None else Response.of(error))

            delivered = queue.receive_deferred(numbers, consumer, done)
        else:
            reply(_deliveries(queue.lock_deferred(numbers, consumer)))

    def _peek(self, request: Request, reply: Reply) -> None:
        queue, body, store = self._entity.receivable(), request.body, self._broker.store
        queue.accessed_at = self._broker.clock()
        session_id = body.get(b"session-id")
        limit = min(int(body[b"message-count"]), _PEEK_COUNT)
        session_id = None if session_id is None else as_text(session_id)
        messages, size = [], 0
        for sequence in store.tables.sequences(queue.id, int(body[b"from-sequence-number"]), limit, session_id):
            record = queue.records.get(sequence)
            if record is None or size > _PEEK_BYTES:
                continue
            message = encode(record, store.body(record), None, peeked=True)
            size += len(message)
            messages.append({"message": message})
        reply(Response(body={"messages": messages}) if messages else _NO_CONTENT)

    def _schedule(self, request: Request, reply: Reply) -> None:
        encoded = [each[b"message"] for each in request.body[b"messages"]]
        destination = self._entity.sendable()
        largest, limit = max(map(len, encoded), default=0), destination.settings.max_message_size
        if largest > limit:
            raise MessageTooLarge(largest, limit)

        def done(error: ServiceError | None) -> None:
            body = {"sequence-numbers": codec.array([codec.long(number) for number in numbers])}
            reply(Response(body=body) if error is None else Response.of(error))

        numbers = destination.publish([decode(each) for each in encoded], done)

    def _cancel(self, request: Request, reply: Reply) -> None:
        self._entity.sendable().scheduled.cancel(request.body[b"sequence-numbers"], Countdown(1, reply).done)


def _deliveries(delivered: Sequence[Delivered]) -> Response:
    messages = []
    for record, body, lock in delivered:
        item: dict[str, Any] = {"message": encode(record, body, lock)}
        if lock is not None:
            item["lock-token"] = uuid.UUID(bytes_le=lock.token)
        messages.append(item)
    return Response(body={"messages": messages})


def _tokens(request: Request) -> list[uuid.UUID]:
    return list(request.body[b"lock-tokens"])


def _optional(value: object) -> str | None:
    return None if value is None else as_text(value)

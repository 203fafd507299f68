"""Which messages of a queue are locked."""

import os
from collections.abc import Iterator

from servicebus_local.broker.consumer import Consumer, Lock
from servicebus_local.record import MessageRecord


class LockTable:
    """Locks by token. All locks of a queue last equally long, so their order is that of their ends."""

    def __init__(self) -> None:
        self._locks: dict[bytes, Lock] = {}

    def add(self, record: MessageRecord, until: int, consumer: Consumer | None) -> Lock:
        """Lock a message, for a consumer or for whoever knows the token."""
        lock = Lock(os.urandom(16), record, until, consumer)
        self._locks[lock.token] = lock
        if consumer is not None:
            consumer.held.add(lock)
        return lock

    def get(self, token: bytes) -> Lock | None:
        """The lock of that token, unless its message is being settled."""
        lock = self._locks.get(token)
        return None if lock is None or lock.record.busy else lock

    def __iter__(self) -> Iterator[Lock]:
        """Go through the locks; none may be added or dropped meanwhile."""
        return iter(self._locks.values())

    def __contains__(self, lock: Lock) -> bool:
        """Say whether a lock is still there."""
        return self._locks.get(lock.token) is lock

    def prolong(self, lock: Lock, until: int) -> None:
        """Set a later end."""
        del self._locks[lock.token]
        self._locks[lock.token] = lock
        lock.until = until

    def drop(self, lock: Lock) -> None:
        """Forget a lock."""
        self._locks.pop(lock.token, None)
        if lock.consumer is not None:
            lock.consumer.held.discard(lock)

    def sort(self) -> None:
        """Put them in the order of their ends again."""
        self._locks = dict(sorted(self._locks.items(), key=lambda item: item[1].until))

    def expired(self, now: int) -> list[Lock]:
        """The locks that have ended, but for those whose messages are being settled."""
        expired = []
        for lock in self._locks.values():
            if lock.until > now:
                break
            if not lock.record.busy:
                expired.append(lock)
        return expired

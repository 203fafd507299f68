"""Duplicate detection: which MessageIds an entity has seen within its window."""

from collections.abc import Iterable

from servicebus_local.storage.store import Store


class History:
    """MessageIds of one entity, oldest first; they outlive the process.

    https://learn.microsoft.com/azure/service-bus-messaging/duplicate-detection: only the MessageId counts, and
    what was seen within the window is accepted and dropped.
    """

    def __init__(self, queue: int, window: int, store: Store) -> None:
        self._queue = queue
        self.window = window
        self._store = store
        self._seen: dict[str, int] = dict(store.tables.history(queue))

    def note(self, message_id: str, now: int) -> bool:
        """Remember a MessageId; False when it is a duplicate."""
        seen_at = self._seen.get(message_id)
        if seen_at is not None and seen_at > now - self.window:
            return False
        self._seen.pop(message_id, None)
        self._seen[message_id] = now
        self._store.writes.remembered.append((self._queue, message_id, now))
        return True

    def forget(self, message_ids: Iterable[str]) -> None:
        """Undo `note`, when the messages were not stored."""
        for message_id in message_ids:
            self._seen.pop(message_id, None)

    def advance(self, now: int) -> None:
        """Drop what has left the window."""
        old = []
        for message_id, seen_at in self._seen.items():
            if seen_at > now - self.window:
                break
            old.append(message_id)
        if old:
            self.forget(old)
            self._store.writes.forgotten.extend((self._queue, message_id) for message_id in old)

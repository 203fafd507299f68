"""Sequence numbers of one entity; a dead-letter queue shares those of its entity."""

from mti.local.namespace.storage.store import QueueRow, Store


class SequenceCounter:
    """Gives numbers that rise and are never given twice, also not after a restart."""

    def __init__(self, row: QueueRow, store: Store) -> None:
        self._queue = row.id
        self._next = row.next_sequence
        self._store = store

    def take(self) -> int:
        """The next number."""
        number = self._next
        self._next += 1
        self._store.writes.sequences[self._queue] = self._next
        return number

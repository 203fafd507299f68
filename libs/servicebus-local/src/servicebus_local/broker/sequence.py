"""Sequence numbers of one entity; a dead-letter queue shares those of its entity."""

from servicebus_local.storage.store import Store
from servicebus_local.storage.tables import QueueRow

_RESERVED = 256
"""Numbers that one write reserves; those that were not given are skipped after a crash, not after an orderly stop."""


class SequenceCounter:
    """Gives numbers that rise and are never given twice, also not after a restart."""

    def __init__(self, row: QueueRow, store: Store) -> None:
        self._queue = row.id
        self._next = self._reserved = row.next_sequence
        self._store = store

    def take(self) -> int:
        """The next number."""
        number = self._next
        self._next += 1
        if self._next > self._reserved:
            self._reserved = number + _RESERVED
            self._store.writes.sequences[self._queue] = self._reserved
        return number

    def release(self) -> None:
        """Give back what was reserved; the last thing before the end."""
        if self._reserved != self._next:
            self._reserved = self._next
            self._store.writes.sequences[self._queue] = self._next

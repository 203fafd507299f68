"""Messages that can be received, in the order of their sequence numbers."""

import heapq
from collections.abc import Mapping

from servicebus_local.record import MessageRecord, State


class ReadyMessages:
    """The messages of a queue or session. Those that were settled, locked or have expired meanwhile are passed over."""

    def __init__(self, records: Mapping[int, MessageRecord]) -> None:
        self._records = records
        self._heap: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._heap)

    def add(self, record: MessageRecord) -> None:
        """Add a message, in its order."""
        heapq.heappush(self._heap, record.sequence)

    def first(self, now: int) -> MessageRecord | None:
        """The message that is next, if there is one."""
        while self._heap:
            record = self._records.get(self._heap[0])
            if record is not None and _is_receivable(record, now):
                return record
            heapq.heappop(self._heap)
        return None

    def take(self, now: int) -> MessageRecord | None:
        """Take the next message out."""
        record = self.first(now)
        if record is not None:
            heapq.heappop(self._heap)
        return record


def _is_receivable(record: MessageRecord, now: int) -> bool:
    lives = record.expires_at is None or record.expires_at > now
    return lives and record.state is State.ACTIVE and not record.busy

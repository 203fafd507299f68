"""Which message has its time next."""

import heapq

_SLACK = 64


class Timetable:
    """Sequence numbers by time. Removed ones leave the heap when they surface, or when they outnumber the others."""

    def __init__(self) -> None:
        self._times: dict[int, int] = {}
        self._heap: list[tuple[int, int]] = []

    def add(self, when: int, sequence: int) -> None:
        """Set or change the time of a message."""
        if self._times.get(sequence) != when:
            self._times[sequence] = when
            heapq.heappush(self._heap, (when, sequence))

    def discard(self, sequence: int) -> None:
        """Forget a message; no matter whether it is here."""
        if self._times.pop(sequence, None) is not None and len(self._heap) > 2 * len(self._times) + _SLACK:
            self._heap = [(when, number) for number, when in self._times.items()]
            heapq.heapify(self._heap)

    def due(self, now: int | None) -> list[int]:
        """Take out what has its time at `now`, earliest first; None takes all."""
        due = []
        while self._heap and (now is None or self._heap[0][0] <= now):
            when, sequence = heapq.heappop(self._heap)
            if self._times.get(sequence) == when:
                del self._times[sequence]
                due.append(sequence)
        return due

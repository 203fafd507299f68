"""Bodies that were written or read lately: a message is most often received soon after it was sent."""

from collections import OrderedDict

from servicebus_local.record import Body

_LIMIT = 8 * 1024 * 1024
"""Bytes of memory, however long the backlog is."""
_OVERHEAD = 256


class RecentBodies:
    """The last bodies by their keys; the oldest make room."""

    def __init__(self) -> None:
        self._bodies: OrderedDict[int, Body] = OrderedDict()
        self._size = 0

    def get(self, key: int) -> Body | None:
        """A body, when it is still here."""
        return self._bodies.get(key)

    def add(self, key: int, body: Body) -> None:
        """Keep a body for a while."""
        if key in self._bodies:
            return
        self._bodies[key] = body
        self._size += _size(body)
        while self._size > _LIMIT:
            self._size -= _size(self._bodies.popitem(last=False)[1])

    def discard(self, key: int) -> None:
        """Forget a body that is deleted."""
        body = self._bodies.pop(key, None)
        if body is not None:
            self._size -= _size(body)


def _size(body: Body) -> int:
    return len(body.annotations) + len(body.bare) + _OVERHEAD

"""What is sent on a connection: gathered, so that much leaves at once, and held back from a client that is slow."""

import asyncio
from collections.abc import Callable

from servicebus_local.clock import Clock

_ROOM = 256 * 1024
"""Bytes that may wait in this process for a client; beyond that its messages stay in the storage."""


class Output:
    """The way out. `defer` runs a function soon."""

    def __init__(self, clock: Clock, defer: Callable[[Callable[[], None]], object]) -> None:
        self.on_room: Callable[[], None] = lambda: None
        """Called when there is room again."""
        self.written_at = clock()
        """When something was last sent."""
        self._clock = clock
        self._defer = defer
        self._transport: asyncio.Transport | None = None
        self._output: list[bytes] = []
        self._pending = 0
        self._paused = False

    def connect(self, transport: asyncio.Transport) -> None:
        """The client is there."""
        transport.set_write_buffer_limits(high=4 * _ROOM)
        self._transport = transport

    def write(self, data: bytes) -> None:
        """Send bytes, together with what else is written before the loop comes to it."""
        if not self._output:
            self._defer(self._flush)
        self._output.append(data)
        self._pending += len(data)

    def reserve(self, size: int) -> None:
        """Count bytes that will be written; negative once they are."""
        self._pending += size

    @property
    def has_room(self) -> bool:
        """Whether the client keeps up with what is sent to it."""
        return self._transport is not None and not self._paused and self._pending < _ROOM

    def pause(self) -> None:
        """The client does not keep up."""
        self._paused = True

    def resume(self) -> None:
        """The client has caught up."""
        self._paused = False
        self.on_room()

    def close(self) -> None:
        """End the connection once all is sent."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End the connection without a word."""
        transport = self.disconnect()
        if transport is not None:
            transport.abort()

    def disconnect(self) -> asyncio.Transport | None:
        """The client is gone: nothing can be sent any more."""
        transport, self._transport = self._transport, None
        return transport

    def _flush(self) -> None:
        data = b"".join(self._output)
        self._output.clear()
        was_full = self._pending >= _ROOM
        self._pending -= len(data)
        if self._transport is not None and not self._transport.is_closing():
            self.written_at = self._clock()
            self._transport.write(data)
            if was_full and not self._paused:
                self.on_room()

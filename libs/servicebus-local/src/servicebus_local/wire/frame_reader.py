"""The bytes of a connection, cut into protocol headers and frames.

https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-transport-v1.0-os.html#section-framing
"""

from collections.abc import Callable

from servicebus_local.errors import ProtocolViolation
from servicebus_local.wire import frames


class FrameReader:
    """Calls back with each header and each frame, in the order in which they come."""

    def __init__(self, on_header: Callable[[bytes], None], on_frame: Callable[[memoryview], None]) -> None:
        self.awaits_header = True
        """Whether a protocol header comes next."""
        self._on_header = on_header
        self._on_frame = on_frame
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take what came; the start of a frame waits for its end. Raises `ProtocolViolation`."""
        data = self._rest + data if self._rest else data
        view, position = memoryview(data), 0
        while len(data) - position >= frames.HEADER_SIZE:
            if self.awaits_header:
                self.awaits_header = False
                self._on_header(data[position : position + frames.HEADER_SIZE])
                position += frames.HEADER_SIZE
                continue
            size = int.from_bytes(view[position : position + 4], "big")
            if not frames.HEADER_SIZE <= size <= frames.MAX_FRAME_SIZE:
                raise ProtocolViolation("amqp:connection:framing-error", f"a frame of {size} bytes")
            if len(data) - position < size:
                break
            self._on_frame(view[position : position + size])
            position += size
        self._rest = data[position:]

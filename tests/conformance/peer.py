"""A client that says exactly what a test wants said: AMQP frame by frame, below any library.

It shows what one client sends, or needs, that azure-servicebus of this project's version does not.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from servicebus_local.amqp import codec
from servicebus_local.wire import frames
from tests.support.waiting import in_time

SASL_MECHANISMS, SASL_OUTCOME = 0x40, 0x44
WINDOW = 1000


class Frame(NamedTuple):
    """A frame that came: its code, its fields, and the bytes of its body."""

    code: int
    fields: list[Any]
    body: bytes


def uint(value: int) -> codec.Typed:
    """A uint."""
    return {"TYPE": "UINT", "VALUE": value}


def ubyte(value: int) -> codec.Typed:
    """A ubyte."""
    return {"TYPE": "UBYTE", "VALUE": value}


def described(descriptor: bytes, *fields: object) -> bytes:
    """A composite value: its descriptor, encoded, and its fields; bytes are encoded already."""
    items = [each if isinstance(each, bytes) else codec.encode_value(each) for each in fields]
    content = b"".join(items)
    return (
        b"\x00" + descriptor + b"\xd0" + (len(content) + 4).to_bytes(4, "big") + len(items).to_bytes(4, "big") + content
    )


def code(number: int) -> bytes:
    """A descriptor in one byte, as everybody writes it."""
    return b"\x53" + bytes((number,))


class Peer:
    """The client's end of a connection, with one session on channel 0."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.descriptor: Callable[[int], bytes] = code
        """How the performatives' descriptors are encoded."""

    async def sasl(self, mechanism: str, response: bytes) -> int:
        """Log in; returns the outcome's code."""
        self._writer.write(frames.SASL_HEADER)
        assert await in_time(self._reader.readexactly(8)) == frames.SASL_HEADER
        await self.read(SASL_MECHANISMS)
        body = described(self.descriptor(frames.SASL_INIT), codec.symbol(mechanism), binary(response), "host")
        self._write(body, kind=1)
        return int((await self.read(SASL_OUTCOME)).fields[0])

    async def open(self, *, idle_timeout: int | None = None) -> None:
        """Open the connection and a session."""
        self._writer.write(frames.AMQP_HEADER)
        assert await in_time(self._reader.readexactly(8)) == frames.AMQP_HEADER
        timeout = None if idle_timeout is None else uint(idle_timeout)
        self.send(frames.OPEN, "peer", "host", uint(65536), {"TYPE": "USHORT", "VALUE": 10}, timeout)
        await self.read(frames.OPEN)
        self.send(frames.BEGIN, None, uint(0), uint(WINDOW), uint(WINDOW))
        await self.read(frames.BEGIN)

    def send(self, performative: int, *fields: object, payload: bytes = b"") -> None:
        """Send a performative."""
        self._write(described(self.descriptor(performative), *fields) + payload)

    async def read(self, wanted: int) -> Frame:
        """The next frame of that code; others are passed over."""
        while True:
            frame = await self.next()
            if frame is not None and frame.code == wanted:
                return frame

    async def next(self) -> Frame | None:
        """The next frame; None for an empty one, which only says that the other end lives."""
        size = int.from_bytes(await in_time(self._reader.readexactly(4)), "big")
        rest = await in_time(self._reader.readexactly(size - 4))
        if size == frames.HEADER_SIZE:
            return None
        body = rest[4:]
        number, fields = codec.decode_performative(memoryview(body))
        return Frame(number, list(fields), body)

    async def attach(
        self,
        name: str,
        handle: int,
        *,
        source: str | None = None,
        target: str | None = None,
        answered: bool = True,
    ) -> bytes | None:
        """Attach a link; returns the condition with which it is refused, None when it is open, or nobody answers."""
        self._attach(name, handle, source is not None, source, target, uint(0) if source is None else None)
        if not answered:
            return None
        answer = await self.read(frames.ATTACH)
        terminus = answer.fields[5 if source is not None else 6]
        if terminus is not None:
            return None
        return bytes((await self.read(frames.DETACH)).fields[2][0])

    async def send_to(self, address: str, handle: int = 0, delivery_count: int | None = 0) -> Frame:
        """Attach a link to send on; returns the flow that gives credit."""
        started = None if delivery_count is None else uint(delivery_count)
        self._attach(f"to-{address}-{handle}", handle, False, None, address, started)
        await self.read(frames.ATTACH)
        return await self.read(frames.FLOW)

    async def receive_from(
        self, address: str, handle: int = 1, credit: int = 10, filters: dict[str, Any] | None = None
    ) -> Frame:
        """Attach a link to receive on and give credit; returns the attach that answers."""
        self._attach(f"from-{address}-{handle}", handle, True, address, None, None, filters)
        found = await self.read(frames.ATTACH)
        self.flow(handle, credit)
        return found

    def flow(self, handle: int, credit: int, *, delivery_count: int = 0, echo: bool = False) -> None:
        """Give credit."""
        numbers: Sequence[object] = (uint(0), uint(WINDOW), uint(0), uint(WINDOW), uint(handle), uint(delivery_count))
        self.send(frames.FLOW, *numbers, uint(credit), None, False, echo)

    def transfer(self, handle: int, delivery_id: int, payload: bytes) -> None:
        """Send a message."""
        self.send(
            frames.TRANSFER,
            uint(handle),
            uint(delivery_id),
            binary(str(delivery_id).encode()),
            uint(0),
            False,
            False,
            payload=payload,
        )

    def settle(self, delivery_id: int, state: bytes, *, settled: bool = True) -> None:
        """Say what became of a delivery; the state is encoded."""
        self.send(frames.DISPOSITION, True, uint(delivery_id), uint(delivery_id), settled, state)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    def _attach(
        self,
        name: str,
        handle: int,
        receives: bool,
        source: str | None,
        target: str | None,
        delivery_count: object,
        filters: dict[str, Any] | None = None,
    ) -> None:
        ends = (
            described(self.descriptor(0x28), source, *[None] * 6, filters),
            described(self.descriptor(0x29), target),
        )
        self.send(frames.ATTACH, name, uint(handle), receives, ubyte(0), ubyte(0), *ends, None, None, delivery_count)

    def _write(self, body: bytes, *, kind: int = 0) -> None:
        self._writer.write((len(body) + 8).to_bytes(4, "big") + bytes((2, kind, 0, 0)) + body)


def binary(value: bytes) -> bytes:
    """Bytes, encoded."""
    return b"\xb0" + len(value).to_bytes(4, "big") + value


@asynccontextmanager
async def connected(port: int, *, opened: bool = True) -> AsyncIterator[Peer]:
    """Connect to a namespace on this machine."""
    peer = Peer(*await asyncio.open_connection("127.0.0.1", port))
    try:
        if opened:
            await peer.open()
        yield peer
    finally:
        peer.close()


def message(text: str = "x", *, descriptor: Any = code) -> bytes:
    """A message with a body alone."""
    return b"\x00" + bytes(descriptor(0x75)) + b"\xa0" + bytes((len(text),)) + text.encode()

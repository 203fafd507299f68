"""The protocol below the SDK: a connection that asks for a heartbeat and says nothing else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from servicebus_local import ManualClock, Namespace, NamespaceProcess
from tests.support.waiting import in_time

AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
HEARTBEAT = b"\x00\x00\x00\x08\x02\x00\x00\x00"
OPEN = bytes.fromhex("0000001d02000000005310c01005a10163404060ffff70000003e8").ljust(29, b"\x40")


async def beating(namespace: Namespace | NamespaceProcess) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection that asks for a heartbeat at least once a second."""
    reader, writer = await asyncio.open_connection("127.0.0.1", namespace.port)
    writer.write(AMQP_HEADER + OPEN)
    assert await in_time(reader.readexactly(8)) == AMQP_HEADER
    size = int.from_bytes(await in_time(reader.readexactly(4)), "big")
    await in_time(reader.readexactly(size - 4))
    return reader, writer


@asynccontextmanager
async def passing(namespace: Namespace, clock: ManualClock) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Hand out what moves the clock on and returns once the namespace has seen to all that is due.

    It looks at tokens and idle links once a second, when it sends heartbeats too: the first of the new time tells.
    """
    reader, writer = await beating(namespace)

    async def move(milliseconds: int) -> None:
        clock.advance(milliseconds)
        assert await in_time(reader.readexactly(len(HEARTBEAT))) == HEARTBEAT

    try:
        yield move
    finally:
        writer.close()

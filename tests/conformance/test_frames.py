"""What other clients need of the frames, or send in theirs, that azure-servicebus of this version does not."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from servicebus_local.pytest_plugin import ServiceBusNamespace
from servicebus_local.wire import frames
from tests.conformance.peer import Peer, connected, described, message, uint
from tests.conformance.sdk import Sdk
from tests.support.waiting import PATIENCE


@pytest_asyncio.fixture
async def sdk(service_bus: ServiceBusNamespace) -> AsyncIterator[Sdk]:
    """The SDK beside the peer: it makes queues."""
    made = Sdk(service_bus, asynchronously=True)
    yield made
    await made.close()


async def test_a_transfer_leaves_none_of_its_eleven_fields_out(sdk: Sdk) -> None:
    """azure-servicebus before 7.15 takes the field behind the eleventh for the payload."""
    queue = await sdk.queue()
    await sdk.send(queue, "x")
    async with connected(sdk.namespace.port) as peer:
        await peer.receive_from(queue)
        frame = await peer.read(frames.TRANSFER)
        count_at = 5 if frame.body[3] == 0xC0 else 11
        assert frame.body[count_at] == 11


async def test_a_disposition_leaves_none_of_its_six_fields_out(sdk: Sdk) -> None:
    queue = await sdk.queue()
    async with connected(sdk.namespace.port) as peer:
        await peer.send_to(queue)
        peer.transfer(0, 0, message())
        frame = await peer.read(frames.DISPOSITION)
        assert frame.body[3:6:2] == b"\xc0\x06"


def _in_eight_bytes(number: int) -> bytes:
    return b"\x80" + number.to_bytes(8, "big")


_SYMBOLS = {
    0x10: b"amqp:open:list",
    0x11: b"amqp:begin:list",
    0x12: b"amqp:attach:list",
    0x13: b"amqp:flow:list",
    0x14: b"amqp:transfer:list",
    0x15: b"amqp:disposition:list",
    0x24: b"amqp:accepted:list",
    0x28: b"amqp:source:list",
    0x29: b"amqp:target:list",
    0x75: b"amqp:data:binary",
}


def _as_symbol(number: int) -> bytes:
    return b"\xa3" + bytes((len(_SYMBOLS[number]),)) + _SYMBOLS[number]


@pytest.mark.parametrize("descriptor", [_in_eight_bytes, _as_symbol])
async def test_a_descriptor_may_be_a_symbol_or_eight_bytes_long(sdk: Sdk, descriptor: Callable[[int], bytes]) -> None:
    queue = await sdk.queue()
    async with connected(sdk.namespace.port, opened=False) as peer:
        peer.descriptor = descriptor
        await peer.open()
        await peer.send_to(queue)
        peer.transfer(0, 0, message("hello", descriptor=descriptor))
        assert (await peer.read(frames.DISPOSITION)).fields[4] == {"accepted": []}
        await peer.receive_from(queue)
        delivery = await peer.read(frames.TRANSFER)
        assert bytes(delivery.fields[11]).endswith(message("hello"))
        peer.settle(delivery.fields[1], described(descriptor(0x24)), settled=False)
        assert (await peer.read(frames.DISPOSITION)).fields[4] == {"accepted": []}
    assert await sdk.active(queue) == 0


@pytest.mark.parametrize("started_at", [5, 2_000, 0xFFFFFFF0])
async def test_a_sender_counts_from_where_it_likes_and_keeps_its_credit(sdk: Sdk, started_at: int) -> None:
    queue = await sdk.queue()
    async with connected(sdk.namespace.port) as peer:
        granted = await peer.send_to(queue, delivery_count=started_at)
        credit = granted.fields[6]
        assert (granted.fields[5], credit > 0) == (started_at, True)
        for number in range(credit):
            peer.transfer(0, number, message())
        more = await peer.read(frames.FLOW)
        counted = (more.fields[5] - started_at) % (1 << 32)
        assert 0 < counted <= credit
        assert more.fields[6] == credit


async def test_an_echo_without_a_link_is_answered_with_the_state_of_the_session(sdk: Sdk) -> None:
    async with connected(sdk.namespace.port) as peer:
        peer.send(frames.FLOW, uint(0), uint(1000), uint(0), uint(1000), None, None, None, None, False, True)
        answer = await peer.read(frames.FLOW)
        assert answer.fields[0] == 0
        assert answer.fields[4] is None


def _transfers(peer: Peer) -> None:
    peer.transfer(7, 0, message())


def _flows(peer: Peer) -> None:
    peer.flow(7, 10)


def _detaches(peer: Peer) -> None:
    peer.send(frames.DETACH, uint(7), True)


@pytest.mark.parametrize("uses", [_transfers, _flows, _detaches])
async def test_a_handle_without_a_link_ends_the_session_and_not_the_connection(
    sdk: Sdk, uses: Callable[[Peer], None]
) -> None:
    queue = await sdk.queue()
    async with connected(sdk.namespace.port) as peer:
        uses(peer)
        end = await peer.read(frames.END)
        assert end.fields[0][0] == b"amqp:session:unattached-handle"
        uses(peer)  # goes nowhere: the session is ended
        peer.send(frames.END)
        peer.send(frames.BEGIN, None, uint(0), uint(1000), uint(1000))
        await peer.read(frames.BEGIN)
        await peer.send_to(queue)
        peer.transfer(0, 0, message())
        await peer.read(frames.DISPOSITION)
    assert await sdk.active(queue) == 1


async def test_a_handle_is_unattached_again_once_its_link_is_detached(sdk: Sdk) -> None:
    queue = await sdk.queue()
    async with connected(sdk.namespace.port) as peer:
        await peer.send_to(queue, handle=7)
        _detaches(peer)
        await peer.read(frames.DETACH)
        _transfers(peer)
        assert (await peer.read(frames.END)).fields[0][0] == b"amqp:session:unattached-handle"


async def test_a_handle_that_is_in_use_cannot_be_attached_again(sdk: Sdk) -> None:
    queue = await sdk.queue()
    async with connected(sdk.namespace.port) as peer:
        await peer.send_to(queue, handle=7)
        await peer.attach("another", 7, target=queue, answered=False)
        assert (await peer.read(frames.END)).fields[0][0] == b"amqp:session:handle-in-use"


async def test_a_connection_with_an_idle_time_out_of_a_second_is_kept_alive(service_bus: ServiceBusNamespace) -> None:
    """Something comes more often than once a second; on a machine that is busy, at some time."""
    async with connected(service_bus.port, opened=False) as peer:
        await peer.open(idle_timeout=1000)
        loop = asyncio.get_running_loop()
        assert await peer.next() is None
        before, gap = loop.time(), 1.0
        async with asyncio.timeout(PATIENCE):
            while gap > 0.8:
                assert await peer.next() is None
                before, gap = loop.time(), loop.time() - before

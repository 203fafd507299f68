"""Connections: how they drop, how they are kept alive, and how nonsense is answered."""

import asyncio
import socket
import struct
from typing import Self

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from servicebus_local import ManualClock
from servicebus_local.amqp import codec
from servicebus_local.wire import frames
from tests.servicebus_local.bus import NOTHING, WAIT, Bus, Serve, bodies, receive
from tests.servicebus_local.wire import AMQP_HEADER, HEARTBEAT, OPEN, beating
from tests.support.waiting import in_time, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

SASL_HEADER = b"AMQP\x03\x01\x00\x00"


class Wire:
    """A forwarder between client and namespace that can be cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.cut()
        await self._server.wait_closed()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.append(writer)
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers.append(back_writer)
        await asyncio.gather(_copy(reader, back_writer), _copy(back_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    except ConnectionError:
        pass
    finally:
        writer.close()


def client_through(wire: Wire, bus: Bus) -> ServiceBusClient:
    text = bus.namespace.connection_string.replace(str(bus.namespace.port), str(wire.port))
    return ServiceBusClient.from_connection_string(text, retry_total=0)


async def test_a_dropped_connection_frees_its_messages_at_once(serve: Serve) -> None:
    bus = await serve(queues={"q": {"LockDuration": "PT5M"}})
    await bus.send("q", "a", "b")
    async with Wire(bus.namespace.port) as wire, client_through(wire, bus) as client:
        receiver = client.get_queue_receiver("q")
        assert bodies(await receive(receiver, 2)) == ["a", "b"]
        wire.cut()
        async with bus.receiver("q") as other:
            again = await receive(other, 2)
            assert bodies(again) == ["a", "b"]
            assert [message.delivery_count for message in again] == [1, 1]


async def test_a_dropped_connection_frees_its_session(serve: Serve) -> None:
    bus = await serve(queues={"q": {"LockDuration": "PT5M", "RequiresSession": True}})
    await bus.send("q", ServiceBusMessage("a", session_id="s"))
    async with Wire(bus.namespace.port) as wire, client_through(wire, bus) as client:
        await receive(client.get_queue_receiver("q", session_id="s"))
        wire.cut()

        async def nothing_is_locked() -> bool:
            return not (await bus.stats("q"))["locked"]

        await until(nothing_is_locked)
        async with bus.receiver("q", session_id="s") as other:
            (again,) = await receive(other)
            assert again.delivery_count == 1


async def test_closing_gives_prefetched_messages_back_uncounted(serve: Serve) -> None:
    bus = await serve(queues={"q": {"LockDuration": "PT5M"}})
    await bus.send("q", *"abcdef")
    async with bus.client.get_queue_receiver("q", prefetch_count=10) as receiver:
        (message,) = await receive(receiver)
        await receiver.complete_message(message)
    async with bus.receiver("q") as other:
        rest = await receive(other, 5)
        assert bodies(rest) == ["b", "c", "d", "e", "f"]
        assert {message.delivery_count for message in rest} == {0}


async def test_a_prefetching_receiver_that_is_slow_does_not_stall_the_others(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    async with bus.receiver("q", prefetch_count=500) as slow, bus.receiver("q") as quick:
        await receive(slow, wait=NOTHING)
        await bus.send("q", *[ServiceBusMessage(b"x" * 200_000) for _ in range(100)])
        assert len(await receive(quick, 5)) == 5


async def test_a_silent_client_is_cut_off_and_a_beating_one_is_not(serve: Serve, clock: ManualClock) -> None:
    bus = await serve(queues={"q": {}}, clock=clock, idle_timeout=60_000)
    silent, alive = [await beating(bus.namespace) for _ in range(2)]
    for _ in range(4):
        # Less than half of what a silent one is given: a beat that is read a step too late is none too late.
        clock.advance(50_000)
        alive[1].write(HEARTBEAT)
        assert await in_time(alive[0].readexactly(len(HEARTBEAT))) == HEARTBEAT
    async with asyncio.timeout(WAIT):
        while await silent[0].read(1000):
            pass
    assert not alive[0].at_eof()
    for _, writer in (silent, alive):
        writer.close()


async def test_heartbeats_are_sent_to_who_asks_for_them(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    reader, writer = await beating(bus.namespace)
    async with asyncio.timeout(WAIT):
        assert await reader.readexactly(8) == HEARTBEAT
    writer.close()


@pytest.mark.parametrize(
    "nonsense",
    [b"AMQP/HTTP 1.1\r\n\r\n", AMQP_HEADER + b"\x00\x00\x00\x04\x02\x00\x00\x00", AMQP_HEADER + b"\xff" * 20],
)
async def test_nonsense_ends_the_connection_and_nothing_else(serve: Serve, nonsense: bytes) -> None:
    bus = await serve(queues={"q": {}})
    reader, writer = await asyncio.open_connection("127.0.0.1", bus.namespace.port)
    writer.write(nonsense)
    async with asyncio.timeout(WAIT):
        assert (await reader.read()).startswith(AMQP_HEADER)
    writer.close()
    assert (await bus.stats("q"))["active"] == 0


def frame(body: bytes, *, channel: int = 0, start: int = 2, kind: int = 0) -> bytes:
    return struct.pack(">IBBH", len(body) + 8, start, kind, channel) + body


def attach(handle: int, name: str, *, receiver: bool, address: str = "q", send_settle_mode: int = 0) -> bytes:
    near, far = codec.source("client"), codec.target(address)
    source, target = (codec.source(address), codec.target("client")) if receiver else (near, far)
    settings = (send_settle_mode, 0, source, target, None, None, None if receiver else 0, None, None, None, None)
    return codec.encode_frame(0, codec.Attach(name, handle, receiver, *settings))


BEGIN = codec.encode_frame(0, codec.Begin(None, 0, 100, 100, 255, None, None, None))
CLOSE = codec.encode_frame(0, codec.Close(None))
SESSION = AMQP_HEADER + OPEN + BEGIN
VIOLATIONS = [
    (AMQP_HEADER + BEGIN, b"amqp:illegal-state"),
    (AMQP_HEADER + OPEN + OPEN, b"amqp:illegal-state"),
    (SESSION + BEGIN, b"amqp:illegal-state"),
    (AMQP_HEADER + OPEN + frame(BEGIN[8:], channel=5000), b"amqp:connection:framing-error"),
    (SESSION + frame(CLOSE[8:], start=1), b"amqp:connection:framing-error"),
    (SESSION + frame(CLOSE[8:], start=200), b"amqp:connection:framing-error"),
    (SESSION + frame(CLOSE[8:], kind=7), b"amqp:connection:framing-error"),
    (SESSION + frame(b"\x00\x53\x41\x45", kind=1), b"amqp:connection:framing-error"),
    (SESSION + frame(b"\x00\x53\x77\x45"), b"amqp:not-implemented"),
    (SESSION + frame(b"\x45"), b"amqp:decode-error"),
    (SESSION + frame(b"\x00\x53\x11\xd0\xff\xff"), b"amqp:decode-error"),
    (SESSION + frame(b"\x00\x53\x13\xc0\x03\x01\x3f\x40"), b"amqp:decode-error"),
    (SESSION + frame(b"\x00\x53\x13\x45"), b"amqp:decode-error"),
    (SESSION + attach(0, "name", receiver=False).replace(b"name", b"\xff\xfe\xfd\xfc"), b"amqp:decode-error"),
    (SESSION + attach(0, "name", receiver=False, send_settle_mode=9), b"amqp:invalid-field"),
]


async def test_who_breaks_the_protocol_is_told_how(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    bus = await serve(queues={"q": {}})
    for stream, condition in VIOLATIONS:
        answer = await _answer(bus, stream)
        assert answer.startswith(AMQP_HEADER + b"\x00\x00\x00"), stream
        assert answer.count(b"servicebus-local") == 1, stream  # an open comes before every close
        assert condition in answer, stream
    assert not [record for record in caplog.records if record.exc_info]


async def test_an_unknown_sasl_mechanism_is_refused(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    answer = await _answer(bus, SASL_HEADER + frame(b"\x00\x53\x41\xc0\x08\x01\xa3\x05WRONG", kind=1))
    outcome = codec.encode_frame(0, codec.SaslOutcome(1, None), sasl=True)
    assert answer.startswith(SASL_HEADER)
    assert answer.endswith(outcome)


async def test_malformed_requests_and_verdicts_hurt_nobody_else(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    request = codec.encode_value([codec.string("id")])
    links = attach(0, "asks", receiver=False, address="q/$management") + attach(1, "takes", receiver=True)
    transfer = frames.transfer(
        0, 0, 0, b"t" * 16, b"\x00\x53\x73" + request + b"\x00\x53\x77\x3f", settled=False, more=False
    )
    credit = codec.encode_frame(0, codec.Flow(0, 100, 0, 100, 1, 0, 1, None, None, None, None))
    rejected = b"\x00\x53\x15\xc0\x0b\x05\x41\x43\x40\x42" + b"\x00\x53\x25\xc0\x02\x01\x41"
    await bus.send("q", "x")
    reader, writer = await asyncio.open_connection("127.0.0.1", bus.namespace.port)
    async with asyncio.timeout(WAIT):
        writer.write(SESSION + links + transfer + credit)
        answer = b""
        while b"DeliveryCount" not in answer and b"\x00\x53\x75" not in answer:
            answer += await reader.read(65536)
        writer.write(frame(rejected) + CLOSE)
        answer += await reader.read()
    writer.close()
    assert b"amqp:decode-error" in answer
    assert b"amqp:internal-error" not in answer
    assert (await bus.stats("q"))["dead_letter"] == 1


async def test_a_client_that_takes_tiny_frames_gets_what_every_peer_must_take(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    await bus.send("q", "x" * 2000)
    tiny = codec.encode_frame(0, codec.Open("c", None, 10, 100, None, None, None, None, None, None))
    credit = codec.encode_frame(0, codec.Flow(0, 100, 0, 100, 0, 0, 1, None, None, None, None))
    reader, writer = await asyncio.open_connection("127.0.0.1", bus.namespace.port)
    writer.write(AMQP_HEADER + tiny + BEGIN + attach(0, "takes", receiver=True) + credit)
    body = b""
    async with asyncio.timeout(WAIT):
        assert await reader.readexactly(8) == AMQP_HEADER
        while body.count(b"x") < 2000:
            size = int.from_bytes(await reader.readexactly(4), "big")
            assert size <= 512
            body += await reader.readexactly(size - 4)
    writer.close()


async def test_only_this_machine_can_connect(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    for port in (bus.namespace.port, bus.namespace.http_port):
        with socket.socket() as probe:
            probe.bind(("127.0.0.2", port))  # free on every other address


async def _answer(bus: Bus, stream: bytes) -> bytes:
    """Send bytes; return all that comes until the namespace hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", bus.namespace.port)
    writer.write(stream)
    async with asyncio.timeout(WAIT):
        answer = await reader.read()
    writer.close()
    return answer

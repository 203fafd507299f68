"""WebSockets below AMQP: refusals, messages and frames, control messages, back pressure."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType
from azure.servicebus import ServiceBusMessage, TransportType
from azure.servicebus.aio import ServiceBusClient
from websocket import ABNF, create_connection

from tests.servicebus_local.bus import NOTHING, WAIT, Bus, Serve, receive
from tests.servicebus_local.wire import AMQP_HEADER, OPEN

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:ssl=None is deprecated"),  # the SDK's own call of aiohttp
]

PATH = "/$servicebus/websocket"
CLOSE = b"\x00\x00\x00\x0c\x02\x00\x00\x00\x00\x53\x18\x45"
CLOSED = b"\x00\x53\x18\xc0\x02\x01\x40"


def url(bus: Bus, path: str = PATH) -> str:
    return f"ws://127.0.0.1:{bus.namespace.port}{path}"


@asynccontextmanager
async def websocket(bus: Bus, path: str = PATH, *protocols: str) -> AsyncIterator[ClientWebSocketResponse]:
    async with (
        asyncio.timeout(WAIT),
        aiohttp.ClientSession() as session,
        session.ws_connect(url(bus, path), protocols=protocols or ("AMQPWSB10",)) as socket,
    ):
        yield socket


async def rest_of(socket: ClientWebSocketResponse) -> bytes:
    return b"".join([message.data async for message in socket if message.type is WSMsgType.BINARY])


async def test_an_upgrade_elsewhere_or_to_something_else_is_refused(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    for path, protocol, status in (
        ("/$servicebus/other", "AMQPWSB10", 404),
        ("/q/websocket", "AMQPWSB10", 404),
        (PATH, "mqtt", 400),
        (PATH, "", 400),
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            async with websocket(bus, path, protocol):
                pass
        assert refusal.value.status == status
    async with (
        aiohttp.ClientSession() as session,
        session.get(url(bus).replace("ws:", "http:"), headers={"Sec-WebSocket-Protocol": "amqp"}) as answer,
    ):
        assert answer.status == 400
        assert "UPGRADE" in await answer.text()


@pytest.mark.parametrize(("path", "protocol"), [(PATH, "AMQPWSB10"), (PATH + "/", "amqp")])
async def test_frames_may_be_cut_anywhere_and_the_end_of_amqp_is_the_end_of_all(
    serve: Serve, path: str, protocol: str
) -> None:
    bus = await serve()
    async with websocket(bus, path, protocol) as socket:
        assert socket.protocol == protocol
        stream = AMQP_HEADER + OPEN + CLOSE
        for start in range(0, len(stream), 5):
            await socket.send_bytes(stream[start : start + 5])
        answer = await rest_of(socket)
        assert answer.startswith(AMQP_HEADER)
        assert answer.endswith(CLOSED)
        assert socket.close_code == 1000


async def test_fragments_are_joined_and_pings_between_them_are_answered(serve: Serve) -> None:
    bus = await serve()

    def talk() -> list[tuple[int, bytes]]:
        socket = create_connection(url(bus), subprotocols=["AMQPWSB10"], timeout=WAIT)
        stream = AMQP_HEADER + OPEN + CLOSE
        socket.send_frame(ABNF.create_frame(stream[:7], ABNF.OPCODE_BINARY, fin=0))
        socket.send_frame(ABNF.create_frame(stream[7:20], ABNF.OPCODE_CONT, fin=0))
        socket.ping("still there?")
        socket.send_frame(ABNF.create_frame(stream[20:], ABNF.OPCODE_CONT, fin=1))
        heard: list[tuple[int, bytes]] = []
        while not heard or heard[-1][0] != ABNF.OPCODE_CLOSE:
            opcode, frame = socket.recv_data_frame(control_frame=True)
            heard.append((opcode, bytes(frame.data)))
        socket.shutdown()  # type: ignore[no-untyped-call]
        return heard

    first, *others = await asyncio.to_thread(talk)
    assert first == (ABNF.OPCODE_PONG, b"still there?")
    answer = b"".join(data for opcode, data in others if opcode == ABNF.OPCODE_BINARY)
    assert answer.startswith(AMQP_HEADER)
    assert answer.endswith(CLOSED)


async def test_text_and_nonsense_end_the_connection(serve: Serve) -> None:
    bus = await serve()
    async with websocket(bus) as socket:
        await socket.send_str("AMQP")
        await rest_of(socket)
        assert socket.close_code == aiohttp.WSCloseCode.UNSUPPORTED_DATA
    async with websocket(bus) as socket:
        await socket.send_bytes(b"AMQP/HTTP 1.1\r\n\r\n")
        assert b"amqp:connection:framing-error" in await rest_of(socket)


async def test_a_client_that_does_not_read_is_not_sent_everything(serve: Serve) -> None:
    bus = await serve(queues={"q": {"LockDuration": "PT5M"}})
    sender = await bus.sender("q")
    for _ in range(100):
        await sender.send_messages(ServiceBusMessage(b"x" * 240_000))
    async with (
        ServiceBusClient.from_connection_string(
            bus.namespace.connection_string,
            transport_type=TransportType.AmqpOverWebsocket,
            custom_endpoint_address=f"sb://127.0.0.1:{bus.namespace.port}",
        ) as client,
        client.get_queue_receiver("q", prefetch_count=500) as slow,
    ):
        await receive(slow)
        await asyncio.sleep(NOTHING)
        held = (await bus.stats("q"))["locked"]
        assert held < 100
        assert len(await receive(slow, 99)) == 99

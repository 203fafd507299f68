"""A socket that is left open fails the tests, unless it is the Service Bus SDK's."""

import asyncio
import gc
import socket
import warnings

from tests.support import leaks


def left_open(made_by: str | None = None) -> list[str | None]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        one = socket.socket()
        if made_by is not None:
            leaks._made[id(one)] = made_by
        del one
        gc.collect()
    return [leaks.found_open(message) for message in caught if "unclosed" in str(message.message)]


def test_a_socket_of_ours_that_is_left_open_is_noticed_and_named() -> None:
    (leak,) = left_open()
    assert leak is not None
    assert leak.startswith("unclosed <socket.socket fd=")
    assert "made by tests.house.test_leaks:" in leak


def test_one_of_the_sdk_is_let_pass() -> None:
    assert left_open(leaks.SDK) == [None]


def test_a_frame_of_the_sdk_makes_the_socket_its_own() -> None:
    names = {"__name__": "azure.servicebus._pyamqp.aio._transport_async", "leaks": leaks, "sys": __import__("sys")}
    exec("def connect():\n    return leaks.maker(sys._getframe())", names)
    assert names["connect"]() == leaks.SDK  # type: ignore[operator]


async def test_a_transport_that_is_closed_too_late_is_still_known_by_its_socket() -> None:
    """As one is whose warning waits for the end of a test, while its event loop closes it."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1")
    async with server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        transport = writer.transport
        warning = warnings.WarningMessage(
            ResourceWarning("unclosed transport"), ResourceWarning, __file__, 1, source=transport
        )
        before = leaks.found_open(warning)
        transport.close()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert getattr(transport, "_sock", None) is None
        assert before is not None
        assert "made by tests.house.test_leaks:" in before
        assert leaks.found_open(warning) == before


async def test_a_connection_that_a_server_accepted_is_let_pass_and_its_client_s_is_not() -> None:
    async def both() -> tuple[str | None, str | None]:
        accepted: asyncio.Future[asyncio.BaseTransport] = asyncio.get_running_loop().create_future()
        server = await asyncio.start_server(lambda _, writer: accepted.set_result(writer.transport), "127.0.0.1")
        async with server:
            _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            made = [leaks._made[id(leaks.socket_of(each))] for each in (await accepted, writer.transport)]
            writer.close()
            (await accepted).close()
        return made[0], made[1]

    at_the_server, at_the_client = await both()
    assert at_the_server == leaks.ACCEPTED
    assert at_the_client is not None
    assert at_the_client.startswith("tests.house.test_leaks:")

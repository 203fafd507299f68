"""A socket that is left open fails the tests, unless it is the Service Bus SDK's."""

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

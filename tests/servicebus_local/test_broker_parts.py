"""Parts of the namespace on their own, where the SDK cannot reach."""

import importlib.metadata

import pytest

from servicebus_local.amqp.codec import check_version
from servicebus_local.broker.timetable import Timetable
from servicebus_local.errors import InvalidMessage
from servicebus_local.messages.incoming import BATCH_FORMAT, decode, decode_transfer
from servicebus_local.paths import path_of

MESSAGE = bytes.fromhex("005375a00568656c6c6f")


def test_a_timetable_gives_what_is_due_and_forgets_the_rest() -> None:
    times = Timetable()
    for number in range(1000):
        times.add(number, number)
    for number in range(10, 1000):
        times.discard(number)
    times.add(50, 3)
    assert times.due(20) == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert times.due(None) == [3]


@pytest.mark.parametrize("payload", [b"\x00", b"\x00\x53\x75\xa0\x05he", b"\x00\x53\x75\x01", b"junk"])
def test_a_malformed_message_is_refused(payload: bytes) -> None:
    with pytest.raises(InvalidMessage):
        decode(payload)


def test_a_malformed_message_spoils_its_batch() -> None:
    good = b"\x00\x53\x75\xa0" + bytes((len(MESSAGE),)) + MESSAGE
    assert len(decode_transfer(good * 2, BATCH_FORMAT)) == 2
    with pytest.raises(InvalidMessage):
        decode_transfer(good + b"\x00\x53\x75\xa0\x01\x00", BATCH_FORMAT)


@pytest.mark.parametrize(
    "address", ["a/b", "amqps://localhost:5672/a/b", "sb://host.example/a/b/", "amqp://[::1]:5672/a%2Fb"]
)
def test_an_address_is_a_path_or_a_uri(address: str) -> None:
    assert path_of(address) == "a/b"


def test_another_sdk_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    check_version()
    monkeypatch.setattr("servicebus_local.amqp.codec.version", lambda _: "7.16.0")
    with pytest.raises(RuntimeError, match=r"7\.15\.0, but 7\.16\.0"):
        check_version()
    assert importlib.metadata.version("azure-servicebus") == "7.15.0"

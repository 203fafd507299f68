"""What a function app does with one message: conversion, settlement, lease. The bus is the real adapter's."""

import json
import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from azure.functions import meta
from azure.functions.servicebus import ServiceBusMessageInConverter

from mti.common.contracts.set_aside import FIRST, aside_of, dead_letter_in, entity_of
from mti.common.errors import ConfigurationError
from mti.common.ports.bus import Outgoing, Received
from mti.common.ports.clock import SystemClock
from mti.common.topology import STANDARD
from mti.deployment.service_bus.all_dead_letters import connected_dead_letters
from mti.deployment.service_bus.view import ServiceBusView
from mti.functions.host import Host
from mti.functions.lease import SPARE, HostLease
from mti.functions.messages import received_from
from mti.functions.settlement import HostSettlement
from mti.operations.dead_letters import NoJudge, Replayer, ReplayOptions, Selection, plan
from tests.support.bus import RAW_PAGES, connected, running_namespace


def given(**changed: Any) -> Any:
    """Return a message as the platform gives it to the library: numbers and times come as JSON."""
    said = {
        "MessageId": meta.Datum("m-1", "string"),
        "DeliveryCount": meta.Datum("3", "json"),
        "SequenceNumber": meta.Datum("41", "json"),
        "EnqueuedTimeUtc": meta.Datum(json.dumps("2026-11-28T09:00:00.1234567Z"), "json"),
        "ApplicationProperties": meta.Datum(json.dumps({"mti_retries": 1, "x": 1.5, "t": True, "s": "word"}), "json"),
        "UserProperties": meta.Datum("{}", "json"),
        "To": meta.Datum("normalizer", "string"),
        "SessionId": meta.Datum("w", "string"),
        "Subject": meta.Datum(None, None),
    } | changed
    return ServiceBusMessageInConverter.decode(meta.Datum(b"\x1f\x8b body", "bytes"), trigger_metadata=said)


def test_a_message_of_the_platform_is_one_of_the_ports() -> None:
    received = received_from(given())
    assert received == Received(
        body=b"\x1f\x8b body",
        message_id="m-1",
        to="normalizer",
        session_id="w",
        content_type="",
        properties={"mti_retries": 1, "x": 1.5, "t": True, "s": "word"},
        delivery_count=2,
        sequence_number=41,
        enqueued_at=datetime(2026, 11, 28, 9, 0, 0, 123456, UTC),
    )


def test_a_message_without_properties_is_one_all_the_same() -> None:
    received = received_from(given(ApplicationProperties=meta.Datum("{}", "json"), To=meta.Datum(None, None)))
    assert received.properties == {}
    assert received.to == "*"


MESSAGE = Received(
    body=b"poison",
    message_id="m-7",
    to="normalizer",
    subject="page",
    session_id="w",
    properties={"cloudEvents_id": "chunk"},
    delivery_count=4,
    sequence_number=7,
    enqueued_at=datetime(2026, 11, 28, tzinfo=UTC),
)


def arrived(copy: Outgoing, number: int = 3) -> Received:
    fields = {name: getattr(copy, name) for name in ("body", "message_id", "subject", "session_id", "content_type")}
    return Received(**fields, properties=copy.properties, sequence_number=number, enqueued_at=datetime.now(UTC))


def test_what_was_set_aside_is_the_message_with_its_reason() -> None:
    copy = arrived(aside_of(MESSAGE, "raw-pages/subscriptions/normalizer", "Bug", "say it"))
    assert entity_of(copy.properties) == "raw-pages/subscriptions/normalizer"
    assert dead_letter_in(copy) == replace(
        MESSAGE,
        properties={"cloudEvents_id": "chunk", "DeadLetterReason": "Bug", "DeadLetterErrorDescription": "say it"},
        sequence_number=FIRST + 3,
    )


def test_two_messages_with_one_message_id_are_both_set_aside_and_one_only_once() -> None:
    first, again = (aside_of(MESSAGE, "fetch-jobs", "Bug", "") for _ in range(2))
    assert first.message_id == again.message_id
    assert aside_of(replace(MESSAGE, sequence_number=8), "fetch-jobs", "Bug", "").message_id != first.message_id
    assert aside_of(MESSAGE, "raw-pages/subscriptions/normalizer", "Bug", "").message_id != first.message_id


async def test_what_was_set_aside_is_listed_and_replayed_beside_the_real_dead_letters(tmp_path: Path) -> None:
    clock = SystemClock()
    async with running_namespace(tmp_path / "bus") as namespace, connected(namespace) as bus:
        pages = bus.sender(RAW_PAGES)
        sent = [Outgoing(body=name.encode(), message_id=name, properties={"cloudEvents_id": name}) for name in "abc"]
        await pages.send(sent)
        receiver = await bus.open_receiver(RAW_PAGES, clock)
        a, b, c = await receiver.receive(3, 5.0)
        settlement = HostSettlement(bus.sender(STANDARD.set_aside), RAW_PAGES)
        await receiver.dead_letter(a, "Real", "where it was")
        await settlement.dead_letter(b, "Aside", "in a queue of its own")
        await settlement.dead_letter(b, "Aside", "once more, since the host was killed before it was completed")
        for each in (b, c):
            await receiver.complete(each)
        await receiver.close()
        view = ServiceBusView(bus, STANDARD, [])
        peeked = [letter async for letter in view.dead(RAW_PAGES.path)]
        assert [(letter.reason, letter.message.message_id) for letter in peeked] == [("Real", "a"), ("Aside", "b")]
        assert [letter async for letter in view.dead(STANDARD.jobs.path)] == []
        assert (await view.loads()).of(RAW_PAGES.path).dead == 2
        async with connected_dead_letters(bus, STANDARD, clock) as queues:
            planned = await plan(queues, Selection(), clock)
            assert planned.count == 2
            result = await Replayer(queues, NoJudge(), clock, ReplayOptions()).replay(planned)
            assert (result.replayed, result.complete) == (2, True)
            assert (await plan(queues, Selection(), clock)).count == 0
        receiver = await bus.open_receiver(RAW_PAGES, clock)
        back = await receiver.receive(3, 5.0)
        assert {(each.body, each.message_id, each.to) for each in back} == {
            (b"a", "a~y1", "normalizer"),
            (b"b", "b~y1", "normalizer"),
        }
        assert not any(name.startswith(("mti_aside", "DeadLetter")) for each in back for name in each.properties)
        await receiver.close()


class Hands(SystemClock):
    """A clock whose hands a test sets."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds


def test_a_lease_lasts_while_the_process_is_seen_at_work() -> None:
    clock = Hands()
    lease = HostLease(clock, renewed_for=60)
    for _ in range(5):
        clock.seconds += SPARE - 1
        assert lease.remaining() == SPARE


@pytest.mark.parametrize("seconds", [SPARE, 3600.0])
def test_a_lease_is_lost_for_good_once_the_process_stood_still(seconds: float) -> None:
    clock = Hands()
    lease = HostLease(clock)
    clock.seconds += seconds
    assert lease.remaining() == 0
    clock.seconds += 1
    assert lease.remaining() == 0


def test_a_lease_ends_when_nobody_renews_any_more() -> None:
    clock = Hands()
    lease = HostLease(clock, renewed_for=8)
    clock.seconds += 7
    assert lease.remaining() == SPARE
    clock.seconds += 1
    assert lease.remaining() == 0


async def test_a_message_is_held_before_it_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("MTI_")]:
        monkeypatch.delenv(name)
    context: Any = SimpleNamespace(trace_context=SimpleNamespace(trace_parent=""))
    began = time.monotonic()
    with pytest.raises(ConfigurationError, match="MTI_STORE"):
        await Host("normalizer", hold=0.3).handle(given(), context)
    assert time.monotonic() - began >= 0.3


def test_a_service_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="no service"):
        Host("reader")

"""The bus adapter and the settler, through the SDK, against a namespace: what a handler says becomes true."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus import ServiceBusSubQueue

from mti.common.adapters.servicebus import ServiceBus
from mti.common.adapters.servicebus.received import from_sdk
from mti.common.backoff import Backoff
from mti.common.contracts.envelope import PARKS, RETRIES
from mti.common.errors import MessageTooLarge, Pause, Poison, Retry
from mti.common.hosting import QueueConsumer, SessionConsumer, Settler
from mti.common.ports.bus import Outgoing, Received
from mti.common.ports.clock import SystemClock
from mti.common.ports.settlement import Complete, DeadLetter, Outcome, Park
from mti.common.topology import Entity
from servicebus_local import Namespace
from tests.support.bus import FETCH_JOBS, INDICATORS, RAW_PAGES, connected, counts, left_in, running_namespace, stats
from tests.support.waiting import until

QUICK = Backoff(first=timedelta(milliseconds=20), longest=timedelta(milliseconds=50))


def outgoing(id: str, **fields: Any) -> Outgoing:
    return Outgoing(body=id.encode(), message_id=id, **fields)


@dataclass
class Recorder:
    """A handler that notes what it was given and answers as it is told."""

    answer: Callable[[Received], Outcome] = lambda _: Complete()
    seen: list[Received] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)

    async def __call__(self, messages: Sequence[Received]) -> Sequence[Outcome]:
        self.batches.append(len(messages))
        self.seen += messages
        return [self.answer(message) for message in messages]

    def times(self, id: str) -> int:
        return sum(message.body == id.encode() for message in self.seen)


@pytest.fixture
async def namespace(tmp_path: Path) -> AsyncIterator[Namespace]:
    async with running_namespace(tmp_path) as found:
        yield found


@pytest.fixture
async def bus(namespace: Namespace) -> AsyncIterator[ServiceBus]:
    async with connected(namespace) as found:
        yield found


def settler(bus: ServiceBus, entity: Entity, **options: Any) -> Settler:
    return Settler(bus.sender(entity), entity.to, SystemClock(), random.Random(1), backoff=QUICK, **options)


async def consume(
    bus: ServiceBus, entity: Entity, handler: Recorder, condition: Callable[[], Awaitable[bool]], **options: Any
) -> None:
    """Run a consumer until the condition holds."""
    stop = asyncio.Event()
    if entity == INDICATORS:
        consumer: QueueConsumer | SessionConsumer = SessionConsumer(
            bus, entity, handler, settler(bus, entity), SystemClock(), slots=2, session_wait=1, idle=0.1, **options
        )
    else:
        consumer = QueueConsumer(bus, entity, handler, settler(bus, entity), SystemClock(), wait=0.2, **options)
    task = asyncio.create_task(consumer.run(stop))
    try:
        await until(condition)
    finally:
        stop.set()
        await task


async def empty(namespace: Namespace, entity: Entity) -> bool:
    return not await left_in(namespace, entity)


async def dead_letters(bus: ServiceBus, entity: Entity) -> list[Any]:
    client = bus._client
    if entity.subscription:
        receiver = client.get_subscription_receiver(
            entity.name, entity.subscription, sub_queue=ServiceBusSubQueue.DEAD_LETTER
        )
    else:
        receiver = client.get_queue_receiver(entity.name, sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    async with receiver:
        return await receiver.peek_messages(max_message_count=50)


@pytest.mark.parametrize("entity", [FETCH_JOBS, RAW_PAGES, INDICATORS], ids=str)
async def test_what_is_completed_is_gone(namespace: Namespace, bus: ServiceBus, entity: Entity) -> None:
    session = "w1" if entity == INDICATORS else None
    await bus.sender(entity).send([outgoing(f"m{n}", session_id=session) for n in range(30)])
    handler = Recorder()
    await consume(bus, entity, handler, lambda: empty(namespace, entity), batch_size=10)
    assert sorted(message.message_id for message in handler.seen) == sorted(f"m{n}" for n in range(30))
    assert await dead_letters(bus, entity) == []


async def test_a_message_arrives_as_it_was_sent(namespace: Namespace, bus: ServiceBus) -> None:
    sent = Outgoing(
        body=b"\x00\xff body",
        message_id="m1",
        subject="grid:eu",
        session_id="w1",
        properties={"text": "ä", "count": 7, "part": 0.5, "yes": True},
    )
    await bus.sender(INDICATORS).send([sent])
    handler = Recorder()
    await consume(bus, INDICATORS, handler, lambda: empty(namespace, INDICATORS))
    (found,) = handler.seen
    assert (found.body, found.message_id, found.to, found.subject) == (b"\x00\xff body", "m1", "*", "grid:eu")
    assert (found.session_id, found.delivery_count) == ("w1", 0)
    assert {**found.properties, "traceparent": None} == {**sent.properties, "traceparent": None}
    assert found.enqueued_at is not None


async def test_poison_is_dead_lettered_with_its_reason_and_its_neighbours_are_not(
    namespace: Namespace, bus: ServiceBus
) -> None:
    def answer(message: Received) -> Outcome:
        if message.message_id == "bad":
            raise Poison("MalformedBody", "it is rubbish; purge it")
        return Complete()

    await bus.sender(RAW_PAGES).send([outgoing("good1"), outgoing("bad"), outgoing("good2")])
    await consume(bus, RAW_PAGES, Recorder(answer), lambda: empty(namespace, RAW_PAGES), batch_size=3)
    (dead,) = await dead_letters(bus, RAW_PAGES)
    assert (dead.message_id, dead.dead_letter_reason) == ("bad", "MalformedBody")
    assert dead.dead_letter_error_description == "it is rubbish; purge it"


async def test_a_bug_is_dead_lettered_with_its_trace_and_without_its_text(
    namespace: Namespace, bus: ServiceBus, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(_: Received) -> Outcome:
        raise ZeroDivisionError

    await bus.sender(FETCH_JOBS).send([outgoing("m1")])
    await consume(bus, FETCH_JOBS, Recorder(answer), lambda: empty(namespace, FETCH_JOBS))
    (dead,) = await dead_letters(bus, FETCH_JOBS)
    assert dead.dead_letter_reason == "Bug"
    assert "ZeroDivisionError" in dead.dead_letter_error_description
    assert "trace" in dead.dead_letter_error_description
    assert any(record.exc_info for record in caplog.records)


async def test_retries_are_scheduled_copies_counted_and_bounded(namespace: Namespace, bus: ServiceBus) -> None:
    def answer(_: Received) -> Outcome:
        raise Retry("MimecastUnavailable", "the grid:eu feed of contoso answered 503")

    await bus.sender(FETCH_JOBS).send([outgoing("m1")])
    handler = Recorder(answer)
    await consume(bus, FETCH_JOBS, handler, lambda: empty(namespace, FETCH_JOBS))
    assert [message.properties.get(RETRIES, 0) for message in handler.seen] == list(range(9))
    assert [message.message_id for message in handler.seen] == ["m1", *(f"m1~r{n}" for n in range(1, 9))]
    assert all(message.delivery_count == 0 for message in handler.seen)
    (dead,) = await dead_letters(bus, FETCH_JOBS)
    assert dead.dead_letter_reason == "RetriesExhausted"
    assert "the grid:eu feed of contoso answered 503" in dead.dead_letter_error_description


async def test_a_copy_reaches_its_own_subscription_alone(namespace: Namespace, bus: ServiceBus) -> None:
    def answer(message: Received) -> Outcome:
        return (
            Complete()
            if RETRIES in message.properties
            else Park(timedelta(), "test")
            if PARKS not in message.properties
            else Complete()
        )

    await bus.sender(RAW_PAGES).send([outgoing("m1")])
    handler = Recorder(answer)
    await consume(bus, RAW_PAGES, handler, lambda: empty(namespace, RAW_PAGES))
    assert [message.to for message in handler.seen] == ["*", "normalizer"]


async def test_a_paused_destination_neither_spins_nor_burns_delivery_counts_nor_delays_another(
    namespace: Namespace, bus: ServiceBus
) -> None:
    def answer(message: Received) -> Outcome:
        if message.session_id == "paused":
            raise Pause("RoleMissing", "the workspace refuses us", timedelta(seconds=1))
        return Complete()

    sender = bus.sender(INDICATORS)
    await sender.send([outgoing(f"p{n}", session_id="paused") for n in range(5)])
    await sender.send([outgoing(f"q{n}", session_id="quiet") for n in range(5)])
    handler = Recorder(answer)
    began = datetime.now(UTC)

    async def twice_parked() -> bool:
        return handler.times("p0") >= 3

    await consume(bus, INDICATORS, handler, twice_parked)
    elapsed = (datetime.now(UTC) - began) / timedelta(seconds=1)
    paused = [message for message in handler.seen if message.session_id == "paused"]
    assert handler.times("q4") == 1
    assert handler.times("p0") <= elapsed + 1
    assert {message.delivery_count for message in paused} == {0}
    assert {message.properties.get(PARKS, 0) for message in paused} >= {0, 1, 2}
    waiting = await stats(namespace)
    assert waiting["indicators"]["scheduled"] + waiting[str(INDICATORS)]["active"] == 5


async def test_a_session_stays_in_order_and_in_one_slot(namespace: Namespace, bus: ServiceBus) -> None:
    await bus.sender(INDICATORS).send([outgoing(f"{n:03}", session_id=f"w{n % 3}") for n in range(60)])
    held: set[str] = set()

    class Handler(Recorder):
        async def __call__(self, messages: Sequence[Received]) -> Sequence[Outcome]:
            (session,) = {str(message.session_id) for message in messages}
            assert session not in held
            held.add(session)
            await asyncio.sleep(0.01)
            held.remove(session)
            return await super().__call__(messages)

    handler = Handler()
    await consume(bus, INDICATORS, handler, lambda: empty(namespace, INDICATORS), batch_size=4)
    for session in ("w0", "w1", "w2"):
        ids = [message.message_id for message in handler.seen if message.session_id == session]
        assert ids == sorted(ids)
        assert len(ids) == 20
    assert await dead_letters(bus, INDICATORS) == []


async def test_many_messages_are_sent_in_as_many_batches_as_they_need(namespace: Namespace, bus: ServiceBus) -> None:
    rng = random.Random(3)
    big = [Outgoing(body=rng.randbytes(100_000), message_id=f"m{n}") for n in range(7)]
    await bus.sender(FETCH_JOBS).send(big)
    assert (await counts(namespace, "fetch-jobs"))["active"] == 7


async def test_a_message_that_fits_no_entity_is_said_to_be_too_large(bus: ServiceBus) -> None:
    with pytest.raises(MessageTooLarge, match="fetch-jobs"):
        await bus.sender(FETCH_JOBS).send([Outgoing(body=random.Random(1).randbytes(400_000), message_id="m1")])


async def test_what_is_sent_twice_within_the_window_is_kept_once(namespace: Namespace, bus: ServiceBus) -> None:
    sender = bus.sender(FETCH_JOBS)
    await sender.send([outgoing("m1")])
    await sender.send([outgoing("m1"), outgoing("m2")])
    assert (await counts(namespace, "fetch-jobs"))["active"] == 2


async def test_a_dead_letter_description_keeps_to_the_service_s_limit(namespace: Namespace, bus: ServiceBus) -> None:
    await bus.sender(FETCH_JOBS).send([outgoing("m1")])
    handler = Recorder(lambda _: DeadLetter("TooMuchToSay", "x" * 9000))
    await consume(bus, FETCH_JOBS, handler, lambda: empty(namespace, FETCH_JOBS))
    (dead,) = await dead_letters(bus, FETCH_JOBS)
    assert len(dead.dead_letter_error_description) == 4096
    assert from_sdk(dead).message_id == "m1"

"""A bus behind something that swallows bytes: it is noticed, said, and what was to be done is done once it is gone."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from mti.common.adapters.servicebus import ServiceBus, links
from mti.common.errors import BusUnavailable
from mti.common.hosting import QueueAge, QueueConsumer, SessionConsumer, Settler
from mti.common.ports.bus import Outgoing, Received
from mti.common.ports.clock import SystemClock
from mti.common.ports.settlement import Complete, Outcome
from mti.common.topology import Entity
from servicebus_local import Namespace
from tests.support.bus import FETCH_JOBS, INDICATORS, RAW_PAGES, left_in, running_namespace, stats
from tests.support.swallowing import Proxy, proxy_before
from tests.support.waiting import PATIENCE, in_time, until

SHORT = 1.0
"""Seconds that take the place of the real bounds, which are half a minute."""


@pytest.fixture(autouse=True)
def short_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    from mti.common.adapters.servicebus import received, receiver, sender

    for module in (links, received, receiver, sender):
        for name in ("OPEN_SECONDS", "SEND_SECONDS", "SETTLE_SECONDS", "PEEK_SECONDS", "RECEIVE_SECONDS"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, SHORT + (4 if name == "OPEN_SECONDS" else 0))


@dataclass
class Place:
    namespace: Namespace
    proxy: Proxy
    bus: ServiceBus
    near: ServiceBus
    """Another way to the same namespace, which nothing swallows."""


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with running_namespace(tmp_path) as namespace, proxy_before(namespace.port) as proxy:
        text = namespace.connection_string
        bus, near = (ServiceBus.from_connection_string(one) for one in (proxy.before(text), text))
        try:
            yield Place(namespace, proxy, bus, near)
        finally:
            await bus.close()
            await near.close()


class Handler:
    """Notes what came, and does what it is told while it has it in hand."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.seen: list[Received] = []
        self.meanwhile = meanwhile

    async def __call__(self, messages: Sequence[Received]) -> Sequence[Outcome]:
        self.seen += messages
        self.meanwhile()
        return [Complete() for _ in messages]


@asynccontextmanager
async def consuming(place: Place, entity: Entity, handler: Handler) -> AsyncIterator[None]:
    clock, stop = SystemClock(), asyncio.Event()
    settler = Settler(place.bus.sender(entity), entity.to, clock, random.Random(1))
    consumer: QueueConsumer | SessionConsumer
    if entity == INDICATORS:
        consumer = SessionConsumer(place.bus, entity, handler, settler, clock, slots=1, session_wait=1, idle=0.1)
    else:
        consumer = QueueConsumer(place.bus, entity, handler, settler, clock, wait=0.2, silence=1)
    running = asyncio.create_task(consumer.run(stop))
    try:
        yield
    finally:
        stop.set()
        await in_time(running)


def message(id: str, entity: Entity) -> Outgoing:
    return Outgoing(body=id.encode(), message_id=id, session_id="w1" if entity == INDICATORS else None)


def said_of(entity: Entity, caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        str(record.__dict__["why"])
        for record in caplog.records
        if record.message == "the bus does not answer" and record.__dict__["entity"] == str(entity)
    ]


async def empty(place: Place, entity: Entity) -> bool:
    return not await left_in(place.namespace, entity)


@pytest.mark.parametrize("used", [False, True], ids=["before the link is open", "in the middle"])
async def test_a_send_that_is_swallowed_fails_says_so_and_goes_through_later_once(
    place: Place, used: bool, caplog: pytest.LogCaptureFixture
) -> None:
    sender = place.bus.sender(FETCH_JOBS)
    if used:
        await sender.send([message("m0", FETCH_JOBS)])
    place.proxy.swallow()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(BusUnavailable, match="'fetch-jobs': no answer"):
            await sender.send([message("m1", FETCH_JOBS)])
    (why,) = said_of(FETCH_JOBS, caplog)
    assert "firewall" in why
    place.proxy.mend()
    await sender.send([message("m1", FETCH_JOBS)])
    assert (await stats(place.namespace))["fetch-jobs"]["active"] == (2 if used else 1)


async def test_a_send_whose_confirmation_is_swallowed_is_not_doubled(place: Place) -> None:
    sender = place.bus.sender(FETCH_JOBS)
    await sender.send([message("m0", FETCH_JOBS)])
    place.proxy.swallows_answers = True
    with pytest.raises(BusUnavailable):
        await sender.send([message("m1", FETCH_JOBS)])
    place.proxy.mend()
    await sender.send([message("m1", FETCH_JOBS)])
    assert (await stats(place.namespace))["fetch-jobs"]["active"] == 2


async def test_who_stands_behind_a_swallowed_send_does_not_wait_for_a_time_out_each(place: Place) -> None:
    sender = place.bus.sender(FETCH_JOBS)
    await sender.send([message("m0", FETCH_JOBS)])
    place.proxy.swallow()
    async with asyncio.timeout(PATIENCE):
        failed = await asyncio.gather(
            *(sender.send([message(f"m{n}", FETCH_JOBS)]) for n in range(1, 40)), return_exceptions=True
        )
    assert all(isinstance(error, BusUnavailable) for error in failed)
    assert sum("was not tried" in str(error) for error in failed) == len(failed) - 1
    place.proxy.mend()


@pytest.mark.parametrize("entity", [RAW_PAGES, INDICATORS], ids=str)
async def test_a_consumer_that_waits_on_a_swallowing_connection_makes_a_new_one(
    place: Place, entity: Entity, caplog: pytest.LogCaptureFixture
) -> None:
    handler = Handler()
    async with consuming(place, entity, handler):
        await place.near.sender(entity).send([message("m0", entity)])
        await until(lambda: empty(place, entity))
        place.proxy.swallow()

        async def said() -> bool:
            return any("no answer" in why for why in said_of(entity, caplog))

        await until(said)
        place.proxy.mend()
        await place.near.sender(entity).send([message("m1", entity)])
        await until(lambda: empty(place, entity))
    assert [found.message_id for found in handler.seen] == ["m0", "m1"]


@pytest.mark.parametrize("entity", [FETCH_JOBS, RAW_PAGES, INDICATORS], ids=str)
async def test_a_settlement_that_is_swallowed_is_made_good(
    place: Place, entity: Entity, caplog: pytest.LogCaptureFixture
) -> None:
    handler = Handler(place.proxy.swallow)
    async with consuming(place, entity, handler):
        await place.near.sender(entity).send([message("m0", entity)])

        async def said() -> bool:
            return any("no answer to the settlement of message 'm0'" in why for why in said_of(entity, caplog))

        await until(said)
        handler.meanwhile = lambda: None
        place.proxy.mend()
        # Its lock is at the namespace until the connection is: the proxy ended it with the client's.
        await until(lambda: empty(place, entity))
    assert {found.message_id for found in handler.seen} == {"m0"}
    assert (await stats(place.namespace))[str(entity)]["dead_letter"] == 0


async def test_a_line_that_is_swallowed_counts_as_empty(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    line = QueueAge(place.bus, RAW_PAGES, SystemClock())
    place.proxy.swallow()
    async with asyncio.timeout(PATIENCE):
        assert (await line.age()).total_seconds() == 0
        await line.close()
    assert any(record.message.startswith("the line can't be looked at") for record in caplog.records)


async def test_a_swallowing_bus_is_closed_within_seconds(place: Place) -> None:
    await place.bus.sender(FETCH_JOBS).send([message("m0", FETCH_JOBS)])
    async with consuming(place, RAW_PAGES, Handler()):
        await asyncio.sleep(1)
        place.proxy.swallow()
    async with asyncio.timeout(PATIENCE):
        await place.bus.close()

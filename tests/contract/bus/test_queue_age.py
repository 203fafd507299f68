"""How long messages have waited in a subscription, through the SDK, against a namespace."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mti.common.adapters.servicebus import ServiceBus
from mti.common.hosting import QueueAge
from mti.common.hosting.queue_age import BLIND, FRESH, IN_HAND
from mti.common.ports.bus import Outgoing
from servicebus_local import Namespace
from tests.support.bus import RAW_PAGES, connected, counts, running_namespace


class AheadClock:
    """The machine's time, and what a test puts on top."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        return self.ahead

    async def sleep(self, seconds: float) -> None:
        self.ahead += seconds


@pytest.fixture
async def namespace(tmp_path: Path) -> AsyncIterator[Namespace]:
    async with running_namespace(tmp_path) as found:
        yield found


@pytest.fixture
async def bus(namespace: Namespace) -> AsyncIterator[ServiceBus]:
    async with connected(namespace) as found:
        yield found


@pytest.fixture
def clock() -> AheadClock:
    return AheadClock()


@pytest.fixture
async def line(bus: ServiceBus, clock: AheadClock) -> AsyncIterator[QueueAge]:
    found = QueueAge(bus, RAW_PAGES, clock)
    yield found
    await found.close()


async def fill(bus: ServiceBus, first: int, count: int, due: datetime | None = None) -> None:
    messages = [Outgoing(body=b"x", message_id=f"m{first + number}", due=due) for number in range(count)]
    await bus.sender(RAW_PAGES).send(messages)


async def test_a_line_is_as_old_as_the_first_message_that_nobody_has_in_hand(
    bus: ServiceBus, line: QueueAge, clock: AheadClock
) -> None:
    assert await line.age() == timedelta()
    await fill(bus, 0, IN_HAND + 1)
    clock.ahead = 30
    assert timedelta(seconds=29) < await line.age() < timedelta(seconds=90)


async def test_a_few_messages_are_no_line_however_old(bus: ServiceBus, line: QueueAge, clock: AheadClock) -> None:
    await fill(bus, 0, IN_HAND)
    clock.ahead = 3600
    assert await line.age() == timedelta()


async def test_what_is_scheduled_for_later_is_not_in_line(bus: ServiceBus, line: QueueAge, clock: AheadClock) -> None:
    await fill(bus, 0, IN_HAND + 5, due=datetime.now(UTC) + timedelta(hours=2))
    clock.ahead = 30
    assert await line.age() == timedelta()


async def test_a_look_takes_nothing_and_is_good_for_a_second(
    namespace: Namespace, bus: ServiceBus, line: QueueAge, clock: AheadClock
) -> None:
    await line.age()
    await fill(bus, 0, IN_HAND + 1)
    clock.ahead = FRESH / 2
    assert await line.age() == timedelta()
    clock.ahead = FRESH + 20
    assert await line.age() > timedelta()
    found = await counts(namespace, "raw-pages/subscriptions/normalizer")
    assert found["active"] == IN_HAND + 1


async def test_a_line_that_can_not_be_looked_at_counts_as_empty_and_is_looked_at_again_later(
    bus: ServiceBus, clock: AheadClock, caplog: pytest.LogCaptureFixture
) -> None:
    line = QueueAge(bus, replace(RAW_PAGES, subscription="nobody"), clock)
    assert await line.age() == timedelta()
    clock.ahead = BLIND / 2
    assert await line.age() == timedelta()
    warned = [entry for entry in caplog.records if entry.message.startswith("the line can't be looked at")]
    assert len(warned) == 1
    await line.close()

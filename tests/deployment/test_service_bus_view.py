"""What the SDK shows of a namespace: the same adapter that looks into Azure, on the local one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mti.common.adapters.servicebus import ServiceBus
from mti.common.contracts import IndicatorBatch, indicators_message, job_message, page_message
from mti.common.topology import STANDARD
from mti.deployment.service_bus.view import ServiceBusView
from mti.operations.on_the_bus import OnTheBus
from servicebus_local import Namespace
from tests.normalizer.world import chunk, stix
from tests.publisher.world import CONTOSO, CUSTOMER, FABRIKAM, indicator
from tests.support.bus import FETCH_JOBS, INDICATORS, RAW_PAGES, connected, running_namespace
from tests.support.waiting import PATIENCE

EVERYONE = (CONTOSO, FABRIKAM)


@pytest.fixture
async def namespace(tmp_path: Path) -> AsyncIterator[Namespace]:
    async with running_namespace(tmp_path / "bus") as found:
        yield found


@pytest.fixture
async def bus(namespace: Namespace) -> AsyncIterator[ServiceBus]:
    async with connected(namespace) as found:
        await found.sender(FETCH_JOBS).send([job_message(CUSTOMER, 1)])
        await found.sender(RAW_PAGES).send([page_message(chunk(stix(name))) for name in ("a", "b")])
        for number, to in enumerate((CONTOSO, CONTOSO, FABRIKAM)):
            batch = IndicatorBatch(source=CUSTOMER, objects=[indicator(f"file {number}")])
            await found.sender(INDICATORS).send([indicators_message(to, batch)])
        yield found


def view(bus: ServiceBus) -> ServiceBusView:
    return ServiceBusView(bus, STANDARD, EVERYONE)


async def dead_letter(bus: ServiceBus) -> None:
    async with bus.receiver(RAW_PAGES) as receiver:
        (found,) = await receiver.receive_messages(max_message_count=1, max_wait_time=PATIENCE)
        await receiver.dead_letter_message(found, reason="BadHash", error_description="it has no hash")


async def test_it_sees_what_waits_in_each_session_and_what_is_dead_and_why(bus: ServiceBus) -> None:
    await dead_letter(bus)
    looking = view(bus)
    found = await OnTheBus.peek(looking, chunks=True, indicators=True)
    assert {destination for destination, _ in found.waiting_objects} == set(EVERYONE)
    assert len(found.waiting_objects) == 3
    assert (len(found.waiting_chunks), len(found.dead_chunks)) == (1, 1)
    assert [(group.entity, group.reason, group.count, group.example) for group in found.dead_letters.all()] == [
        (STANDARD.pages.path, "BadHash", 1, "it has no hash")
    ]


async def test_it_says_that_scheduled_messages_of_a_topic_are_hidden(bus: ServiceBus) -> None:
    looking = view(bus)
    await OnTheBus.peek(looking, chunks=True, indicators=True)
    unseen = looking.unseen()
    assert dict(unseen.scheduled) == {"raw-pages": None, "indicators": None}
    assert all("scheduled messages of topic" in note for note in unseen.notes)
    assert len(unseen.notes) == 2


async def test_a_session_that_the_publisher_has_in_hand_is_left_alone_and_named(bus: ServiceBus) -> None:
    async with bus.receiver(INDICATORS, session=FABRIKAM, connect_wait=PATIENCE) as receiver:
        assert await receiver.receive_messages(max_message_count=1, max_wait_time=PATIENCE)
        looking = view(bus)
        found = await OnTheBus.peek(looking, chunks=False, indicators=True)
    assert {destination for destination, _ in found.waiting_objects} == {CONTOSO}
    assert looking.unseen().sessions == {FABRIKAM}
    assert any(FABRIKAM in note for note in looking.unseen().notes)


async def test_looking_raises_no_delivery_count_and_takes_nothing(bus: ServiceBus) -> None:
    for _ in range(2):
        await OnTheBus.peek(view(bus), chunks=False, indicators=True)
    async with bus.receiver(INDICATORS, session=CONTOSO, connect_wait=PATIENCE) as receiver:
        found = await receiver.receive_messages(max_message_count=5, max_wait_time=PATIENCE)
    assert [message.delivery_count for message in found] == [0, 0]


async def test_the_loads_are_counted_by_peeking_where_the_administration_is_not_at_hand(bus: ServiceBus) -> None:
    await dead_letter(bus)
    loads = await view(bus).loads()
    assert (loads.of(STANDARD.jobs.path).active, loads.of(STANDARD.pages.path).active) == (1, 1)
    assert loads.of(STANDARD.pages.path).dead == 1
    assert loads.of(STANDARD.pages.name).scheduled is None
    sessions = loads.of(STANDARD.indicators.path).sessions
    assert sessions is not None
    assert {name: load.waiting for name, load in sessions.items()} == {CONTOSO: 2, FABRIKAM: 1}
    assert all(load.oldest is not None for load in sessions.values())
    assert len(loads.notes) == 2

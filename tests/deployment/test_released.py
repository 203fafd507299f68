"""A pause that is lifted while a service has messages of it in hand: what it put off before it could know comes too."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from mti.common.adapters.servicebus import ServiceBus
from mti.common.contracts import job_message
from mti.common.hosting import Settler
from mti.common.ports.bus import Outgoing
from mti.common.ports.clock import SystemClock
from mti.common.ports.settlement import Park
from mti.common.topology import STANDARD, Entity
from mti.deployment import Deployment, open_deployment
from mti.operations.pauses import Held, Kind
from mti.stack.layout import Layout, namespace_config
from servicebus_local import Namespace
from tests.support.embedded import say_it_runs, taken
from tests.support.waiting import until

HALF_AN_HOUR = timedelta(minutes=30)
SOURCE, WORKSPACE = "contoso/malware_customer", "contoso"
JOB = job_message(SOURCE, 1)
OBJECTS = Outgoing(
    body=b"{}", message_id="a-batch", subject=WORKSPACE, session_id=WORKSPACE, to=STANDARD.indicators.to, properties={}
)
HELD: list[tuple[Kind, str, Entity, Outgoing]] = [
    ("source", SOURCE, STANDARD.jobs, JOB),
    ("destination", WORKSPACE, STANDARD.indicators, OBJECTS),
]


def lifted(kind: Kind, id: str) -> Held:
    now = datetime.now(UTC)
    return Held(kind=kind, id=id, tenants=["contoso"], reason="R", description="d", since=now, until=now + HALF_AN_HOUR)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[Namespace, ServiceBus, Deployment]]:
    """Have a namespace that says a stack runs with it on the folder, and what an operator's command opens."""
    layout = Layout(folder / "data")
    layout.make()
    async with Namespace(namespace_config(), layout.bus) as namespace:
        with taken(layout):
            say_it_runs(layout, namespace.http_port, namespace.connection_string)
            bus = ServiceBus.from_connection_string(namespace.connection_string)
            async with open_deployment(layout.root) as deployment:
                yield namespace, bus, deployment
            await bus.close()


async def active(namespace: Namespace, entity: Entity) -> bool:
    async with httpx.AsyncClient() as client:
        counts = (await client.get(f"http://127.0.0.1:{namespace.http_port}/stats")).json()[entity.path]
    return bool(counts["active"] == 1)


@pytest.mark.parametrize(("kind", "id", "entity", "message"), HELD, ids=["source", "workspace"])
async def test_what_is_put_off_by_who_had_it_in_hand_comes_at_once(
    tmp_path: Path, kind: Kind, id: str, entity: Entity, message: Outgoing
) -> None:
    clock = SystemClock()
    async with running(tmp_path) as (namespace, bus, deployment):
        await bus.sender(entity).send([message])
        opening = bus.open_session(entity, clock, 30) if entity.sessions else bus.open_receiver(entity, clock)
        receiver = await opening
        received = await receiver.receive(1, 30)
        release = asyncio.create_task(deployment.release([lifted(kind, id)]))
        await asyncio.sleep(0.5)
        assert not release.done()
        settler = Settler(bus.sender(entity), entity.to, clock, random.Random(1))
        await settler.settle(receiver, received, [Park(HALF_AN_HOUR, "paused")])
        released = await release
        assert (released.messages, released.notes) == (1, ())
        await receiver.close()
        await until(lambda: active(namespace, entity))


async def test_who_keeps_a_message_all_the_while_is_not_waited_for_for_ever_and_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("servicebus_local.administration.api.PATIENCE", 0.2)
    async with running(tmp_path) as (_, bus, deployment):
        await bus.sender(STANDARD.jobs).send([JOB, job_message("fabrikam/malware_customer", 1)])
        receiver = await bus.open_receiver(STANDARD.jobs, SystemClock())
        for _ in range(2):
            await receiver.receive(1, 30)
        held = lifted("source", SOURCE)
        released = await deployment.release([held])
        assert released.messages == 0
        [note] = released.notes
        assert "in hand: 1;" in note
        assert f"{held.until:%Y-%m-%d %H:%M:%S} UTC" in note
        await receiver.close()

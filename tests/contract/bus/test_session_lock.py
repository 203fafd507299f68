"""The lock of a session, through the SDK, against a namespace whose clock is not this machine's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from azure.servicebus.aio import ServiceBusReceiver

from mti.common.adapters.servicebus import ServiceBus
from mti.common.adapters.servicebus.session_lock import LOCK_SECONDS, RENEW_AT, SessionLock
from mti.common.errors import BusUnavailable, LockLost
from mti.common.ports.bus import Outgoing
from mti.common.ports.clock import SystemClock
from tests.support.bus import INDICATORS, connected, counts, running_namespace
from tests.support.clocks import BrokerClock, QuickClock
from tests.support.waiting import PATIENCE

MINUTES = {"a minute and a half": 1.5, "six hours": 360.0, "a minute and a half, slow": -1.5, "six hours, slow": -360.0}

SLOW = 45
"""Seconds that a call may take on a busy machine. The clocks here are wrong by twice as much at least."""


@asynccontextmanager
async def session_of(bus: ServiceBus) -> AsyncIterator[ServiceBusReceiver]:
    await bus.sender(INDICATORS).send([Outgoing(body=b"x", message_id="m1", session_id="w1")])
    async with bus.receiver(INDICATORS, session="next", connect_wait=PATIENCE) as receiver:
        yield receiver


@pytest.mark.parametrize("fast", MINUTES.values(), ids=MINUTES)
async def test_a_session_is_ours_however_wrong_this_machine_s_clock_is(
    tmp_path: Path, fast: float, caplog: pytest.LogCaptureFixture
) -> None:
    broker = BrokerClock(-timedelta(minutes=fast))
    async with running_namespace(tmp_path, broker) as namespace, connected(namespace) as bus, session_of(bus) as one:
        lock = SessionLock(one.session, SystemClock())
        assert LOCK_SECONDS - SLOW < lock.remaining() <= LOCK_SECONDS
        (message,) = await one.receive_messages(1, max_wait_time=PATIENCE)
        await lock.renew()
        assert LOCK_SECONDS - SLOW < lock.remaining() <= LOCK_SECONDS
        await one.complete_message(message)
        found = await counts(namespace, str(INDICATORS))
        assert (found["active"], found["locked"]) == (0, 0)
    assert any("this machine's clock don't fit" in record.message for record in caplog.records)


async def test_a_lock_that_ran_out_at_the_service_is_lost_whatever_was_left_of_it_here(tmp_path: Path) -> None:
    broker = BrokerClock()
    async with running_namespace(tmp_path, broker) as namespace, connected(namespace) as bus, session_of(bus) as one:
        lock = SessionLock(one.session, SystemClock())
        broker.ahead = timedelta(minutes=2)
        with pytest.raises(LockLost, match="w1"):
            await lock.renew()
        assert lock.remaining() == 0


async def test_nothing_is_left_of_a_lock_that_nobody_renews(tmp_path: Path) -> None:
    async with running_namespace(tmp_path) as namespace, connected(namespace) as bus, session_of(bus) as one:
        clock = QuickClock()
        lock = SessionLock(one.session, clock)
        await clock.sleep(LOCK_SECONDS - 1)
        assert lock.remaining() == pytest.approx(1)
        await clock.sleep(2)
        assert lock.remaining() == 0


async def test_a_lock_counts_from_when_the_session_was_asked_for(tmp_path: Path) -> None:
    async with running_namespace(tmp_path) as namespace, connected(namespace) as bus, session_of(bus) as one:
        clock = QuickClock()
        await clock.sleep(20)
        assert SessionLock(one.session, clock, since=5.0).remaining() == pytest.approx(LOCK_SECONDS - 15)


async def test_a_lock_is_kept_by_renewing_it_in_time(tmp_path: Path) -> None:
    broker = BrokerClock(-timedelta(hours=1))
    async with running_namespace(tmp_path, broker) as namespace, connected(namespace) as bus, session_of(bus) as one:
        clock = QuickClock(broker)
        lock = SessionLock(one.session, clock)
        keeping = asyncio.create_task(lock.keep())
        while clock.monotonic() < 5 * LOCK_SECONDS:
            await asyncio.sleep(0.01)
            assert lock.remaining() >= LOCK_SECONDS * RENEW_AT - 1
        assert not keeping.done()
        keeping.cancel()


async def test_a_renewal_without_an_answer_leaves_the_lock_as_it_was(tmp_path: Path) -> None:
    async with running_namespace(tmp_path) as namespace, connected(namespace) as bus, session_of(bus) as one:
        clock = QuickClock()
        lock = SessionLock(one.session, clock)
        await one.close()
        await clock.sleep(30)
        with pytest.raises(BusUnavailable, match="w1"):
            await lock.renew()
        assert lock.remaining() == pytest.approx(LOCK_SECONDS - 30)

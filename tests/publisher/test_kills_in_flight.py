"""A publisher that is killed or stopped while several of its requests are under way: nothing is lost or goes back."""

import asyncio
import os
import signal
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mti.common.contracts import Indicator, IndicatorBatch, indicators_message, observable_in, timestamp
from mti.common.ports.clock import SystemClock
from mti.normalizer.indicators import Observable, indicator_id
from mti.normalizer.records import KNOWN, KnownIndicator, KnownIndicators
from mti.simulators.sentinel import SentinelFault, SentinelFaultKind
from tests.publisher.real import TAKEOVER, Place, place
from tests.publisher.world import CONTOSO, CUSTOMER, hash_of, indicator
from tests.support.bus import INDICATORS, left_in
from tests.support.waiting import until

COUNT = 1500
SLOW = TAKEOVER - 2
"""Seconds that Sentinel takes for what the one that is killed sent: the other one waits there by then."""


def seen(moment: datetime) -> list[Indicator]:
    """Return the indicators of many files that were seen at a moment."""
    times = {"modified": moment, "valid_until": moment + timedelta(days=30)}
    return [
        indicator(name).model_copy(
            update={"id": indicator_id(Observable("file:hashes.'SHA-256'", hash_of(name))), **times}
        )
        for name in (f"file {number}" for number in range(COUNT))
    ]


async def send(there: Place, objects: Sequence[Indicator]) -> None:
    batches = [
        IndicatorBatch(source=CUSTOMER, objects=list(objects[start : start + 100]))
        for start in range(0, len(objects), 100)
    ]
    await there.bus.sender(INDICATORS).send([indicators_message(CONTOSO, batch) for batch in batches])


def holds(there: Place, objects: Sequence[Indicator]) -> bool:
    """Say whether the workspace holds just these objects, in these versions, none revoked."""
    state = {key.id: (now.modified, now.revoked) for key, now in there.workspace.state.items()}
    return state == {found.id: (timestamp(found.modified), False) for found in objects}


async def drained(there: Place) -> bool:
    return not await left_in(there.namespace, INDICATORS)


async def agree(there: Place, objects: Sequence[Indicator]) -> bool:
    """Say whether the books hold these versions, and nothing that is still to be set right."""
    known = await there.versions.look_up(CONTOSO, [found.id for found in objects])
    return all(
        found.id in known and known[found.id].version == found.modified and not known[found.id].unsure
        for found in objects
    )


async def made(there: Place, objects: Sequence[Indicator]) -> None:
    """Let the normalizer's memory say that it made these objects: what the reconciliation compares the books with."""
    known = KnownIndicators(there.normalizer.container(KNOWN), SystemClock())
    entries = [
        KnownIndicator(
            id=found.id,
            observable=Observable(*(observable_in(found.pattern) or ("", ""))),
            created=found.created,
            version=found.modified,
            valid_until=found.valid_until,
            sightings=1,
            first_by="chunk",
        )
        for found in objects
    ]
    await known.remember(CUSTOMER, entries)


def slow(seconds: float) -> SentinelFault:
    return SentinelFault(kind=SentinelFaultKind.SLOW, seconds=seconds, name="slow", times=None)


@pytest.mark.parametrize("kind", ["slow", "early 429", "failing"])
async def test_a_publisher_that_is_killed_with_several_requests_under_way_loses_nothing(
    tmp_path: Path, kind: str
) -> None:
    async with place(tmp_path) as there:
        now = datetime.now(UTC).replace(microsecond=0)
        old, new = seen(now - timedelta(hours=2)), seen(now - timedelta(hours=1))
        if kind == "early 429":
            limited = SentinelFault(kind=SentinelFaultKind.RATE_LIMITED, seconds=2, name="limited", nth=6, times=3)
            there.sentinel.faults.add(limited)
        if kind == "failing":
            failing = SentinelFault(kind=SentinelFaultKind.DROPPED, accepted=True, name="failing", nth=5, times=2)
            there.sentinel.faults.add(failing)
        there.sentinel.faults.add(slow(SLOW))
        await send(there, old)
        await send(there, new[: COUNT // 2])
        async with there.publisher("killed") as killed:
            await until(lambda: there.sentinel.faults.struck["slow"] >= 2)
            async with there.publisher("other"):
                await until(lambda: there.sentinel.faults.struck["slow"] >= 6)
                await send(there, new[COUNT // 2 :])
                os.kill(killed, signal.SIGKILL)
                there.sentinel.faults.remove("slow")
                await until(lambda: drained(there))
                await asyncio.sleep(SLOW)  # What the killed one sent has arrived by now.
        assert holds(there, new)
        assert there.workspace.counts["went_back"] == 0
        assert there.workspace.counts["identical_resends"] <= 800 + 200
        assert await agree(there, new)
        await made(there, new)
        assert await there.closes()


async def test_a_publisher_that_was_stopped_with_several_requests_under_way_puts_no_old_version_over_a_newer_one(
    tmp_path: Path,
) -> None:
    async with place(tmp_path) as there:
        now = datetime.now(UTC).replace(microsecond=0)
        old, new = seen(now - timedelta(hours=2)), seen(now - timedelta(hours=1))
        there.sentinel.faults.add(slow(1.5))
        await send(there, old)
        async with there.publisher("stopped") as stopped:
            await until(lambda: there.sentinel.faults.struck["slow"] >= 6)
            os.kill(stopped, signal.SIGSTOP)
            there.sentinel.faults.remove("slow")
            await send(there, new)
            async with there.publisher("other"):
                await until(lambda: holds(there, new))
                os.kill(stopped, signal.SIGCONT)
                log = tmp_path / "stopped.log"
                await until(lambda: "lock ran out" in log.read_text())
                await until(lambda: drained(there))
                await until(lambda: agree(there, new))
        assert holds(there, new)
        await made(there, new)
        assert await there.closes()

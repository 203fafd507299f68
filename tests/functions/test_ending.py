"""A worker process that is told to end (SIGTERM): what it has in hand is finished, told and let go of."""

import signal
from pathlib import Path

import pytest

from mti.common.adapters.packed import packed
from mti.common.adapters.sqlite import SqliteStore
from mti.common.ports.bus import Outgoing
from mti.common.topology import STANDARD
from mti.publisher.records import PUBLISHED
from mti.simulators import SentinelFault, SentinelFaultKind, Simulators
from tests.functions.estate import Estate, estate
from tests.functions.running import needs_worker
from tests.support.collector import collecting
from tests.support.waiting import in_time, until
from tests.support.worlds import two_tenants

pytestmark = [needs_worker, pytest.mark.xdist_group("function apps")]

NEVER = {"OTEL_BSP_SCHEDULE_DELAY": "3600000", "OTEL_METRIC_EXPORT_INTERVAL": "3600000"}
"""Milliseconds between two exports: what comes before comes of the end."""


async def ended(at: Estate, service: str) -> int:
    process = at.running[service].process
    process.send_signal(signal.SIGTERM)
    return await in_time(process.wait())


async def test_what_is_in_hand_is_finished_and_what_was_recorded_is_told(tmp_path: Path) -> None:
    slow = SentinelFault(name="slow", kind=SentinelFaultKind.SLOW, seconds=3, times=None)
    async with (
        collecting() as collector,
        Simulators(two_tenants(detections=40, sentinel_faults=[slow])) as world,
        estate(tmp_path, world, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **NEVER) as at,
    ):
        uploads = [workspace.counts for workspace in world.sentinel.workspaces.values()]
        await until(lambda: any(counts["requests"] for counts in uploads))
        assert collector.spans == []
        assert await ended(at, "publisher") == -signal.SIGTERM, "as it would have ended, but later"
        said = at.logged("publisher")
        raised = [line for line in said.splitlines() if " raised: " in line]
        assert all("told to end" in line for line in raised), "what comes meanwhile is given back"
        assert "could not be closed" not in said, said
        assert "Unclosed" not in said, said
        assert at.accepted() > 0
        assert {span.service for span in collector.spans} == {"mti-publisher"}
        store = packed(SqliteStore(tmp_path / "publisher.db", read_only=True))
        try:
            written = [found async for found in store.container(PUBLISHED).partitions()]
        finally:
            await store.close()
        assert written, "the books have what the workspace took"


async def test_an_app_that_holds_a_message_gives_it_back_at_once(tmp_path: Path) -> None:
    async with (
        Simulators(two_tenants(detections=10)) as world,
        estate(tmp_path, world, "cosmos:http://127.0.0.1:9/{service}", ["normalizer"], MTI_COSMOS_KEY="a2V5") as at,
    ):
        await at.bus.sender(STANDARD.pages).send([Outgoing(body=b"?", message_id="held")])
        await until(lambda: "a message is held" in at.logged("normalizer"))
        assert await ended(at, "normalizer") == -signal.SIGTERM
        assert "normalize raised: " in at.logged("normalizer")


async def test_an_app_that_has_opened_nothing_ends_as_ever(tmp_path: Path) -> None:
    async with Simulators(two_tenants(detections=10)) as world, estate(tmp_path, world, services=["normalizer"]) as at:
        assert await at.running["normalizer"].ask("health") == (200, {"service": "normalizer", "version": "0.1.0"})
        assert await ended(at, "normalizer") == 0, "the host of the tests ends by itself"

"""A workspace that joins late is given what it missed, also when the bus is away at first."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mti.common.adapters.packed import packed
from mti.common.adapters.sqlite import SqliteStore
from mti.common.ports.clock import SystemClock
from mti.common.registry import (
    Destination,
    Feed,
    FeedFormat,
    IndicatorPolicy,
    MimecastAccount,
    MimecastApi,
    Registry,
    Route,
    SentinelAuth,
    Source,
)
from mti.normalizer.observables import Observable, indicator_id
from mti.normalizer.records import KNOWN, KnownIndicator, KnownIndicators
from mti.stack.latecomers import Latecomers
from tests.support.bus import counts, running_namespace
from tests.support.waiting import until

NOBODY = "Endpoint=sb://127.0.0.1:9;SharedAccessKeyName=k;SharedAccessKey=k;UseDevelopmentEmulator=true;"
HASH = Observable("file:hashes.'SHA-256'", "ab" * 32)


def registry(*destinations: str) -> Registry:
    account = MimecastAccount(
        tenant="contoso", api=MimecastApi.V2, region="eu", base_url="https://x", format=FeedFormat.STIX
    )
    found: Mapping[str, Destination] = {
        id: Destination(
            id=id,
            tenants=["contoso"],
            endpoint="https://x",
            authority="https://x",
            azure_tenant_id=None,
            auth=SentinelAuth.MANAGED_IDENTITY,
        )
        for id in destinations
    }
    return Registry(
        sources={"grid:eu": Source(id="grid:eu", feed=Feed.MALWARE_GRID, region="eu", accounts=[account])},
        destinations=found,
        routes=[
            Route(source="grid:eu", destination=id, tenant="contoso", policy=IndicatorPolicy()) for id in destinations
        ],
    )


async def know(database: Path) -> None:
    """Let the normalizer have made one indicator."""
    now = datetime.now(UTC)
    entry = KnownIndicator(
        id=indicator_id(HASH),
        observable=HASH,
        created=now,
        version=now,
        valid_until=now + timedelta(days=30),
        sightings=1,
        first_by="chunk",
    )
    store = packed(SqliteStore(database))
    await KnownIndicators(store.container(KNOWN), SystemClock()).remember("grid:eu", [entry])
    await store.close()


async def until_done(latecomers: Latecomers) -> None:
    await until(lambda: not latecomers.at_work)


async def test_a_bus_that_is_away_is_waited_for_and_the_newcomer_is_served_once_it_is_back(tmp_path: Path) -> None:
    await know(tmp_path / "normalizer.db")
    latecomers = Latecomers(tmp_path / "routes.json", tmp_path / "normalizer.db", wait=0)
    newcomer = registry("w1")
    latecomers.backfill_changes(newcomer, NOBODY)
    await until_done(latecomers)
    assert not (tmp_path / "routes.json").exists()
    async with running_namespace(tmp_path / "bus") as namespace:
        latecomers.backfill_changes(newcomer, namespace.connection_string)
        latecomers.backfill_changes(newcomer, namespace.connection_string)
        await until_done(latecomers)
        assert (await counts(namespace, "indicators/subscriptions/publisher"))["active"] == 1
        latecomers.backfill_changes(newcomer, namespace.connection_string)
        latecomers.backfill_changes(newcomer, namespace.connection_string)
        assert not latecomers.at_work
    assert "w1" in (tmp_path / "routes.json").read_text()

"""Folders of an embedded stack with any number of tenants, some of them unwell: written, not run."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from mti.common.adapters.packed import packed
from mti.common.adapters.servicebus import ServiceBus
from mti.common.adapters.sqlite import SqliteStore
from mti.common.contracts import IndicatorBatch, indicators_message
from mti.common.pauses import PauseState
from mti.common.schema import require_current
from mti.fetcher.records import CHECKPOINTS, FETCHED, SourceCheckpoint, source_checkpoints
from mti.fetcher.records import Ledger as Fetched
from mti.normalizer.records import HANDLED, KNOWN, ChunkBooks
from mti.normalizer.records import Ledger as Handled
from mti.publisher.records import PUBLISHED, Counts, DestinationCheckpoint, destination_checkpoints
from mti.stack.attach import attached
from mti.stack.layout import LastRun, Layout
from tests.common.tenants import destination, tenant
from tests.publisher.world import indicator
from tests.support.bus import INDICATORS

NOW = datetime.now(UTC)
WORDS = (
    "the server answered 401 to the client's credentials: create new ones in Mimecast's Administration Console, put"
    " them into the secret that the tenants file names, and lift the pause"
)
PAUSE = PauseState(
    reason="CredentialsRefused", description=WORDS, since=NOW, probed=NOW, until=NOW + timedelta(hours=1)
)


@dataclass(frozen=True)
class Estate:
    """A folder with so many tenants; some of them are unwell."""

    data: Path
    tenants: int

    @property
    def paused(self) -> int:
        return self.tenants // 2

    @property
    def lossy(self) -> int:
        return self.tenants - 1


def name(number: int) -> str:
    return f"customer-{number:04}"


def workspace(number: int) -> str:
    return f"10000000-0000-4000-8000-{number:012}"


def chunk_of(number: int) -> ChunkBooks:
    """Millions, and different ones for each tenant."""
    new, refreshed, suppressed, rejected = (
        1_000_003 + number,
        20_011 + 2 * number,
        4_000_007 + 3 * number,
        1_009 + number,
    )
    return ChunkBooks(
        detections=new + refreshed + suppressed + rejected,
        new=new,
        refreshed=refreshed,
        suppressed=suppressed,
        rejected={"TestFile": 1_000, "AllowListed": 9 + number},
    )


async def made(root: Path, tenants: int) -> Estate:
    estate = Estate(root / "data", tenants)
    layout = Layout(estate.data)
    layout.make()
    file = root / "tenants.yaml"
    numbers = range(1, tenants + 1)
    entries = [
        tenant(name(number), destinations=[destination() | {"workspace_id": workspace(number)}]) for number in numbers
    ]
    file.write_text(yaml.safe_dump({"tenants": entries}))
    layout.remember(LastRun(tenants=file))
    stores = {
        service: packed(SqliteStore(layout.database(service))) for service in ("fetcher", "normalizer", "publisher")
    }
    await require_current(stores["normalizer"], "normalizer", [KNOWN], writing=True)
    await require_current(stores["publisher"], "publisher", [PUBLISHED], writing=True)
    fetched, handled = Fetched(stores["fetcher"].container(FETCHED)), Handled(stores["normalizer"].container(HANDLED))
    sources = source_checkpoints(stores["fetcher"].container(CHECKPOINTS))
    destinations = destination_checkpoints(stores["publisher"].container(CHECKPOINTS))
    for number in numbers:
        source, books = f"{name(number)}/malware_customer", chunk_of(number)
        nowhere = {"lost": 12_345} if number == estate.lossy else {}
        await fetched.enter(source, {"handled": books.detections} | nowhere, NOW)
        await handled.write(source, "handled", books)
        held = PAUSE if number == estate.paused else None
        checkpoint = SourceCheckpoint(covered_until=NOW, account=name(number), pause=held)
        await sources.save((await sources.load(source, SourceCheckpoint())).with_value(checkpoint))
        counts = Counts(requests=70_001 + number, throttled=101 + number, accepted=7_000_001 + number, refused=number)
        before = await destinations.load(workspace(number), DestinationCheckpoint())
        await destinations.save(before.with_value(DestinationCheckpoint(counts=counts)))
    for store in stores.values():
        await store.close()
    await bury(estate)
    return estate


async def bury(estate: Estate) -> None:
    """Dead-letter what is for the first workspace."""
    batch = IndicatorBatch(source=f"{name(1)}/malware_customer", objects=[indicator("x")])
    async with attached(estate.data) as stack:
        bus = ServiceBus.from_connection_string(stack.connection_string)
        await bus.sender(INDICATORS).send([indicators_message(workspace(1), batch)])
        async with bus.receiver(INDICATORS, session=workspace(1)) as receiver:
            (message,) = await receiver.receive_messages(max_message_count=1, max_wait_time=5)
            await receiver.dead_letter_message(message, reason="ObjectRefused", error_description=WORDS)
        await bus.close()

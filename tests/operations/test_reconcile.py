from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from mti.common.adapters.packed import packed
from mti.common.adapters.sqlite import SqliteStore
from mti.common.contracts.envelope import PREFIX
from mti.common.ports.bus import Outgoing, Received
from mti.common.registry import Destination, Registry, SentinelAuth
from mti.common.topology import STANDARD
from mti.fetcher.records import Ledger as FetchLedger
from mti.operations.bus import BusLoads, DeadLetter, EntityLoad, Unseen
from mti.operations.reconcile import reconcile
from mti.operations.status import take_status
from mti.operations.stores import Stores
from tests.normalizer.world import CONTOSO, CUSTOMER, NOW, World, at, message, received, stix

pytestmark = pytest.mark.pure


@dataclass
class Bus:
    """A bus that holds these messages."""

    waiting: Mapping[str, Sequence[Received]] = field(default_factory=dict)
    letters: Mapping[str, Sequence[DeadLetter]] = field(default_factory=dict)
    hidden: Unseen = field(default_factory=Unseen)

    async def live(self, entity: str) -> AsyncIterator[Received]:
        for found in self.waiting.get(entity, ()):
            yield found

    async def dead(self, entity: str, *, after: int = 0) -> AsyncIterator[DeadLetter]:
        for found in self.letters.get(entity, ()):
            yield found

    def unseen(self) -> Unseen:
        return self.hidden

    async def loads(self) -> BusLoads:
        paths = {path for entity in STANDARD.entities for path in (entity.name, entity.path)}
        return BusLoads(
            entities={
                path: EntityLoad(
                    active=len(self.waiting.get(path, ())),
                    scheduled=0,
                    dead=len(self.letters.get(path, ())),
                    sessions={},
                )
                for path in paths
            }
        )


@pytest.fixture
async def stores(normalized: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stores]:
    folder = tmp_path_factory.mktemp("stores")
    fetcher, publisher = packed(SqliteStore(folder / "fetcher.db")), packed(SqliteStore(folder / "publisher.db"))
    yield Stores(fetcher, normalized.store, publisher)
    await fetcher.close()
    await publisher.close()


def registry(normalized: World) -> Registry:
    """Return contoso's feed and its workspace alone."""
    found = normalized.registry
    destination = Destination(
        id=CONTOSO, tenants=["contoso"], endpoint="https://x", authority="https://x", azure_tenant_id=None,
        auth=SentinelAuth.MANAGED_IDENTITY,
    )  # fmt: skip
    routes = [route for route in found.routes if (route.source, route.destination) == (CUSTOMER, CONTOSO)]
    return replace(
        found, sources={CUSTOMER: found.sources[CUSTOMER]}, destinations={CONTOSO: destination}, routes=routes
    )


def fresh(*names: str) -> Received:
    """Return a chunk whose indicators are valid for long."""
    return message(*(stix(name, datetime.now(UTC)) for name in names))


async def enter(stores: Stores, found: Received, detections: int) -> None:
    await FetchLedger(stores.fetcher.container("ledger")).enter(
        CUSTOMER, {str(found.properties[f"{PREFIX}id"]): detections}, NOW
    )


def arrived(outgoing: Sequence[Outgoing]) -> list[Received]:
    return [received(found) for found in outgoing if found.session_id == CONTOSO]


async def test_what_waits_or_is_dead_on_the_bus_is_told_apart_from_what_is_lost(
    normalized: World, stores: Stores
) -> None:
    one, two, three = fresh("a"), fresh("b", "c"), fresh("d", "e", "f")
    for found, count in ((one, 1), (two, 2), (three, 3)):
        await enter(stores, found, count)
    bus = Bus(
        {STANDARD.pages.path: [one]}, {STANDARD.pages.path: [DeadLetter(entity=STANDARD.pages.path, message=two)]}
    )
    (books,) = (await reconcile(registry(normalized), stores, bus)).sources
    assert (books.detections, books.waiting, books.dead, books.lost, books.closed) == (6, 1, 2, 3, False)


async def test_indicators_are_waiting_dead_or_lost_by_their_versions(normalized: World, stores: Stores) -> None:
    for name in ("a", "b", "c"):
        await normalized.normalizer()([fresh(name)])
    first, second, _ = arrived(normalized.indicators.sent)
    bus = Bus(
        {STANDARD.indicators.path: [first]},
        {STANDARD.indicators.path: [DeadLetter(entity=STANDARD.indicators.path, message=second)]},
    )
    found = await reconcile(registry(normalized), stores, bus)
    (books,) = found.destinations
    assert (books.expected, books.waiting, books.dead, books.lost) == (3, 1, 1, 1)
    assert "mti backfill --tenant contoso" in " ".join(found.faults())


async def test_what_is_not_valid_any_more_and_never_came_here_is_not_lost(normalized: World, stores: Stores) -> None:
    await normalized.normalizer()([message(stix("old", NOW - timedelta(days=3650)))])
    normalized.indicators.sent.clear()
    (books,) = (await reconcile(registry(normalized), stores, Bus())).destinations
    assert (books.expected, books.expired, books.lost, books.closed) == (1, 1, 0, True)


async def test_what_can_t_be_seen_is_taken_to_be_there_as_far_as_there_is_room_and_said(
    normalized: World, stores: Stores
) -> None:
    one, two = fresh("a"), fresh("b", "c")
    await enter(stores, one, 1)
    await enter(stores, two, 2)
    hidden = Unseen(scheduled={STANDARD.pages.name: 1}, notes=["topic raw-pages holds 1 scheduled messages"])
    found = await reconcile(registry(normalized), stores, Bus(hidden=hidden))
    (books,) = found.sources
    assert books.waiting + books.lost == 3
    assert books.lost > 0
    assert len(found.notes) == 2
    everything = Unseen(scheduled={STANDARD.pages.name: None})
    (books,) = (await reconcile(registry(normalized), stores, Bus(hidden=everything))).sources
    assert (books.waiting, books.lost) == (3, 0)


async def test_what_the_publisher_has_in_hand_is_waiting(normalized: World, stores: Stores) -> None:
    await normalized.normalizer()([fresh("a")])
    bus = Bus(hidden=Unseen(sessions=frozenset({CONTOSO})))
    (books,) = (await reconcile(registry(normalized), stores, bus)).destinations
    assert (books.waiting, books.lost) == (1, 0)


async def test_the_status_notices_a_chunk_that_is_nowhere(normalized: World, stores: Stores) -> None:
    one, two = fresh("a"), fresh("b", "c")
    await enter(stores, one, 1)
    await enter(stores, two, 2)
    where = registry(normalized)
    waiting = await take_status(where, stores, Bus({STANDARD.pages.path: [one, two]}), normalized.clock)
    assert (waiting.sources[0].books.waiting, waiting.closed) == (3, True)
    letters = Bus({}, {STANDARD.pages.path: [DeadLetter(entity=STANDARD.pages.path, message=two)]})
    dead = await take_status(where, stores, letters, normalized.clock)
    assert (dead.sources[0].books.dead, dead.sources[0].books.lost, dead.closed) == (2, 1, False)
    assert dead.sources[0].dead_letters == 1
    gone = await take_status(where, stores, Bus(), normalized.clock)
    assert (gone.sources[0].books.lost, gone.closed) == (3, False)
    await normalized.normalizer()([one, two])
    done = await take_status(where, stores, Bus(), normalized.clock)
    assert (done.sources[0].books.new, done.closed) == (3, True)


async def test_a_status_is_one_json_document_with_sums_by_tenant(normalized: World, stores: Stores) -> None:
    await enter(stores, fresh("a"), 1)
    found = (await take_status(registry(normalized), stores, Bus(), normalized.clock)).document()
    assert found["closed"] is False
    assert isinstance(found["tenants"], dict)
    assert set(found["tenants"]) == {"contoso"}
    assert found["at"] == at().isoformat()

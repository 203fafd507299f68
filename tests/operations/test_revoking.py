from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mti.common.adapters.packed import PackedStore, packed
from mti.common.adapters.sqlite import SqliteStore
from mti.common.contracts import Carried, IndicatorBatch, decode
from mti.common.errors import ConfigurationError
from mti.common.ports.bus import Outgoing
from mti.common.registry import Destination, Feed, Registry, SentinelAuth
from mti.normalizer.observables import Observable, indicator_id
from mti.operations.destinations import DestinationAudit
from mti.operations.revoking import Lifted, Lifting, RevokeObservable, RevokeSources, Scope, observable_of
from mti.operations.stores import Stores
from mti.publisher.forms import prepared
from mti.publisher.records import Accept, Item, PublishedVersions
from tests.normalizer.world import (
    CONTOSO,
    CUSTOMER,
    FABRIKAM,
    GRID,
    MSSP,
    Crash,
    Fuse,
    FusedContainer,
    FusedSender,
    Outbox,
    World,
    at,
    message,
    received,
    sha256,
    stix,
)

pytestmark = pytest.mark.pure

A = Observable("file:hashes.'SHA-256'", sha256("a"))


@dataclass
class Place:
    """A normalizer, and workspaces that take whatever is sent to them."""

    normalized: World
    publisher: PackedStore
    taken: int = 0

    @property
    def registry(self) -> Registry:
        found = self.normalized.registry
        ids = {route.destination for route in found.routes}
        return replace(found, destinations={id: _destination(id) for id in sorted(ids)})

    @property
    def versions(self) -> PublishedVersions:
        return PublishedVersions(self.publisher.container("published"), self.normalized.clock)

    async def normalize(self, *files: str, source: str = CUSTOMER, hours: float = 0) -> None:
        await self.normalized.normalizer()([message(*(stix(file, at(hours=hours)) for file in files), source=source)])
        await self.deliver()

    async def deliver(self, messages: Sequence[Outgoing] | None = None) -> None:
        sent = self.normalized.indicators.sent if messages is None else messages
        new = sent[self.taken :] if messages is None else sent
        self.taken += len(new) if messages is None else 0
        for each in new:
            _, batch = decode(received(each), IndicatorBatch)
            feed = Feed.MALWARE_GRID if batch.source == GRID else Feed.MALWARE_CUSTOMER
            assert each.session_id is not None
            items = [
                Item.of(Carried.of(found), source=batch.source, feed=feed, extension=timedelta())
                for found in batch.objects
            ]
            known = await self.versions.look_up(each.session_id, [item.own for item in items])
            changes = [Accept(prepared(known.get(item.own), item)) for item in items]
            await self.versions.record(each.session_id, changes)

    def stores(self, fuse: Fuse | None = None) -> Stores:
        return Stores(_Fused(self.normalized, fuse or Fuse()), _Fused(self.normalized, fuse or Fuse()), self.publisher)

    def one(self, outbox: Outbox, fuse: Fuse | None = None) -> RevokeObservable:
        burning = fuse or Fuse()
        sender = FusedSender(outbox, burning)
        return RevokeObservable(self.registry, self.stores(burning), sender, self.normalized.clock)

    def whole(self, outbox: Outbox) -> RevokeSources:
        return RevokeSources(self.registry, self.stores(), outbox, self.normalized.clock)

    async def lift(self, observable: Observable = A) -> Lifted:
        return await Lifting(self.registry, self.stores(), self.normalized.clock).observable(observable)

    async def books(self, destination: str) -> Any:
        audit = DestinationAudit(self.registry, self.normalized.store, self.publisher, self.normalized.clock)
        books, missing = await audit.of(self.registry.destinations[destination])
        await audit.enter_missing(books, missing)
        return books


class _Fused:
    def __init__(self, world: World, fuse: Fuse) -> None:
        self._world, self._fuse = world, fuse

    def container(self, name: str) -> FusedContainer:
        return FusedContainer(self._world.store.container(name), self._fuse)

    async def close(self) -> None:
        return


def _destination(id: str) -> Destination:
    return Destination(
        id=id, tenants=["t"], endpoint="https://x", authority="https://x", azure_tenant_id=None,
        auth=SentinelAuth.MANAGED_IDENTITY,
    )  # fmt: skip


@pytest.fixture
async def place(normalized: World, tmp_path: Path) -> AsyncIterator[Place]:
    store = packed(SqliteStore(tmp_path / "publisher.db", clock=normalized.clock), normalized.clock)
    yield Place(normalized, store)
    await store.close()


async def test_it_is_revoked_where_it_is_held_newer_than_it_was_and_otherwise_as_it_was(place: Place) -> None:
    await place.normalize("a", "b")
    sent = Outbox()
    result = await place.one(sent).run(A, "a false alarm")
    assert result.revoked == {CONTOSO: 1, MSSP: 1}
    before = {found["id"]: found for found in place.normalized.indicators.objects(CONTOSO)}[indicator_id(A)]
    (after,) = sent.objects(CONTOSO)
    assert after["revoked"] is True
    assert after["modified"] > before["modified"]
    assert {**after, "modified": before["modified"]} == {**before, "revoked": True}


async def test_the_books_close_over_a_withdrawal_and_say_how_many(place: Place) -> None:
    await place.normalize("a", "b")
    sent = Outbox()
    await place.one(sent).run(A, None)
    await place.deliver(sent.sent)
    books = await place.books(CONTOSO)
    assert (books.expected, books.accepted, books.withdrawn, books.lost, books.unexpected) == (2, 2, 1, 0, 0)
    lifted = await place.lift()
    assert lifted.workspaces == {
        CONTOSO: indicator_id(A, 1),
        MSSP: indicator_id(A, 1),
        FABRIKAM: indicator_id(A),
    }
    books = await place.books(CONTOSO)
    assert (books.expected, books.accepted, books.withdrawn, books.closed) == (2, 2, 1, True)
    await place.normalize("a", hours=1)
    books = await place.books(CONTOSO)
    assert (books.expected, books.accepted, books.withdrawn, books.doubled, books.closed) == (2, 2, 0, 0, True)
    assert (await place.versions.look_up(CONTOSO, [indicator_id(A)]))[indicator_id(A)].generation == 1


async def test_a_workspace_that_never_got_it_is_not_missing_it(place: Place) -> None:
    await place.normalized.normalizer()([message(stix("a"), stix("b"))])
    place.taken = len(place.normalized.indicators.sent)
    await place.one(Outbox()).run(A, None)
    books = await place.books(CONTOSO)
    assert (books.expected, books.accepted, books.withdrawn, books.lost) == (2, 0, 1, 1)


async def test_killed_at_any_step_and_run_again_every_workspace_is_told(place: Place) -> None:
    for step in range(1, 12):
        file = f"file {step}"
        observable = Observable(A.key, sha256(file))
        await place.normalize(file)
        sent = Outbox()
        try:
            await place.one(sent, Fuse(step)).run(observable, None)
        except Crash:
            await place.one(sent).run(observable, None)
        assert {found.session_id for found in sent.sent} == {CONTOSO, MSSP}
        later = message(stix(file, at(days=20)))
        await place.normalized.normalizer()([later])
        assert sha256(file) not in {
            found["pattern"].split("'")[-2]
            for found in place.normalized.indicators.objects()
            if found["modified"] > "2026-12"
        }


async def test_what_is_revoked_already_is_not_sent_again(place: Place) -> None:
    await place.normalize("a")
    sent = Outbox()
    await place.one(sent).run(A, None)
    await place.deliver(sent.sent)
    again = await place.one(Outbox()).run(A, None)
    assert (again.already, again.messages) == (2, 0)


async def test_a_dry_run_withdraws_nothing(place: Place) -> None:
    await place.normalize("a")
    sent = Outbox()
    result = await place.one(sent).run(A, None, dry_run=True)
    assert (result.revoked, sent.sent) == ({CONTOSO: 1, MSSP: 1}, [])
    assert await place.normalized.known.withdrawals.look_up(CUSTOMER, [A]) == {}


async def test_what_nobody_saw_yet_is_kept_out_all_the_same(place: Place) -> None:
    result = await place.one(Outbox()).run(A, None)
    assert result.messages == 0
    await place.normalize("a", source=GRID)
    assert place.normalized.indicators.sent == []


async def test_of_a_source_only_what_no_other_source_of_the_workspace_backs_is_revoked(place: Place) -> None:
    await place.normalize("own", "both")
    await place.normalize("both", "grid", source=GRID)
    sent = Outbox()
    result = await place.whole(sent).run(Scope(source=CUSTOMER), "a bad account")
    assert sent.values(CONTOSO) == {sha256("own")}
    assert sent.values(MSSP) == {sha256("own"), sha256("both")}
    assert (result.backed, result.observables) == (1, 2)
    later = message(stix("own", at(days=20)), stix("both", at(days=20)))
    before = len(place.normalized.indicators.sent)
    await place.normalized.normalizer()([later])
    assert place.normalized.indicators.sent[before:] == []
    await place.normalized.normalizer()([message(stix("both", at(days=20)), source=GRID)])
    emitted = Outbox(place.normalized.indicators.sent[before:])
    assert emitted.values() == {sha256("both")}


async def test_of_a_tenant_the_shared_grid_goes_on_for_the_others(place: Place) -> None:
    await place.normalize("own")
    await place.normalize("grid", source=GRID)
    sent = Outbox()
    await place.whole(sent).run(Scope(tenant="contoso"), None)
    assert sent.values(CONTOSO) == {sha256("own"), sha256("grid")}
    assert sent.values(FABRIKAM) == set()
    later = message(stix("grid", at(days=20)), source=GRID)
    before = len(place.normalized.indicators.sent)
    await place.normalized.normalizer()([later])
    assert FABRIKAM in {found.session_id for found in place.normalized.indicators.sent[before:]}


async def test_a_whole_source_fits_as_many_messages_as_it_takes_and_is_done_once(place: Place) -> None:
    await place.normalize(*(f"file {number}" for number in range(150)))
    sent = Outbox()
    result = await place.whole(sent).run(Scope(source=CUSTOMER), None)
    assert result.revoked == {CONTOSO: 150, MSSP: 150}
    assert result.observables == 150
    await place.deliver(sent.sent)
    again = await place.whole(Outbox()).run(Scope(source=CUSTOMER), None)
    assert (again.already, again.messages) == (300, 0)


async def test_there_is_nothing_to_lift_where_nothing_was_withdrawn(place: Place) -> None:
    with pytest.raises(ConfigurationError, match="is not withdrawn"):
        await place.lift()


async def test_a_tenant_without_a_workspace_is_named(place: Place) -> None:
    with pytest.raises(ConfigurationError, match="no tenant 'adatum'"):
        await place.whole(Outbox()).run(Scope(tenant="adatum"), None)


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        (sha256("a").upper(), "file:hashes.'SHA-256'", sha256("a")),
        ("0" * 40, "file:hashes.'SHA-1'", "0" * 40),
        (" " + "f" * 32, "file:hashes.MD5", "f" * 32),
        ("https://bad.example/Path", "url:value", "https://bad.example/Path"),
        ("192.0.2.7", "ipv4-addr:value", "192.0.2.7"),
        ("2001:DB8::1", "ipv6-addr:value", "2001:db8::1"),
        ("Bad.Example", "domain-name:value", "bad.example"),
        ("Someone@Bad.Example", "email-addr:value", "someone@bad.example"),
    ],
)
def test_an_observable_is_told_by_its_form(text: str, key: str, value: str) -> None:
    assert observable_of(text) == Observable(key, value)


@pytest.mark.parametrize("text", ["", "word", "g" * 64, "two words.example", "a/b.c"])
def test_what_is_no_observable_is_refused_with_what_could_be_meant(text: str) -> None:
    with pytest.raises(ConfigurationError, match="write a SHA-256"):
        observable_of(text)

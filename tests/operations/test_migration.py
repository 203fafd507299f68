"""Stores as the release before wrote them, brought into today's form: what was withdrawn stays so, what is held stays,
and withdrawing, lifting and reconciling work on the result.
"""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import JsonValue

from mti.common.adapters.packed import PackedStore
from mti.common.contracts import timestamp
from mti.common.errors import ConfigurationError
from mti.common.ports.store import Document, Store
from mti.common.schema import require_current
from mti.normalizer.observables import Observable, indicator_id
from mti.operations.migration import Migrated, is_needed, migrate
from mti.operations.revoking import Scope
from tests.normalizer.world import Crash, Fuse, sha256
from tests.operations.estate import Estate
from tests.support.cli import mti

GRID = "grid:eu"
CONTOSO = "00000000-0000-0000-0000-000000000001"
FABRIKAM = "00000000-0000-0000-0000-000000000002"
MSSP = "00000000-0000-0000-0000-000000000009"
OWN = "contoso/malware_customer"
STRICT = "grid:eu|fabrikam"
"""What fabrikam's own policy made of the grid."""


def observable(file: str) -> Observable:
    return Observable("file:hashes.'SHA-256'", sha256(file))


@dataclass
class Earlier:
    """An estate whose stores are written as the release before did."""

    estate: Estate

    async def knew(self, scope: str, file: str, *, generation: int = 0, version: datetime | None = None) -> None:
        """Write an entry of the normalizer's memory."""
        version, id = version or self.estate.clock.now(), indicator_id(observable(file), generation)
        shards = 32 if scope.startswith("grid:") else 4
        shard = int(id.partition("--")[2][:2], 16) * shards // 256
        body: dict[str, JsonValue] = {
            "key": "file:hashes.'SHA-256'",
            "value": sha256(file),
            "created": timestamp(version),
            "version": timestamp(version),
            "valid_until": timestamp(version + timedelta(days=30)),
            "sightings": 1,
            "by": "c1",
            "first_by": "c1",
            "refreshed_by": [],
            "refreshes": 0,
            "facts": {"name": "Invoice.pdf"},
            **({"generation": generation} if generation else {}),
        }
        await self.estate.normalizer.below.container("known").write(
            Document(partition=f"{scope}#{shard:02d}", id=id, body=body, etag=None, ttl=10**7)
        )

    async def withdrew(self, audience: str, file: str, *, generation: int = 0, lifted: bool = False) -> None:
        """Write a withdrawal, or one that was lifted."""
        now = timestamp(self.estate.clock.now())
        body: dict[str, JsonValue] = {
            "key": "file:hashes.'SHA-256'",
            "value": sha256(file),
            "generation": generation,
            **({"lifted": now} if lifted else {"withdrawn": now, "reason": "a false alarm"}),
        }
        await self.estate.normalizer.below.container("known").write(
            Document(partition=f"withdrawn|{audience}", id=indicator_id(observable(file)), body=body, etag=None)
        )

    async def held(self, workspace: str, source: str, file: str, *, generation: int = 0, revoked: bool = False) -> None:
        """Let a workspace have it, and write what the publisher knew of it."""
        version, id = self.estate.clock.now(), indicator_id(observable(file), generation)
        feed = "malware_grid" if source == GRID else "malware_customer"
        body: dict[str, JsonValue] = {
            "version": version.isoformat().replace("+00:00", "Z"),
            "valid_until": (version + timedelta(days=30)).isoformat().replace("+00:00", "Z"),
            "feed": feed,
            "source": source,
            "accepted": 1,
            **({"revoked": True} if revoked else {}),
        }
        await self.estate.publisher.below.container("published").write(
            Document(partition=f"{workspace}#{id[11]}", id=id, body=body, etag=None, ttl=None if revoked else 10**7)
        )
        record: dict[str, object] = {
            "id": id,
            "modified": timestamp(version),
            "pattern": f"[file:hashes.'SHA-256' = '{sha256(file)}']",
            **({"revoked": True} if revoked else {}),
        }
        whole = json.dumps({"stixobjects": [record]}).encode()
        self.estate.sentinel.workspaces[workspace].accept(whole, "Mimecast", [record], [0])

    async def write(self) -> None:
        """Write all of it: see `FILES`."""
        for file in ("plain", "everyone", "lifted", "once", "here"):
            await self.knew(OWN, file)
        await self.knew(OWN, "lifted", generation=1)
        for file in ("grid", "scope", "route"):
            await self.knew(GRID, file)
            await self.knew(STRICT, file)
        for workspace in (CONTOSO, MSSP):
            await self.held(workspace, OWN, "plain")
            await self.held(workspace, OWN, "everyone", revoked=True)
            await self.held(workspace, OWN, "lifted", revoked=True)
            await self.held(workspace, OWN, "lifted", generation=1)
            await self.held(workspace, OWN, "once", revoked=True)
            await self.held(workspace, OWN, "here", revoked=True)
            await self.held(workspace, GRID, "grid")
            await self.held(workspace, GRID, "scope")
            await self.held(workspace, GRID, "route")
        await self.held(FABRIKAM, GRID, "grid")
        await self.held(FABRIKAM, GRID, "scope", revoked=True)
        await self.held(FABRIKAM, GRID, "route", revoked=True)
        await self.withdrew("*", "everyone")
        await self.withdrew("*", "lifted", generation=1, lifted=True)
        await self.withdrew("*", "once", generation=1, lifted=True)
        await self.withdrew(OWN, "here")
        await self.withdrew(STRICT, "scope")

    async def migrate(self, fuse: Fuse | None = None) -> Migrated:
        return await migrate(self.estate.registry, self.estate.packed_stores(fuse), self.estate.clock)


HERE = {"plain", "lifted", "grid", "scope", "route"}
SHOWN = {CONTOSO: HERE, FABRIKAM: {"grid"}, MSSP: HERE}


def tenant(id: str, *to: str, feeds: list[str], **fields: Any) -> dict[str, Any]:
    account = {"api": "2.0", "region": "eu", "client_id": "env:A", "client_secret": "env:B"}
    return {"id": id, "mimecast": account, "feeds": feeds, "destinations": list(to), **fields}


@pytest.fixture
async def earlier(tmp_path: Path) -> AsyncIterator[Earlier]:
    tenants = [
        tenant("contoso", CONTOSO, MSSP, feeds=["malware_customer", "malware_grid"]),
        tenant("fabrikam", FABRIKAM, feeds=["malware_grid"], indicator={"confidence": 50}),
    ]
    estate = await Estate(tmp_path, tuple(SHOWN), tenants).open()
    estate.clock.turn(hours=1)
    found = Earlier(estate)
    await found.write()
    estate.clock.turn(hours=1)
    try:
        yield found
    finally:
        await estate.close()


async def shows(estate: Estate, shown: dict[str, set[str]]) -> None:
    """See that the workspaces show these files, that the books close and that both agree."""
    await estate.drain()
    for workspace, files in shown.items():
        assert estate.shown(workspace) == {sha256(file) for file in files}
        entries = await estate.entries(workspace)
        alive = {indicator_id(observable(file)) for file in files}
        assert {own for own, entry in entries.items() if entry.alive} == alive
        books = await estate.books(workspace)
        assert books.closed, books
        assert estate.sentinel.workspaces[workspace].counts["revived"] == 0


async def test_what_is_held_and_what_was_withdrawn_stays_so(earlier: Earlier) -> None:
    done = await earlier.migrate()
    assert done.needed
    await shows(earlier.estate, SHOWN)
    assert await earlier.migrate() == Migrated(needed=False)
    assert not await is_needed(earlier.estate.packed_stores())


async def test_killed_at_any_step_and_run_again_the_same_comes_of_it(tmp_path: Path) -> None:
    results = []
    for step in [None, *range(1, 200, 9)]:
        folder = tmp_path / str(step)
        folder.mkdir()
        tenants = [
            tenant("contoso", CONTOSO, MSSP, feeds=["malware_customer", "malware_grid"]),
            tenant("fabrikam", FABRIKAM, feeds=["malware_grid"], indicator={"confidence": 50}),
        ]
        estate = await Estate(folder, tuple(SHOWN), tenants).open()
        earlier = Earlier(estate)
        try:
            await earlier.write()
            estate.clock.turn(hours=1)
            try:
                await earlier.migrate(Fuse(step))
            except Crash:
                await earlier.migrate()
            await shows(estate, SHOWN)
            results.append(
                [
                    sorted((found.partition, found.id, json.dumps(found.body, sort_keys=True)) for found in documents)
                    for documents in (
                        await _documents(estate.normalizer, "known"),
                        await _documents(estate.publisher, "published"),
                    )
                ]
            )
        finally:
            await estate.close()
    assert all(result == results[0] for result in results)


async def test_what_lies_as_it_is_is_packed_whoever_is_killed_meanwhile(earlier: Earlier) -> None:
    await earlier.migrate()
    estate = earlier.estate
    held = await _documents(estate.normalizer, "known"), await _documents(estate.publisher, "published")
    for step in (None, *range(1, 120, 7)):
        await _unpack(estate.normalizer, "known")
        await _unpack(estate.publisher, "published")
        stores = estate.packed_stores()
        assert await is_needed(stores)
        with pytest.raises(ConfigurationError, match="run `mti migrate` once"):
            await require_current(stores.normalizer, "normalizer", ["known"], writing=True)
        try:
            await earlier.migrate(Fuse(step))
        except Crash:
            await earlier.migrate()
        assert not await is_needed(estate.packed_stores())
        now = estate.packed_stores()
        known = await _documents(now.normalizer, "known"), await _documents(now.publisher, "published")
        assert [_without_etags(found) for found in known] == [_without_etags(found) for found in held]
        assert [name async for name in estate.publisher.below.container("published").partitions()] == [
            f"packed|{workspace}" for workspace in sorted(SHOWN)
        ]
    await shows(estate, SHOWN)


async def _unpack(store: PackedStore, name: str) -> None:
    """Let documents lie as the release before left them."""
    below = store.below.container(name)
    documents = await _documents(store, name)
    for partition in [found async for found in below.partitions() if found.startswith("packed|")]:
        for id in [found.id async for found in below.scan(partition)]:
            await below.delete(partition, id)
    for document in documents:
        if "#" in document.partition:
            await below.write(replace(document, etag=None))
    mark = await store.container("checkpoints").read("schema", "books")
    assert mark is not None
    await store.container("checkpoints").write(replace(mark, body={"version": 2}))


def _without_etags(documents: Sequence[Document]) -> list[Document]:
    return sorted((replace(found, etag=None) for found in documents), key=lambda found: (found.partition, found.id))


async def _documents(store: Store, name: str) -> list[Document]:
    container = store.container(name)
    partitions = [partition async for partition in container.partitions()]
    return [document for partition in partitions async for document in container.scan(partition)]


async def test_what_is_withdrawn_is_rejected_and_what_was_lifted_comes_back_when_it_is_seen(earlier: Earlier) -> None:
    await earlier.migrate()
    estate = earlier.estate
    await estate.saw(OWN, "everyone", "here", "once", "lifted")
    shown = {workspace: files | {"once"} if workspace != FABRIKAM else files for workspace, files in SHOWN.items()}
    await shows(estate, shown)


async def test_what_a_tenant_s_policy_withdrew_of_a_grid_goes_on_for_the_others(earlier: Earlier) -> None:
    await earlier.migrate()
    estate = earlier.estate
    estate.clock.turn(days=20)
    await estate.saw(GRID, "scope", "route")
    await shows(estate, SHOWN)
    [known] = (await estate.versions.look_up(CONTOSO, [indicator_id(observable("scope"))])).values()
    assert known.version is not None
    assert known.version >= estate.clock.now() - timedelta(minutes=1)


async def test_what_was_withdrawn_for_all_of_a_grid_is_rejected_from_it(earlier: Earlier) -> None:
    estate = earlier.estate
    await earlier.withdrew(GRID, "grid")
    await earlier.withdrew(STRICT, "grid")
    await earlier.migrate()
    await estate.revoke_all(Scope(source=GRID))
    estate.clock.turn(days=20)
    before = len(estate.bus.history)
    await estate.saw(GRID, "grid")
    assert len(estate.bus.history) == before
    await shows(estate, {CONTOSO: {"plain", "lifted"}, FABRIKAM: set()})


async def test_it_can_be_withdrawn_lifted_and_seen_again(earlier: Earlier) -> None:
    await earlier.migrate()
    estate = earlier.estate
    for file in ("plain", "lifted", "grid"):
        await estate.revoke(file)
    await shows(estate, {CONTOSO: {"scope", "route"}, FABRIKAM: set(), MSSP: {"scope", "route"}})
    for file in ("plain", "lifted", "grid", "everyone"):
        await estate.lift(file)
    await shows(estate, {CONTOSO: {"scope", "route"}, FABRIKAM: set(), MSSP: {"scope", "route"}})
    await estate.saw(OWN, "plain", "lifted", "everyone")
    await estate.saw(GRID, "grid")
    everything = HERE | {"everyone"}
    await shows(estate, {CONTOSO: everything, FABRIKAM: {"grid"}, MSSP: everything})
    [known] = (await estate.versions.look_up(CONTOSO, [indicator_id(observable("lifted"))])).values()
    assert known.generation == 2


async def test_a_tenant_can_be_withdrawn_and_lifted(earlier: Earlier) -> None:
    await earlier.migrate()
    estate = earlier.estate
    await estate.remove("contoso", withdraw=True)
    await estate.drain()
    assert estate.shown(CONTOSO) == set()
    assert estate.shown(MSSP) == set()
    await shows(estate, {FABRIKAM: {"grid"}})
    estate.resume("contoso")
    await estate.lift_all(Scope(tenant="contoso"))
    await estate.saw(OWN, "plain")
    await estate.saw(GRID, "grid")
    await shows(estate, {CONTOSO: {"plain", "grid"}, FABRIKAM: {"grid"}, MSSP: {"plain", "grid"}})


async def test_what_was_withdrawn_is_kept_out_of_a_workspace_that_never_got_anything(tmp_path: Path) -> None:
    estate = await Estate(tmp_path, (CONTOSO,), [tenant("contoso", CONTOSO, feeds=["malware_customer"])]).open()
    try:
        earlier = Earlier(estate)
        await earlier.knew(OWN, "a")
        await earlier.withdrew("*", "a")
        await earlier.migrate()
        assert {own for own, entry in (await estate.entries(CONTOSO)).items() if entry.is_withdrawn} == {
            indicator_id(observable("a"))
        }
    finally:
        await estate.close()


async def test_services_and_commands_refuse_an_earlier_store_and_say_what_to_run(earlier: Earlier) -> None:
    estate = earlier.estate
    for store, service, container in (
        (estate.normalizer, "normalizer", "known"),
        (estate.publisher, "publisher", "published"),
    ):
        with pytest.raises(ConfigurationError, match="run `mti migrate` once") as said:
            await require_current(store, service, [container], writing=True)
        assert service in str(said.value)
    await earlier.migrate()
    for store, service, container in (
        (estate.normalizer, "normalizer", "known"),
        (estate.publisher, "publisher", "published"),
    ):
        await require_current(store, service, [container], writing=True)


async def test_the_command_migrates_a_folder_that_others_refuse(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "bus").mkdir(parents=True)
    described = [tenant("contoso", CONTOSO, feeds=["malware_customer"])]
    estate = await Estate(data, (CONTOSO,), described).open()
    earlier = Earlier(estate)
    await earlier.knew(OWN, "plain")
    await earlier.held(CONTOSO, OWN, "plain")
    document = {"tenants": [{**described[0], "destinations": [{"workspace_id": CONTOSO, "auth": "managed_identity"}]}]}
    await estate.close()
    file = tmp_path / "tenants.yaml"
    file.write_text(yaml.safe_dump(document))
    refused = await mti("reconcile", "--data", str(data), "--tenants", str(file))
    assert refused.status == 2
    assert "run `mti migrate` once" in refused.err
    done = await mti("migrate", "--data", str(data), "--tenants", str(file), "--json")
    assert (done.status, done.document) == (
        0,
        {"needed": True, "published": 1, "known": 0, "withdrawals": 0, "packed": 2},
    )

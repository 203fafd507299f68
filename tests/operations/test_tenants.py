"""Tenants in a store: brought in as a whole or not at all, given back byte by byte, and their states."""

import copy
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from mti.common.adapters.sqlite import SqliteStore
from mti.common.errors import ConfigurationError, WriteConflict
from mti.common.ports.clock import SystemClock
from mti.common.ports.store import Container, Document
from mti.common.registry import InvalidTenantsFile, TenantStatus
from mti.common.registry.records import CONTAINER, TENANTS, read_mark, read_records
from mti.operations.tenants import (
    ChangeKind,
    ImportPlan,
    apply_import,
    export_text,
    known_among,
    plan_import,
    set_state,
)
from tests.common.tenants import destination, mimecast, tenant

pytestmark = pytest.mark.pure

EXAMPLE = Path(__file__).parents[2] / "tenants.example.yaml"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
async def container(tmp_path: Path) -> AsyncIterator[Container]:
    store = SqliteStore(tmp_path / "tenants.db")
    yield store.container(CONTAINER)
    await store.close()


def file(*tenants: Any, **defaults: Any) -> dict[str, Any]:
    return {"defaults": defaults, "tenants": list(tenants)} if defaults else {"tenants": list(tenants)}


def fabrikam(**changes: Any) -> dict[str, Any]:
    return tenant("fabrikam", **({"destinations": [destination(2)]} | changes))


async def planned(container: Container, document: object, **options: Any) -> ImportPlan:
    given: dict[str, Any] = {"name": "tenants.yaml", "allow_loopback": False, "by": "ann", "now": NOW} | options
    return plan_import(document, await read_records(container), **given)


async def imported(container: Container, document: object, **options: Any) -> ImportPlan:
    plan = await planned(container, document, **options)
    before = await read_mark(container)
    await apply_import(container, plan)
    assert await read_mark(container) != before
    return plan


async def exported(container: Container) -> str:
    return export_text((await read_records(container)).file())


def kinds(plan: ImportPlan) -> dict[str, str]:
    return {change.what: change.kind.value for change in plan.changes}


class TestImport:
    async def test_it_says_of_each_tenant_what_changes_by_the_names_of_the_fields(self, container: Container) -> None:
        plan = await imported(container, file(tenant(), fabrikam(), poll_interval="5m"))
        assert kinds(plan) == {"defaults": "added", "contoso": "added", "fabrikam": "added"}
        changed = fabrikam(format="csv", mimecast=mimecast(region="us"))
        plan = await imported(container, file(tenant(), changed, tenant("adatum"), poll_interval="9m"))
        assert {change.what: change.fields for change in plan.changes if change.kind is ChangeKind.CHANGED} == {
            "defaults": ("poll_interval",),
            "fabrikam": ("format", "mimecast"),
        }
        assert kinds(plan)["adatum"] == "added"

    async def test_a_second_time_nothing_changes(self, container: Container) -> None:
        document = yaml.safe_load(EXAMPLE.read_text())
        assert (await imported(container, document)).changed
        before = (await read_records(container)).version
        again = await imported(container, copy.deepcopy(document))
        assert not again.changed
        assert set(kinds(again).values()) == {"unchanged"}
        assert (await read_records(container)).version == before

    async def test_the_whole_is_checked_before_anything_is_written_and_all_faults_are_told(
        self, container: Container
    ) -> None:
        bad = file(tenant(), fabrikam(formt="csv"), tenant("adatum", feeds=["malware"]))
        with pytest.raises(InvalidTenantsFile) as caught:
            await imported(container, bad)
        assert len(caught.value.problems) >= 2
        assert not (await read_records(container)).has_tenants

    async def test_it_is_checked_together_with_what_the_store_keeps(self, container: Container) -> None:
        await imported(container, file(tenant()))
        contradicting = fabrikam(destinations=[destination(1, source_system="Other")])
        with pytest.raises(InvalidTenantsFile, match="another source_system"):
            await imported(container, file(contradicting))
        assert set((await read_records(container)).tenants) == {"contoso"}

    async def test_what_the_file_does_not_have_is_kept_unless_it_is_to_be_pruned(self, container: Container) -> None:
        await imported(container, file(tenant(), fabrikam()))
        assert kinds(await imported(container, file(tenant())))["fabrikam"] == "kept"
        plan = await imported(container, file(tenant()), prune=True)
        assert kinds(plan)["fabrikam"] == "removed"
        assert set(plan.registry.sources) == {"contoso/malware_customer"}
        records = await read_records(container)
        assert records.states["fabrikam"].body["status"] == "removed"
        assert records.states["fabrikam"].body["by"] == "ann"
        assert kinds(await imported(container, file(tenant()), prune=True))["fabrikam"] == "kept"

    async def test_defaults_that_the_file_has_no_more_are_gone(self, container: Container) -> None:
        await imported(container, file(tenant(), poll_interval="9m"))
        plan = await imported(container, file(tenant()))
        assert kinds(plan)["defaults"] == "removed"
        assert (await read_records(container)).defaults is None

    async def test_what_somebody_changed_meanwhile_is_left_alone_and_named(self, container: Container) -> None:
        await imported(container, file(tenant()))
        plan = await planned(container, file(tenant(format="csv"), fabrikam()))
        document = await container.read(TENANTS, "contoso")
        assert document is not None
        body = document.body | {"format": "stix"}
        await container.write(Document(partition=TENANTS, id="contoso", body=body, etag=document.etag))
        with pytest.raises(WriteConflict, match="contoso at the same time"):
            await apply_import(container, plan)
        records = await read_records(container)
        assert records.tenants["contoso"].body["format"] == "stix"
        assert "fabrikam" in records.tenants

    async def test_a_thousand_tenants_come_in_at_once(self, container: Container) -> None:
        many = [
            tenant(f"tenant-{n:04}", destinations=[destination(workspace_id=f"00000000-0000-4000-8000-{n:012}")])
            for n in range(1000)
        ]
        await imported(container, file(*many))
        assert len((await read_records(container)).tenants) == 1000


class TestExport:
    async def test_what_is_exported_is_imported_as_no_change_and_exported_as_the_same_bytes(
        self, container: Container, tmp_path: Path
    ) -> None:
        await imported(container, yaml.safe_load(EXAMPLE.read_text()))
        first = await exported(container)
        assert not (await imported(container, yaml.safe_load(first))).changed
        other = SqliteStore(tmp_path / "other.db")
        await imported(other.container(CONTAINER), yaml.safe_load(first))
        assert await exported(other.container(CONTAINER)) == first
        await other.close()
        assert "keyvault:" in first or "env:" in first

    async def test_states_are_no_part_of_it(self, container: Container) -> None:
        await imported(container, file(tenant(), fabrikam()))
        before = await exported(container)
        await set_state(container, "contoso", TenantStatus.REMOVED, by="ann", why="", clock=SystemClock())
        assert await exported(container) == before


class TestStates:
    async def test_who_paused_a_tenant_and_why_is_kept_until_it_is_resumed(self, container: Container) -> None:
        change = await set_state(container, "contoso", TenantStatus.PAUSED, by="ann", why="audit", clock=SystemClock())
        assert (change.before.status, change.changed) == (TenantStatus.ACTIVE, True)
        again = await set_state(container, "contoso", TenantStatus.PAUSED, by="bob", why="?", clock=SystemClock())
        assert not again.changed
        assert (again.after.by, again.after.why) == ("ann", "audit")
        before = await read_mark(container)
        resumed = await set_state(container, "contoso", TenantStatus.ACTIVE, by="bob", why="", clock=SystemClock())
        assert await read_mark(container) != before
        assert (resumed.before.status, resumed.after.by) == (TenantStatus.PAUSED, "bob")

    async def test_a_removed_tenant_is_put_back_quietly_by_a_pause(self, container: Container) -> None:
        await set_state(container, "contoso", TenantStatus.REMOVED, by="ann", why="", clock=SystemClock())
        change = await set_state(container, "contoso", TenantStatus.PAUSED, by="ann", why="", clock=SystemClock())
        assert (change.before.status, change.after.status) == (TenantStatus.REMOVED, TenantStatus.PAUSED)

    def test_a_misspelt_tenant_is_named_with_what_may_have_been_meant(self) -> None:
        with pytest.raises(ConfigurationError, match="did you mean 'contoso'"):
            known_among(["contozo"], {"contoso", "fabrikam"}, "tenants.yaml")
        known_among(["contoso"], {"contoso"}, "tenants.yaml")

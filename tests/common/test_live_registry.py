"""The registry that follows the tenants: what is noticed, what is refused, and what it costs."""

import asyncio
import contextlib
import json
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from mti.common.adapters.sqlite import SqliteStore
from mti.common.errors import ConfigurationError, StoreUnavailable
from mti.common.ports.store import Container, Document
from mti.common.registry import (
    InvalidTenantsFile,
    LiveRegistry,
    TenantState,
    TenantStatus,
    load_registry,
    registry_from,
)
from mti.common.registry.origins import WHOLE, FileOrigin, StoreOrigin, TextOrigin
from mti.common.registry.records import CONTAINER, DEFAULTS, STATES, TENANTS, mark_changed, read_mark
from tests.common.tenants import WORKSPACE, destination, mimecast, tenant
from tests.support.counted import CountedContainer
from tests.support.speed import here
from tests.support.waiting import until

HOUR = timedelta(hours=1)


@pytest.fixture
async def container(tmp_path: Path) -> AsyncIterator[Container]:
    store = SqliteStore(tmp_path / "tenants.db")
    yield store.container(CONTAINER)
    await store.close()


class StillClock:
    """Time stands still; short waits pass at once, after what they were waited for, and long ones never."""

    def __init__(self, meanwhile: Callable[[], None] | None = None) -> None:
        self.time = datetime.now(UTC) + HOUR
        self.slept: list[float] = []
        self.meanwhile = meanwhile

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    async def sleep(self, seconds: float) -> None:
        if seconds >= 10:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        self.slept.append(seconds)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()


def write(path: Path, *tenants: dict[str, Any], **defaults: Any) -> Path:
    path.write_text(yaml.safe_dump({"defaults": defaults, "tenants": list(tenants)}))
    return path


def live(path: Path, clock: StillClock | None = None, states: Container | None = None) -> LiveRegistry:
    clock = clock or StillClock()
    return LiveRegistry(FileOrigin(path, clock, states), allow_loopback=False, clock=clock)


def fabrikam(**changes: Any) -> dict[str, Any]:
    return tenant("fabrikam", destinations=[destination(2)], **changes)


class TestAFile:
    async def test_a_tenant_that_is_added_is_there_after_the_next_look(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = write(tmp_path / "tenants.yaml", tenant())
        async with live(path) as registry:
            before = registry.current
            write(path, tenant(), fabrikam())
            with caplog.at_level(logging.INFO, "mti.common.registry.live"):
                await registry.refresh()
            assert set(registry.current.sources) == {"contoso/malware_customer", "fabrikam/malware_customer"}
            assert set(before.sources) == {"contoso/malware_customer"}
        (record,) = caplog.records
        assert record.__dict__["tenants_added"] == ["fabrikam"]
        assert record.__dict__["workspaces_added"] == [WORKSPACE.format(2)]

    async def test_nothing_is_read_or_said_when_nothing_changed(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = write(tmp_path / "tenants.yaml", tenant())
        async with live(path) as registry:
            before = registry.current
            os.utime(path)
            with caplog.at_level(logging.INFO, "mti.common.registry.live"):
                await registry.refresh()
            path.chmod(0)
            await registry.refresh()
            assert registry.current is before
        assert not caplog.records

    async def test_a_change_of_the_same_size_in_the_same_instant_is_noticed(self, tmp_path: Path) -> None:
        path = write(tmp_path / "tenants.yaml", tenant())
        clock = StillClock()
        clock.time -= HOUR  # the file is as young as the look at it
        stamp = path.stat()
        async with live(path, clock) as registry:
            path.write_text(path.read_text().replace("contoso", "fabriko"))
            os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
            await registry.refresh()
            assert set(registry.current.sources) == {"fabriko/malware_customer"}

    async def test_a_file_that_is_being_written_is_waited_for(self, tmp_path: Path) -> None:
        path = write(tmp_path / "tenants.yaml", tenant(), fabrikam())
        whole = path.read_text()
        clock = StillClock()

        def finish() -> None:
            path.write_text(f"{whole}\n# done\n")

        async with live(path, clock) as registry:
            write(path, tenant())  # well-formed, and half of it
            clock.meanwhile = finish
            await registry.refresh()
            assert "fabrikam/malware_customer" in registry.current.sources
        assert clock.slept == [0.5, 0.5]

    async def test_a_broken_file_is_refused_once_and_the_last_good_one_stays(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = write(tmp_path / "tenants.yaml", tenant())
        async with live(path) as registry:
            write(path, tenant(mimecast=mimecast(client_secret="s3cret-in-plain")), fabrikam(formt="csv"))
            for _ in range(3):
                await registry.refresh()
            assert set(registry.current.sources) == {"contoso/malware_customer"}
            (record,) = caplog.records
            assert record.levelno == logging.ERROR
            for part in ("stays in force", "2 problems", "tenant contoso: mimecast.client_secret", "did you mean"):
                assert part in record.getMessage()
            assert "s3cret" not in record.getMessage()
            write(path, tenant(), fabrikam())
            await registry.refresh()
            assert "fabrikam/malware_customer" in registry.current.sources

    async def test_a_file_that_is_gone_is_said_once_and_may_come_back(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = write(tmp_path / "tenants.yaml", tenant())
        content = path.read_text()
        async with live(path) as registry:
            for _ in range(2):
                path.unlink()
                await registry.refresh()
                await registry.refresh()
                path.write_text(content)
                await registry.refresh()
            assert set(registry.current.sources) == {"contoso/malware_customer"}
        assert [record.levelno for record in caplog.records if record.levelno > logging.INFO] == [logging.ERROR] * 2

    async def test_to_begin_with_it_must_be_right(self, tmp_path: Path) -> None:
        (tmp_path / "tenants.yaml").write_text("tenants: []")
        with pytest.raises(InvalidTenantsFile, match="list at least one tenant"):
            async with live(tmp_path / "tenants.yaml"):
                pass

    async def test_a_volume_that_is_swapped_by_its_link_is_followed(self, tmp_path: Path) -> None:
        for name, found in (("v1", tenant()), ("v2", fabrikam())):
            (tmp_path / name).mkdir()
            write(tmp_path / name / "tenants.yaml", found)
        link = tmp_path / "current"
        link.symlink_to("v1")
        async with live(link / "tenants.yaml") as registry:
            link.unlink()
            link.symlink_to("v2")
            await registry.refresh()
            assert set(registry.current.sources) == {"fabrikam/malware_customer"}


class TestLookingAgain:
    async def test_many_who_ask_at_once_share_a_look_that_began_after_they_asked(self, tmp_path: Path) -> None:
        path = write(tmp_path / "tenants.yaml", tenant())
        clock = StillClock()
        async with live(path, clock) as registry:
            write(path, tenant(), fabrikam())
            clock.meanwhile = lambda: setattr(clock, "time", clock.time + timedelta(seconds=1))
            found = await asyncio.gather(*(registry.latest() for _ in range(50)))
            assert all("fabrikam/malware_customer" in each.sources for each in found)
        assert len(clock.slept) <= 3

    async def test_it_happens_by_itself_within_the_interval(self, tmp_path: Path) -> None:
        path = write(tmp_path / "tenants.yaml", tenant())

        class Ticking(StillClock):
            async def sleep(self, seconds: float) -> None:
                await asyncio.sleep(0)
                self.slept.append(seconds)

        clock = Ticking()
        async with live(path, clock) as registry:
            write(path, fabrikam())
            await until(lambda: set(registry.current.sources) == {"fabrikam/malware_customer"})
        assert 15.0 in clock.slept


class TestAStore:
    async def test_documents_in_the_form_of_the_file_are_the_tenants(self, container: Container) -> None:
        origin = StoreOrigin(container, "sqlite:x", StillClock())
        with pytest.raises(InvalidTenantsFile, match="mti tenants import"):
            async with LiveRegistry(origin, allow_loopback=False, clock=StillClock()):
                pass
        await put(container, TENANTS, "contoso", tenant())
        await put(container, DEFAULTS, DEFAULTS, {"poll_interval": "7m"})
        async with LiveRegistry(origin, allow_loopback=False, clock=StillClock()) as registry:
            before = registry.current
            assert before.sources["contoso/malware_customer"].poll_interval == timedelta(minutes=7)
            await registry.refresh()
            assert registry.current is before
            await put(container, TENANTS, "fabrikam", fabrikam())
            await put(container, STATES, "contoso", {"status": "paused", "by": "ann", "why": "invoice"})
            await registry.refresh()
            assert registry.current.states["contoso"].why == "invoice"
            assert registry.current.sources["contoso/malware_customer"].paused
            assert not registry.current.sources["fabrikam/malware_customer"].paused

    async def test_a_store_that_does_not_answer_leaves_the_registry_as_it_is(
        self, container: Container, caplog: pytest.LogCaptureFixture
    ) -> None:
        await put(container, TENANTS, "contoso", tenant())

        class Flaky(StoreOrigin):
            down = False

            async def read_changed(self, known: Any, *, surely: bool = False) -> Any:
                if self.down:
                    raise StoreUnavailable("the store is being moved")
                return await super().read_changed(known, surely=surely)

        origin = Flaky(container, "sqlite:x", StillClock())
        async with LiveRegistry(origin, allow_loopback=False, clock=StillClock()) as registry:
            origin.down = True
            await registry.refresh()
            await registry.refresh()
            assert set(registry.current.sources) == {"contoso/malware_customer"}
            assert [record.levelno for record in caplog.records] == [logging.WARNING]

    async def test_all_of_it_is_read_when_the_mark_is_another_one_and_now_and_then(self, container: Container) -> None:
        counted, clock = CountedContainer(container), StillClock()
        await put(container, TENANTS, "contoso", tenant())
        await mark_changed(container)
        origin = StoreOrigin(counted, "sqlite:x", clock)

        async def scans(registry: LiveRegistry, seconds: float, *, surely: bool = False) -> int:
            before = counted.calls["scan"]
            clock.time += timedelta(seconds=seconds)
            await (registry.latest() if surely else registry.refresh())
            return counted.calls["scan"] - before

        async with LiveRegistry(origin, allow_loopback=False, clock=clock) as registry:
            # Once more soon after a change, since what it is about may be seen later than the mark.
            assert [await scans(registry, 15) for _ in range(4)] == [2, 0, 0, 0]
            await put(container, TENANTS, "fabrikam", fabrikam())
            assert await scans(registry, 15) == 0
            await mark_changed(container)
            assert [await scans(registry, 15) for _ in range(3)] == [2, 2, 0]
            assert "fabrikam/malware_customer" in registry.current.sources
            assert await scans(registry, WHOLE) == 2
            assert await scans(registry, 15, surely=True) == 2

    async def test_what_was_written_by_hand_is_seen_by_who_asks_for_the_latest_and_later_by_all(
        self, container: Container
    ) -> None:
        clock = StillClock()
        await put(container, TENANTS, "contoso", tenant())
        await mark_changed(container)
        async with LiveRegistry(StoreOrigin(container, "sqlite:x", clock), allow_loopback=False, clock=clock) as live:
            clock.time += timedelta(seconds=15)
            await live.refresh()
            await put(container, TENANTS, "fabrikam", fabrikam())
            clock.time += timedelta(seconds=15)
            await live.refresh()
            assert "fabrikam/malware_customer" not in live.current.sources
            assert "fabrikam/malware_customer" in (await live.latest()).sources
            await put(container, STATES, "fabrikam", {"status": "paused"})
            clock.time += timedelta(seconds=WHOLE)
            await live.refresh()
            assert live.current.sources["fabrikam/malware_customer"].paused

    async def test_two_who_make_the_mark_another_one_at_a_time_are_both_seen(self, container: Container) -> None:
        await mark_changed(container)
        before = await read_mark(container)
        await asyncio.gather(mark_changed(container), mark_changed(container))
        assert await read_mark(container) != before

    async def test_a_state_of_another_release_is_refused_with_the_cure(self, container: Container) -> None:
        origin = StoreOrigin(container, "sqlite:x", StillClock())
        await put(container, TENANTS, "contoso", tenant())
        await put(container, STATES, "contoso", {"status": "asleep"})
        with pytest.raises(ConfigurationError, match="mti tenants pause"):
            async with LiveRegistry(origin, allow_loopback=False, clock=StillClock()):
                pass


class TestStates:
    async def test_states_lie_beside_the_file_and_appear_when_they_are_written(self, tmp_path: Path) -> None:
        path = write(tmp_path / "tenants.yaml", tenant(), fabrikam())
        reading = SqliteStore(tmp_path / "tenants.db", read_only=True)
        writing = SqliteStore(tmp_path / "tenants.db")
        async with contextlib.AsyncExitStack() as stack:
            for store in (reading, writing):
                stack.push_async_callback(store.close)
            registry = await stack.enter_async_context(live(path, states=reading.container(CONTAINER)))
            assert not registry.current.states
            await put(writing.container(CONTAINER), STATES, "fabrikam", {"status": "removed"})
            await registry.refresh()
            assert set(registry.current.sources) == {"contoso/malware_customer"}
            assert registry.current.removed_from(source="fabrikam/malware_customer") == "fabrikam"
            assert registry.current.removed_from(destination=WORKSPACE.format(2)) == "fabrikam"
            assert registry.current.removed_from(source="contoso/malware_customer") is None

    async def test_they_lie_beside_a_text_too(self, container: Container) -> None:
        text = json.dumps({"tenants": [tenant(), fabrikam()]})
        origin = TextOrigin(text, "MTI_TENANTS_TEXT", container)
        async with LiveRegistry(origin, allow_loopback=False, clock=StillClock()) as registry:
            before = registry.current
            await registry.refresh()
            assert registry.current is before, "nothing changed"
            await put(container, STATES, "fabrikam", {"status": "removed"})
            await registry.refresh()
            assert set(registry.current.sources) == {"contoso/malware_customer"}

    async def test_a_text_that_is_wrong_is_refused_by_the_name_of_its_variable(self) -> None:
        origin = TextOrigin(json.dumps({"tenants": [tenant(formt="csv")]}), "MTI_TENANTS_TEXT")
        with pytest.raises(InvalidTenantsFile, match=r"(?s)MTI_TENANTS_TEXT.*formt"):
            await LiveRegistry(origin, allow_loopback=False, clock=StillClock()).__aenter__()

    def test_a_paused_tenant_lends_its_account_to_no_shared_grid_and_its_ways_wait(self) -> None:
        grid: dict[str, Any] = {"feeds": ["malware_customer", "malware_grid"]}
        document = {"tenants": [tenant(**grid), fabrikam(**grid)]}
        registry = with_states(document, contoso=TenantStatus.PAUSED)
        assert [account.tenant for account in registry.sources["grid:eu"].accounts] == ["fabrikam"]
        assert not registry.sources["grid:eu"].paused
        assert registry.sources["contoso/malware_customer"].paused
        assert {(route.source, route.tenant) for route in registry.routes if route.paused} == {
            ("contoso/malware_customer", "contoso"),
            ("grid:eu", "contoso"),
        }
        both = with_states(document, contoso=TenantStatus.PAUSED, fabrikam=TenantStatus.PAUSED)
        assert both.sources["grid:eu"].paused

    def test_what_two_tenants_share_goes_on_while_one_of_them_is_active(self) -> None:
        grid: dict[str, Any] = {"feeds": ["malware_grid"], "destinations": [destination(9)]}
        document = {"tenants": [tenant(**grid), tenant("fabrikam", **grid)]}
        paused = with_states(document, contoso=TenantStatus.PAUSED)
        (way,) = paused.routes
        assert not way.paused
        removed = with_states(document, contoso=TenantStatus.REMOVED)
        assert removed.destinations[WORKSPACE.format(9)].tenants == ("fabrikam",)
        assert removed.route("grid:eu", WORKSPACE.format(9)) is not None
        assert removed.removed_from(source="grid:eu") is None
        everybody = with_states(document, contoso=TenantStatus.REMOVED, fabrikam=TenantStatus.REMOVED)
        assert not everybody.sources
        assert not everybody.destinations
        assert everybody.removed_from(source="grid:eu", destination=WORKSPACE.format(9)) == "contoso"

    def test_a_removed_tenants_faults_are_told_all_the_same(self) -> None:
        twice = [tenant(), tenant("fabrikam", destinations=[destination(1, source_system="Other")])]
        with pytest.raises(InvalidTenantsFile, match="another source_system"):
            with_states({"tenants": twice}, fabrikam=TenantStatus.REMOVED)


class TestAThousandTenants:
    def test_their_file_loads_in_two_seconds_and_ways_are_found_at_once(self, tmp_path: Path) -> None:
        many = [
            tenant(
                f"tenant-{number:04}",
                mimecast=mimecast(region=("eu", "us")[number % 2]),
                feeds=["malware_customer", "malware_grid"],
                destinations=[destination(workspace_id=f"00000000-0000-4000-8000-{number:012}")],
            )
            for number in range(1000)
        ]
        path = write(tmp_path / "tenants.yaml", *many)
        began = time.process_time()
        registry = load_registry(path, allow_loopback=False)
        # Processor time, since other work on the machine is none of the loader's.
        assert time.process_time() - began < here(2)
        assert (len(registry.sources), len(registry.destinations), len(registry.routes)) == (1002, 1000, 2000)
        assert look_ups(registry, list(registry.destinations)) < 20 * look_ups(
            registry_from({"tenants": many[:10]}, allow_loopback=False), list(registry.destinations)
        )


def look_ups(registry: Any, destinations: list[str]) -> float:
    """Return the least processor time of some rounds: it must not grow with the registry."""
    rounds = []
    for _ in range(5):
        began = time.process_time()
        for number, id in enumerate(destinations):
            registry.routes_from(f"tenant-{number:04}/malware_customer")
            registry.routes_to(id)
            registry.route("grid:eu", id)
        rounds.append(time.process_time() - began)
    return min(rounds)


def with_states(document: dict[str, Any], **states: TenantStatus) -> Any:
    found = {id: TenantState(status=status) for id, status in states.items()}
    return registry_from(document, allow_loopback=False, states=found)


async def put(container: Container, partition: str, id: str, body: dict[str, Any]) -> None:
    await container.write(Document(partition=partition, id=id, body=body))

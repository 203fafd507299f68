"""Tenants are edited, removed and put back, indicators are seen, withdrawn and lifted, and processes die, in any order:
every workspace shows what a few sets of plain Python say, and the books agree with both.
"""

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mti.common.contracts import IndicatorBatch, decode
from mti.common.errors import ConfigurationError
from mti.common.registry import InvalidTenantsFile, TenantStatus
from mti.operations.revoking import Scope
from tests.normalizer.world import Fuse, sha256
from tests.operations.estate import Estate
from tests.publisher.world import received

GRID = "grid:eu"
TENANTS = ("contoso", "fabrikam", "northwind")
OWN = {tenant: f"00000000-0000-0000-0000-00000000000{number}" for number, tenant in enumerate(TENANTS, 1)}
MSSP = "00000000-0000-0000-0000-000000000009"
SPARE = "00000000-0000-0000-0000-000000000008"
WORKSPACES = (*OWN.values(), MSSP, SPARE)
FILES = ("a", "b", "c", "d")
FEEDS = (["malware_customer"], ["malware_grid"], ["malware_customer", "malware_grid"])

files = st.sampled_from(FILES)
tenants = st.sampled_from(TENANTS)
feeds = st.sampled_from(["own", "grid", "own grid"])
fates = st.one_of(st.none(), st.none(), st.integers(1, 30))
"""The step at which a process dies, if it does."""


def tenant(id: str) -> dict[str, Any]:
    return {
        "id": id,
        "mimecast": {"api": "2.0", "region": "eu", "client_id": "env:A", "client_secret": "env:B"},
        "feeds": ["malware_customer", "malware_grid"],
        "destinations": [OWN[id], MSSP],
    }


@dataclass
class Shown:
    """One file in one workspace, by the rules alone."""

    alive: bool = False
    backs: set[str] = field(default_factory=set)
    """The sources that brought it and did not take it back."""
    withdrawn: set[str] = field(default_factory=set)
    """The sources for which it is withdrawn."""


@dataclass
class Model:
    """What must be so, as a person would say it."""

    estate: Estate
    seen: dict[tuple[str, str], datetime] = field(default_factory=dict)
    """When a source was last seen to have a file that was passed on, by source and file."""
    forgotten: set[tuple[str, str]] = field(default_factory=set)
    """Of these, those that count as new when they are seen again, since a withdrawal was lifted."""
    everyone: set[str] = field(default_factory=set)
    """Files that are withdrawn for everyone."""
    kept_out: set[tuple[str, str]] = field(default_factory=set)
    """Files that are withdrawn wherever the source goes, by source and file."""
    shown: dict[tuple[str, str], Shown] = field(default_factory=dict)
    known_ways: set[tuple[str, str]] = field(default_factory=set)
    """Those by which anything ever came."""

    def at(self, workspace: str, file: str) -> Shown:
        return self.shown.setdefault((workspace, file), Shown())

    def wants(self, tenant: dict[str, Any]) -> set[tuple[str, str]]:
        """Return the ways that a tenant asks for."""
        share = tenant.get("share_grid", True)
        names = {"malware_customer": f"{tenant['id']}/malware_customer"}
        names["malware_grid"] = GRID if share else f"{tenant['id']}/malware_grid"
        return {(names[feed], to) for feed in tenant["feeds"] for to in tenant["destinations"]}

    def is_removed(self, id: str) -> bool:
        state = self.estate.states.get(id)
        return state is not None and state.status is TenantStatus.REMOVED

    @property
    def active(self) -> list[dict[str, Any]]:
        return [found for found in self.estate.tenants if not self.is_removed(found["id"])]

    @property
    def ways(self) -> set[tuple[str, str]]:
        return {way for found in self.active for way in self.wants(found)}

    @property
    def reached(self) -> set[str]:
        """Return the workspaces that can be sent anything, were it a withdrawal."""
        return {to for found in self.estate.tenants for to in found["destinations"]}

    def allows(self, source: str, workspace: str, file: str) -> bool:
        wanting = [found for found in self.active if (source, workspace) in self.wants(found)]
        default = self.estate.defaults.get("indicator", {}).get("allow_list", [])
        return all(sha256(file) not in found.get("indicator", {}).get("allow_list", default) for found in wanting)

    def bring(self, source: str, workspace: str, file: str) -> None:
        self.known_ways.add((source, workspace))
        shown = self.at(workspace, file)
        if file in self.everyone or source in shown.withdrawn:
            return
        shown.alive = True
        shown.backs.add(source)

    def see(self, source: str, file: str, time: datetime) -> None:
        key = source, file
        if file in self.everyone or key in self.kept_out:
            return
        to = [workspace for name, workspace in self.ways if name == source and self.allows(source, workspace, file)]
        if to and (key not in self.seen or key in self.forgotten or time > self.seen[key]):
            self.seen[key] = time if key in self.forgotten else max(time, self.seen.get(key, time))
            self.forgotten.discard(key)
            for workspace in to:
                self.bring(source, workspace, file)

    def backfill(self, id: str) -> None:
        for found in self.active:
            for source, workspace in self.wants(found) if found["id"] == id else ():
                for name, file in self.seen:
                    kept_out = file in self.everyone or (name, file) in self.kept_out
                    if name == source and not kept_out and self.allows(source, workspace, file):
                        self.bring(source, workspace, file)

    def take_back(self, workspace: str, file: str) -> None:
        """Withdraw what nobody backs any more who is routed there, where it can be reached."""
        shown = self.at(workspace, file)
        withdrawn = file in self.everyone or bool(shown.withdrawn)
        backed = file not in self.everyone and any(
            (source, workspace) in self.ways and source not in shown.withdrawn for source in shown.backs
        )
        if withdrawn and not backed and workspace in self.reached:
            shown.alive = False

    def revoke(self, file: str) -> None:
        self.everyone.add(file)
        for workspace in WORKSPACES:
            self.take_back(workspace, file)

    def meant(self, scope: Scope) -> set[tuple[str, str]]:
        """Return the ways by which came what is meant."""
        every = self.known_ways | self.ways | {way for found in self.estate.tenants for way in self.wants(found)}
        if scope.source is not None:
            return {way for way in every if way[0] == scope.source}
        others = {way for found in self.active if found["id"] != scope.tenant for way in self.wants(found)}
        own = {way for found in self.estate.tenants if found["id"] == scope.tenant for way in self.wants(found)}
        gone = {way for found in self.estate.tenants for way in self.wants(found)} - self.ways
        own |= {way for way in every if way[0].startswith(f"{scope.tenant}/")}
        own |= {way for way in every if way[0] == GRID and self.only_of(way[1]) == scope.tenant and way not in gone}
        return own - others

    def only_of(self, workspace: str) -> str | None:
        having = [found["id"] for found in self.active if workspace in found["destinations"]]
        having = having or [found["id"] for found in self.estate.tenants if workspace in found["destinations"]]
        return having[0] if len(having) == 1 else None

    def revoke_all(self, scope: Scope) -> None:
        meant = self.meant(scope)
        for source, workspace in meant:
            for file in FILES:
                if (source, file) in self.seen:
                    self.at(workspace, file).withdrawn.add(source)
                    if scope.source is not None or source != GRID:
                        self.kept_out.add((source, file))
        for source, workspace in meant:
            for file in FILES:
                if source in self.at(workspace, file).withdrawn:
                    self.take_back(workspace, file)

    def lift(self, file: str) -> None:
        sources = {source for source, name in self.kept_out if name == file}
        for workspace in WORKSPACES:
            shown = self.at(workspace, file)
            sources |= shown.withdrawn
            shown.backs = set() if file in self.everyone else shown.backs - shown.withdrawn
            shown.withdrawn = set()
        if file in self.everyone:
            sources |= {source for source, name in self.seen if name == file}
        self.forgotten |= {(source, file) for source in sources if (source, file) in self.seen}
        self.kept_out = {(source, name) for source, name in self.kept_out if name != file}
        self.everyone.discard(file)

    def lift_all(self, scope: Scope) -> None:
        for source, workspace in self.meant(scope):
            for file in FILES:
                shown, key = self.at(workspace, file), (source, file)
                if source in shown.withdrawn or (key in self.kept_out and (scope.source or source != GRID)):
                    self.forgotten |= {key} & self.seen.keys()
                if source in shown.withdrawn:
                    shown.withdrawn.discard(source)
                    shown.backs.discard(source)
                if scope.source is not None or source != GRID:
                    self.kept_out.discard(key)


class Withdrawals(RuleBasedStateMachine):
    """One estate, and what is done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        described = [tenant(id) for id in TENANTS]
        defaults = {"indicator": {"refresh_after": 1e-9}}
        self.estate = Estate(Path(self.folder.name), WORKSPACES, described, defaults)
        self.run(self.estate.open())
        self.model = Model(self.estate)
        self.times: dict[tuple[str, str], datetime] = {}
        self.again: list[Any] = []

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def teardown(self) -> None:
        try:
            self.settle()
        finally:
            self.run(self.estate.close())
            self.runner.close()
            self.folder.cleanup()

    # -- what the feeds do -------------------------------------------------------------------------------------------

    @rule(
        tenant=tenants,
        feed=feeds,
        names=st.sets(files, min_size=1),
        dies_at=fates,
    )
    def a_source_sees_files(self, tenant: str, feed: str, names: set[str], dies_at: int | None) -> None:
        self.estate.clock.turn(seconds=60)
        now = self.estate.clock.now()
        self._see(_named(tenant, feed), dict.fromkeys(sorted(names), now), dies_at)

    @precondition(lambda self: self.times)
    @rule(data=st.data(), dies_at=fates)
    def a_source_tells_once_more_what_it_saw(self, data: st.DataObject, dies_at: int | None) -> None:
        source, file = data.draw(st.sampled_from(sorted(self.times)))
        self.estate.clock.turn(seconds=1)
        self._see(source, {file: self.times[source, file]}, dies_at)

    def _see(self, source: str, seen: dict[str, datetime], dies_at: int | None) -> None:
        if not self.estate.registry.routes_from(source):
            return
        self.estate.start(normalizer=Fuse(dies_at))
        # What nobody saw before makes each chunk another one.
        marker = f"marker {self.estate.clock.now()}"
        self.run(self.estate.handle(self.estate.chunk(source, {**seen, marker: self.estate.clock.now()})))
        for file, time in seen.items():
            self.times[source, file] = time
            self.model.see(source, file, time)

    # -- what happens on the bus -------------------------------------------------------------------------------------

    @precondition(lambda self: self.estate.bus.waiting())
    @rule(data=st.data(), most=st.integers(1, 4), dies_at=fates)
    def some_of_a_session_is_delivered(self, data: st.DataObject, most: int, dies_at: int | None) -> None:
        session = data.draw(st.sampled_from(sorted(self.estate.bus.waiting())))
        self.estate.start(publisher=Fuse(dies_at))
        self.run(self.estate.deliver(session, most))

    @precondition(lambda self: self.estate.bus.history)
    @rule(data=st.data())
    def an_old_message_comes_again(self, data: st.DataObject) -> None:
        self.settle()
        history = self.estate.bus.history
        message = history[-1 - data.draw(st.integers(0, min(40, len(history)) - 1))]
        self.estate.bus.put(message)
        objects = self.run(self._objects(message))
        for source, file, revoked in objects:
            workspace = message.session_id or ""
            if revoked:
                self.model.take_back(workspace, file)
            elif (source, workspace) in self.model.ways:
                self.model.bring(source, workspace, file)
        self.settle()

    async def _objects(self, message: Any) -> list[tuple[str, str, bool]]:
        _, batch = decode(received(message), IndicatorBatch)
        names = {sha256(file): file for file in FILES}
        found = [(each.pattern.split("'")[-2], bool(each.revoked)) for each in batch.objects]
        return [(batch.source, names[value], revoked) for value, revoked in found if value in names]

    # -- what the operator does --------------------------------------------------------------------------------------

    @rule(file=files, dies_at=fates)
    def an_observable_is_withdrawn(self, file: str, dies_at: int | None) -> None:
        self._revoke(file, dies_at)

    @rule(tenant=tenants, feed=feeds, dies_at=fates)
    def a_source_is_withdrawn(self, tenant: str, feed: str, dies_at: int | None) -> None:
        self._revoke_all(Scope(source=_named(tenant, feed)), dies_at)

    @rule(tenant=tenants, dies_at=fates)
    def what_a_tenant_brought_is_withdrawn(self, tenant: str, dies_at: int | None) -> None:
        self._revoke_all(Scope(tenant=tenant), dies_at)

    def _revoke(self, file: str, dies_at: int | None = None) -> None:
        result = self.run(self.estate.revoke(file, dies_at=dies_at))
        self.model.revoke(file)
        if result.unserved.total():
            self.again.append(file)

    def _revoke_all(self, scope: Scope, dies_at: int | None = None) -> None:
        try:
            result = self.run(self.estate.revoke_all(scope, dies_at=dies_at))
        except ConfigurationError:
            return
        self.model.revoke_all(scope)
        if result.unserved.total():
            self.again.append(scope)

    @rule(file=files, dies_at=fates)
    def an_observable_is_lifted(self, file: str, dies_at: int | None) -> None:
        self.settle()
        try:
            self.run(self.estate.lift(file, dies_at=dies_at))
        except ConfigurationError:
            assert file not in self.model.everyone
        self.model.lift(file)

    @rule(tenant=tenants, feed=feeds, dies_at=fates)
    def a_source_is_lifted(self, tenant: str, feed: str, dies_at: int | None) -> None:
        self._lift_all(Scope(source=_named(tenant, feed)), dies_at)

    @rule(tenant=tenants, dies_at=fates)
    def a_tenant_is_lifted(self, tenant: str, dies_at: int | None) -> None:
        self._lift_all(Scope(tenant=tenant), dies_at)

    def _lift_all(self, scope: Scope, dies_at: int | None) -> None:
        self.settle()
        try:
            self.run(self.estate.lift_all(scope, dies_at=dies_at))
        except ConfigurationError:
            return
        self.model.lift_all(scope)

    @rule(tenant=tenants, withdraw=st.booleans(), dies_at=fates)
    def a_tenant_is_removed(self, tenant: str, withdraw: bool, dies_at: int | None) -> None:
        if self.model.is_removed(tenant):
            return
        self.settle()
        self.run(self.estate.remove(tenant, withdraw=withdraw, dies_at=dies_at))
        if withdraw:
            self.model.revoke_all(Scope(tenant=tenant))
        self.settle()

    @rule(tenant=tenants)
    def a_tenant_is_put_back(self, tenant: str) -> None:
        if not self.model.is_removed(tenant):
            return
        self.settle()
        self.estate.resume(tenant)
        self._backfill_all()

    @rule(tenant=tenants)
    def a_tenant_is_backfilled(self, tenant: str) -> None:
        if any(found["id"] == tenant for found in self.model.active):
            self.run(self.estate.backfill(tenant))
            self.model.backfill(tenant)

    def _backfill_all(self) -> None:
        for found in self.model.active:
            self.run(self.estate.backfill(found["id"]))
            self.model.backfill(found["id"])
        again, self.again = self.again, []
        for each in again:
            # A withdrawal named workspaces that nobody could reach; it says so, and is run again when one is back.
            if isinstance(each, str):
                if each in self.model.everyone:
                    self._revoke(each)
            else:
                self._revoke_all(each)

    # -- what is edited ----------------------------------------------------------------------------------------------

    @rule(tenant=tenants, feeds=st.sampled_from(FEEDS))
    def a_tenant_takes_other_feeds(self, tenant: str, feeds: list[str]) -> None:
        self._edit(tenant, feeds=feeds)

    @rule(tenant=tenants, share=st.booleans())
    def a_tenant_shares_its_grid_or_not(self, tenant: str, share: bool) -> None:
        self._edit(tenant, share_grid=share)

    @rule(tenant=tenants, to=st.sets(st.sampled_from(["own", "mssp", "spare"]), min_size=1))
    def a_tenant_has_other_workspaces(self, tenant: str, to: set[str]) -> None:
        ids = {"own": OWN[tenant], "mssp": MSSP, "spare": SPARE}
        self._edit(tenant, destinations=[ids[name] for name in sorted(to)])

    @rule(
        whose=st.sampled_from(["everyone", *TENANTS]),
        policy=st.fixed_dictionaries(
            {},
            optional={
                "confidence": st.sampled_from([50, 90]),
                "validity": st.sampled_from(["10d", "20d", "40d"]),
                "allow_list": st.lists(files.map(sha256), max_size=2),
            },
        ),
    )
    def a_policy_is_edited(self, whose: str, policy: dict[str, Any]) -> None:
        if whose == "everyone":
            before = self.estate.defaults
            self.estate.defaults = {"indicator": {"refresh_after": 1e-9, **policy}}
            self._make_true(lambda: setattr(self.estate, "defaults", before))
        else:
            self._edit(whose, indicator=policy)

    def _edit(self, id: str, **fields: Any) -> None:
        before = self.estate.tenants
        self.estate.tenants = [{**found, **fields} if found["id"] == id else found for found in before]
        self._make_true(lambda: setattr(self.estate, "tenants", before))

    def _make_true(self, back: Any) -> None:
        now = (self.estate.tenants, self.estate.defaults)
        back()
        self.settle()
        self.estate.tenants, self.estate.defaults = now
        try:
            self.estate.edit()
        except InvalidTenantsFile:
            back()
            return
        self._backfill_all()

    # -- what must be so ---------------------------------------------------------------------------------------------

    @rule()
    def all_is_delivered(self) -> None:
        self.settle()

    def settle(self) -> None:
        self.run(self.estate.drain())
        self.run(self._check())

    async def _check(self) -> None:
        names = {sha256(file): file for file in FILES}
        for workspace in WORKSPACES:
            expected = {file for file in FILES if self.model.at(workspace, file).alive}
            shown = {names[value] for value in self.estate.shown(workspace) if value in names}
            assert shown == expected, f"{workspace} shows {shown}, and should {expected}"
            assert max(self.estate.alive_ids(workspace).values(), default=0) <= 1
            assert self.estate.sentinel.workspaces[workspace].counts["revived"] == 0
            entries = await self.estate.entries(workspace)
            held = {_value(entry.pattern) for entry in entries.values() if entry.alive}
            assert {names[value] for value in held if value in names} == expected
        for workspace in self.estate.registry.destinations:
            books = await self.estate.books(workspace)
            assert books.closed, books
            assert (books.waiting, books.revoking) == (0, 0), books


def _named(tenant: str, feed: str) -> str:
    return {"own": f"{tenant}/malware_customer", "grid": GRID, "own grid": f"{tenant}/malware_grid"}[feed]


def _value(pattern: str | None) -> str:
    return str(pattern).split("'")[-2]


def _run(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Withdrawals,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(600)
def test_whatever_is_done_every_workspace_shows_what_it_should_and_the_books_say_so() -> None:
    _run(15, 25)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_the_same_for_long() -> None:
    _run(400, 60)

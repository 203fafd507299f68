"""Paused and removed tenants: what is for them waits or is set aside; nothing reaches the workspace or is dropped."""

import json
from dataclasses import dataclass, replace
from datetime import timedelta

from mti.common.ports.settlement import DeadLetter, Park
from mti.common.registry import Registry, TenantState, TenantStatus
from mti.common.registry.references import parse_reference
from tests.publisher.world import (
    CONTOSO,
    CUSTOMER,
    FABRIKAM,
    OTHER_CUSTOMER,
    World,
    completed,
    hash_of,
    indicator,
    message,
    reasons,
)


@dataclass
class Provider:
    """A registry that is another one from the next look on."""

    current: Registry
    coming: Registry | None = None
    looks: int = 0

    async def latest(self) -> Registry:
        self.looks += 1
        self.current = self.coming or self.current
        return self.current


def paused(registry: Registry, destination: str, *sources: str) -> Registry:
    routes = [
        replace(route, paused=route.destination == destination and route.source in (sources or {route.source}))
        for route in registry.routes
    ]
    state = TenantState(status=TenantStatus.PAUSED, by="ann", why="audit")
    return replace(registry, routes=routes, states={"contoso": state})


def removed(registry: Registry, destination: str) -> Registry:
    gone = [route for route in registry.routes if route.destination == destination]
    return replace(
        registry,
        routes=[route for route in registry.routes if route not in gone],
        destinations={id: found for id, found in registry.destinations.items() if id != destination},
        removed=gone,
        leaving={destination: registry.destinations[destination]},
    )


async def test_messages_of_a_paused_tenant_wait_and_go_on_after_it(there: World) -> None:
    provider = Provider(paused(there.registry, CONTOSO))
    handler = there.publisher(registry=provider, tenant_pause=timedelta(minutes=5))
    waiting = message(indicator("a"))
    (outcome,) = await handler([waiting])
    assert isinstance(outcome, Park)
    assert timedelta(minutes=5) <= outcome.delay <= timedelta(minutes=6)
    for part in ("TenantPaused", "contoso", "by ann", "audit", "mti tenants resume"):
        assert part in outcome.reason
    assert there.count("requests") == 0
    assert (await there.checkpoint()).pause is None, "it is not the workspace's fault"
    provider.current = there.registry
    assert completed(await handler([waiting]))
    assert there.holds() == {hash_of("a")}


async def test_a_resume_that_this_process_has_not_seen_yet_is_seen_before_a_message_waits(there: World) -> None:
    provider = Provider(paused(there.registry, CONTOSO), coming=there.registry)
    assert completed(await there.publisher(registry=provider)([message(indicator("a"))]))


async def test_other_tenants_and_other_ways_into_a_shared_workspace_go_on(there: World) -> None:
    provider = Provider(paused(there.registry, CONTOSO, CUSTOMER))
    mixed = [
        message(indicator("a")),
        message(indicator("b"), source="grid:eu"),
        message(indicator("c"), to=FABRIKAM, source=OTHER_CUSTOMER),
    ]
    assert reasons(await there.publisher(registry=provider)(mixed)) == ["Park", "Complete", "Complete"]
    assert there.holds() == {hash_of("b")}
    assert there.holds(FABRIKAM) == {hash_of("c")}


async def test_nothing_reaches_a_removed_tenants_workspace_and_what_was_for_it_is_set_aside(there: World) -> None:
    handler = there.publisher(registry=Provider(removed(there.registry, CONTOSO)))
    (outcome,) = await handler([message(indicator("a"))])
    assert isinstance(outcome, DeadLetter)
    assert outcome.reason == "TenantRemoved"
    assert "mti tenants resume contoso" in outcome.description
    assert there.count("requests") == 0


async def test_a_withdrawal_alone_still_reaches_a_removed_tenants_workspace(there: World) -> None:
    await there.publisher()([message(indicator("c"))])
    handler = there.publisher(registry=Provider(removed(there.registry, CONTOSO)))
    mixed = [message(indicator("a", revoked=True), indicator("b")), message(indicator("c", hours=1, revoked=True))]
    assert reasons(await handler(mixed)) == ["TenantRemoved", "Complete"]
    assert there.holds() == set()
    assert there.count("accepted_objects") == 2


async def test_a_withdrawal_gives_a_workspace_nothing_that_it_does_not_hold(there: World) -> None:
    """Whatever a message says: without a route only what the workspace's own books hold can be revoked."""
    handler = there.publisher(registry=Provider(removed(there.registry, CONTOSO)))
    await there.publisher()([message(indicator("mine"))])
    forged = indicator("mine", hours=1, confidence=1, revoked=True)
    stranger = message(indicator("new", revoked=True), forged, source="adatum/malware_customer")
    assert reasons(await handler([stranger])) == ["Complete"]
    before, after = (json.loads(found) for found in there.sentinel.workspaces[CONTOSO].objects())
    assert after == {**before, "modified": after["modified"], "revoked": True}


async def test_a_destination_that_is_new_is_known_before_its_first_message_is_refused(there: World) -> None:
    provider = Provider(replace(removed(there.registry, CONTOSO), removed=(), leaving={}), coming=there.registry)
    handler = there.publisher(registry=provider)
    assert completed(await handler([message(indicator("a"))]))
    assert completed(await handler([message(indicator("b"))]))
    assert provider.looks == 1


async def test_a_destination_that_is_described_otherwise_is_connected_to_anew(there: World) -> None:
    there.environ["NEW_SECRET"] = there.environ.pop("APP_SECRET")
    provider = Provider(there.registry)
    handler = there.publisher(registry=provider)
    (outcome,) = await handler([message(indicator("a"))])
    assert isinstance(outcome, Park)
    found = {
        id: replace(each, client_secret=parse_reference("env:NEW_SECRET"))
        for id, each in there.registry.destinations.items()
    }
    provider.current = replace(there.registry, destinations=found)
    there.clock.turn(minutes=1)
    assert completed(await handler([message(indicator("a"))]))

"""From tenants to the registry: which sources there are, which workspaces, and what goes where."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields, replace

from mti.common.feeds import Feed
from mti.common.registry.endpoints import cloud_of
from mti.common.registry.faults import Faults
from mti.common.registry.file import Defaults, DestinationSection, IndicatorSection, MimecastSection, Tenant
from mti.common.registry.model import (
    Destination,
    IndicatorPolicy,
    MimecastAccount,
    Registry,
    Route,
    Source,
    TenantState,
    TenantStatus,
)
from mti.common.source_id import SourceId

Placed = Sequence[tuple[int, Tenant]]
"""Tenants with their positions in the file, which faults are reported at."""

_NO_SECRETS = frozenset(MimecastSection.model_fields)
_CREDENTIALS = ("azure_tenant_id", "client_id", "client_secret", "certificate", "identity_client_id")
"""Fields of which each way to prove who one is has some."""


def build(defaults: Defaults, tenants: Placed, faults: Faults, states: Mapping[str, TenantState]) -> Registry:
    """Derive the registry, and note where two tenants contradict each other, whatever their states are.

    Args:
        defaults: what holds for all.
        tenants: with their places in the file.
        faults: takes the contradictions.
        states: of tenants that are paused or removed; those of others in it do not matter.
    """
    states = {tenant.id: states[tenant.id] for _, tenant in tenants if tenant.id in states}
    removed = _having(states, TenantStatus.REMOVED)
    everywhere, routes = _destinations(tenants, faults), _routes(defaults, tenants, faults)
    kept = [(place, tenant) for place, tenant in tenants if tenant.id not in removed] if removed else tenants
    destinations = _destinations(kept, faults) if removed else everywhere
    paused = _having(states, TenantStatus.PAUSED)
    left = _routes(defaults, kept, faults, paused) if states else routes
    kept_routes = {(route.source, route.destination) for route in left}
    return Registry(
        sources=_sources(defaults, kept, paused),
        destinations=destinations,
        routes=left,
        states={id: state for id, state in states.items() if state.status is not TenantStatus.ACTIVE},
        removed=tuple(route for route in routes if (route.source, route.destination) not in kept_routes),
        leaving={id: found for id, found in everywhere.items() if id not in destinations},
    )


def _having(states: Mapping[str, TenantState], status: TenantStatus) -> Collection[str]:
    return {id for id, state in states.items() if state.status is status}


def _account(tenant: Tenant) -> MimecastAccount:
    section = tenant.mimecast
    fields = {name: getattr(section, name) for name in type(section).model_fields if name not in _NO_SECRETS}
    return MimecastAccount(
        tenant=tenant.id,
        api=section.api,
        region=section.region,
        base_url=section.base_url,
        format=tenant.format,
        secrets={name: value for name, value in fields.items() if value is not None},
    )


def _source_id(defaults: Defaults, tenant: Tenant, feed: Feed) -> SourceId:
    share = defaults.share_grid if tenant.share_grid is None else tenant.share_grid
    if feed is Feed.MALWARE_GRID and share:
        return SourceId.of_grid(tenant.mimecast.region)
    return SourceId.of_tenant(tenant.id, feed)


def _sources(defaults: Defaults, tenants: Placed, paused: Collection[str]) -> Mapping[str, Source]:
    found: dict[str, Source] = {}
    for _, tenant in tenants:
        account = _account(tenant)
        for feed in tenant.feeds:
            id = _source_id(defaults, tenant, feed)
            known = found.get(id.text)
            if known:
                found[id.text] = replace(known, accounts=(*known.accounts, account))
            else:
                found[id.text] = _source(id.text, feed, account, defaults, None if id.is_shared else tenant)
    return {id: _without(source, paused) for id, source in found.items()} if paused else found


def _without(source: Source, paused: Collection[str]) -> Source:
    """Leave the paused tenants' accounts out; when nobody else has the source, it is paused itself."""
    accounts = tuple(account for account in source.accounts if account.tenant not in paused)
    return replace(source, accounts=accounts) if accounts else replace(source, paused=True)


def _source(id: str, feed: Feed, account: MimecastAccount, defaults: Defaults, tenant: Tenant | None) -> Source:
    """Make a source; a shared one (`tenant` is `None`) follows the defaults alone."""
    poll_interval = tenant.poll_interval if tenant else None
    lookback = tenant.lookback if tenant else None
    overlap = tenant.overlap if tenant else None
    return Source(
        id=id,
        feed=feed,
        region=account.region,
        accounts=(account,),
        poll_interval=defaults.poll_interval if poll_interval is None else poll_interval,
        lookback=defaults.lookback if lookback is None else lookback,
        overlap=defaults.overlap if overlap is None else overlap,
    )


def _destination(section: DestinationSection, tenant: str) -> Destination:
    credentials = {name: getattr(section, name, None) for name in _CREDENTIALS}
    cloud = cloud_of(section.endpoint)
    return Destination(
        id=section.workspace_id,
        tenants=(tenant,),
        endpoint=section.endpoint,
        authority=section.authority,
        auth=section.auth,
        **credentials,
        source_system=section.source_system,
        requests_per_minute=section.requests_per_minute,
        api_version=section.api_version,
        token_scope=cloud.token_scope,
        exchange_scope=cloud.exchange_scope,
    )


def _destinations(tenants: Placed, faults: Faults) -> Mapping[str, Destination]:
    found: dict[str, Destination] = {}
    for place, tenant in tenants:
        for position, section in enumerate(tenant.destinations):
            destination = _destination(section, tenant.id)
            known = found.setdefault(destination.id, destination)
            if known is destination:
                continue
            if differing := _differing(replace(known, tenants=()), replace(destination, tenants=())):
                faults.add(
                    ("tenants", place, "destinations", position),
                    f"workspace {destination.id} is {known.tenants[0]}'s too, with another {', '.join(differing)};"
                    " give a workspace the same settings wherever it is named",
                )
            found[destination.id] = replace(known, tenants=(*known.tenants, tenant.id))
    return found


def _policy(defaults: Defaults, tenant: Tenant) -> IndicatorPolicy:
    written = tenant.indicator
    overrides = {name: getattr(written, name) for name in written.model_fields_set} if written else {}
    merged = defaults.indicator.model_copy(update=overrides)
    return IndicatorPolicy(**{name: getattr(merged, name) for name in IndicatorSection.model_fields})


def _wanted(defaults: Defaults, tenants: Placed) -> Iterator[tuple[int, Route]]:
    for place, tenant in tenants:
        policy = _policy(defaults, tenant)
        for feed in tenant.feeds:
            for destination in tenant.destinations:
                yield (
                    place,
                    Route(
                        source=_source_id(defaults, tenant, feed).text,
                        destination=destination.workspace_id,
                        tenant=tenant.id,
                        policy=policy,
                    ),
                )


def _routes(defaults: Defaults, tenants: Placed, faults: Faults, paused: Collection[str] = ()) -> Sequence[Route]:
    """Keep one route for each source and destination, of all tenants that want it, if they agree to its policy.

    It is paused when all are who want it.
    """
    found: dict[tuple[str, str], Route] = {}
    open_: set[tuple[str, str]] = set()
    for place, route in _wanted(defaults, tenants):
        ends = (route.source, route.destination)
        if route.tenant not in paused:
            open_.add(ends)
        known = found.get(ends)
        if known is None:
            found[ends] = route
            continue
        if differing := _differing(known.policy, route.policy):
            faults.add(
                ("tenants", place, "indicator"),
                f"{route.source} reaches workspace {route.destination} for {known.tenant} too, under another"
                f" {', '.join(differing)}; give both tenants the same policy, or one of them share_grid: false",
            )
        found[ends] = replace(known, others=(*known.others, route.tenant))
    return tuple(route if ends in open_ else replace(route, paused=True) for ends, route in found.items())


def _differing(one: Destination | IndicatorPolicy, other: Destination | IndicatorPolicy) -> list[str]:
    return [field.name for field in fields(one) if getattr(one, field.name) != getattr(other, field.name)]

"""What is different between two registries, for the log. Pure."""

from collections.abc import Iterable

from mti.common.registry.model import Registry, TenantStatus

SHOWN = 20
"""Names of a kind that are listed; the count says how many there are."""


def changes(before: Registry, after: Registry) -> dict[str, list[str]]:
    """Return the names of what came, went or changed, by kind; kinds without any are left out."""
    old, new = _tenants(before), _tenants(after)
    found = {
        "tenants_added": new - old,
        "tenants_gone": old - new,
        "tenants_paused": _having(after, TenantStatus.PAUSED) - _having(before, TenantStatus.PAUSED),
        "tenants_resumed": (set(before.states) - set(after.states)) & new,
        "tenants_removed": _having(after, TenantStatus.REMOVED) - _having(before, TenantStatus.REMOVED),
        "sources_added": after.sources.keys() - before.sources.keys(),
        "sources_gone": before.sources.keys() - after.sources.keys(),
        "sources_changed": {id for id, source in after.sources.items() if before.sources.get(id, source) != source},
        "workspaces_added": after.destinations.keys() - before.destinations.keys(),
        "workspaces_gone": before.destinations.keys() - after.destinations.keys(),
        "workspaces_changed": {
            id for id, found in after.destinations.items() if before.destinations.get(id, found) != found
        },
    }
    return {kind: _first_names(names) for kind, names in found.items() if names}


def _tenants(registry: Registry) -> set[str]:
    accounts = {account.tenant for source in registry.sources.values() for account in source.accounts}
    return accounts | {tenant for found in registry.destinations.values() for tenant in found.tenants}


def _having(registry: Registry, status: TenantStatus) -> set[str]:
    return {id for id, state in registry.states.items() if state.status is status}


def _first_names(names: Iterable[str]) -> list[str]:
    listed = sorted(names)
    return listed[:SHOWN] + ([f"and {len(listed) - SHOWN} more"] if len(listed) > SHOWN else [])

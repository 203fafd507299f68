"""The tenants file of a scenario, for the services to work with."""

from pathlib import Path

import yaml

from mti.simulators.mimecast import AccountV1
from mti.simulators.scenario.model import DestinationSpec, Scenario, TenantSpec


class _Secrets:
    """Collects a tenant's secrets under names of environment variables.

    A value that a tenant before it has is referred to by that one's name: two tenants that share a destination
    describe it in the same words.
    """

    def __init__(self, tenant: str, found: dict[str, str]) -> None:
        self._prefix = "".join(letter if letter.isalnum() else "_" for letter in tenant).upper()
        self._found = found

    def refer(self, name: str, value: str) -> str:
        """Keep the value and return the reference to it."""
        known = next((variable for variable, kept in self._found.items() if kept == value), None)
        variable = known or f"{self._prefix}_{name}"
        self._found[variable] = value
        return f"env:{variable}"


def write_tenants(scenario: Scenario, path: Path, *, mimecast_url: str, sentinel_url: str) -> dict[str, str]:
    """Write the tenants file and return the environment variables that it refers to, with the secrets.

    The services need these variables and, since the addresses are plain http on loopback, `--allow-loopback`.
    """
    found: dict[str, str] = {}
    tenants = []
    for tenant in scenario.tenants:
        secrets = _Secrets(tenant.id, found)
        destinations = [
            _destination(scenario, destination, secrets, number, sentinel_url)
            for number, destination in enumerate(tenant.destinations, 1)
        ]
        tenants.append(
            {
                "id": tenant.id,
                "mimecast": _mimecast(tenant, secrets, mimecast_url),
                "feeds": list(tenant.feeds),
                "format": tenant.format,
                "destinations": destinations,
            }
        )
    document = {"defaults": dict(scenario.defaults), "tenants": tenants}
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return found


def _mimecast(tenant: TenantSpec, secrets: _Secrets, url: str) -> dict[str, str]:
    account = tenant.account
    common = {"api": account.api, "region": account.region, "base_url": url}
    if isinstance(account, AccountV1):
        return common | {
            "app_id": secrets.refer("APP_ID", account.app_id),
            "app_key": secrets.refer("APP_KEY", account.app_key.get_secret_value()),
            "access_key": secrets.refer("ACCESS_KEY", account.access_key),
            "secret_key": secrets.refer("SECRET_KEY", account.secret_key.get_secret_value()),
            "email": secrets.refer("EMAIL", account.email),
            "password": secrets.refer("PASSWORD", account.password.get_secret_value()),
        }
    return common | {
        "client_id": secrets.refer("MIMECAST_ID", account.client_id),
        "client_secret": secrets.refer("MIMECAST_SECRET", account.client_secret.get_secret_value()),
    }


def _destination(
    scenario: Scenario, destination: DestinationSpec, secrets: _Secrets, number: int, url: str
) -> dict[str, object]:
    app = scenario.app(destination.client_id)
    limit = scenario.sentinel.limit
    allowed = 6000 if limit is None else max(1, int(limit.requests * 60 / limit.seconds))
    suffix = "" if number == 1 else f"_{number}"
    return {
        "workspace_id": destination.workspace_id,
        "endpoint": url,
        "authority": url,
        "azure_tenant_id": app.azure_tenant_id,
        "auth": "client_secret",
        "client_id": secrets.refer(f"AZURE_ID{suffix}", app.client_id),
        "client_secret": secrets.refer(f"AZURE_SECRET{suffix}", app.client_secret.get_secret_value()),
        "source_system": destination.source_system,
        "requests_per_minute": destination.requests_per_minute or allowed,
    }

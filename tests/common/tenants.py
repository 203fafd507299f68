"""Small tenants files for tests, as plain data."""

from typing import Any

from mti.common.registry import InvalidTenantsFile, Registry, registry_from

WORKSPACE = "00000000-0000-0000-0000-00000000000{}"
AZURE_TENANT = "11111111-1111-1111-1111-111111111111"


def mimecast(**changes: Any) -> dict[str, Any]:
    return {"api": "2.0", "region": "eu", "client_id": "env:M_ID", "client_secret": "env:M_SECRET"} | changes


def mimecast_v1(**changes: Any) -> dict[str, Any]:
    names = ("app_id", "app_key", "access_key", "secret_key")
    return {"api": "1.0", "region": "eu"} | {name: f"env:{name.upper()}" for name in names} | changes


def destination(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {"workspace_id": WORKSPACE.format(number), "auth": "managed_identity"} | changes


def tenant(id: str = "contoso", **changes: Any) -> dict[str, Any]:
    return {
        "id": id,
        "mimecast": mimecast(),
        "feeds": ["malware_customer"],
        "destinations": [destination()],
    } | changes


def load(*tenants: object, loopback: bool = False, **defaults: Any) -> Registry:
    document = {"defaults": defaults, "tenants": list(tenants)} if defaults else {"tenants": list(tenants)}
    return registry_from(document, allow_loopback=loopback)


def problems(*tenants: object, loopback: bool = False, **defaults: Any) -> tuple[str, ...]:
    try:
        load(*tenants, loopback=loopback, **defaults)
    except InvalidTenantsFile as invalid:
        return invalid.problems
    return ()

"""One more tenant: what is written in a command made into an entry of the tenants file. Pure."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from mti.common.errors import ConfigurationError
from mti.common.feeds import Feed
from mti.common.registry import SentinelAuth

Entry = dict[str, JsonValue]
"""One of the tenants, in the form of the tenants file."""


def entry_of(id: str, mimecast: Mapping[str, str], destination: Mapping[str, str], feeds: Sequence[str] = ()) -> Entry:
    """Return the entry of a tenant, with what nobody has to think about filled in.

    Mimecast's credentials are by default in the vault, under names that begin with the tenant's id; the identity that
    an app registration trusts is the one that a deployment gives to the publisher.

    Args:
        id: of the tenant.
        mimecast: fields of its account, as they are written.
        destination: fields of its workspace, likewise.
        feeds: all, when none is named.
    """
    account: dict[str, JsonValue] = {"api": "2.0", **mimecast}
    if account["api"] == "2.0":
        for field in ("client_id", "client_secret"):
            account.setdefault(field, f"keyvault:{id}-mimecast-{field.replace('_', '-')}")
    auth = SentinelAuth.FEDERATED_IDENTITY if "client_id" in destination else SentinelAuth.MANAGED_IDENTITY
    workspace: dict[str, JsonValue] = {"auth": auth.value, **destination}
    if workspace["auth"] in {SentinelAuth.FEDERATED_IDENTITY.value, SentinelAuth.MANAGED_IDENTITY.value}:
        own = "identity_client_id" if workspace["auth"] == SentinelAuth.FEDERATED_IDENTITY.value else "client_id"
        workspace.setdefault(own, "env:AZURE_CLIENT_ID")
    wanted: list[JsonValue] = [*(feeds or [feed.value for feed in Feed])]
    return {"id": id, "mimecast": account, "feeds": wanted, "destinations": [workspace]}


def with_entry(document: object, entry: Entry, name: str) -> dict[str, object]:
    """Return a tenants file's contents with one more tenant.

    Args:
        document: what the file holds, as plain data.
        entry: the new tenant.
        name: of the file, for the error.

    Raises:
        ConfigurationError: there is such a tenant.
    """
    known = document if isinstance(document, dict) else {}
    tenants = known.get("tenants")
    others = tenants if isinstance(tenants, list) else []
    if any(isinstance(each, dict) and each.get("id") == entry["id"] for each in others):
        raise ConfigurationError(
            f"{entry['id']} is a tenant of {name} already; change what is written of it there, or export, edit and"
            " import it"
        )
    return {**known, "tenants": [*others, entry]}


def read_fields(written: Sequence[str], option: str) -> dict[str, str]:
    """Take `FIELD=VALUE` apart, as often as it is written.

    Raises:
        ConfigurationError: one is not of that form; it is not repeated, since it may hold a secret.
    """
    found = {}
    for each in written:
        field, equals, value = each.partition("=")
        if not equals or not field.strip():
            raise ConfigurationError(f"{option} takes FIELD=VALUE, such as {option} region=eu")
        found[field.strip()] = value.strip()
    return found

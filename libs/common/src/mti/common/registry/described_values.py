"""Values of a deployment's tenant that are kept in a vault, though they are no secrets: its base URL and its workspace.

The former connector's form took references to a vault for each of its fields, and who moves over has them. In the text
that a deployment describes its tenant by (`MTI_TENANTS_TEXT`) these two may be references. They are read once, when the
process starts: a function app finds the value in its environment, put there by the platform; everybody else finds the
reference there, and reads the vault as the identity that the process is. So what is wrong shows when it runs, and never
by repeating the value, which may be another secret that was named by mistake.
"""

import json
import re
from typing import Any
from urllib.parse import urlsplit

from mti.common.errors import ConfigurationError, SecretUnavailable
from mti.common.ports.secrets import SecretResolver
from mti.common.registry.document import parse_document
from mti.common.registry.endpoints import MIMECAST_HOSTS, checked_url, region_of
from mti.common.registry.references import parse_reference

_REFERENCE = re.compile(r"env:\w+|@Microsoft\.KeyVault\(.+\)", re.IGNORECASE)
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


async def with_described_values(text: str, name: str, resolver: SecretResolver, *, allow_loopback: bool) -> str:
    """Return the tenants' text with values in the place of these references.

    Args:
        text: YAML or JSON, as of a tenants file.
        name: what people call it.
        resolver: reads what is referred to; it must not have the values masked, since they are in logs and books.
        allow_loopback: whether endpoints on this machine are accepted.

    Raises:
        ConfigurationError: a value can't be read, or is not what its field is for. The text names the field and the
            reference.
        InvalidTenantsFile: it is no YAML.
    """
    document = parse_document(text.encode(), name).data
    found = document.get("tenants") if isinstance(document, dict) else None
    changed = False
    for tenant in found if isinstance(found, list) else []:
        if not isinstance(tenant, dict):
            continue
        reading = _Reading(f"{name}: tenant {tenant.get('id')}", resolver, allow_loopback=allow_loopback)
        mimecast, destinations = tenant.get("mimecast"), tenant.get("destinations")
        if isinstance(mimecast, dict):
            changed |= await reading.base_url(mimecast)
        for destination in destinations if isinstance(destinations, list) else []:
            if isinstance(destination, dict):
                changed |= await reading.workspace(destination)
    return json.dumps(document) if changed else text


class _Reading:
    def __init__(self, place: str, resolver: SecretResolver, *, allow_loopback: bool) -> None:
        self._place = place
        self._resolver = resolver
        self._allow_loopback = allow_loopback

    async def base_url(self, mimecast: dict[str, Any]) -> bool:
        """Put the base URL in its place, and the region that it is of where none is written."""
        value = await self._read(mimecast, "base_url")
        if value is None:
            return False
        try:
            address = checked_url(value, hosts=MIMECAST_HOSTS, allow_loopback=self._allow_loopback)
        except ValueError:
            raise self._fault(
                "mimecast.base_url", mimecast["base_url"], "an address of Mimecast, such as https://eu-api.mimecast.com"
            ) from None
        if not mimecast.get("region"):
            mimecast["region"] = region_of(address) or ""
        is_of_2 = ".services." in (urlsplit(address).hostname or "")
        if urlsplit(address).scheme == "https" and is_of_2 != (str(mimecast.get("api")) == "2.0"):
            # The former form's is of API 1.0: the other generation has addresses of its own, by the region.
            del mimecast["base_url"]
        else:
            mimecast["base_url"] = address
        return True

    async def workspace(self, destination: dict[str, Any]) -> bool:
        """Put the workspace id in its place."""
        value = await self._read(destination, "workspace_id")
        if value is None:
            return False
        if not _GUID.fullmatch(value.lower()):
            raise self._fault("workspace_id", destination["workspace_id"], "the GUID of a workspace")
        destination["workspace_id"] = value.lower()
        return True

    async def _read(self, section: dict[str, Any], field: str) -> str | None:
        written = section.get(field)
        if not isinstance(written, str) or not _REFERENCE.fullmatch(written.strip()):
            return None
        try:
            return (await self._resolver.resolve(parse_reference(written.strip()))).get_secret_value().strip()
        except ValueError as refused:
            raise ConfigurationError(f"{self._place}: {field}: {refused}") from None
        except SecretUnavailable as unavailable:
            raise ConfigurationError(f"{self._place}: {field}: {unavailable.description}") from None

    def _fault(self, field: str, written: str, wanted: str) -> ConfigurationError:
        shown = written.strip() if written.startswith("env:") else "the secret that it refers to"
        return ConfigurationError(f"{self._place}: {field}: {shown} does not hold {wanted}; let it hold one")

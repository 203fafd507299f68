"""Connection strings of Azure Service Bus: `Endpoint=sb://NAME.servicebus.windows.net/;SharedAccessKeyName=…`."""

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from mti.common.registry.endpoints import SERVICEBUS_HOSTS, is_known, is_loopback


def parts_of(text: str) -> Mapping[str, str]:
    """Take a connection string apart."""
    return dict(part.strip().partition("=")[::2] for part in text.split(";") if part.strip())


def checked_connection_string(text: str) -> str:
    """Return the connection string of a whole namespace without white space around it.

    Raises:
        ValueError: it is none, or is for a host that may be anybody's. The text does not repeat it.
    """
    text = text.strip()
    parts = parts_of(text)
    if "EntityPath" in parts:
        raise ValueError("is for one entity alone; copy the connection string of the whole namespace")
    signed = {"SharedAccessKeyName", "SharedAccessKey"} <= set(parts) or "SharedAccessSignature" in parts
    if not parts.get("Endpoint", "").startswith("sb://") or not signed:
        raise ValueError(
            "is not a Service Bus connection string; write Endpoint=sb://...;SharedAccessKeyName=...;SharedAccessKey=..."
        )
    if not _is_namespace(parts):
        raise ValueError(
            "names a host that is no Service Bus namespace, and would be sent signatures; write"
            " Endpoint=sb://NAME.servicebus.windows.net/ (an emulator's needs UseDevelopmentEmulator=true)"
        )
    return text


def _is_namespace(parts: Mapping[str, str]) -> bool:
    """Say whether it is for Service Bus, for this machine, or for an emulator with its well-known key."""
    try:
        host = urlsplit(parts["Endpoint"]).hostname or ""
    except ValueError:
        return False
    if parts.get("UseDevelopmentEmulator", "").strip().lower() == "true":
        return bool(host) and ("." not in host or host.endswith(".internal") or _is_private(host))
    return is_known(host, SERVICEBUS_HOSTS) or is_loopback(host)


def _is_private(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return False

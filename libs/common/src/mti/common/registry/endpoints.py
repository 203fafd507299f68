"""Which addresses a credential may be sent to.

The tenants file names endpoints, and what is sent there is a customer's secret: a slip or a forged file must not send
it elsewhere. So an address is https on a host of the vendor it is for, or loopback where that was allowed.

Sovereign clouds: https://learn.microsoft.com/azure/azure-government/compare-azure-government-global-azure and
https://learn.microsoft.com/azure/china/resources-developer-guide. Mimecast's bases:
https://integrations.mimecast.com/documentation/api-overview/global-base-urls/.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

MIMECAST_HOSTS = ("mimecast.com", "mimecast-pscom-us.com")
SENTINEL_HOSTS = ("azure.com", "azure.us", "azure.cn")
AUTHORITY_HOSTS = ("microsoftonline.com", "microsoftonline.us", "partner.microsoftonline.cn", "chinacloudapi.cn")
VAULT_HOSTS = ("vault.azure.net", "vault.usgovcloudapi.net", "vault.azure.cn")
COSMOS_HOSTS = ("documents.azure.com", "documents.azure.us", "documents.azure.cn")
SERVICEBUS_HOSTS = ("servicebus.windows.net", "servicebus.usgovcloudapi.net", "servicebus.chinacloudapi.cn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """What belongs together in one of Microsoft's clouds."""

    authority: str
    token_scope: str
    """Of Azure Resource Manager, which the upload API's tokens are for."""


PUBLIC = Cloud(authority="https://login.microsoftonline.com", token_scope="https://management.azure.com/.default")  # noqa: S106  an address
_SOVEREIGN = {
    "azure.us": Cloud(
        authority="https://login.microsoftonline.us",
        token_scope="https://management.usgovcloudapi.net/.default",  # noqa: S106  an address
    ),
    "azure.cn": Cloud(
        authority="https://login.partner.microsoftonline.cn",
        token_scope="https://management.chinacloudapi.cn/.default",  # noqa: S106  an address
    ),
}

_REGIONAL_V1 = ("eu", "de", "us", "usb", "ca", "za", "au", "je", "jer")
_REGIONAL_V2 = ("us", "uk")

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")


def cloud_of(endpoint: str) -> Cloud:
    """Return the cloud that an upload endpoint is in; the public one when nothing says otherwise."""
    host = urlsplit(endpoint).hostname or ""
    return next((cloud for suffix, cloud in _SOVEREIGN.items() if host.endswith(f".{suffix}")), PUBLIC)


def default_mimecast_url(api: str, region: str) -> str | None:
    """Return the base of the API generation (`1.0`, `2.0`) in the region; `None` when none is documented."""
    if api == "1.0":
        if region == "uspcom":
            return "https://uspcom-api.mimecast-pscom-us.com"
        return f"https://{region}-api.mimecast.com" if region in _REGIONAL_V1 else None
    if region == "uspcom":
        return None
    return (
        f"https://{region}-api.services.mimecast.com" if region in _REGIONAL_V2 else "https://api.services.mimecast.com"
    )


def checked_url(text: str, *, hosts: Sequence[str], allow_loopback: bool) -> str:
    """Return the address in its plain form: lower-case host, no trailing slash.

    Args:
        text: an absolute URL with no user, query or fragment.
        hosts: the domains whose subdomains are allowed.
        allow_loopback: whether 127.0.0.0/8, ::1 and localhost are, by https or plain http.

    Raises:
        ValueError: it is refused; the text says why and the cure, and repeats no more of it than the host.
    """
    wanted = f"write https:// and a host under {', '.join(hosts)}"
    split = _split(text, wanted)
    host = split.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    if is_loopback(host):
        if not allow_loopback:
            raise ValueError(f"{shown} is this machine, which is refused; give --allow-loopback if it is meant")
    elif not is_under(host, hosts):
        raise ValueError(f"the host {shown[:80]!r} is not on the list of known hosts; {wanted}")
    elif split.scheme != "https":
        raise ValueError(f"plain {split.scheme} would show the credentials to the network; {wanted}")
    port = f":{split.port}" if split.port else ""
    return f"{split.scheme}://{shown}{port}{split.path.rstrip('/')}"


def _split(text: str, wanted: str) -> SplitResult:
    """Take the address apart, and refuse what two readers could take apart differently."""
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise ValueError(f"holds a character that has no place in an address; {wanted}")
    if "?" in text or "#" in text:
        raise ValueError("has a query or a fragment; end the address after the host or its path")
    try:
        split = urlsplit(text)
        port_is_odd = split.port == 0 or split.netloc.endswith(":")
    except ValueError:
        raise ValueError(f"is not an address; {wanted}") from None
    if "@" in split.netloc:
        raise ValueError("has a user before the host; remove it, credentials have their own fields")
    if split.scheme not in {"https", "http"} or not split.hostname or port_is_odd:
        raise ValueError(f"is not an address; {wanted}")
    path = split.path.rstrip("/")
    if not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise ValueError("has a path with dots, escapes or empty parts; write the path out, or leave it away")
    return split


def is_loopback(host: str) -> bool:
    """Say whether a host, as a URL writes it, is this machine: 127.0.0.0/8, ::1 or localhost."""
    if host == "localhost":
        return True
    try:
        return IPv6Address(host) == IPv6Address("::1") if ":" in host else IPv4Address(host).is_loopback
    except AddressValueError:
        return False


def is_under(host: str, domains: Sequence[str]) -> bool:
    """Say whether the lower-case host is a subdomain of one of the domains; international names never are."""
    if not all(_LABEL.fullmatch(label) and not label.startswith("xn--") for label in host.split(".")):
        return False
    return any(host.endswith(f".{domain}") for domain in domains)

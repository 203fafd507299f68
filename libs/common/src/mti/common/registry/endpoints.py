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

MIMECAST_HOSTS = (
    "api.services.mimecast.com",
    "*-api.services.mimecast.com",
    "api.mimecast.com",
    "*-api.mimecast.com",
    "uspcom-api.mimecast-pscom-us.com",
)
SENTINEL_HOSTS = ("api.ti.sentinel.azure.com", "api.ti.sentinel.azure.us", "api.ti.sentinel.azure.cn")
AUTHORITY_HOSTS = (
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
)
VAULT_HOSTS = ("*.vault.azure.net", "*.vault.usgovcloudapi.net", "*.vault.azure.cn")
COSMOS_HOSTS = ("*.documents.azure.com", "*.documents.azure.us", "*.documents.azure.cn")
SERVICEBUS_HOSTS = ("*.servicebus.windows.net", "*.servicebus.usgovcloudapi.net", "*.servicebus.chinacloudapi.cn")
"""Whole names; `*` is one label or a part of one, where only the vendor's own service answers under every such name.
Never all that is below a domain: whoever rents a machine in a cloud gets a name there, such as
`anything.westeurope.cloudapp.azure.com`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """What belongs together in one of Microsoft's clouds."""

    authority: str
    token_scope: str
    """Of Azure Resource Manager, which the upload API's tokens are for."""
    exchange_scope: str
    """Of the exchange in which a managed identity's token proves who an app registration is:
    https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity."""


PUBLIC = Cloud(
    authority="https://login.microsoftonline.com",
    token_scope="https://management.azure.com/.default",  # noqa: S106  an address
    exchange_scope="api://AzureADTokenExchange/.default",
)
_SOVEREIGN = {
    "api.ti.sentinel.azure.us": Cloud(
        authority="https://login.microsoftonline.us",
        token_scope="https://management.usgovcloudapi.net/.default",  # noqa: S106  an address
        exchange_scope="api://AzureADTokenExchangeUSGov/.default",
    ),
    "api.ti.sentinel.azure.cn": Cloud(
        authority="https://login.partner.microsoftonline.cn",
        token_scope="https://management.chinacloudapi.cn/.default",  # noqa: S106  an address
        exchange_scope="api://AzureADTokenExchangeChina/.default",
    ),
}

_REGIONAL_V1 = ("eu", "de", "us", "usb", "ca", "za", "au", "je", "jer")
_REGIONAL_V2 = ("us", "uk")

_SERVES = {"us": {"us", "usb"}, "je": {"je", "jer"}, "jer": {"je", "jer"}}
"""The regions behind a host that is called after one, where they are more than that one."""

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_REGIONAL = re.compile(r"([a-z0-9-]+)-api(?:\.services)?\.mimecast(?:-pscom-us)?\.com")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")


def cloud_of(endpoint: str) -> Cloud:
    """Return the cloud that an upload endpoint is in; the public one when nothing says otherwise."""
    return _SOVEREIGN.get(urlsplit(endpoint).hostname or "", PUBLIC)


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


def region_of(base_url: str) -> str | None:
    """Return the region that a Mimecast base is called after; `None` when it is for all, or none of Mimecast's."""
    found = _REGIONAL.fullmatch(urlsplit(base_url).hostname or "")
    return found[1] if found else None


def check_region(base_url: str, region: str) -> None:
    """See that a Mimecast base is not another region's: its grid would be taken for the one of the tenants there.

    Hosts that are for all regions, and this machine, are anybody's.

    Raises:
        ValueError: it is another region's; the text says whose, and the cure.
    """
    found = _REGIONAL.fullmatch(urlsplit(base_url).hostname or "")
    if found and region not in _SERVES.get(found[1], {found[1]}):
        raise ValueError(
            f"is of region {found[1]!r}, and the account is said to be in {region!r};"
            f" write region: {found[1]}, or the base_url of {region!r}"
        )


def checked_url(text: str, *, hosts: Sequence[str], allow_loopback: bool) -> str:
    """Return the address in its plain form: lower-case host, no trailing slash.

    Args:
        text: an absolute URL with no user, query or fragment.
        hosts: those that are allowed, as in `SENTINEL_HOSTS`.
        allow_loopback: whether 127.0.0.0/8, ::1 and localhost are, by https or plain http.

    Raises:
        ValueError: it is refused; the text says why and the cure, and repeats no more of it than the host.
    """
    wanted = f"write https:// and {_either(hosts)}"
    split = _split(text, wanted)
    host = split.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    if is_loopback(host):
        if not allow_loopback:
            raise ValueError(f"{shown} is this machine, which is refused; give --allow-loopback if it is meant")
    elif not is_known(host, hosts):
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


def is_known(host: str, hosts: Sequence[str]) -> bool:
    """Say whether the lower-case host is one of those that are allowed; international names never are."""
    labels = host.split(".")
    if not all(_LABEL.fullmatch(label) and not label.startswith("xn--") for label in labels):
        return False
    return any(_is_like(labels, allowed.split(".")) for allowed in hosts)


def _is_like(labels: Sequence[str], allowed: Sequence[str]) -> bool:
    first, *rest = allowed
    if list(labels[1:]) != rest:
        return False
    own, star, suffix = first.partition("*")
    return labels[0] == own if not star else labels[0].endswith(suffix) and len(labels[0]) > len(suffix)


def _either(hosts: Sequence[str]) -> str:
    *others, last = hosts
    return f"{', '.join(others)} or {last}" if others else last

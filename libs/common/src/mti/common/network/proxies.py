"""Which proxy a call goes by: what the environment says for the world, and none for this machine.

The variables are those of every HTTP client (https://www.gnu.org/software/wget/manual/html_node/Proxies.html), read as
Python reads them, so that httpx, aiohttp and requests agree.
"""

import os
from collections.abc import Mapping, MutableMapping
from typing import Final
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from mti.common.errors import ConfigurationError
from mti.common.logs import redaction
from mti.common.registry.endpoints import is_loopback

OURSELVES: Final = ("localhost", "127.0.0.1", "::1", "169.254.169.254")
"""This machine, and the metadata service of the one that it runs on, which gives identities out
(https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service: never through a proxy)."""
_METADATA: Final = OURSELVES[-1]
_SCHEMES: Final = ("http", "https")


def spare_ourselves(environ: MutableMapping[str, str] = os.environ) -> None:
    """Add this machine to `NO_PROXY`, for the libraries that read it by themselves, and for our children."""
    for name in {"NO_PROXY", *(known for known in environ if known.lower() == "no_proxy")}:
        listed = [entry.strip() for entry in environ.get(name, environ.get("no_proxy", "")).split(",") if entry.strip()]
        if "*" not in listed:
            environ[name] = ",".join([*listed, *(host for host in OURSELVES if host not in listed)])


def check_proxies() -> None:
    """See that the proxies of the environment can be spoken to, and keep their credentials out of logs.

    Raises:
        ConfigurationError: one is malformed, or of a kind that is not spoken.
    """
    for kind, address in _proxies().items():
        variable = f"{kind.upper()}_PROXY"
        try:
            split = urlsplit(address)
            usable = bool(split.hostname) and split.port != 0
        except ValueError:
            usable = False
            split = urlsplit("")
        if not usable or split.scheme not in _SCHEMES:
            raise ConfigurationError(
                f"{variable}: is no proxy that can be used; write http://HOST:PORT, or unset it (SOCKS is not spoken)"
            )
        if split.password:
            redaction.add(unquote(split.password))
            redaction.add(split.password)


def proxy_for(url: str) -> str | None:
    """Return the proxy that a call goes by, with its credentials; `None` for a direct one."""
    split = urlsplit(url)
    host = split.hostname or ""
    if is_loopback(host) or host == _METADATA:
        return None
    proxies = _proxies()
    found = proxies.get(split.scheme) or proxies.get("all")
    return None if found is None or proxy_bypass(split.netloc.rpartition("@")[2]) else found


def proxy_clause(url: str) -> str:
    """Return ` by the proxy http://HOST:PORT` for an error's text, without credentials; empty for a direct call."""
    proxy = proxy_for(url)
    if proxy is None:
        return ""
    split = urlsplit(proxy)
    return f" by the proxy {split.scheme}://{split.netloc.rpartition('@')[2]}"


def _proxies() -> Mapping[str, str]:
    found = {kind: address.strip() for kind, address in getproxies().items() if kind in {*_SCHEMES, "all"}}
    return {kind: address if "://" in address else f"http://{address}" for kind, address in found.items() if address}

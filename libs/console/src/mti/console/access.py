"""Who may talk to the console: which names it answers to, and what proves that somebody was let in. Pure."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Final

from mti.common.errors import ConfigurationError

LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
"""What a browser on this machine may call it."""
_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Access:
    """What a request must have to be answered, for as long as the process runs."""

    hosts: frozenset[str]
    """The values of `Host` that are its own: a page of somebody else's whose name leads here has another."""
    token: str | None = field(repr=False)
    """What the printed link holds; `None` on this machine alone."""
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(_BYTES), repr=False)

    def session_of(self, offered: str) -> str | None:
        """Return the cookie for whoever offers the token; `None` where it is not the token."""
        if self.token is None or not hmac.compare_digest(offered.encode(), self.token.encode()):
            return None
        return self._derived("session")

    def admits(self, cookie: str | None) -> bool:
        """Say whether a cookie is that of a session, or none is needed."""
        if self.token is None:
            return True
        return cookie is not None and hmac.compare_digest(cookie.encode(), self._derived("session").encode())

    @property
    def form_token(self) -> str:
        """What every form carries: no page of another origin can read it."""
        return self._derived("form")

    def is_own_form(self, offered: str) -> bool:
        """Say whether a form was one of ours."""
        return hmac.compare_digest(offered.encode(), self.form_token.encode())

    def _derived(self, purpose: str) -> str:
        return hmac.new(self._key, purpose.encode(), hashlib.sha256).hexdigest()


def access_to(host: str, port: int, names: Sequence[str] = (), *, with_token: bool = False) -> Access:
    """Return who may talk to a console that listens on an address.

    Args:
        host: the address that it listens on.
        port: the port.
        names: what browsers call it besides, as where a name or another machine stands in front of it.
        with_token: whether whoever is on this machine needs a token as well.

    Raises:
        ConfigurationError: the address is none, or one that stands for all and no name says what browsers call it.
    """
    if host == "localhost":
        host = "127.0.0.1"
    try:
        address = ip_address(host)
    except ValueError:
        raise ConfigurationError(
            f"--host {host}: is no address; write one of this machine's, such as 192.0.2.7"
        ) from None
    if address.is_unspecified and not names:
        raise ConfigurationError(
            f"--host {host}: stands for every address of this machine; say with --name what browsers call it, such as"
            " --name console.example.com"
        )
    own = list(LOOPBACK_NAMES) if address.is_loopback or address.is_unspecified else []
    if not address.is_unspecified:
        own.append(f"[{address}]" if isinstance(address, IPv6Address) else str(address))
    hosts = {f"{name.lower()}:{port}" for name in (*own, *names)} | {name.lower() for name in names}
    token = secrets.token_urlsafe(_BYTES) if with_token or not address.is_loopback else None
    return Access(frozenset(hosts), token)

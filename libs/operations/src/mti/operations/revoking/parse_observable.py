"""From what a person writes to an observable in its canonical form. Pure."""

from contextlib import suppress
from ipaddress import ip_network

from mti.common.errors import ConfigurationError
from mti.normalizer.indicators import ALGORITHMS, Observable, Rejected, hash_observable, value_observable


def observable_of(text: str) -> Observable:
    """Return the observable that is meant: a hash by its length, else a URL, an address, an e-mail address or a domain.

    Raises:
        ConfigurationError: it is none of these.
    """
    value = text.strip()
    try:
        for algorithm in ALGORITHMS.values():
            if len(value) == algorithm.digits and "." not in value:
                return hash_observable(algorithm, value)
        return value_observable(_kind(value), value)
    except Rejected:
        raise ConfigurationError(
            f"{text[:80]!r} is no observable; write a SHA-256, SHA-1 or MD5, a URL, an IP address, a "
            "domain or an e-mail address"
        ) from None


def _kind(value: str) -> str:
    if "://" in value:
        return "url"
    with suppress(ValueError):
        return f"ipv{ip_network(value, strict=False).version}-addr"
    if "@" in value:
        return "email-addr"
    if "." not in value or any(character.isspace() or character == "/" for character in value):
        raise Rejected("UnsupportedPattern", "neither a hash nor a name")
    return "domain-name"

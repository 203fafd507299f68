"""Observables in their canonical form: one spelling of key and value for each thing, and the id of its indicator.

The keys are those that Sentinel knows
(https://learn.microsoft.com/azure/sentinel/work-with-stix-objects-indicators). Its hash rules compare case-sensitively,
so hashes are in lower case.
"""

import re
from collections.abc import Callable, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_network
from typing import NamedTuple

from mti.common.contracts import generation_id
from mti.common.errors import MtiError

VALUE_LIMIT = 2048
"""Characters of a value; no URL that is followed anywhere is longer."""


class Observable(NamedTuple):
    """One thing to look for, under the key that Sentinel shows as `ObservableKey`."""

    key: str
    """`file:hashes.'SHA-256'`, `file:hashes.'SHA-1'`, `file:hashes.MD5`, `url:value`, `domain-name:value`, …"""
    value: str
    """In its one canonical form; hashes in lower case."""


class Rejected(MtiError):
    """A record, or a value in it, can't be used.

    Args:
        reason: a CamelCase code, for counting and for the dead letter.
        fault: what is wrong with it, in words that go on from "a detection: …". It holds no personal data.
    """

    def __init__(self, reason: str, fault: str) -> None:
        self.reason = reason
        self.fault = fault
        super().__init__(f"{reason}: {fault}")


class Algorithm(NamedTuple):
    """A hash algorithm that Sentinel has a key for."""

    name: str
    key: str
    digits: int


SHA256 = Algorithm("SHA-256", "file:hashes.'SHA-256'", 64)
SHA1 = Algorithm("SHA-1", "file:hashes.'SHA-1'", 40)
MD5 = Algorithm("MD5", "file:hashes.MD5", 32)

ALGORITHMS = {"SHA256": SHA256, "SHA1": SHA1, "MD5": MD5}
"""By name without the dash, in capitals, strongest first."""
HASH_KEYS = frozenset(algorithm.key for algorithm in ALGORITHMS.values())

_HEX = re.compile(r"[0-9a-f]+")


def indicator_id(observable: Observable, generation: int = 0) -> str:
    """Return the STIX id of the indicator for an observable: its own, unless another generation is asked for.

    How it is made is said in `mti.common.contracts.identity`.
    """
    return generation_id(observable.key, observable.value, generation)


def hash_observable(algorithm: Algorithm, text: str) -> Observable:
    """Return a file's hash.

    Raises:
        Rejected: `BadHash`.
    """
    value = text.strip().lower()
    if len(value) != algorithm.digits:
        raise Rejected(
            "BadHash", f"the {algorithm.name} {masked(text)} has {len(value)} characters and not {algorithm.digits}"
        )
    if not _HEX.fullmatch(value):
        raise Rejected("BadHash", f"the {algorithm.name} {masked(text)} holds what is no hexadecimal digit")
    return Observable(algorithm.key, value)


def hashes_of_one_file(observables: Sequence[Observable]) -> Sequence[Observable]:
    """Return the hashes among a sighting's observables if they can be of one file; none when they are of several."""
    hashes = [observable for observable in observables if observable.key in HASH_KEYS]
    return hashes if len({observable.key for observable in hashes}) == len(hashes) else ()


def value_observable(kind: str, text: str) -> Observable:
    """Return an observable other than a hash.

    Args:
        kind: `url`, `domain-name`, `ipv4-addr`, `ipv6-addr` or `email-addr`.
        text: its value, as sent.

    Raises:
        Rejected: `UnsupportedPattern`, when the value is not of that kind.
    """
    value = text.strip()
    if not value or len(value) > VALUE_LIMIT or not value.isprintable():
        raise Rejected("UnsupportedPattern", f"the {kind} value is empty, too long or not printable")
    try:
        return Observable(f"{kind}:value", _CANONICAL[kind](value))
    except ValueError as error:
        raise Rejected("UnsupportedPattern", f"the {kind} value {masked(text)} is none") from error


def masked(text: str) -> str:
    """Return a text for a sentence: quoted, cut where it is long, and masked where it may be an address."""
    if "@" in text:
        return "(not shown, since it holds an address)"
    return repr(text if len(text) <= 80 else f"{text[:80]}…")


def _network(text: str, kind: type[IPv4Address] | type[IPv6Address]) -> str:
    """Return an address, or a network where the prefix says that it is one."""
    network = ip_network(text, strict=False)
    if not isinstance(network.network_address, kind):
        raise AddressValueError(text)
    return str(network) if network.prefixlen < network.max_prefixlen else str(network.network_address)


def _ipv4(text: str) -> str:
    return _network(text, IPv4Address)


def _ipv6(text: str) -> str:
    return _network(text, IPv6Address)


def _email(text: str) -> str:
    name, sign, domain = text.rpartition("@")
    if not (name and sign and domain):
        raise ValueError(text)
    return text.lower()


_CANONICAL: dict[str, Callable[[str], str]] = {
    "url": str,
    "domain-name": str.lower,
    "ipv4-addr": _ipv4,
    "ipv6-addr": _ipv6,
    "email-addr": _email,
}

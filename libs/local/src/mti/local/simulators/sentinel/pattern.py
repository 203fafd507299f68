"""Reads the one observable of a STIX pattern, as Sentinel fills its observable columns.

The keys are those of https://learn.microsoft.com/azure/sentinel/work-with-stix-objects-indicators
"""

import re
from typing import NamedTuple

from mti.local.simulators.feed import Observable

_PATTERN = re.compile(r"\[\s*([a-z0-9-]+:[A-Za-z0-9_.'-]+)\s*=\s*'((?:[^'\\]|\\.)+)'\s*\]")
_KEYS = {
    "file:hashes.'SHA-256'": "sha256",
    "file:hashes.'SHA-1'": "sha1",
    "file:hashes.MD5": "md5",
    "file:hashes.'MD5'": "md5",
    "url:value": "url",
    "domain-name:value": "domain",
    "ipv4-addr:value": "ipv4",
    "ipv6-addr:value": "ipv6",
    "email-addr:value": "email",
}
_HASH_LENGTHS = {"sha256": 64, "sha1": 40, "md5": 32}


class Read(NamedTuple):
    """What a pattern was read as."""

    observable: Observable | None
    """`None` when it is not one observable that Sentinel knows."""
    as_written: str
    """The value in the case that it was sent in."""


def read_pattern(pattern: str) -> Read:
    """Read a pattern; never raises."""
    found = _PATTERN.fullmatch(pattern.strip())
    kind = None if found is None else _KEYS.get(found[1])
    if found is None or kind is None:
        return Read(None, "")
    value = re.sub(r"\\(.)", r"\1", found[2])
    length = _HASH_LENGTHS.get(kind)
    if length is not None and not re.fullmatch(rf"[0-9A-Fa-f]{{{length}}}", value):
        return Read(None, value)
    return Read(Observable(kind, value.lower()), value)

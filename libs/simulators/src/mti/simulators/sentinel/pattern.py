"""Reads the one observable of a STIX pattern, as Sentinel fills its observable columns.

The keys are those of https://learn.microsoft.com/azure/sentinel/work-with-stix-objects-indicators; any other path of a
STIX cyber-observable object (https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html#_mlbmudhl16lr) is a key as
it is written.
"""

import re
from typing import NamedTuple

from mti.simulators.feed import Observable

_PATTERN = re.compile(
    r"\[\s*(?P<path>(?P<type>[a-z0-9-]+):[A-Za-z0-9_.'\[\]*-]+)\s*=\s*"
    r"(?:[thb]?'(?P<text>(?:[^'\\]|\\.)+)'|(?P<plain>-?\d+(?:\.\d+)?|true|false))\s*\]"
)
_TYPES = frozenset(
    {
        "artifact",
        "autonomous-system",
        "directory",
        "domain-name",
        "email-addr",
        "email-message",
        "file",
        "ipv4-addr",
        "ipv6-addr",
        "mac-addr",
        "mutex",
        "network-traffic",
        "process",
        "software",
        "url",
        "user-account",
        "windows-registry-key",
        "x509-certificate",
    }
)
"""The cyber-observable objects of STIX 2.1; those of 2.0 are among them."""
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
"""What the simulated feeds have, under their short names."""
_HASH = re.compile(r"(?:file|x509-certificate|artifact):hashes\.'?(?P<name>[A-Za-z0-9-]+)'?")
_HASH_LENGTHS = {"SHA512": 128, "SHA256": 64, "SHA1": 40, "MD5": 32}


class Read(NamedTuple):
    """What a pattern was read as."""

    observable: Observable | None
    """`None` when it is not one comparison of an observable by `=`."""
    as_written: str
    """The value in the case that it was sent in."""
    well_formed: bool
    """Whether a hash has the length and the digits of its kind; other values are not looked at."""
    key: str = ""
    """What Sentinel shows as the observable's key: the path as it was sent."""


_NOTHING = Read(None, "", well_formed=True)


def read_pattern(pattern: str) -> Read:
    """Read a pattern; never raises."""
    found = _PATTERN.fullmatch(pattern.strip())
    if found is None or found["type"] not in _TYPES:
        return _NOTHING
    value = found["plain"] or re.sub(r"\\(.)", r"\1", found["text"])
    hashed = _HASH.fullmatch(found["path"])
    length = _HASH_LENGTHS.get(hashed["name"].replace("-", "").upper()) if hashed else None
    good = length is None or re.fullmatch(rf"[0-9A-Fa-f]{{{length}}}", value) is not None
    kind = _KEYS.get(found["path"], found["path"])
    return Read(Observable(kind, value.lower()), value, good, found["path"])


def observable_of(record: dict[str, object]) -> Read:
    """Read the pattern of an indicator; one in another language than STIX has no observable."""
    if record.get("pattern_type", "stix") != "stix":
        return _NOTHING
    return read_pattern(str(record.get("pattern", "")))

"""What a feed is made of."""

from enum import StrEnum
from typing import NamedTuple


class HashChoice(StrEnum):
    """Which of a detection's hashes count as observables."""

    STRONGEST = "strongest"
    """One a detection: SHA-256, else SHA-1, else MD5. It is what the STIX form holds."""
    ALL = "all"
    """Every hash that the CSV form shows."""


class Observable(NamedTuple):
    """One thing to look for."""

    type: str
    """`sha256`, `sha1`, `md5`, and for Sentinel also `url`, `domain`, `ipv4`, `ipv6`, `email`."""
    value: str
    """In lower case."""


class Artefact(NamedTuple):
    """A file that is seen again and again: what every sighting of it has in common."""

    sha256: str | None
    sha1: str | None
    md5: str | None
    size: int
    mime: str
    extension: str
    test_file: bool = False

    def hashes(self) -> tuple[Observable, ...]:
        """Return all its hashes, strongest first."""
        named = (("sha256", self.sha256), ("sha1", self.sha1), ("md5", self.md5))
        return tuple(Observable(kind, value) for kind, value in named if value is not None)


class Detection(NamedTuple):
    """One sighting, the same whichever form it is fetched in.

    `None` is a value that Mimecast does not know; the CSV form then shows `null` or nothing.
    """

    seen_ms: int
    """Its own timestamp, in milliseconds since the epoch; windows are cut by it."""
    visible_ms: int
    """When the API begins to show it; later than `seen_ms` for a late one."""
    ids: str
    """96 hex digits, from which the ids of the three STIX objects are cut."""
    artefact: Artefact
    upper_case: bool
    """Whether the hashes are written in upper case."""
    whole_second: bool
    """Whether its CSV timestamp has the form without milliseconds; `seen_ms` then has none either."""
    bare_null: bool
    """Whether unknown CSV values are empty rather than `null`."""
    name: str | None
    title: str | None
    """`malware.name` in the STIX form."""
    size: int | None
    mime: str | None
    sending_ip: str | None
    recipient: str | None
    sender: str | None

    @property
    def test_file(self) -> bool:
        """Whether it is EICAR."""
        return self.artefact.test_file

    def strongest(self) -> Observable:
        """Return its strongest hash."""
        return self.artefact.hashes()[0]

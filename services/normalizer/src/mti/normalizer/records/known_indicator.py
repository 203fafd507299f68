"""What is known of an indicator: the version that was emitted last, and by which chunks. One document of the store.

Where a source is routed under several policies, that may be another version under each; see `emissions`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Self

from msgspec import Struct, convert, json
from msgspec.structs import astuple, replace
from pydantic import JsonValue

from mti.common.contracts import timestamp
from mti.common.ports.store import Document, json_of
from mti.common.registry import IndicatorPolicy
from mti.normalizer.facts import NO_FACTS, Facts
from mti.normalizer.observables import Observable
from mti.normalizer.records.emissions import (
    Emission,
    Emissions,
    EmittedBody,
    emission_in,
    emissions_body,
    emissions_from,
    least_of,
)

SHORTEST_VALIDITY = timedelta(seconds=1)
"""Sentinel wants `valid_until` to be later than `valid_from`, whatever times the detections claim."""
REFRESHES_KEPT = 16
"""Chunks that are remembered as having refreshed an indicator: far more than can be under way at once."""


_SAME_UNDER_ALL: Final[Emissions] = MappingProxyType({})
"""One for all that were emitted alike under every rule, as nearly all are."""


class Verdict(StrEnum):
    """What an indicator is to a chunk."""

    NEW = "new"
    REFRESHED = "refreshed"
    SUPPRESSED = "suppressed"


class KnownIndicator(Struct, frozen=True, kw_only=True, gc=False):  # noqa: PLW1641  nobody asks for its hash
    """One indicator of one source. It holds all that is needed to build the same indicator again."""

    id: str
    observable: Observable
    created: datetime
    """When it was first seen; it never changes."""
    version: datetime
    """`modified` of what was emitted last: when it was last seen then."""
    valid_until: datetime
    """The latest of what was emitted, under any policy."""
    sightings: int
    """In the chunks that it was emitted for; those that were suppressed are not counted."""
    first_by: str
    """The CloudEvents id of the chunk that emitted it first."""
    refreshed_by: tuple[str, ...] = ()
    """Those of the chunks that refreshed it, the last ones, newest last."""
    refreshes: int = 0
    generation: int = 0
    """How often its withdrawal had been lifted when it was emitted first; see `withdrawals`."""
    emitted: Emissions = _SAME_UNDER_ALL
    """What was emitted last under each refresh rule; empty where that is this version under all of them."""
    facts: Facts = NO_FACTS
    etag: str | None = None
    """The version of the document that it was read from; `None` when it is to be created."""

    def __eq__(self, other: object) -> bool:
        """Say whether both say the same, whichever version of the document they were read from."""
        return isinstance(other, KnownIndicator) and _said(self) == _said(other)

    @property
    def by(self) -> str:
        """The chunk that emitted the version."""
        return self.refreshed_by[-1] if self.refreshed_by else self.first_by

    def earlier_verdict(self, chunk_id: str) -> Verdict | None:
        """Return what it was to an earlier try of the same chunk; `None` if that chunk did not emit it."""
        if self.first_by == chunk_id:
            return Verdict.NEW
        return Verdict.REFRESHED if chunk_id in self.refreshed_by else None

    def valid_until_under(self, policy: IndicatorPolicy) -> datetime:
        """Return until when whatever a workspace under a policy holds is valid at least."""
        return self.least_under(policy).valid_until

    def least_under(self, policy: IndicatorPolicy) -> Emission:
        """Return what a workspace under a policy holds at least: what was emitted last under its refresh rule, or the
        least of what was under others where the rule is new.
        """
        if not self.emitted:
            return Emission(self.version, self.valid_until)
        return emission_in(self.emitted, policy) or least_of(self.emitted.values())

    def under(self, policy: IndicatorPolicy) -> Self:
        """Return it as it was emitted last under a policy's refresh rule, or under any where the rule is new."""
        found = emission_in(self.emitted, policy) if self.emitted else None
        return replace(self, version=found.version, valid_until=found.valid_until) if found else self

    def due_under(self, policy: IndicatorPolicy) -> Self:
        """Return it in the version that a workspace under a policy is to have at least."""
        least = self.least_under(policy)
        return replace(self, version=least.version, valid_until=least.valid_until) if self.emitted else self

    @property
    def text(self) -> bytes:
        """The document's body as JSON, without what is unknown."""
        key, value = self.observable
        created = timestamp(self.created)
        return _ENCODE(
            _Written(
                key,
                value,
                created,
                created if self.version == self.created else timestamp(self.version),
                timestamp(self.valid_until),
                self.sightings,
                self.by,
                self.first_by,
                self.refreshed_by,
                self.refreshes,
                self.facts,
                self.generation,
                emissions_body(self.emitted) if self.emitted else [],
            )
        )

    def body(self) -> dict[str, JsonValue]:
        """Return the document's body, without what is unknown."""
        return json_of(self.text)

    @classmethod
    def of(cls, document: Document) -> Self:
        """Read a document."""
        if document.text is None:
            return cls.from_body(document.id, document.body, document.etag)
        return cls._of(document.id, _DECODE(document.text), document.etag)

    @classmethod
    def from_body(cls, id: str, body: Mapping[str, JsonValue], etag: str | None) -> Self:
        """Read a document's body."""
        return cls._of(id, convert(body, _Body), etag)

    @classmethod
    def _of(cls, id: str, read: "_Body", etag: str | None) -> Self:
        return cls(
            id=id,
            observable=Observable(read.key, read.value),
            created=read.created,
            version=read.version,
            valid_until=read.valid_until,
            sightings=read.sightings,
            first_by=read.first_by,
            refreshed_by=read.refreshed_by,
            refreshes=read.refreshes,
            generation=read.generation,
            facts=read.facts,
            emitted=emissions_from(read.emitted),
            etag=etag,
        )


def _said(known: KnownIndicator) -> tuple[object, ...]:
    *said, _ = astuple(known)
    return tuple(said)


class _Body(Struct, gc=False):
    key: str
    value: str
    created: datetime
    version: datetime
    valid_until: datetime
    sightings: int
    first_by: str
    refreshed_by: tuple[str, ...]
    refreshes: int
    facts: Facts
    generation: int = 0
    emitted: list[EmittedBody] | dict[str, datetime] = []


class _Written(Struct, gc=False, omit_defaults=True):
    """A document as it is written: times are STIX timestamps, and the fields stand in their order of ever."""

    key: str
    value: str
    created: str
    version: str
    valid_until: str
    sightings: int
    by: str
    first_by: str
    refreshed_by: tuple[str, ...]
    refreshes: int
    facts: Facts
    generation: int = 0
    emitted: list[JsonValue] = []


_ENCODE: Final = json.Encoder().encode
_DECODE: Final = json.Decoder(_Body).decode

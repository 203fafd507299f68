"""What is known of an indicator: the version that was emitted last, and by which chunks. One document of the store.

A source may be routed under several policies, with another validity each; then an indicator is due for a refresh at
other times under each. So it is remembered which version was emitted last under which validity.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from msgspec import Struct, convert, to_builtins
from pydantic import JsonValue

from mti.common.contracts import timestamp
from mti.normalizer.facts import Facts
from mti.normalizer.observables import Observable

SHORTEST_VALIDITY = timedelta(seconds=1)
"""Sentinel wants `valid_until` to be later than `valid_from`, whatever times the detections claim."""
VALIDITIES_KEPT = 8
"""Validities whose last emission is remembered: policies change seldom, and a forgotten one costs a row."""
REFRESHES_KEPT = 16
"""Chunks that are remembered as having refreshed an indicator: far more than can be under way at once."""


class Verdict(StrEnum):
    """What an indicator is to a chunk."""

    NEW = "new"
    REFRESHED = "refreshed"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownIndicator:
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
    emitted: Mapping[timedelta, datetime] = field(default_factory=dict)
    """The version that was emitted last under each validity, where there was more than one validity."""
    facts: Facts = field(default_factory=Facts)
    etag: str | None = field(default=None, compare=False)
    """The version of the document that it was read from; `None` when it is to be created."""

    @property
    def by(self) -> str:
        """The chunk that emitted the version."""
        return self.refreshed_by[-1] if self.refreshed_by else self.first_by

    def earlier_verdict(self, chunk_id: str) -> Verdict | None:
        """Return what it was to an earlier try of the same chunk; `None` if that chunk did not emit it."""
        if self.first_by == chunk_id:
            return Verdict.NEW
        return Verdict.REFRESHED if chunk_id in self.refreshed_by else None

    def version_under(self, validity: timedelta) -> datetime:
        """Return the version that was emitted last under a validity, or under any where that never was."""
        return self.emitted.get(validity, self.version)

    def valid_until_under(self, validity: timedelta) -> datetime:
        """Return until when that version is valid, by the policy that it was emitted under."""
        known = self.emitted.get(validity)
        return self.valid_until if known is None else known + max(validity, SHORTEST_VALIDITY)

    def under(self, validity: timedelta) -> Self:
        """Return it as it was emitted last under a validity."""
        if not self.emitted:
            return self
        return replace(self, version=self.version_under(validity), valid_until=self.valid_until_under(validity))

    def due_under(self, validity: timedelta) -> Self:
        """Return it in the version that a workspace under a validity is to have at least: where nothing was emitted
        under it yet, since a policy was edited, the oldest of those that were under another.
        """
        if not self.emitted or validity in self.emitted:
            return self.under(validity)
        return replace(self, version=min(self.emitted.values()))

    def body(self) -> dict[str, JsonValue]:
        """Return the document's body, without what is unknown."""
        return {
            "key": self.observable.key,
            "value": self.observable.value,
            "created": timestamp(self.created),
            "version": timestamp(self.version),
            "valid_until": timestamp(self.valid_until),
            "sightings": self.sightings,
            "by": self.by,
            "first_by": self.first_by,
            "refreshed_by": list(self.refreshed_by),
            "refreshes": self.refreshes,
            "facts": _facts_body(self.facts),
            **({"generation": self.generation} if self.generation else {}),
            **({"emitted": _emitted_body(self.emitted)} if self.emitted else {}),
        }

    @classmethod
    def from_body(cls, id: str, body: Mapping[str, JsonValue], etag: str | None) -> Self:
        """Read a document's body."""
        read = convert(body, _Body)
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
            emitted={timedelta(seconds=float(seconds)): version for seconds, version in read.emitted.items()},
            etag=etag,
        )


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
    emitted: dict[str, datetime] = {}


def emitted_after(before: Mapping[timedelta, datetime], new: Mapping[timedelta, datetime]) -> dict[timedelta, datetime]:
    """Return what was emitted last under each validity, of the few that were used last."""
    emitted = dict(before)
    for validity, version in new.items():
        emitted[validity] = max(version, emitted.get(validity, version))
    return dict(sorted(emitted.items(), key=lambda pair: (pair[1], pair[0]))[-VALIDITIES_KEPT:])


def _emitted_body(emitted: Mapping[timedelta, datetime]) -> dict[str, JsonValue]:
    return {str(validity.total_seconds()): timestamp(version) for validity, version in emitted.items()}


def _facts_body(facts: Facts) -> dict[str, JsonValue]:
    body: dict[str, JsonValue] = to_builtins(facts)
    for name in ("labels", "siblings"):
        if name in body:
            body[name] = list(getattr(facts, name))
    return body

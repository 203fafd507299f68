"""What is known of an indicator: the version that was emitted last, and by which chunks. One document of the store."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Self

from pydantic import JsonValue, TypeAdapter

from mti.common.contracts import timestamp
from mti.normalizer.facts import Facts
from mti.normalizer.parsing import Observable

REFRESHES_KEPT = 16
"""Chunks that are remembered as having refreshed an indicator: far more than can be under way at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownIndicator:
    """One indicator under one scope. It holds all that is needed to build the same indicator again."""

    id: str
    observable: Observable
    created: datetime
    """When it was first seen; it never changes."""
    version: datetime
    """`modified` of what was emitted last: when it was last seen then."""
    valid_until: datetime
    sightings: int
    """In the chunks that it was emitted for; those that were suppressed are not counted."""
    first_by: str
    """The CloudEvents id of the chunk that emitted it first."""
    refreshed_by: tuple[str, ...] = ()
    """Those of the chunks that refreshed it, the last ones, newest last."""
    refreshes: int = 0
    generation: int = 0
    """Of its id; above 0 after the one before was withdrawn and the withdrawal lifted."""
    facts: Facts = field(default_factory=Facts)
    etag: str | None = field(default=None, compare=False)
    """The version of the document that it was read from; `None` when it is to be created."""

    @property
    def by(self) -> str:
        """The chunk that emitted the version."""
        return self.refreshed_by[-1] if self.refreshed_by else self.first_by

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
        }

    @classmethod
    def from_body(cls, id: str, body: Mapping[str, JsonValue], etag: str | None) -> Self:
        """Read a document's body."""
        found = _BODY.validate_python(body)
        return cls(
            id=id,
            observable=Observable(found.key, found.value),
            created=found.created,
            version=found.version,
            valid_until=found.valid_until,
            sightings=found.sightings,
            first_by=found.first_by,
            refreshed_by=found.refreshed_by,
            refreshes=found.refreshes,
            generation=found.generation,
            facts=found.facts,
            etag=etag,
        )


@dataclass(frozen=True, slots=True)
class _Body:
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


_BODY = TypeAdapter(_Body)
_FACTS = tuple(found.name for found in fields(Facts))


def _facts_body(facts: Facts) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    for name in _FACTS:
        value = getattr(facts, name)
        if value is not None and value != ():
            found[name] = list(value) if isinstance(value, tuple) else value
    return found

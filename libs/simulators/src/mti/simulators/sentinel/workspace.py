"""What a workspace was sent and holds: the ground truth that deliveries are compared with."""

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from mti.simulators.feed import Observable
from mti.simulators.sentinel.pattern import observable_of
from mti.simulators.sentinel.rows import Arrival, Service, rows_of
from mti.simulators.times import parse_stix_time


class Key(NamedTuple):
    """What the portal dedupes by."""

    source_system: str
    id: str


@dataclass(slots=True)
class Current:
    """The state of one object: the last upload wins, whatever its `modified` says."""

    modified: str
    revoked: bool
    observable: Observable | None
    versions: set[str] = field(default_factory=set)
    """Every `modified` that was ever taken."""


@dataclass(frozen=True, slots=True)
class _Upload:
    body: bytes
    """Compressed: a hundred alike objects shrink to a tenth."""
    taken: tuple[int, ...]
    source_system: str
    at: datetime


class Workspace:
    """One workspace's uploads in order, its state and its counts."""

    def __init__(self, workspace_id: str, *, exists: bool = True) -> None:
        self.id = workspace_id
        self.exists = exists
        self.counts: Counter[str] = Counter()
        """requests, accepted_objects, refused_records, rate_limited, identical_resends (same id and same modified),
        went_back (an older version over a newer), revived (valid again after being revoked), not_lower_case."""
        self.statuses: Counter[int] = Counter()
        self.state: dict[Key, Current] = {}
        self._uploads: list[_Upload] = []
        self._keys: dict[Observable, list[Key]] = {}

    def accept(
        self, body: bytes, source_system: str, records: Sequence[dict[str, object]], taken: Sequence[int]
    ) -> None:
        """Take the records of a request that are at the places `taken`."""
        if not taken:
            return
        self._uploads.append(_Upload(zlib.compress(body, 1), tuple(taken), source_system, datetime.now(UTC)))
        for index in taken:
            self._take(source_system, records[index])

    def objects(self) -> Iterator[bytes]:
        """Return every accepted object in order, as JSON with its fields as they were sent."""
        for upload in self._uploads:
            records = orjson.loads(zlib.decompress(upload.body))["stixobjects"]
            for index in upload.taken:
                yield orjson.dumps(records[index])

    def rows(self, until: datetime) -> list[dict[str, Any]]:
        """Return the rows of `ThreatIntelIndicators` at a time, oldest first."""
        return rows_of(self._arrivals(), Service(self.id), until=until)

    def observables(self) -> set[Observable]:
        """Return the observables it holds, those of revoked indicators left out."""
        return {found.observable for found in self.state.values() if found.observable and not found.revoked}

    def doubled(self) -> dict[Observable, list[Key]]:
        """Return the observables that stand under more than one id."""
        return {observable: keys for observable, keys in self._keys.items() if len(keys) > 1}

    def summary(self) -> dict[str, object]:
        """Return the counts as plain data."""
        names = (
            "requests",
            "accepted_objects",
            "refused_records",
            "rate_limited",
            "identical_resends",
            "went_back",
            "revived",
            "not_lower_case",
        )
        return {
            "id": self.id,
            "exists": self.exists,
            **{name: self.counts[name] for name in names},
            "distinct_ids": len(self.state),
            "distinct_observables": len(self._keys),
            "revoked": sum(found.revoked for found in self.state.values()),
            "doubled": [[*observable, [key.id for key in keys]] for observable, keys in self.doubled().items()],
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
        }

    def _arrivals(self) -> Iterator[Arrival]:
        for upload in self._uploads:
            records = orjson.loads(zlib.decompress(upload.body))["stixobjects"]
            yield from (Arrival(upload.at, upload.source_system, records[index]) for index in upload.taken)

    def _take(self, source_system: str, record: dict[str, object]) -> None:
        self.counts["accepted_objects"] += 1
        key = Key(source_system, str(record["id"]))
        modified, revoked = str(record["modified"]), record.get("revoked") is True
        observable = self._observable(key, record)
        known = self.state.get(key)
        if known is None:
            self.state[key] = Current(modified, revoked, observable, {modified})
            return
        self.counts["identical_resends"] += modified in known.versions
        self.counts["went_back"] += _older(modified, known.modified)
        self.counts["revived"] += known.revoked and not revoked
        known.modified, known.revoked, known.observable = modified, revoked, observable
        known.versions.add(modified)

    def _observable(self, key: Key, record: dict[str, object]) -> Observable | None:
        observable, as_written, *_ = observable_of(record)
        if observable is None:
            return None
        self.counts["not_lower_case"] += observable.value != as_written
        keys = self._keys.setdefault(observable, [])
        if key not in keys:
            keys.append(key)
        return observable


def _older(modified: str, known: str) -> bool:
    one, other = parse_stix_time(modified), parse_stix_time(known)
    return one is not None and other is not None and one < other

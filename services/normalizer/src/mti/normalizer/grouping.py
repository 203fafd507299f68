"""From sightings to groups: one a distinct observable, the same whatever the order of the records."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mti.normalizer.facts import Facts
from mti.normalizer.observables import HASH_KEYS, Observable, hashes_of_one_file
from mti.normalizer.parsing import Sighting


@dataclass(frozen=True, slots=True)
class Group:
    """All sightings of one observable in a chunk."""

    observable: Observable
    first_seen: datetime
    last_seen: datetime
    count: int
    """Detections that show it."""
    facts: Facts
    """Each of the newest sighting that has it."""
    first: int
    """The position of the sighting that counts as the one which brought it, when it is new."""
    last: int
    """The position of the newest sighting, which counts as the one that refreshed it."""
    generation: int = 0
    """How often a withdrawal of the observable was lifted; see `withdrawals`."""


@dataclass(slots=True)
class _Gathered:
    last: int
    first: int
    facts: Facts
    count: int = 1


def group(sightings: Sequence[Sighting]) -> list[Group]:
    """Group sightings by observable, in the order of the observables.

    Sightings of one moment are told apart by what they hold, never by their position.
    """
    gathered: dict[Observable, _Gathered] = {}
    newest_first = sorted(range(len(sightings)), key=lambda position: _order(sightings[position]), reverse=True)
    for position in newest_first:
        sighting = sightings[position]
        for observable in sighting.observables:
            seen = gathered.get(observable)
            if seen is None:
                gathered[observable] = _Gathered(position, position, facts_of(sighting, observable))
                continue
            seen.first = position
            seen.count += 1
            if not seen.facts.complete:
                seen.facts = seen.facts.or_else(facts_of(sighting, observable))
    return [
        Group(
            observable=observable,
            first_seen=sightings[seen.first].time,
            last_seen=sightings[seen.last].time,
            count=seen.count,
            facts=seen.facts,
            first=seen.first,
            last=seen.last,
        )
        for observable, seen in sorted(gathered.items())
    ]


def facts_of(sighting: Sighting, observable: Observable) -> Facts:
    """Return what one sighting says of one of its observables."""
    return Facts(
        name=sighting.name,
        size=sighting.size,
        mime_type=sighting.mime_type,
        sender_ip=sighting.sender_ip,
        labels=sighting.labels,
        mimecast_id=sighting.mimecast_id,
        siblings=tuple(other.value for other in hashes_of_one_file(sighting.observables) if other != observable)
        if observable.key in HASH_KEYS
        else (),
    )


def _order(sighting: Sighting) -> tuple[object, ...]:
    return (
        sighting.time,
        sighting.mimecast_id or "",
        sighting.observables,
        sighting.name or "",
        -1 if sighting.size is None else sighting.size,
        sighting.mime_type or "",
        sighting.sender_ip or "",
        sighting.labels,
    )

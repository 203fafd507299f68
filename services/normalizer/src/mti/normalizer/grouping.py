"""From sightings to groups: one a distinct observable, the same whatever the order of the records."""

from collections.abc import Collection, Sequence
from datetime import datetime

from msgspec import Struct

from mti.normalizer.facts import Facts
from mti.normalizer.observables import HASH_KEYS, Observable, hashes_of_one_file
from mti.normalizer.parsing import Sighting


class Group(Struct, frozen=True, gc=False):
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


def newest_of(sightings: Sequence[Sighting]) -> dict[Observable, datetime]:
    """Return the observables, and when each was seen last."""
    newest: dict[Observable, datetime] = {}
    for sighting in sightings:
        for observable in sighting.observables:
            before = newest.get(observable)
            if before is None or sighting.time > before:
                newest[observable] = sighting.time
    return newest


def group(sightings: Sequence[Sighting], without: Collection[Observable] = frozenset()) -> list[Group]:
    """Group sightings by observable, in the order of the observables.

    Sightings of one moment are told apart by what they hold, never by their position.

    Args:
        sightings: of a chunk.
        without: observables that nobody asks for.
    """
    firsts: dict[Observable, int] = {}
    places: dict[Observable, list[int]] = {}
    for position, sighting in enumerate(sightings):
        for observable in sighting.observables:
            if observable in without:
                continue
            first = firsts.setdefault(observable, position)
            if first != position:
                places.setdefault(observable, [first]).append(position)
    return [
        _group(sightings, observable, places[observable])
        if observable in places
        else _group_of_one(sightings[firsts[observable]], observable, firsts[observable])
        for observable in sorted(firsts)
    ]


def _group_of_one(sighting: Sighting, observable: Observable, place: int) -> Group:
    """Return the group of an observable that was seen once, as nearly all that are new."""
    return Group(observable, sighting.time, sighting.time, 1, facts_of(sighting, observable), place, place)


def _group(sightings: Sequence[Sighting], observable: Observable, places: list[int]) -> Group:
    places.sort(key=lambda position: _order(sightings[position]), reverse=True)
    newest_first = [sightings[position] for position in places]
    facts = facts_of(newest_first[0], observable)
    for older in newest_first[1:]:
        if facts.complete:
            break
        if _tells_more(older, facts):
            facts = facts.or_else(facts_of(older, observable))
    return Group(
        observable=observable,
        first_seen=newest_first[-1].time,
        last_seen=newest_first[0].time,
        count=len(places),
        facts=facts,
        first=places[-1],
        last=places[0],
    )


def _tells_more(sighting: Sighting, facts: Facts) -> bool:
    """Say whether a sighting may have a fact that is not there yet."""
    return bool(
        (sighting.name and not facts.name)
        or (sighting.size is not None and facts.size is None)
        or (sighting.mime_type and not facts.mime_type)
        or (sighting.sender_ip and not facts.sender_ip)
        or (sighting.labels and not facts.labels)
        or (sighting.mimecast_id and not facts.mimecast_id)
        or (len(sighting.observables) > 1 and not facts.siblings)
    )


def facts_of(sighting: Sighting, observable: Observable) -> Facts:
    """Return what one sighting says of one of its observables."""
    return Facts(
        name=sighting.name,
        size=sighting.size,
        mime_type=sighting.mime_type,
        sender_ip=sighting.sender_ip,
        labels=sighting.labels,
        mimecast_id=sighting.mimecast_id,
        siblings=() if len(sighting.observables) == 1 else _siblings(sighting, observable),
    )


def _siblings(sighting: Sighting, observable: Observable) -> tuple[str, ...]:
    if observable.key not in HASH_KEYS:
        return ()
    return tuple(other.value for other in hashes_of_one_file(sighting.observables) if other != observable)


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

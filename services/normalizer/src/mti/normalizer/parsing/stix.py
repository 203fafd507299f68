"""The STIX form: a detection is an indicator, the malware that it points to, and their relationship.

https://integrations.mimecast.com/documentation/endpoint-reference/threat-intel/get-feed/
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import UNSET, to_builtins
from pydantic import JsonValue

from mti.common.contracts.plain import PlainRecord
from mti.normalizer.observables import Observable, Rejected, masked
from mti.normalizer.parsing.fields import NAME_LIMIT, clean, labels_of, read_time
from mti.normalizer.parsing.patterns import observables_of
from mti.normalizer.parsing.sighting import Sighting

_TIMES = ("created", "valid_from", "modified")
"""Mimecast sends the same in all three; the first that can be read counts."""
_ID_LIMIT = 128

Properties = Mapping[str, JsonValue]


def sighting_of(record: Sequence[JsonValue]) -> Sighting:
    """Read a detection.

    Raises:
        Rejected: `NoIndicator`, `NoPattern`, `UnsupportedPattern`, `BadHash` or `BadTimestamp`.
    """
    objects = [each for each in record if isinstance(each, dict)]
    indicators = [each for each in objects if each.get("type") == "indicator"]
    if not indicators:
        kinds = ", ".join(sorted({str(each.get("type")) for each in objects})) or "nothing"
        raise Rejected("NoIndicator", f"it holds {masked(kinds)} and no indicator")
    malware = [each for each in objects if each.get("type") == "malware"]
    names = (clean(each.get("name"), NAME_LIMIT) for each in malware)
    id = indicators[0].get("id")
    return Sighting(
        observables=_observables(indicators),
        time=_time(indicators[0]),
        name=next((name for name in names if name), None),
        labels=labels_of(label for each in malware for label in _list(each.get("labels"))),
        mimecast_id=id if isinstance(id, str) and 0 < len(id) <= _ID_LIMIT and id.isprintable() else None,
    )


def plain_sighting_of(record: PlainRecord) -> Sighting:
    """Read a detection in the plain form, as `sighting_of` reads the same JSON.

    Raises:
        Rejected: see there.
    """
    if not _is_usual(record):
        return sighting_of([to_builtins(each) for each in record])
    malware, indicator, _ = record
    pattern, id, labels = indicator.pattern, indicator.id, malware.labels
    if not isinstance(pattern, str) or not pattern.strip():
        raise Rejected("NoPattern", "its indicator has no pattern")
    observables = observables_of(pattern)
    moment = read_time(indicator.created) or read_time(indicator.valid_from) or read_time(indicator.modified)
    if moment is None:
        created = None if indicator.created is UNSET else indicator.created
        raise Rejected("BadTimestamp", f"its indicator was created {masked(str(created))}")
    return Sighting(
        observables=observables,
        time=moment,
        name=clean(malware.name, NAME_LIMIT),
        labels=labels_of(labels) if isinstance(labels, list) else (),
        mimecast_id=id if isinstance(id, str) and 0 < len(id) <= _ID_LIMIT and id.isprintable() else None,
    )


def _is_usual(record: PlainRecord) -> bool:
    """Say whether a record has the objects of nearly every detection."""
    return (
        len(record) == 3
        and record[0].type == "malware"
        and record[1].type == "indicator"
        and record[2].type == "relationship"
    )


def _observables(indicators: Iterable[Properties]) -> tuple[Observable, ...]:
    observables: dict[Observable, None] = {}
    for indicator in indicators:
        pattern = indicator.get("pattern")
        if not isinstance(pattern, str) or not pattern.strip():
            raise Rejected("NoPattern", "its indicator has no pattern")
        observables.update(dict.fromkeys(observables_of(pattern)))
    return tuple(observables)


def _time(indicator: Properties) -> datetime:
    for name in _TIMES:
        moment = read_time(indicator.get(name))
        if moment is not None:
            return moment
    raise Rejected("BadTimestamp", f"its indicator was created {masked(str(indicator.get('created')))}")


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []

"""An upload request's body: read as a whole, before anything in it is looked at."""

from dataclasses import dataclass

import orjson

from mti.simulators.sentinel.answers import Refused
from mti.simulators.sentinel.pattern import observable_of

_RESERVED = "microsoft sentinel"


@dataclass(frozen=True, slots=True)
class Batch:
    """A body that makes sense as a whole; its records may still be unfit."""

    source_system: str
    records: list[dict[str, object]]
    """Records that are no objects stand as they came, for the validation to refuse."""
    held: frozenset[str]
    """The observables' values and the ids in it, in lower case."""


def read_batch(body: bytes, max_objects: int) -> Batch:
    """Read a body; raises `Refused` with 400."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(400, "The body is not JSON.") from error
    if not isinstance(document, dict):
        raise Refused(400, "The body is not an object.")
    source, records = document.get("sourcesystem"), document.get("stixobjects")
    if not isinstance(source, str) or not source.strip():
        raise Refused(400, "sourcesystem is required.")
    if source.strip().lower() == _RESERVED:
        raise Refused(400, "sourcesystem must not be Microsoft Sentinel.")
    if not isinstance(records, list) or not records:
        raise Refused(400, "stixobjects must be a list of objects.")
    if len(records) > max_objects:
        raise Refused(400, f"stixobjects must not hold more than {max_objects} objects.")
    return Batch(source, records, frozenset(name for record in records for name in names_of(record)))


def names_of(record: object) -> list[str]:
    """Return what a fault may name a record by: its id and its observable's value, in lower case."""
    if not isinstance(record, dict):
        return []
    names = [str(record.get("id", "")).lower()]
    observable = observable_of(record).observable
    return names if observable is None else [*names, observable.value]

"""Records that no client can turn into indicators, in both file forms."""

from collections.abc import Iterable, Sequence
from random import Random
from uuid import UUID

import orjson

from mti.simulators.mimecast.plan import Garbage

_WHEN = "2026-11-19T01:28:37.099Z"
_STIX = (Garbage.NO_PATTERN, Garbage.BAD_PATTERN, Garbage.BAD_TIMESTAMP, Garbage.ORPHAN_RELATIONSHIP)
_CSV = (Garbage.BAD_TIMESTAMP, Garbage.SHORT_ROW)


def fit_for(file_type: str, wanted: Iterable[Garbage]) -> list[Garbage]:
    """Return those of the wanted kinds that exist in the file form."""
    known = _STIX if file_type == "stix" else _CSV
    return [kind for kind in wanted if kind in known]


def stix_object(kind: Garbage, rng: Random) -> str:
    """Return the JSON of one STIX object of the kind; `rng` gives it ids and a hash of its own."""
    if kind is Garbage.ORPHAN_RELATIONSHIP:
        found: dict[str, object] = {
            "type": "relationship",
            "id": _id("relationship", rng),
            "created": _WHEN,
            "modified": _WHEN,
            "relationship_type": "indicates",
            "source_ref": _id("indicator", rng),
            "target_ref": _id("malware", rng),
        }
        return orjson.dumps(found).decode()
    when = "yesterday, about noon" if kind is Garbage.BAD_TIMESTAMP else _WHEN
    pattern = f"[file:hashes.'SHA-256' = '{rng.getrandbits(256):064x}']"
    if kind is Garbage.BAD_PATTERN:
        pattern = pattern[:-9]
    indicator = {
        "type": "indicator",
        "id": _id("indicator", rng),
        "created": when,
        "modified": when,
        "labels": ["malicious-activity"],
        "pattern": pattern,
        "valid_from": when,
    }
    if kind is Garbage.NO_PATTERN:
        del indicator["pattern"]
    return orjson.dumps(indicator).decode()


def csv_row(kind: Garbage, columns: Sequence[str], rng: Random) -> str:
    """Return one row of the kind."""
    if kind is Garbage.SHORT_ROW:
        return _WHEN
    known = {"Timestamp": "yesterday, about noon", "SHA256": f"{rng.getrandbits(256):064x}"}
    return "|".join(known.get(column, "null") for column in columns)


def _id(kind: str, rng: Random) -> str:
    return f"{kind}--{UUID(int=rng.getrandbits(128), version=4)}"

"""Whether Sentinel takes an object, record by record.

What is required is listed at https://learn.microsoft.com/azure/sentinel/stix-objects-api; the words of the messages
are this simulator's own.
"""

import re
from collections.abc import Iterator, Mapping
from uuid import UUID

from mti.simulators.sentinel.pattern import read_pattern
from mti.simulators.sentinel.settings import SentinelSettings
from mti.simulators.times import parse_stix_time

SUPPORTED = ("indicator", "attack-pattern", "threat-actor", "identity", "relationship")
PATTERN_TYPES = ("stix", "pcre", "sigma", "snort", "suricata", "yara")
"""https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html#_9lfdvxnyofxw"""
_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"


def complaints(record: object, settings: SentinelSettings) -> list[str]:
    """Return why the record is refused, under these settings; empty when it is taken."""
    if not isinstance(record, dict):
        return ["The record is not an object."]
    kind = record.get("type")
    if kind not in SUPPORTED:
        return [f"Unsupported type: {kind!r}."]
    found = [*_common(record, str(kind))]
    if kind == "indicator":
        found += _indicator(record)
        found += _pattern(record, settings)
        found += _optional(record)
    return found


def _common(record: Mapping[str, object], kind: str) -> Iterator[str]:
    if not re.fullmatch(f"{kind}--{_UUID}", str(record.get("id"))):
        yield f"Invalid id: it must be {kind}--UUID."
    for name in ("created", "modified"):
        if parse_stix_time(record.get(name)) is None:
            yield f"Missing or invalid timestamp: {name}."
    created, modified = parse_stix_time(record.get("created")), parse_stix_time(record.get("modified"))
    if created and modified and modified < created:
        yield "modified must not be earlier than created."


def _indicator(record: Mapping[str, object]) -> Iterator[str]:
    start = parse_stix_time(record.get("valid_from"))
    if start is None:
        yield "Missing or invalid timestamp: valid_from."
    if "valid_until" not in record:
        return
    end = parse_stix_time(record["valid_until"])
    if end is None:
        yield "Invalid timestamp: valid_until."
    elif start is not None and end <= start:
        yield "valid_until must be later than valid_from."


def _pattern(record: Mapping[str, object], settings: SentinelSettings) -> Iterator[str]:
    kind, pattern = record.get("pattern_type"), record.get("pattern")
    if not isinstance(kind, str) or not kind.strip():
        yield "Missing pattern_type."
    elif settings.known_pattern_types_only and kind not in PATTERN_TYPES:
        yield "Unknown pattern_type."
    if not isinstance(pattern, str) or not pattern.strip():
        yield "Missing pattern."
    elif kind == "stix":
        yield from _stix_pattern(pattern, settings)


def _stix_pattern(pattern: str, settings: SentinelSettings) -> Iterator[str]:
    read = read_pattern(pattern)
    if settings.single_observable_only and read.observable is None:
        yield "The pattern is not one comparison of a supported observable."
    if settings.well_formed_hashes_only and not read.well_formed:
        yield "The pattern compares a hash of the wrong length."


def _optional(record: Mapping[str, object]) -> Iterator[str]:
    confidence = record.get("confidence", 0)
    if not isinstance(confidence, int) or isinstance(confidence, bool) or not 0 <= confidence <= 100:
        yield "confidence must be a whole number from 0 to 100."
    if not isinstance(record.get("revoked", False), bool):
        yield "revoked must be a boolean."
    labels = record.get("labels", [])
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        yield "labels must be a list of strings."
    if not re.fullmatch(f"identity--{_UUID}", str(record.get("created_by_ref", f"identity--{UUID(int=0)}"))):
        yield "created_by_ref must be identity--UUID."
    yield from _extensions(record.get("extensions", {}))


def _extensions(extensions: object) -> Iterator[str]:
    """An extension stands under its definition's id and says of which type it is: STIX 2.1, section 7.3."""
    if not isinstance(extensions, dict):
        yield "extensions must be an object."
        return
    for id, facts in extensions.items():
        if not re.fullmatch(f"extension-definition--{_UUID}", id):
            yield "An extension must stand under extension-definition--UUID."
        elif not isinstance(facts, dict) or facts.get("extension_type") != "property-extension":
            yield "An extension must have the extension_type property-extension."

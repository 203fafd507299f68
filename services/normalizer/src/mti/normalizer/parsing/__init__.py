"""From the records of a page to sightings, or to rejections that say what is wrong. Pure."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from msgspec import to_builtins
from msgspec.structs import replace
from pydantic import JsonValue

from mti.common.contracts import Oversize, PageChunk
from mti.common.contracts.plain import PlainRecords
from mti.common.registry import FeedFormat
from mti.normalizer.observables import Rejected
from mti.normalizer.parsing.csv_rows import CsvRows
from mti.normalizer.parsing.sighting import Parsed, Rejection, Sighting
from mti.normalizer.parsing.stix import plain_sighting_of, sighting_of

R = TypeVar("R")

AHEAD: Final = timedelta(minutes=10)
"""How far a detection may be ahead of the time at which Mimecast sent it: its own machines need not agree."""

__all__ = ["Parsed", "Rejection", "Sighting", "parse"]


def parse(chunk: PageChunk, plain: PlainRecords | None = None) -> Parsed:
    """Read a chunk. Every detection becomes exactly one sighting or one rejection; never raises.

    Args:
        chunk: the chunk.
        plain: its records, where they are in the plain form; the chunk itself then need not hold them.
    """
    parsed = Parsed()
    if plain is not None:
        _read(parsed, plain, plain_sighting_of, chunk.answered_at)
    else:
        read = CsvRows(chunk.header).sighting_of if chunk.format is FeedFormat.CSV else sighting_of
        _read(parsed, chunk.records, read, chunk.answered_at)
    for oversize in chunk.oversize:
        parsed.rejections.append(
            Rejection(oversize.reason or "DetectionTooLarge", _fault_of(oversize), oversize=oversize)
        )
    return parsed


def _fault_of(oversize: Oversize) -> str:
    which = f"of {oversize.size} bytes (SHA-256 {oversize.sha256})"
    if oversize.fault is not None:
        return f"{oversize.fault}, {which}"
    return f"a detection {which} fits no message"


def _read(
    parsed: Parsed,
    records: Sequence[R],
    read: Callable[[R], Sighting],
    answered_at: datetime | None,
) -> None:
    sightings = parsed.sightings
    for record in records:
        try:
            sighting = read(record)
        except Rejected as rejected:
            whole: list[JsonValue] = to_builtins(record)
            parsed.rejections.append(Rejection(rejected.reason, rejected.fault, record=whole))
            continue
        if answered_at is not None and sighting.time > answered_at and sighting.time - answered_at > AHEAD:
            # No later than the page it came on: one of the year 2099 would hide all true ones.
            parsed.ahead += 1
            sighting = replace(sighting, time=answered_at.astimezone(UTC).replace(microsecond=0))
        sightings.append(sighting)

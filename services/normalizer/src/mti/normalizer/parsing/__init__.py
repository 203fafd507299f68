"""From the records of a page to sightings, or to rejections that say what is wrong. Pure."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from mti.common.contracts import Oversize, PageChunk
from mti.common.registry import FeedFormat
from mti.normalizer.observables import Rejected
from mti.normalizer.parsing.csv_rows import CsvRows
from mti.normalizer.parsing.sighting import Parsed, Rejection, Sighting
from mti.normalizer.parsing.stix import sighting_of

AHEAD: Final = timedelta(minutes=10)
"""How far a detection may be ahead of the time at which Mimecast sent it: its own machines need not agree."""

__all__ = ["Parsed", "Rejection", "Sighting", "parse"]


def parse(chunk: PageChunk) -> Parsed:
    """Read a chunk. Every detection becomes exactly one sighting or one rejection; never raises."""
    read = CsvRows(chunk.header).sighting_of if chunk.format is FeedFormat.CSV else sighting_of
    parsed = Parsed()
    for record in chunk.records:
        try:
            sighting = read(record)
            dated = _not_ahead(sighting, chunk.answered_at)
            parsed.ahead += dated is not sighting
            parsed.sightings.append(dated)
        except Rejected as rejected:
            parsed.rejections.append(Rejection(rejected.reason, rejected.fault, record=record))
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


def _not_ahead(sighting: Sighting, answered_at: datetime | None) -> Sighting:
    """Return a sighting that is no later than the page it came on: one of the year 2099 would hide all true ones."""
    if answered_at is None or sighting.time - answered_at <= AHEAD:
        return sighting
    return replace(sighting, time=answered_at.astimezone(UTC).replace(microsecond=0))

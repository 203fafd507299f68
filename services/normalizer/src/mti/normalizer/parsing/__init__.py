"""From the records of a page to sightings, or to rejections that say what is wrong. Pure."""

from mti.common.contracts import PageChunk
from mti.common.registry import FeedFormat
from mti.normalizer.parsing.csv_rows import CsvRows
from mti.normalizer.parsing.sighting import Observable, Parsed, Rejected, Rejection, Sighting
from mti.normalizer.parsing.stix import sighting_of

__all__ = ["Observable", "Parsed", "Rejected", "Rejection", "Sighting", "parse"]


def parse(chunk: PageChunk) -> Parsed:
    """Read a chunk. Every detection becomes exactly one sighting or one rejection; never raises."""
    read = CsvRows(chunk.header).sighting_of if chunk.format is FeedFormat.CSV else sighting_of
    found = Parsed()
    for record in chunk.records:
        try:
            found.sightings.append(read(record))
        except Rejected as rejected:
            found.rejections.append(Rejection(rejected.reason, rejected.fault, record=record))
    for oversize in chunk.oversize:
        fault = f"a detection of {oversize.size} bytes fits no message (SHA-256 of the record {oversize.sha256})"
        found.rejections.append(Rejection("DetectionTooLarge", fault, oversize=oversize))
    return found

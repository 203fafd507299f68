"""The pure middle of the pipeline, against decoding the same bytes with the standard library's JSON."""

import json
from datetime import UTC, datetime

from pydantic import JsonValue

from mti.common.contracts import PageChunk, cut, decode
from mti.common.ports.bus import Outgoing, Received
from mti.common.registry import Feed, FeedFormat
from mti.fetcher.mimecast.feed_files import document_of, stix_file
from mti.normalizer.grouping import group
from mti.normalizer.parsing import parse
from mti.simulators import FeedSpec, generate
from mti.simulators.feed.stix import bundle
from tests.bench.timing import line, rate

DETECTIONS = 5000


async def main() -> None:
    """Measure a page of 5,000 detections."""
    detections = list(generate(FeedSpec(seed=1, detections=DETECTIONS), datetime(2026, 11, 24, tzinfo=UTC)))
    page = bundle(detections, "ab" * 16)
    baseline = rate(lambda: json.loads(page), DETECTIONS)
    line("json.loads of the page (baseline)", baseline, "detections/s")
    line("fetcher: decode and split by detection", rate(lambda: records(page), DETECTIONS), "detections/s", baseline)
    found = records(page)
    line("fetcher: cut into messages", rate(lambda: messages(found), DETECTIONS), "detections/s", baseline)
    received = [
        Received(body=sent.body, message_id=sent.message_id, properties=sent.properties) for sent in messages(found)
    ]
    line("normalizer: decode, parse, group", rate(lambda: grouped(received), DETECTIONS), "detections/s", baseline)


def records(page: bytes) -> list[list[JsonValue]]:
    document = document_of(page)
    assert isinstance(document, dict)
    return list(stix_file(document).records)


def messages(found: list[list[JsonValue]]) -> list[Outgoing]:
    chunks = cut(found, source="grid:eu", feed=Feed.MALWARE_GRID, region="eu", format=FeedFormat.STIX)
    return [message for _, message in chunks]


def grouped(received: list[Received]) -> int:
    return sum(len(group(parse(decode(message, PageChunk)[1]).sightings)) for message in received)

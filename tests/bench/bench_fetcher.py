"""A page's bytes to messages, as the fetcher makes them, against the floor: processor time."""

import sys

from mti.common.ports.bus import Outgoing
from mti.fetcher.mimecast.contents import content_of
from mti.fetcher.mimecast.feed_files import merged
from mti.fetcher.mimecast.model import FeedPage
from mti.fetcher.publishing import pieces_of
from tests.bench.floor import DETECTIONS, WHEN, as_in_a_service, floor, page_of, processor_seconds
from tests.bench.results import quick, report
from tests.support.service_world import GRID, source

LIMIT = 512 * 1024 * 1024


async def main() -> None:
    """Measure one page of 20,000 detections, in turn with the floor."""
    page = page_of()
    if len(messages(page)) != DETECTIONS // 400:
        sys.exit("the page is cut into another number of messages")
    runs = [(floor(page), cut(page)) for _ in range(3 if quick() else 9)]
    best_floor, best = (min(times) for times in zip(*runs, strict=True))
    report(
        "fetcher_vs_json_floor",
        [ours / base for base, ours in runs],
        detections_per_second=DETECTIONS / best,
        floor_per_second=DETECTIONS / best_floor,
    )


def cut(page: bytes) -> float:
    """Return the processor time of cutting a page."""
    with as_in_a_service():
        return processor_seconds(lambda: messages(page))


def messages(page: bytes, of: str = GRID) -> list[Outgoing]:
    """Return what a page of that source is sent as."""
    found = FeedPage(files=merged(content_of(page, LIMIT).files), token=None, answered_at=WHEN)
    return [piece.message for piece in pieces_of(found, source(of), 0)]

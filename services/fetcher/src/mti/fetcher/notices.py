"""What the fetcher tells people in its log beside what it does."""

import logging

from mti.common.pauses import PauseState
from mti.fetcher.claims import ClaimedSource
from mti.fetcher.mimecast import FeedPage

log = logging.getLogger(__name__)


def say_what_is_odd(claimed: ClaimedSource, page: FeedPage) -> None:
    """Log what of a page is no feed file, and what can't be read; the latter becomes dead letters."""
    where = {"source": claimed.source.id, "page": claimed.checkpoint.page + 1}
    if page.foreign:
        log.warning("files in an archive are no feed files and are passed over", extra={**where, "files": page.foreign})
    faults = [part.fault for file in page.files for part in file.aside]
    if faults:
        log.error("a part of a page can't be read and is set aside", extra={**where, "parts": faults[:10]})


def say_paused(source: str, pause: PauseState) -> None:
    """Log a pause: loudly when it begins."""
    log.log(
        logging.WARNING if pause.attempts == 1 else logging.INFO,
        "a source is paused",
        extra={
            "source": source,
            "reason": pause.reason,
            "description": pause.description,
            "since": pause.since.isoformat(),
            "probed_next": pause.until.isoformat(),
        },
    )

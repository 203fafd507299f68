"""One page of a claimed source: asked for, and published."""

import asyncio
import logging

from mti.fetcher import windows
from mti.fetcher.claims import ClaimedSource
from mti.fetcher.consequences import PublishedPage
from mti.fetcher.mimecast import FeedAnswer, FeedPage, MimecastClients
from mti.fetcher.publishing import ChunkPublisher
from mti.fetcher.silence import Silences

log = logging.getLogger(__name__)


class Pages:
    """Fetches the pages of sources that a job has in hand.

    Args:
        clients: of the Mimecast accounts.
        silences: who does not answer is not asked.
        publisher: to the topic `raw-pages`.
        in_hand: pages that may be unpacked at the same time; it bounds the memory, whatever the concurrency.
        compress: whether Mimecast is asked for archives.
    """

    def __init__(
        self, clients: MimecastClients, silences: Silences, publisher: ChunkPublisher, *, in_hand: int, compress: bool
    ) -> None:
        self._clients = clients
        self._silences = silences
        self._publisher = publisher
        self._room = asyncio.Semaphore(in_hand)
        self._compress = compress

    async def call(self, claimed: ClaimedSource) -> FeedAnswer:
        """Ask for the source's next page, and return it packed.

        Raises:
            NotAsked, Retry, Pause: there is no answer, or nobody was asked.
        """
        request = windows.request_for(claimed.checkpoint, claimed.source, claimed.account, compress=self._compress)
        with self._silences.call(claimed.source.id, claimed.account):
            return await self._clients.of(claimed.account).get_feed(request)

    async def publish(self, claimed: ClaimedSource, answer: FeedAnswer) -> PublishedPage:
        """Unpack the page and publish it, and return what is left to be known of it.

        Raises:
            TokenRefused, Retry, Pause: the answer is no page.
            BusUnavailable, StoreUnavailable: some of it may be published; the same page is to be published again.
        """
        async with self._room:
            page = answer.page(windows.accepted_damage(claimed.checkpoint))
            asked_at, time = answer.asked_at, answer.answer.time
            del answer  # its bytes, since the page is in memory too
            _log_what_is_odd(claimed, page)
            chunks = await self._publisher.publish(page, claimed.source, claimed.checkpoint.epoch)
            _log_published(claimed, page, chunks)
            return PublishedPage(
                token=page.token, empty=page.detections == 0, free_in=page.free_in, asked_at=asked_at, time=time
            )


def _log_what_is_odd(claimed: ClaimedSource, page: FeedPage) -> None:
    """Log what of a page is no feed file, and what can't be read; the latter becomes dead letters."""
    where = {"source": claimed.source.id, "page": claimed.checkpoint.page + 1}
    if page.foreign:
        log.warning("files in an archive are no feed files and are passed over", extra={**where, "files": page.foreign})
    faults = [part.fault for file in page.files for part in file.aside]
    if faults:
        log.error("a part of a page can't be read and is set aside", extra={**where, "parts": faults[:10]})


def _log_published(claimed: ClaimedSource, page: FeedPage, chunks: int) -> None:
    log.info(
        "a page is published",
        extra={
            "source": claimed.source.id,
            "account": claimed.account.tenant,
            "page": claimed.checkpoint.page + 1,
            "detections": page.detections,
            "chunks": chunks,
            "more": page.token is not None,
        },
    )

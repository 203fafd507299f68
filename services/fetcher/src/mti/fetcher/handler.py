"""Handles fetch jobs: one job, one page.

A job names a source and nothing else; what is fetched follows from the source's checkpoint:

1. claim the source, with its window open, by compare-and-set; the claim is renewed for as long as this takes;
2. ask Mimecast for the page;
3. publish its chunks and wait for the broker's word;
4. enter them into the ledger;
5. save the checkpoint, without the claim, by compare-and-set;
6. send the next job when there is more; complete this one.

Until the last step the job itself is on the queue and comes again after a crash. It then finds one of two
checkpoints. Before step 5 it is the one of step 1: the same page of the same window is asked for again, and its chunks
have the same identities. After step 5 the page is behind, and the job does the next one, in the place of the job that
was not sent; if the window is closed, there is nothing to do. So nothing is lost and nothing is counted twice.
"""

import logging
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from mti.common.contracts import FetchJob, decode, job_message
from mti.common.errors import Pause, Retry, Unavailable
from mti.common.ports.bus import Received, Sender
from mti.common.ports.clock import Clock
from mti.common.ports.settlement import Complete, Outcome
from mti.common.registry import Source
from mti.common.telemetry import beginning
from mti.fetcher.claims import ClaimedSource, ClaimLost, Claims
from mti.fetcher.consequences import Circumstances, Consequence, PublishedPage, after_failure, after_page
from mti.fetcher.fetchable import FetchableSources
from mti.fetcher.pacing import Backlog, age_before
from mti.fetcher.pages import Pages
from mti.fetcher.timetable import Run

log = logging.getLogger(__name__)


class FetchHandler:
    """The handler of the queue `fetch-jobs`.

    Args:
        sources: those that are fetched.
        claims: give a job the source in hand.
        pages: fetch one.
        backlog: the line of chunks that wait in `raw-pages`; a source with many pages waits for it.
        jobs: to the queue itself, for the next page's job.
        clock: the time.
        rng: the jitter of pauses.
        run: how this run goes.
        spacing: from one call of a source to the next one, at least: each is an entry in the customer's audit log.
    """

    def __init__(
        self,
        sources: FetchableSources,
        claims: Claims,
        pages: Pages,
        backlog: Backlog,
        jobs: Sender,
        *,
        clock: Clock,
        rng: random.Random,
        run: Run,
        spacing: timedelta,
    ) -> None:
        self._sources = sources
        self._claims = claims
        self._pages = pages
        self._backlog = backlog
        self._jobs = jobs
        self._clock = clock
        self._rng = rng
        self._run = run
        self._spacing = spacing

    async def __call__(self, messages: Sequence[Received]) -> Sequence[Outcome]:
        """Handle the jobs, one after the other."""
        return [await self._handle(message) for message in messages]

    async def _handle(self, message: Received) -> Outcome:
        envelope, job = decode(message, FetchJob)
        source = await self._sources.find(job.source)
        if not isinstance(source, Source):
            return source
        claimed = await self._claims.take(source, message, envelope)
        if not isinstance(claimed, ClaimedSource):
            return claimed
        try:
            page = await self._claims.kept(claimed, self._published(claimed))
            line_age = await age_before(claimed.checkpoint.page + 1, self._backlog) if not page.last else timedelta()
            return await self._apply(claimed, after_page(claimed, page, line_age, self._circumstances()))
        except ClaimLost as error:
            log.warning("a job ends, since its claim is lost", extra={"source": claimed.source.id, "why": str(error)})
            return Complete()
        except Unavailable:
            await self._claims.release(claimed)
            raise
        except Exception as error:
            outcome = await self._apply(claimed, after_failure(claimed, error, self._circumstances()))
            if isinstance(error, (Retry, Pause)):
                return outcome
            raise

    async def _published(self, claimed: ClaimedSource) -> PublishedPage:
        # In one expression, so that nothing here keeps the packed page in memory while it is published.
        return await self._pages.publish(claimed, await self._pages.call(claimed))

    def _circumstances(self) -> Circumstances:
        return Circumstances(now=self._clock.now(), rng=self._rng, run=self._run, spacing=self._spacing)

    async def _apply(self, claimed: ClaimedSource, consequence: Consequence) -> Outcome:
        """Save what follows, and act on it if the source was still ours."""
        if not await self._claims.end(claimed, consequence.checkpoint):
            return Complete()
        if consequence.notice is not None:
            consequence.notice.write()
        if consequence.next_job is not None:
            job = beginning("fetch job", job_message(claimed.source.id, consequence.checkpoint.revision))
            await self._jobs.send([replace(job, due=consequence.next_job.due)])
        return consequence.outcome

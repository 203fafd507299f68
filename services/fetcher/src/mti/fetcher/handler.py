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

import asyncio
import contextlib
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from mti.common.clock_check import REASON as CLOCK_SKEW
from mti.common.contracts import FetchJob, count_of, decode, job_message
from mti.common.contracts.envelope import PARKS, RETRIES
from mti.common.errors import Pause, Retry, Unavailable
from mti.common.hosting.settler import RETRY_LIMIT
from mti.common.ports.bus import Received, Sender
from mti.common.ports.clock import Clock
from mti.common.ports.settlement import Complete, DeadLetter, Outcome, Park, Resend
from mti.common.registry import RegistryProvider, Source
from mti.common.server_time import ServerTime
from mti.common.telemetry import active, beginning
from mti.common.telemetry.attributes import tenant_of
from mti.fetcher import notices, troubles, windows
from mti.fetcher.claims import RENEW_EVERY, ClaimedSource, ClaimLost, Claims
from mti.fetcher.mimecast import FeedPage, MimecastClients, NoAnswer, TokenRefused
from mti.fetcher.pacing import Backlog, NoBacklog, wait_before
from mti.fetcher.publishing import ChunkPublisher
from mti.fetcher.records.checkpoint import SourceCheckpoint, SourceCheckpoints, saved
from mti.fetcher.silence import NotAsked, Silences
from mti.fetcher.timetable import Run, wants_page

log = logging.getLogger(__name__)

WAITS: Final = 4
"""How often a job waits because nobody answers, before its source is paused."""


@dataclass(frozen=True, slots=True)
class _Published:
    """A page that is out."""

    page: FeedPage
    """Without its records."""
    brought: bool
    """Whether it had any."""
    spaced_until: datetime
    """Before this its source is not asked again."""
    time: ServerTime | None
    """When it was asked for, by Mimecast's clock."""


class FetchHandler:
    """The handler of the queue `fetch-jobs`.

    Args:
        registry: the sources.
        clients: of the Mimecast accounts.
        checkpoints: of the sources.
        publisher: to the topic `raw-pages`.
        jobs: to the queue itself, for the next page's job.
        clock: the time.
        rng: the jitter of pauses, and what tells claims apart.
        run: how this run goes.
        backlog: the line of chunks that wait in `raw-pages`; a source with many pages waits for it.
        jobs_at_once: how many jobs the host handles at once: silent hosts and accounts hold a part of them only.
        pages_in_hand: pages that may be unpacked at the same time; it bounds the memory, whatever the concurrency.
        compress: whether Mimecast is asked for archives.
        spacing: from one call of a source to the next one, at least: each is an entry in the customer's audit log.
        renew_every: seconds between two renewals of a claim.
    """

    def __init__(
        self,
        *,
        registry: RegistryProvider,
        clients: MimecastClients,
        checkpoints: SourceCheckpoints,
        publisher: ChunkPublisher,
        jobs: Sender,
        clock: Clock,
        rng: random.Random,
        run: Run,
        backlog: Backlog | None = None,
        jobs_at_once: int = 16,
        pages_in_hand: int = 2,
        compress: bool = True,
        spacing: timedelta = timedelta(),
        renew_every: float = RENEW_EVERY,
    ) -> None:
        self._registry = registry
        self._clients = clients
        self._checkpoints = checkpoints
        self._claims = Claims(checkpoints, clock, rng, run, renew_every)
        self._publisher = publisher
        self._jobs = jobs
        self._clock = clock
        self._rng = rng
        self._run = run
        self._backlog = backlog or NoBacklog()
        self._silences = Silences(jobs_at_once, clock, rng)
        self._room = asyncio.Semaphore(pages_in_hand)
        self._compress = compress
        self._spacing = spacing

    async def __call__(self, messages: Sequence[Received]) -> Sequence[Outcome]:
        """Handle the jobs, one after the other."""
        return [await self._handle(message) for message in messages]

    async def _handle(self, message: Received) -> Outcome:
        envelope, job = decode(message, FetchJob)
        source = await self._source(job.source)
        if not isinstance(source, Source):
            return source
        claimed = await self._claims.take(source, message, envelope)
        if not isinstance(claimed, ClaimedSource):
            return claimed
        try:
            return await self._go_on(claimed, await self._claims.kept(claimed, self._published(claimed)))
        except ClaimLost as error:
            log.warning("a job ends, since its claim is lost", extra={"source": claimed.source.id, "why": str(error)})
            return Complete()
        except Unavailable:
            await self._release(claimed)
            raise
        except TokenRefused as error:
            return await self._begin_anew(claimed, error)
        except NotAsked as error:
            return await self._wait(claimed, error)
        except Retry as error:
            return await self._put_off(claimed, error)
        except Pause as error:
            return await self._refuse(claimed, claimed.checkpoint, error)
        except Exception as error:
            await self._refuse(claimed, claimed.checkpoint, troubles.bug(claimed.source, claimed.account, error))
            raise

    async def _source(self, name: str) -> Source | Outcome:
        """Return the source of a job, or what becomes of a job whose source is not to be fetched."""
        registry = self._registry.current
        if name not in registry.sources:
            registry = await self._registry.look_again()
        source = registry.sources.get(name)
        if source is not None and not source.paused:
            return source
        if source is not None or registry.removed_from(source=name) is not None:
            return await self._stand_down(name)
        return DeadLetter(
            "UnknownSource",
            f"the tenants file has no source {name!r} (any more): add its tenant or its feed and replay the"
            " job, or purge it",
        )

    async def _stand_down(self, name: str) -> Complete:
        """End a job of a paused or removed tenant. It is only a trigger: the schedule makes another when it is due."""
        log.info("a job ends, since nothing is fetched for its tenant now", extra={"source": name})
        versioned = await self._checkpoints.load(name, SourceCheckpoint())
        if versioned.value.queued_at is not None:
            # Else the schedule would take the job for one that is on its way, and wait for it after a resume.
            await saved(self._checkpoints, versioned.with_value(versioned.value.without_job()))
        return Complete()

    async def _published(self, claimed: ClaimedSource) -> "_Published":
        """Ask for the claimed source's next page, publish it, and return it without its records."""
        request = windows.request_for(claimed.checkpoint, claimed.source, claimed.account, compress=self._compress)
        asked_at = self._clock.now()
        with self._silences.call(claimed.source.id, claimed.account):
            answer = await self._clients.of(claimed.account).get_feed(request)
        async with self._room:
            page, time = answer.page(troubles.accepted(claimed.checkpoint)), answer.answer.time
            del answer
            notices.say_what_is_odd(claimed, page)
            chunks = await self._publisher.publish(page, claimed.source, claimed.checkpoint.epoch)
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
            # What follows needs the token and the wait only.
            return _Published(replace(page, files=()), page.detections > 0, asked_at + self._spacing, time)

    async def _go_on(self, claimed: ClaimedSource, done: "_Published") -> Outcome:
        now, page, spaced_until = self._clock.now(), done.page, done.spaced_until
        bounded = windows.reached(claimed.checkpoint, done.time)
        step = windows.advanced(bounded, claimed.source, page.token, brought=done.brought)
        resume_at = now + page.free_in if page.free_in else None
        if step.looped:
            return await self._refuse(claimed, step.checkpoint, troubles.loop(claimed.source, claimed.account))
        more = wants_page(step.checkpoint, now, self._run)
        closed = step.checkpoint.window is None
        if more and spaced_until > now:
            resume_at = max(spaced_until, resume_at or now)
        due = resume_at
        if more and not closed and (wait := await wait_before(step.checkpoint.page, self._backlog)) is not None:
            due = max(now + wait, resume_at or now)
        before = claimed.checkpoint.pause
        value = step.checkpoint.succeeded(now=now, resume_at=resume_at, queued_at=(due or now) if more else None)
        if not await self._save(claimed, value):
            return Complete()
        if before is not None:
            log.info(
                "a source is fetched again after a pause",
                extra={"source": claimed.source.id, "reason": before.reason, "since": before.since.isoformat()},
            )
        if more:
            await self._send_next(claimed, value, due)
        return Complete()

    async def _begin_anew(self, claimed: ClaimedSource, error: TokenRefused) -> Outcome:
        if claimed.checkpoint.restarted:
            return await self._refuse(claimed, claimed.checkpoint.at_first_page(), error)
        value = claimed.checkpoint.token_refused(now=self._clock.now())
        if await self._save(claimed, value):
            log.warning("a window is begun anew", extra={"source": claimed.source.id, "why": error.description})
            await self._send_next(claimed, value, self._spaced())
        return Complete()

    async def _put_off(self, claimed: ClaimedSource, error: Retry) -> Outcome:
        # One silent call shows that a pause is not over; eight more would only hold a job.
        in_vain = isinstance(error, NoAnswer) and claimed.checkpoint.pause is not None
        if in_vain or count_of(claimed.message, RETRIES) >= RETRY_LIMIT:
            return await self._refuse(claimed, claimed.checkpoint, Pause(error.reason, error.description, error.delay))
        if not await self._save(claimed, troubles.put_off(claimed.checkpoint, error, self._clock.now())):
            return Complete()
        return Resend(error.delay or timedelta(), error.reason, error.description)

    async def _wait(self, claimed: ClaimedSource, error: NotAsked) -> Outcome:
        """Let a job wait whose call was not made; in the end the source is paused, as if it had been made in vain."""
        if claimed.checkpoint.pause is not None or count_of(claimed.message, PARKS) >= WAITS:
            value = troubles.not_asked(claimed.checkpoint, error, self._clock.now(), self._rng)
            if await self._save(claimed, value) and value.pause is not None:
                notices.say_paused(claimed.source.id, value.pause)
            return Complete()
        delay = error.delay or timedelta()
        if not await self._save(claimed, claimed.checkpoint.waiting(until=self._clock.now() + delay)):
            return Complete()
        return Park(delay, f"{error.reason}: {error.description}")

    async def _distrust(self, claimed: ClaimedSource, error: Pause) -> Outcome:
        """Leave a source alone while this machine's clock is wrong; it is nobody's fault but the machine's."""
        value = troubles.distrusted(claimed.checkpoint, error, self._clock.now(), self._rng)
        if await self._save(claimed, value) and value.pause is not None:
            notices.say_paused(claimed.source.id, value.pause)
        return Complete()

    async def _refuse(self, claimed: ClaimedSource, checkpoint: SourceCheckpoint, error: Pause) -> Outcome:
        if error.reason == CLOCK_SKEW:
            return await self._distrust(claimed, error)
        found = troubles.refused(checkpoint, claimed.source, claimed.account, error, self._clock.now(), self._rng)
        if not await self._save(claimed, found.checkpoint):
            return Complete()
        if found.go_on:
            log.warning(
                "an account failed, and the next one fetches the source",
                extra={
                    "source": claimed.source.id,
                    "account": claimed.account.tenant,
                    "next": found.checkpoint.account,
                    "why": error.description,
                },
            )
            await self._send_next(claimed, found.checkpoint, self._spaced())
        elif (pause := found.checkpoint.pause) is not None:
            notices.say_paused(claimed.source.id, pause)
        return Complete()

    async def _release(self, claimed: ClaimedSource) -> None:
        """Let go of the source, if the store can be reached: the job may come again as the same delivery."""
        with contextlib.suppress(Unavailable):
            await self._save(claimed, claimed.checkpoint.released(now=self._clock.now()))

    async def _save(self, claimed: ClaimedSource, value: SourceCheckpoint) -> bool:
        """Save, and say whether the source was still ours."""
        if await saved(self._checkpoints, claimed.versioned.with_value(value)) is None:
            log.info("another job took the source over", extra={"source": claimed.source.id})
            return False
        active().instruments.pauses.saw("source", claimed.source.id, tenant_of(claimed.source.id), value.pause)
        return True

    def _spaced(self) -> datetime | None:
        """Return when the next call may be made after one that failed a moment ago; `None` is at once."""
        return self._clock.now() + self._spacing if self._spacing else None

    async def _send_next(self, claimed: ClaimedSource, value: SourceCheckpoint, due: datetime | None) -> None:
        job = beginning("fetch job", job_message(claimed.source.id, value.revision))
        await self._jobs.send([replace(job, due=due)])

"""Takes a source in hand: of several jobs for it, one fetches, and the others end without a trace.

A claim lasts five minutes and is renewed while its job is at work, since nobody can say how long a page takes to be
published: the bus may be slow. Who loses it all the same stops there and then.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from mti.common.checkpoints import Versioned
from mti.common.contracts.envelope import Envelope
from mti.common.errors import MtiError, Retry, Unavailable
from mti.common.ports.bus import Received
from mti.common.ports.clock import Clock
from mti.common.ports.settlement import Complete, Outcome, Park
from mti.common.registry.model import MimecastAccount, Source
from mti.common.telemetry import active
from mti.common.telemetry.attributes import tenant_of
from mti.fetcher.records.checkpoint import SourceCheckpoint
from mti.fetcher.records.checkpoints import SourceCheckpoints, saved
from mti.fetcher.timetable import CLAIMED_FOR, Delivery, Run, claim_of, is_paused, is_taken, wants_page
from mti.fetcher.windows import account_for, with_open_window

log = logging.getLogger(__name__)

TRIES: Final = 5
"""How often a claim is decided anew because somebody else saved meanwhile: the schedule, mostly, once."""
RENEW_EVERY: Final = 60.0
"""Seconds between two renewals of a claim: four of them may fail in a row before it is lost."""

T = TypeVar("T")


class ClaimLost(MtiError):
    """Another job has the source in hand, or may have: what this one was at is broken off."""


@dataclass(slots=True)
class ClaimedSource:
    """A source in hand."""

    source: Source
    account: MimecastAccount
    versioned: Versioned[SourceCheckpoint]
    """As it was last saved; a renewal of the claim takes its place."""
    message: Received
    unsure: tuple[SourceCheckpoint, ...] = ()
    """Renewals since then of which the store did not say whether they were saved."""

    @property
    def checkpoint(self) -> SourceCheckpoint:
        """The checkpoint that was last saved with the claim."""
        return self.versioned.value


class Claims:
    """Gives sources to jobs, by compare-and-set of the checkpoint.

    Args:
        checkpoints: of the sources.
        clock: the time.
        rng: what tells claims apart.
        run: how this run goes.
        renew_every: seconds of the event loop between two renewals.
    """

    def __init__(
        self,
        checkpoints: SourceCheckpoints,
        clock: Clock,
        rng: random.Random,
        run: Run,
        renew_every: float = RENEW_EVERY,
    ) -> None:
        self._checkpoints = checkpoints
        self._clock = clock
        self._rng = rng
        self._run = run
        self._renew_every = renew_every

    async def take(self, source: Source, message: Received, envelope: Envelope) -> ClaimedSource | Outcome:
        """Return the claimed source, with its window open, or what becomes of a job that gets none.

        Raises:
            Retry: `CheckpointContended`, others kept saving.
            StoreUnavailable: nothing could be read or saved.
        """
        delivery = Delivery(f"{message.message_id}#{message.delivery_count}", message.sequence_number)
        for _ in range(TRIES):
            versioned = await self._checkpoints.load(source.id, SourceCheckpoint())
            refusal = self._refusal(versioned.value, envelope.id, delivery)
            if refusal is not None:
                return refusal
            now = self._clock.now()
            claim = claim_of(envelope.id, delivery, self._nonce(), now)
            checkpoint = with_open_window(versioned.value, source, now).claimed(claim)
            ours = await saved(self._checkpoints, versioned.with_value(checkpoint))
            if ours is not None:
                return ClaimedSource(source, account_for(checkpoint, source), ours, message)
        raise Retry("CheckpointContended", f"{source.id}: the checkpoint was saved by others {TRIES} times in a row")

    async def kept(self, claimed: ClaimedSource, work: Coroutine[Any, Any, T]) -> T:
        """Return what the work returns, with the claim renewed for as long as it takes.

        Raises:
            ClaimLost: the source is another job's, or its claim ran out while the store could not be reached. The work
                was stopped.
        """
        loop = asyncio.get_running_loop()
        working = asyncio.ensure_future(work)
        ours_until = loop.time() + CLAIMED_FOR.total_seconds()
        try:
            while True:
                done, _ = await asyncio.wait([working], timeout=self._renew_every)
                if done:
                    return working.result()
                asked = loop.time()
                if await self._renewed(claimed):
                    ours_until = asked + CLAIMED_FOR.total_seconds()
                elif loop.time() >= ours_until:
                    raise ClaimLost(f"{claimed.source.id}: the claim ran out, since the store could not be reached")
        finally:
            working.cancel()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await asyncio.wait([working])

    async def end(self, claimed: ClaimedSource, checkpoint: SourceCheckpoint) -> bool:
        """Save what follows, which gives the source back; say whether it was still ours.

        Raises:
            StoreUnavailable: it may be saved all the same.
        """
        if await saved(self._checkpoints, claimed.versioned.with_value(checkpoint), claimed.unsure) is None:
            log.info("another job took the source over", extra={"source": claimed.source.id})
            return False
        pauses = active().instruments.pauses
        pauses.record("source", claimed.source.id, tenant_of(claimed.source.id), checkpoint.pause)
        return True

    async def release(self, claimed: ClaimedSource) -> None:
        """Let go of the source, if the store can be reached: the job may come again as the same delivery."""
        with contextlib.suppress(Unavailable):
            await self.end(claimed, claimed.checkpoint.released(now=self._clock.now()))

    async def _renewed(self, claimed: ClaimedSource) -> bool:
        """Renew the claim; say whether that was possible.

        Raises:
            ClaimLost: the source is another job's.
        """
        value = claimed.checkpoint.renewed(until=self._clock.now() + CLAIMED_FOR)
        try:
            ours = await saved(self._checkpoints, claimed.versioned.with_value(value), claimed.unsure)
        except Unavailable as error:
            claimed.unsure = (*claimed.unsure, value)
            log.warning("a claim could not be renewed", extra={"source": claimed.source.id, "why": error.description})
            return False
        if ours is None:
            raise ClaimLost(f"{claimed.source.id}: another job has the source in hand")
        claimed.versioned, claimed.unsure = ours, ()
        return True

    def _nonce(self) -> str:
        return f"{self._rng.getrandbits(64):016x}"

    def _refusal(self, checkpoint: SourceCheckpoint, job: str, delivery: Delivery) -> Outcome | None:
        now = self._clock.now()
        if is_paused(checkpoint, now, self._run) or not wants_page(checkpoint, now, self._run):
            return Complete()
        if is_taken(checkpoint, job, delivery, now, self._run):
            log.debug("another job has the source in hand", extra={"job": job})
            return Complete()
        if checkpoint.resume_at is not None and now < checkpoint.resume_at:
            return Park(checkpoint.resume_at - now, "MimecastRateLimited")
        return None

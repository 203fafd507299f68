"""Takes a source in hand: of several jobs for it, one fetches, and the others end without a trace."""

import logging
import random
from dataclasses import dataclass
from typing import Final

from mti.common.checkpoints import Versioned
from mti.common.contracts.envelope import Envelope
from mti.common.errors import Retry
from mti.common.ports.bus import Received
from mti.common.ports.clock import Clock
from mti.common.ports.settlement import Complete, Outcome, Park
from mti.common.registry.model import MimecastAccount, Source
from mti.fetcher.checkpoint import SourceCheckpoint, SourceCheckpoints, saved
from mti.fetcher.timetable import Run, claim_of, is_held, is_taken, wants_page
from mti.fetcher.windows import account_for, opened

log = logging.getLogger(__name__)

TRIES: Final = 5
"""How often a claim is decided anew because somebody else saved meanwhile: the schedule, mostly, once."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A source in hand."""

    source: Source
    account: MimecastAccount
    versioned: Versioned[SourceCheckpoint]
    message: Received

    @property
    def checkpoint(self) -> SourceCheckpoint:
        """The checkpoint that was saved with the claim."""
        return self.versioned.value


class Claims:
    """Gives turns to jobs, by compare-and-set of the checkpoint."""

    def __init__(self, checkpoints: SourceCheckpoints, clock: Clock, rng: random.Random, run: Run) -> None:
        self._checkpoints = checkpoints
        self._clock = clock
        self._rng = rng
        self._run = run

    async def take(self, source: Source, message: Received, envelope: Envelope) -> Turn | Outcome:
        """Return the turn, with the window open, or what becomes of a job that gets none.

        Raises:
            Retry: `CheckpointContended`, others kept saving.
            StoreUnavailable: nothing could be read or saved.
        """
        by = f"{message.message_id}#{message.delivery_count}"
        for _ in range(TRIES):
            versioned = await self._checkpoints.load(source.id, SourceCheckpoint())
            refusal = self._refusal(versioned.value, envelope.id, by)
            if refusal is not None:
                return refusal
            now = self._clock.now()
            claimed = opened(versioned.value, source, now).model_copy(
                update={"claim": claim_of(envelope.id, by, self._nonce(), now), "queued_at": None}
            )
            ours = await saved(self._checkpoints, versioned.with_value(claimed))
            if ours is not None:
                return Turn(source, account_for(claimed, source), ours, message)
        raise Retry("CheckpointContended", f"{source.id}: the checkpoint was saved by others {TRIES} times in a row")

    def _nonce(self) -> str:
        return f"{self._rng.getrandbits(64):016x}"

    def _refusal(self, checkpoint: SourceCheckpoint, job: str, by: str) -> Outcome | None:
        now = self._clock.now()
        if is_held(checkpoint, now, self._run) or not wants_page(checkpoint, now, self._run):
            return Complete()
        if is_taken(checkpoint, job, by, now, self._run):
            log.debug("another job has the source in hand", extra={"job": job})
            return Complete()
        if checkpoint.resume_at is not None and now < checkpoint.resume_at:
            return Park(checkpoint.resume_at - now, "MimecastRateLimited")
        return None

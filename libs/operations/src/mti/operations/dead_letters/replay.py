"""Replays dead letters: send the copy, wait for the confirm, and only then complete the dead letter.

Killed at any point and run again, nothing is lost, since a dead letter goes only when its copy is there; and nothing is
doubled, since the copy has the same MessageId the second time and the bus drops it.
"""

import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from mti.common.errors import MessageTooLarge
from mti.common.ports.clock import Clock
from mti.operations.bus import DeadLetter
from mti.operations.dead_letters.copies import Copy, copy_of
from mti.operations.dead_letters.overtaken import Judge
from mti.operations.dead_letters.ports import DeadLetterQueue
from mti.operations.dead_letters.query import Plan
from mti.operations.dead_letters.results import Progress, ReplayResult, Step, Why, unwatched

log = logging.getLogger(__name__)

REPLAY_LIMIT = 3
"""Replays of one message, before somebody has to look at it."""
BATCH = 50
"""Dead letters between a confirm and their removal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """How to replay."""

    replay_limit: int = REPLAY_LIMIT
    force: bool = False
    """Replay what was replayed as often already, too."""
    rate: float | None = None
    """Messages a second, at the most; `None` is as fast as the bus takes them."""
    dry_run: bool = False
    """Count, and do nothing."""


class Replayer:
    """Sends dead letters back to where they came from.

    Args:
        queues: of all entities.
        judge: says what of a dead letter was overtaken.
        clock: the time.
        options: how to replay.
        progress: told of each step.
    """

    def __init__(
        self,
        queues: Sequence[DeadLetterQueue],
        judge: Judge,
        clock: Clock,
        options: ReplayOptions,
        progress: Progress = unwatched,
    ) -> None:
        self._queues = {queue.entity.path: queue for queue in queues}
        self._judge = judge
        self._options = options
        self._progress = progress
        self._pace = _Pace(options.rate, clock)

    @property
    def batch(self) -> int:
        """How many dead letters are replayed at a time."""
        return self._pace.batch

    def new_result(self, matched: int = 0) -> ReplayResult:
        """Return a result in which nothing was done yet."""
        return ReplayResult(matched=matched, dry_run=self._options.dry_run)

    async def replay(self, plan: Plan) -> ReplayResult:
        """Replay what was planned.

        Raises:
            BusUnavailable: the broker does not answer; run it again.
            StoreUnavailable: the publisher's store does not answer; run it again.
        """
        result = self.new_result(plan.count)
        for path, sequences in plan.sequences.items():
            queue = self._queues[path]
            for start in range(0, len(sequences), self.batch):
                batch = sequences[start : start + self.batch]
                letters = await queue.read(batch)
                result.gone += len(batch) - len(letters)
                await self._remove(queue, await self._send(queue, letters, result), result)
        return result

    async def replay_lines(self, letters: Sequence[DeadLetter], run: str, result: ReplayResult) -> list[DeadLetter]:
        """Replay dead letters out of a file, at most a batch; remove those that are still there.

        Args:
            letters: in any order, of any entity.
            run: names the replay of this file.
            result: is added to.

        Returns:
            Those that were dealt with.
        """
        done: list[DeadLetter] = []
        for path, group in itertools.groupby(letters, key=lambda letter: letter.entity):
            queue, members = self._queues.get(path), list(group)
            if queue is None:
                for letter in members:
                    result.refuse(letter, Why.UNKNOWN_ENTITY)
                continue
            sent = await self._send(queue, members, result, run)
            there = {letter.sequence: letter for letter in await queue.read([letter.sequence for letter in sent])}
            same = [letter for letter in sent if _is_same(there.get(letter.sequence), letter)]
            await self._remove(queue, same, result)
            done += sent
        return done

    async def _send(
        self, queue: DeadLetterQueue, letters: Sequence[DeadLetter], result: ReplayResult, run: str | None = None
    ) -> list[DeadLetter]:
        """Send a copy of each that may go and is worth it, and return the dead letters that need not stay."""
        allowed = [letter for letter in letters if self._is_allowed(letter, result)]
        copies: list[Copy] = []
        overtaken: list[DeadLetter] = []
        for letter, remainder in zip(allowed, await self._judge.remainders(allowed), strict=True):
            if remainder.nothing:
                log.info("a dead letter was overtaken", extra=_fields(letter))
                result.objects_left_out += remainder.left_out
                overtaken.append(letter)
            else:
                copies.append(copy_of(letter, queue.entity, remainder, run=run))
        await self._pace.wait(len(copies))
        confirmed = copies if self._options.dry_run else await self._confirmed(queue, copies, result)
        result.overtaken += len(overtaken)
        result.replayed += len(confirmed)
        result.objects_left_out += sum(copy.left_out for copy in confirmed)
        return [*overtaken, *(copy.letter for copy in confirmed)]

    def _is_allowed(self, letter: DeadLetter, result: ReplayResult) -> bool:
        why = None
        if not letter.faithful:
            why = Why.NOT_BYTES
        elif letter.replay_count >= self._options.replay_limit and not self._options.force:
            why = Why.TOO_OFTEN
        if why is not None:
            result.refuse(letter, why)
        return why is None

    async def _confirmed(self, queue: DeadLetterQueue, copies: Sequence[Copy], result: ReplayResult) -> Sequence[Copy]:
        """Send the copies and return those that the bus took."""
        for copy in copies:
            self._progress(Step.READ, copy.letter)
        taken = copies
        try:
            if copies:
                await queue.sender.send([copy.message for copy in copies])
        except MessageTooLarge:
            # Some may have been taken; their MessageIds make the second time harmless.
            taken = [copy for copy in copies if await self._fits(queue, copy, result)]
        for copy in taken:
            log.info("a dead letter was replayed", extra=_fields(copy.letter))
            self._progress(Step.SENT, copy.letter)
        return taken

    async def _fits(self, queue: DeadLetterQueue, copy: Copy, result: ReplayResult) -> bool:
        try:
            await queue.sender.send([copy.message])
        except MessageTooLarge:
            result.refuse(copy.letter, Why.TOO_LARGE)
            return False
        return True

    async def _remove(self, queue: DeadLetterQueue, letters: Sequence[DeadLetter], result: ReplayResult) -> None:
        if self._options.dry_run or not letters:
            return
        left = await queue.complete([letter.sequence for letter in letters])
        result.locked += len(left)
        for letter in letters:
            if letter.sequence not in left:
                self._progress(Step.REMOVED, letter)


class _Pace:
    """So many messages a second, sent in batches that are due at once."""

    def __init__(self, rate: float | None, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._free_at: float | None = None
        self.batch = BATCH if rate is None else max(1, min(BATCH, int(rate)))

    async def wait(self, count: int) -> None:
        """Wait until that many may be sent."""
        if self._rate is None or not count:
            return
        now = self._clock.monotonic()
        due = now if self._free_at is None else max(now, self._free_at)
        self._free_at = due + count / self._rate
        await self._clock.sleep(due - now)


def _is_same(there: DeadLetter | None, filed: DeadLetter) -> bool:
    """Say whether the dead letter of that number is the one that was written to the file, and not another's."""
    return (
        there is not None
        and there.message.message_id == filed.message.message_id
        and there.message.body == filed.message.body
        and there.replay_count == filed.replay_count
    )


def _fields(letter: DeadLetter) -> dict[str, object]:
    return {
        "entity": letter.entity,
        "sequence": letter.sequence,
        "id": letter.id,
        "reason": letter.reason,
        "source": letter.source,
        "destination": letter.destination,
        "replays": letter.replay_count + 1,
    }

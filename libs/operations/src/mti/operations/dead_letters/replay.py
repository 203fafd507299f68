"""Replays dead letters: send the copy, wait for the confirm, and only then complete the dead letter.

Killed at any point and run again, nothing is lost, since a dead letter goes only when its copy is there; and nothing is
doubled, since the copy has the same MessageId the second time and the bus drops it.
"""

import itertools
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mti.common.errors import MessageTooLarge
from mti.common.ports.bus import Outgoing
from mti.common.ports.clock import Clock
from mti.operations.bus import DeadLetter
from mti.operations.dead_letters.copies import repacked, replayed
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


@dataclass(frozen=True, slots=True)
class _Copy:
    letter: DeadLetter
    outgoing: Outgoing
    left_out: int


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

    async def replay(self, plan: Plan) -> ReplayResult:
        """Replay what was planned.

        Raises:
            BusUnavailable: the broker does not answer; run it again.
            StoreUnavailable: the publisher's store does not answer; run it again.
        """
        result = self._result(plan.count)
        for path, sequences in plan.sequences.items():
            queue = self._queues[path]
            for batch in _cut(sequences, self._pace.batch):
                letters = await queue.read(batch)
                result.gone += len(batch) - len(letters)
                sent = await self._send(queue, letters, result)
                await self._remove(queue, sent, result)
        return result

    async def replay_filed(self, letters: Sequence[DeadLetter], run: str, result: ReplayResult) -> list[DeadLetter]:
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
            there = {letter.sequence: letter for letter in await queue.read([found.sequence for found in sent])}
            same = [found for found in sent if _is_same(there.get(found.sequence), found)]
            await self._remove(queue, same, result)
            done += sent
        return done

    @property
    def batch(self) -> int:
        """How many dead letters `replay_filed` is to be given at a time."""
        return self._pace.batch

    def new_result(self) -> ReplayResult:
        """Return an empty result."""
        return self._result(0)

    def _result(self, matched: int) -> ReplayResult:
        return ReplayResult(matched=matched, dry_run=self._options.dry_run)

    async def _send(
        self, queue: DeadLetterQueue, letters: Sequence[DeadLetter], result: ReplayResult, run: str | None = None
    ) -> list[DeadLetter]:
        """Send what is to be sent, and return the dead letters that need not stay."""
        fit = [letter for letter in letters if self._may_go(letter, result)]
        copies: list[_Copy] = []
        done: list[DeadLetter] = []
        for letter, remainder in zip(fit, await self._judge.remainders(fit), strict=True):
            if remainder.nothing:
                log.info("a dead letter was overtaken", extra=_fields(letter))
                result.overtaken += 1
                result.objects_left_out += remainder.left_out
                done.append(letter)
            elif remainder.batch is not None:
                outgoing = repacked(letter, queue.entity, remainder.batch, run=run)
                copies.append(_Copy(letter, outgoing, remainder.left_out))
            else:
                copies.append(_Copy(letter, replayed(letter, queue.entity, run=run), 0))
        await self._pace.wait(len(copies))
        for copy in await self._confirmed(queue, copies, result):
            result.replayed += 1
            result.objects_left_out += copy.left_out
            done.append(copy.letter)
        return done

    def _may_go(self, letter: DeadLetter, result: ReplayResult) -> bool:
        if not letter.faithful:
            result.refuse(letter, Why.NOT_BYTES)
        elif letter.replays >= self._options.replay_limit and not self._options.force:
            result.refuse(letter, Why.TOO_OFTEN)
        else:
            return True
        return False

    async def _confirmed(
        self, queue: DeadLetterQueue, copies: Sequence[_Copy], result: ReplayResult
    ) -> Sequence[_Copy]:
        """Send the copies and return those that the bus took."""
        if self._options.dry_run or not copies:
            return copies
        for copy in copies:
            self._progress(Step.READ, copy.letter)
        try:
            await queue.sender.send([copy.outgoing for copy in copies])
            sent = list(copies)
        except MessageTooLarge:
            # Some may have been taken; their MessageIds make the second time harmless.
            sent = [copy for copy in copies if await self._fits(queue, copy, result)]
        for copy in sent:
            log.info("a dead letter was replayed", extra=_fields(copy.letter))
            self._progress(Step.SENT, copy.letter)
        return sent

    async def _fits(self, queue: DeadLetterQueue, copy: _Copy, result: ReplayResult) -> bool:
        try:
            await queue.sender.send([copy.outgoing])
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


def _cut(sequences: Sequence[int], size: int) -> Iterable[Sequence[int]]:
    return (sequences[start : start + size] for start in range(0, len(sequences), size))


def _is_same(there: DeadLetter | None, filed: DeadLetter) -> bool:
    """Say whether the dead letter of that number is the one that was written to the file, and not another's."""
    return (
        there is not None
        and there.message.message_id == filed.message.message_id
        and there.message.body == filed.message.body
        and there.replays == filed.replays
    )


def _fields(letter: DeadLetter) -> dict[str, object]:
    return {
        "entity": letter.entity,
        "sequence": letter.sequence,
        "id": letter.id,
        "reason": letter.reason,
        "source": letter.source,
        "destination": letter.destination,
        "replays": letter.replays + 1,
    }

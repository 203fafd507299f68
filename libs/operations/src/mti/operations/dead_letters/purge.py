"""Removes dead letters for good: entered in the books and written down first, then removed, and logged."""

import logging
from collections.abc import Callable, Sequence

from mti.operations.bus import DeadLetter
from mti.operations.dead_letters.bookkeeping import Books, NoBooks
from mti.operations.dead_letters.ports import DeadLetterQueue
from mti.operations.dead_letters.query import Plan
from mti.operations.dead_letters.replay import BATCH
from mti.operations.dead_letters.results import Progress, PurgeResult, Step, unwatched

log = logging.getLogger(__name__)

Keep = Callable[[Sequence[DeadLetter]], None]
"""Writes dead letters down, durably, before they are removed."""


async def purge(
    queues: Sequence[DeadLetterQueue],
    plan: Plan,
    keep: Keep,
    progress: Progress = unwatched,
    *,
    books: Books | None = None,
) -> PurgeResult:
    """Remove what was planned.

    Args:
        queues: of all entities.
        plan: what.
        keep: is given each batch before it is removed, and an empty one first, so that a place that can't be written
            to is found in time; see `archive.append_archive`.
        progress: told of each removal.
        books: are told of each batch before it is removed; `None` where they are not at hand.

    Raises:
        ConfigurationError: what is removed can't be kept; nothing, or no more, was removed.
        BusUnavailable: the broker does not answer; run it again.
        StoreUnavailable: a store does not answer; run it again.
    """
    keep([])
    entering = books or NoBooks()
    result = PurgeResult(matched=plan.count)
    by_path = {queue.entity.path: queue for queue in queues}
    for path, sequences in plan.sequences.items():
        queue = by_path[path]
        for start in range(0, len(sequences), BATCH):
            batch = sequences[start : start + BATCH]
            letters = await queue.read(batch)
            result.gone += len(batch) - len(letters)
            unentered = {letter.sequence for letter in await entering.purged(queue.entity, letters)}
            keep(letters)
            for letter in letters:
                progress(Step.ENTERED, letter)
            left = await queue.complete([letter.sequence for letter in letters])
            result.locked += len(left)
            for letter in letters:
                if letter.sequence not in left:
                    result.unentered += letter.sequence in unentered
                    _note(letter, result)
                    progress(Step.REMOVED, letter)
    return result


def _note(letter: DeadLetter, result: PurgeResult) -> None:
    result.purged += 1
    result.by_reason[letter.reason] = result.by_reason.get(letter.reason, 0) + 1
    fields = {
        "entity": letter.entity,
        "sequence": letter.sequence,
        "id": letter.id,
        "message_id": letter.message.message_id,
        "reason": letter.reason,
        "source": letter.source,
        "destination": letter.destination,
        "replays": letter.replay_count,
        "deliveries": letter.message.delivery_count,
        "bytes": len(letter.message.body),
    }
    # The fields are in the text as well: it is all that is left of the message where a log keeps only that.
    text = ", ".join(f"{name} {value}" for name, value in fields.items() if value not in ("", None))
    log.warning("a dead letter was purged: %s", text, extra={**fields, "description": letter.description})

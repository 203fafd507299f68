"""Looking through the dead letters: one round through each queue, page by page, without taking anything."""

from array import array
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from mti.common.ports.clock import Clock
from mti.operations.bus import DeadLetter, DeadLetterGroup, DeadLetterGroups
from mti.operations.dead_letters.ports import DeadLetterQueue
from mti.operations.dead_letters.selection import Selection


@dataclass(slots=True)
class Plan:
    """What a replay or a purge is to work on: what was there when somebody said yes, and nothing that came later.

    A dead letter that comes back while the replay runs is not of it, so that nothing turns in circles.
    """

    sequences: dict[str, "array[int]"] = field(default_factory=dict)
    """Sequence numbers by entity, rising; eight bytes each."""
    groups: list[DeadLetterGroup] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many dead letters are meant."""
        return sum(len(numbers) for numbers in self.sequences.values())


async def find(
    queues: Sequence[DeadLetterQueue], selection: Selection, clock: Clock, *, limit: int | None = None
) -> AsyncIterator[DeadLetter]:
    """Yield the dead letters that are meant, entity by entity, at most `limit`.

    Raises:
        BusUnavailable: the broker does not answer.
    """
    now, left = clock.now(), limit
    for queue in queues:
        if not selection.covers(queue.entity) or left == 0:
            continue
        async for letter in queue.letters():
            if selection.matches(letter, now):
                yield letter
                if left is not None:
                    left -= 1
                    if left == 0:
                        return


async def survey(queues: Sequence[DeadLetterQueue], selection: Selection, clock: Clock) -> list[DeadLetterGroup]:
    """Return the dead letters that are meant, by entity and reason."""
    return (await plan(queues, selection, clock)).groups


async def plan(
    queues: Sequence[DeadLetterQueue], selection: Selection, clock: Clock, *, limit: int | None = None
) -> Plan:
    """Return what is meant, to ask somebody about it and then work on it."""
    planned, groups = Plan(), DeadLetterGroups()
    async for letter in find(queues, selection, clock, limit=limit):
        planned.sequences.setdefault(letter.entity, array("q")).append(letter.sequence)
        groups.add(letter)
    planned.groups = groups.all()
    return planned

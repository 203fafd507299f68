"""Looking at some dead letters after others, within bounds: what a page shows, however many there are."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from mti.common.ports.clock import Clock
from mti.common.topology import Entity
from mti.operations.bus import BusView, DeadLetter, DeadLetterGroup, DeadLetterGroups
from mti.operations.dead_letters.selection import Selection

READ: Final = 1_000
"""Dead letters that one look reads."""
READ_BYTES: Final = 16 << 20
"""Bytes of bodies that one look reads, but for the last one."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place among all dead letters, which are in the order of the flow and of their sequence numbers."""

    entity: str
    """The path."""
    sequence: int


@dataclass(slots=True)
class Peeked:
    """What was found."""

    letters: list[DeadLetter] = field(default_factory=list)
    """The first that match, as many as were asked for."""
    more: bool = False
    """Whether another one matches behind them."""
    groups: list[DeadLetterGroup] = field(default_factory=list)
    """All that match of those that were read, by entity and reason."""
    whole: bool = True
    """Whether everything was read."""


async def peek(
    view: BusView,
    entities: Sequence[Entity],
    selection: Selection,
    clock: Clock,
    *,
    after: Mark | None = None,
    count: int = 50,
) -> Peeked:
    """Return the first dead letters that are meant, from beyond a mark.

    Args:
        view: of the bus.
        entities: whose dead letters, in the order of the flow.
        selection: which are meant.
        clock: the time.
        after: those up to it are passed over, and neither read nor counted; `None` passes over none.
        count: how many are returned.

    Raises:
        BusUnavailable: the broker does not answer.
    """
    peeked, groups, now = Peeked(), DeadLetterGroups(), clock.now()
    read = size = 0
    passed = after is None
    for entity in entities:
        at = after is not None and entity.path == after.entity
        passed = passed or at
        if not passed or not selection.covers(entity):
            continue
        async for letter in view.dead(entity.path, after=after.sequence if after is not None and at else 0):
            if read >= READ or size >= READ_BYTES:
                peeked.whole = False
                break
            read, size = read + 1, size + len(letter.message.body)
            if not selection.matches(letter, now):
                continue
            groups.add(letter)
            if len(peeked.letters) < count:
                peeked.letters.append(letter)
            else:
                peeked.more = True
    peeked.groups = groups.all()
    return peeked

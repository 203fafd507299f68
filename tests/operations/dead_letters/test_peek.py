"""Some dead letters after others, within bounds."""

from collections.abc import AsyncIterator

import pytest

from mti.common.ports.bus import Received
from mti.common.ports.clock import SystemClock
from mti.common.topology import STANDARD
from mti.operations.bus import BusLoads, DeadLetter, Unseen
from mti.operations.dead_letters import Mark, Selection, peek

PAGES, INDICATORS = STANDARD.pages.path, STANDARD.indicators.path


class View:
    """Dead letters of the normalizer and of the publisher, with the numbers of each from 1 on."""

    def __init__(self, pages: int, indicators: int, size: int = 1) -> None:
        self.counts = {PAGES: pages, INDICATORS: indicators}
        self.size = size
        self.read = 0

    async def dead(self, entity: str, *, after: int = 0) -> AsyncIterator[DeadLetter]:
        for number in range(after + 1, self.counts.get(entity, 0) + 1):
            self.read += 1
            says = {"DeadLetterReason": "Bug" if number % 2 else "NoRoute"}
            yield DeadLetter(
                entity=entity,
                message=Received(
                    body=b"x" * self.size,
                    message_id=str(number),
                    to="*",
                    subject=None,
                    session_id=None,
                    properties=says,
                    delivery_count=1,
                    sequence_number=number,
                    enqueued_at=None,
                ),
            )

    async def live(self, entity: str) -> AsyncIterator[Received]:
        raise AssertionError(f"{entity}: nobody asks for what is live")
        yield

    def unseen(self) -> Unseen:
        return Unseen()

    async def loads(self) -> BusLoads:
        return BusLoads(entities={})


async def numbers(view: View, after: Mark | None, count: int = 3) -> tuple[list[tuple[str, int]], bool]:
    peeked = await peek(view, STANDARD.entities, Selection(), SystemClock(), after=after, count=count)
    return [(letter.entity, letter.sequence) for letter in peeked.letters], peeked.more


async def test_pages_follow_each_other_through_all_entities() -> None:
    view = View(pages=4, indicators=3)
    seen: list[tuple[str, int]] = []
    after, more = None, True
    while more:
        found, more = await numbers(view, after)
        seen += found
        after = Mark(*found[-1])
    assert seen == [(PAGES, n) for n in (1, 2, 3, 4)] + [(INDICATORS, n) for n in (1, 2, 3)]


async def test_what_stands_before_the_mark_is_not_read() -> None:
    view = View(pages=900, indicators=3)
    assert await numbers(view, Mark(INDICATORS, 2)) == ([(INDICATORS, 3)], False)
    assert view.read == 1


async def test_all_that_match_are_counted_by_reason_and_few_are_returned() -> None:
    view = View(pages=0, indicators=9)
    peeked = await peek(view, STANDARD.entities, Selection(reason="NoRoute"), SystemClock(), count=2)
    assert [letter.sequence for letter in peeked.letters] == [2, 4]
    assert [(group.reason, group.count) for group in peeked.groups] == [("NoRoute", 4)]
    assert (peeked.more, peeked.whole) == (True, True)


@pytest.mark.parametrize(("size", "most"), [(1, 1_001), (1 << 20, 17)])
async def test_a_peek_reads_so_many_and_so_many_bytes(size: int, most: int) -> None:
    view = View(pages=2_000, indicators=2_000, size=size)
    peeked = await peek(view, STANDARD.entities, Selection(), SystemClock())
    assert not peeked.whole
    assert view.read <= most + 1

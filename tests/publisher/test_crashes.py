"""The process may die at any step: nothing is lost, and at most one request is repeated."""

from typing import Any

import pytest

from mti.common.ports.bus import Outgoing
from mti.common.ports.store import Container
from mti.publisher.records import PublishedVersions
from mti.publisher.repairing import Uploading
from mti.simulators.sentinel import SentinelFault, SentinelFaultKind
from tests.publisher.world import (
    CONTOSO,
    Publisher,
    World,
    completed,
    hash_of,
    indicator,
    message,
    messages_of,
)
from tests.support.holdings import summary

NAMES = [f"file-{number}" for number in range(300)]


class Crash(BaseException):
    """The process died here: nothing that the code may catch and go on from."""


class CrashingContainer:
    """A container on which the process dies at the n-th write, before or after it."""

    def __init__(self, inner: Container, *, at: int, after: bool) -> None:
        self._inner = inner
        self._at = at
        self._after = after
        self._writes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def write_many(self, documents: Any) -> Any:
        self._writes += 1
        dies = self._writes == self._at
        if dies and not self._after:
            raise Crash
        written = await self._inner.write_many(documents)
        if dies:
            raise Crash
        return written


class OneAtATime:
    """An uploader whose requests go one after the other, so that each is entered in a write of its own."""

    in_flight = 1

    def __init__(self, uploader: Uploading) -> None:
        self._uploader = uploader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._uploader, name)


async def dies(publisher: Publisher, backlog: list[object]) -> None:
    """Run a batch in a process that dies: its messages stay unsettled."""
    with pytest.raises(Crash):
        await publisher.handler(backlog)  # type: ignore[arg-type]  # past the host, which would catch the crash


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", [1, 2, 3])
async def test_a_crash_at_the_record_of_a_request_repeats_that_request_at_most(
    there: World, at: int, after: bool
) -> None:
    container = CrashingContainer(there.store.container("published"), at=at, after=after)
    backlog = messages_of(NAMES, 30)
    versions = PublishedVersions(container, there.clock)
    await dies(there.publisher(versions=versions, around=OneAtATime), list(backlog))
    assert completed(await there.publisher()(backlog))
    assert there.holds() == {hash_of(name) for name in NAMES}
    assert there.count("identical_resends") == (0 if after else 100)
    found = await summary(there.versions, CONTOSO)
    assert (found.accepted, found.versions) == (300, 300)


async def test_a_crash_before_the_checkpoint_is_saved_changes_nothing(there: World) -> None:
    class Checkpoints:
        load = there.checkpoints.load

        async def save(self, _: object) -> None:
            raise Crash

    backlog = messages_of(NAMES, 30)
    await dies(there.publisher(checkpoints=Checkpoints()), list(backlog))
    assert completed(await there.publisher()(backlog))
    assert there.count("identical_resends") == 0


async def test_a_crash_before_the_refused_part_is_sent_sends_it_the_next_time(there: World) -> None:
    class Sender:
        async def send(self, messages: list[Outgoing]) -> None:
            raise Crash

    there.faults(SentinelFault(kind=SentinelFaultKind.REFUSE_RECORD, holds=indicator("bad").id, times=None))
    one = message(indicator("a"), indicator("bad"))
    await dies(there.publisher(sender=Sender()), [one])
    assert completed(await there.publisher()([one]))
    assert len(there.outbox.messages) == 1
    assert there.count("identical_resends") == 0


async def test_an_answer_that_was_lost_after_the_objects_were_taken_repeats_that_request(there: World) -> None:
    there.faults(SentinelFault(kind=SentinelFaultKind.DROPPED, accepted=True, nth=2))
    assert completed(await there.publisher()(messages_of(NAMES, 30)))
    assert there.count("identical_resends") == 100
    assert len(there.sentinel.workspaces[CONTOSO].state) == 300

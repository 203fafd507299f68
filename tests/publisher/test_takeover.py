"""A publisher that takes a workspace over waits for the requests of one that ended in the middle of them."""

from datetime import timedelta
from typing import Any

import pytest

from mti.common.errors import LockLost, StoreUnavailable
from mti.publisher.records import DestinationCheckpoint, PublishedVersions
from mti.publisher.standings import TAKEOVER
from tests.publisher.test_crashes import Crash, CrashingContainer, dies
from tests.publisher.world import CONTOSO, Publisher, World, completed, hash_of, indicator, message

SECONDS = TAKEOVER / timedelta(seconds=1)


def publisher(there: World, **options: Any) -> Publisher:
    """Return one that waits as it is shipped."""
    return there.publisher(**{"takeover": TAKEOVER, **options})


def killed(there: World) -> Publisher:
    """Return one that dies when its first request was answered, before that is entered."""
    container = CrashingContainer(there.store.container("published"), at=1, after=False)
    return publisher(there, versions=PublishedVersions(container, there.clock))


async def test_it_waits_for_the_requests_of_one_that_was_killed(there: World, caplog: pytest.LogCaptureFixture) -> None:
    await dies(killed(there), [message(indicator("a"))])
    assert (await there.checkpoint()).begun_by is not None
    assert completed(await publisher(there)([message(indicator("a", hours=1))]))
    assert there.clock.slept == [SECONDS]
    assert (await there.checkpoint()).begun_by is None
    assert there.holds() == {hash_of("a")}
    [told] = [found for found in caplog.records if "ended in the middle of requests" in found.message]
    assert (told.__dict__["destination"], told.__dict__["tenants"]) == (CONTOSO, ["contoso"])


async def test_one_that_is_killed_while_it_waits_leaves_the_wait_to_the_next(there: World) -> None:
    await dies(killed(there), [message(indicator("a"))])

    async def sleep(_: float) -> None:
        raise Crash

    waiting = publisher(there)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(there.machine, "sleep", sleep)
        await dies(waiting, [message(indicator("a"))])
    assert completed(await publisher(there)([message(indicator("a"))]))
    assert there.clock.slept == [SECONDS]


async def test_it_waits_for_nobody_that_said_that_its_batch_ended(there: World) -> None:
    for hours in range(3):
        assert completed(await publisher(there)([message(indicator("a", hours=hours))]))
    assert there.clock.slept == []


async def test_it_does_not_wait_for_itself(there: World) -> None:
    one = killed(there)
    await dies(one, [message(indicator("a"))])
    assert completed(await one([message(indicator("a"))]))
    assert there.clock.slept == []


async def test_a_batch_that_failed_when_its_requests_had_ended_is_waited_for_by_nobody(there: World) -> None:
    class Full(CrashingContainer):
        async def write_many(self, documents: Any) -> Any:
            raise StoreUnavailable("no room")

    full = Full(there.store.container("published"), at=1, after=False)
    one = publisher(there, versions=PublishedVersions(full, there.clock))
    with pytest.raises(StoreUnavailable):
        await one.handler([message(indicator("a"))])
    assert (await there.checkpoint()).begun_by is None
    there.clock.slept.clear()
    assert completed(await publisher(there)([message(indicator("a"))]))
    assert there.clock.slept == []


async def test_nothing_is_uploaded_where_another_began_meanwhile(there: World) -> None:
    class Overtaken:
        """The checkpoints, where another process begins between the look and the note."""

        def __init__(self) -> None:
            self.inner = there.checkpoints
            self.load = self.inner.load

        async def save(self, found: Any) -> Any:
            now = await self.inner.load(CONTOSO, DestinationCheckpoint())
            if now.value.begun_by is None:
                await self.inner.save(now.with_value(now.value.begun((), 1, "another")))
            return await self.inner.save(found)

    with pytest.raises(LockLost, match=f"workspace {CONTOSO}: another publisher began"):
        await publisher(there, checkpoints=Overtaken()).handler([message(indicator("a"))])
    assert there.holds() == set()
    assert (await there.checkpoint()).begun_by == "another"


async def test_what_ends_late_does_not_take_away_what_another_noted(there: World) -> None:
    value = DestinationCheckpoint().begun((), 1, "one").begun((), 2, "another")
    ended = value.moved((), value.counts, None, by="one")
    assert (ended.begun_by, value.given_up("one").begun_by) == ("another", "another")
    assert (value.given_up("another").begun_by, value.moved((), value.counts, None, by="another").begun_by) == (
        None,
        None,
    )


async def test_a_checkpoint_of_an_earlier_release_names_nobody(there: World) -> None:
    before = DestinationCheckpoint().model_dump(mode="json", exclude={"begun_by"})
    assert DestinationCheckpoint.model_validate(before).begun_by is None


async def test_no_wait_where_none_is_asked(there: World) -> None:
    await dies(killed(there), [message(indicator("a"))])
    assert completed(await publisher(there, takeover=timedelta())([message(indicator("a"))]))
    assert there.clock.slept == []

"""A claim lasts as long as its job is at work, and whoever loses it stops."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mti.common.checkpoints import Versioned
from mti.common.errors import StoreUnavailable, WriteConflict
from mti.common.ports.bus import Outgoing
from mti.common.ports.settlement import Complete
from mti.fetcher import claims
from mti.fetcher.publishing import ChunkPublisher
from mti.fetcher.records.checkpoint import SourceCheckpoint
from mti.fetcher.records.checkpoints import SourceCheckpoints
from mti.fetcher.records.ledger import Ledger
from mti.fetcher.timetable import CLAIMED_FOR, needs_job
from tests.fetcher.world import CUSTOMER, Topic, World, job, world
from tests.support.waiting import PATIENCE, in_time

OFTEN = 0.02
"""Seconds between two renewals, in place of a minute."""


class SlowTopic(Topic):
    """A topic whose broker takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.confirms = asyncio.Event()
        self.cancelled = False

    async def send(self, messages: Sequence[Outgoing]) -> None:
        self.asked.set()
        try:
            await self.confirms.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        await super().send(messages)


class BadStore:
    """Checkpoints that can't be saved while the store is away."""

    def __init__(self, checkpoints: SourceCheckpoints) -> None:
        self._checkpoints = checkpoints
        self.away = False

    def __getattr__(self, name: str) -> object:
        if self.away:
            raise StoreUnavailable("the store does not answer")
        return getattr(self._checkpoints, name)


class LosingStore:
    """Checkpoints whose saves are done, and whose answers are lost while it is bad."""

    def __init__(self, checkpoints: SourceCheckpoints) -> None:
        self._checkpoints = checkpoints
        self.bad = False
        self.lost = 0

    async def load(self, key: str, default: SourceCheckpoint) -> Versioned[SourceCheckpoint]:
        return await self._checkpoints.load(key, default)

    async def save(self, versioned: Versioned[SourceCheckpoint]) -> Versioned[SourceCheckpoint]:
        saved = await self._checkpoints.save(versioned)
        if self.bad:
            self.lost += 1
            raise StoreUnavailable("the answer was lost")
        return saved


def publisher(there: World, topic: Topic) -> ChunkPublisher:
    return ChunkPublisher(topic, Ledger(there.store.container("ledger")), there.clock)


async def renewed(there: World) -> None:
    """Wait until the claim reaches as far as it can from now."""
    async with asyncio.timeout(PATIENCE):
        while True:
            claim = (await there.checkpoint()).claim
            if claim is not None and claim.until == there.clock.now() + CLAIMED_FOR:
                return
            await asyncio.sleep(OFTEN)


async def test_a_claim_lasts_as_long_as_its_page_is_published(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        topic = SlowTopic()
        slow = there.handler(publisher=publisher(there, topic), renew_every=OFTEN)
        working = asyncio.create_task(slow([job()]))
        await topic.asked.wait()
        for revision in range(1, 5):
            there.clock.turn(minutes=4)
            await renewed(there)
            assert await there.handler()([job(revision=revision)]) == [Complete()]
            assert not needs_job(await there.checkpoint(), there.clock.now(), there.run)
        assert there.calls() == [1], "nobody else asks for the page"
        topic.confirms.set()
        assert await working == [Complete()]
        assert (await there.checkpoint()).page == 1
        there.topic.messages |= topic.messages
        await there.drain()
        assert there.calls()[:3] == [1, 2, 3]
        assert await there.ledger() == there.truth()


async def test_who_loses_its_claim_stops_at_once_and_changes_nothing_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with world(tmp_path) as there:
        topic = SlowTopic()
        slow = there.handler(publisher=publisher(there, topic), renew_every=OFTEN)
        working = asyncio.create_task(slow([job()]))
        await topic.asked.wait()
        versioned = await there.checkpoints.load(CUSTOMER, SourceCheckpoint())
        claim = versioned.value.claim
        assert claim is not None
        others = versioned.value.claimed(claim.model_copy(update={"by": "another", "nonce": "another"}))
        while True:  # a renewal may come between
            try:
                await there.checkpoints.save(versioned.with_value(others))
                break
            except WriteConflict:
                versioned = await there.checkpoints.load(CUSTOMER, SourceCheckpoint())
        assert await in_time(working) == [Complete()]
        assert topic.cancelled
        assert topic.messages == {}
        assert (await there.checkpoint()).claim == others.claim
        assert any(record.message == "a job ends, since its claim is lost" for record in caplog.records)


async def test_a_store_that_is_away_for_a_while_costs_no_claim(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        topic, store = SlowTopic(), BadStore(there.checkpoints)
        slow = there.handler(publisher=publisher(there, topic), checkpoints=store, renew_every=OFTEN)
        working = asyncio.create_task(slow([job()]))
        await topic.asked.wait()
        store.away = True
        await asyncio.sleep(5 * OFTEN)
        store.away = False
        topic.confirms.set()
        assert await working == [Complete()]
        assert (await there.checkpoint()).page == 1


async def test_renewals_whose_answers_were_lost_are_no_conflict_with_what_the_job_saves_next(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        topic, store = SlowTopic(), LosingStore(there.checkpoints)
        slow = there.handler(publisher=publisher(there, topic), checkpoints=store, renew_every=OFTEN)
        working = asyncio.create_task(slow([job()]))
        await topic.asked.wait()
        store.bad = True
        async with asyncio.timeout(PATIENCE):
            while store.lost < 2:
                there.clock.turn(seconds=1)
                await asyncio.sleep(OFTEN)
        store.bad = False
        topic.confirms.set()
        assert await in_time(working) == [Complete()]
        found = await there.checkpoint()
        assert (found.page, found.claim) == (1, None)


async def test_a_claim_that_can_not_be_renewed_in_time_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "CLAIMED_FOR", CLAIMED_FOR / 1000)
    async with world(tmp_path) as there:
        topic, store = SlowTopic(), BadStore(there.checkpoints)
        slow = there.handler(publisher=publisher(there, topic), checkpoints=store, renew_every=OFTEN)
        working = asyncio.create_task(slow([job()]))
        await topic.asked.wait()
        store.away = True
        assert await in_time(working) == [Complete()]
        assert topic.cancelled


async def test_a_message_that_comes_again_as_it_was_takes_over_what_was_claimed_for_it(tmp_path: Path) -> None:
    """As after a broker has gone and come back: it knows no locks any more, and has counted no failed delivery."""
    async with world(tmp_path) as there:
        topic = SlowTopic()
        earlier = asyncio.create_task(there.handler(publisher=publisher(there, topic))([job()]))
        await topic.asked.wait()
        earlier.cancel()
        assert await there.handler()([job()]) == [Complete()]
        assert (await there.checkpoint()).page == 1
        assert (await there.checkpoint()).claim is None


async def test_another_message_of_the_same_job_leaves_the_claim_where_it_is(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        topic = SlowTopic()
        working = asyncio.create_task(there.handler(publisher=publisher(there, topic))([job()]))
        await topic.asked.wait()
        assert await there.handler()([replace(job(), sequence_number=7)]) == [Complete()]
        assert there.calls() == [1], "nobody else asks for the page"
        topic.confirms.set()
        assert await working == [Complete()]
        assert (await there.checkpoint()).page == 1

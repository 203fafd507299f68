"""What the handler owes its host: memory, bugs, contention."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from mti.common.contracts import job_message
from mti.common.contracts.chunks import MESSAGE_LIMIT, fits
from mti.common.ports.bus import Outgoing
from mti.fetcher.publishing import GROUP, ChunkPublisher
from mti.fetcher.records.ledger import Ledger
from mti.simulators import FeedSpec
from tests.fetcher.world import CUSTOMER, GRID, OLD_CUSTOMER, Topic, job, world


class WatchedTopic(Topic):
    """Notes how many pages are being published at the same time, and how many chunks come at once."""

    def __init__(self) -> None:
        super().__init__()
        self.at_once = self.most_at_once = self.most_chunks = 0

    async def send(self, messages: Sequence[Outgoing]) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.most_chunks = max(self.most_chunks, len(messages))
        for _ in range(50):
            await asyncio.sleep(0)
        await super().send(messages)
        self.at_once -= 1


class BrokenTopic(Topic):
    async def send(self, messages: Sequence[Outgoing]) -> None:
        raise ZeroDivisionError


@pytest.mark.parametrize("room", [1, 2])
async def test_pages_do_not_pile_up_in_memory_whatever_the_concurrency(tmp_path: Path, room: int) -> None:
    async with world(tmp_path, page_size=100) as there:
        topic = WatchedTopic()
        publisher = ChunkPublisher(topic, Ledger(there.store.container("ledger")), there.clock)
        handler = there.handler(publisher=publisher, pages_in_hand=room)
        await asyncio.gather(*(handler([job(source)]) for source in (CUSTOMER, OLD_CUSTOMER, GRID)))
        assert topic.most_at_once <= room
        assert len(topic.messages) == 3


async def test_a_large_page_leaves_in_chunks_that_fit_a_few_at_a_time(tmp_path: Path) -> None:
    spec = FeedSpec(seed=3, detections=6000, distinct=6000)
    async with world(tmp_path, spec=spec, page_size=6000) as there:
        topic = WatchedTopic()
        publisher = ChunkPublisher(topic, Ledger(there.store.container("ledger")), there.clock)
        await there.handler(publisher=publisher)([job()])
        assert topic.most_chunks == GROUP
        assert all(fits(message, MESSAGE_LIMIT) for message in topic.messages.values())
        assert sum(chunk.detections for chunk in topic.chunks()) == 6000


async def test_a_bug_is_dead_lettered_and_pauses_its_source(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        publisher = ChunkPublisher(BrokenTopic(), Ledger(there.store.container("ledger")), there.clock)
        await there.queue.send([job_message(CUSTOMER, 0)])
        await there.step(there.handler(publisher=publisher))
        [(_, reason, _)] = there.queue.dead
        assert reason == "Bug"
        checkpoint = await there.checkpoint()
        assert checkpoint.pause is not None
        assert checkpoint.pause.reason == "Bug"
        assert "ZeroDivisionError" in checkpoint.pause.description
        there.clock.time = checkpoint.pause.until
        await there.fetch()
        assert await there.ledger() == there.truth()


async def test_a_checkpoint_that_was_reset_meanwhile_keeps_what_the_reset_says(tmp_path: Path) -> None:
    async with world(tmp_path, page_size=100) as there:

        class ResettingTopic(Topic):
            async def send(self, messages: Sequence[Outgoing]) -> None:
                await super().send(messages)
                versioned = await there.checkpoints.load(CUSTOMER, await there.checkpoint())
                reset = type(versioned.value)(revision=versioned.value.revision + 1, epoch=5)
                await there.checkpoints.save(versioned.with_value(reset))

        publisher = ChunkPublisher(ResettingTopic(), Ledger(there.store.container("ledger")), there.clock)
        await there.queue.send([job_message(CUSTOMER, 0)])
        await there.step(there.handler(publisher=publisher))
        checkpoint = await there.checkpoint()
        assert (checkpoint.epoch, checkpoint.covered_until) == (5, None)
        assert there.queue.waiting == []

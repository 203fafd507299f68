"""The process dies at every step in turn; whatever was done so far, nothing is lost and nothing is counted twice."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mti.common.contracts import job_message
from mti.common.errors import BusUnavailable, StoreUnavailable
from mti.common.hosting import decide
from mti.common.ports.bus import Outgoing, Sender
from mti.common.ports.settlement import Complete, Park
from mti.common.ports.store import Container, Document, Key
from mti.fetcher.handler import FetchHandler
from mti.fetcher.publishing import ChunkPublisher
from mti.fetcher.records.checkpoints import checkpoints_in
from mti.fetcher.records.ledger import Ledger
from tests.fetcher.world import CUSTOMER, NOW, World, job, world


class Killed(BaseException):
    """The process is gone: no handler of errors runs."""


class Fate:
    """Kills at one step, once. Every call of a port has two steps: before it, and after it took effect."""

    def __init__(self, at: int, error: type[BaseException] = Killed) -> None:
        self.at = at
        self.error = error
        self.passed = 0

    def step(self) -> None:
        self.passed += 1
        if self.passed == self.at:
            raise self.error("here") if self.error is Killed else self.error("it does not answer")


class FatedSender:
    def __init__(self, inner: Sender, fate: Fate) -> None:
        self._inner = inner
        self._fate = fate

    async def send(self, messages: Sequence[Outgoing]) -> None:
        self._fate.step()
        await self._inner.send(messages)
        self._fate.step()


class FatedContainer:
    def __init__(self, inner: Container, fate: Fate) -> None:
        self._inner = inner
        self._fate = fate

    async def read(self, partition: str, id: str) -> Document | None:
        self._fate.step()
        return await self._inner.read(partition, id)

    async def read_many(self, partition: str, ids: Sequence[str]) -> dict[str, Document]:
        return await self._inner.read_many(partition, ids)

    async def read_each(self, keys: Sequence[Key]) -> dict[Key, Document]:
        return await self._inner.read_each(keys)

    async def write(self, document: Document) -> Document:
        self._fate.step()
        written = await self._inner.write(document)
        self._fate.step()
        return written

    async def write_many(self, documents: Sequence[Document]) -> list[Document | None]:
        self._fate.step()
        written = await self._inner.write_many(documents)
        self._fate.step()
        return written

    async def delete(self, partition: str, id: str) -> None:
        await self._inner.delete(partition, id)

    def scan(self, partition: str, *, after: str = "", before: str | None = None) -> AsyncIterator[Document]:
        return self._inner.scan(partition, after=after, before=before)

    def partitions(self) -> AsyncIterator[str]:
        return self._inner.partitions()


def fated(there: World, fate: Fate) -> dict[str, Any]:
    ledger = Ledger(FatedContainer(there.store.container("ledger"), fate))
    return {
        "checkpoints": checkpoints_in(FatedContainer(there.store.container("checkpoints"), fate)),
        "publisher": ChunkPublisher(FatedSender(there.topic, fate), ledger, there.clock),
        "jobs": FatedSender(there.queue, fate),
    }


async def run_to_the_end(there: World, fate: Fate) -> None:
    """Run schedule and handler, and after the death both anew: what was in hand is handed out again."""
    parts = fated(there, fate)
    schedule = there.schedule(checkpoints=parts["checkpoints"], jobs=parts["jobs"])
    handler: FetchHandler | None = there.handler(**parts)
    try:
        await schedule.run_once()
    except Killed:
        schedule, handler = there.schedule(), there.handler()
        await schedule.run_once()
    while (message := there.queue.take()) is not None:
        try:
            await there.step(handler)
        except Killed:
            there.queue.again(message)
            handler = there.handler()


def alone(there: World) -> None:
    """Leave one source in the registry."""
    for source in list(there.registry.sources):
        if source != CUSTOMER:
            del there.registry.sources[source]  # type: ignore[attr-defined]


STEPS = 44
"""More than a window of three pages has, so that the last ones are runs without a death."""


@pytest.mark.parametrize("at", range(1, STEPS, 1))
async def test_a_death_at_any_step_loses_and_doubles_nothing(tmp_path: Path, at: int) -> None:
    async with world(tmp_path) as there:
        alone(there)
        fate = Fate(at)
        await run_to_the_end(there, fate)
        ids = there.topic.indicator_ids()
        assert len(ids) == len(set(ids)) == there.truth()
        assert await there.ledger() == there.truth()
        checkpoint = await there.checkpoint()
        assert checkpoint.covered_until == NOW
        assert checkpoint.claim is None
        assert len(there.calls()) <= 4
        if at == STEPS - 1:
            assert fate.passed < at, "the run has more steps than are tried"


@pytest.mark.parametrize("error", [BusUnavailable, StoreUnavailable])
@pytest.mark.parametrize("at", range(1, 20))
async def test_a_bus_or_store_that_does_not_answer_costs_nothing(
    tmp_path: Path, error: type[BaseException], at: int
) -> None:
    async with world(tmp_path) as there:
        await there.queue.send([job_message(CUSTOMER, 0)])
        await there.step(there.handler(**fated(there, Fate(at, error))))
        await there.drain()
        ids = there.topic.indicator_ids()
        assert len(ids) == len(set(ids)) == there.truth()
        assert await there.ledger() == there.truth()
        assert there.queue.dead == []


@pytest.mark.parametrize("at", [5, 6])
async def test_a_bus_that_restarts_may_hand_the_same_delivery_out_again(tmp_path: Path, at: int) -> None:
    async with world(tmp_path) as there:
        [outcome] = await decide(there.handler(**fated(there, Fate(at, BusUnavailable))), [job()])
        assert isinstance(outcome, Park)
        assert await there.ledger() == 0
        await decide(there.handler(), [job()])
        await there.drain()
        assert await there.ledger() == there.truth()


@pytest.mark.parametrize("at", range(1, 13))
async def test_a_process_and_a_bus_that_go_at_once_leave_no_source_waiting(tmp_path: Path, at: int) -> None:
    async with world(tmp_path) as there:
        with contextlib.suppress(Killed):
            await there.handler(**fated(there, Fate(at)))([job()])
        await there.handler()([job()])
        await there.drain()
        assert there.clock.slept == []
        assert await there.ledger() == there.truth()


async def test_a_job_that_stands_on_the_queue_several_times_is_fetched_once(tmp_path: Path) -> None:
    async with world(tmp_path, page_size=100) as there:
        messages = [replace(job(), sequence_number=number) for number in range(5)]
        outcomes = await asyncio.gather(*(there.handler()([message]) for message in messages))
        assert outcomes == [[Complete()]] * 5
        assert there.calls() == [1]
        assert there.topic.sends == 1


async def test_two_jobs_of_one_source_at_once_fetch_each_page_once(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        await asyncio.gather(*(there.handler()([job(revision=number)]) for number in range(5)))
        await there.drain()
        assert there.calls() == [1, 2, 3]
        assert await there.ledger() == there.truth()


async def test_a_second_delivery_takes_the_claim_of_the_first_over(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        await there.queue.send([])
        message = job()
        with pytest.raises(Killed):
            await there.handler(**fated(there, Fate(4)))([message])
        claim = (await there.checkpoint()).claim
        assert claim is not None
        await there.handler()([job(revision=99)])
        assert (await there.checkpoint()).claim == claim, "another job does not take it over"
        await there.handler()([type(message)(**{**_fields(message), "delivery_count": 1})])
        assert (await there.checkpoint()).claim is None


async def test_a_claim_that_nobody_comes_back_for_ends_by_itself(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        alone(there)
        with pytest.raises(Killed):
            await there.handler(**fated(there, Fate(4)))([job()])
        assert await there.schedule().run_once() == 0
        there.clock.turn(minutes=5, seconds=1)
        assert await there.schedule().run_once() == 1
        await there.drain()
        assert await there.ledger() == there.truth()


def _fields(message: object) -> dict[str, Any]:
    return {name: getattr(message, name) for name in message.__slots__}  # type: ignore[attr-defined]

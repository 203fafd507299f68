"""The models that the simulation stands on: the store's contract, the bus's rules, time that jumps."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest

from mti.common.contracts import FetchJob
from mti.common.errors import NoSession
from mti.common.ports.bus import Outgoing
from mti.common.ports.clock import SystemClock
from mti.common.ports.store import Store
from mti.common.topology import Entity
from mti.simulation import virtual_time
from mti.simulation.bus import HISTORY, MemorySender, ModelledEntity
from mti.simulation.parameters import Costs
from mti.simulation.receivers import MemoryBus, MemoryReceiver
from mti.simulation.store import MemoryStore
from mti.simulation.virtual_time import Stalled, VirtualClock
from tests.contract.store.contract import StoreContract

R = TypeVar("R", bound=MemoryReceiver)

HERE = Entity("topic", "here", contract=FetchJob)
SESSIONS = replace(HERE, sessions=True)
FREE = Costs(bus=0.0, session=0.0)


class TestMemoryStore(StoreContract):
    documents_beyond_a_page = 10

    @pytest.fixture
    async def store(self) -> Store:
        return MemoryStore(SystemClock())


def message(id: str, session: str | None = None, to: str = "*", due: float | None = None) -> Outgoing:
    when = None if due is None else VirtualClock().now() + timedelta(seconds=due)
    return Outgoing(body=b"", message_id=id, session_id=session, to=to, due=when)


def entity(*, sessions: bool = False) -> tuple[ModelledEntity, MemorySender, MemoryBus]:
    clock = VirtualClock()
    here = SESSIONS if sessions else HERE
    found = ModelledEntity(here, clock)
    return found, MemorySender([found], clock, FREE), MemoryBus({here: found}, FREE)


@asynccontextmanager
async def opened(opening: Awaitable[R]) -> AsyncIterator[R]:
    receiver = await opening
    try:
        yield receiver
    finally:
        await receiver.close()


def test_an_hour_passes_in_no_time_and_in_order() -> None:
    async def main() -> list[float]:
        clock, seen = VirtualClock(), []

        async def wait(seconds: float) -> None:
            await clock.sleep(seconds)
            seen.append(clock.monotonic())

        await asyncio.gather(wait(3600), wait(60), wait(1800))
        return seen

    assert virtual_time.run(main()) == [60, 1800, 3600]


def test_waiting_for_nothing_is_an_error_and_no_hang() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Stalled):
        virtual_time.run(main())


def test_messages_come_in_their_order_and_repeats_within_the_window_do_not() -> None:
    async def main() -> list[str]:
        _, sender, bus = entity()
        await sender.send([message("a"), message("b"), message("a")])
        await asyncio.sleep(HISTORY + 1)
        await sender.send([message("a"), message("elsewhere", to="another")])
        async with opened(bus.open_receiver(HERE, VirtualClock())) as receiver:
            found = await receiver.receive(10, 1)
            return [one.message_id for one in found]

    assert virtual_time.run(main()) == ["a", "b", "a"]


def test_a_scheduled_message_comes_when_it_is_due() -> None:
    async def main() -> tuple[list[str], float]:
        _, sender, bus = entity()
        await sender.send([message("later", due=40), message("now")])
        async with opened(bus.open_receiver(HERE, VirtualClock())) as receiver:
            first = await receiver.receive(10, 1)
            second = await receiver.receive(10, 60)
            return [one.message_id for one in (*first, *second)], asyncio.get_running_loop().time()

    assert virtual_time.run(main()) == (["now", "later"], 40)


def test_what_is_scheduled_is_left_until_it_came_and_was_settled() -> None:
    async def main() -> list[int]:
        found, sender, bus = entity()
        await sender.send([message("later", due=10), message("now")])
        seen = [found.left]
        async with opened(bus.open_receiver(HERE, VirtualClock())) as receiver:
            for _ in range(2):
                [received] = await receiver.receive(1, 60.0)
                await receiver.complete(received)
                seen.append(found.left)
        return seen

    assert virtual_time.run(main()) == [2, 1, 0]


def test_a_session_is_one_receivers_alone_and_goes_to_the_end_of_the_line() -> None:
    async def main() -> list[str | None]:
        _, sender, bus = entity(sessions=True)
        await sender.send([message("1", "a"), message("2", "a"), message("3", "b")])
        order: list[str | None] = []
        async with opened(bus.open_session(SESSIONS, VirtualClock(), 1)) as first:
            async with opened(bus.open_session(SESSIONS, VirtualClock(), 1)) as second:
                order += [first.session, second.session]
                await second.complete((await second.receive(9, 1))[0])
                with pytest.raises(NoSession):
                    await bus.open_session(SESSIONS, VirtualClock(), 1)
            await first.receive(1, 1)
        async with opened(bus.open_session(SESSIONS, VirtualClock(), 1)) as third:
            again = await third.receive(9, 1)
            order += [third.session, *(one.message_id for one in again)]
            assert again[0].delivery_count == 1
        return order

    assert virtual_time.run(main()) == ["a", "b", "a", "1", "2"]


def test_what_is_settled_is_gone_and_what_is_locked_is_still_there_to_be_seen() -> None:
    async def main() -> list[list[str]]:
        found, sender, bus = entity()
        await sender.send([message("1"), message("2")])
        async with opened(bus.open_receiver(HERE, VirtualClock())) as receiver:
            [first] = await receiver.receive(1, 1)
            seen = [[one.message_id for one in await receiver.peek(9)]]
            await receiver.dead_letter(first, "Why", "because")
            seen += [[one.message_id for one in await receiver.peek(9)]]
            assert [reason for _, reason, _ in found.dead] == ["Why"]
        return seen

    assert virtual_time.run(main()) == [["1", "2"], ["2"]]

"""Reaching the namespace of a folder, whether a stack runs there or not, and whatever a killed one left behind."""

import asyncio
from pathlib import Path

import httpx
import pytest

from mti.common.adapters.servicebus import ServiceBus
from mti.common.contracts import job_message
from mti.common.errors import BusUnavailable, ConfigurationError
from mti.common.topology import STANDARD
from mti.stack.attach import Attachment, attached, seen, served
from mti.stack.errors import StackError
from mti.stack.layout import Layout, namespace_config
from servicebus_local import Namespace
from tests.support.embedded import say_it_runs, taken

JOBS = "fetch-jobs"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout(tmp_path / "data")
    found.make()
    return found


async def waiting(http_port: int) -> int:
    async with httpx.AsyncClient() as client:
        return int((await client.get(f"http://127.0.0.1:{http_port}/stats")).json()[JOBS]["active"])


async def test_a_folder_without_a_stack_is_served_for_the_time_being(layout: Layout) -> None:
    async with attached(layout.root) as first:
        assert not first.running
        bus = ServiceBus.from_connection_string(first.connection_string)
        await bus.sender(STANDARD.jobs).send([job_message("contoso/malware_customer", 1)])
        await bus.close()
    async with attached(layout.root) as second:
        assert await waiting(second.http_port) == 1
        assert not layout.running.exists()


async def test_a_running_stack_is_reached_through_what_it_says_of_itself(layout: Layout) -> None:
    async with Namespace(namespace_config(), layout.bus) as namespace:
        with taken(layout):
            say_it_runs(layout, namespace.http_port, namespace.connection_string)
            async with attached(layout.root) as found:
                assert found.running
                assert (found.connection_string, found.http_port) == (
                    namespace.connection_string,
                    namespace.http_port,
                )


async def test_what_a_killed_stack_left_is_not_believed(layout: Layout) -> None:
    say_it_runs(layout, 1, "Endpoint=sb://127.0.0.1:1")
    async with attached(layout.root) as found:
        assert not found.running
        assert await waiting(found.http_port) == 0
        assert not layout.running.exists()


@pytest.mark.parametrize("stale", [True, False])
async def test_a_stack_that_is_starting_is_waited_for(layout: Layout, stale: bool) -> None:
    """Before it says where it listens, what its predecessor said may still lie there, port and all."""
    async with Namespace(namespace_config(), layout.bus) as namespace:
        with taken(layout):
            if stale:
                say_it_runs(layout, 1, "Endpoint=sb://127.0.0.1:1")

            async def attach() -> str:
                async with attached(layout.root) as found:
                    return found.connection_string

            waits = asyncio.create_task(attach())
            await asyncio.sleep(0.15)
            assert not waits.done()
            say_it_runs(layout, namespace.http_port, namespace.connection_string)
            assert await waits == namespace.connection_string


async def test_a_folder_that_is_in_use_and_does_not_answer_is_told(layout: Layout) -> None:
    with taken(layout), pytest.raises(StackError, match="in use"):
        async with attached(layout.root, patience=0.1):
            pass


async def test_a_folder_that_no_stack_ever_had_is_refused_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no folder of an embedded stack"):
        async with attached(tmp_path / "typo"):
            pass
    assert not (tmp_path / "typo").exists()


async def test_a_folder_without_a_stack_is_looked_at_without_serving_it(layout: Layout) -> None:
    async with attached(layout.root) as first:
        bus = ServiceBus.from_connection_string(first.connection_string)
        await bus.sender(STANDARD.jobs).send([job_message("contoso/malware_customer", 1)])
        await bus.close()
    say_it_runs(layout, 1, "Endpoint=sb://127.0.0.1:1")
    async with seen(layout.root) as sight:
        assert not sight.running
        assert (await sight.reader.statistics())[JOBS]["active"] == 1
        (message,) = await sight.reader.messages(JOBS, 0, 10) or []
        assert message["state"] == "active"
        assert await sight.reader.messages("nowhere", 0, 10) is None
        assert not layout.running.exists()
        with pytest.raises(StackError, match="in use"):
            async with attached(layout.root, patience=0.1):
                pass


async def test_a_running_stack_is_looked_at_through_its_administration(layout: Layout) -> None:
    async with Namespace(namespace_config(), layout.bus) as namespace:
        with taken(layout):
            say_it_runs(layout, namespace.http_port, namespace.connection_string)
            async with seen(layout.root) as sight:
                assert sight.running
                assert (await sight.reader.statistics())[JOBS]["active"] == 0
                assert await sight.reader.messages(JOBS, 0, 10) == []
                assert await sight.reader.messages("nowhere", 0, 10) is None


async def test_a_namespace_that_ends_while_it_is_looked_at_is_an_absent_bus(layout: Layout) -> None:
    async with Namespace(namespace_config(), layout.bus) as namespace:
        there = Attachment(namespace.connection_string, namespace.http_port, running=True)
    async with served(there) as sight:
        for look in (sight.reader.statistics(), sight.reader.messages(JOBS, 0, 10)):
            with pytest.raises(BusUnavailable, match="the local namespace does not answer"):
                await look

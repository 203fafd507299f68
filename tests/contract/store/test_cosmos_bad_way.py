"""What one store makes of a way to Cosmos DB that loses answers, throttles and refuses."""

import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from azure.cosmos.aio import CosmosClient

from mti.common.adapters.cosmos import CosmosStore
from mti.common.errors import StoreUnavailable, WriteConflict
from mti.common.ports.store import Container, Document
from tests.support.cosmos.deployed import KEY
from tests.support.cosmos.faulty import THROTTLED_MILLISECONDS, Fault, FaultyAccount, faulty_account


@pytest.fixture
async def account(cosmos_endpoint: str) -> AsyncIterator[FaultyAccount]:
    async with faulty_account(cosmos_endpoint, {}, seed=1) as account:
        yield account


@pytest.fixture
async def database(cosmos_endpoint: str) -> AsyncIterator[str]:
    name = f"bad-way-{uuid4().hex}"
    client = CosmosClient(cosmos_endpoint, KEY, connection_verify=False, enable_endpoint_discovery=False)
    store = CosmosStore(client, name, create=True)
    await store.container("known").read("p", "a")
    yield name
    await store.close()


@pytest.fixture
async def known(account: FaultyAccount, database: str) -> AsyncIterator[Container]:
    store = CosmosStore.open(account.address, KEY, database)
    container = store.container("known")
    await container.read("p", "none")
    yield container
    await store.close()


def document(n: int, id: str = "a", etag: str | None = None) -> Document:
    return Document(partition="p", id=id, body={"n": n}, etag=etag)


async def test_a_write_whose_answer_is_lost_is_written_once_and_is_no_conflict(
    known: Container, account: FaultyAccount
) -> None:
    account.coming = [Fault.LOST]
    created = await known.write(document(1))
    assert created == await known.read("p", "a")
    account.coming = [Fault.LOST]
    replaced = await known.write(document(2, etag=created.etag))
    assert replaced == await known.read("p", "a")
    assert account.injected == {Fault.LOST: 2}
    account.coming = [Fault.LOST]
    written = await known.write_many([document(1, id) for id in "bcd"])
    assert [found and found.body for found in written] == [{"n": 1}] * 3


async def test_new_documents_of_a_partition_are_one_request_and_a_conflict_undoes_none_of_them(
    known: Container, account: FaultyAccount
) -> None:
    before = account.passed
    written = await known.write_many([document(1, f"{n}") for n in range(100)])
    assert account.passed - before == 1
    assert [found and found.id for found in written] == [f"{n}" for n in range(100)]
    again = await known.write_many([document(2, f"{n}") for n in range(98, 102)])
    assert [found and found.id for found in again] == [None, None, "100", "101"]
    read = await known.read_many("p", [f"{n}" for n in range(98, 102)])
    assert [found.body["n"] for found in read.values()] == [1, 1, 2, 2]
    assert [read[found.id] for found in again if found is not None] == again[2:]


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.THROTTLED])
async def test_what_befalls_the_creation_of_many_is_no_conflict(
    known: Container, account: FaultyAccount, fault: Fault
) -> None:
    account.coming = [fault]
    written = await known.write_many([document(1, f"{n}") for n in range(20)])
    assert account.injected == {fault: 1}
    assert await known.read_many("p", [f"{n}" for n in range(20)]) == {found.id: found for found in written if found}
    assert None not in written


async def test_the_same_write_of_somebody_else_is_a_conflict_all_the_same(
    known: Container, account: FaultyAccount
) -> None:
    await known.write(document(1))
    for faults in ([], [Fault.LOST]):
        account.coming = list(faults)
        with pytest.raises(WriteConflict):
            await known.write(document(1))


async def test_a_store_goes_on_by_itself_when_it_is_throttled_and_not_before_it_is_told_to(
    known: Container, account: FaultyAccount
) -> None:
    account.coming = [Fault.THROTTLED] * 3
    began = time.monotonic()
    await known.write(document(1))
    assert time.monotonic() - began >= 3 * THROTTLED_MILLISECONDS / 1000
    assert account.hurried == 0


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.BEHIND, Fault.UNAVAILABLE, Fault.LOST])
async def test_what_does_not_pass_ends_in_unavailable_and_in_bounded_time(
    known: Container, account: FaultyAccount, fault: Fault
) -> None:
    account.rates = {fault: 1.0}
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        await known.write(document(1))
    with pytest.raises(StoreUnavailable):
        await known.read("p", "a")
    assert time.monotonic() - began < 90
    assert account.injected[fault] <= 24


async def test_no_more_writes_are_in_hand_than_the_store_lets_through(known: Container, account: FaultyAccount) -> None:
    await known.write_many([document(1, f"{n}") for n in range(150)])
    assert 2 <= account.writes_at_once <= 32

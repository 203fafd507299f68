"""A counted store does what its inner one does, and counts what Cosmos DB would be asked for."""

import json
from typing import Any

import pytest

from mti.common.adapters.cosmos.store import _item
from mti.common.errors import WriteConflict
from mti.common.ports.clock import SystemClock
from mti.common.ports.store import Document
from mti.operations.cost.counting import PAGE, SYSTEM_BYTES, CountedContainer, CountedStore, Kind, StoreMeter, size_of
from mti.operations.cost.prices import list_prices
from mti.simulation.store import MemoryStore

RATES = list_prices().request_units


@pytest.fixture
def meter() -> StoreMeter:
    return StoreMeter(RATES)


@pytest.fixture
def container(meter: StoreMeter) -> CountedContainer:
    return CountedStore(MemoryStore(SystemClock()), meter).container("known")


def document(id: str = "a", *, padding: int = 0, etag: str | None = None) -> Document:
    return Document(partition="p", id=id, body={"text": "x" * padding}, etag=etag)


def counted(meter: StoreMeter) -> dict[Kind, tuple[int, Any]]:
    return {kind: (each.count, pytest.approx(each.request_units)) for (_, kind), each in meter.requests.items()}


async def test_a_read_is_a_point_read_whether_there_is_anything_or_not(
    container: CountedContainer, meter: StoreMeter
) -> None:
    assert await container.read("p", "a") is None
    assert counted(meter) == {Kind.READ: (1, 1.0)}


async def test_a_write_inserts_what_is_new_and_replaces_what_was_read(
    container: CountedContainer, meter: StoreMeter
) -> None:
    written = await container.write(document())
    await container.write(document(etag=written.etag))
    assert counted(meter) == {Kind.INSERT: (1, 5.5), Kind.REPLACE: (1, 11.0)}


async def test_a_write_that_lost_is_charged_and_looks_whose_the_other_one_was(
    container: CountedContainer, meter: StoreMeter
) -> None:
    await container.write(document())
    meter.requests.clear()
    with pytest.raises(WriteConflict):
        await container.write(document())
    assert await container.write_many([document(), document("b")]) != [None, None]
    assert counted(meter) == {Kind.INSERT: (3, 16.5), Kind.READ: (2, 2.0)}
    assert meter.inserted_bytes == size_of(document("b"))


async def test_new_documents_of_a_partition_are_created_by_a_request_a_hundred(
    container: CountedContainer, meter: StoreMeter
) -> None:
    new = [document(f"{number}") for number in range(101)]
    await container.write_many([*new, Document(partition="q", id="alone", body={})])
    assert counted(meter) == {Kind.INSERT: (3, 102 * 5.5)}
    assert meter.requests["known", Kind.INSERT].documents == 102


async def test_many_keys_are_one_query_for_a_thousand_and_a_single_one_a_point_read(
    container: CountedContainer, meter: StoreMeter
) -> None:
    await container.write(document())
    meter.requests.clear()
    await container.read_each([])
    await container.read_each([("p", "a"), ("p", "a")])
    assert counted(meter) == {Kind.READ: (1, 1.0)}
    meter.requests.clear()
    await container.read_each([("p", "a"), *(("p", f"{number}") for number in range(1000))])
    first = RATES.query + 1000 * RATES.query_key + 1
    assert counted(meter) == {Kind.QUERY: (1, first), Kind.READ: (1, 1.0)}
    assert await container.read_many("p", ["a", "b"]) == {"a": await container.read("p", "a")}


async def test_a_scan_is_a_query_a_page(container: CountedContainer, meter: StoreMeter) -> None:
    await container.write_many([document(f"{number:04}") for number in range(PAGE + 1)])
    meter.requests.clear()
    assert len([each async for each in container.scan("p")]) == PAGE + 1
    assert counted(meter) == {Kind.QUERY: (2, 2 * RATES.query + PAGE + 1)}
    meter.requests.clear()
    assert [each async for each in container.scan("elsewhere")] == []
    assert counted(meter) == {Kind.QUERY: (1, RATES.query)}


async def test_partitions_are_a_query_each_and_one_that_finds_no_more(
    container: CountedContainer, meter: StoreMeter
) -> None:
    await container.write(document())
    assert [each async for each in container.partitions()] == ["p"]
    assert counted(meter)[Kind.QUERY] == (2, 2 * RATES.query)


async def test_a_removal_is_charged_like_an_insertion(container: CountedContainer, meter: StoreMeter) -> None:
    await container.write(document())
    await container.delete("p", "a")
    assert await container.read("p", "a") is None
    assert counted(meter)[Kind.DELETE] == (1, 5.5)
    assert meter.count(Kind.INSERT, Kind.DELETE) == 2


@pytest.mark.parametrize(
    "written",
    [
        document(padding=5000),
        Document(partition="contoso/malware_customer#01", id="indicator--3f2a", body={"naïve": '"quoted" \\'}, ttl=60),
        Document(partition="source", id="contoso/malware_customer", body={"revision": 4, "pause": None}),
    ],
)
def test_a_document_is_as_large_as_the_adapter_makes_it(written: Document) -> None:
    as_sent = len(json.dumps(_item(written), ensure_ascii=False, separators=(",", ":")).encode())
    assert size_of(written) - SYSTEM_BYTES == pytest.approx(as_sent, abs=8)


def test_a_large_document_costs_less_a_kilobyte() -> None:
    small, large = RATES.insert(size_of(document(padding=600))), RATES.insert(size_of(document(padding=100_000)))
    assert large / 100 < small / 8

"""Chunks that a person purged or mended, when they or others in their place come to the normalizer."""

from typing import Any

import pytest

from mti.common.contracts.envelope import REPLACES
from mti.common.ports.settlement import Complete
from mti.normalizer.records import ChunkBooks
from tests.normalizer.world import CUSTOMER, World, chunk, message, received, replayed, stix

pytestmark = pytest.mark.pure


def bad(name: str) -> list[Any]:
    return stix(name, pattern="[file:hashes.MD5 = 'beef']")


async def test_a_purged_chunk_that_comes_again_is_handled_and_takes_the_purges_place(there: World) -> None:
    found = message(stix(), stix("another"))
    id = str(found.properties["cloudEvents_id"])
    await there.ledger.enter_purged(CUSTOMER, {id: 2})
    totals = await there.ledger.totals(CUSTOMER)
    assert (totals.detections, totals.rejected, totals.closed) == (2, {"Purged": 2}, True)
    for _ in range(2):
        assert await there.normalizer()([found]) == [Complete()]
    totals = await there.ledger.totals(CUSTOMER)
    assert (totals.detections, totals.new, totals.rejected.total(), totals.closed) == (2, 2, 0, True)
    assert len(there.indicators.sent) > 0


async def test_a_purge_changes_nothing_about_a_chunk_that_was_handled(there: World) -> None:
    found = message(stix())
    id = str(found.properties["cloudEvents_id"])
    await there.normalizer()([found])
    before = await there.ledger.read(CUSTOMER, id)
    await there.ledger.enter_purged(CUSTOMER, {id: 1})
    assert await there.ledger.read(CUSTOMER, id) == before


async def test_a_replaced_chunk_that_comes_again_is_not_handled_for_the_mended_one_stands_for_it(there: World) -> None:
    found = message(stix())
    id = str(found.properties["cloudEvents_id"])
    await there.ledger.write(CUSTOMER, id, ChunkBooks.of_replaced(1, "the mended one", 1))
    assert await there.normalizer()([found]) == [Complete()]
    assert there.indicators.sent == []
    await there.ledger.reopen(CUSTOMER, id, 1)
    await there.normalizer()([found])
    assert (await there.ledger.totals(CUSTOMER)).new == 1


@pytest.mark.parametrize(
    ("records", "detections", "rejected", "added"),
    [(["d"], 3, 1, 0), (["d", "e"], 3, 0, 0), (["d", "e", "f"], 4, 0, 1)],
)
async def test_of_a_mended_part_what_is_read_now_moves_out_of_the_rejected(
    there: World, records: str, detections: int, rejected: int, added: int
) -> None:
    await there.normalizer()([message(bad("a"), bad("b"), stix("c"))])
    [part] = there.pages.sent
    body = chunk(*(stix(record) for record in records)).message(id="mended", source=CUSTOMER, subject=CUSTOMER)
    properties = {**replayed(part).properties, **body.properties, REPLACES: "the part's id"}
    assert await there.normalizer()([received(body, properties=properties)]) == [Complete()]
    totals = await there.ledger.totals(CUSTOMER)
    assert (totals.detections, totals.rejected["BadHash"], totals.added) == (detections, rejected, added)
    assert (totals.new, totals.closed) == (1 + len(records), True)

"""One chunk for many workspaces: what it costs follows from what is new in it, whatever the shards and tenants."""

import pytest

from mti.common.registry import Registry, Route
from mti.normalizer.checkpoint import Offsets
from mti.normalizer.handler import NormalizeHandler
from mti.normalizer.known import KnownIndicators, shard_of
from mti.normalizer.ledger import Ledger
from tests.normalizer.world import CUSTOMER, DEFAULT, GRID, World, message, registry, stix
from tests.support.counted import CountedContainer

FILES = [f"file {number}" for number in range(400)]


def to_many(workspaces: int) -> Registry:
    routes = tuple(
        Route(source=source, destination=f"00000000-0000-0000-0000-{number:012}", tenant=f"t{number}", policy=DEFAULT)
        for source in (GRID, CUSTOMER)
        for number in range(workspaces)
    )
    return Registry(sources=registry().sources, destinations={}, routes=routes)


def handler_of(there: World, known: CountedContainer) -> NormalizeHandler:
    return NormalizeHandler(
        there.registry,
        KnownIndicators(known, there.clock),
        Ledger(there.store.container("ledger")),
        Offsets(there.store.container("checkpoints")),
        indicators=there.indicators,
        pages=there.pages,
        to="normalizer",
    )


@pytest.mark.parametrize("workspaces", [1, 50])
@pytest.mark.parametrize("source", [GRID, CUSTOMER])
async def test_a_chunk_asks_once_what_is_withdrawn_once_what_is_known_and_writes_once(
    there: World, source: str, workspaces: int
) -> None:
    there.registry = to_many(workspaces)
    known = CountedContainer(there.store.container("known"))
    await handler_of(there, known)([message(*map(stix, FILES), source=source)])
    assert known.calls == {"read_each": 2, "write_many": 1}
    entries = await there.everything_known(source)
    assert len(entries) == len(FILES)
    assert len({shard_of(source, entry.id) for entry in entries}) == (32 if source == GRID else 4)
    assert len(there.indicators.objects()) == len(FILES) * workspaces


async def test_what_is_known_is_found_again_in_every_shard_by_one_call(there: World) -> None:
    await there.normalizer()([message(*map(stix, FILES), source=GRID)])
    entries = {entry.id: entry for entry in await there.everything_known(GRID)}
    known = CountedContainer(there.store.container("known"))
    assert await KnownIndicators(known, there.clock).look_up(GRID, [*entries, "indicator--00000000-nobody"]) == entries
    assert known.calls == {"read_each": 1}


async def test_a_chunk_of_nothing_asks_nothing_of_what_is_known(there: World) -> None:
    known = KnownIndicators(CountedContainer(there.store.container("known")), there.clock)
    assert await known.look_up(GRID, []) == {}
    assert await known.withdrawals.look_up(GRID, []) == {}

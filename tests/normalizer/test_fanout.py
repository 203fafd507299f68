"""One chunk for many workspaces: what it costs follows from what is new in it, whatever the shards and tenants."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from mti.common.comparable import comparable
from mti.common.registry import IndicatorPolicy, Registry, Route
from mti.normalizer.emitting import Emitter
from mti.normalizer.handler import NormalizeHandler
from mti.normalizer.records import KnownIndicators, Ledger, Offsets, shard_of
from tests.normalizer.world import (
    CONTOSO,
    CUSTOMER,
    DEFAULT,
    FABRIKAM,
    GRID,
    NOW,
    STRICT,
    World,
    message,
    registry,
    sha256,
    stix,
)
from tests.support.counted import CountedContainer

pytestmark = pytest.mark.pure

FILES = [f"file {number}" for number in range(400)]


def each_with(policies: Sequence[IndicatorPolicy]) -> Registry:
    """Return a registry in which the sources go to a workspace for each of these policies."""
    routes = tuple(
        Route(source=source, destination=workspace(number), tenant=f"t{number}", policy=policy)
        for source in (GRID, CUSTOMER)
        for number, policy in enumerate(policies)
    )
    return Registry(sources=registry().sources, destinations={}, routes=routes)


def workspace(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012}"


def handler_of(there: World, known: CountedContainer) -> NormalizeHandler:
    return NormalizeHandler(
        there.registry,
        Emitter(KnownIndicators(known, there.clock), there.indicators),
        Ledger(there.store.container("ledger")),
        Offsets(there.store.container("checkpoints")),
        pages=there.pages,
        to="normalizer",
    )


@pytest.mark.parametrize("workspaces", [1, 50])
@pytest.mark.parametrize("source", [GRID, CUSTOMER])
async def test_a_chunk_asks_once_what_is_withdrawn_once_what_is_known_and_writes_once(
    there: World, source: str, workspaces: int
) -> None:
    there.registry = each_with([DEFAULT] * workspaces)
    known = CountedContainer(there.store.container("known"))
    await handler_of(there, known)([message(*map(stix, FILES), source=source)])
    assert known.calls == {"read_each": 2, "scan": 2, "write_many": 1}
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


def bodies(there: World) -> set[int]:
    """Return the bodies that were made; what is equal by chance was made all the same."""
    return {id(sent.body) for sent in there.indicators.sent}


async def test_a_batch_is_packed_once_for_all_workspaces(there: World) -> None:
    there.registry = each_with([DEFAULT] * 50)
    await there.normalizer()([message(*map(stix, FILES), source=GRID)])
    assert len(there.indicators.sent) == 4 * 50
    assert len(bodies(there)) == 4


async def test_allow_lists_of_other_things_make_no_work_of_their_own(there: World) -> None:
    there.registry = each_with([replace(DEFAULT, allow_list=frozenset({f"t{number}.example"})) for number in range(50)])
    await there.normalizer()([message(*map(stix, FILES), source=GRID)])
    assert len(there.indicators.sent) == 4 * 50
    assert len(bodies(there)) == 4
    totals = await there.ledger.totals(GRID)
    assert (totals.detections, totals.new, totals.indicators_new) == (400, 400, 400)


async def test_an_allow_list_that_names_something_of_the_chunk_holds_for_its_workspace_alone(there: World) -> None:
    lists = [{sha256("file 1"), "t0.example"}, {"t1.example"}, {"evil.example", "t2.example"}, set(), {"EVIL.example."}]
    there.registry = each_with([replace(DEFAULT, allow_list=frozenset(map(comparable, found))) for found in lists])
    domain = stix(pattern="[domain-name:value = 'Evil.Example']")
    await there.normalizer()([message(stix("file 1"), stix("file 2"), domain, source=GRID)])
    everything = {sha256("file 1"), sha256("file 2"), "evil.example"}
    held = [there.indicators.values(workspace(number)) for number in range(5)]
    assert held == [everything - {sha256("file 1")}, everything, everything - {"evil.example"}, everything, held[2]]
    assert len(bodies(there)) == 3
    assert (await there.ledger.totals(GRID)).new == 3


async def test_what_is_to_be_sent_differently_is_packed_for_each_policy(there: World) -> None:
    there.registry = each_with([DEFAULT, STRICT, replace(DEFAULT, confidence=7), DEFAULT])
    await there.normalizer()([message(stix("file 1"), source=GRID)])
    assert [found["confidence"] for found in there.indicators.objects()] == [80, 80, 50, 7]
    assert len(bodies(there)) == 3


async def test_what_a_chunk_is_sent_as_has_the_ids_that_it_has_always_had(there: World) -> None:
    """A release that gave other ids would send once more what the one before it had sent when it was stopped."""
    records = [stix(f"file {number}", NOW - timedelta(seconds=number)) for number in range(250)]
    await there.normalizer()([message(*records, source=GRID)])
    found = [(sent.session_id, sent.message_id, sent.properties["cloudEvents_id"]) for sent in there.indicators.sent]
    assert found == [
        (destination, id, id)
        for destination, ids in (
            (
                CONTOSO,
                (
                    "92f2efa0dad50b74dea0b28c346534a2ea08b764",
                    "8382b427e92e4f9bf1e031a5a9cd392948899d70",
                    "1b0059d1886415882ad021c334a959a846c3248b",
                ),
            ),
            (
                FABRIKAM,
                (
                    "337babb9bbecdf850d7770be7495e2974755ce1c",
                    "dbad9d10a2a9020d93971dd0b381f28109fdda1d",
                    "67953909c9ae942b29f5ad105153f6d4c95a4ecc",
                ),
            ),
        )
        for id in ids
    ]

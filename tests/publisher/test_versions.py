"""What is known of the workspaces, in the store, with others writing at the same time."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from mti.common.contracts import Carried
from mti.common.errors import StoreUnavailable
from mti.common.ports.store import Container, Document
from mti.publisher.records import (
    PURGED,
    SHARDS,
    Accept,
    PassOver,
    PublishedVersions,
    Refuse,
    Withdraw,
    key_of,
    partition_of,
    shard_of,
)
from mti.publisher.records.versions import SEEN
from tests.publisher.test_guard import item
from tests.publisher.world import CONTOSO, FABRIKAM, World, indicator, refuse
from tests.support.counted import CountedContainer
from tests.support.service_world import NOW

ID = indicator("a").id


class Racing:
    """A container in which somebody else records something between each read and write."""

    def __init__(self, inner: Container, rivals: Sequence[Accept], versions: PublishedVersions) -> None:
        self._inner = inner
        self._rivals = list(rivals)
        self._versions = versions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def write_many(self, documents: Sequence[Document]) -> list[Document | None]:
        if self._rivals:
            await self._versions.record(CONTOSO, [self._rivals.pop(0)])
        return await self._inner.write_many(documents)


async def test_a_lost_race_is_read_again_and_the_newest_wins(there: World) -> None:
    container = there.store.container("published")
    for mine, rival in ((1, 2), (4, 3)):
        racing = Racing(container, [Accept(item(hours=rival))], there.versions)
        recorded = await PublishedVersions(racing, there.clock).record(CONTOSO, [Accept(item(hours=mine))])
        assert recorded[ID].version == indicator("a", hours=max(mine, rival)).modified
    assert (await there.versions.look_up(CONTOSO, [ID]))[ID].version == indicator("a", hours=4).modified


async def test_a_race_that_never_ends_is_given_up_with_a_clear_error(there: World) -> None:
    rivals = [Accept(item(hours=number)) for number in range(2, 30)]
    racing = Racing(there.store.container("published"), rivals, there.versions)
    with pytest.raises(StoreUnavailable, match="written by somebody else"):
        await PublishedVersions(racing, there.clock).record(CONTOSO, [Accept(item(hours=99))])


async def test_workspaces_are_kept_apart_and_spread_over_shards(there: World) -> None:
    names = [f"file-{number}" for number in range(200)]
    await there.versions.record(CONTOSO, [Accept(item(name)) for name in names])
    await there.versions.record(FABRIKAM, [Accept(item("elsewhere"))])
    found = [id for shard in SHARDS async for id, _ in there.versions.scan(CONTOSO, shard)]
    assert sorted(found) == sorted(indicator(name).id for name in names)
    partitions = {name async for name in there.store.container("published").partitions()}
    assert len(partitions) > 12


async def test_a_batch_is_looked_up_and_recorded_by_one_call_each_whatever_shards_it_is_of(there: World) -> None:
    names = [f"file-{number}" for number in range(200)]
    container = CountedContainer(there.store.container("published"))
    versions = PublishedVersions(container, there.clock)
    await versions.record(CONTOSO, [Accept(item(name)) for name in names])
    assert container.calls == {"read_each": 1, "write_many": 1}
    found = await versions.look_up(CONTOSO, [indicator(name).id for name in (*names, "unheard of")])
    assert container.calls == {"read_each": 2, "write_many": 1}
    assert found.keys() == {indicator(name).id for name in names}
    assert len({shard_of(id) for id in found}) == len(SHARDS)


async def test_what_was_refused_and_what_was_passed_over_is_remembered(there: World) -> None:
    await there.versions.record(CONTOSO, [Accept(item()), refuse(item(hours=2), "no")])
    await there.versions.record(CONTOSO, [PassOver(item(hours=3, source="grid:eu"))])
    found = (await there.versions.look_up(CONTOSO, [ID]))[ID]
    assert found.version == indicator("a").modified
    assert found.refused is not None
    assert (found.refused.version, found.refused.description) == (indicator("a", hours=2).modified, "no")
    assert found.settles(indicator("a", hours=3).modified)
    assert not found.settles(indicator("a", hours=4).modified)


async def test_a_version_that_is_accepted_later_ends_the_refusal(there: World) -> None:
    await there.versions.record(CONTOSO, [refuse(item(), "no")])
    await there.versions.record(CONTOSO, [Accept(item(hours=1))])
    found = (await there.versions.look_up(CONTOSO, [ID]))[ID]
    assert found.refused is None
    assert found.accepted == 1


async def test_a_purge_is_a_refusal_of_what_the_workspace_has_not_and_touches_nothing_else(there: World) -> None:
    def purge(hours: int = 0) -> Refuse:
        return refuse(item(hours=hours), "a person purged it", PURGED)

    await there.versions.record(CONTOSO, [Accept(item(hours=1)), purge(hours=1), purge()])
    held = (await there.versions.look_up(CONTOSO, [ID]))[ID]
    assert (held.version, held.refused) == (indicator("a", hours=1).modified, None)
    await there.versions.record(CONTOSO, [purge(hours=2)])
    found = (await there.versions.look_up(CONTOSO, [ID]))[ID]
    assert found.refused is not None
    assert found.refused.reason == "Purged"
    assert found.changed(refused=None) == held
    await there.versions.record(CONTOSO, [refuse(item(hours=3), "no"), purge(hours=3)])
    refused = (await there.versions.look_up(CONTOSO, [ID]))[ID].refused
    assert refused is not None
    assert (refused.reason, refused.description) == ("ObjectRefused", "no")
    await there.versions.record(CONTOSO, [Accept(item(hours=3))])
    assert (await there.versions.look_up(CONTOSO, [ID]))[ID].refused is None


async def test_a_refusal_is_remembered_for_as_long_as_its_version_is_valid_and_longer(there: World) -> None:
    until = there.clock.now() + timedelta(days=365)
    long = replace(item(), object=Carried.of(item().object.indicator.model_copy(update={"valid_until": until})))
    await there.versions.record(CONTOSO, [refuse(long, "no")])
    container = there.store.container("published")
    document = await container.read(partition_of(CONTOSO, shard_of(ID)), ID)
    assert document is not None
    assert document.ttl is not None
    assert document.ttl > timedelta(days=365 + 80).total_seconds()


class TestWhatWasLookedUp:
    async def test_it_is_not_read_again_for_the_change_that_follows(self, there: World) -> None:
        await there.versions.record(CONTOSO, [Accept(item("old"))])
        container = CountedContainer(there.store.container("published"))
        versions = PublishedVersions(container, there.clock)
        await versions.look_up(CONTOSO, [indicator("old").id, indicator("new").id])
        changes = [Accept(item("old", hours=1)), Accept(item("new"))]
        recorded = await versions.record(CONTOSO, changes)
        assert container.calls == {"read_each": 1, "write_many": 1}
        assert recorded == await there.versions.look_up(CONTOSO, list(recorded))
        await versions.record(CONTOSO, [Accept(item("old", hours=2))])
        assert container.calls == {"read_each": 2, "write_many": 2}

    async def test_what_somebody_else_wrote_since_is_not_lost(self, there: World) -> None:
        versions = there.versions
        await versions.look_up(CONTOSO, [ID])
        await there.versions.record(CONTOSO, [Withdraw(id=ID, at=NOW)])
        recorded = await versions.record(CONTOSO, [Accept(item())])
        assert recorded[ID].withdrawn == NOW
        assert (await there.versions.look_up(CONTOSO, [ID])) == recorded

    async def test_what_would_change_nothing_of_it_is_read_again(self, there: World) -> None:
        versions = there.versions
        await versions.record(CONTOSO, [Accept(item())])
        await versions.look_up(CONTOSO, [ID])
        await there.versions.record(CONTOSO, [Withdraw(id=ID, at=NOW)])
        recorded = await versions.record(CONTOSO, [Accept(item())])
        assert recorded[ID].withdrawn == NOW

    async def test_what_is_gone_since_is_made_anew(self, there: World) -> None:
        versions, container = there.versions, there.store.container("published")
        await versions.record(CONTOSO, [Accept(item())])
        await versions.look_up(CONTOSO, [ID])
        await container.delete(*key_of(CONTOSO, ID))
        recorded = await versions.record(CONTOSO, [Accept(item(hours=1))])
        assert recorded[ID].accepted == 1

    async def test_it_is_kept_in_mind_within_a_bound(self, there: World) -> None:
        container = CountedContainer(there.store.container("published"))
        versions = PublishedVersions(container, there.clock)
        await versions.look_up(CONTOSO, [ID])
        await versions.look_up(CONTOSO, [f"indicator--{number:08x}-0000-4000-8000-0" for number in range(SEEN)])
        await versions.record(CONTOSO, [Accept(item())])
        assert container.calls == {"read_each": 3, "write_many": 1}

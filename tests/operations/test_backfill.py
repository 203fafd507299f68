from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from mti.common.contracts.envelope import PREFIX, REBUILT
from mti.common.errors import ConfigurationError
from mti.common.registry import Registry, Route
from mti.normalizer.records import EVERYONE
from mti.operations.backfill import Backfill, BackfillTaken, Selection
from tests.normalizer.world import (
    CONTOSO,
    CUSTOMER,
    DEFAULT,
    GRID,
    MSSP,
    Crash,
    Fuse,
    FusedContainer,
    FusedSender,
    Outbox,
    StandingClock,
    World,
    at,
    message,
    row,
    sha256,
    stix,
)

FILES = [f"file {number}" for number in range(230)]
LATE = "00000000-0000-0000-0000-00000000000d"
SELECTION = Selection(tenant="northwind")


def joined(registry: Registry) -> Registry:
    """Return the registry after a tenant joined whose workspace gets the grid and contoso's feed."""
    ways = [Route(source=source, destination=LATE, tenant="northwind", policy=DEFAULT) for source in (CUSTOMER, GRID)]
    return replace(registry, routes=(*registry.routes, *ways))


class Pacing(StandingClock):
    slept: list[float]

    async def sleep(self, seconds: float) -> None:
        self.__dict__.setdefault("slept", []).append(seconds)


class FusedStore:
    def __init__(self, world: World, fuse: Fuse) -> None:
        self._world, self._fuse = world, fuse

    def container(self, name: str) -> FusedContainer:
        return FusedContainer(self._world.store.container(name), self._fuse)

    async def close(self) -> None:
        return


_runs = count(1)


def backfill(world: World, outbox: Outbox, fuse: Fuse | None = None, **options: Any) -> Backfill:
    burning = fuse or Fuse()
    given: dict[str, Any] = {"clock": world.clock, "new_run": lambda: f"run{next(_runs)}", **options}
    return Backfill(joined(world.registry), FusedStore(world, burning), FusedSender(outbox, burning), **given)


async def normalize(world: World, files: Sequence[str] = FILES) -> None:
    await world.normalizer()([message(*(row(file) for file in files[:150]), csv=True)])
    await world.normalizer()([message(*(stix(file) for file in files[100:]), source=GRID)])
    world.indicators.messages = [each for each in world.indicators.sent if each.session_id == CONTOSO]


async def test_a_late_joiner_gets_byte_for_byte_what_the_others_got(normalized: World) -> None:
    await normalize(normalized)
    sent = Outbox()
    (done,) = await backfill(normalized, sent).run(SELECTION)
    assert {found.session_id for found in sent.sent} == {LATE}
    got, others = sent.objects(LATE), normalized.indicators.objects(CONTOSO)
    assert sorted(map(str, got)) == sorted(map(str, others))
    assert done.progress.sent == len(got) == len(others)
    assert done.progress.messages == len(sent.sent) <= len(got) // 100 + 2
    assert done.progress.finished is not None


async def test_what_is_not_valid_any_more_is_left_out_and_counted(normalized: World) -> None:
    await normalized.normalizer()([message(stix("old", at(days=-31)), stix("new"))])
    sent = Outbox()
    (done,) = await backfill(normalized, sent).run(SELECTION)
    assert sent.values() == {sha256("new")}
    assert (done.progress.sent, done.progress.expired) == (1, 1)


async def test_what_was_withdrawn_or_allowed_since_is_left_out_and_counted(normalized: World) -> None:
    await normalized.normalizer()([message(stix("a"), stix("b"), stix("c"))])
    known = {entry.observable.value: entry for entry in await normalized.everything_known(CUSTOMER)}
    await normalized.known.withdrawals.withdraw(EVERYONE, {known[sha256("a")].observable: 0}, at(), "a false alarm")
    policy = replace(DEFAULT, allow_list=frozenset({sha256("b")}))
    normalized.registry = replace(
        normalized.registry,
        routes=[Route(source=CUSTOMER, destination=LATE, tenant="northwind", policy=policy)],
    )
    sent = Outbox()
    work = Backfill(normalized.registry, normalized.store, sent, normalized.clock, lambda: "run")
    (done,) = await work.run(SELECTION)
    assert sent.values() == {sha256("c")}
    assert done.progress.withheld == 2


async def test_killed_at_any_step_and_run_again_it_sends_everything_and_nothing_twice(normalized: World) -> None:
    await normalize(normalized)
    whole = Outbox()
    await backfill(normalized, whole).run(SELECTION)
    steps = Fuse()
    await backfill(normalized, Outbox(), steps).run(replace(SELECTION, source=GRID))
    for step in range(1, steps.burnt + 8):
        sent = Outbox()
        selection = replace(SELECTION, rebuilt=bool(step % 2))
        with pytest.raises(Crash):
            await backfill(normalized, sent, Fuse(step)).run(selection)
        first = {found.message_id for found in sent.sent}
        await backfill(normalized, sent).run(selection)
        once = {found.message_id: found for found in sent.sent}
        runs = {id.partition("~b")[2] for id in once}
        assert len(runs) == 1 or not first
        assert sorted(str(each) for found in once.values() for each in Outbox([found]).objects()) == sorted(
            map(str, whole.objects())
        )


async def test_a_second_run_has_a_name_of_its_own_and_passes_duplicate_detection(normalized: World) -> None:
    await normalize(normalized, FILES[:160])
    first, second = Outbox(), Outbox()
    await backfill(normalized, first).run(SELECTION)
    await backfill(normalized, second).run(SELECTION)
    assert {found.message_id for found in first.sent}.isdisjoint(found.message_id for found in second.sent)
    assert first.values() == second.values()


async def test_a_dry_run_counts_and_does_nothing(normalized: World) -> None:
    await normalize(normalized, FILES[:160])
    sent, real = Outbox(), Outbox()
    (dry,) = await backfill(normalized, sent).run(SELECTION, dry_run=True)
    (done,) = await backfill(normalized, real).run(SELECTION)
    assert sent.sent == []
    assert (dry.progress.sent, dry.progress.messages) == (done.progress.sent, done.progress.messages)
    assert not done.resumed


async def test_it_leaves_room_for_what_comes_in_meanwhile(normalized: World) -> None:
    await normalize(normalized)
    clock = Pacing()
    sent = Outbox()
    await backfill(normalized, sent, clock=clock, rate=50.0).run(SELECTION)
    assert sum(clock.slept) == pytest.approx(len(sent.sent) * 60 / 50)


async def test_only_a_workspace_that_was_built_anew_gets_the_mark_that_lets_it_through(normalized: World) -> None:
    await normalize(normalized, FILES[:160])
    late, anew = Outbox(), Outbox()
    await backfill(normalized, late).run(SELECTION)
    await backfill(normalized, anew).run(replace(SELECTION, rebuilt=True))
    assert not any(REBUILT in found.properties for found in late.sent)
    assert len({found.properties[REBUILT] for found in anew.sent}) == 1


async def test_of_two_at_once_one_ends(normalized: World) -> None:
    await normalize(normalized, FILES[:160])
    inside = Outbox()

    class Meddling(Outbox):
        async def send(self, messages: Any) -> None:
            await backfill(normalized, inside).run(SELECTION)

    with pytest.raises(BackfillTaken, match=LATE):
        await backfill(normalized, Meddling()).run(SELECTION)
    assert inside.values()


async def test_one_workspace_or_one_source_can_be_meant(normalized: World) -> None:
    await normalize(normalized, FILES[:160])
    sent = Outbox()
    await backfill(normalized, sent).run(Selection(tenant="contoso", destination=MSSP))
    assert {found.session_id for found in sent.sent} == {MSSP}
    sent = Outbox()
    await backfill(normalized, sent).run(Selection(tenant="contoso", source=GRID))
    assert {found.session_id for found in sent.sent} == {CONTOSO}
    assert {found.properties[f"{PREFIX}source"] for found in sent.sent} == {f"/sources/{GRID}"}


async def test_an_unknown_tenant_or_way_is_named_with_what_there_is(normalized: World) -> None:
    with pytest.raises(ConfigurationError, match=r"no tenant 'adatum'.*contoso, fabrikam"):
        await backfill(normalized, Outbox()).run(Selection(tenant="adatum"))
    with pytest.raises(ConfigurationError, match=r"no such route.*grid:eu to"):
        await backfill(normalized, Outbox()).run(Selection(tenant="northwind", source="x"))

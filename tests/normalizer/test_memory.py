"""What a process remembers saves the store a question and changes no answer, whatever others write meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from mti.common.ports.bus import Received
from mti.common.ports.settlement import Complete
from mti.common.registry import IndicatorPolicy
from mti.normalizer.decisions import is_due
from mti.normalizer.emitting import Emitter
from mti.normalizer.grouping import Group
from mti.normalizer.handler import NormalizeHandler
from mti.normalizer.observables import MD5, SHA256, Observable, indicator_id
from mti.normalizer.records import EVERYONE, Emission, KnownIndicator, KnownIndicators, Ledger, Offsets, rule_of
from mti.normalizer.records.audiences import WORTH_READING
from mti.normalizer.records.memory import REMEMBERED, Memory, due_from
from tests.normalizer.world import (
    CUSTOMER,
    DEFAULT,
    GRID,
    NOW,
    STRICT,
    World,
    at,
    message,
    received,
    registry,
    sha256,
    stix,
    world,
)
from tests.support.counted import CountedContainer
from tests.support.service_world import TurnedClock

A = Observable(SHA256.key, sha256("a"))


@dataclass
class Process:
    """A normalizer that lives for longer than one message, and how often it asked what is known."""

    there: World
    clock: TurnedClock = field(default_factory=TurnedClock)

    def __post_init__(self) -> None:
        self.known = CountedContainer(self.there.store.container("known"))
        self.handler = NormalizeHandler(
            self.there.registry,
            Emitter(KnownIndicators(self.known, self.clock), self.there.indicators),
            Ledger(self.there.store.container("ledger")),
            Offsets(self.there.store.container("checkpoints")),
            pages=self.there.pages,
            to="normalizer",
        )

    async def handle(self, chunk: Received) -> int:
        """Handle a chunk, and return how often the store was asked what is known."""
        before = self.known.calls["read_each"]
        assert await self.handler([chunk]) == [Complete()]
        return self.known.calls["read_each"] - before


async def totals(there: World) -> tuple[int, int, int, int]:
    found = await there.ledger.totals(CUSTOMER)
    return found.new, found.refreshed, found.suppressed, found.rejected["Withdrawn"]


async def test_what_a_process_knows_is_not_asked_of_the_store(there: World) -> None:
    process = Process(there)
    assert await process.handle(message(stix("a"), stix("b"))) == 2
    assert await process.handle(message(stix("a", at(hours=1)), stix("b", at(hours=2)))) == 0
    assert await process.handle(message(stix("a", at(hours=3)), stix("c"))) == 1
    assert await process.handle(message(stix("c", at(hours=1)))) == 0
    assert await totals(there) == (3, 0, 4, 0)


async def test_what_is_known_of_another_process_is_learnt_from_the_store(there: World) -> None:
    await Process(there).handle(message(stix("a")))
    process = Process(there)
    assert [await process.handle(message(stix("a", at(hours=n)))) for n in (1, 2)] == [2, 0]
    assert await totals(there) == (1, 0, 2, 0)


async def test_a_sighting_that_is_due_is_decided_on_what_the_store_says(there: World) -> None:
    one, other = Process(there), Process(there)
    await one.handle(message(stix("a")))
    await other.handle(message(stix("a", at(days=20))))
    assert await one.handle(message(stix("a", at(days=21)))) == 1
    assert await totals(there) == (1, 1, 1, 0)
    assert await one.handle(message(stix("a", at(days=36)))) == 1
    assert await totals(there) == (1, 2, 1, 0)


async def test_what_was_withdrawn_and_lifted_is_seen_at_once(there: World) -> None:
    process = Process(there)
    await process.handle(message(stix("a")))
    for audience in (EVERYONE, CUSTOMER):
        await there.known.withdrawals.withdraw(audience, [A], at(), "a false alarm")
        process.clock.turn(seconds=1)
        assert await process.handle(message(stix("a", at(hours=1), name=f"{audience} 1"))) == 2
        await there.known.withdrawals.lift(audience, [A], at(hours=2))
        process.clock.turn(seconds=1)
        await process.handle(message(stix("a", at(hours=2), name=f"{audience} 2")))
        # The marks had changed while that was looked up, so the next one asks once more.
        asked = [await process.handle(message(stix("a", at(hours=n), name=audience))) for n in (3, 4)]
        assert asked == [1, 0]
    assert await totals(there) == (3, 0, 4, 2)


async def test_an_unchanged_mark_is_looked_at_once_in_a_while_and_alone(there: World) -> None:
    process = Process(there)
    await process.handle(message(stix("a")))
    process.clock.turn(seconds=1)
    assert [await process.handle(message(stix("a", at(hours=n)))) for n in (1, 2)] == [1, 0]
    process.clock.turn(minutes=11)
    assert await process.handle(message(stix("a", at(hours=3)))) == 2


async def test_a_chunk_that_comes_again_is_looked_up_whatever_is_remembered(there: World) -> None:
    process = Process(there)
    chunk = message(stix("a"))
    await process.handle(chunk)
    later = message(stix("a", at(hours=1)))
    assert await process.handle(received_again(later)) == 1
    await there.store.container("ledger").delete(CUSTOMER, str(chunk.properties["cloudEvents_id"]))
    assert await process.handle(chunk) == 1
    assert (await totals(there))[0] == 1


def received_again(chunk: Received) -> Received:
    return received(chunk.copy(message_id=chunk.message_id), delivery_count=1)


async def test_nothing_is_remembered_beyond_what_it_says(there: World) -> None:
    process = Process(there)
    await process.handle(message(stix("a")))
    process.clock.turn(days=15, seconds=1)
    assert await process.handle(message(stix("a", at(hours=1)))) > 0
    assert await totals(there) == (1, 0, 1, 0)


def test_the_memory_is_bounded() -> None:
    memory = Memory()
    for number in range(3 * REMEMBERED):
        memory.learn(CUSTOMER, known(Observable(MD5.key, f"{number:032x}")), [DEFAULT])
    seen = {Observable(MD5.key, f"{number:032x}"): at(hours=1) for number in range(3 * REMEMBERED)}
    assert REMEMBERED <= len(memory.of(CUSTOMER).suppressed(seen, DEFAULT, NOW)) <= 2 * REMEMBERED + 1
    assert memory.of(CUSTOMER).suppressed(seen, STRICT, NOW) == set()


def known(observable: Observable = A, **fields: Any) -> KnownIndicator:
    whole = {"created": NOW, "version": NOW, "valid_until": at(days=30), "sightings": 1, "first_by": "c", **fields}
    return KnownIndicator(id=indicator_id(observable), observable=observable, **whole)


SECONDS = st.integers(0, 4_000_000)
POLICIES = st.builds(
    IndicatorPolicy,
    validity=st.integers(0, 40).map(lambda days: timedelta(days=days, seconds=1)),
    refresh_after=st.floats(0, 1) | st.just(0.5),
)


@given(POLICIES, SECONDS, SECONDS, st.dictionaries(POLICIES, SECONDS, max_size=3), SECONDS)
def test_up_to_when_a_sighting_changes_nothing_is_what_the_decision_says(
    policy: IndicatorPolicy, version: int, lasts: int, emitted: dict[IndicatorPolicy, int], seen: int
) -> None:
    entry = known(
        version=at(seconds=version),
        valid_until=at(seconds=version + lasts + 1),
        emitted={
            rule_of(other): Emission(at(seconds=when), at(seconds=when) + other.validity)
            for other, when in emitted.items()
        },
    )
    from_then_on = due_from(entry, policy)
    for moment in (at(seconds=seen), from_then_on, from_then_on - timedelta(microseconds=1)):
        found = Group(A, moment, moment, 1, entry.facts, 0, 0)
        assert is_due(found, entry, policy) == (moment >= from_then_on)


SIGHTINGS = st.tuples(st.sampled_from("abc"), st.integers(0, 60))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("seen"), st.lists(SIGHTINGS, min_size=1, max_size=4)),
        st.tuples(st.just("withdraw"), st.sampled_from("abc")),
        st.tuples(st.just("lift"), st.sampled_from("abc")),
        st.tuples(st.just("forget"), st.sampled_from("abc")),
        st.tuples(st.just("policy"), st.tuples(st.sampled_from([10, 30]), st.sampled_from([0.1, 0.5]))),
    ),
    max_size=12,
)  # fmt: skip


@settings(deadline=None, max_examples=25)
@given(STEPS, st.lists(st.integers(0, 1), min_size=12, max_size=12), st.sampled_from([1, 2, WORTH_READING]))
async def test_processes_that_remember_come_to_what_those_do_that_never_do(
    steps: Sequence[tuple[str, Any]], turns: Sequence[int], worth_reading: int
) -> None:
    worth = patch("mti.normalizer.records.audiences.WORTH_READING", worth_reading)
    with worth, TemporaryDirectory() as folder:
        assert await played(Path(folder) / "kept", steps, turns) == await played(Path(folder) / "new", steps, None)


async def played(folder: Path, steps: Sequence[tuple[str, Any]], turns: Sequence[int] | None) -> Any:
    """Return what is known, counted and sent after all steps: by two processes in turn, or by a new one for each."""
    folder.mkdir()
    async with world(folder) as there:
        processes = [Process(there), Process(there)]
        for number, (what, value) in enumerate(steps):
            withdrawals, moment = there.known.withdrawals, at(minutes=number)
            observables = [Observable(SHA256.key, sha256(str(value)))]
            for process in processes:
                process.clock.turn(seconds=1)
            if what == "seen":
                process = processes[turns[number]] if turns is not None else Process(there)
                records = [stix(file, at(days=days), name=f"{number}") for file, days in value]
                await process.handle(message(*records, source=GRID))
            elif what == "withdraw":
                await withdrawals.withdraw(EVERYONE, observables, moment, None)
            elif what == "lift":
                await withdrawals.lift(EVERYONE, observables, moment)
            elif what == "forget":
                await withdrawals.forget_known(GRID, observables, moment)
            else:
                days, refresh_after = value
                policy = IndicatorPolicy(validity=timedelta(days=days), refresh_after=refresh_after)
                there.registry = registry(policy=policy)
                for process in processes:
                    process.handler._registry = there.registry
        entries = sorted((entry.id, repr(entry.body())) for entry in await there.everything_known(GRID))
        sent = [(each.message_id, each.body) for each in there.indicators.sent]
        return entries, repr(await there.ledger.totals(GRID)), sent

"""What was withdrawn is read once, as a whole, and holds while its marks stand."""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence

import pytest

from mti.common.ports.store import Container, Document, Key
from mti.common.registry import IndicatorPolicy
from mti.normalizer.observables import MD5, SHA256, Observable, indicator_id
from mti.normalizer.records import EVERYONE, KnownIndicator, KnownIndicators, Standing, Withdrawals
from mti.normalizer.records.audiences import Audiences
from tests.normalizer.world import CUSTOMER, DEFAULT, GRID, World, at, md5, sha256
from tests.support.counted import CountedContainer
from tests.support.service_world import TurnedClock

A, B = Observable(SHA256.key, sha256("a")), Observable(MD5.key, md5("b"))


@pytest.fixture(autouse=True)
def _each_is_worth_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AUDIENCES + "WORTH_READING", 1)


AUDIENCES = "mti.normalizer.records.audiences."
POLICIES: Sequence[IndicatorPolicy] = [DEFAULT]


class Asked(CountedContainer):
    """Keeps the keys that were asked for last, and lets something happen before they are."""

    def __init__(self, inner: Container) -> None:
        super().__init__(inner)
        self.keys: Sequence[Key] = ()
        self.before: Callable[[], Awaitable[object]] | None = None

    async def read_each(self, keys: Sequence[Key]) -> dict[Key, Document]:
        """Keep the keys; let happen first what is to."""
        if self.before is not None:
            before, self.before = self.before, None
            await before()
        self.keys = keys
        found: dict[Key, Document] = await self.__getattr__("read_each")(keys)
        return found


class Recalling:
    """What is known in one process."""

    def __init__(self, there: World) -> None:
        self.clock = TurnedClock()
        self.asked = Asked(there.store.container("known"))
        self.known = KnownIndicators(self.asked, self.clock)

    async def standings(self, source: str = CUSTOMER) -> dict[Observable, Standing]:
        """Return how `A` and `B` stand; the memory of marks has run out each time."""
        self.clock.turn(seconds=1)
        found = await self.known.recall(source, {A: at(), B: at()}, POLICIES, anew=False)
        return dict(found.standings)

    async def suppressed(self) -> Collection[Observable]:
        """Return which of `A` and `B` are known to be suppressed without asking."""
        self.clock.turn(seconds=1)
        return (await self.known.recall(CUSTOMER, {A: at(), B: at()}, POLICIES, anew=False)).remembered

    @property
    def withdrawals_asked(self) -> int:
        return sum(partition.startswith("withdrawn|") for partition, _ in self.asked.keys)

    def calls(self) -> Counter[str]:
        """Return the calls since the last time."""
        calls, self.asked.calls = Counter(self.asked.calls), Counter()
        return calls


WITHDRAWN = Standing(withdrawn=True)


async def test_the_store_is_not_asked_again_for_what_nobody_withdrew(there: World) -> None:
    process = Recalling(there)
    assert await process.standings() == {}
    assert process.calls() == {"read_each": 2, "scan": 2}
    for _ in range(3):
        assert await process.standings() == {}
        assert process.withdrawals_asked == 0
    assert process.calls() == {"read_each": 3}
    assert await process.standings(GRID) == {}  # whose other audience is everyone too
    assert process.calls() == {"read_each": 2, "scan": 1}


async def test_for_a_few_an_audience_is_not_read_and_what_is_kept_counts(
    there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AUDIENCES + "WORTH_READING", 3)
    process = Recalling(there)
    await there.known.withdrawals.withdraw(EVERYONE, [A], at(), None)
    assert await process.standings() == {A: WITHDRAWN}
    assert process.withdrawals_asked == 4
    assert process.calls()["scan"] == 0
    monkeypatch.setattr(AUDIENCES + "WORTH_READING", 2)
    await process.standings()
    monkeypatch.setattr(AUDIENCES + "WORTH_READING", 3)
    assert await process.standings() == {A: WITHDRAWN}
    assert process.withdrawals_asked == 0
    await there.known.withdrawals.withdraw(EVERYONE, [B], at(), None)
    for _ in range(2):
        assert await process.standings() == {A: WITHDRAWN, B: WITHDRAWN}
    assert process.withdrawals_asked == 2


@pytest.mark.parametrize("audience", [EVERYONE, CUSTOMER])
async def test_what_is_withdrawn_and_lifted_is_seen_by_the_next_that_looks(there: World, audience: str) -> None:
    process = Recalling(there)
    await process.standings()
    withdrawals = there.known.withdrawals
    await withdrawals.withdraw(audience, [A], at(), None)
    assert await process.standings() == {A: WITHDRAWN}
    assert await process.standings() == {A: WITHDRAWN}
    assert process.withdrawals_asked == 0
    await withdrawals.withdraw(audience, [B], at(), None)
    await withdrawals.lift(audience, [A], at())
    for _ in range(2):
        assert await process.standings() == {A: Standing(generation=1), B: WITHDRAWN}
    assert await process.standings(GRID) == ({} if audience == CUSTOMER else await process.standings())


async def test_both_audiences_count(there: World) -> None:
    process = Recalling(there)
    for audience in (EVERYONE, CUSTOMER):
        await there.known.withdrawals.withdraw(audience, [A, B], at(), None)
        await there.known.withdrawals.lift(audience, [A], at())
    for _ in range(2):
        assert await process.standings() == {A: Standing(generation=2), B: WITHDRAWN}


async def test_what_is_withdrawn_between_the_two_readings_is_seen(there: World) -> None:
    process = Recalling(there)
    await process.standings()
    process.asked.before = lambda: there.known.withdrawals.withdraw(EVERYONE, [A], at(), None)
    assert await process.standings() == {A: WITHDRAWN}
    assert process.withdrawals_asked == 4


@pytest.mark.parametrize("worth_reading", [1, 50])
async def test_a_chunk_beside_this_one_that_saw_the_withdrawal_first_hides_it_from_none(
    there: World, monkeypatch: pytest.MonkeyPatch, worth_reading: int
) -> None:
    monkeypatch.setattr(AUDIENCES + "WORTH_READING", worth_reading)
    process = Recalling(there)
    for seen in (A, B):
        known = KnownIndicator(
            id=indicator_id(seen),
            observable=seen,
            created=at(),
            version=at(),
            valid_until=at(days=30),
            sightings=1,
            first_by="a chunk",
        )
        await process.standings()
        await process.known.remember(CUSTOMER, [known], POLICIES)
    assert await process.suppressed() == {A, B}

    async def seen_beside() -> None:
        await there.known.withdrawals.withdraw(EVERYONE, [A], at(), None)
        assert await process.suppressed() == set()

    process.asked.before = seen_beside
    assert A not in await process.suppressed()


async def test_who_wrote_past_the_marks_is_seen_after_ten_minutes(there: World) -> None:
    process = Recalling(there)
    await process.standings()
    body = {"key": A.key, "value": A.value, "withdrawn": "2026-11-24T12:00:00Z"}
    await there.store.container("known").write(
        Document(partition=f"withdrawn|{EVERYONE}", id=indicator_id(A), body=dict(body))
    )
    assert await process.standings() == {}
    process.clock.turn(minutes=10)
    assert await process.standings() == {A: WITHDRAWN}


async def test_of_an_audience_with_more_than_is_kept_the_store_is_asked(
    there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AUDIENCES + "AUDIENCE_LIMIT", 1)
    process = Recalling(there)
    await there.known.withdrawals.withdraw(EVERYONE, [A], at(), None)
    assert await process.standings() == {A: WITHDRAWN}
    assert process.withdrawals_asked == 0
    await there.known.withdrawals.withdraw(EVERYONE, [B], at(), None)
    for _ in range(2):
        assert await process.standings() == {A: WITHDRAWN, B: WITHDRAWN}
    assert process.withdrawals_asked == 2  # of everyone's; those of the source alone are kept
    assert await process.standings(GRID) == {A: WITHDRAWN, B: WITHDRAWN}


async def test_what_is_kept_of_all_audiences_is_bounded(there: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AUDIENCES + "LIMIT", 5)
    container = CountedContainer(there.store.container("known"))
    audiences = Audiences(Withdrawals(container))
    sources = [f"t{number}/malware_customer" for number in range(3)]

    async def scans(source: str) -> int:
        before = container.calls["scan"]
        kept = await audiences.of(source, (0, 1), 0.0, 1)
        assert kept == {EVERYONE: {}, source: {indicator_id(A): WITHDRAWN}}
        return container.calls["scan"] - before

    for source in sources:
        await there.known.withdrawals.withdraw(source, [A], at(), None)
    first, second, third = sources
    # Everyone's takes one place, and each source's, with one withdrawal, two.
    assert [await scans(source) for source in (first, second, first, second)] == [2, 1, 0, 0]
    assert [await scans(source) for source in (third, second, first, third)] == [1, 0, 1, 1]

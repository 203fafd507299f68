"""What this process knows without asking the store: up to when a sighting of an observable changes nothing.

It answers one question, and with one answer alone: *suppressed*. Whatever would be sent is decided on what the store
says at that moment. Why the answer is that of the store, although others write there
(docs/decisions/0052-a-chunk-is-read-at-the-speed-of-its-bytes.md):

- What is known only grows within a generation: a sighting that was not due against an older version of a document is
  not due against any later one, under the same policy. The policy is asked for with each sighting.
- A generation begins when a person withdraws or lifts, and that changes the *marks* of an audience. A source's memory
  is of the marks that were read before all that is in it, and is dropped when others are found.
- A document is gone long after its indicator has expired; nothing is remembered beyond that.
- What the store knows of a chunk's own earlier tries counts before all else, so only a chunk's first try asks here.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from mti.common.registry import IndicatorPolicy
from mti.normalizer.observables import HASH_KEYS, Observable
from mti.normalizer.records.known_indicator import KnownIndicator

REMEMBERED: Final = 16_384
"""Observables after which the older half is forgotten: all sources together, some 10 MB."""
TRUSTED_SECONDS: Final = 0.25
"""How long marks that were read are taken to be those of the store: as long as a chunk may wait for its turn anyway."""
KEPT_SECONDS: Final = 600.0
"""How long a source's memory lasts at most: also where somebody wrote to the store past the marks."""

Marks = tuple[int, int]
"""How often somebody withdrew or lifted something, for everyone and for the source."""
_Limits = dict[str | Observable, datetime]
_STEP: Final = timedelta(microseconds=1)


class SourceMemory:
    """What is known of one source."""

    def __init__(self) -> None:
        self.marks: Marks | None = None
        """Those that all of it is of; `None` before any were read."""
        self._read = self._began = 0.0
        self._young: dict[tuple[timedelta, float], _Limits] = {}
        self._old: dict[tuple[timedelta, float], _Limits] = {}

    def trusted(self, monotonic: float) -> bool:
        """Say whether the marks were read a moment ago."""
        return self.marks is not None and monotonic - self._read < TRUSTED_SECONDS

    def confirmed(self, marks: Marks, asked: float) -> bool:
        """Take what the store says the marks are, asked at that time; say whether the memory is of these."""
        if marks == self.marks and asked - self._began < KEPT_SECONDS:
            self._read = asked
            return True
        self.marks, self._read, self._began = marks, asked, asked
        self._young, self._old = {}, {}
        return False

    def suppressed(
        self, newest: Mapping[Observable, datetime], policy: IndicatorPolicy, now: datetime
    ) -> set[Observable]:
        """Return those observables whose sightings change nothing under a policy.

        Args:
            newest: when each was seen last.
            policy: the policy.
            now: the time.
        """
        kind = (policy.validity, policy.refresh_after)
        young, old = self._young.get(kind, _NONE), self._old.get(kind, _NONE)
        found: set[Observable] = set()
        for observable, seen in newest.items():
            name = _name(observable)
            limit = young.get(name) or old.get(name)
            if limit is not None and seen < limit and now < limit:
                found.add(observable)
        return found

    def learn(self, known: Sequence[KnownIndicator], policies: Iterable[IndicatorPolicy]) -> int:
        """Remember what stands in the store, and return how many entries are new."""
        added = 0
        for policy in policies:
            limits = self._young.setdefault((policy.validity, policy.refresh_after), {})
            before, grace = len(limits), _grace(policy)
            for each in known:
                limits[_name(each.observable)] = _due_from(each, policy, grace)
            added += len(limits) - before
        return added

    def age(self) -> None:
        """Forget the older half."""
        self._old, self._young = self._young, {}


class Memory:
    """What this process knows of all sources, within bounds."""

    def __init__(self) -> None:
        self._sources: dict[str, SourceMemory] = {}
        self._entries = 0

    def of(self, source: str) -> SourceMemory:
        """Return what is known of a source."""
        found = self._sources.get(source)
        if found is None:
            found = self._sources[source] = SourceMemory()
        return found

    def learn(self, source: str, known: KnownIndicator, policies: Iterable[IndicatorPolicy]) -> None:
        """Remember what stands in the store of one indicator."""
        self.learn_each(source, [known], policies)

    def learn_each(self, source: str, known: Iterable[KnownIndicator], policies: Iterable[IndicatorPolicy]) -> None:
        """Remember what stands in the store; of some hundred, that bounds are kept."""
        self._entries += self.of(source).learn(list(known), policies)
        if self._entries > REMEMBERED:
            self._entries = 0
            for memory in self._sources.values():
                memory.age()


def due_from(known: KnownIndicator, policy: IndicatorPolicy) -> datetime:
    """Return the earliest time of a sighting that refreshes an indicator; see `decisions.is_due`."""
    return _due_from(known, policy, _grace(policy))


def _grace(policy: IndicatorPolicy) -> timedelta:
    """Return how long after its end an indicator would have to be valid to be sent again: less than nothing."""
    return policy.validity * policy.refresh_after - policy.validity


def _due_from(known: KnownIndicator, policy: IndicatorPolicy, grace: timedelta) -> datetime:
    valid_until = known.valid_until_under(policy) if known.emitted else known.valid_until
    return max(known.version + _STEP, valid_until + grace)


def _name(observable: Observable) -> str | Observable:
    """Return what an observable is remembered by: a hash's digits say by their number of which kind it is."""
    key, value = observable
    return value if key in HASH_KEYS else observable


_NONE: Final[_Limits] = {}

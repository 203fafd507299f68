"""What was ever withdrawn for an audience, as this process has it in mind while the audience's mark stands.

Nearly nothing that is seen was ever withdrawn, and to ask the store for what it does not hold is the dearest way to
learn that: two questions an observable. So an audience is read as a whole when its mark is another one, and a chunk is
decided on what was read where the mark is the same when the chunk is looked up. An audience of many withdrawals is not
kept in mind; then the store is asked for each observable.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mti.normalizer.records.memory import KEPT_SECONDS, Marks
from mti.normalizer.records.withdrawals import Standing, Withdrawals, audiences_of

WORTH_READING: Final = 50
"""Observables that are to be looked up at least for an audience to be read for them: to ask for 56 costs as much."""
AUDIENCE_LIMIT: Final = 2_000
"""Withdrawals of one audience that are kept in mind; one with more is asked for, observable by observable."""
LIMIT: Final = 20_000
"""The same of all audiences together, some 4 MB; those that were not used for longest are forgotten beyond it."""


@dataclass(frozen=True, slots=True)
class _Audience:
    changes: int
    read: float
    standings: Mapping[str, Standing] | None
    """By the observables' own ids; `None` for more than are kept."""

    @property
    def size(self) -> int:
        return 1 + len(self.standings or ())


class Audiences:
    """The withdrawals of audiences, within bounds.

    Args:
        withdrawals: those in the store.
    """

    def __init__(self, withdrawals: Withdrawals) -> None:
        self._withdrawals = withdrawals
        self._kept: dict[str, _Audience] = {}

    async def of(self, source: str, marks: Marks, moment: float, wanted: int) -> dict[str, Mapping[str, Standing]]:
        """Return those audiences of a source that are kept in mind, and how observables stand with them, by their ids.

        It holds where the marks are found to be the same afterwards. Of other audiences the store is to be asked.

        Args:
            source: the source's id.
            marks: those of its audiences, as they were read last.
            moment: the time, in seconds of a monotonic clock.
            wanted: how many observables are to be looked up; for a few an audience is not read.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        found: dict[str, Mapping[str, Standing]] = {}
        for audience, changes in zip(audiences_of(source), marks, strict=True):
            kept = self._kept.pop(audience, None)
            if kept is None or kept.changes != changes or moment - kept.read >= KEPT_SECONDS:
                if wanted < WORTH_READING:
                    continue
                kept = _Audience(changes, moment, await self._read(audience))
            self._kept[audience] = kept
            if (standings := kept.standings) is not None:
                found[audience] = standings
        self._forget()
        return found

    async def _read(self, audience: str) -> Mapping[str, Standing] | None:
        standings: dict[str, Standing] = {}
        async for id, standing in self._withdrawals.standings(audience):
            if len(standings) == AUDIENCE_LIMIT:
                return None
            standings[id] = standing
        return standings

    def _forget(self) -> None:
        total = sum(audience.size for audience in self._kept.values())
        while total > LIMIT:
            total -= self._kept.pop(next(iter(self._kept))).size

"""Objects that the workspaces have newer, or that were withdrawn: Sentinel keeps what came last, not what is newest.

The publisher leaves them out as well; a replay leaves them out to tell a person that there was nothing left to replay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mti.common.contracts import Indicator, IndicatorBatch, decode, own_id
from mti.common.errors import Poison
from mti.operations.bus import DeadLetter
from mti.publisher.records import Published, PublishedVersions, version_verdict


@dataclass(frozen=True, slots=True)
class Remainder:
    """What of a dead letter is still worth sending."""

    left_out: int = 0
    """Objects that are not; with none, the dead letter is to be sent as it is."""
    batch: IndicatorBatch | None = None
    """The others, when there are both."""

    @property
    def nothing(self) -> bool:
        """Whether nothing of it is worth sending."""
        return self.left_out > 0 and self.batch is None


AS_IT_IS = Remainder()


class Judge(Protocol):
    """Says what of each dead letter is still worth sending."""

    async def remainders(self, letters: Sequence[DeadLetter]) -> list[Remainder]:
        """Return one remainder a dead letter, in order."""
        ...


class NoJudge:
    """Sends everything as it is: where the publisher's store is not at hand, its own guard does the work."""

    async def remainders(self, letters: Sequence[DeadLetter]) -> list[Remainder]:
        """Return that each is to be sent as it is."""
        return [AS_IT_IS for _ in letters]


class PublishedJudge:
    """Asks the publisher's `published` documents.

    Args:
        versions: these.
    """

    def __init__(self, versions: PublishedVersions) -> None:
        self._versions = versions

    async def remainders(self, letters: Sequence[DeadLetter]) -> list[Remainder]:
        """Return one remainder a dead letter, in order.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        batches = [_batch_of(letter) for letter in letters]
        ids: dict[str, set[str]] = {}
        for letter, batch in zip(letters, batches, strict=True):
            if batch is not None and letter.destination:
                ids.setdefault(letter.destination, set()).update(
                    own_id(each.id, each.pattern) for each in batch.objects
                )
        known = {name: await self._versions.look_up(name, members) for name, members in ids.items()}
        return [
            remainder(batch, known.get(letter.destination or "", {}))
            for letter, batch in zip(letters, batches, strict=True)
        ]


def remainder(batch: IndicatorBatch | None, known: Mapping[str, Published]) -> Remainder:
    """Return what is left of a batch, given what its workspace holds. Pure."""
    if batch is None:
        return AS_IT_IS
    left = [each for each in batch.objects if not _overtaken(known, batch.source, each)]
    if len(left) == len(batch.objects):
        return AS_IT_IS
    return Remainder(len(batch.objects) - len(left), batch.model_copy(update={"objects": left}) if left else None)


def _overtaken(known: Mapping[str, Published], source: str, indicator: Indicator) -> bool:
    return version_verdict(known.get(own_id(indicator.id, indicator.pattern)), source, indicator) is not None


def _batch_of(letter: DeadLetter) -> IndicatorBatch | None:
    try:
        return decode(letter.message, IndicatorBatch)[1]
    except Poison:
        return None  # it is of another contract, or can't be read: whoever receives it says so again

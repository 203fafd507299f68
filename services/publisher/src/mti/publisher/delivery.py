"""Delivers a batch of objects to one destination, recording what was accepted as soon as it was."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from mti.common.errors import Pause, Unavailable
from mti.common.telemetry import active
from mti.publisher.checkpoint import Counts
from mti.publisher.guard import Verdict
from mti.publisher.item import Item
from mti.publisher.packing import pack
from mti.publisher.published import Accept, Change, PassOver, Published, Refuse
from mti.publisher.upload import Taken, Tally
from mti.publisher.versions import PublishedVersions


class Sending(Protocol):
    """The way to a destination; see `Uploader`."""

    def send(self, items: Sequence[Item], *, probe: bool = False) -> AsyncIterator[Taken]:
        """Upload at most 100 objects and yield what each taken request settled."""
        ...

    def take_tally(self) -> Tally:
        """Return the requests since the last time."""
        ...


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one object."""

    refusal: str | None = None
    """Sentinel's words if it was refused; `None` when the workspace has it or needs it not."""


class Delivery:
    """One batch on its way to one destination.

    `done` fills up as requests are answered; objects that are not in it when a pause ends the run are still to be
    delivered.
    """

    def __init__(self, destination: str, versions: PublishedVersions, way: Sending) -> None:
        self._destination = destination
        self._versions = versions
        self._way = way
        self._counts: Counter[str] = Counter()
        self.done: dict[Item, Done] = {}
        self.reached = False
        """Whether the destination took a request."""

    async def run(self, items: Sequence[Item], *, probe: bool = False) -> Pause | None:
        """Deliver the objects; return why the destination must be left alone, if it must.

        Raises:
            Unavailable: our own store does not answer.
        """
        try:
            await self._run(items, probe=probe)
        except Unavailable:
            raise
        except Pause as pause:
            return pause
        return None

    def counts(self) -> Counts:
        """Return what the batch adds to the counts."""
        tally = self._way.take_tally()
        return Counts(requests=tally.requests, throttled=tally.throttled, **self._counts)

    async def _run(self, items: Sequence[Item], *, probe: bool) -> None:
        known = await self._versions.look_up(self._destination, {item.object.id for item in items})
        waiting = items
        while waiting:
            step = pack(waiting, known)
            known |= await self._pass_over(step.settled, known)
            for request in step.requests:
                async for taken in self._way.send(request, probe=probe and not self.reached):
                    known |= await self._record(taken)
            waiting = step.waiting

    async def _pass_over(
        self, settled: Sequence[tuple[Item, Verdict]], known: dict[str, Published]
    ) -> dict[str, Published]:
        """Note what is not needed, so that the books know why a version is not in the workspace."""
        unknown = [PassOver(item) for item, _ in settled if not known[item.object.id].settles(item.object.modified)]
        recorded = await self._versions.record(self._destination, unknown)
        instruments = active().instruments
        for item, verdict in settled:
            self._counts[verdict.value] += 1
            instruments.objects(item.source, {verdict.value: 1})
            self.done[item] = Done()
        return recorded

    async def _record(self, taken: Taken) -> dict[str, Published]:
        changes: list[Change] = [Accept(item) for item in taken.accepted]
        changes += [Refuse(item, words) for item, words in taken.refused]
        recorded = await self._versions.record(self._destination, changes)
        self._counts["accepted"] += len(taken.accepted)
        self._counts["refused"] += len(taken.refused)
        self._measure(taken)
        self.reached = self.reached or bool(taken.accepted)
        self.done |= {item: Done() for item in taken.accepted}
        self.done |= {item: Done(words) for item, words in taken.refused}
        return recorded

    @staticmethod
    def _measure(taken: Taken) -> None:
        """Tell the metrics what a request settled, and how old what it brought was."""
        telemetry = active()
        now = telemetry.clock.now()
        for item in taken.accepted:
            telemetry.instruments.fresh(item.source, (now - item.object.modified) / timedelta(seconds=1))
        for outcome, items in (("accepted", taken.accepted), ("refused", [item for item, _ in taken.refused])):
            for source, count in Counter(item.source for item in items).items():
                telemetry.instruments.objects(source, {outcome: count})

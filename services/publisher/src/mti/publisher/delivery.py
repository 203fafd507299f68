"""Delivers a batch of objects to one destination, recording what was accepted as soon as it was."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from mti.common.errors import Pause
from mti.common.ports.bus import Lease
from mti.common.telemetry import active
from mti.publisher.budget import Interrupted
from mti.publisher.flights import fly
from mti.publisher.halving import Taken
from mti.publisher.holdings import Holdings, Request, Stale
from mti.publisher.records import Counts, Item, Verdict
from mti.publisher.repairing import Repairing, Uploading


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one object."""

    refusal: str | None = None
    """Sentinel's words if it was refused; `None` when the workspace has it or needs it not."""


_HAD: Final = Done()


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of a batch."""

    done: Mapping[Item, Done]
    """Objects that are not in it are still to be delivered."""
    counts: Counts
    """What the batch adds to the counts."""
    reached: bool
    """Whether the destination took a request."""
    error: Pause | None
    """Why the destination must be left alone, if it must."""


class Delivery:
    """One batch on its way to one destination, in rounds. The requests of a round share no object's id, so that several
    of them are under way at once; the next round begins when the last of them is entered in the books.

    Args:
        holdings: what the workspace holds.
        uploader: to the destination.
        lease: the session's lock; `None` where there is none to lose.
    """

    def __init__(self, holdings: Holdings, uploader: Uploading, lease: Lease | None = None) -> None:
        self._holdings = holdings
        self._uploader = uploader
        self._repairing = Repairing(holdings, uploader, lease)
        self._lease = lease
        self._counts: Counter[str] = Counter()
        self._done: dict[Item, Done] = {}
        self._reached = False

    async def run(self, items: Sequence[Item], *, probe: bool = False) -> Delivered:
        """Deliver the objects as far as the destination takes them.

        Args:
            items: the objects.
            probe: whether the destination was paused before.

        Raises:
            Unavailable: our own store does not answer.
            LockLost: the session is somebody else's; what was not answered comes to them.
        """
        error: Pause | None = None
        try:
            await self._run(items, probe=probe)
        except Pause as pause:
            error = pause
        tally = self._uploader.take_tally()
        counts = Counts(requests=tally.requests, throttled=tally.throttled, **self._counts)
        return Delivered(self._done, counts, self._reached, error)

    async def _run(self, items: Sequence[Item], *, probe: bool) -> None:
        if late := await self._holdings.open(items):
            await self._repairing.repair(late)
        await self._holdings.order(items)
        waiting = items
        while waiting:
            if undone := self._holdings.restored(waiting):
                await self._repairing.restore(undone)
            step = await self._holdings.pack(waiting)
            self._pass_over(step.needless)
            again = await self._send(step.requests, probe=probe)
            waiting = [*step.waiting, *again]

    async def _send(self, requests: Sequence[Sequence[Item]], *, probe: bool) -> Sequence[Item]:
        """Upload the requests of a round, several at once, and return what the books say otherwise of by now.

        A probe is the only request under way until it is taken.
        """
        again: list[Item] = []

        async def upload(request: Sequence[Item]) -> None:
            try:
                await self._request(request, probe=probe)
            except (Stale, Interrupted):
                again.extend(item for item in request if item not in self._done)

        def width() -> int:
            return 1 if probe and not self._reached else self._uploader.in_flight

        await fly([partial(upload, request) for request in requests], width, self._uploader.interrupt)
        return again

    def _pass_over(self, needless: Sequence[tuple[Item, Verdict]]) -> None:
        """Count what is not needed: it is done."""
        instruments = active().instruments
        for item, verdict in needless:
            self._counts[verdict.value] += 1
            instruments.objects(item.source, {verdict.value: 1})
            self._done[item] = _HAD

    async def _request(self, items: Sequence[Item], *, probe: bool) -> None:
        """Upload objects together, and make good at once what somebody else disturbed: what can't be is not done."""
        request = Request(items, self._holdings, self._lease)
        sending = self._uploader.send(request.forms, probe=probe and not self._reached, ready=request.confirm)
        async with aclosing(sending):
            async for taken in sending:
                settled, disturbed = await request.enter(taken)
                self._note(settled, disturbed)
                if disturbed:
                    await self._repairing.repair(disturbed)
                    self._done |= dict.fromkeys(settled.accepted, _HAD)

    def _note(self, settled: Taken, disturbed: Sequence[Item]) -> None:
        """Count what an answer settled; what was disturbed is not done yet."""
        self._counts["accepted"] += len(settled.accepted)
        self._counts["refused"] += len(settled.refused)
        _measure(settled)
        self._reached = self._reached or bool(settled.accepted)
        again = {item.own for item in disturbed}
        self._done |= {item: _HAD for item in settled.accepted if item.own not in again}
        self._done |= {item: Done(words) for item, words in settled.refused}


def _measure(settled: Taken) -> None:
    """Tell the metrics what a request settled, and how old what it brought was."""
    telemetry = active()
    if not telemetry.recording:
        return
    now = telemetry.clock.now()
    for item in settled.accepted:
        telemetry.instruments.fresh(item.source, (now - item.object.modified) / timedelta(seconds=1))
    for outcome, items in (("accepted", settled.accepted), ("refused", [item for item, _ in settled.refused])):
        for source, count in Counter(item.source for item in items).items():
            telemetry.instruments.objects(source, {outcome: count})

"""Uploads once more what the books say, where something else may lie over it in the workspace.

A process can be stopped between its last look at the lock and its request, for longer than any lock lasts. Therefore
what an answer is entered into is compared with what was decided by: where somebody else was there in between, what the
books say is uploaded once more, until nothing has changed meanwhile.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Final, Protocol

from mti.common.contracts.indicators import OBJECTS_LIMIT
from mti.common.errors import StoreUnavailable
from mti.common.ports.bus import Lease
from mti.publisher.halving import Taken
from mti.publisher.holdings import Holdings, require_lock
from mti.publisher.records import Item
from mti.publisher.retrying import Tally

log = logging.getLogger(__name__)

_ROUNDS: Final = 8
_APART: Final = 0.05
"""Seconds: the longest wait before the second round, and what each further one may wait longer."""


class Uploading(Protocol):
    """Uploads to a destination; see `Uploader`."""

    @property
    def in_flight(self) -> int:
        """How many may send at once."""
        ...

    @property
    def used(self) -> float:
        """Which part of the rate budget the last minute took, from 0 to 1."""
        ...

    def send(
        self, items: Sequence[Item], *, probe: bool = False, ready: Callable[[], Awaitable[None]] | None = None
    ) -> AsyncGenerator[Taken]:
        """Upload at most 100 objects and yield what each taken request settled; `ready` is asked before each."""
        ...

    def interrupt(self) -> None:
        """End what waits to be sent; what is under way goes on until it is answered."""
        ...

    def take_tally(self) -> Tally:
        """Return the requests since the last time."""
        ...


class Repairing:
    """Makes good what was disturbed in one workspace.

    Args:
        holdings: what the workspace holds.
        uploader: to it.
        lease: the session's lock; `None` where there is none to lose.
    """

    def __init__(self, holdings: Holdings, uploader: Uploading, lease: Lease | None) -> None:
        self._holdings = holdings
        self._uploader = uploader
        self._lease = lease
        self._rng = random.Random()  # noqa: S311  jitter, which must differ from that of whoever else repairs

    async def restore(self, forms: Sequence[Item]) -> None:
        """Make good first what somebody before left undone.

        Args:
            forms: of any number of objects, as they are to be uploaded.

        Raises:
            LockLost: the session may be somebody else's.
            Pause: the destination is at fault.
            StoreUnavailable: see `repair`.
        """
        for start in range(0, len(forms), OBJECTS_LIMIT):
            require_lock(self._lease, self._holdings.destination)
            await self.repair(forms[start : start + OBJECTS_LIMIT])

    async def repair(self, forms: Sequence[Item]) -> None:
        """Upload what the books say, whoever holds the session now, until nobody was there in between.

        Args:
            forms: at most 100, as they are to be uploaded.

        Raises:
            Pause: the destination is at fault.
            StoreUnavailable: the store does not answer, or somebody else is always there in between.
        """
        for tried in range(_ROUNDS):
            if not forms:
                return
            if tried:
                # Two who repair the same at the same pace would disturb each other for ever.
                await asyncio.sleep(self._rng.random() * _APART * tried)
            log.warning(
                "objects were overtaken while they were uploaded, and what the books say is sent again",
                extra={"destination": self._holdings.destination, "objects": len(forms)},
            )
            decided_by = {form.own: self._holdings.of(form) for form in forms}
            again: list[Item] = []
            async with aclosing(self._uploader.send(forms)) as answers:
                async for taken in answers:
                    again += await self._holdings.enter(taken, decided_by)
            forms = again
        raise StoreUnavailable(
            f"workspace {self._holdings.destination}: somebody else uploads the same {len(forms)} objects again and "
            "again"
        )

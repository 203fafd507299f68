"""The normalizer's own offset, a document a source: what it handled last. For people to read; nothing depends on it.

So it is not written for each chunk: a process writes it once an hour and source, and when it ends in order. What became
of each chunk is in the ledger at once.
"""

import logging
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from mti.common.checkpoints import Checkpoints, Versioned
from mti.common.errors import Unavailable
from mti.common.ports.bus import Received
from mti.common.ports.clock import Clock, SystemClock
from mti.common.ports.store import Container
from mti.common.races import until_won

log = logging.getLogger(__name__)

CONTAINER: Final = "checkpoints"
KIND: Final = "normalizer"
WRITE_SECONDS: Final = 3600.0
"""How far an offset may be behind what its process has handled. A source whose detections come one by one has a chunk
every five minutes, and writing this cost more than all else that is written for such a chunk."""


class Offset(BaseModel):
    """How far the handling of a source had come when this was written."""

    model_config = ConfigDict(frozen=True)

    sequence_number: int = 0
    """The highest that was handled; others below it may still be waiting."""
    enqueued_at: AwareDatetime | None = None
    """Of that message."""
    chunk: str | None = None
    """The CloudEvents id of the chunk in it."""
    written_at: AwareDatetime | None = None


class Offsets:
    """The offsets in the store.

    Args:
        container: the store's container `checkpoints`.
        clock: the time.
    """

    def __init__(self, container: Container, clock: Clock | None = None) -> None:
        self._checkpoints = Checkpoints(container, KIND, Offset)
        self._clock = clock or SystemClock()
        self._newest: dict[str, Offset] = {}
        """What this process handled and has not written."""
        self._saved: dict[str, Versioned[Offset]] = {}
        self._written: dict[str, float] = {}

    async def advance(self, source: str, message: Received, chunk_id: str) -> None:
        """Note that a message was handled, and write it when it is time to.

        Raises:
            StoreUnavailable: it is written later.
        """
        enqueued: datetime | None = message.enqueued_at
        newest = self._newest.get(source)
        if newest is None or newest.sequence_number < message.sequence_number:
            self._newest[source] = Offset(sequence_number=message.sequence_number, enqueued_at=enqueued, chunk=chunk_id)
        written = self._written.get(source)
        if written is None or self._clock.monotonic() - written >= WRITE_SECONDS:
            await self._write(source)

    async def write_all(self) -> None:
        """Write what was not written, as the process ends. Where the store does not answer, that is left out."""
        try:
            for source in list(self._newest):
                await self._write(source)
        except Unavailable as error:
            log.warning("the offsets could not be written, and are behind", extra={"why": error.description})

    async def load(self, source: str) -> Offset:
        """Return the offset of a source."""
        return (await self._checkpoints.load(source, Offset())).value

    async def _write(self, source: str) -> None:
        """Write the newest offset of a source, unless a newer one is there: another process may write it too."""

        async def attempt() -> None:
            before = self._saved.pop(source, None) or await self._checkpoints.load(source, Offset())
            newest = self._newest.get(source)
            if newest is None:
                return
            if newest.sequence_number > before.value.sequence_number:
                value = newest.model_copy(update={"written_at": self._clock.now()})
                before = await self._checkpoints.save(before.with_value(value))
            self._saved[source] = before
            if self._newest.get(source) is newest:
                del self._newest[source]

        self._written[source] = self._clock.monotonic()
        await until_won(attempt)

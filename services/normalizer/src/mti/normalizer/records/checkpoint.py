"""The normalizer's own offset, a document a source: what it handled last. For people to read; nothing depends on it."""

from datetime import datetime
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from mti.common.checkpoints import Checkpoints, Versioned
from mti.common.errors import WriteConflict
from mti.common.ports.bus import Received
from mti.common.ports.store import Container

CONTAINER: Final = "checkpoints"
KIND: Final = "normalizer"


class Offset(BaseModel):
    """How far the handling of a source has come."""

    model_config = ConfigDict(frozen=True)

    sequence_number: int = 0
    """The highest that was handled; others below it may still be waiting."""
    enqueued_at: AwareDatetime | None = None
    """Of that message."""
    chunk: str | None = None
    """The CloudEvents id of the chunk in it."""


class Offsets:
    """The offsets in the store."""

    def __init__(self, container: Container) -> None:
        self._checkpoints = Checkpoints(container, KIND, Offset)
        self._saved: dict[str, Versioned[Offset]] = {}

    async def advance(self, source: str, message: Received, chunk_id: str) -> None:
        """Note that a message was handled. Whoever loses a race leaves it to the other."""
        before = self._saved.pop(source, None) or await self._checkpoints.load(source, Offset())
        if message.sequence_number <= before.value.sequence_number:
            return
        enqueued: datetime | None = message.enqueued_at
        offset = Offset(sequence_number=message.sequence_number, enqueued_at=enqueued, chunk=chunk_id)
        try:
            self._saved[source] = await self._checkpoints.save(before.with_value(offset))
        except WriteConflict:
            return

    async def load(self, source: str) -> Offset:
        """Return the offset of a source."""
        return (await self._checkpoints.load(source, Offset())).value

"""What each step of the pipeline asks of store and bus: measured, kept in a file, and measured again by a test.

`tests/support/measuring.py` runs the real handlers over counting stores and senders; `make measure` writes
`measured.json` anew. A step's figures hold for one of what it is named after, and come beside those of the steps around
it: a chunk of 400 new detections is `chunk` and 400 times `detection_new`.
"""

from functools import cache
from importlib.resources import files
from typing import Self

from pydantic import BaseModel, ConfigDict


class Step(BaseModel):
    """What one step asks for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    request_units: float = 0.0
    reads: float = 0.0
    """Requests to the store that read: point reads and queries."""
    writes: float = 0.0
    """Requests to the store that write."""
    stored_bytes: float = 0.0
    """What came to lie in the store, less what was replaced there."""
    messages: float = 0.0
    message_bytes: float = 0.0
    bus_operations: float = 0.0
    """Of the messages that it sends: send, receive and completion."""
    log_bytes: float = 0.0
    """Of log records from INFO on, as lines of JSON."""

    def __add__(self, other: Self) -> Self:
        return self._with({name: value + getattr(other, name) for name, value in self})

    def __sub__(self, other: Self) -> Self:
        return self._with({name: value - getattr(other, name) for name, value in self})

    def times(self, number: float) -> Self:
        """Return what that many of it ask for."""
        return self._with({name: value * number for name, value in self})

    def rounded(self) -> Self:
        """Return it to the thousandth; what two sizes differ by in the other direction is nothing."""
        return self._with({name: max(0.0, round(value, 3)) for name, value in self})

    def _with(self, fields: dict[str, float]) -> Self:
        return type(self)(**fields)


class Measured(BaseModel):
    """All steps."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    registry_read: Step
    """It is seen that the tenants in a store did not change: every service does that every 15 seconds."""
    registry_whole: Step
    """All tenants in a store are read: every service does that every five minutes, whatever was seen."""
    registry_tenant: Step
    """The same, for each tenant."""
    schedule: Step
    """A run of the schedule, which looks what is due."""
    schedule_source: Step
    """The same, for each source that is not due."""
    job: Step
    """A source that is due, and whose page is empty: the job on the queue, the claim, and the end of the window."""
    chunk_fetched: Step
    """A chunk of a page, on the fetcher's side, with its message to the normalizer."""
    chunk: Step
    """A chunk, on the normalizer's side."""
    offset: Step
    """The offset of a source, which the normalizer writes with a chunk once an hour."""
    detection_new: Step
    """A detection in it whose indicator is new."""
    detection_known: Step
    """A detection in it whose indicator is known and not due for a refresh, and is looked up."""
    detection_remembered: Step
    """The same, where this process still has it in mind."""
    message: Step
    """A message to the publisher, with its first indicator."""
    indicator: Step
    """Each further indicator of a message."""
    batch: Step
    """A batch of a workspace, on the publisher's side."""
    object_new: Step
    """An object of it that the workspace did not have."""
    object_newer: Step
    """An object of it of which the workspace had an older version."""


@cache
def measured() -> Measured:
    """Return what was measured last."""
    return Measured.model_validate_json((files("mti.operations.cost") / "measured.json").read_bytes())

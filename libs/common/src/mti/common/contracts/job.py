"""`mimecast.ti.fetch-job.v1`: fetch one page of one source. It names the source and nothing else."""

from datetime import datetime
from typing import ClassVar

from mti.common.contracts.body import Contract
from mti.common.ports.bus import Outgoing


class FetchJob(Contract):
    """The token comes from the checkpoint, so a job run twice, late or replayed does no harm."""

    TYPE: ClassVar[str] = "mimecast.ti.fetch-job.v1"

    source: str


def job_message(source: str, revision: int, *, slot: datetime | None = None) -> Outgoing:
    """Return the job for a source whose checkpoint is at that revision.

    Two timers that see the same checkpoint in the same slot send the same MessageId, and the bus keeps one.

    Args:
        source: the source's id.
        revision: of its checkpoint.
        slot: when the span of time began in which one job of a timer is enough; `None` for the job that follows a page.
    """
    suffix = "" if slot is None else f":{slot.timestamp():.0f}"
    return FetchJob(source=source).message(id=f"fetch:{source}:{revision}{suffix}", source=source, subject=source)

"""`mimecast.ti.fetch-job.v1`: fetch one page of one source. It names the source and nothing else."""

from typing import ClassVar

from mti.common.contracts.body import Contract
from mti.common.ports.bus import Outgoing


class FetchJob(Contract):
    """The token comes from the checkpoint, so a job run twice, late or replayed does no harm."""

    TYPE: ClassVar[str] = "mimecast.ti.fetch-job.v1"

    source: str


def job_message(source: str, revision: int) -> Outgoing:
    """Return the job for a source whose checkpoint is at that revision.

    Two timers that see the same checkpoint send the same MessageId, and the bus keeps one.
    """
    return FetchJob(source=source).message(id=f"fetch:{source}:{revision}", source=source, subject=source)

"""The checkpoints of all sources, in the store."""

from collections.abc import Sequence
from typing import Final

from mti.common.checkpoints import Checkpoints, Versioned
from mti.common.errors import WriteConflict
from mti.common.ports.store import Container
from mti.fetcher.records.checkpoint import SourceCheckpoint

CONTAINER: Final = "checkpoints"
KIND: Final = "source"
"""The partition of all of them."""

SourceCheckpoints = Checkpoints[SourceCheckpoint]


def checkpoints_in(container: Container) -> SourceCheckpoints:
    """Return the checkpoints, by source id.

    Args:
        container: the store's container `checkpoints`.
    """
    return Checkpoints(container, KIND, SourceCheckpoint)


async def saved(
    checkpoints: SourceCheckpoints,
    versioned: Versioned[SourceCheckpoint],
    unsure: Sequence[SourceCheckpoint] = (),
) -> Versioned[SourceCheckpoint] | None:
    """Save a checkpoint and return it as it was written, or `None` when somebody else saved meanwhile.

    A conflict with one's own write is none: with this one, whose answer was lost and which was sent once more, or with
    one before it, of which nobody knows whether it was taken.

    Args:
        checkpoints: of the sources.
        versioned: what is to be saved over the version that was read.
        unsure: what was to be saved before, since that version was read, and the store did not say whether it was.

    Raises:
        StoreUnavailable: it may have been written all the same.
    """
    try:
        return await checkpoints.save(versioned)
    except WriteConflict:
        written = await checkpoints.load(versioned.key, SourceCheckpoint())
    if written.value == versioned.value:
        return written
    if written.value not in unsure:
        return None
    return await saved(checkpoints, written.with_value(versioned.value))

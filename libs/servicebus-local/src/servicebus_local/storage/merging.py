"""Many small batches made few, so that the tables are written in long strides, or not at all."""

from collections.abc import Iterable

from servicebus_local.storage.batch import WriteBatch


def merged(batches: Iterable[WriteBatch]) -> list[WriteBatch]:
    """Batches with the same effect as these, one after the other.

    A batch applies its writes kind by kind, so what must come before a later write of an earlier kind ends a batch: a
    move to a dead-letter queue, which gives a message another key, and all that removes what may be written again.
    """
    result: list[WriteBatch] = []
    for batch in batches:
        if not result or result[-1].is_final:
            result.append(WriteBatch())
        result[-1].extend(batch)
    for each in result:
        _cancel(each)
    return result


def _cancel(batch: WriteBatch) -> None:
    """Leave out what was written and is deleted again: most messages of a busy queue live for a moment."""
    gone = {key for (key,) in batch.deletions} & {int(row[0]) for row in batch.messages}
    if not gone:
        return
    bodies = {row[1] for row in batch.messages if row[0] in gone}
    batch.messages = [row for row in batch.messages if row[0] not in gone]
    batch.counts = [row for row in batch.counts if row[1] not in gone]
    batch.deferrals = [row for row in batch.deferrals if row[0] not in gone]
    batch.deletions = [row for row in batch.deletions if row[0] not in gone]
    batch.sizes = [row for row in batch.sizes if row[1] not in gone]
    batch.bodies = [row for row in batch.bodies if row[0] not in bodies]
    batch.changed_bodies = [row for row in batch.changed_bodies if row[2] not in bodies]
    batch.body_deletions = [row for row in batch.body_deletions if row[0] not in bodies]

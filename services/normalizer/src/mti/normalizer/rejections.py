"""Dead-lettering a part of a message: a message that holds only that part, addressed to ourselves. Pure.

Nothing can be sent to a dead-letter queue. So the part goes round through the topic, says its reason in its properties,
and is dead-lettered whole when it comes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mti.common.contracts import PageChunk, count_of, digest
from mti.common.contracts.envelope import (
    DESCRIPTION_LIMIT,
    REFUSAL,
    REFUSAL_DESCRIPTION,
    REJECTED_AS,
    REJECTED_FROM,
    REPLAYS,
)
from mti.common.ports.bus import Outgoing, PropertyValue, Received
from mti.normalizer.parsing import Rejection

_READ_BY_ANOTHER = "if a later release reads them, upgrade and replay, else purge"
CURES = {
    "NoPattern": "there is nothing in them to look for: purge them, and tell Mimecast if there are many",
    "UnsupportedPattern": _READ_BY_ANOTHER,
    "BadHash": "nothing has such a hash: purge them, and tell Mimecast if there are many",
    "BadTimestamp": _READ_BY_ANOTHER,
    "NoIndicator": "objects came without the indicator that they belong to: purge them",
    "NoObservable": "they name no file: purge them, and tell Mimecast if there are many",
    "RaggedRow": "the feed's rows do not match its header: look at one with `mti dlq show`; " + _READ_BY_ANOTHER,
    "UnreadableDetection": "no release can read them: fetch them from Mimecast by hand if they matter, then purge",
    "UnreadableMember": "a file of the feed's archive came damaged again and again: ask Mimecast's support about it,"
    " fetch the time anew with `mti checkpoints reset`, then purge",
    "DetectionTooLarge": "fetch them from Mimecast by hand if they matter, then purge",
}


def parts_of(
    message: Received, chunk: PageChunk, chunk_id: str, rejections: Sequence[Rejection], to: str
) -> Iterator[Outgoing]:
    """Yield one message a reason, with what was rejected for it.

    Their identity holds that of the chunk: the same detection that is rejected out of two chunks is counted twice, and
    has two dead letters.

    Args:
        message: what the chunk came in.
        chunk: the chunk.
        chunk_id: its CloudEvents id.
        rejections: what was rejected of it.
        to: the subscription of this service.
    """
    by_reason: dict[str, list[Rejection]] = {}
    for rejection in rejections:
        by_reason.setdefault(rejection.reason, []).append(rejection)
    for reason, group in sorted(by_reason.items()):
        part = chunk.model_copy(
            update={
                "records": [rejection.record for rejection in group if rejection.record is not None],
                "oversize": [rejection.oversize for rejection in group if rejection.oversize is not None],
            }
        )
        id = digest(PageChunk.TYPE, chunk.source, REJECTED_FROM, chunk_id, reason, part.written().identity)
        made = part.message(id=id, source=chunk.source, subject=chunk.source)
        properties: dict[str, PropertyValue] = {
            **made.properties,
            REFUSAL: reason,
            REFUSAL_DESCRIPTION: _description(chunk.source, reason, group),
            REJECTED_FROM: chunk_id,
            REJECTED_AS: reason,
        }
        if replays := count_of(message, REPLAYS):
            properties[REPLAYS] = replays
        yield replace(made, to=to, properties=properties)


def _description(source: str, reason: str, group: Sequence[Rejection]) -> str:
    what = "a detection" if len(group) == 1 else f"{len(group)} detections, the first one"
    text = f"{source}: {what}: {group[0].fault}; {CURES.get(reason, _READ_BY_ANOTHER)}"
    return text[:DESCRIPTION_LIMIT]

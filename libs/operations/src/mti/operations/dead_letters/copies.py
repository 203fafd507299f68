"""The message that a replay sends. Pure.

The body, the session and the CloudEvents id stay byte for byte. The MessageId must be one that was never sent, since
duplicate detection would drop it in silence, and the dead letter would be completed all the same. And it must be the
same one when a replay that was killed is run again, so that what was sent already is dropped. So it follows from the
dead letter alone: its own MessageId, with the count of the replays that this one makes. The count of retries begins
anew, and so can its suffix: the replays in the MessageId keep the new retries apart from the old ones.
"""

from dataclasses import dataclass, replace

from mti.common.contracts import (
    Contract,
    FetchJob,
    IndicatorBatch,
    PageChunk,
    copy_id,
    digest,
    indicators_message,
    page_message,
)
from mti.common.contracts.envelope import REFUSAL, REFUSAL_DESCRIPTION, REPLACES, REPLAYS, RETRIES
from mti.common.ports.bus import Outgoing, PropertyValue
from mti.common.topology import Entity
from mti.operations.bus import DESCRIPTION, REASON, DeadLetter
from mti.operations.dead_letters.overtaken import Remainder

_LONGEST_ID = 100
"""The service takes MessageIds of 128 characters; the rest is for the suffixes of what may come."""
_TAKEN_OFF = frozenset({REASON, DESCRIPTION, "DeadLetterSource", REFUSAL, REFUSAL_DESCRIPTION, RETRIES})


@dataclass(frozen=True, slots=True)
class Copy:
    """What a replay sends in the place of a dead letter."""

    letter: DeadLetter
    message: Outgoing
    left_out: int = 0
    """Objects of the dead letter that it does not hold, since they were overtaken."""


def copy_of(letter: DeadLetter, entity: Entity, remainder: Remainder, *, run: str | None = None) -> Copy:
    """Return the copy that goes back to where the dead letter came from, and only there.

    Args:
        letter: the dead letter.
        entity: where it came from.
        remainder: what of it is still worth sending.
        run: names a replay out of a file. The dead letter may have been replayed since the file was written, so that
            the count in the file does not say which MessageIds were used.
    """
    message_id = _message_id(letter, run)
    if remainder.batch is not None:
        # Under the MessageId of the whole: when a second try finds less worth sending, it is not to be sent once more.
        part = indicators_message(letter.destination or "", remainder.batch)
        return Copy(letter, _with_body(letter, entity, part, message_id), remainder.left_out)
    whole = Outgoing(
        body=letter.message.body,
        message_id=message_id,
        to=entity.to,
        subject=letter.message.subject,
        session_id=letter.message.session_id,
        content_type=letter.message.content_type,
        properties=_properties(letter),
    )
    return Copy(letter, whole)


def mended_message(letter: DeadLetter, entity: Entity, body: Contract) -> Outgoing:
    """Return the message that takes the place of a dead letter whose body was mended.

    What it is follows from the new body, so it has a CloudEvents id of its own; another mended body makes another
    MessageId.
    """
    made = _message_of(letter, body)
    return _with_body(letter, entity, made, f"{_message_id(letter, None)}~m{digest(made.body)[:8]}")


def _message_of(letter: DeadLetter, body: Contract) -> Outgoing:
    if isinstance(body, IndicatorBatch):
        return indicators_message(letter.destination or "", body)
    if isinstance(body, PageChunk):
        return page_message(body)
    if isinstance(body, FetchJob):
        id = f"fetch:{body.source}:{digest(body.canonical(), letter.id)[:8]}"
        return body.message(id=id, source=body.source, subject=body.source)
    raise TypeError(f"{type(body).__name__} is no contract that this project sends")


def _with_body(letter: DeadLetter, entity: Entity, made: Outgoing, message_id: str) -> Outgoing:
    properties: dict[str, PropertyValue] = {**_properties(letter), **made.properties}
    if letter.id:
        properties[REPLACES] = letter.id
    return replace(
        made,
        message_id=message_id,
        to=entity.to,
        session_id=letter.message.session_id,
        properties=properties,
    )


def _properties(letter: DeadLetter) -> dict[str, PropertyValue]:
    kept = {name: value for name, value in letter.message.properties.items() if name not in _TAKEN_OFF}
    return {**kept, REPLAYS: letter.replay_count + 1}


def _message_id(letter: DeadLetter, run: str | None) -> str:
    known = letter.message.message_id
    # Without a CloudEvents id it is a stranger's, and two strangers may have none or the same MessageId.
    base = known if known and letter.id else f"{known}~d{letter.sequence}"
    suffix = f"~x{run}" if run else ""
    message_id = copy_id(base, REPLAYS, letter.replay_count + 1) + suffix
    if len(message_id) <= _LONGEST_ID:
        return message_id
    return copy_id(digest(known, str(letter.sequence)), REPLAYS, letter.replay_count + 1) + suffix

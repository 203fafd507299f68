"""Mends a dead letter's body: checks it, sends it, enters it in the books, and only then completes the dead letter."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from pydantic import ValidationError

from mti.common.contracts import Contract
from mti.common.errors import ConfigurationError
from mti.operations.bus import DeadLetter
from mti.operations.dead_letters.body import body_bytes, document_in
from mti.operations.dead_letters.bookkeeping import Books, NoBooks
from mti.operations.dead_letters.copies import mended_message
from mti.operations.dead_letters.ports import DeadLetterQueue
from mti.operations.dead_letters.results import Progress, Step, unwatched

log = logging.getLogger(__name__)

_FAULTS_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """What became of it."""

    entity: str
    sequence: int
    id: str
    """The CloudEvents id of what was sent."""
    replaces: str
    """That of the dead letter."""
    removed: bool
    """Whether the dead letter is gone; if not, somebody else holds its lock, and it is to be purged."""


def body_to_edit(letter: DeadLetter) -> bytes:
    """Return the body as text to be mended: JSON with indents; as it is where it is no JSON."""
    data = body_bytes(letter)
    document = document_in(data)
    if document is None:
        return data
    return orjson.dumps(document[0], option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def checked(queue: DeadLetterQueue, body: bytes) -> Contract:
    """Return a mended body as what the queue's messages carry.

    Raises:
        ConfigurationError: it is not; the text names each field that is wrong.
    """
    contract = queue.entity.contract
    try:
        return contract.model_validate_json(body)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)[:_FAULTS_SHOWN]
        faults = [f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}" for problem in problems]
    raise ConfigurationError("\n".join([f"the mended body is not a {contract.TYPE}:", *faults]))


async def one_letter(queues: Sequence[DeadLetterQueue], sequence: int) -> tuple[DeadLetterQueue, DeadLetter]:
    """Return the dead letter of that sequence number with its queue.

    Raises:
        ConfigurationError: none of the queues has it, or more than one has.
    """
    there = [(queue, letter) for queue in queues for letter in await queue.read([sequence])]
    if not there:
        raise ConfigurationError(f"no dead letter has the sequence number {sequence}; see `mti dlq list` and `show`")
    if len(there) > 1:
        paths = ", ".join(queue.entity.path for queue, _ in there)
        raise ConfigurationError(f"dead letters of {paths} have the sequence number {sequence}; name one by --entity")
    return there[0]


async def send_mended(
    queue: DeadLetterQueue,
    letter: DeadLetter,
    body: bytes,
    progress: Progress = unwatched,
    *,
    books: Books | None = None,
) -> Edited:
    """Send a mended body in the place of a dead letter.

    Args:
        queue: where the dead letter is.
        letter: the dead letter.
        body: the mended body, as JSON.
        progress: told of each step.
        books: are told of it; `None` where they are not at hand.

    Raises:
        ConfigurationError: it does not keep the contract; nothing was done.
        MessageTooLarge: it fits no message; nothing was done.
        BusUnavailable: the broker does not answer; do it again.
        StoreUnavailable: a store does not answer; do it again.
    """
    entering, contract = books or NoBooks(), checked(queue, body)
    outgoing = mended_message(letter, queue.entity, contract)
    id = str(outgoing.properties["cloudEvents_id"])
    await entering.about_to_mend(id, contract)
    progress(Step.READ, letter)
    await queue.sender.send([outgoing])
    progress(Step.SENT, letter)
    await entering.mended(letter, id, contract)
    progress(Step.ENTERED, letter)
    left = await queue.complete([letter.sequence])
    progress(Step.REMOVED, letter)
    log.warning(
        "a dead letter was mended",
        extra={"entity": letter.entity, "sequence": letter.sequence, "id": id, "replaces": letter.id},
    )
    return Edited(entity=letter.entity, sequence=letter.sequence, id=id, replaces=letter.id, removed=not left)

"""Dead letters in a file: one JSON object a line, with all that it takes to replay it, and a view for people.

::

    {"entity": "raw-pages/subscriptions/normalizer", "sequence": 17, "id": "…", "reason": "MalformedBody",
     "description": "…", "source": "contoso/malware_customer", "destination": null, "enqueued_at": "…",
     "message_id": "…", "to": "*", "subject": "…", "session_id": null, "content_type": "application/json",
     "properties": {…}, "delivery_count": 0, "faithful": true, "body": "<base64>", "decoded": {…}}

A line is read without `decoded`, and may have more fields than these.
"""

import asyncio
import base64
import os
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from pathlib import Path

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue, ValidationError

from mti.common.errors import ConfigurationError
from mti.common.ports.bus import PropertyValue, Received
from mti.operations.bus import DeadLetter
from mti.operations.dead_letters.body import body_value, masked
from mti.operations.dead_letters.private_file import create_private

_AT_ONCE = 50
LINE_LIMIT = 512 * 1024 * 1024
"""Bytes of a line: the largest message of Service Bus Premium, and what a body may unpack to beside it."""


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore")

    entity: str
    sequence: int
    message_id: str
    to: str = "*"
    subject: str | None = None
    session_id: str | None = None
    content_type: str = "application/json"
    properties: dict[str, PropertyValue]
    delivery_count: int = 0
    enqueued_at: AwareDatetime | None = None
    faithful: bool = True
    body: str


def line_of(letter: DeadLetter) -> bytes:
    """Return a dead letter as a line."""
    message = letter.message
    fields: dict[str, object] = {
        "entity": letter.entity,
        "sequence": letter.sequence,
        "id": letter.id,
        "reason": letter.reason,
        "description": letter.description,
        "source": letter.source,
        "destination": letter.destination,
        "enqueued_at": message.enqueued_at,
        "message_id": message.message_id,
        "to": message.to,
        "subject": message.subject,
        "session_id": message.session_id,
        "content_type": message.content_type,
        "properties": dict(message.properties),
        "delivery_count": message.delivery_count,
        "faithful": letter.faithful,
        "body": base64.b64encode(message.body).decode(),
        "decoded": masked(body_value(letter)),
    }
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def letter_of(line: bytes) -> DeadLetter:
    """Return the dead letter of a line.

    Raises:
        ValueError: it is none.
    """
    read = _Line.model_validate_json(line)
    return DeadLetter(
        entity=read.entity,
        faithful=read.faithful,
        message=Received(
            body=base64.b64decode(read.body, validate=True),
            message_id=read.message_id,
            to=read.to,
            subject=read.subject,
            session_id=read.session_id,
            content_type=read.content_type,
            properties=read.properties,
            delivery_count=read.delivery_count,
            sequence_number=read.sequence,
            enqueued_at=read.enqueued_at,
        ),
    )


async def write_archive(path: Path, letters: AsyncIterable[DeadLetter]) -> int:
    """Write dead letters to a new file that only this user may read, and return how many.

    Raises:
        ConfigurationError: the file exists already, or can't be written.
    """
    count = 0
    with create_private(path) as file:
        async for letter in letters:
            file.write(line_of(letter))
            count += 1
        file.flush()
        os.fsync(file.fileno())
    return count


def append_archive(path: Path, letters: Sequence[DeadLetter]) -> None:
    """Append dead letters to a file, which is made when missing, and see that the disk has them.

    Raises:
        ConfigurationError: it can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:
            file.writelines(line_of(letter) for letter in letters)
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # else the file itself may be gone after a loss of power
        finally:
            os.close(folder)
    except OSError as error:
        raise ConfigurationError(
            f"{path} can't be written ({error.strerror}), and nothing is removed that isn't kept; name another file"
            " with --out"
        ) from error


async def read_archive(path: Path) -> AsyncIterator[tuple[int, DeadLetter]]:
    """Yield the dead letters of a file with the numbers of their lines, from 1.

    Raises:
        ConfigurationError: it can't be read, or a line is no dead letter; the text names the line.
    """
    try:
        with path.open("rb") as file:
            lines = iter(lambda: file.readline(LINE_LIMIT + 1), b"")
            for number, line in enumerate(lines, start=1):
                if len(line) > LINE_LIMIT:
                    raise ConfigurationError(f"{path}, line {number} has more than {LINE_LIMIT} bytes; take it out")
                if line.strip():
                    yield number, _read(path, number, line)
                if number % _AT_ONCE == 0:
                    await asyncio.sleep(0)
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read ({error.strerror}); name a file that `--out` wrote") from error


def _read(path: Path, number: int, line: bytes) -> DeadLetter:
    try:
        return letter_of(line)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        what = f"{'.'.join(map(str, first['loc'])) or 'the line'}: {first['msg']}"
    except ValueError:
        what = "its body is not base64"
    raise ConfigurationError(f"{path}, line {number} is no dead letter ({what}); mend it or take it out")


def view(letter: DeadLetter, *, body: bool = True) -> dict[str, JsonValue]:
    """Return a dead letter as a person reads it: without secrets, and without the body as bytes."""
    message = letter.message
    fields: dict[str, JsonValue] = {
        "entity": letter.entity,
        "sequence": letter.sequence,
        "id": letter.id,
        "type": letter.type,
        "reason": letter.reason,
        "description": letter.description,
        "tenant": letter.tenant,
        "source": letter.source,
        "destination": letter.destination,
        "enqueued_at": None if message.enqueued_at is None else message.enqueued_at.isoformat(),
        "replays": letter.replay_count,
        "delivery_count": message.delivery_count,
        "message_id": message.message_id,
        "subject": message.subject,
        "to": message.to,
        "properties": dict(message.properties),
        "body_bytes": len(message.body),
    }
    if body:
        fields["body"] = body_value(letter)
    return {name: masked(value) for name, value in fields.items()}

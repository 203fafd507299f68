"""What Sentinel's upload API says, read into what it means.

The answers are those of https://learn.microsoft.com/azure/sentinel/stix-objects-api: 200 with an empty body when all
was taken, 200 with `{"errors": [{"recordIndex": 3, "errorMessages": ["..."]}]}` when some objects were refused, and a
status with `{"statusCode": ..., "message": ...}` when the request as a whole was. What else is read as a success stands
in `successes`; what can't be understood is never taken for one.

Who is at fault follows from the status: `docs/sentinel-answers.md` has the whole table.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import orjson

from mti.common.foreign_words import without_secrets, words_of_others
from mti.common.waits import retry_after, seconds_told
from mti.publisher.sentinel.successes import TEXT_LIMIT, NotUnderstood, refusals_in

SUCCESSES: Final = range(200, 300)

_TRY_AGAIN = re.compile(r"try again in ([0-9]+) seconds?", re.IGNORECASE)
_TAGS = re.compile(r"<[^<>]*>")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The request was taken."""

    refused: Mapping[int, tuple[str, ...]]
    """But for these objects: why, by their place in the request."""


@dataclass(frozen=True, slots=True)
class RateLimited:
    """Too many requests."""

    delay: timedelta | None
    """What we were told to wait, the longest where it was told twice; `None` when nothing was."""


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The body is too large."""

    text: str


@dataclass(frozen=True, slots=True)
class BadRequest:
    """The request as a whole was refused, perhaps for the sake of one object in it."""

    text: str


@dataclass(frozen=True, slots=True)
class Unauthorized:
    """The token was refused."""

    text: str


@dataclass(frozen=True, slots=True)
class Forbidden:
    """The token is good, and its owner has no role on the workspace."""

    text: str


@dataclass(frozen=True, slots=True)
class NotFound:
    """There is no such workspace."""

    text: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """No answer, or none that can be read: whether the objects were taken is not known. Send them again."""

    text: str
    delay: timedelta | None = None
    """What we were told to wait."""
    answered: bool = False
    """Whether the server failed over the request, so that one object in it may be what provokes it."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """Turned away in words that are not the API's: by a firewall on the way, say, which dislikes one object, or all."""

    text: str


Answer = Accepted | RateLimited | TooLarge | BadRequest | Unauthorized | Forbidden | NotFound | Blocked | Unavailable

_OF_THE_REQUEST: Final = frozenset({400, 422})
"""The request's content is refused."""
_NOBODYS: Final = frozenset({402, 405, *range(407, 413), *range(414, 418), 421, *range(423, 427), 428, 431})
"""About the endpoint, the account, the protocol or the moment, and never about an object."""


def read_answer(status: int, headers: Mapping[str, str], body: bytes, *, objects: int, now: datetime) -> Answer:
    """Say what an answer means.

    Args:
        status: the HTTP status.
        headers: of the answer, under names in lower case or in a mapping that ignores case.
        body: the answer's bytes.
        objects: how many the request held.
        now: the time, for a `Retry-After` that is a date.
    """
    text = _words(body)
    match status:
        case _ if status in SUCCESSES:
            return _read_success(status, body, objects)
        case 429:
            return RateLimited(_longest(retry_after(headers.get("retry-after"), now), _delay_in(text)))
        case 401:
            return Unauthorized(text)
        case 403:
            return Forbidden(text) if _is_the_apis_own(body) else Blocked(f"HTTP 403: {text}" if text else "HTTP 403")
        case 404:
            return NotFound(text)
        case 413:
            return TooLarge(text or "the request is too large")
    if status in _OF_THE_REQUEST:
        return BadRequest(text or f"HTTP {status}")
    said = f"HTTP {status}: {text}" if text else f"HTTP {status}"
    if 400 <= status < 500 and status not in _NOBODYS:
        return Blocked(said)
    delay = retry_after(headers.get("retry-after"), now)
    return Unavailable(said, delay, answered=500 <= status < 600 and delay is None)


def _read_success(status: int, body: bytes, objects: int) -> Accepted | Unavailable:
    try:
        return Accepted(refusals_in(body, objects))
    except NotUnderstood as error:
        return Unavailable(f"HTTP {status} {error}: {_words(body)}")


def _words(body: bytes) -> str:
    """Return what an error's body says, fit to be kept: its message if it has one, else its text without tags."""
    text = body.decode(errors="replace")
    try:
        text = _message(orjson.loads(body)) or text
    except orjson.JSONDecodeError:
        text = _TAGS.sub(" ", without_secrets(text))
    return words_of_others(text, TEXT_LIMIT)


def _message(document: object) -> str | None:
    """Find the message in `{"message": …}` or `{"error": {"message": …}}`."""
    if not isinstance(document, dict):
        return None
    inner = document.get("error")
    message = inner.get("message") if isinstance(inner, dict) else document.get("message")
    return message if isinstance(message, str) else None


def _is_the_apis_own(body: bytes) -> bool:
    """Say whether an error is of a form that Azure's interfaces use: `{"statusCode": …, "message": …}`, or
    `{"error": {"code": …, "message": …}}` (https://learn.microsoft.com/azure/sentinel/stix-objects-api,
    https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md#handling-errors).
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(document, dict) or _message(document) is None:
        return False
    inner = document.get("error")
    return "code" in inner if isinstance(inner, dict) else "statusCode" in document


def _delay_in(text: str) -> timedelta | None:
    match = _TRY_AGAIN.search(text)
    return seconds_told(float(match[1])) if match else None


def _longest(*delays: timedelta | None) -> timedelta | None:
    return max((delay for delay in delays if delay is not None), default=None)

"""What the body of a 2xx answer says of the objects: which were refused, or that nothing can be made of it.

Documented is an empty body, or `{"errors": [{"recordIndex": 3, "errorMessages": ["..."]}]}` under 200
(https://learn.microsoft.com/azure/sentinel/stix-objects-api). Whoever does not believe a success sends the objects once
more, and each time may be billed. So whatever can only mean that they were taken is read as that, and what speaks of an
error, or can't be understood, is not.
"""

from collections.abc import Mapping
from typing import Final

import orjson

from mti.common.foreign_words import words_of_others

TEXT_LIMIT: Final = 500
"""Characters of Sentinel's words that are kept."""
UNEXPLAINED: Final = ("no reason was given",)

_BOM = b"\xef\xbb\xbf"
_YES = frozenset({"", "ok", "accepted", "created", "success", "succeeded", "true", "null"})
_NO_WORDS = frozenset({"error", "message", "fault", "exception", "statuscode", "status", "code", "title", "detail"})
"""Names that an error's body has. Without a status that says success an object with one of them is not believed."""

Refusals = Mapping[int, tuple[str, ...]]
"""Why objects were refused, by their place in the request."""


class NotUnderstood(ValueError):
    """A body that says neither that the objects were taken nor which were not."""


def refusals_in(body: bytes, objects: int) -> Refusals:
    """Return the objects that were refused; none where all were taken.

    Args:
        body: of an answer with a status of 2xx.
        objects: how many the request held.

    Raises:
        NotUnderstood: nothing can be made of it; its text goes on from "HTTP 200".
    """
    data = body.removeprefix(_BOM).strip()
    try:
        document = orjson.loads(data) if data else None
    except orjson.JSONDecodeError:
        document = data.decode(errors="replace")
    if document is None or document is True or document == []:
        return {}
    if isinstance(document, str) and document.strip().rstrip(".!").lower() in _YES:
        return {}
    if isinstance(document, dict):
        return _in_object(document, objects)
    raise NotUnderstood("with a body that is not of the documented form")


def _in_object(document: dict[str, object], objects: int) -> Refusals:
    named = {name.lower(): value for name, value in document.items()}
    if not _says_success(named):
        raise NotUnderstood("with a body that speaks of an error")
    errors = named.get("errors")
    if errors is None or errors in ("", {}):
        return {}
    refusals: dict[int, tuple[str, ...]] = {}
    for entry in errors if isinstance(errors, list) else [errors]:
        place, said = _refusal(entry)
        if not 0 <= place < objects:
            raise NotUnderstood(f"that names object {place} of a request with {objects}")
        refusals[place] = refusals.get(place, ()) + said
    return refusals


def _says_success(named: Mapping[str, object]) -> bool:
    """Say whether nothing in the object denies that the request was taken."""
    status = named.get("statuscode", named.get("status"))
    if isinstance(status, bool):
        return status
    if isinstance(status, int):
        return 200 <= status < 300
    if isinstance(status, str):
        return status.lower() in _YES or (status.isascii() and status.isdecimal() and status[0] == "2")
    stated = {name for name, value in named.items() if value is not None}
    return "errors" in stated or not _NO_WORDS & stated


def _refusal(entry: object) -> tuple[int, tuple[str, ...]]:
    if not isinstance(entry, dict):
        raise NotUnderstood("with an error that names no object")
    named = {str(name).lower(): value for name, value in entry.items()}
    said = named.get("errormessages", named.get("errormessage"))
    texts = said if isinstance(said, list) else [] if said is None else [said]
    words = tuple(text for text in map(_text, texts) if text)
    return _place(named.get("recordindex")), words or UNEXPLAINED


def _place(value: object) -> int:
    """Return which object an error is about: a number, however it is written."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdecimal() and len(value) < 10:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise NotUnderstood("with an error that names no object")


def _text(said: object) -> str:
    text = said if isinstance(said, str) else orjson.dumps(said).decode()
    return words_of_others(text, TEXT_LIMIT)

"""The body of a dead letter as a person reads it. Pure."""

import re
from collections.abc import Mapping

import orjson
from pydantic import JsonValue, TypeAdapter

from mti.common.contracts.body import decompress
from mti.common.logs import redaction
from mti.common.secret_forms import MASK
from mti.operations.bus import DeadLetter

TEXT_LIMIT = 64 * 1024
"""Characters of a body that is not JSON that are shown."""

_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)
_GZIP = b"\x1f\x8b"
_CREDENTIAL = re.compile(
    r"authorization|pass(word|phrase)|secret|token|(access|app|shared|account|api).?key|credential",
    re.IGNORECASE,
)
"""Names under which strangers' messages might carry what must not be shown. None of our contracts has such a field."""


def body_bytes(letter: DeadLetter) -> bytes:
    """Return the body unpacked; as it is when it can't be unpacked."""
    data = letter.message.body
    if not data.startswith(_GZIP):
        return data
    try:
        return decompress(data)
    except ValueError:
        return data


def body_value(letter: DeadLetter) -> JsonValue:
    """Return the body as JSON data; as text when it is none, cut off after `TEXT_LIMIT` characters."""
    data = body_bytes(letter)
    document = document_in(data)
    return data[: 4 * TEXT_LIMIT].decode(errors="replace")[:TEXT_LIMIT] if document is None else document[0]


def document_in(data: bytes) -> tuple[JsonValue] | None:
    """Return the JSON document in a body; `None` when it is none, or nests deeper than can be written again."""
    try:
        document: JsonValue = orjson.loads(data)
        orjson.dumps(document)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
    return (document,)


def body_text(letter: DeadLetter) -> str:
    """Return the body as text to search in."""
    return body_bytes(letter).decode(errors="replace")


def masked(value: object, name: str = "") -> JsonValue:
    """Return JSON data without what must not be shown: known secrets, and what goes by a credential's name."""
    if _CREDENTIAL.search(name):
        return MASK
    if isinstance(value, str):
        return redaction.apply(value)
    if isinstance(value, Mapping):
        return {str(key): masked(item, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item) for item in value]
    return _JSON.validate_python(value)

"""What the adapters of the store have in common: how a body becomes text, and what no adapter takes.

A body is kept as text and not as the store's own notion of JSON, so that what is read is exactly what was written, on
every store: `1.0` stays `1.0`, and a whole number of any size keeps its digits.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import orjson
from pydantic import JsonValue

from mti.common.ports.store import Document

_STRICT: Final = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
_NULL: Final = b"null"


def body_to_text(body: Mapping[str, JsonValue]) -> str:
    """Return the body as compact JSON.

    Raises:
        ValueError: it holds a number that JSON has no words for (NaN, infinity).
    """
    try:
        text = orjson.dumps(body, option=_STRICT)
    except TypeError:  # a long number, or nothing that JSON has
        return _to_text(body)
    # It stands for what has no words, too.
    return _to_text(body) if _NULL in text else text.decode()


def body_from_text(text: str) -> dict[str, JsonValue]:
    """Return the body that `body_to_text` made the text of."""
    try:
        body: dict[str, JsonValue] = msgspec.json.decode(text)
    except msgspec.DecodeError:  # a number of more digits than it takes
        body = json.loads(text)
    return body


def _to_text(body: Mapping[str, JsonValue]) -> str:
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def check(documents: Sequence[Document]) -> None:
    """Refuse what would be stored differently on different stores.

    Raises:
        ValueError: a key is empty or named twice, or a time to live is not positive.
    """
    keys = {(document.partition, document.id) for document in documents}
    if len(keys) != len(documents):
        raise ValueError("a document is named twice in one write")
    if any(not partition or not id for partition, id in keys):
        raise ValueError("a document needs a partition and an id")
    if any(document.ttl is not None and document.ttl < 1 for document in documents):
        raise ValueError("a time to live is a second at least")

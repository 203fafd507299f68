"""How records are written into a chunk, and whether they come out of it as they went in.

What parsers take, write and take again differs: nesting, numbers beyond all bounds, halves of characters.
"""

from collections.abc import Sequence
from typing import Final, Protocol, TypeVar

import orjson
from pydantic import JsonValue, TypeAdapter
from typing_extensions import TypedDict

from mti.common.contracts.canonical import written
from mti.common.contracts.plain import PlainRecord, written_plain

R_contra = TypeVar("R_contra", contravariant=True)


class _Chunk(TypedDict):
    records: list[list[JsonValue]]


_AS_READ: Final = TypeAdapter(_Chunk)
"""How `PageChunk` reads its records, at the depth at which they stand there."""


class RecordForm(Protocol[R_contra]):
    """A form in which a page's reader has its records."""

    def written(self, part: Sequence[R_contra]) -> bytes | None:
        """Return records as a list in canonical JSON; `None` if they would not be read as they were sent."""
        ...

    def in_any_case(self, record: R_contra) -> bytes:
        """Return one record as canonical JSON, whatever is in it."""
        ...


class PlainForm:
    """Records in the plain form: they always travel."""

    def written(self, part: Sequence[PlainRecord]) -> bytes | None:
        """Return records as a list in canonical JSON."""
        return written_plain(list(part))

    def in_any_case(self, record: PlainRecord) -> bytes:
        """Return one record as canonical JSON."""
        return written_plain([record])[1:-1]


class TextForm:
    """Records that are lists of texts out of decoded bytes, which hold no half of a character: they always travel."""

    def written(self, part: Sequence[list[JsonValue]]) -> bytes | None:
        """Return records as a list in canonical JSON."""
        return orjson.dumps(part)

    def in_any_case(self, record: list[JsonValue]) -> bytes:
        """Return one record as canonical JSON."""
        return orjson.dumps(record)


class JsonForm:
    """Records of any JSON: what is written is read again and compared."""

    def written(self, part: Sequence[list[JsonValue]]) -> bytes | None:
        """Return records as a list in canonical JSON; `None` if they would not be read as they were sent."""
        try:
            data = orjson.dumps(part, option=orjson.OPT_SORT_KEYS)
            return data if _AS_READ.validate_json(b'{"records":%b}' % data)["records"] == part else None
        except (ValueError, TypeError, RecursionError):
            return None

    def in_any_case(self, record: list[JsonValue]) -> bytes:
        """Return one record as canonical JSON, however deep it nests."""
        return written(record)

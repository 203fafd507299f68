"""Recognises a feed file by its body and takes it apart. The Content-Type is not looked at: it is often wrong.

The format that arrives may be another than the one that was asked for; the body decides.
"""

import json
from collections.abc import Sequence

import orjson
from pydantic import JsonValue

from mti.common.registry.model import FeedFormat
from mti.fetcher.mimecast import stix, table
from mti.fetcher.mimecast.model import FeedFile, Record
from mti.fetcher.mimecast.refusals import unreadable

BOM = b"\xef\xbb\xbf"
_HEAD = 4096


def looks_like_json(body: bytes) -> bool:
    """Say whether the first character is one that a JSON object or list begins with."""
    return _head(body)[:1] in {b"{", b"["}


def looks_like_markup(body: bytes) -> bool:
    """Say whether it is a page for people: HTML or XML."""
    return _head(body).startswith(b"<")


def document_of(body: bytes) -> JsonValue:
    """Return the JSON in a body.

    One name with broken characters must not sink the page that it is on, so these become replacement characters.

    Raises:
        Retry: `UnreadablePage`.
    """
    data = body.removeprefix(BOM)
    try:
        return _json(data)
    except orjson.JSONDecodeError as error:
        try:
            mended = json.dumps(json.loads(data.decode("utf-8", "replace")), ensure_ascii=False)
            return _json(mended.encode("utf-8", "replace"))
        except (ValueError, RecursionError):
            raise unreadable("the page begins like JSON and is not: it may be cut short") from error


def stix_file(bundle: dict[str, JsonValue]) -> FeedFile:
    """Return the file of a STIX bundle.

    Raises:
        Retry: `UnreadablePage`, its `objects` is not a list.
    """
    objects = bundle.get("objects", [])
    if not isinstance(objects, list):
        raise unreadable("the page is a STIX bundle whose objects are not a list")
    return FeedFile(format=FeedFormat.STIX, records=stix.records_of(objects))


def csv_file(body: bytes, *, verified: bool) -> FeedFile:
    """Return the file of a CSV text.

    Args:
        body: the text, in UTF-8 with or without a byte order mark.
        verified: whether a checksum says that it is whole; else a last row that is cut off is looked for.

    Raises:
        Retry: `UnreadablePage`, the first line is no header, or the text ends inside a row.
    """
    text = body.decode("utf-8-sig", "replace")
    header = table.header_of(text)
    if header is None:
        raise unreadable("the page is neither a feed file nor one of Mimecast's errors")
    rows = table.rows_of(text, len(header))
    if not verified and table.cut_short(text, rows, len(header)):
        raise unreadable("the page is a CSV file that ends inside a row: it is cut short")
    return FeedFile(format=FeedFormat.CSV, records=rows, header=header)


def merged(files: Sequence[FeedFile]) -> list[FeedFile]:
    """Return the files with records, neighbours of the same form put together."""
    found: list[tuple[FeedFormat, Sequence[str], list[Record]]] = []
    for file in files:
        if not file.records:
            continue
        if found and found[-1][:2] == (file.format, file.header):
            found[-1][2].extend(file.records)
        else:
            found.append((file.format, file.header, list(file.records)))
    return [FeedFile(format=form, header=header, records=records) for form, header, records in found]


def _json(data: bytes) -> JsonValue:
    document: JsonValue = orjson.loads(data)
    return document


def _head(body: bytes) -> bytes:
    return body[:_HEAD].removeprefix(BOM).lstrip()

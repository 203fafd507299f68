"""Recognises a feed file by its body and takes it apart. The Content-Type is not looked at: it is often wrong.

The format that arrives may be another than the one that was asked for; the body decides.
"""

from collections.abc import Sequence

import orjson
from pydantic import JsonValue

from mti.common.contracts.plain import PlainRecords
from mti.common.feeds import FeedFormat
from mti.fetcher.mimecast import plain, salvage, stix, table
from mti.fetcher.mimecast.model import UNREAD_DETECTION, Aside, FeedFile, Record
from mti.fetcher.mimecast.refusals import partly_unreadable, unreadable

BOM = b"\xef\xbb\xbf"
_HEAD = 4096
_OBJECTS = b'"objects"'


def looks_like_json(body: bytes) -> bool:
    """Say whether the first character is one that a JSON object or list begins with."""
    return _head(body)[:1] in {b"{", b"["}


def looks_like_markup(body: bytes) -> bool:
    """Say whether it is a page for people: HTML or XML."""
    return _head(body).startswith(b"<")


def document_of(body: bytes) -> JsonValue:
    """Return the JSON in a body.

    One name with broken characters must not sink the page that it is on, so these become replacement characters; and in
    a bundle one object that can't be read at all is left as an `Unread`.

    Raises:
        Retry: `UnreadablePage`.
    """
    data = body.removeprefix(BOM)
    try:
        return _twice_named(data) or _json(data)
    except orjson.JSONDecodeError as error:
        try:
            return salvage.mended(data)
        except (ValueError, RecursionError):
            bundle = salvage.bundle_in(data)
            if bundle is not None:
                return bundle
            raise unreadable("the page begins like JSON and is not: it may be cut short") from error


def plain_file(body: bytes) -> FeedFile | None:
    """Return the file of a STIX bundle in the plain form; `None` for everything else, which `document_of` reads.

    It holds the same records as that way comes to, and takes a third of the time.
    """
    bundle = plain.bundle_in(body.removeprefix(BOM)) if body.count(_OBJECTS) == 1 else None
    return None if bundle is None else FeedFile(format=FeedFormat.STIX, records=plain.records_of(bundle))


def stix_file(bundle: dict[str, JsonValue]) -> FeedFile:
    """Return the file of a STIX bundle.

    Raises:
        Retry: `UnreadablePage`, its `objects` is not a list.
    """
    objects = bundle.get("objects")
    if objects is None:
        objects = []
    if not isinstance(objects, list):
        raise unreadable("the page is a STIX bundle whose objects are not a list")
    records: list[Record] = []
    aside: list[Aside] = []
    for record in stix.records_of(objects):
        texts = [part.text for part in record if isinstance(part, salvage.Unread)]
        if texts:
            aside.append(Aside(reason=UNREAD_DETECTION, fault="it holds an object that is no JSON", text=texts[0]))
        else:
            records.append(record)
    return FeedFile(format=FeedFormat.STIX, records=records, aside=aside)


def csv_file(body: bytes, *, verified: bool, accepted: str | None = None) -> FeedFile:
    """Return the file of a CSV text.

    Args:
        body: the text, in UTF-8 with or without a byte order mark.
        verified: whether a checksum says that it is whole; else a last row that is cut off is looked for.
        accepted: damage that was seen again and again (`PartlyUnreadable.damage`): a last row that is always so short
            is one.

    Raises:
        Retry: `UnreadablePage`, the first line is no header, or the text ends inside a row.
    """
    text = body.decode("utf-8-sig", "replace")
    header = table.header_of(text)
    if header is None:
        raise unreadable("the page is neither a feed file nor one of Mimecast's errors")
    rows = table.rows_of(text, len(header))
    if not verified and table.cut_short(text, rows, len(header)):
        error = partly_unreadable(["the page is a CSV file that ends inside a row: it may be cut short"], body)
        if error.damage != accepted:
            raise error
    return FeedFile(format=FeedFormat.CSV, records=rows, header=header)


def merged(files: Sequence[FeedFile]) -> list[FeedFile]:
    """Return the files that hold anything, neighbours of the same form put together."""
    found = [file for file in files if file.records or file.aside]
    if len(found) < 2:
        return found
    joined: list[tuple[FeedFormat, Sequence[str], list[Record], list[Aside]]] = []
    for file in found:
        records = file.records.as_json() if isinstance(file.records, PlainRecords) else file.records
        if joined and joined[-1][:2] == (file.format, file.header):
            joined[-1][2].extend(records)
            joined[-1][3].extend(file.aside)
        else:
            joined.append((file.format, file.header, list(records), list(file.aside)))
    return [
        FeedFile(format=form, header=header, records=records, aside=aside) for form, header, records, aside in joined
    ]


def _twice_named(data: bytes) -> JsonValue:
    """Return a bundle that names its `objects` twice, of which a parser would keep the last alone; else `None`."""
    if data.count(_OBJECTS) < 2:
        return None
    try:
        return salvage.merging_objects(data)
    except (ValueError, RecursionError):
        return None


def _json(data: bytes) -> JsonValue:
    document: JsonValue = orjson.loads(data)
    return document


def _head(body: bytes) -> bytes:
    return body[:_HEAD].removeprefix(BOM).lstrip()

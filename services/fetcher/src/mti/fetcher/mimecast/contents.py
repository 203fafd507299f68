"""What is in the body of a feed's answer: feed files, nothing, or what Mimecast says instead of them. Pure.

A part that can't be read (a member of an archive) does not sink the rest for ever: the page is asked for again, and
when the same damage has come again and again the rest is used and the part is set aside.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue

from mti.common.errors import Retry
from mti.fetcher.mimecast.archive import Member, bound_of, is_archive, members
from mti.fetcher.mimecast.encodings import GZIP, BrokenGzip, in_utf8, unwrapped
from mti.fetcher.mimecast.failures import Failure, failures_in
from mti.fetcher.mimecast.feed_files import (
    csv_file,
    document_of,
    looks_like_json,
    looks_like_markup,
    plain_file,
    stix_file,
)
from mti.fetcher.mimecast.model import UNREAD_MEMBER, Aside, FeedFile
from mti.fetcher.mimecast.refusals import partly_unreadable, unreadable

NESTED: Final = 2
"""How many archives may stand in each other."""

_FEED_NAMES = (".json", ".csv", ".stix")
_HASH = re.compile(rb"[0-9A-Fa-f]{32}")
_NAME_SHOWN = 80


@dataclass(slots=True)
class Content:
    """What a body holds."""

    files: list[FeedFile] = field(default_factory=list)
    """None when there is nothing to give."""
    failures: Sequence[Failure] = ()
    """What it says instead."""
    foreign: list[str] = field(default_factory=list)
    """The names of files in an archive that are no feed files and hold nothing that could be a detection."""


def content_of(body: bytes, limit: int, accepted: str | None = None) -> Content:
    """Read the body of a success.

    Args:
        body: as it came.
        limit: bytes that it may unpack to.
        accepted: damage that was seen again and again (`PartlyUnreadable.damage`): what has it is set aside.

    Raises:
        Retry: `UnreadablePage`; a `PartlyUnreadable` when the rest can be read.
        Pause: `PageTooLarge`.
    """
    return _Reader(bound_of(body, limit), accepted).read(body)


def failures_said(body: bytes) -> Sequence[Failure]:
    """Return the failures that the body of any endpoint's answer names; none when it is not Mimecast's."""
    if not looks_like_json(body):
        return ()
    try:
        return failures_in(document_of(body)) or ()
    except Retry:
        return ()


class _Reader:
    def __init__(self, take: Callable[[int], None], accepted: str | None) -> None:
        self._take = take
        self._accepted = accepted

    def read(self, body: bytes, nested: int = 0) -> Content:
        text = self._unwrapped(body)
        if not text.strip():
            return Content()
        if is_archive(text):
            if nested >= NESTED:
                raise unreadable("the page is an archive of archives of archives")
            return self._archive(text, nested)
        if looks_like_json(text):
            plain = plain_file(text)
            return _document(document_of(text)) if plain is None else Content([plain])
        if looks_like_markup(text):
            raise unreadable("a page of HTML came instead of a feed file")
        # The checksum of an archive or of gzip says that it is whole.
        whole = nested > 0 or body.startswith(GZIP)
        return Content([csv_file(text, verified=whole, accepted=self._accepted)])

    def _unwrapped(self, body: bytes) -> bytes:
        try:
            return unwrapped(body, self._take)
        except BrokenGzip as error:
            raise unreadable("the page is a gzip file that is damaged or cut short") from error

    def _archive(self, body: bytes, nested: int) -> Content:
        content = Content()
        damaged: list[Aside] = []
        empty = True
        for member in members(body, self._take):
            empty = False
            try:
                inner = self._member(member, nested)
            except Retry as error:
                if _is_foreign(member):
                    content.foreign.append(_quoted(member.name))
                    continue
                fault = member.fault or error.description.partition(";")[0]
                damaged.append(
                    Aside(
                        reason=UNREAD_MEMBER,
                        fault=f"the page's file {_quoted(member.name)}: {fault}",
                        text=member.content,
                    )
                )
                continue
            content.files += inner.files
            content.foreign += inner.foreign
        if damaged:
            self._set_aside(content, damaged)
        elif not (content.files or empty) and content.foreign:
            raise unreadable(f"the page's archive holds no feed file, but {content.foreign[0]}")
        return content

    def _member(self, member: Member, nested: int) -> Content:
        if member.fault is not None:
            raise unreadable(member.fault)
        inner = self.read(member.content, nested + 1)
        if any(not failure.nothing_to_give for failure in inner.failures):
            raise unreadable("it holds an error instead of a feed file")
        return inner

    def _set_aside(self, content: Content, damaged: Sequence[Aside]) -> None:
        if not content.files:
            raise unreadable(damaged[0].fault)
        error = partly_unreadable([part.fault for part in damaged])
        if error.damage != self._accepted:
            raise error
        content.files.append(FeedFile(format=content.files[0].format, records=(), aside=damaged))


def _document(document: JsonValue) -> Content:
    if isinstance(document, dict):
        if _is_bundle(document):
            return Content([stix_file(document)])
        failures = failures_in(document)
        if failures or _says_nothing(document):
            return Content(failures=failures or ())
    raise unreadable("the page is JSON that is neither a STIX bundle nor one of Mimecast's errors")


def _is_bundle(document: dict[str, JsonValue]) -> bool:
    return document.get("type") == "bundle" or ("type" not in document and isinstance(document.get("objects"), list))


def _says_nothing(document: dict[str, JsonValue]) -> bool:
    """Say whether an envelope holds neither data nor a failure, under a status that is none either."""
    meta = document.get("meta")
    status = meta.get("status", 200) if isinstance(meta, dict) else 200
    return str(status).startswith("2") and "data" in document and not document["data"] and not document.get("fail")


def _is_foreign(member: Member) -> bool:
    """Say whether a file that is no feed file can't be meant as one either: nothing in it could be a hash."""
    text = in_utf8(member.content)
    packed = text.startswith(GZIP) or is_archive(text)
    if member.fault is not None or packed or looks_like_markup(text) or _HASH.search(text):
        return False
    if not looks_like_json(text):
        return not member.name.lower().endswith(_FEED_NAMES)
    try:
        document = document_of(text)
    except Retry:
        return False
    return not (failures_in(document) or (isinstance(document, dict) and _is_bundle(document)))


def _quoted(name: str) -> str:
    return repr(name if len(name) <= _NAME_SHOWN else f"{name[:_NAME_SHOWN]}…")

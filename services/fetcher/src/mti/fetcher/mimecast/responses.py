"""What an answer of get-feed means: pure, from status, headers and body to a page or an error.

A status of 200 is not success: errors come under it too. And an answer that is neither a feed file nor one of
Mimecast's errors is a failure that is tried again, never the end of the feed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mti.common.errors import Retry
from mti.fetcher.mimecast.archive import is_archive, members
from mti.fetcher.mimecast.failures import Failure, failures_in
from mti.fetcher.mimecast.limits import free_in
from mti.fetcher.mimecast.model import Answer, FeedFile, FeedPage, FeedRequest
from mti.fetcher.mimecast.records import (
    csv_file,
    document_of,
    looks_like_json,
    looks_like_markup,
    merged,
    stix_file,
)
from mti.fetcher.mimecast.refusals import LATER, SERVER_ERROR, refused, unreadable

NEXT_TOKEN = "x-mc-threat-feed-next-token"  # noqa: S105  the name of a header

_UNMISTAKABLE = frozenset({401, 418, 429, *LATER})
"""Statuses that mean what they say, even on a page that a proxy wrote."""


@dataclass(frozen=True, slots=True)
class Failures:
    """What a body says instead of being a feed file; empty when it says nothing that can be read."""

    found: Sequence[Failure] = ()

    def nothing_to_give(self, *, compressed: bool) -> bool:
        """Say whether the feed is merely empty.

        Args:
            compressed: whether it came as a success of a request for an archive.
        """
        return bool(self.found) and all(
            failure.nothing_to_give or (compressed and failure.nothing_to_compress) for failure in self.found
        )


def page_of(answer: Answer, request: FeedRequest, now: datetime, unpacked_limit: int) -> FeedPage:
    """Return the page of an answer.

    Args:
        answer: to `request`.
        request: what was asked for; it says whether a token was sent.
        now: the time of the answer, for headers with a date.
        unpacked_limit: bytes that an archive may unpack to.

    Raises:
        Retry: the same page is to be asked for again.
        Pause: somebody has to do something first.
        TokenRefused: the window can't be continued.
    """
    wait = free_in(answer.headers, now, limited=answer.status == 429)
    success = 200 <= answer.status < 300
    content = _content(answer.body, unpacked_limit) if success else _failures_of(answer)
    if isinstance(content, Failures):
        if not content.nothing_to_give(compressed=success and request.compress):
            words = _without_token(content.found, request.token)
            raise refused(answer.status, words, free_in=wait, with_token=request.token is not None)
        content = []
    token = answer.headers.get(NEXT_TOKEN, "").strip() or None
    return FeedPage(files=merged(content), token=token, free_in=wait)


def failures_of(answer: Answer) -> Sequence[Failure]:
    """Return the failures that an answer of any endpoint names; none when its body is not Mimecast's."""
    if not looks_like_json(answer.body):
        return ()
    try:
        return failures_in(document_of(answer.body)) or ()
    except Retry:
        return ()


def _failures_of(answer: Answer) -> Failures:
    """Read an answer without success; a page of HTML is not Mimecast's word, so it settles nothing."""
    doubtful = answer.status < SERVER_ERROR and answer.status not in _UNMISTAKABLE
    if doubtful and looks_like_markup(answer.body):
        raise unreadable(f"a page of HTML came with status {answer.status}")
    return Failures(failures_of(answer))


def _content(body: bytes, unpacked_limit: int) -> list[FeedFile] | Failures:
    if is_archive(body):
        return [_member(member) for member in members(body, unpacked_limit) if member]
    if looks_like_json(body):
        return _document(body)
    if looks_like_markup(body):
        raise unreadable("a page of HTML came instead of a feed file")
    return [csv_file(body, verified=False)]


def _member(member: bytes) -> FeedFile:
    """Read a member of an archive, whose checksum says that it is whole."""
    if not looks_like_json(member):
        return csv_file(member, verified=True)
    content = _document(member)
    if isinstance(content, Failures):
        raise unreadable("the page's archive holds an error instead of a feed file")
    return content[0]


def _document(body: bytes) -> list[FeedFile] | Failures:
    document = document_of(body)
    if isinstance(document, dict) and document.get("type") == "bundle":
        return [stix_file(document)]
    failures = failures_in(document)
    if not failures:
        raise unreadable("the page is JSON that is neither a STIX bundle nor one of Mimecast's errors")
    return Failures(failures)


def _without_token(failures: Sequence[Failure], token: str | None) -> Sequence[Failure]:
    """Keep the token out of what will be logged, should Mimecast repeat it."""
    if token is None:
        return failures
    return [replace(failure, message=failure.message.replace(token, "(the token)")) for failure in failures]

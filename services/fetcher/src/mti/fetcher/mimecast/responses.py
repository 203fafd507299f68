"""What an answer of get-feed means: it is decoded, then judged. Pure, from status, headers and body to page or error.

A status of 200 is not success: errors come under it too. And an answer that is neither a feed file nor one of
Mimecast's errors is a failure that is tried again, never the end of the feed.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import httpx

from mti.common.waits import http_date
from mti.fetcher.mimecast.contents import Content, content_of, failures_said
from mti.fetcher.mimecast.failures import Failure
from mti.fetcher.mimecast.feed_files import looks_like_markup, merged
from mti.fetcher.mimecast.limits import free_in
from mti.fetcher.mimecast.model import Answer, FeedPage, FeedRequest
from mti.fetcher.mimecast.refusals import LATER, SERVER_ERROR, refused, unreadable

NEXT_TOKEN = "x-mc-threat-feed-next-token"  # noqa: S105  the name of a header

DATE_SLACK = timedelta(days=1)
_UNMISTAKABLE = frozenset({401, 418, 429, *LATER})
"""Statuses that mean what they say, even on a page that a proxy wrote."""


def decode(answer: Answer, unpacked_limit: int, accepted: str | None = None) -> Content:
    """Return what an answer says, whatever its status: feed files, nothing, or failures.

    Args:
        answer: of get-feed.
        unpacked_limit: bytes that an archive may unpack to.
        accepted: damage that the page was seen to have again and again (`PartlyUnreadable.damage`): the rest is used.

    Raises:
        Retry: `UnreadablePage`; a `PartlyUnreadable` when the rest can be read.
        Pause: `PageTooLarge`.
    """
    if answer.is_success:
        return content_of(answer.body, unpacked_limit, accepted)
    doubtful = answer.status < SERVER_ERROR and answer.status not in _UNMISTAKABLE
    if doubtful and looks_like_markup(answer.body):
        # A page of HTML is not Mimecast's word, so it settles nothing.
        raise unreadable(f"a page of HTML came with status {answer.status}")
    return Content(failures=failures_said(answer.body))


def judge(answer: Answer, content: Content, request: FeedRequest, now: datetime) -> FeedPage:
    """Return the page that an answer is.

    Args:
        answer: to `request`: its status and headers.
        content: what it says (`decode`).
        request: what was asked for; it says whether a token was sent.
        now: the time of the answer, for headers with a date.

    Raises:
        Retry: the same page is to be asked for again.
        Pause: somebody has to do something first.
        TokenRefused: the window can't be continued.
    """
    wait = free_in(answer.headers, now, limited=answer.status == 429)
    if not answer.is_success or content.failures:
        packed = answer.is_success and request.compress
        if not _nothing_to_give(content.failures, compressed=packed):
            words = _without_token(content.failures, request.token)
            raise refused(answer.status, words, free_in=wait, with_token=request.token is not None)
    return FeedPage(
        files=merged(content.files),
        token=answer.headers.get(NEXT_TOKEN, "").strip() or None,
        answered_at=_date_of(answer.headers, request),
        free_in=wait,
        foreign=content.foreign,
    )


def _nothing_to_give(failures: Sequence[Failure], *, compressed: bool) -> bool:
    """Say whether the feed is merely empty.

    Args:
        failures: what was said.
        compressed: whether it came as a success of a request for an archive.
    """
    return bool(failures) and all(
        failure.nothing_to_give or (compressed and failure.nothing_to_compress) for failure in failures
    )


def _date_of(headers: httpx.Headers, request: FeedRequest) -> datetime | None:
    """Return the time that an answer has by its sender's clock (RFC 9110, section 6.6.1).

    One that lies before the span of time that was asked for is no time of that answer, but a clock that is wrong.
    """
    moment = http_date(headers.get("Date", ""))
    return moment if moment is not None and moment >= request.start - DATE_SLACK else None


def _without_token(failures: Sequence[Failure], token: str | None) -> Sequence[Failure]:
    """Keep the token out of what will be logged, should Mimecast repeat it."""
    if token is None:
        return failures
    return [replace(failure, message=failure.message.replace(token, "(the token)")) for failure in failures]

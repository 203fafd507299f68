"""`POST /api/ttp/threat-intel/get-feed`, behind the authentication."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from aiohttp import web

from mti.simulators.faults import FaultPlan
from mti.simulators.feed import Feed
from mti.simulators.limits import RateBudget
from mti.simulators.mimecast.answers import Refused, envelope, no_data, no_result, unable_to_compress
from mti.simulators.mimecast.files import FeedFile, FileWriter, truncated, zip_bomb
from mti.simulators.mimecast.garbage import fit_for
from mti.simulators.mimecast.journal import FeedCall, Journal
from mti.simulators.mimecast.misbehaviour import Misbehaving, instead_of_answer
from mti.simulators.mimecast.paging import Cursor, PageTokens
from mti.simulators.mimecast.plan import Endpoint, MimecastFault, MimecastFaultKind
from mti.simulators.mimecast.query import FeedQuery, read_query
from mti.simulators.mimecast.rate_headers import limit_headers
from mti.simulators.mimecast.settings import Account, EmptyFeed, LastPage, LimitHeaders, MimecastSettings
from mti.simulators.times import in_millis, in_seconds


@dataclass(slots=True)
class _Call:
    """A request on its way through the endpoint."""

    request: web.Request
    account: Account
    query: FeedQuery
    cursor: Cursor
    fault: MimecastFault | None
    detections: int = 0
    status: int = 0

    def has(self, kind: MimecastFaultKind) -> bool:
        return self.fault is not None and self.fault.kind is kind


class FeedEndpoint:
    """Serves pages of feeds, well or badly."""

    def __init__(
        self,
        feeds: Mapping[str, Feed],
        settings: MimecastSettings,
        plan: FaultPlan[MimecastFault],
        journal: Journal,
        rng: Random,
    ) -> None:
        self._feeds = feeds
        self._settings = settings
        self._plan = plan
        self._journal = journal
        self._tokens = PageTokens(rng)
        self._writer = FileWriter(rng, settings)
        limit = settings.limit
        self._budget = None if limit is None else RateBudget(limit.calls, limit.seconds)

    async def serve(self, on: Misbehaving, request: web.Request, account: Account, now_ms: int) -> web.StreamResponse:
        """Answer an authenticated request; raises `Refused`."""
        query = read_query(await request.read(), account, now_ms, strict=self._settings.strict)
        source = account.source_of(query.feed_type)
        cursor = self._cursor(query, account, source, now_ms)
        fault = self._plan.draw(lambda rule: rule.fits(Endpoint.GET_FEED, account.id, source, cursor.page))
        call = _Call(request, account, query, cursor, fault)
        try:
            answer = await self._answer(on, call, now_ms)
            call.status = answer.status if request.transport and not request.transport.is_closing() else 0
            return answer
        finally:
            self._write_down(call, now_ms)

    def _cursor(self, query: FeedQuery, account: Account, source: str, now_ms: int) -> Cursor:
        if query.token is not None:
            return self._tokens.find(query.token, account.id, source)
        feed = self._feeds.get(source)
        if feed is None:
            raise Refused(404, "err_threat_intel_feed_unknown", "There is no such feed")
        window = feed.window(query.start_ms, query.end_ms, now_ms)
        return Cursor(account.id, source, window, 0, 1)

    async def _answer(self, on: Misbehaving, call: _Call, now_ms: int) -> web.StreamResponse:
        badly = await instead_of_answer(on, call.request, call.fault, call.account.id)
        if badly is not None:
            return badly
        told, allowed = self._limit_headers(call.account.id, now_ms)
        if not allowed:
            limited = envelope(429, "err_rate_limit", "Too many requests", retryable=True)
            limited.headers.update(told)
            return limited
        if call.fault is not None and call.has(MimecastFaultKind.SLOW):
            await on.wait(call.fault.seconds)
        return self._empty(call, told) or await self._page(on, call, told)

    def _size(self, call: _Call) -> int:
        return self._feeds[call.cursor.feed].spec.page_size or self._settings.page_size

    def _empty(self, call: _Call, headers: dict[str, str]) -> web.StreamResponse | None:
        """Return how a page without detections is answered, unless it is by a file."""
        size, habit = self._size(call), self._settings.empty
        if call.cursor.cut(size) or habit is EmptyFeed.FILE:
            return None
        if habit is EmptyFeed.NOTHING:
            answer = web.Response()
        elif habit is EmptyFeed.NO_DATA:
            answer = no_data()
        elif habit is EmptyFeed.UNABLE_TO_COMPRESS and call.query.compress:
            answer = unable_to_compress()
        else:
            answer = no_result()
        answer.headers.update({**headers, **self._token_header(call, size)})
        return answer

    def _limit_headers(self, account: str, now_ms: int) -> tuple[dict[str, str], bool]:
        limit = self._settings.limit
        if limit is None or self._budget is None:
            return {}, True
        taken = self._budget.take(account, now_ms)
        shown = limit.headers is LimitHeaders.ALWAYS or (limit.headers is LimitHeaders.LIMITED and not taken.allowed)
        told = {}
        if shown:
            told = limit_headers(
                remaining=taken.remaining,
                free_in_ms=taken.free_in_ms,
                now_ms=now_ms,
                limit=limit.calls,
                dashed=limit.dashed,
                form=limit.reset,
            )
        if limit.retry_after and not taken.allowed:
            told["Retry-After"] = str(-(-taken.free_in_ms // 1000))
        return told, taken.allowed

    async def _page(self, on: Misbehaving, call: _Call, headers: dict[str, str]) -> web.StreamResponse:
        size = self._size(call)
        file = await self._file(call, size)
        content_type = self._settings.content_type or file.content_type
        headers = {**headers, **self._token_header(call, size), "Content-Type": content_type}
        if call.has(MimecastFaultKind.BROKEN_OFF):
            return await _break_off(on, call.request, file.body, headers)
        body = truncated(file) if call.has(MimecastFaultKind.TRUNCATED) else file.body
        return web.Response(body=body, headers=headers)

    async def _file(self, call: _Call, size: int) -> FeedFile:
        query, fault = call.query, call.fault
        if fault is not None and fault.kind is MimecastFaultKind.ZIP_BOMB:
            body = await asyncio.to_thread(zip_bomb, fault.size, "json" if query.file_type == "stix" else "csv")
            return FeedFile(body, "application/octet-stream")
        detections = call.cursor.cut(size)
        garbage = []
        if fault is not None and fault.kind is MimecastFaultKind.GARBAGE:
            garbage = fit_for(query.file_type, fault.garbage)
            self._journal.feed(call.cursor.feed).update(f"garbage {kind}" for kind in garbage)
        if not (call.has(MimecastFaultKind.TRUNCATED) or call.has(MimecastFaultKind.BROKEN_OFF)):
            call.detections = len(detections)
        form = self._feeds[call.cursor.feed].spec.csv
        odd = fault.odd if fault is not None and call.has(MimecastFaultKind.ODD) else ()
        broken = call.has(MimecastFaultKind.BROKEN_MEMBER)
        return self._writer.write(
            detections, query.file_type, form, compress=query.compress, garbage=garbage, odd=odd, broken=broken
        )

    def _token_header(self, call: _Call, size: int) -> dict[str, str]:
        token = self._next_token(call, size)
        return {} if token is None else {self._tokens.header_name(): token}

    def _next_token(self, call: _Call, size: int) -> str | None:
        if call.has(MimecastFaultKind.TOKEN_VANISHES):
            return None
        if call.has(MimecastFaultKind.TOKEN_LOOP):
            return call.query.token or self._tokens.issue(call.cursor)
        following = call.cursor.next(size) or self._beyond_the_last(call.cursor, size)
        if following is None:
            return None
        if following.offset == call.cursor.offset and self._settings.last_page is LastPage.EMPTY_SAME_TOKEN:
            return call.query.token or self._tokens.issue(following)
        return self._tokens.issue(following)

    def _beyond_the_last(self, cursor: Cursor, size: int) -> Cursor | None:
        """Return the empty place where a window ends, if there is one and a token leads there."""
        habit = self._settings.last_page
        if habit is LastPage.NO_TOKEN or (habit is LastPage.EMPTY and not cursor.cut(size)):
            return None
        return cursor.after(size)

    def _write_down(self, call: _Call, now_ms: int) -> None:
        query = call.query
        self._journal.add(
            FeedCall(
                at=in_millis(now_ms),
                account=call.account.id,
                feed=call.cursor.feed,
                page=call.cursor.page,
                start=in_seconds(query.start_ms),
                end=in_seconds(query.end_ms),
                status=call.status,
                detections=call.detections,
                fault=None if call.fault is None else call.fault.kind,
            )
        )


async def _break_off(on: Misbehaving, request: web.Request, body: bytes, headers: dict[str, str]) -> web.StreamResponse:
    answer = web.StreamResponse(headers=headers)
    answer.content_length = len(body)
    await answer.prepare(request)
    await answer.write(body[: len(body) // 2])
    on.drop(request)
    return answer

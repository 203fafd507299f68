"""A Cosmos DB account whose way is bad: an HTTP proxy before the protocol server that throttles, refuses and loses.

What it does to a request follows from its seed and the order of the requests, by these rates. Only requests about
documents are hurt: what the SDK asks of the account and of containers has its answers in the store's contract.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum

import aiohttp
from aiohttp import web

THROTTLED_MILLISECONDS = 120
_HOPS = frozenset({"connection", "content-encoding", "content-length", "host", "keep-alive", "transfer-encoding"})


class Fault(StrEnum):
    """What may befall a request."""

    THROTTLED = "429"
    """Over the budget of request units; the answer says when to come again."""
    CONFLICT = "412"
    """Another version than the one that was read, or so it says: only replacements ask."""
    BEHIND = "404/1002"
    """A replica that has not seen what the session has."""
    UNAVAILABLE = "503"
    """The service is not available."""
    LOST = "lost"
    """The request is done, and its answer never comes: the connection ends."""


_REFUSALS: Mapping[Fault, tuple[int, int]] = {
    Fault.THROTTLED: (429, 3200),
    Fault.CONFLICT: (412, 0),
    Fault.BEHIND: (404, 1002),
    Fault.UNAVAILABLE: (503, 0),
}


class FaultyAccount:
    """Stands between clients and an account.

    Attributes:
        address: of the account by way of this proxy, with no slash at its end.
        rates: of each fault, of all requests about documents that it can befall; it may be changed at any time.
        coming: faults that befall the next requests, one each, before the rates have their turn.
        injected: how often each fault befell a request.
        passed: requests about documents that were left alone.
        hurried: throttled writes that came again before they were told to.
        writes_at_once: the most that were ever in hand.
    """

    def __init__(self, upstream: str, rates: Mapping[Fault, float], seed: int) -> None:
        self.address = ""
        self.rates = dict(rates)
        self.coming: list[Fault] = []
        self.injected: Counter[Fault] = Counter()
        self.passed = 0
        self.hurried = 0
        self.writes_at_once = 0
        self._upstream = upstream.rstrip("/")
        self._rng = random.Random(seed)
        self._writing = 0
        self._not_before: dict[tuple[str, str, bytes], float] = {}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=False, limit=0), auto_decompress=True, raise_for_status=False
        )

    async def close(self) -> None:
        await self._session.close()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if "/docs" not in request.path:
            return await self._forwarded(request, body)
        writes = _writes(request)
        self._writing += writes
        self.writes_at_once = max(self.writes_at_once, self._writing)
        try:
            return await self._hurt(request, body, writes=writes)
        finally:
            self._writing -= writes

    async def _hurt(self, request: web.Request, body: bytes, *, writes: bool) -> web.StreamResponse:
        key = (request.method, request.path, body)
        if writes and time.monotonic() < self._not_before.pop(key, 0.0):
            self.hurried += 1
        fault = self._next(contended="If-Match" in request.headers)
        if fault is None:
            self.passed += 1
            return await self._forwarded(request, body)
        self.injected[fault] += 1
        if fault is Fault.LOST:
            await self._forwarded(request, body)
            if request.transport is not None:  # whoever asked may have been killed meanwhile
                request.transport.abort()
            return web.Response(status=500)
        if fault is Fault.THROTTLED and writes:
            # A part of a millisecond is the event loop's.
            self._not_before[key] = time.monotonic() + (THROTTLED_MILLISECONDS - 2) / 1000
        status, substatus = _REFUSALS[fault]
        headers = {"x-ms-substatus": str(substatus), "x-ms-request-charge": "0"}
        if fault is Fault.THROTTLED:
            headers["x-ms-retry-after-ms"] = str(THROTTLED_MILLISECONDS)
        return web.json_response({"code": "Refused", "message": "no"}, status=status, headers=headers)

    def _next(self, *, contended: bool) -> Fault | None:
        if self.coming:
            return self.coming.pop(0)
        drawn = self._rng.random()
        for fault, rate in self.rates.items():
            if fault is Fault.CONFLICT and not contended:
                continue
            if drawn < rate:
                return fault
            drawn -= rate
        return None

    async def _forwarded(self, request: web.Request, body: bytes) -> web.Response:
        async with self._session.request(
            request.method,
            f"{self._upstream}{request.path_qs}",
            data=body,
            headers={name: value for name, value in request.headers.items() if name.lower() not in _HOPS},
        ) as answer:
            headers = {name: value for name, value in answer.headers.items() if name.lower() not in _HOPS}
            found = await answer.read()
            if request.path == "/":
                # The account says where its regions are: here.
                found = found.replace(self._upstream.encode(), self.address.encode())
            return web.Response(status=answer.status, headers=headers, body=found)


def _writes(request: web.Request) -> bool:
    return request.method in {"PUT", "DELETE"} or (
        request.method == "POST" and request.headers.get("x-ms-documentdb-isquery", "").lower() != "true"
    )


@asynccontextmanager
async def faulty_account(upstream: str, rates: Mapping[Fault, float], *, seed: int) -> AsyncIterator[FaultyAccount]:
    """Run a proxy before an account on this machine."""
    account = FaultyAccount(upstream, rates, seed)
    application = web.Application(client_max_size=8 * 1024 * 1024)
    application.router.add_route("*", "/{path:.*}", account.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    account.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield account
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await runner.cleanup()
        await account.close()
